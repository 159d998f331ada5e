/* SPDX-License-Identifier: BSD-2-Clause
 * 1x1 kernels without padding, at any stride, as a product of matrices on simdgroup matrices. A
 * variant is a tile of gpu/tile.c.
 *
 * Bound: as the implicit GEMM's, whose sums these are. */
#include "metal/tiles.h"

static const char *gemm1x1_variant_name(const conv2d_device *device, int variant)
{
    static const char *const names[C2_GPU_TILES] = {"gemm1x1_32x32", "gemm1x1_64x32",
                                                    "gemm1x1_64x64"};
    (void)device;
    return names[variant];
}

static bool gemm1x1_supports(const conv2d_device *device, const c2_problem *p, int variant,
                             c2_why *why)
{
    (void)variant;
    if (p->kh != 1 || p->kw != 1)
        return c2_refuse(why, "kernel is %lld x %lld: 1 x 1 only", (long long)p->kh,
                         (long long)p->kw);
    if (c2_problem_is_padded(p))
        return c2_refuse(why, "padding is %lld, %lld, %lld, %lld: none only",
                         (long long)p->pad[0], (long long)p->pad[1], (long long)p->pad[2],
                         (long long)p->pad[3]);
    return c2_metal_tiles_ok(device, p, why);
}

static double gemm1x1_cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    (void)device;
    return c2_metal_seconds(C2_GPU_WAY_GEMM1X1, variant, p);
}

static conv2d_status gemm1x1_plan_create(conv2d_device *device, const c2_problem *p, int variant,
                                         c2_state **state_out)
{
    c2_metal_key key = {.family = C2_METAL_GEMM1X1};
    c2_metal_key_function(&key, "gemm1x1_%s_%s", c2_metal_dtype_name(p),
                          c2_gpu_tiles[variant].name);
    c2_metal_key_epilogue(&key, p);
    c2_metal_key_bool(&key, C2_GPU_PIXELS_FIRST, !c2_metal_channels_last(p));
    c2_metal_key_bool(&key, C2_GPU_WHOLE_CHUNKS, p->icg % C2_GPU_CHUNK == 0);
    return c2_metal_tile_plan(device, p, &key, c2_metal_tile_groups(p, variant), state_out);
}

const c2_algorithm c2_metal_algo_gemm1x1 = {
    .name = "gemm1x1",
    .variants = c2_metal_tile_variants,
    .variant_name = gemm1x1_variant_name,
    .variant_isa = c2_metal_tile_isa,
    .supports = gemm1x1_supports,
    .cost = gemm1x1_cost,
    .bound = c2_metal_bound,
    .bound_text = c2_metal_bound_text,
    .memory = c2_metal_memory,
    .packing = c2_metal_packing,
    .pack = c2_metal_pack,
    .plan_create = gemm1x1_plan_create,
    .plan_destroy = c2_metal_tile_plan_destroy,
    .run = c2_metal_tile_run,
};
