/* SPDX-License-Identifier: BSD-2-Clause
 * Depthwise convolution: one input channel a group, any multiplier, kernels up to 7x7, stride 1
 * or 2 along x, no dilation; on every GPU.
 *
 * Bound: fused multiply-adds in float32, one after the other, then bias and residual:
 * |error| <= g(K+2) s, and where the GPU flushes denormals (K+2) 2^-126 more. */
#include "metal/algo.h"

enum { THREADS = 256 };

struct c2_state {
    const c2_metal_pipeline *pipeline;
    c2_gpu_depthwise args; /* but the positions */
    size_t threads;        /* of a threadgroup */
};

static int depthwise_variants(const conv2d_device *device)
{
    (void)device;
    return 1;
}

static const char *depthwise_variant_name(const conv2d_device *device, int variant)
{
    (void)device;
    (void)variant;
    return "depthwise_1x4";
}

static const char *depthwise_variant_isa(const conv2d_device *device, int variant)
{
    (void)device;
    (void)variant;
    return "1x4";
}

static bool depthwise_supports(const conv2d_device *device, const c2_problem *p, int variant,
                               c2_why *why)
{
    (void)device;
    (void)variant;
    if (p->icg != 1)
        return c2_refuse(why, "a group has %lld input channels: depthwise has 1",
                         (long long)p->icg);
    if (p->kh > C2_GPU_DEPTHWISE_KERNEL || p->kw > C2_GPU_DEPTHWISE_KERNEL)
        return c2_refuse(why, "kernel is %lld x %lld: at most %d x %d", (long long)p->kh,
                         (long long)p->kw, C2_GPU_DEPTHWISE_KERNEL, C2_GPU_DEPTHWISE_KERNEL);
    if (p->stride[1] > C2_GPU_DEPTHWISE_STRIDE)
        return c2_refuse(why, "stride along x is %lld: at most %d", (long long)p->stride[1],
                         C2_GPU_DEPTHWISE_STRIDE);
    if (p->dilation[0] != 1 || p->dilation[1] != 1)
        return c2_refuse(why, "dilation is %lld, %lld: 1 only", (long long)p->dilation[0],
                         (long long)p->dilation[1]);
    return c2_metal_dtype_ok(p, why) && c2_metal_positions_ok(p, why) && c2_metal_zeros_ok(p, why);
}

static double depthwise_cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    (void)device;
    return c2_metal_seconds(C2_GPU_WAY_DEPTHWISE, variant, p);
}

/* Sizes and strides were found to fit by depthwise_supports(). A tensor of less than 2^31 elements
 * has fewer strips; one with expanded axes cannot be an output. */
static void fill_args(const c2_problem *p, c2_gpu_depthwise *a)
{
    a->strips = (int)c2_div_up(p->ow, C2_GPU_STRIP);
    a->count = (int)(p->n * p->oc * p->oh * a->strips);
    a->oc = (int)p->oc, a->oh = (int)p->oh, a->ow = (int)p->ow;
    a->ocg = (int)p->ocg;
    a->h = (int)p->h, a->w = (int)p->w;
    a->pad[0] = (int)p->pad[0], a->pad[1] = (int)p->pad[1];
    for (int i = 0; i < 4; i++) {
        a->input_stride[i] = (int)p->input_stride[i];
        a->residual_stride[i] = (int)p->residual_stride[i];
        a->output_stride[i] = (int)p->output_stride[i];
    }
    c2_metal_fill_epilogue(p, &a->epilogue);
}

static conv2d_status depthwise_plan_create(conv2d_device *device, const c2_problem *p, int variant,
                                           c2_state **state_out)
{
    (void)variant;
    c2_metal_key key = {.family = C2_METAL_DEPTHWISE};
    c2_metal_key_function(&key, "depthwise_%s", c2_metal_dtype_name(p));
    c2_metal_key_problem(&key, p);
    c2_metal_key_int(&key, C2_GPU_KERNEL_H, (int32_t)p->kh);
    c2_metal_key_int(&key, C2_GPU_KERNEL_W, (int32_t)p->kw);
    c2_metal_key_int(&key, C2_GPU_STRIDE_Y, (int32_t)p->stride[0]);
    c2_metal_key_int(&key, C2_GPU_STRIDE_X, (int32_t)p->stride[1]);
    c2_state *state = c2_alloc_zero(&device->allocator, sizeof *state);
    if (!state)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    conv2d_status s = c2_metal_pipeline_get(c2_metal_of(device), &key, &state->pipeline);
    if (s) {
        c2_free(&device->allocator, state, sizeof *state);
        return s;
    }
    fill_args(p, &state->args);
    const size_t most = state->pipeline->max_threads;
    state->threads = most < THREADS ? most : (size_t)THREADS;
    *state_out = state;
    return CONV2D_OK;
}

static void depthwise_plan_destroy(conv2d_device *device, c2_state *state)
{
    c2_free(&device->allocator, state, sizeof *state);
}

static conv2d_status depthwise_run(const c2_state *state, const c2_run_args *args)
{
    const c2_problem *p = args->problem;
    c2_gpu_depthwise a = state->args;
    a.input_at = c2_metal_element(p, &args->input);
    a.residual_at = c2_metal_element(p, &args->residual);
    a.output_at = c2_metal_element(p, &args->output);
    c2_metal_command c;
    conv2d_status s = c2_metal_begin_bound(args, state->pipeline, &c);
    if (s)
        return s;
    const c2_uint groups = ((size_t)a.count + state->threads - 1) / state->threads;
    c2_metal_dispatch(&c, &a, sizeof a, (c2_mtl_size){groups, 1, 1}, state->threads);
    c2_metal_commit(&c);
    return CONV2D_OK;
}

const c2_algorithm c2_metal_algo_depthwise = {
    .name = "depthwise",
    .variants = depthwise_variants,
    .variant_name = depthwise_variant_name,
    .variant_isa = depthwise_variant_isa,
    .supports = depthwise_supports,
    .cost = depthwise_cost,
    .bound = c2_metal_bound,
    .bound_text = c2_metal_bound_text,
    .memory = c2_metal_memory,
    .packing = c2_metal_packing,
    .pack = c2_metal_pack,
    .plan_create = depthwise_plan_create,
    .plan_destroy = depthwise_plan_destroy,
    .run = depthwise_run,
};
