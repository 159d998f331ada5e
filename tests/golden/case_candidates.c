/* SPDX-License-Identifier: BSD-2-Clause
 * The candidates that can compute a case, by name, so that each is compared and not only the one
 * that the planner prefers. */
#include <stdio.h>
#include <string.h>

#include "golden/case.h"

static conv2d_tensor description(const case_tensor *t)
{
    conv2d_tensor d = CONV2D_TENSOR_INIT;
    d.dtype = t->dtype;
    d.rank = t->rank;
    memcpy(d.sizes, t->sizes, sizeof d.sizes);
    memcpy(d.strides, t->strides, sizeof d.strides);
    return d;
}

static void add_usable(const conv2d_plan *plan, case_names *names)
{
    conv2d_candidate_info info = CONV2D_CANDIDATE_INFO_INIT;
    for (int i = 0; conv2d_plan_candidate(plan, i, &info) == CONV2D_OK; i++)
        if (!info.refusal[0] && names->n < CASE_MAX_NAMES)
            snprintf(names->name[names->n++], sizeof names->name[0], "%s/%s", info.algorithm,
                     info.isa);
}

void case_candidates(conv2d_device *device, const test_case *c, case_names *names)
{
    names->n = 0;
    if (c->error || !c->n_values)
        return;
    conv2d_problem problem;
    memset(&problem, 0, sizeof problem);
    problem.struct_size = sizeof problem;
    problem.input = description(&c->input);
    problem.weight = description(&c->weight);
    problem.bias = description(&c->bias);
    problem.output = description(&c->output);
    problem.residual = c->residual.rank == CASE_RESIDUAL_IS_OUTPUT ? problem.output
                                                                   : description(&c->residual);
    problem.params = c->params;
    conv2d_plan *plan = NULL;
    if (conv2d_explain(device, &problem, &plan) == CONV2D_OK)
        add_usable(plan, names);
    conv2d_plan_destroy(plan);
}
