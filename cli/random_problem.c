/* SPDX-License-Identifier: BSD-2-Clause
 * Random problems (random_problem.h): shapes around and below the kernels' tiles, every padding
 * mode, activation, order of axes, with and without bias and residual. */
#include "random_problem.h"

#include <stdlib.h>

#include "problems.h"

static bool one_in(cli_random *random, int64_t n)
{
    return random_between(random, 1, n) == 1;
}

static void draw_channels(cli_random *random, int64_t *groups, int64_t *ic, int64_t *oc)
{
    *groups = 1;
    if (one_in(random, 4)) { /* depthwise, with a multiplier now and then */
        *groups = *ic = random_between(random, 1, 40);
        *oc = *ic * (one_in(random, 4) ? 2 : 1);
        return;
    }
    if (one_in(random, 4))
        *groups = random_between(random, 2, 4);
    *ic = *groups * random_between(random, 1, 20);
    *oc = *groups * random_between(random, 1, 36);
}

static void draw_axis(cli_random *random, conv2d_problem *p, int axis)
{
    conv2d_params *q = &p->params;
    int64_t size = random_between(random, 1, 20);
    int64_t kernel = one_in(random, 3) ? 1 : random_between(random, 1, 5);
    q->dilation[axis] = one_in(random, 3) ? random_between(random, 1, 3) : 1;
    q->stride[axis] = one_in(random, 3) ? random_between(random, 1, 3) : 1;
    int64_t reach = q->dilation[axis] * (kernel - 1);
    int64_t most = q->padding_mode == CONV2D_PAD_REFLECT    ? size - 1
                   : q->padding_mode == CONV2D_PAD_CIRCULAR ? size
                                                            : reach + 2;
    for (int side = 0; side < 2; side++)
        q->padding[axis + 2 * side] = one_in(random, 2) ? random_between(random, 0, most) : 0;
    if (size + q->padding[axis] + q->padding[axis + 2] <= reach)
        size = reach + 1; /* larger inputs keep the paddings legal */
    p->input.sizes[2 + axis] = size;
    p->weight.sizes[2 + axis] = kernel;
}

static void draw_activation(cli_random *random, conv2d_params *q)
{
    if (one_in(random, 2))
        return;
    q->activation = (int32_t)random_between(random, CONV2D_ACT_RELU, CONV2D_ACT_MISH);
    if (q->activation == CONV2D_ACT_CLAMP) {
        if (!one_in(random, 3))
            q->output_min = -0.5;
        if (!one_in(random, 3))
            q->output_max = 0.75;
    }
}

static conv2d_order draw_order(cli_random *random)
{
    return one_in(random, 2) ? CONV2D_NHWC : CONV2D_NCHW;
}

static void draw(cli_random *random, conv2d_problem *p)
{
    const conv2d_tensor tensor = CONV2D_TENSOR_INIT;
    const conv2d_params params = CONV2D_PARAMS_INIT;
    *p = (conv2d_problem){.struct_size = sizeof *p, .input = tensor, .weight = tensor,
                          .bias = tensor, .residual = tensor, .output = tensor, .params = params};
    p->params.padding_mode = (int32_t)(one_in(random, 2) ? random_between(random, 0, 3) : 0);
    p->params.accuracy = one_in(random, 2) ? CONV2D_ACCURACY_STRICT : CONV2D_ACCURACY_DEFAULT;
    if (one_in(random, 8))
        p->params.workspace_limit = 0;
    draw_channels(random, &p->params.groups, &p->input.sizes[1], &p->weight.sizes[0]);
    p->input.rank = p->weight.rank = p->output.rank = 4;
    p->input.sizes[0] = random_between(random, 1, 3);
    p->weight.sizes[1] = p->input.sizes[1] / p->params.groups;
    draw_axis(random, p, 0);
    draw_axis(random, p, 1);
    draw_activation(random, &p->params);
}

/* Output, bias, residual and the orders, once the sizes are known. */
static bool complete(cli_random *random, conv2d_problem *p)
{
    if (conv2d_output_sizes(&p->input, &p->weight, &p->params, p->output.sizes) != CONV2D_OK)
        return false;
    conv2d_order order = draw_order(random);
    conv2d_tensor_set_order(&p->input, order);
    conv2d_tensor_set_order(&p->weight, one_in(random, 4) ? CONV2D_NHWC : CONV2D_NCHW);
    conv2d_tensor_set_order(&p->output, one_in(random, 4) ? draw_order(random) : order);
    if (one_in(random, 2))
        p->bias = conv2d_vector_f32(NULL, p->weight.sizes[0]);
    if (one_in(random, 4))
        p->residual = p->output;
    return true;
}

char *random_problem_text(cli_random *random)
{
    enum { TRIES = 1000 };
    for (int i = 0; i < TRIES; i++) {
        conv2d_problem problem;
        draw(random, &problem);
        if (complete(random, &problem))
            return problem_text(&problem);
    }
    return NULL;
}
