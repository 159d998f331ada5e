/* SPDX-License-Identifier: BSD-2-Clause
 * Winograd convolution of 3x3 kernels with stride 1, in any layout, for every accuracy but strict;
 * F(6,3) for accuracy fast alone:
 *   winograd_f2x3  F(2,3), points 0, 1, -1, infinity: 16 products for 4 pixels
 *   winograd_f4x3  F(4,3), points 0, 1, -1, 1/2, -2, infinity: 36 products for 16 pixels
 *   winograd_f6x3  F(6,3), points 0, 1, -1, 2, -2, 1/2, -1/2, infinity: 64 products for 36 pixels
 * Error before the activation (derived in docs/numerics.md):
 *   g(n) * S + n * alpha * 2^-149,  n = min(c, 64) + ceil(c / 64) + 20, c = IC/G,
 *   S = |b| + |r| + sum over channels of D * sum over taps of r(ky) r(kx) |w|
 * with D the largest |x| of a channel within m - 1 taps around the window. A value that is not
 * finite spreads to all pixels of its tile. */
#include "core/text_tables.h"
#include "cpu/winograd.h"

static int variants(const conv2d_device *device)
{
    return c2_cpu_kernel_count(device, C2_FAMILY_WINO_GEMM);
}

static const char *variant_name(const conv2d_device *device, int variant)
{
    return c2_cpu_kernel(device, C2_FAMILY_WINO_GEMM, variant)->variant;
}

static const char *variant_isa(const conv2d_device *device, int variant)
{
    return c2_cpu_kernel(device, C2_FAMILY_WINO_GEMM, variant)->isa;
}

static bool supports(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    if (p->accuracy == CONV2D_ACCURACY_STRICT)
        return c2_refuse(why, "accuracy = strict: the errors of transformed sums are larger");
    if (p->kh != 3 || p->kw != 3)
        return c2_refuse(why, "kernel %lld x %lld: only 3 x 3", (long long)p->kh,
                         (long long)p->kw);
    if (p->stride[0] != 1 || p->stride[1] != 1)
        return c2_refuse(why, "stride %lld, %lld: only 1", (long long)p->stride[0],
                         (long long)p->stride[1]);
    if (p->icg == 1)
        return c2_refuse(why, "one input channel a group: no sums that would pay for transforms");
    if (!p->weights_finite)
        return c2_refuse(why, "weights are not all finite: transforms would spread them");
    return c2_driver_supports(
        c2_wino_kernel(device, variant, C2_FAMILY_WINO_IN, 2, CONV2D_FLOAT32), p, why);
}

static bool supports_fast(const conv2d_device *device, const c2_problem *p, int variant,
                          c2_why *why)
{
    if (p->accuracy != CONV2D_ACCURACY_FAST)
        return c2_refuse(why, "accuracy = %s: only fast, the errors of F(6,3) are larger",
                         c2_word_of(c2_words_accuracy, p->accuracy));
    /* What fits a task's stack is a tile or two, which cannot pay, on some ISAs not even that. */
    if (p->workspace_limit <= C2_STACK_BYTES)
        return c2_refuse(why, "workspace_limit = %llu: F(6,3) needs more than %d bytes",
                         (unsigned long long)p->workspace_limit, C2_STACK_BYTES);
    return supports(device, p, variant, why);
}

static double bound(const c2_problem *p, int variant)
{
    (void)variant;
    const double n = (double)(c2_min(p->icg, C2_WINO_K) + c2_div_up(p->icg, C2_WINO_K) + 20);
    return n * 0x1p-24 / (1 - n * 0x1p-24);
}

static c2_bytes memory(const c2_problem *p, const c2_wino_plan *plan)
{
    return (c2_bytes){c2_wino_pack_bytes(p, plan), 0,
                      plan->scratch_bytes > C2_STACK_BYTES ? plan->scratch_bytes : 0};
}

static void packing(const c2_problem *p, const c2_wino_plan *plan, c2_text *out)
{
    c2_text_add(out, "v1,g%lld,w%d,o%lld,c%lld", (long long)p->groups, plan->nr,
                (long long)p->ocg, (long long)p->icg);
}

static const char *bound_text_f2(const c2_problem *p, int variant)
{
    (void)variant;
    return p->output_dtype == CONV2D_FLOAT32
               ? "g(n) * S + n * 2^-145, S of F(2,3)"
               : "g(n) * S + n * 2^-145, S of F(2,3), then rounded once";
}

static const char *bound_text_f4(const c2_problem *p, int variant)
{
    (void)variant;
    return p->output_dtype == CONV2D_FLOAT32
               ? "g(n) * S + n * 2^-142, S of F(4,3)"
               : "g(n) * S + n * 2^-142, S of F(4,3), then rounded once";
}

static const char *bound_text_f6(const c2_problem *p, int variant)
{
    (void)variant;
    return p->output_dtype == CONV2D_FLOAT32
               ? "g(n) * S + n * 2^-142, S of F(6,3)"
               : "g(n) * S + n * 2^-142, S of F(6,3), then rounded once";
}

/* What differs in m alone. */
#define MEMBERS(m, supports_m)                                                                     \
    static double cost_##m(const conv2d_device *device, const c2_problem *p, int variant)         \
    {                                                                                              \
        return c2_wino_plan_make(device, p, m, variant).seconds;                                   \
    }                                                                                              \
    static c2_bytes memory_##m(const conv2d_device *device, const c2_problem *p, int variant)     \
    {                                                                                              \
        const c2_wino_plan plan = c2_wino_plan_make(device, p, m, variant);                        \
        return memory(p, &plan);                                                                   \
    }                                                                                              \
    static void packing_##m(const conv2d_device *device, const c2_problem *p, int variant,        \
                            c2_text *out)                                                          \
    {                                                                                              \
        const c2_wino_plan plan = c2_wino_plan_make(device, p, m, variant);                        \
        packing(p, &plan, out);                                                                    \
    }                                                                                              \
    static conv2d_status pack_##m(conv2d_device *device, const c2_problem *p, int variant,        \
                                  const c2_weight_view *view, conv2d_buffer *packed)               \
    {                                                                                              \
        const c2_wino_plan plan = c2_wino_plan_make(device, p, m, variant);                        \
        c2_wino_pack(p, &plan, view, packed->host);                                                \
        return CONV2D_OK;                                                                          \
    }                                                                                              \
    static conv2d_status create_##m(conv2d_device *device, const c2_problem *p, int variant,      \
                                    c2_state **state_out)                                          \
    {                                                                                              \
        return c2_wino_state_create(device, p, m, variant, state_out);                             \
    }                                                                                              \
    const c2_algorithm c2_algo_winograd_f##m##x3 = {                                               \
        .name = "winograd_f" #m "x3",                                                              \
        .variants = variants,                                                                      \
        .variant_name = variant_name,                                                              \
        .variant_isa = variant_isa,                                                                \
        .supports = supports_m,                                                                    \
        .cost = cost_##m,                                                                          \
        .bound = bound,                                                                            \
        .bound_text = bound_text_f##m,                                                             \
        .memory = memory_##m,                                                                      \
        .packing = packing_##m,                                                                    \
        .pack = pack_##m,                                                                          \
        .plan_create = create_##m,                                                                 \
        .plan_destroy = c2_wino_state_destroy,                                                     \
        .run = c2_wino_run,                                                                        \
    }
MEMBERS(2, supports);
MEMBERS(4, supports);
MEMBERS(6, supports_fast);
