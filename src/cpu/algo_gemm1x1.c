/* SPDX-License-Identifier: BSD-2-Clause
 * 1x1 convolution as matrix multiplication in both orientations, on the drivers of implicit GEMM,
 * which then read the input in place: one tap, no padding.
 *   gemm1x1_ch  lanes = output channels; any strides
 *   gemm1x1_px  lanes = pixels; any strides
 * Error before activation: g(K+2) * s + (K+2) * 2^-149; channels in order. */
#include "cpu/driver.h"

static bool is_gemm(const c2_problem *p, c2_why *why)
{
    if (p->kh != 1 || p->kw != 1)
        return c2_refuse(why, "kernel is %lldx%lld: 1x1 only", (long long)p->kh, (long long)p->kw);
    if (c2_problem_is_padded(p))
        return c2_refuse(why, "padding is %lld,%lld,%lld,%lld: none only", (long long)p->pad[0],
                         (long long)p->pad[1], (long long)p->pad[2], (long long)p->pad[3]);
    return true;
}

static bool ch_supports(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    const c2_kernel *kernel = c2_cpu_kernel(device, C2_FAMILY_GEMM_CH, variant);
    return c2_driver_supports(kernel, p, why) && is_gemm(p, why) &&
           c2_ch_supports(device, kernel, p, why);
}

static bool px_supports(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    const c2_kernel *kernel = c2_cpu_kernel(device, C2_FAMILY_GEMM_PX, variant);
    return c2_driver_supports(kernel, p, why) && is_gemm(p, why);
}

const c2_algorithm c2_algo_gemm1x1_ch = {
    .name = "gemm1x1_ch",
    .variants = c2_gemm_ch_variants,
    .variant_name = c2_gemm_ch_variant_name,
    .variant_isa = c2_gemm_ch_variant_isa,
    .supports = ch_supports,
    .cost = c2_gemm_ch_cost,
    .bound = c2_strict_bound,
    .bound_text = c2_strict_bound_text,
    .memory = c2_gemm_ch_memory,
    .packing = c2_gemm_ch_packing,
    .pack = c2_gemm_ch_pack,
    .plan_create = c2_gemm_ch_plan_create,
    .plan_destroy = c2_ch_plan_destroy,
    .run = c2_ch_run,
};

const c2_algorithm c2_algo_gemm1x1_px = {
    .name = "gemm1x1_px",
    .variants = c2_gemm_px_variants,
    .variant_name = c2_gemm_px_variant_name,
    .variant_isa = c2_gemm_px_variant_isa,
    .supports = px_supports,
    .cost = c2_gemm_px_cost,
    .bound = c2_strict_bound,
    .bound_text = c2_strict_bound_text,
    .memory = c2_gemm_px_memory,
    .packing = c2_gemm_px_packing,
    .pack = c2_gemm_px_pack,
    .plan_create = c2_gemm_px_plan_create,
    .plan_destroy = c2_px_plan_destroy,
    .run = c2_px_run,
};
