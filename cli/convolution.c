/* SPDX-License-Identifier: BSD-2-Clause
 * Data, plans, and timed runs (convolution.h). */
#include "convolution.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

void convolution_free(cli_convolution *c)
{
    cli_tensor *tensors[] = {&c->input, &c->weight, &c->bias, &c->residual, &c->output};
    for (size_t i = 0; i < 5; i++)
        tensor_free(tensors[i]);
}

bool convolution_make(const conv2d_problem *problem, cli_convolution *out, cli_error *error)
{
    cli_convolution c = CLI_CONVOLUTION_INIT;
    struct {
        const conv2d_tensor *from;
        const char *what;
        cli_tensor *to;
    } parts[] = {
        {&problem->input, "input", &c.input},
        {&problem->weight, "weight", &c.weight},
        {&problem->bias, "bias", &c.bias},
        {&problem->residual, "residual", &c.residual},
        {&problem->output, "output", &c.output},
    };
    for (size_t i = 0; i < 5; i++) {
        if (parts[i].from->rank &&
            !tensor_make_strided(parts[i].from, parts[i].what, parts[i].to, error)) {
            convolution_free(&c);
            return false;
        }
    }
    c.params = problem->params;
    c.weights_form = problem->weights_form;
    *out = c;
    return true;
}

void convolution_fill(cli_convolution *c, uint64_t seed, int64_t limit)
{
    cli_random random = {seed};
    cli_tensor *tensors[] = {&c->input, &c->weight, &c->bias, &c->residual};
    for (size_t i = 0; i < 4; i++)
        tensor_fill(&tensors[i]->t, &random, limit);
    if (c->weights_form != CONV2D_WEIGHTS_ANY)
        tensor_separate(&c->weight.t, (conv2d_weights_form)c->weights_form);
}

/* A buffer for all bytes from the lowest element of t to the highest, and t's twin in it. The
 * library has checked that sizes and strides fit into memory. */
static conv2d_status stage(conv2d_device *device, conv2d_tensor *t, cli_staged *out)
{
    int64_t low = 0, high = 0;
    for (int i = 0; i < t->rank; i++) {
        const int64_t reach = t->sizes[i] > 1 ? (t->sizes[i] - 1) * t->strides[i] : 0;
        *(reach < 0 ? &low : &high) += reach;
    }
    const size_t bytes = conv2d_dtype_bytes(t->dtype);
    conv2d_status status =
        conv2d_buffer_create(device, (size_t)(high - low + 1) * bytes, &out->buffer);
    out->host = t;
    out->t = *t;
    out->t.data = NULL;
    out->t.buffer = out->buffer;
    out->t.byte_offset = (uint64_t)-low * bytes;
    return status;
}

/* Twins of input, residual and output, and arguments that name them. */
static conv2d_status stage_all(conv2d_device *device, cli_convolution *c, cli_plan *p)
{
    conv2d_tensor *residual = tensor_or_null(&c->residual);
    conv2d_status status = stage(device, &c->input.t, &p->input);
    if (!status)
        status = stage(device, &c->output.t, &p->output);
    if (!status && residual)
        status = stage(device, residual, &p->residual);
    p->device = device;
    p->args.input = &p->input.t;
    p->args.residual = residual ? &p->residual.t : NULL;
    p->args.output = &p->output.t;
    return status;
}

/* The plan for c's tensors, and the arguments of its runs, into p. */
static bool make_plan(conv2d_device *device, conv2d_context *context, cli_convolution *c,
                      cli_plan *p, cli_error *error)
{
    conv2d_status status = conv2d_plan_create(context, &c->input.t, tensor_or_null(&c->residual),
                                              &c->output.t, &p->plan);
    if (!status)
        status = conv2d_plan_describe(p->plan, &p->info);
    p->args.input = &c->input.t;
    p->args.residual = tensor_or_null(&c->residual);
    p->args.output = &c->output.t;
    if (!status && strcmp(conv2d_device_name(device), "cpu") != 0)
        status = stage_all(device, c, p);
    if (!status)
        return true;
    cli_fail_library(error, status, "");
    plan_close(p);
    return false;
}

bool plan_open(conv2d_device *device, cli_convolution *c, cli_plan *out, cli_error *error)
{
    *out = (cli_plan)CLI_PLAN_INIT;
    conv2d_params params = c->params;
    params.weights = CONV2D_WEIGHTS_BORROW;
    conv2d_status status = conv2d_prepack(device, &c->weight.t, tensor_or_null(&c->bias), &params,
                                          &out->context);
    if (status)
        return cli_fail_library(error, status, "");
    return make_plan(device, out->context, c, out, error);
}

bool plan_open_context(conv2d_device *device, conv2d_context *context, cli_convolution *c,
                       cli_plan *out, cli_error *error)
{
    *out = (cli_plan)CLI_PLAN_INIT;
    return make_plan(device, context, c, out, error);
}

void plan_close(cli_plan *p)
{
    conv2d_buffer_destroy(p->input.buffer);
    conv2d_buffer_destroy(p->residual.buffer);
    conv2d_buffer_destroy(p->output.buffer);
    conv2d_plan_destroy(p->plan);
    conv2d_context_destroy(p->context);
    *p = (cli_plan)CLI_PLAN_INIT;
}

static conv2d_status upload(cli_staged *staged)
{
    return staged->host ? conv2d_copy_to_device(staged->host, &staged->t) : CONV2D_OK;
}

bool plan_run(cli_plan *p, double *seconds_out, cli_error *error)
{
    conv2d_status status = upload(&p->input);
    if (!status)
        status = upload(&p->residual);
    double begin = clock_seconds();
    if (!status)
        status = conv2d_plan_run(p->plan, &p->args);
    if (!status && p->device)
        status = conv2d_device_sync(p->device);
    double seconds = clock_seconds() - begin;
    if (!status && p->device)
        status = conv2d_copy_to_host(&p->output.t, p->output.host);
    if (status)
        return cli_fail_library(error, status, "");
    if (seconds_out)
        *seconds_out = seconds;
    return true;
}

double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int compare_times(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

cli_times times_summary(double *seconds, size_t n)
{
    if (n == 0)
        return (cli_times){0, 0};
    qsort(seconds, n, sizeof *seconds, compare_times);
    return (cli_times){seconds[0], 0.5 * (seconds[(n - 1) / 2] + seconds[n / 2])};
}
