/* SPDX-License-Identifier: BSD-2-Clause
 * Implicit GEMM of float32 tensors by tile registers of bfloat16: each number is a sum of parts
 * (parts.h), and products of parts that are too small to matter are left out.
 *   split3_px, split3_ch, split3_rows, split3_groups  three parts, six products; for every accuracy
 *                         but strict
 *   split3_crossed        those six as three products of the kernel of two parts
 *   split2_px, split2_ch  two parts, three products; for accuracy fast
 * px: lanes = pixels; any strides. ch: lanes = output channels; channels that are neighbours. rows:
 * the same of any strides, for one group: rows of the image are cut once for all taps, and those
 * under an output row may be one, interleaved, so that few channels fill registers. groups and
 * crossed: of any strides, for groups of up to 64 channels, of up to 16 (group_strip.h). Error
 * before the activation, u = 2^-24:
 *   split3  1.01 * (g(n) + 2^-24) * s + 2^-126 * (12 K + 4 + 4 D)
 *   split2  1.01 * (g(n) + 2^-15) * s + 2^-126 * (12 K + 4 + 4 D)
 *   n = 6 * KH * KW * ceil(C / 32) + 20,  C = IC/G,  D = sum over products of |w| + |x|
 * (docs/numerics.md). Denormals are flushed. An output whose window has a value that is not finite
 * is NaN or infinite before the activation, others do not notice; weights must be finite. */
#include "core/dtype.h"
#include "core/text_tables.h"
#include "cpu/driver.h"

/* Of whatever orientation; channels: of a tap or of those merged. */
static bool supports(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                     int64_t channels, c2_why *why)
{
    if (p->input_dtype != CONV2D_FLOAT32)
        return c2_refuse(why, "dtype %s: float32 only", c2_dtype_name(p->input_dtype));
    if (!p->weights_finite)
        return c2_refuse(why, "weights are not all finite: parts make NaN of infinities");
    return c2_dot_supports(device, kernel, p, channels, why) && c2_driver_supports(kernel, p, why);
}

static bool is_fast(const c2_problem *p, c2_why *why)
{
    if (p->accuracy != CONV2D_ACCURACY_FAST)
        return c2_refuse(why, "accuracy = %s: only fast, two parts leave 16 bits of a number",
                         c2_word_of(c2_words_accuracy, p->accuracy));
    return true;
}

static bool px3(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    return supports(device, c2_cpu_kernel(device, C2_FAMILY_DOT3_PX, variant), p, p->icg, why);
}

static bool px2(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    return is_fast(p, why) &&
           supports(device, c2_cpu_kernel(device, C2_FAMILY_DOT2_PX, variant), p, p->icg, why);
}

static bool ch3(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    return supports(device, c2_cpu_kernel(device, C2_FAMILY_DOT3_CH, variant), p,
                    c2_panel_channels(p), why) &&
           c2_panel_supports(p, why);
}

static bool ch2(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    return is_fast(p, why) &&
           supports(device, c2_cpu_kernel(device, C2_FAMILY_DOT2_CH, variant), p,
                    c2_panel_channels(p), why) &&
           c2_panel_supports(p, why);
}

static bool rows3(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    const c2_kernel *kernel = c2_cpu_kernel(device, C2_FAMILY_DOT3_CH, variant);
    return supports(device, kernel, p, c2_strip_channels(p), why) &&
           c2_strip_supports(device, kernel, p, why);
}

static bool groups3(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    const c2_kernel *kernel = c2_cpu_kernel(device, C2_FAMILY_DOT3_CH, variant);
    return supports(device, kernel, p, p->icg, why) && c2_group_supports(device, kernel, p, why);
}

static bool crossed3(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    const c2_kernel *kernel = c2_cpu_kernel(device, C2_FAMILY_DOT2_CH, variant);
    return supports(device, kernel, p, p->icg, why) && c2_group_supports(device, kernel, p, why);
}

/* 1.01 * (g(n) + what parts leave out). */
static double bound_of(const c2_problem *p, double left_out)
{
    const double n = 6.0 * (double)(p->kh * p->kw * c2_div_up(p->icg, 32)) + 20;
    return 1.01 * (n * 0x1p-24 / (1 - n * 0x1p-24) + left_out);
}

static double bound3(const c2_problem *p, int variant)
{
    (void)variant;
    return bound_of(p, 0x1p-24);
}

static double bound2(const c2_problem *p, int variant)
{
    (void)variant;
    return bound_of(p, 0x1p-15);
}

static const char *text3(const c2_problem *p, int variant)
{
    (void)p;
    (void)variant;
    return "1.01 (g(n) + 2^-24) * s + 2^-126 * (12 K + 4 + 4 D)";
}

static const char *text2(const c2_problem *p, int variant)
{
    (void)p;
    (void)variant;
    return "1.01 (g(n) + 2^-15) * s + 2^-126 * (12 K + 4 + 4 D)";
}

const c2_algorithm c2_algo_split3_px = {
    .name = "split3_px",
    .flushes = true,
    .variants = c2_dot3_px_variants,
    .variant_name = c2_dot3_px_variant_name,
    .variant_isa = c2_dot3_px_variant_isa,
    .supports = px3,
    .cost = c2_dot3_px_cost,
    .bound = bound3,
    .bound_text = text3,
    .memory = c2_dot3_px_memory,
    .packing = c2_dot3_px_packing,
    .pack = c2_dot3_px_pack,
    .plan_create = c2_dot3_px_plan_create,
    .plan_destroy = c2_px_plan_destroy,
    .run = c2_px_run,
};

const c2_algorithm c2_algo_split2_px = {
    .name = "split2_px",
    .flushes = true,
    .variants = c2_dot2_px_variants,
    .variant_name = c2_dot2_px_variant_name,
    .variant_isa = c2_dot2_px_variant_isa,
    .supports = px2,
    .cost = c2_dot2_px_cost,
    .bound = bound2,
    .bound_text = text2,
    .memory = c2_dot2_px_memory,
    .packing = c2_dot2_px_packing,
    .pack = c2_dot2_px_pack,
    .plan_create = c2_dot2_px_plan_create,
    .plan_destroy = c2_px_plan_destroy,
    .run = c2_px_run,
};

const c2_algorithm c2_algo_split3_ch = {
    .name = "split3_ch",
    .flushes = true,
    .variants = c2_dot3_ch_variants,
    .variant_name = c2_dot3_ch_variant_name,
    .variant_isa = c2_dot3_ch_variant_isa,
    .supports = ch3,
    .cost = c2_dot3_ch_cost,
    .bound = bound3,
    .bound_text = text3,
    .memory = c2_dot3_ch_memory,
    .packing = c2_dot3_ch_packing,
    .pack = c2_dot3_ch_pack,
    .plan_create = c2_dot3_ch_plan_create,
    .plan_destroy = c2_panel_plan_destroy,
    .run = c2_panel_run,
};

const c2_algorithm c2_algo_split2_ch = {
    .name = "split2_ch",
    .flushes = true,
    .variants = c2_dot2_ch_variants,
    .variant_name = c2_dot2_ch_variant_name,
    .variant_isa = c2_dot2_ch_variant_isa,
    .supports = ch2,
    .cost = c2_dot2_ch_cost,
    .bound = bound2,
    .bound_text = text2,
    .memory = c2_dot2_ch_memory,
    .packing = c2_dot2_ch_packing,
    .pack = c2_dot2_ch_pack,
    .plan_create = c2_dot2_ch_plan_create,
    .plan_destroy = c2_panel_plan_destroy,
    .run = c2_panel_run,
};

const c2_algorithm c2_algo_split3_rows = {
    .name = "split3_rows",
    .flushes = true,
    .variants = c2_dot3_rows_variants,
    .variant_name = c2_dot3_rows_variant_name,
    .variant_isa = c2_dot3_rows_variant_isa,
    .supports = rows3,
    .cost = c2_dot3_rows_cost,
    .bound = bound3,
    .bound_text = text3,
    .memory = c2_dot3_rows_memory,
    .packing = c2_dot3_rows_packing,
    .pack = c2_dot3_rows_pack,
    .plan_create = c2_dot3_rows_plan_create,
    .plan_destroy = c2_strip_plan_destroy,
    .run = c2_strip_run,
};

const c2_algorithm c2_algo_split3_groups = {
    .name = "split3_groups",
    .flushes = true,
    .variants = c2_dot3_groups_variants,
    .variant_name = c2_dot3_groups_variant_name,
    .variant_isa = c2_dot3_groups_variant_isa,
    .supports = groups3,
    .cost = c2_dot3_groups_cost,
    .bound = bound3,
    .bound_text = text3,
    .memory = c2_dot3_groups_memory,
    .packing = c2_dot3_groups_packing,
    .pack = c2_dot3_groups_pack,
    .plan_create = c2_dot3_groups_plan_create,
    .plan_destroy = c2_group_plan_destroy,
    .run = c2_group_run,
};

const c2_algorithm c2_algo_split3_crossed = {
    .name = "split3_crossed",
    .flushes = true,
    .variants = c2_dot2_crossed_variants,
    .variant_name = c2_dot2_crossed_variant_name,
    .variant_isa = c2_dot2_crossed_variant_isa,
    .supports = crossed3,
    .cost = c2_dot2_crossed_cost,
    .bound = bound3,
    .bound_text = text3,
    .memory = c2_dot2_crossed_memory,
    .packing = c2_dot2_crossed_packing,
    .pack = c2_dot2_crossed_pack,
    .plan_create = c2_dot2_crossed_plan_create,
    .plan_destroy = c2_group_plan_destroy,
    .run = c2_group_run,
};
