/* SPDX-License-Identifier: BSD-2-Clause
 * Implicit GEMM of float32 in three bfloat16 parts by tile registers, for groups of few channels,
 * one or many, whose pixels are cut once for all taps; lanes = output channels; any strides, zero
 * padding (group_strip.h):
 *   split3_groups   more than 16 channels a group
 *   split3_crossed  9 to 16, of which pairs of parts fill a register's row
 * Bound as in algo_split.c, from products of parts that are as many or fewer. */
#include "core/dtype.h"
#include "core/text_tables.h"
#include "cpu/cost.h"
#include "cpu/group_strip.h"

enum { LEAST_CHANNELS = 9, MOST_NUMBERS = INT32_MAX };

typedef c2_family family_table[2];
static const family_table groups_families = {C2_FAMILY_DOT3_CH};
static const family_table crossed_families = {C2_FAMILY_DOT2_TALL, C2_FAMILY_DOT2_CH};

static bool has_channels(const c2_problem *p, c2_family family, c2_why *why)
{
    const bool crossed = family != C2_FAMILY_DOT3_CH;
    const int64_t least = crossed ? LEAST_CHANNELS : C2_GROUP_CROSSED + 1;
    const int64_t most = crossed ? C2_GROUP_CROSSED : C2_GROUP_CHANNELS;
    if (p->icg < least || p->icg > most)
        return c2_refuse(why, "%lld input channels a group: from %lld to %lld", (long long)p->icg,
                         (long long)least, (long long)most);
    return true;
}

static bool supports(const conv2d_device *device, const c2_problem *p, const c2_kernel *kernel,
                     c2_why *why)
{
    if (p->input_dtype != CONV2D_FLOAT32)
        return c2_refuse(why, "dtype %s: float32 only", c2_dtype_name(p->input_dtype));
    if (!p->weights_finite)
        return c2_refuse(why, "weights are not all finite: parts make NaN of infinities");
    if (!c2_dot_supports(device, kernel, p, p->icg, why) || !c2_driver_supports(kernel, p, why) ||
        !has_channels(p, kernel->family, why))
        return false;
    if (p->padding_mode != CONV2D_PAD_ZEROS && c2_problem_is_padded(p))
        return c2_refuse(why, "padding mode %s: only zeros",
                         c2_word_of(c2_words_mode, p->padding_mode));
    /* Images of any size are asked for. */
    const double row = ((double)p->w + 2 * (double)p->pad[1] +
                        (double)(p->ow + C2_GROUP_PIXELS) * (double)p->stride[1] +
                        2 * (double)p->kw * (double)p->dilation[1]) *
                       (C2_MAX_PARTS * C2_GROUP_CHANNELS);
    const double rows = (double)(p->kh - 1) * (double)p->dilation[0] + 1;
    if (row * rows > (double)MOST_NUMBERS)
        return c2_refuse(why, "rows of %.3g numbers, %.0f of them under an output row: fewer than "
                              "2^31 numbers only", row, rows);
    return c2_scratch_fits(p, c2_group_plan_make(device, kernel, p).scratch_bytes,
                           "the rows under an output row", why);
}

static double cost(const conv2d_device *device, const c2_problem *p, const c2_kernel *kernel)
{
    return (double)p->n * (double)p->groups * c2_group_plan_make(device, kernel, p).seconds +
           c2_cost_epilogue(c2_speed_of(device, kernel), p, 1);
}

static c2_bytes memory(const conv2d_device *device, const c2_problem *p, const c2_kernel *kernel)
{
    const c2_group_plan plan = c2_group_plan_make(device, kernel, p);
    return (c2_bytes){c2_pack_words_bytes(p, &plan.words, &plan.pack), 0,
                      c2_scratch_workspace(plan.scratch_bytes)};
}

static void packing(const conv2d_device *device, const c2_problem *p, const c2_kernel *kernel,
                    c2_text *out)
{
    const c2_group_plan plan = c2_group_plan_make(device, kernel, p);
    c2_pack_words_name(p, &plan.words, &plan.pack, out);
}

static conv2d_status pack(conv2d_device *device, const c2_problem *p, const c2_kernel *kernel,
                          const c2_weight_view *view, conv2d_buffer *packed)
{
    const c2_group_plan plan = c2_group_plan_make(device, kernel, p);
    c2_pack_words(device, kernel, p, &plan.words, &plan.pack, view, packed->host);
    return CONV2D_OK;
}

/* Members of an algorithm whose variants are the first kernels of `n` families. */
#define MEMBERS(name_, n_)                                                                         \
    static const c2_kernel *name_##_kernel(const conv2d_device *device, int variant)               \
    {                                                                                              \
        return c2_cpu_kernel(device, name_##_families[variant], 0);                                \
    }                                                                                              \
    static int name_##_variants(const conv2d_device *device)                                       \
    {                                                                                              \
        return c2_cpu_kernel_count(device, name_##_families[0]) > 0 ? (n_) : 0;                    \
    }                                                                                              \
    static const char *name_##_variant_name(const conv2d_device *device, int variant)              \
    {                                                                                              \
        return name_##_kernel(device, variant)->variant;                                           \
    }                                                                                              \
    static const char *name_##_variant_isa(const conv2d_device *device, int variant)               \
    {                                                                                              \
        return name_##_kernel(device, variant)->isa;                                               \
    }                                                                                              \
    static bool name_##_supports(const conv2d_device *device, const c2_problem *p, int variant,    \
                                 c2_why *why)                                                      \
    {                                                                                              \
        return supports(device, p, name_##_kernel(device, variant), why);                          \
    }                                                                                              \
    static double name_##_cost(const conv2d_device *device, const c2_problem *p, int variant)      \
    {                                                                                              \
        return cost(device, p, name_##_kernel(device, variant));                                   \
    }                                                                                              \
    static c2_bytes name_##_memory(const conv2d_device *device, const c2_problem *p, int variant)  \
    {                                                                                              \
        return memory(device, p, name_##_kernel(device, variant));                                 \
    }                                                                                              \
    static void name_##_packing(const conv2d_device *device, const c2_problem *p, int variant,     \
                                c2_text *out)                                                      \
    {                                                                                              \
        packing(device, p, name_##_kernel(device, variant), out);                                  \
    }                                                                                              \
    static conv2d_status name_##_pack(conv2d_device *device, const c2_problem *p, int variant,     \
                                      const c2_weight_view *view, conv2d_buffer *packed)           \
    {                                                                                              \
        return pack(device, p, name_##_kernel(device, variant), view, packed);                     \
    }                                                                                              \
    static conv2d_status name_##_plan_create(conv2d_device *device, const c2_problem *p,           \
                                             int variant, c2_state **state_out)                    \
    {                                                                                              \
        return c2_group_state_create(device, name_##_kernel(device, variant), p, state_out);       \
    }                                                                                              \
    const c2_algorithm c2_algo_split3_##name_ = {                                                  \
        .name = "split3_" #name_,                                                                  \
        .flushes = true,                                                                           \
        .variants = name_##_variants,                                                              \
        .variant_name = name_##_variant_name,                                                      \
        .variant_isa = name_##_variant_isa,                                                        \
        .supports = name_##_supports,                                                              \
        .cost = name_##_cost,                                                                      \
        .bound = c2_split3_bound,                                                                  \
        .bound_text = c2_split3_bound_text,                                                        \
        .memory = name_##_memory,                                                                  \
        .packing = name_##_packing,                                                                \
        .pack = name_##_pack,                                                                      \
        .plan_create = name_##_plan_create,                                                        \
        .plan_destroy = c2_group_state_destroy,                                                    \
        .run = c2_group_run,                                                                       \
    }

MEMBERS(groups, 1);
MEMBERS(crossed, 2);
