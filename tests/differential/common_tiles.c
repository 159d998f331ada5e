/* SPDX-License-Identifier: BSD-2-Clause
 * Winograd whose transforms all workers read: no random problem has so many channels. Plans of
 * several threads make them in tasks of their own and get the bits of one thread. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conv2d/conv2d.h"

static int failures;

static void expect(bool ok, const char *what, const char *text)
{
    if (!ok) {
        printf("FAIL %s: %s: %s\n", text, what, conv2d_last_error());
        failures++;
    }
}

/* Numbers in [-1, 1). */
static float *filled(const conv2d_tensor *t, size_t *bytes_out)
{
    size_t n = 1;
    for (int i = 0; i < t->rank; i++)
        n *= (size_t)t->sizes[i];
    float *data = malloc(n * sizeof *data);
    if (!data)
        exit(2);
    unsigned state = 1;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        data[i] = (float)(state >> 8) * 0x1p-23f - 1;
    }
    *bytes_out = n * sizeof *data;
    return data;
}

/* The plan's run on so many threads into p->output; bytes of workspace that all workers share. */
static size_t run(const char *text, conv2d_problem *p, int threads)
{
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    options.n_threads = threads;
    conv2d_device *device = NULL;
    conv2d_context *context = NULL;
    conv2d_plan *plan = NULL;
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    args.input = &p->input;
    args.output = &p->output;
    expect(conv2d_device_open("cpu", &options, &device) == CONV2D_OK &&
               conv2d_prepack(device, &p->weight, NULL, &p->params, &context) == CONV2D_OK &&
               conv2d_plan_create(context, &p->input, NULL, &p->output, &plan) == CONV2D_OK &&
               conv2d_plan_describe(plan, &info) == CONV2D_OK &&
               conv2d_plan_run(plan, &args) == CONV2D_OK,
           "run", text);
    conv2d_plan_destroy(plan);
    conv2d_context_destroy(context);
    conv2d_device_close(device);
    return info.workspace_shared_bytes;
}

static void check(const char *text, const char *algorithm)
{
    conv2d_problem p;
    expect(conv2d_problem_parse(text, &p) == CONV2D_OK, "problem", text);
    size_t bytes;
    float *input = filled(&p.input, &bytes), *weight = filled(&p.weight, &bytes);
    float *one = filled(&p.output, &bytes), *several = filled(&p.output, &bytes);
    p.params.algorithm = algorithm;
    p.input.data = input;
    p.weight.data = weight;
    p.output.data = one;
    expect(run(text, &p, 1) == 0, "shared on one thread", text);
    size_t shared = 0;
    p.output.data = several;
    for (int threads = 2; threads <= 4; threads++) {
        memset(several, 0xff, bytes);
        shared += run(text, &p, threads);
        expect(memcmp(one, several, bytes) == 0, "other bits", text);
    }
    expect(shared > 0, "nothing shared", text);
    free(input);
    free(weight);
    free(one);
    free(several);
}

int main(void)
{
    check("ic1024ih14oc64kh3ph1", "split3_f4x3");
    check("ic2050ih13oc70kh3ph1:in=nhwc:out=nhwc", "split3_f4x3");
    check("ic2048ih12oc64kh3ph1:in=nhwc:out=nchw", "split3_f2x3");
    check("mb2ic700ih15oc64oh7kh3sh2", "split3_f2x3");
    printf("common_tiles: %d failures\n", failures);
    return failures ? 1 : 0;
}
