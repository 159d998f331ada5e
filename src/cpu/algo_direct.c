/* SPDX-License-Identifier: BSD-2-Clause
 * Direct convolutions of few channels, lanes = pixels, any strides:
 *   direct_px    up to mr output channels of one output row in registers
 *   direct_rows  up to mr output rows of one output channel (depthwise, single filters): they
 *                share the input rows that they load
 * Error before activation: g(K+2) * s + (K+2) * 2^-149; taps outer, channels inner. */
#include "cpu/direct.h"

static const c2_kernel *px_kernel(const conv2d_device *device, int variant)
{
    return c2_cpu_kernel(device, C2_FAMILY_DIRECT_PX, variant);
}

static int px_variants(const conv2d_device *device)
{
    return c2_cpu_kernel_count(device, C2_FAMILY_DIRECT_PX);
}

static const char *px_variant_name(const conv2d_device *device, int variant)
{
    return px_kernel(device, variant)->variant;
}

static const char *px_variant_isa(const conv2d_device *device, int variant)
{
    return px_kernel(device, variant)->isa;
}

static bool px_supports(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    return c2_direct_supports(device, p, px_kernel(device, variant), why);
}

static double px_cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    return c2_direct_cost(device, p, px_kernel(device, variant));
}

static c2_bytes px_memory(const conv2d_device *device, const c2_problem *p, int variant)
{
    return c2_direct_memory(device, p, px_kernel(device, variant));
}

static void px_packing(const conv2d_device *device, const c2_problem *p, int variant, c2_text *out)
{
    const c2_direct_plan plan = c2_direct_plan_make(device, p, px_kernel(device, variant));
    c2_pack_name(p, &plan.pack, out);
}

static conv2d_status px_pack(conv2d_device *device, const c2_problem *p, int variant,
                             const c2_weight_view *view, conv2d_buffer *packed)
{
    const c2_direct_plan plan = c2_direct_plan_make(device, p, px_kernel(device, variant));
    c2_pack_weights(p, &plan.pack, view, packed->host);
    return CONV2D_OK;
}

static conv2d_status px_plan_create(conv2d_device *device, const c2_problem *p, int variant,
                                    c2_state **state_out)
{
    return c2_direct_create(device, p, px_kernel(device, variant), state_out);
}

static const c2_kernel *rows_kernel(const conv2d_device *device, int variant)
{
    return c2_cpu_kernel(device, C2_FAMILY_DIRECT_ROWS, variant);
}

static int rows_variants(const conv2d_device *device)
{
    return c2_cpu_kernel_count(device, C2_FAMILY_DIRECT_ROWS);
}

static const char *rows_variant_name(const conv2d_device *device, int variant)
{
    return rows_kernel(device, variant)->variant;
}

static const char *rows_variant_isa(const conv2d_device *device, int variant)
{
    return rows_kernel(device, variant)->isa;
}

static bool rows_supports(const conv2d_device *device, const c2_problem *p, int variant,
                          c2_why *why)
{
    return c2_direct_supports(device, p, rows_kernel(device, variant), why);
}

static double rows_cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    return c2_direct_cost(device, p, rows_kernel(device, variant));
}

static c2_bytes rows_memory(const conv2d_device *device, const c2_problem *p, int variant)
{
    return c2_direct_memory(device, p, rows_kernel(device, variant));
}

static void rows_packing(const conv2d_device *device, const c2_problem *p, int variant,
                         c2_text *out)
{
    const c2_direct_plan plan = c2_direct_plan_make(device, p, rows_kernel(device, variant));
    c2_pack_name(p, &plan.pack, out);
}

static conv2d_status rows_pack(conv2d_device *device, const c2_problem *p, int variant,
                               const c2_weight_view *view, conv2d_buffer *packed)
{
    const c2_direct_plan plan = c2_direct_plan_make(device, p, rows_kernel(device, variant));
    c2_pack_weights(p, &plan.pack, view, packed->host);
    return CONV2D_OK;
}

static conv2d_status rows_plan_create(conv2d_device *device, const c2_problem *p, int variant,
                                      c2_state **state_out)
{
    return c2_direct_create(device, p, rows_kernel(device, variant), state_out);
}

const c2_algorithm c2_algo_direct_px = {
    .name = "direct_px",
    .variants = px_variants,
    .variant_name = px_variant_name,
    .variant_isa = px_variant_isa,
    .supports = px_supports,
    .cost = px_cost,
    .bound = c2_strict_bound,
    .bound_text = c2_strict_bound_text,
    .memory = px_memory,
    .packing = px_packing,
    .pack = px_pack,
    .plan_create = px_plan_create,
    .plan_destroy = c2_direct_destroy,
    .run = c2_direct_run,
};

const c2_algorithm c2_algo_direct_rows = {
    .name = "direct_rows",
    .variants = rows_variants,
    .variant_name = rows_variant_name,
    .variant_isa = rows_variant_isa,
    .supports = rows_supports,
    .cost = rows_cost,
    .bound = c2_strict_bound,
    .bound_text = c2_strict_bound_text,
    .memory = rows_memory,
    .packing = rows_packing,
    .pack = rows_pack,
    .plan_create = rows_plan_create,
    .plan_destroy = c2_direct_destroy,
    .run = c2_direct_run,
};
