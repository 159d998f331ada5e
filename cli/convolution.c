/* SPDX-License-Identifier: BSD-2-Clause
 * Data, plans, and timed runs (convolution.h). */
#include "convolution.h"

#include <stdlib.h>
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
    *out = c;
    return true;
}

void convolution_fill(cli_convolution *c, uint64_t seed, int64_t limit)
{
    cli_random random = {seed};
    cli_tensor *tensors[] = {&c->input, &c->weight, &c->bias, &c->residual};
    for (size_t i = 0; i < 4; i++)
        tensor_fill(&tensors[i]->t, &random, limit);
}

bool plan_open(conv2d_device *device, cli_convolution *c, cli_plan *out, cli_error *error)
{
    cli_plan p = CLI_PLAN_INIT;
    conv2d_params params = c->params;
    params.weights = CONV2D_WEIGHTS_BORROW;
    conv2d_status status = conv2d_prepack(device, &c->weight.t, tensor_or_null(&c->bias), &params,
                                          &p.context);
    if (!status)
        status = conv2d_plan_create(p.context, &c->input.t, tensor_or_null(&c->residual),
                                    &c->output.t, &p.plan);
    if (!status)
        status = conv2d_plan_describe(p.plan, &p.info);
    if (status) {
        cli_fail_library(error, status, "");
        plan_close(&p);
        return false;
    }
    p.args.input = &c->input.t;
    p.args.residual = tensor_or_null(&c->residual);
    p.args.output = &c->output.t;
    *out = p;
    return true;
}

void plan_close(cli_plan *p)
{
    conv2d_plan_destroy(p->plan);
    conv2d_context_destroy(p->context);
    *p = (cli_plan)CLI_PLAN_INIT;
}

bool plan_run(cli_plan *p, double *seconds_out, cli_error *error)
{
    double begin = clock_seconds();
    conv2d_status status = conv2d_plan_run(p->plan, &p->args);
    double seconds = clock_seconds() - begin;
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
