/* SPDX-License-Identifier: BSD-2-Clause
 * A block of 4 pixels x 4 output channels a thread: for groups of few channels, and for GPUs
 * without simdgroup matrices.
 *
 * Bound: fused multiply-adds in float32, one after the other, then bias and residual:
 * |error| <= g(K+2) s, and where the GPU flushes denormals (K+2) 2^-126 more. */
#include "gpu/tile.h"
#include "metal/algo.h"

enum { THREADS = 256 };

struct c2_state {
    const c2_metal_pipeline *pipeline;
    c2_gpu_direct args; /* but the positions */
    size_t threads;     /* of a threadgroup */
};

static int direct_variants(const conv2d_device *device)
{
    (void)device;
    return 1;
}

static const char *direct_variant_name(const conv2d_device *device, int variant)
{
    (void)device;
    (void)variant;
    return "direct_4x4";
}

static const char *direct_variant_isa(const conv2d_device *device, int variant)
{
    (void)device;
    (void)variant;
    return "4x4";
}

static bool direct_supports(const conv2d_device *device, const c2_problem *p, int variant,
                            c2_why *why)
{
    (void)device;
    (void)variant;
    return c2_metal_dtype_ok(p, why) && c2_metal_positions_ok(p, why) && c2_metal_zeros_ok(p, why);
}

static double direct_cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    (void)device;
    return c2_metal_seconds(C2_GPU_WAY_DIRECT, variant, p);
}

/* Sizes and strides were found to fit by direct_supports(); outputs are fewer than 2^31, and
 * threads fewer than outputs. */
static void fill_args(const c2_problem *p, c2_gpu_direct *a)
{
    a->strips = (int)c2_div_up(p->ow, C2_GPU_STRIP);
    a->blocks = (int)c2_div_up(p->ocg, C2_GPU_BLOCK);
    a->groups = (int)p->groups;
    a->count = (int)(p->n * p->oh * a->strips * a->blocks * p->groups);
    a->oh = (int)p->oh, a->ow = (int)p->ow;
    a->icg = (int)p->icg, a->ocg = (int)p->ocg;
    a->h = (int)p->h, a->w = (int)p->w, a->kh = (int)p->kh, a->kw = (int)p->kw;
    for (int i = 0; i < 2; i++) {
        a->stride[i] = (int)p->stride[i];
        a->dilation[i] = (int)p->dilation[i];
        a->pad[i] = (int)p->pad[i];
    }
    for (int i = 0; i < 4; i++) {
        a->input_stride[i] = (int)p->input_stride[i];
        a->residual_stride[i] = (int)p->residual_stride[i];
        a->output_stride[i] = (int)p->output_stride[i];
    }
    c2_metal_fill_epilogue(p, &a->epilogue);
}

static conv2d_status direct_plan_create(conv2d_device *device, const c2_problem *p, int variant,
                                        c2_state **state_out)
{
    (void)variant;
    c2_metal_key key = {.family = C2_METAL_DIRECT};
    c2_metal_key_function(&key, "direct_%s", c2_metal_dtype_name(p));
    c2_metal_key_problem(&key, p);
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

static void direct_plan_destroy(conv2d_device *device, c2_state *state)
{
    c2_free(&device->allocator, state, sizeof *state);
}

static conv2d_status direct_run(const c2_state *state, const c2_run_args *args)
{
    const c2_problem *p = args->problem;
    c2_gpu_direct a = state->args;
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

const c2_algorithm c2_metal_algo_direct = {
    .name = "direct",
    .variants = direct_variants,
    .variant_name = direct_variant_name,
    .variant_isa = direct_variant_isa,
    .supports = direct_supports,
    .cost = direct_cost,
    .bound = c2_metal_bound,
    .bound_text = c2_metal_bound_text,
    .memory = c2_metal_memory,
    .packing = c2_metal_packing,
    .pack = c2_metal_pack,
    .plan_create = direct_plan_create,
    .plan_destroy = direct_plan_destroy,
    .run = direct_run,
};
