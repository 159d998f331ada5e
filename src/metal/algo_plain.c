/* SPDX-License-Identifier: BSD-2-Clause
 * The plain kernel: every problem of float32 and float16, on every GPU.
 *
 * Bound: products and sums are fused multiply-adds in float32, one after the other, then bias and
 * residual: |error| <= g(K+2) s, and where the GPU flushes denormals (K+2) 2^-126 more. */
#include "metal/algo.h"

/* Outputs of one dispatch: thread positions have 32 bits. */
enum { DISPATCH_OUTPUTS = 1 << 30, THREADS = 256 };

struct c2_state {
    const c2_metal_pipeline *pipeline;
    c2_gpu_plain args; /* but first, count and positions */
    size_t threads;    /* of a threadgroup */
};

static int plain_variants(const conv2d_device *device)
{
    (void)device;
    return 1;
}

static const char *plain_variant_name(const conv2d_device *device, int variant)
{
    (void)device;
    (void)variant;
    return "plain_1x1";
}

static const char *plain_variant_isa(const conv2d_device *device, int variant)
{
    (void)device;
    (void)variant;
    return "1x1";
}

static bool plain_supports(const conv2d_device *device, const c2_problem *p, int variant,
                           c2_why *why)
{
    (void)device;
    (void)variant;
    return c2_metal_dtype_ok(p, why);
}

static double plain_cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    (void)device;
    return c2_metal_seconds(C2_GPU_WAY_PLAIN, variant, p);
}

static void fill_args(const c2_problem *p, c2_gpu_plain *a)
{
    a->oc = p->oc, a->oh = p->oh, a->ow = p->ow;
    a->icg = p->icg, a->ocg = p->ocg;
    a->h = p->h, a->w = p->w, a->kh = p->kh, a->kw = p->kw;
    for (int i = 0; i < 2; i++) {
        a->stride[i] = p->stride[i];
        a->dilation[i] = p->dilation[i];
        a->pad[i] = p->pad[i];
    }
    for (int i = 0; i < 4; i++) {
        a->input_stride[i] = p->input_stride[i];
        a->residual_stride[i] = p->residual_stride[i];
        a->output_stride[i] = p->output_stride[i];
    }
    c2_metal_fill_epilogue(p, &a->epilogue);
}

static conv2d_status plain_plan_create(conv2d_device *device, const c2_problem *p, int variant,
                                       c2_state **state_out)
{
    (void)variant;
    c2_metal_key key = {.family = C2_METAL_PLAIN};
    c2_metal_key_function(&key, "plain_%s", c2_metal_dtype_name(p));
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

static void plain_plan_destroy(conv2d_device *device, c2_state *state)
{
    c2_free(&device->allocator, state, sizeof *state);
}

static conv2d_status plain_run(const c2_state *state, const c2_run_args *args)
{
    const c2_problem *p = args->problem;
    c2_gpu_plain a = state->args;
    a.input_at = c2_metal_element(p, &args->input);
    a.residual_at = c2_metal_element(p, &args->residual);
    a.output_at = c2_metal_element(p, &args->output);
    c2_metal_command c;
    conv2d_status s = c2_metal_begin_bound(args, state->pipeline, &c);
    if (s)
        return s;
    const int64_t total = p->n * p->oc * p->oh * p->ow;
    for (a.first = 0; a.first < total; a.first += DISPATCH_OUTPUTS) {
        a.count = c2_min(total - a.first, DISPATCH_OUTPUTS);
        const c2_uint groups = ((size_t)a.count + state->threads - 1) / state->threads;
        c2_metal_dispatch(&c, &a, sizeof a, (c2_mtl_size){groups, 1, 1}, state->threads);
    }
    c2_metal_commit(&c);
    return CONV2D_OK;
}

const c2_algorithm c2_metal_algo_plain = {
    .name = "plain",
    .variants = plain_variants,
    .variant_name = plain_variant_name,
    .variant_isa = plain_variant_isa,
    .supports = plain_supports,
    .cost = plain_cost,
    .bound = c2_metal_bound,
    .bound_text = c2_metal_bound_text,
    .memory = c2_metal_memory,
    .packing = c2_metal_packing,
    .pack = c2_metal_pack,
    .plan_create = plain_plan_create,
    .plan_destroy = plain_plan_destroy,
    .run = plain_run,
};
