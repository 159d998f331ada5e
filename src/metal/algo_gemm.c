/* SPDX-License-Identifier: BSD-2-Clause
 * Implicit GEMM on simdgroup matrices, for Apple7 and later. A variant is a tile of gpu/tile.c.
 *
 * Bound: every product and sum is float32's, in chunks of 8 terms one after the other, whatever the
 * order inside a chunk, then bias and residual: |error| <= g(K+2) s, and where the GPU flushes
 * denormals (K+2) 2^-126 more. */
#include "gpu/tile.h"
#include "metal/algo.h"

struct c2_state {
    const c2_metal_pipeline *pipeline;
    c2_gpu_gemm args; /* but the positions */
    c2_mtl_size groups;
};

static int gemm_variants(const conv2d_device *device)
{
    (void)device;
    return C2_GPU_TILES;
}

static const char *gemm_variant_name(const conv2d_device *device, int variant)
{
    static const char *const names[C2_GPU_TILES] = {"gemm_32x32", "gemm_64x32", "gemm_64x64"};
    (void)device;
    return names[variant];
}

static const char *gemm_variant_isa(const conv2d_device *device, int variant)
{
    (void)device;
    return c2_gpu_tiles[variant].name;
}

static bool gemm_supports(const conv2d_device *device, const c2_problem *p, int variant,
                          c2_why *why)
{
    (void)variant;
    const c2_metal_device *d = (const c2_metal_device *)device;
    if (!d->simdgroup_matrix)
        return c2_refuse(why, "%s lacks simdgroup matrices (family Apple7)", d->model);
    return c2_metal_dtype_ok(p, why) && c2_metal_positions_ok(p, why) && c2_metal_zeros_ok(p, why);
}

/* In STRICT the choice must not depend on the batch: one image decides. */
static double gemm_cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    (void)device;
    const int64_t n = p->accuracy == CONV2D_ACCURACY_STRICT ? 1 : p->n;
    return c2_gpu_tile_seconds(&c2_gpu_tiles[variant], n * p->oh * p->ow, p->ocg, c2_problem_k(p),
                               p->groups) *
           (double)(p->n / n);
}

static int channel_kind(const c2_problem *p)
{
    if (p->icg % C2_GPU_GEMM_CHUNK == 0)
        return C2_GPU_CHANNELS_ALIGNED;
    return p->icg <= C2_GPU_FEW_LIMIT ? C2_GPU_CHANNELS_FEW : C2_GPU_CHANNELS_ANY;
}

static void make_key(const c2_problem *p, int variant, c2_metal_key *key)
{
    const int kind = channel_kind(p);
    const bool channels_last = p->ic > 1 && p->input_stride[1] == 1;
    key->family = C2_METAL_GEMM;
    c2_metal_key_function(key, "gemm_%s_%s", c2_metal_dtype_name(p), c2_gpu_tiles[variant].name);
    c2_metal_key_problem(key, p);
    c2_metal_key_bool(key, C2_GPU_PIXELS_FIRST, !channels_last);
    c2_metal_key_int(key, C2_GPU_CHANNEL_KIND, kind);
    c2_metal_key_int(key, C2_GPU_FEW_CHANNELS, kind == C2_GPU_CHANNELS_FEW ? (int)p->icg : 1);
}

/* Sizes and strides were found to fit by gemm_supports(); strides of axes without steps are 0. */
static void fill_args(const c2_problem *p, c2_gpu_gemm *a)
{
    a->pixels = (int)(p->n * p->oh * p->ow);
    a->sum = (int)c2_problem_k(p);
    a->oh = (int)p->oh, a->ow = (int)p->ow;
    a->icg = (int)p->icg, a->ocg = (int)p->ocg;
    a->h = (int)p->h, a->w = (int)p->w, a->kw = (int)p->kw;
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

static conv2d_status gemm_plan_create(conv2d_device *device, const c2_problem *p, int variant,
                                      c2_state **state_out)
{
    const c2_gpu_tile *tile = &c2_gpu_tiles[variant];
    c2_metal_key key = {.family = C2_METAL_GEMM};
    make_key(p, variant, &key);
    c2_state *state = c2_alloc_zero(&device->allocator, sizeof *state);
    if (!state)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    conv2d_status s = c2_metal_pipeline_get(c2_metal_of(device), &key, &state->pipeline);
    if (!s &&
        (state->pipeline->max_threads < C2_GPU_GEMM_THREADS || state->pipeline->simd_width != 32))
        s = c2_fail(CONV2D_E_DEVICE,
                    "kernel %s runs with %zu threads in simdgroups of %zu here: expected %d and 32",
                    key.function, state->pipeline->max_threads, state->pipeline->simd_width,
                    (int)C2_GPU_GEMM_THREADS);
    if (s) {
        c2_free(&device->allocator, state, sizeof *state);
        return s;
    }
    fill_args(p, &state->args);
    state->groups = (c2_mtl_size){(c2_uint)c2_div_up(state->args.pixels, tile->bm),
                                  (c2_uint)c2_div_up(p->ocg, tile->bn), (c2_uint)p->groups};
    *state_out = state;
    return CONV2D_OK;
}

static void gemm_plan_destroy(conv2d_device *device, c2_state *state)
{
    c2_free(&device->allocator, state, sizeof *state);
}

static conv2d_status gemm_run(const c2_state *state, const c2_run_args *args)
{
    const c2_problem *p = args->problem;
    c2_gpu_gemm a = state->args;
    a.input_at = c2_metal_element(p, &args->input);
    a.residual_at = c2_metal_element(p, &args->residual);
    a.output_at = c2_metal_element(p, &args->output);
    c2_metal_command c;
    conv2d_status s = c2_metal_begin_bound(args, state->pipeline, &c);
    if (s)
        return s;
    c2_metal_dispatch(&c, &a, sizeof a, state->groups, C2_GPU_GEMM_THREADS);
    c2_metal_commit(&c);
    return CONV2D_OK;
}

const c2_algorithm c2_metal_algo_gemm = {
    .name = "gemm",
    .variants = gemm_variants,
    .variant_name = gemm_variant_name,
    .variant_isa = gemm_variant_isa,
    .supports = gemm_supports,
    .cost = gemm_cost,
    .bound = c2_metal_bound,
    .bound_text = c2_metal_bound_text,
    .memory = c2_metal_memory,
    .packing = c2_metal_packing,
    .pack = c2_metal_pack,
    .plan_create = gemm_plan_create,
    .plan_destroy = gemm_plan_destroy,
    .run = gemm_run,
};
