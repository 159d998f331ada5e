/* SPDX-License-Identifier: BSD-2-Clause
 * What the tests of context files share: a context with its operands, one run of it, names of files
 * that are removed again, and files in memory. */
#ifndef TEST_API_FILE_HELPERS_H
#define TEST_API_FILE_HELPERS_H

#include <unistd.h>

#include "helpers.h"

/* A convolution: weights, parameters and one input for it. */
typedef struct setup {
    box weight, bias, input;
    bool has_bias;
    conv2d_params params;
} setup;

static inline setup setup_of(int32_t dtype, int64_t oc, int64_t icg, int64_t k, int64_t groups,
                             int64_t size)
{
    setup s = {.has_bias = true, .params = CONV2D_PARAMS_INIT};
    s.weight = box_of(dtype, CONV2D_NCHW, 4, (const int64_t[]){oc, icg, k, k}, 11);
    s.bias = box_of(dtype, CONV2D_NCHW, 1, (const int64_t[]){oc}, 12);
    s.input = box_of(dtype, CONV2D_NCHW, 4, (const int64_t[]){2, icg * groups, size, size + 1}, 13);
    s.params.groups = groups;
    return s;
}

static inline void setup_free(setup *s)
{
    box_free(&s->weight);
    box_free(&s->bias);
    box_free(&s->input);
}

static inline conv2d_context *setup_context(const setup *s, conv2d_device *device)
{
    conv2d_context *c = NULL;
    assert_ok(
        conv2d_prepack(device, &s->weight.t, s->has_bias ? &s->bias.t : NULL, &s->params, &c));
    return c;
}

/* The output of one run; free with box_free(). */
static inline box setup_run(const setup *s, conv2d_context *context)
{
    int64_t sizes[4];
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    assert_ok(conv2d_output_sizes(&s->input.t, &s->weight.t, &s->params, sizes));
    box output = box_of(s->input.t.dtype, CONV2D_NCHW, 4, sizes, 14);
    box_poison(&output);
    args.input = &s->input.t;
    args.output = &output.t;
    assert_ok(conv2d_run(context, &args));
    return output;
}

static inline void assert_same_bits(const box *a, const box *b)
{
    assert_int_equal(a->bytes, b->bytes);
    assert_memory_equal(a->memory, b->memory, a->bytes);
}

/* Save options with the setup's input. */
static inline conv2d_save_options setup_options(const setup *s, const char *isas)
{
    conv2d_save_options o = CONV2D_SAVE_OPTIONS_INIT;
    o.n_inputs = 1;
    o.inputs = &s->input.t;
    o.isas = isas;
    return o;
}

static inline conv2d_context_info info_of(const conv2d_context *context)
{
    conv2d_context_info info = CONV2D_CONTEXT_INFO_INIT;
    assert_ok(conv2d_context_get_info(context, &info));
    return info;
}

/* A file name of this process, in the working directory. */
static inline const char *temporary_path(const char *what)
{
    static char paths[8][80];
    static int turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof paths[0], "test-%ld-%s.conv2d", (long)getpid(), what);
    return path;
}

/* A file in memory that is 64-byte aligned. */
typedef struct bytes {
    unsigned char *at;
    size_t n, room;
} bytes;

static inline int bytes_write(void *user, const void *from, size_t n)
{
    bytes *b = user;
    if (b->n + n > b->room) {
        b->room = (b->n + n) * 2;
        unsigned char *moved = aligned_alloc(64, (b->room + 63) / 64 * 64);
        assert_non_null(moved);
        if (b->n)
            memcpy(moved, b->at, b->n);
        free(b->at);
        b->at = moved;
    }
    memcpy(b->at + b->n, from, n);
    b->n += n;
    return 0;
}

static inline bytes bytes_of(conv2d_context *context, const conv2d_save_options *options)
{
    bytes b = {NULL, 0, 0};
    assert_ok(conv2d_contexts_write(1, &context, NULL, bytes_write, &b, options));
    return b;
}

#endif
