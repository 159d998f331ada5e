/* SPDX-License-Identifier: BSD-2-Clause
 * Contexts: counted weights, parameters, and a bounded cache of plans. */
#include <string.h>

#include "api/check.h"
#include "api/object.h"

conv2d_status c2_context_make(conv2d_device *device, const conv2d_params *checked,
                              c2_weights *weights, conv2d_context **context_out)
{
    conv2d_context *c = c2_alloc_zero(&device->allocator, sizeof *c);
    if (!c)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a context");
    if (!c2_mutex_init(&c->mutex)) {
        c2_free(&device->allocator, c, sizeof *c);
        return c2_fail(CONV2D_E_NOMEM, "the system has no more locks");
    }
    c->device = device;
    c2_device_retain(device);
    c->weights = weights;
    c->params = *checked;
    if (checked->algorithm) {
        memcpy(c->algorithm, checked->algorithm, strlen(checked->algorithm) + 1);
        c->params.algorithm = c->algorithm;
    }
    *context_out = c;
    return CONV2D_OK;
}

conv2d_status conv2d_prepack(conv2d_device *device, const conv2d_tensor *weight,
                             const conv2d_tensor *bias, const conv2d_params *params,
                             conv2d_context **context_out)
{
    if (!device || !context_out)
        return c2_fail(CONV2D_E_ARGUMENT, "%s is NULL", device ? "context_out" : "device");
    conv2d_params checked;
    conv2d_status s = c2_check_params(params, &checked);
    bias = c2_optional(bias);
    if (s || (s = c2_check_weights(weight, bias, &checked)))
        return s;
    c2_weights *weights;
    s = c2_weights_create(device, weight, bias, checked.weights == CONV2D_WEIGHTS_BORROW, &weights);
    if (!s && (s = c2_context_make(device, &checked, weights, context_out)))
        c2_weights_release(weights);
    return s;
}

conv2d_status conv2d_context_with_params(conv2d_context *context, const conv2d_params *params,
                                         conv2d_context **context_out)
{
    if (!context || !context_out)
        return c2_fail(CONV2D_E_ARGUMENT, "%s is NULL", context ? "context_out" : "context");
    c2_weights *w = context->weights;
    conv2d_params checked;
    conv2d_status s = c2_check_params(params, &checked);
    if (s || (s = c2_check_weights(&w->weight, w->bias.rank ? &w->bias : NULL, &checked)))
        return s;
    checked.weights = context->params.weights;
    c2_weights_retain(w);
    if ((s = c2_context_make(context->device, &checked, w, context_out)))
        c2_weights_release(w);
    return s;
}

static conv2d_problem describe(const conv2d_context *c, const conv2d_tensor *input,
                               const conv2d_tensor *residual, const conv2d_tensor *output)
{
    conv2d_problem d;
    memset(&d, 0, sizeof d);
    d.struct_size = sizeof d;
    d.input = *input;
    d.weight = c->weights->weight;
    d.bias = c->weights->bias;
    if (residual)
        d.residual = *residual;
    d.output = *output;
    d.params = c->params;
    d.weights_form = (uint32_t)c->weights->form;
    return d;
}

conv2d_status conv2d_plan_create(conv2d_context *context, const conv2d_tensor *input,
                                 const conv2d_tensor *residual, const conv2d_tensor *output,
                                 conv2d_plan **plan_out)
{
    if (!context || !plan_out)
        return c2_fail(CONV2D_E_ARGUMENT, "%s is NULL", context ? "plan_out" : "context");
    const unsigned ranks = 1u << 3 | 1u << 4;
    conv2d_status s = c2_check_tensor("input", input, ranks);
    residual = c2_optional(residual);
    if (s || (residual && (s = c2_check_tensor("residual", residual, ranks))) ||
        (s = c2_check_tensor("output", output, ranks)))
        return s;
    const conv2d_problem d = describe(context, input, residual, output);
    return c2_plan_make(context->device, context->weights, &d, plan_out);
}

/* The cached plan of this problem with one more reference, or NULL. */
static conv2d_plan *find(conv2d_context *c, const c2_problem *problem, int rank)
{
    for (int i = 0; i < C2_CACHE_PLANS; i++) {
        conv2d_plan *plan = c->cache[i].plan;
        if (plan && plan->rank == rank && !memcmp(&plan->problem, problem, sizeof *problem)) {
            c->cache[i].used = ++c->clock;
            c2_plan_retain(plan);
            return plan;
        }
    }
    return NULL;
}

/* Put plan into the cache (one more reference); returns the plan it replaced, or NULL. */
static conv2d_plan *insert(conv2d_context *c, conv2d_plan *plan)
{
    int oldest = 0;
    for (int i = 1; i < C2_CACHE_PLANS; i++)
        if (c->cache[i].used < c->cache[oldest].used)
            oldest = i;
    conv2d_plan *replaced = c->cache[oldest].plan;
    c->cache[oldest] = (c2_cache_entry){plan, ++c->clock};
    c2_plan_retain(plan);
    return replaced;
}

static conv2d_status plan_for(conv2d_context *c, const conv2d_run_args *args,
                              conv2d_plan **plan_out)
{
    const conv2d_problem d = describe(c, args->input, args->residual, args->output);
    c2_problem problem;
    conv2d_status s = c2_check_problem(&d, &problem);
    if (s)
        return s;
    problem.weights_finite = c->weights->finite;
    c2_mutex_lock(&c->mutex);
    conv2d_plan *plan = find(c, &problem, args->input->rank);
    c2_mutex_unlock(&c->mutex);
    if (!plan) {
        /* Made without the lock: other shapes go on; packing itself happens once (weights.c). */
        if ((s = c2_plan_make(c->device, c->weights, &d, &plan)))
            return s;
        c2_mutex_lock(&c->mutex);
        conv2d_plan *other = find(c, &problem, args->input->rank);
        conv2d_plan *surplus = other ? plan : insert(c, plan);
        if (other)
            plan = other;
        c2_mutex_unlock(&c->mutex);
        c2_plan_release(surplus);
    }
    *plan_out = plan;
    return CONV2D_OK;
}

conv2d_status conv2d_run(conv2d_context *context, const conv2d_run_args *args)
{
    if (!context)
        return c2_fail(CONV2D_E_ARGUMENT, "context is NULL");
    conv2d_run_args checked;
    conv2d_status s = c2_check_run_args(args, &checked);
    conv2d_plan *plan;
    if (s || (s = plan_for(context, &checked, &plan)))
        return s;
    s = c2_plan_execute(plan, &checked);
    c2_plan_release(plan);
    return s;
}

conv2d_status conv2d_context_release_resources(conv2d_context *context)
{
    if (!context)
        return c2_fail(CONV2D_E_ARGUMENT, "context is NULL");
    c2_cache_entry old[C2_CACHE_PLANS];
    c2_mutex_lock(&context->mutex);
    memcpy(old, context->cache, sizeof old);
    memset(context->cache, 0, sizeof context->cache);
    c2_mutex_unlock(&context->mutex);
    for (int i = 0; i < C2_CACHE_PLANS; i++)
        c2_plan_release(old[i].plan);
    return CONV2D_OK;
}

void conv2d_context_destroy(conv2d_context *context)
{
    if (!context)
        return;
    conv2d_context_release_resources(context);
    conv2d_device *device = context->device;
    c2_weights_release(context->weights);
    c2_mutex_destroy(&context->mutex);
    c2_free(&device->allocator, context, sizeof *context);
    c2_device_release(device);
}
