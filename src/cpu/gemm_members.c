/* SPDX-License-Identifier: BSD-2-Clause
 * Members of the algorithms on the GEMM drivers, once for each family of kernels: they find the
 * variant's kernel and hand it to the driver. */
#include "cpu/driver.h"

#define MEMBERS(family, FAMILY, driver)                                                            \
    static const c2_kernel *family##_kernel(const conv2d_device *device, int variant)              \
    {                                                                                              \
        return c2_cpu_kernel(device, C2_FAMILY_##FAMILY, variant);                                 \
    }                                                                                              \
    int c2_##family##_variants(const conv2d_device *device)                                        \
    {                                                                                              \
        return c2_cpu_kernel_count(device, C2_FAMILY_##FAMILY);                                    \
    }                                                                                              \
    const char *c2_##family##_variant_name(const conv2d_device *device, int variant)               \
    {                                                                                              \
        return family##_kernel(device, variant)->variant;                                          \
    }                                                                                              \
    const char *c2_##family##_variant_isa(const conv2d_device *device, int variant)                \
    {                                                                                              \
        return family##_kernel(device, variant)->isa;                                              \
    }                                                                                              \
    double c2_##family##_cost(const conv2d_device *device, const c2_problem *p, int variant)       \
    {                                                                                              \
        return c2_##driver##_cost(device, family##_kernel(device, variant), p);                    \
    }                                                                                              \
    c2_bytes c2_##family##_memory(const conv2d_device *device, const c2_problem *p, int variant)   \
    {                                                                                              \
        return c2_##driver##_memory(device, family##_kernel(device, variant), p);                  \
    }                                                                                              \
    void c2_##family##_packing(const conv2d_device *device, const c2_problem *p, int variant,      \
                               c2_text *out)                                                       \
    {                                                                                              \
        c2_##driver##_packing(device, family##_kernel(device, variant), p, out);                   \
    }                                                                                              \
    conv2d_status c2_##family##_pack(conv2d_device *device, const c2_problem *p, int variant,      \
                                     const c2_weight_view *view, conv2d_buffer *packed)            \
    {                                                                                              \
        c2_##driver##_pack(device, family##_kernel(device, variant), p, view, packed->host);       \
        return CONV2D_OK;                                                                          \
    }                                                                                              \
    conv2d_status c2_##family##_plan_create(conv2d_device *device, const c2_problem *p,            \
                                            int variant, c2_state **state_out)                     \
    {                                                                                              \
        return c2_##driver##_plan_create(device, family##_kernel(device, variant), p, state_out);  \
    }
MEMBERS(gemm_ch, GEMM_CH, ch)
MEMBERS(gemm_px, GEMM_PX, px)
MEMBERS(dot_ch, DOT_CH, ch)
MEMBERS(dot_px, DOT_PX, px)
MEMBERS(dot2_px, DOT2_PX, px)
MEMBERS(dot3_px, DOT3_PX, px)
MEMBERS(dot2_ch, DOT2_CH, panel)
MEMBERS(dot3_ch, DOT3_CH, panel)
MEMBERS(dot3_rows, DOT3_CH, strip)
MEMBERS(dot3_groups, DOT3_CH, group)
MEMBERS(dot2_crossed, DOT2_CH, group)
