/* SPDX-License-Identifier: BSD-2-Clause
 * Winograd convolution of kernels of up to 4 pieces of 3 taps an axis, each of taps that are the
 * stride apart, in any layout, for every accuracy but strict; F(6,3) for accuracy fast alone.
 * Kernels of q pieces are their sum; a piece that has one or two taps of the kernel takes fewer
 * products (kernels_winograd.h), so that 3x3 with stride 2 takes 81 for 16 pixels:
 *   winograd_f2x3  F(2,3), points 0, 1, -1, infinity: 16 products for 4 pixels
 *   winograd_f4x3  F(4,3), points 0, 1, -1, 1/2, -2, infinity: 36 products for 16 pixels
 *   winograd_f6x3  F(6,3), points 0, 1, -1, 2, -2, 1/2, -1/2, infinity: 64 products for 36 pixels
 *   split3_f2x3, split3_f4x3  the same products of float32 in three bfloat16 parts (parts.h), by
 *                  tile registers
 * Error before the activation (derived in docs/numerics.md):
 *   g(n) * S + n * alpha * 2^-149,  n = min(c, 64) + q ceil(c / 64) + 20, c = IC/G,
 *   S = |b| + |r| + sum over channels of D * sum over taps of r(ky mod 3) r(kx mod 3) |w|
 * with D the largest |x| of a channel within m - 1 taps around the pieces' window. A value that is
 * not finite spreads to all pixels of its tile. Of split3_fMx3:
 *   1.01 * (g(n) + 2^-24) * S + (12 q c + n) * alpha * 2^-125,  n = 6 q ceil(c / 32) + 50. */
#include "core/dtype.h"
#include "core/text_tables.h"
#include "cpu/winograd.h"

static bool supports(const c2_kernel *gemm, const c2_problem *p, c2_why *why)
{
    if (p->accuracy == CONV2D_ACCURACY_STRICT)
        return c2_refuse(why, "accuracy = strict: the errors of transformed sums are larger");
    if (p->kh * p->kw == 1)
        return c2_refuse(why, "kernel 1 x 1: no sums of taps to transform");
    for (int a = 0; a < 2; a++) {
        const long long taps = a ? p->kw : p->kh, stride = p->stride[a];
        const char *const what = a ? "columns" : "rows";
        if (taps == 1)
            continue;
        if (stride > 1 && p->dilation[a] > 1)
            return c2_refuse(why, "stride[%d] = %lld, dilation[%d] = %lld: only one of them", a,
                             stride, a, (long long)p->dilation[a]);
        if (stride >= taps)
            return c2_refuse(why, "stride[%d] = %lld, %lld %s of the kernel: none a stride apart",
                             a, stride, taps, what);
        const long long pieces = c2_wino_axis_pieces(taps, stride);
        if (pieces > C2_WINO_MAX_PIECES)
            return c2_refuse(why,
                             "%lld %s of the kernel, stride %lld: %lld pieces of 3, %d at most",
                             taps, what, stride, pieces, C2_WINO_MAX_PIECES);
    }
    if (p->icg == 1)
        return c2_refuse(why, "one input channel a group: no sums that would pay for transforms");
    if (!p->weights_finite)
        return c2_refuse(why, "weights are not all finite: transforms would spread them");
    return c2_driver_supports(c2_wino_kernel(gemm, C2_FAMILY_WINO_IN, 2, CONV2D_FLOAT32), p, why);
}

static bool supports_fma(const c2_kernel *gemm, const conv2d_device *device, const c2_problem *p,
                         int m, c2_why *why)
{
    (void)device;
    if (m == 6 && p->accuracy != CONV2D_ACCURACY_FAST)
        return c2_refuse(why, "accuracy = %s: only fast, the errors of F(6,3) are larger",
                         c2_word_of(c2_words_accuracy, p->accuracy));
    /* What fits a task's stack is a tile or two, which cannot pay, on some ISAs not even that. */
    if (m == 6 && p->workspace_limit <= C2_STACK_BYTES)
        return c2_refuse(why, "workspace_limit = %llu: F(6,3) needs more than %d bytes",
                         (unsigned long long)p->workspace_limit, C2_STACK_BYTES);
    return supports(gemm, p, why);
}

static bool supports_parts(const c2_kernel *gemm, const conv2d_device *device, const c2_problem *p,
                           int m, c2_why *why)
{
    if (p->input_dtype != CONV2D_FLOAT32)
        return c2_refuse(why, "dtype %s: float32 only", c2_dtype_name(p->input_dtype));
    if (!supports(gemm, p, why) || !c2_dot_supports(device, gemm, p, p->icg, why))
        return false;
    if (p->icg > INT32_MAX)
        return c2_refuse(why, "%lld input channels a group: fewer than 2^31 only",
                         (long long)p->icg);
    const c2_wino_plan plan = c2_wino_plan_make(device, p, m, gemm);
    if (plan.scratch_bytes > p->workspace_limit)
        return c2_refuse(why, "workspace_limit = %llu: parts of %d tiles need %zu bytes",
                         (unsigned long long)p->workspace_limit, plan.mr, plan.scratch_bytes);
    return true;
}

static double bound_fma(const c2_problem *p)
{
    const int64_t pieces = c2_wino_pieces_of(p);
    const int64_t in_a_row = c2_wino_merges(p) ? pieces * p->icg : p->icg;
    const double n =
        (double)(c2_min(in_a_row, C2_WINO_K) + pieces * c2_div_up(p->icg, C2_WINO_K) + 20);
    return n * 0x1p-24 / (1 - n * 0x1p-24);
}

static double bound_parts(const c2_problem *p)
{
    const int64_t blocks = c2_wino_pieces_of(p) * c2_div_up(p->icg, C2_WINO_CHANNELS);
    const double n = 6.0 * (double)blocks + 50;
    return 1.01 * (n * 0x1p-24 / (1 - n * 0x1p-24) + 0x1p-24);
}

/* Of the plan that runs will have, which is for all of the device's threads. */
static c2_bytes memory(const conv2d_device *device, const c2_problem *p, int m,
                       const c2_kernel *gemm)
{
    c2_wino_plan plan = c2_wino_plan_make(device, p, m, gemm);
    c2_wino_plan_share(device, p, gemm, &plan);
    return (c2_bytes){c2_wino_pack_bytes(p, &plan), plan.common_bytes,
                      c2_scratch_workspace(plan.scratch_bytes)};
}

static void packing(const c2_problem *p, const c2_wino_plan *plan, c2_text *out)
{
    /* 2: without steps that pieces lack. Parts had no kernels of several pieces before. */
    c2_text_add(out, "v%d,g%lld,w%d,o%lld,c%lld%s", plan->parts ? 1 : 2, (long long)p->groups,
                plan->nr, (long long)p->ocg, (long long)p->icg, plan->parts ? ",x3" : "");
    if (plan->beside)
        c2_text_add(out, ",s%lld", (long long)(plan->nr / p->icg));
    if (c2_wino_pieces(plan) > 1 || c2_wino_is_line(plan))
        c2_text_add(out, ",p%lldx%lld,s%lldx%lld", (long long)plan->axis[0].pieces,
                    (long long)plan->axis[1].pieces, (long long)plan->axis[0].stride,
                    (long long)plan->axis[1].stride);
}

static conv2d_status pack(const conv2d_device *device, const c2_problem *p, int m,
                          const c2_kernel *gemm, const c2_weight_view *view, conv2d_buffer *packed)
{
    const c2_wino_plan plan = c2_wino_plan_make(device, p, m, gemm);
    const c2_any_fn pair =
        plan.parts ? c2_packing_helper(device, gemm, C2_FAMILY_PAIR, C2_WINO_PARTS) : NULL;
    c2_wino_pack(p, &plan, (c2_pair_fn)pair, view, packed->host);
    return CONV2D_OK;
}

#define FMA_TEXT(m, least) "g(n) * S + n * 2^-" least ", S of F(" #m ",3)"
#define PARTS_TEXT(m, least)                                                                       \
    "1.01 (g(n) + 2^-24) * S + (12 q C + n) * 2^-" least ", S of F(" #m ",3)"

/* What differs in m, and in the kernels of the products. */
#define MEMBERS(id, m, FAMILY, kind, flushes_, text)                                               \
    static const c2_kernel *gemm_##id(const conv2d_device *device, int variant)                    \
    {                                                                                              \
        return c2_cpu_kernel(device, C2_FAMILY_##FAMILY, variant);                                 \
    }                                                                                              \
    static int variants_##id(const conv2d_device *device)                                          \
    {                                                                                              \
        return c2_cpu_kernel_count(device, C2_FAMILY_##FAMILY);                                    \
    }                                                                                              \
    static const char *variant_name_##id(const conv2d_device *device, int variant)                 \
    {                                                                                              \
        return gemm_##id(device, variant)->variant;                                                \
    }                                                                                              \
    static const char *variant_isa_##id(const conv2d_device *device, int variant)                  \
    {                                                                                              \
        return gemm_##id(device, variant)->isa;                                                    \
    }                                                                                              \
    static bool supports_##id(const conv2d_device *device, const c2_problem *p, int variant,       \
                              c2_why *why)                                                         \
    {                                                                                              \
        return supports_##kind(gemm_##id(device, variant), device, p, m, why);                     \
    }                                                                                              \
    static double bound_##id(const c2_problem *p, int variant)                                     \
    {                                                                                              \
        (void)variant;                                                                             \
        return bound_##kind(p);                                                                    \
    }                                                                                              \
    static const char *bound_text_##id(const c2_problem *p, int variant)                           \
    {                                                                                              \
        (void)variant;                                                                             \
        return p->output_dtype == CONV2D_FLOAT32 ? text : text ", then rounded once";              \
    }                                                                                              \
    static double cost_##id(const conv2d_device *device, const c2_problem *p, int variant)         \
    {                                                                                              \
        return c2_wino_plan_make(device, p, m, gemm_##id(device, variant)).seconds;                \
    }                                                                                              \
    static c2_bytes memory_##id(const conv2d_device *device, const c2_problem *p, int variant)     \
    {                                                                                              \
        return memory(device, p, m, gemm_##id(device, variant));                                   \
    }                                                                                              \
    static void packing_##id(const conv2d_device *device, const c2_problem *p, int variant,        \
                             c2_text *out)                                                         \
    {                                                                                              \
        const c2_wino_plan plan = c2_wino_plan_make(device, p, m, gemm_##id(device, variant));     \
        packing(p, &plan, out);                                                                    \
    }                                                                                              \
    static conv2d_status pack_##id(conv2d_device *device, const c2_problem *p, int variant,        \
                                   const c2_weight_view *view, conv2d_buffer *packed)              \
    {                                                                                              \
        return pack(device, p, m, gemm_##id(device, variant), view, packed);                       \
    }                                                                                              \
    static conv2d_status create_##id(conv2d_device *device, const c2_problem *p, int variant,      \
                                     c2_state **state_out)                                         \
    {                                                                                              \
        return c2_wino_state_create(device, p, m, gemm_##id(device, variant), state_out);          \
    }                                                                                              \
    const c2_algorithm c2_algo_##id = {                                                            \
        .name = #id,                                                                               \
        .flushes = flushes_,                                                                       \
        .variants = variants_##id,                                                                 \
        .variant_name = variant_name_##id,                                                         \
        .variant_isa = variant_isa_##id,                                                           \
        .supports = supports_##id,                                                                 \
        .cost = cost_##id,                                                                         \
        .bound = bound_##id,                                                                       \
        .bound_text = bound_text_##id,                                                             \
        .memory = memory_##id,                                                                     \
        .packing = packing_##id,                                                                   \
        .pack = pack_##id,                                                                         \
        .plan_create = create_##id,                                                                \
        .plan_destroy = c2_wino_state_destroy,                                                     \
        .run = c2_wino_run,                                                                        \
    }
MEMBERS(winograd_f2x3, 2, WINO_GEMM, fma, false, FMA_TEXT(2, "145"));
MEMBERS(winograd_f4x3, 4, WINO_GEMM, fma, false, FMA_TEXT(4, "142"));
MEMBERS(winograd_f6x3, 6, WINO_GEMM, fma, false, FMA_TEXT(6, "142"));
MEMBERS(split3_f2x3, 2, DOT3_CH, parts, true, PARTS_TEXT(2, "121"));
MEMBERS(split3_f4x3, 4, DOT3_CH, parts, true, PARTS_TEXT(4, "118"));
