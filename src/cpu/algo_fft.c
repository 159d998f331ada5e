/* SPDX-License-Identifier: BSD-2-Clause
 * fft: products of spectra in place of sums of products, for large kernels of stride 1, in any
 * layout, with any groups, dilation and padding mode; transforms by KissFFT (kiss.h).
 * For accuracy fast alone: errors grow with the norm of a whole tile instead of a window, so they
 * may cover what is dark beside what is bright. Error before the activation (derived in
 * docs/numerics.md):
 *   g(n) * S + n * 2^-120,  n = 290 + 3 IC/G,
 *   S = |b| + |r| + 1.5 sum over channels of (|w|_1 + t) (|x|_2 + t), t = 2^-100
 * with |w|_1 the sum of a filter's absolute values and |x|_2 the norm of the channel's padded
 * image. A value that is not finite spreads to all pixels of a pair of tiles. */
#include <math.h>

#include "core/text_tables.h"
#include "cpu/cost.h"
#include "cpu/fft.h"

static int variants(const conv2d_device *device)
{
    (void)device;
    return 1;
}

static const char *variant_name(const conv2d_device *device, int variant)
{
    (void)device;
    (void)variant;
    return "kiss_f32";
}

static const char *variant_isa(const conv2d_device *device, int variant)
{
    (void)device;
    (void)variant;
    return "generic";
}

static bool supports(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    (void)variant;
    c2_fft_plan plan;
    if (!c2_kiss_present())
        return c2_refuse(why, "this build has no KissFFT");
    if (p->accuracy != CONV2D_ACCURACY_FAST)
        return c2_refuse(why, "accuracy = %s: only fast, errors grow with the norm of a tile",
                         c2_word_of(c2_words_accuracy, p->accuracy));
    if (p->stride[0] != 1 || p->stride[1] != 1)
        return c2_refuse(why, "stride %lld, %lld: only 1", (long long)p->stride[0],
                         (long long)p->stride[1]);
    if (!p->weights_finite)
        return c2_refuse(why, "weights are not all finite: transforms would spread them");
    if (!c2_driver_supports(c2_cpu_kernel(device, C2_FAMILY_EPILOGUE, 0), p, why))
        return false;
    if (!c2_fft_plan_make(device, p, &plan))
        return c2_refuse(why, "%lld filters of %lld x %lld: their spectra take too much memory",
                         (long long)(p->oc * p->icg), (long long)p->kh, (long long)p->kw);
    return plan.scratch_bytes <= p->workspace_limit ||
           c2_refuse(why, "workspace_limit = %llu: two tiles take %llu",
                     (unsigned long long)p->workspace_limit,
                     (unsigned long long)plan.scratch_bytes);
}

static double cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    (void)variant;
    c2_fft_plan plan;
    if (!c2_fft_plan_make(device, p, &plan))
        return HUGE_VAL;
    const c2_speed *speed = c2_speed_of(device, c2_cpu_kernel(device, C2_FAMILY_EPILOGUE, 0));
    return (double)p->n * plan.seconds + c2_cost_epilogue(speed, p, 3);
}

static double bound(const c2_problem *p, int variant)
{
    (void)variant;
    const double nu = (290 + 3 * (double)p->icg) * 0x1p-24;
    return nu < 1 ? nu / (1 - nu) : HUGE_VAL;
}

static const char *bound_text(const c2_problem *p, int variant)
{
    (void)variant;
    return p->output_dtype == CONV2D_FLOAT32 ? "g(n) * S + n * 2^-120, S of fft"
                                             : "g(n) * S + n * 2^-120, S of fft, then rounded once";
}

static c2_bytes memory(const conv2d_device *device, const c2_problem *p, int variant)
{
    (void)variant;
    c2_fft_plan plan;
    if (!c2_fft_plan_make(device, p, &plan))
        return (c2_bytes){0, 0, 0};
    return (c2_bytes){plan.packed_bytes, 0, plan.scratch_bytes};
}

static void packing(const conv2d_device *device, const c2_problem *p, int variant, c2_text *out)
{
    (void)variant;
    c2_fft_plan plan;
    if (c2_fft_plan_make(device, p, &plan))
        c2_text_add(out, "v1,n%dx%d,d%lldx%lld", plan.size[0], plan.size[1],
                    (long long)p->dilation[0], (long long)p->dilation[1]);
}

static conv2d_status pack(conv2d_device *device, const c2_problem *p, int variant,
                          const c2_weight_view *view, conv2d_buffer *packed)
{
    (void)variant;
    c2_fft_plan plan;
    c2_fft_plan_make(device, p, &plan); /* as supports() saw */
    return c2_fft_pack(device, p, &plan, view, packed->host);
}

static conv2d_status plan_create(conv2d_device *device, const c2_problem *p, int variant,
                                 c2_state **state_out)
{
    (void)variant;
    c2_fft_plan plan;
    c2_fft_plan_make(device, p, &plan);
    return c2_fft_create(device, p, &plan, state_out);
}

const c2_algorithm c2_algo_fft = {
    .name = "fft",
    .variants = variants,
    .variant_name = variant_name,
    .variant_isa = variant_isa,
    .supports = supports,
    .cost = cost,
    .bound = bound,
    .bound_text = bound_text,
    .memory = memory,
    .packing = packing,
    .pack = pack,
    .plan_create = plan_create,
    .plan_destroy = c2_fft_destroy,
    .run = c2_fft_run,
};
