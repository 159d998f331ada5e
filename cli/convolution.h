/* SPDX-License-Identifier: BSD-2-Clause
 * One convolution with its data, and a plan that runs it and takes the time. */
#ifndef CLI_CONVOLUTION_H
#define CLI_CONVOLUTION_H

#include "cli.h"
#include "tensor.h"

typedef struct cli_convolution {
    cli_tensor input, weight, bias, residual, output; /* bias, residual: rank 0 = absent */
    conv2d_params params;
    uint32_t weights_form; /* as the problem's */
} cli_convolution;
#define CLI_CONVOLUTION_INIT                                                                       \
    {CLI_TENSOR_INIT, CLI_TENSOR_INIT, CLI_TENSOR_INIT, CLI_TENSOR_INIT, CLI_TENSOR_INIT,          \
     CONV2D_PARAMS_INIT, CONV2D_WEIGHTS_ANY}

void convolution_free(cli_convolution *c);

/* Storage for every tensor of a problem, with the problem's strides; params.algorithm is kept as a
 * pointer into the problem. */
bool convolution_make(const conv2d_problem *problem, cli_convolution *out, cli_error *error);

/* Fill input, weight, bias, residual: tensor_fill(). */
void convolution_fill(cli_convolution *c, uint64_t seed, int64_t limit);

/* A tensor in a buffer of a device that does not read host memory. */
typedef struct cli_staged {
    conv2d_tensor *host; /* NULL: absent */
    conv2d_tensor t;
    conv2d_buffer *buffer; /* owned */
} cli_staged;

typedef struct cli_plan {
    conv2d_context *context;
    conv2d_plan *plan;
    conv2d_plan_info info;
    conv2d_run_args args;
    conv2d_device *device; /* NULL: runs use host memory, nothing is staged */
    cli_staged input, residual, output;
} cli_plan;
#define CLI_STAGED_INIT {NULL, CONV2D_TENSOR_INIT, NULL}
#define CLI_PLAN_INIT                                                                              \
    {NULL, NULL, CONV2D_PLAN_INFO_INIT, CONV2D_RUN_ARGS_INIT, NULL, CLI_STAGED_INIT,               \
     CLI_STAGED_INIT, CLI_STAGED_INIT}

/* Weights are borrowed: c must outlive the plan. The plan stays where it is. */
bool plan_open(conv2d_device *device, cli_convolution *c, cli_plan *out, cli_error *error);
/* The same with a context of that device that has the weights (borrowed). */
bool plan_open_context(conv2d_device *device, conv2d_context *context, cli_convolution *c,
                       cli_plan *out, cli_error *error);
void plan_close(cli_plan *plan);

/* Run once; seconds_out may be NULL. On a device with memory of its own the input is copied there
 * before and the output back afterwards; the time is that of the run until it is done. */
bool plan_run(cli_plan *plan, double *seconds_out, cli_error *error);

/* Monotonic clock in seconds. */
double clock_seconds(void);

/* Sorts the times. */
typedef struct cli_times {
    double least, median;
} cli_times;
cli_times times_summary(double *seconds, size_t n);

#endif
