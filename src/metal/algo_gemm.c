/* SPDX-License-Identifier: BSD-2-Clause
 * Implicit GEMM on simdgroup matrices, for Apple7 and later. A variant is a tile of gpu/tile.c.
 *
 * Bound: every product and sum is float32's, in chunks of 8 terms one after the other, whatever the
 * order inside a chunk, then bias and residual: |error| <= g(K+2) s, and where the GPU flushes
 * denormals (K+2) 2^-126 more. */
#include "metal/tiles.h"

static const char *gemm_variant_name(const conv2d_device *device, int variant)
{
    static const char *const names[C2_GPU_TILES] = {"gemm_32x32", "gemm_64x32", "gemm_64x64"};
    (void)device;
    return names[variant];
}

static bool gemm_supports(const conv2d_device *device, const c2_problem *p, int variant,
                          c2_why *why)
{
    (void)variant;
    return c2_metal_tiles_ok(device, p, why);
}

static double gemm_cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    (void)device;
    return c2_metal_seconds(C2_GPU_WAY_GEMM, variant, p);
}

static conv2d_status gemm_plan_create(conv2d_device *device, const c2_problem *p, int variant,
                                      c2_state **state_out)
{
    const int kind = c2_metal_channel_kind(p);
    c2_metal_key key = {.family = C2_METAL_GEMM};
    c2_metal_key_function(&key, "gemm_%s_%s", c2_metal_dtype_name(p), c2_gpu_tiles[variant].name);
    c2_metal_key_problem(&key, p);
    c2_metal_key_bool(&key, C2_GPU_PIXELS_FIRST, !c2_metal_channels_last(p));
    c2_metal_key_int(&key, C2_GPU_CHANNEL_KIND, kind);
    c2_metal_key_int(&key, C2_GPU_FEW_CHANNELS, kind == C2_GPU_CHANNELS_FEW ? (int)p->icg : 1);
    return c2_metal_tile_plan(device, p, &key, c2_metal_tile_groups(p, variant), state_out);
}

const c2_algorithm c2_metal_algo_gemm = {
    .name = "gemm",
    .variants = c2_metal_tile_variants,
    .variant_name = gemm_variant_name,
    .variant_isa = c2_metal_tile_isa,
    .supports = gemm_supports,
    .cost = gemm_cost,
    .bound = c2_metal_bound,
    .bound_text = c2_metal_bound_text,
    .memory = c2_metal_memory,
    .packing = c2_metal_packing,
    .pack = c2_metal_pack,
    .plan_create = gemm_plan_create,
    .plan_destroy = c2_metal_tile_plan_destroy,
    .run = c2_metal_tile_run,
};
