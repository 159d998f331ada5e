/* SPDX-License-Identifier: BSD-2-Clause
 * Whole layers in the library's own tensors, larger than random problems are: numbers for them, and
 * runs on so many threads. Of programs with one source. */
#ifndef TEST_DIFFERENTIAL_WHOLE_LAYER_H
#define TEST_DIFFERENTIAL_WHOLE_LAYER_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "conv2d/conv2d.h"

static int failures;

static void expect(bool ok, const char *what, const char *text)
{
    if (!ok) {
        printf("FAIL %s: %s: %s\n", text, what, conv2d_last_error());
        failures++;
    }
}

static size_t elements(const conv2d_tensor *t)
{
    size_t n = 1;
    for (int i = 0; i < t->rank; i++)
        n *= (size_t)t->sizes[i];
    return n;
}

/* Numbers in [-1, 1). */
static float *filled(size_t n)
{
    float *data = malloc(n * sizeof *data);
    if (!data)
        exit(2);
    unsigned state = 1;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        data[i] = (float)(state >> 8) * 0x1p-23f - 1;
    }
    return data;
}

/* The plan's run on so many threads into p->output, with a bias where there are data of one; bytes
 * of workspace that all workers share. */
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
    const conv2d_tensor *bias = p->bias.data ? &p->bias : NULL;
    expect(conv2d_device_open("cpu", &options, &device) == CONV2D_OK &&
               conv2d_prepack(device, &p->weight, bias, &p->params, &context) == CONV2D_OK &&
               conv2d_plan_create(context, &p->input, NULL, &p->output, &plan) == CONV2D_OK &&
               conv2d_plan_describe(plan, &info) == CONV2D_OK &&
               conv2d_plan_run(plan, &args) == CONV2D_OK,
           "run", text);
    conv2d_plan_destroy(plan);
    conv2d_context_destroy(context);
    conv2d_device_close(device);
    return info.workspace_shared_bytes;
}

#endif
