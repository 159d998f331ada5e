/* SPDX-License-Identifier: BSD-2-Clause
 * AArch64 Advanced SIMD: four floats a vector, 32 registers. Functions are described in
 * vec_generic.h. Maxima and minima are compare and select, since fmax treats NaN and zeros
 * differently. */
#ifndef C2_CPU_SIMD_VEC_NEON_H
#define C2_CPU_SIMD_VEC_NEON_H

#include <arm_neon.h>
#include <stdint.h>

#define C2_ISA neon
typedef float32x4_t vf;
enum { VF = 4, VF_ROW_POINTERS = 12 };

static inline vf vf_set1(float x) { return vdupq_n_f32(x); }
static inline vf vf_zero(void) { return vdupq_n_f32(0); }
static inline vf vf_load(const float *p) { return vld1q_f32(p); }
static inline void vf_store(float *p, vf v) { vst1q_f32(p, v); }
static inline vf vf_load_n(const float *p, int n)
{
    vf v = vld1q_lane_f32(p, vdupq_n_f32(0), 0);
    if (n > 1)
        v = vld1q_lane_f32(p + 1, v, 1);
    if (n > 2)
        v = vld1q_lane_f32(p + 2, v, 2);
    return v;
}
static inline void vf_store_n(float *p, vf v, int n)
{
    vst1q_lane_f32(p, v, 0);
    if (n > 1)
        vst1q_lane_f32(p + 1, v, 1);
    if (n > 2)
        vst1q_lane_f32(p + 2, v, 2);
}
static inline vf vf_add(vf a, vf b) { return vaddq_f32(a, b); }
static inline vf vf_mul(vf a, vf b) { return vmulq_f32(a, b); }
static inline vf vf_div(vf a, vf b) { return vdivq_f32(a, b); }
static inline vf vf_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
static inline vf vf_max(vf bound, vf x) { return vbslq_f32(vcgtq_f32(bound, x), bound, x); }
static inline vf vf_min(vf bound, vf x) { return vbslq_f32(vcltq_f32(bound, x), bound, x); }
static inline vf vf_where_positive(vf x, vf a, vf b)
{
    return vbslq_f32(vcgtq_f32(x, vdupq_n_f32(0)), a, b);
}
static inline vf vf_keep(vf v)
{
    __asm__("" : "+w"(v));
    return v;
}

#endif
