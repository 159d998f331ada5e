/* SPDX-License-Identifier: BSD-2-Clause
 * Implicit GEMM in both orientations, any kernel size, stride, dilation, padding mode and groups:
 *   igemm_ch  lanes = output channels; any strides
 *   igemm_px  lanes = pixels; any strides
 * Error before activation: g(K+2) * s + (K+2) * 2^-149; taps outer, channels inner. */
#include "cpu/driver.h"

static bool ch_supports(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    const c2_kernel *kernel = c2_cpu_kernel(device, C2_FAMILY_GEMM_CH, variant);
    return c2_driver_supports(kernel, p, why) && c2_ch_supports(device, kernel, p, why);
}

static bool px_supports(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    return c2_driver_supports(c2_cpu_kernel(device, C2_FAMILY_GEMM_PX, variant), p, why);
}

const c2_algorithm c2_algo_igemm_ch = {
    .name = "igemm_ch",
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

const c2_algorithm c2_algo_igemm_px = {
    .name = "igemm_px",
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
