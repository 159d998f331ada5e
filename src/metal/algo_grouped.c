/* SPDX-License-Identifier: BSD-2-Clause
 * Groups of few channels, and dense layers with few output channels, on simdgroup matrices: a
 * simdgroup a tile of 32 pixels x 8 channels, for Apple7 and later.
 *
 * Bound: as the implicit GEMM's, whose sums these are. */
#include "metal/tiles.h"

enum { MOST_CHANNELS = 64, SIMDGROUPS = 4 };

static int grouped_variants(const conv2d_device *device)
{
    (void)device;
    return 1;
}

static const char *grouped_variant_name(const conv2d_device *device, int variant)
{
    (void)device;
    (void)variant;
    return "grouped_32x8";
}

static const char *grouped_variant_isa(const conv2d_device *device, int variant)
{
    (void)device;
    (void)variant;
    return "32x8";
}

static bool grouped_supports(const conv2d_device *device, const c2_problem *p, int variant,
                             c2_why *why)
{
    (void)variant;
    if (p->ocg > MOST_CHANNELS)
        return c2_refuse(why, "a group has %lld output channels: at most %d", (long long)p->ocg,
                         MOST_CHANNELS);
    return c2_metal_tiles_ok(device, p, why);
}

static double grouped_cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    (void)device;
    return c2_metal_seconds(C2_GPU_WAY_GROUPED, variant, p);
}

/* Tiles of pixels and, inside them, blocks of channels in one line: four a threadgroup. There are
 * at most an eighth of 2^31 of them, as outputs are fewer than that. */
static conv2d_status grouped_plan_create(conv2d_device *device, const c2_problem *p, int variant,
                                         c2_state **state_out)
{
    (void)variant;
    const int kind = c2_metal_channel_kind(p);
    c2_metal_key key = {.family = C2_METAL_GROUPED};
    c2_metal_key_function(&key, "grouped_%s_32x8", c2_metal_dtype_name(p));
    c2_metal_key_problem(&key, p);
    c2_metal_key_int(&key, C2_GPU_CHANNEL_KIND, kind);
    c2_metal_key_int(&key, C2_GPU_FEW_CHANNELS, kind == C2_GPU_CHANNELS_FEW ? (int)p->icg : 1);
    const int64_t tiles = c2_div_up(p->n * p->oh * p->ow, C2_GPU_GROUPED_ROWS) * p->groups *
                          c2_div_up(p->ocg, C2_GPU_GROUPED_COLUMNS);
    const c2_mtl_size groups = {(c2_uint)c2_div_up(tiles, SIMDGROUPS), 1, 1};
    return c2_metal_tile_plan(device, p, &key, groups, state_out);
}

const c2_algorithm c2_metal_algo_grouped = {
    .name = "grouped",
    .variants = grouped_variants,
    .variant_name = grouped_variant_name,
    .variant_isa = grouped_variant_isa,
    .supports = grouped_supports,
    .cost = grouped_cost,
    .bound = c2_metal_bound,
    .bound_text = c2_metal_bound_text,
    .memory = c2_metal_memory,
    .packing = c2_metal_packing,
    .pack = c2_metal_pack,
    .plan_create = grouped_plan_create,
    .plan_destroy = c2_metal_tile_plan_destroy,
    .run = c2_metal_tile_run,
};
