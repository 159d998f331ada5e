/* SPDX-License-Identifier: BSD-2-Clause
 * Implicit GEMM of bfloat16 tensors by instructions that multiply pairs of them, in both
 * orientations, for every accuracy but strict:
 *   dot_ch  lanes = output channels; input channels that are neighbours, read in place
 *   dot_px  lanes = pixels; any strides
 * Error before the activation, which is rounded to bfloat16 as with other algorithms:
 *   g(K+2) * s + 2^-126 * (2 K + 4 + D),  D = sum over products of |w| + |x|
 * (docs/numerics.md): the instructions take denormals for zeros and make zeros of denormal sums,
 * whatever flush_denormals says. Taps outer, words of two channels inner, the second one first;
 * with AMX sums of 16 words, first channels and second ones apart. */
#include "core/dtype.h"
#include "cpu/driver.h"

/* Channels of a tap that fill at least a quarter of a row of tile registers. */
enum { LEAST_TILE_CHANNELS = 8 };

bool c2_dot_supports(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                     int64_t channels, c2_why *why)
{
    const c2_machine *m = &((const c2_cpu_device *)device)->machine;
    if (p->accuracy == CONV2D_ACCURACY_STRICT)
        return c2_refuse(why, "accuracy = strict: these instructions flush denormals");
    if (channels == 1)
        return c2_refuse(why, "one input channel a group: no pairs");
    if (c2_kernel_unit(kernel) > 1 && channels < LEAST_TILE_CHANNELS)
        return c2_refuse(why, "%lld input channels a tap: tile registers pay from %d on",
                         (long long)channels, LEAST_TILE_CHANNELS);
    if (kernel->need & m->refused)
        return c2_refuse(why, "the system refuses the registers of AMX (arch_prctl: error %d)",
                         m->refused_error);
    return true;
}

static bool supports(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                     c2_why *why)
{
    if (p->input_dtype != CONV2D_BFLOAT16)
        return c2_refuse(why, "dtype %s: bfloat16 only", c2_dtype_name(p->input_dtype));
    return c2_dot_supports(device, kernel, p, p->icg, why) && c2_driver_supports(kernel, p, why);
}

static bool ch_supports(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    const c2_kernel *kernel = c2_cpu_kernel(device, C2_FAMILY_DOT_CH, variant);
    return supports(device, kernel, p, why) && c2_ch_supports(device, kernel, p, why);
}

static bool px_supports(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    return supports(device, c2_cpu_kernel(device, C2_FAMILY_DOT_PX, variant), p, why);
}

static const char *bound_text(const c2_problem *p, int variant)
{
    (void)p;
    (void)variant;
    return "g(K+2) * s + 2^-126 * (2 K + 4 + D), then rounded once";
}

const c2_algorithm c2_algo_dot_ch = {
    .name = "dot_ch",
    .flushes = true,
    .variants = c2_dot_ch_variants,
    .variant_name = c2_dot_ch_variant_name,
    .variant_isa = c2_dot_ch_variant_isa,
    .supports = ch_supports,
    .cost = c2_dot_ch_cost,
    .bound = c2_strict_bound,
    .bound_text = bound_text,
    .memory = c2_dot_ch_memory,
    .packing = c2_dot_ch_packing,
    .pack = c2_dot_ch_pack,
    .plan_create = c2_dot_ch_plan_create,
    .plan_destroy = c2_ch_plan_destroy,
    .run = c2_ch_run,
};

const c2_algorithm c2_algo_dot_px = {
    .name = "dot_px",
    .flushes = true,
    .variants = c2_dot_px_variants,
    .variant_name = c2_dot_px_variant_name,
    .variant_isa = c2_dot_px_variant_isa,
    .supports = px_supports,
    .cost = c2_dot_px_cost,
    .bound = c2_strict_bound,
    .bound_text = bound_text,
    .memory = c2_dot_px_memory,
    .packing = c2_dot_px_packing,
    .pack = c2_dot_px_pack,
    .plan_create = c2_dot_px_plan_create,
    .plan_destroy = c2_px_plan_destroy,
    .run = c2_px_run,
};
