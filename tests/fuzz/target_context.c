/* SPDX-License-Identifier: BSD-2-Clause
 * Fuzz target: files of contexts. Whatever the bytes, opening, loading and running end with a
 * sentence or a context; one whose checksums hold is written again and must come back as the same:
 * names, parameters, weights, and the bits of a result. */
#include <stdlib.h>
#include <string.h>

#include "conv2d/conv2d.h"
#include "fuzz.h"

enum { CONTEXTS_MAX = 4, SIDE_MAX = 40, ELEMENTS_MAX = 1 << 13, TAPS_MAX = 1 << 12 };

static conv2d_device *device;

static bool open_device(void)
{
    if (device || fuzz_starved())
        return device != NULL;
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    options.n_threads = 1;
    options.isa = "generic"; /* the same stored forms fit on every machine */
    const conv2d_status s = conv2d_device_open("cpu", &options, &device);
    fuzz_check(s == CONV2D_OK || fuzz_starved(), conv2d_last_error());
    return s == CONV2D_OK;
}

/* Refusals have a sentence; true for none. */
static bool went_well(conv2d_status s)
{
    fuzz_check(s == CONV2D_OK || conv2d_last_error()[0], "refused without a sentence");
    return s == CONV2D_OK;
}

/* ---- a run ----------------------------------------------------------------------------------- */

/* Tensors of one run; data from malloc. */
typedef struct tensors {
    conv2d_tensor input, output;
    size_t output_bytes;
} tensors;

/* The smallest input that the parameters allow along an axis; false if it is not small. */
static bool side(const conv2d_params *q, int axis, int64_t k, int64_t *out)
{
    const int64_t dilation = q->dilation[axis];
    if (k < 1 || k > SIDE_MAX || dilation > SIDE_MAX)
        return false;
    int64_t size = dilation * (k - 1) + 1;
    for (int i = axis; i < 4; i += 2)
        if (q->padding[i] + 1 > size) /* the other modes reach that far into the input */
            size = q->padding[i] + 1;
    *out = size;
    return size <= SIDE_MAX;
}

static conv2d_tensor dense(int32_t dtype, int64_t c, int64_t h, int64_t w)
{
    conv2d_tensor t = CONV2D_TENSOR_INIT;
    t.dtype = dtype;
    t.rank = 3;
    t.sizes[0] = c;
    t.sizes[1] = h;
    t.sizes[2] = w;
    conv2d_tensor_set_order(&t, CONV2D_NCHW);
    return t;
}

/* Descriptions for a small run of the context; false if there is none. */
static bool describe(const conv2d_context_info *info, tensors *out)
{
    const int64_t *k = info->weight.sizes;
    int64_t h, w, sizes[4];
    if (!side(&info->params, 0, k[2], &h) || !side(&info->params, 1, k[3], &w) || k[1] < 1 ||
        k[1] > ELEMENTS_MAX || info->params.groups > ELEMENTS_MAX ||
        k[1] * k[2] * k[3] > TAPS_MAX || k[1] * info->params.groups * h * w > ELEMENTS_MAX)
        return false;
    out->input = dense(info->weight.dtype, k[1] * info->params.groups, h, w);
    if (!went_well(conv2d_output_sizes(&out->input, &info->weight, &info->params, sizes)) ||
        sizes[0] > ELEMENTS_MAX || sizes[1] > SIDE_MAX || sizes[2] > SIDE_MAX ||
        sizes[0] * sizes[1] * sizes[2] > ELEMENTS_MAX)
        return false;
    out->output = dense(info->weight.dtype, sizes[0], sizes[1], sizes[2]);
    out->output_bytes =
        (size_t)(sizes[0] * sizes[1] * sizes[2]) * conv2d_dtype_bytes(out->output.dtype);
    return true;
}

/* Run the context on data that are the same each time. The result, given (free), or NULL. */
static unsigned char *run(conv2d_context *context, const tensors *t)
{
    tensors own = *t;
    const size_t n = (size_t)(t->input.sizes[0] * t->input.sizes[1] * t->input.sizes[2]);
    const size_t element = conv2d_dtype_bytes(t->input.dtype);
    unsigned char *input = calloc(n, element), *output = malloc(t->output_bytes + 1);
    bool is_run = false;
    if (input && output) {
        for (size_t i = 0; i < n; i++) /* exponents near 1, whatever the type */
            input[i * element + element - 1] = 0x3F;
        memset(output, 0xA5, t->output_bytes + 1);
        own.input.data = input;
        own.output.data = output;
        conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
        args.input = &own.input;
        args.output = &own.output;
        is_run = went_well(conv2d_run(context, &args));
        for (size_t i = is_run ? t->output_bytes : 0; i <= t->output_bytes; i++)
            fuzz_check(output[i] == 0xA5, "a byte was written that should not be");
    }
    free(input);
    if (is_run)
        return output;
    free(output);
    return NULL;
}

/* ---- again ----------------------------------------------------------------------------------- */

typedef struct sink {
    unsigned char *bytes;
    size_t n, room;
} sink;

static int take_bytes(void *user, const void *bytes, size_t n)
{
    sink *s = user;
    if (n > s->room - s->n)
        return 1;
    memcpy(s->bytes + s->n, bytes, n);
    s->n += n;
    return 0;
}

static bool same_info(const conv2d_context_info *a, const conv2d_context_info *b)
{
    const char *x = a->params.algorithm, *y = b->params.algorithm;
    conv2d_params p = a->params, q = b->params;
    p.algorithm = q.algorithm = NULL;
    p.weights = q.weights = 0;
    return a->weight.dtype == b->weight.dtype && a->bias.rank == b->bias.rank &&
           memcmp(a->weight.sizes, b->weight.sizes, sizeof a->weight.sizes) == 0 &&
           memcmp(&p, &q, sizeof p) == 0 && !x == !y && (!x || strcmp(x, y) == 0);
}

/* Write the context under its name, open that, and compare. */
static void write_again(conv2d_context *context, const char *name, const tensors *t,
                        const unsigned char *result)
{
    enum { ROOM = 1 << 20 };
    sink s = {aligned_alloc(64, ROOM), 0, ROOM};
    conv2d_file *file = NULL;
    conv2d_context *again = NULL;
    conv2d_context_info a = CONV2D_CONTEXT_INFO_INIT, b = CONV2D_CONTEXT_INFO_INIT;
    /* A form whose own checksum is wrong may stop the writing, but not after a run that used it. */
    if (s.bytes && went_well(conv2d_contexts_write(1, &context, &name, take_bytes, &s, NULL))) {
        const bool ok = went_well(conv2d_file_open_memory(s.bytes, s.n, NULL, &file)) &&
                        went_well(conv2d_file_context(file, device, name, &again));
        fuzz_check(ok || fuzz_starved(), conv2d_last_error());
    }
    if (again) {
        fuzz_check(conv2d_context_get_info(context, &a) == CONV2D_OK &&
                       conv2d_context_get_info(again, &b) == CONV2D_OK,
                   conv2d_last_error());
        fuzz_check(same_info(&a, &b), "saved and loaded it is another context");
        unsigned char *second = run(again, t);
        fuzz_check(second || fuzz_starved(), conv2d_last_error());
        if (second)
            fuzz_check(memcmp(result, second, t->output_bytes) == 0, "and gives another result");
        free(second);
    }
    conv2d_file_close(file);
    conv2d_context_destroy(again);
    free(s.bytes);
}

static void use(conv2d_context *context, const char *name, bool is_checked)
{
    conv2d_context_info info = CONV2D_CONTEXT_INFO_INIT;
    tensors t;
    fuzz_check(conv2d_context_get_info(context, &info) == CONV2D_OK, conv2d_last_error());
    fuzz_check(info.weight.rank == 4 && (info.bias.rank == 0 || info.bias.rank == 1),
               "a context without weights");
    if (!describe(&info, &t))
        return;
    unsigned char *result = run(context, &t);
    if (result && is_checked)
        write_again(context, name, &t, result);
    free(result);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (!open_device())
        return 0;
    const unsigned choice = fuzz_choice(bytes, n, 8);
    conv2d_load_options options = CONV2D_LOAD_OPTIONS_INIT;
    options.skip_checksums = choice == 0;
    options.read = choice == 1; /* else the bytes are used in place, where they lie right */
    unsigned char *own = NULL;
    if (!options.read && (own = aligned_alloc(64, n / 64 * 64 + 64)) != NULL)
        memcpy(own, bytes, n);
    conv2d_file *file = NULL;
    const conv2d_status s = conv2d_file_open_memory(own ? own : bytes, n, &options, &file);
    if (went_well(s)) {
        const int count = conv2d_file_count(file);
        fuzz_check(count >= 0 && !conv2d_file_name(file, count), "names beyond the count");
        for (int i = 0; i < count && i < CONTEXTS_MAX; i++) {
            const char *name = conv2d_file_name(file, i);
            conv2d_context *context = NULL;
            fuzz_check(name && name[0], "a context without a name");
            if (went_well(conv2d_file_context(file, device, name, &context)))
                use(context, name, !options.skip_checksums);
            conv2d_context_destroy(context);
        }
        conv2d_file_close(file);
    } else {
        fuzz_check(!file, "a file in spite of the failure");
    }
    free(own);
    return 0;
}
