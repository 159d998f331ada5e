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
static inline vf vf_set2(const float *p)
{
    return vcombine_f32(vld1_f32(p), vld1_f32(p));
}
static inline vf vf_set4(const float *p) { return vld1q_f32(p); }
static inline vf vf_zero(void) { return vdupq_n_f32(0); }
static inline vf vf_load(const float *p) { return vld1q_f32(p); }
static inline void vf_store(float *p, vf v) { vst1q_f32(p, v); }
static inline void vf_stream(float *p, vf v) { vf_store(p, v); }
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
typedef uint32_t vf_some;
static inline vf_some vf_some_of(uint32_t lanes) { return lanes; }
static inline vf_some vf_some_both(vf_some a, vf_some b) { return a & b; }
static inline vf vf_load_some(const float *p, vf_some some)
{
    if (some == 15)
        return vf_load(p);
    vf v = vdupq_n_f32(0);
    if (some & 1)
        v = vld1q_lane_f32(p, v, 0);
    if (some & 2)
        v = vld1q_lane_f32(p + 1, v, 1);
    if (some & 4)
        v = vld1q_lane_f32(p + 2, v, 2);
    if (some & 8)
        v = vld1q_lane_f32(p + 3, v, 3);
    return v;
}
static inline vf vf_add(vf a, vf b) { return vaddq_f32(a, b); }
static inline vf vf_sub(vf a, vf b) { return vsubq_f32(a, b); }
static inline vf vf_mul(vf a, vf b) { return vmulq_f32(a, b); }
static inline vf vf_div(vf a, vf b) { return vdivq_f32(a, b); }
static inline vf vf_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
static inline vf vf_max(vf bound, vf x) { return vbslq_f32(vcgtq_f32(bound, x), bound, x); }
static inline vf vf_min(vf bound, vf x) { return vbslq_f32(vcltq_f32(bound, x), bound, x); }
static inline vf vf_where_positive(vf x, vf a, vf b)
{
    return vbslq_f32(vcgtq_f32(x, vdupq_n_f32(0)), a, b);
}
static inline void vf_transpose(vf r[VF])
{
    const float64x2_t a = vreinterpretq_f64_f32(vtrn1q_f32(r[0], r[1]));
    const float64x2_t b = vreinterpretq_f64_f32(vtrn2q_f32(r[0], r[1]));
    const float64x2_t c = vreinterpretq_f64_f32(vtrn1q_f32(r[2], r[3]));
    const float64x2_t d = vreinterpretq_f64_f32(vtrn2q_f32(r[2], r[3]));
    r[0] = vreinterpretq_f32_f64(vtrn1q_f64(a, c));
    r[1] = vreinterpretq_f32_f64(vtrn1q_f64(b, d));
    r[2] = vreinterpretq_f32_f64(vtrn2q_f64(a, c));
    r[3] = vreinterpretq_f32_f64(vtrn2q_f64(b, d));
}
typedef uint8x16_t vf_lanes; /* numbers of bytes */
static inline vf_lanes vf_load_lanes(const int32_t *p)
{
    const uint32x4_t lane = vreinterpretq_u32_s32(vld1q_s32(p));
    return vreinterpretq_u8_u32(vmlaq_u32(vdupq_n_u32(0x03020100), lane, vdupq_n_u32(0x04040404)));
}
static inline vf vf_spread(vf v, vf_lanes from)
{
    return vreinterpretq_f32_u8(vqtbl1q_u8(vreinterpretq_u8_f32(v), from));
}
static inline vf vf_evens(vf a, vf b) { return vuzp1q_f32(a, b); }
static inline vf vf_odds(vf a, vf b) { return vuzp2q_f32(a, b); }
static inline vf vf_halves_exchanged(vf v) { return vextq_f32(v, v, 2); }
static inline vf vf_keep(vf v)
{
    __asm__("" : "+w"(v));
    return v;
}

/* n < 4 halves, and none of the memory behind them. */
static inline uint16x4_t vf_get_halves(const uint16_t *p, int n)
{
    uint16x4_t h = vld1_lane_u16(p, vdup_n_u16(0), 0);
    if (n > 1)
        h = vld1_lane_u16(p + 1, h, 1);
    if (n > 2)
        h = vld1_lane_u16(p + 2, h, 2);
    return h;
}
static inline uint16x4_t vf_some_halves(const uint16_t *p, vf_some some)
{
    if (some == 15)
        return vld1_u16(p);
    uint16x4_t h = vdup_n_u16(0);
    if (some & 1)
        h = vld1_lane_u16(p, h, 0);
    if (some & 2)
        h = vld1_lane_u16(p + 1, h, 1);
    if (some & 4)
        h = vld1_lane_u16(p + 2, h, 2);
    if (some & 8)
        h = vld1_lane_u16(p + 3, h, 3);
    return h;
}
static inline void vf_put_halves(uint16_t *p, uint16x4_t h, int n)
{
    vst1_lane_u16(p, h, 0);
    if (n > 1)
        vst1_lane_u16(p + 1, h, 1);
    if (n > 2)
        vst1_lane_u16(p + 2, h, 2);
}

/* The instructions keep float16 denormals whatever FPCR.FZ says, and make a NaN quiet as
 * core/half.h does. */
static inline vf vf_of_f16(uint16x4_t h) { return vcvt_f32_f16(vreinterpret_f16_u16(h)); }
static inline uint16x4_t vf_to_f16(vf v) { return vreinterpret_u16_f16(vcvt_f16_f32(v)); }
static inline vf vf_set1_f16(uint16_t x) { return vf_of_f16(vdup_n_u16(x)); }
static inline vf vf_load_f16(const uint16_t *p) { return vf_of_f16(vld1_u16(p)); }
static inline vf vf_load_n_f16(const uint16_t *p, int n) { return vf_of_f16(vf_get_halves(p, n)); }
static inline vf vf_load_some_f16(const uint16_t *p, vf_some some)
{
    return vf_of_f16(vf_some_halves(p, some));
}
static inline void vf_store_f16(uint16_t *p, vf v) { vst1_u16(p, vf_to_f16(v)); }
static inline void vf_store_n_f16(uint16_t *p, vf v, int n) { vf_put_halves(p, vf_to_f16(v), n); }

static inline vf vf_of_bf16(uint16x4_t h) { return vreinterpretq_f32_u32(vshll_n_u16(h, 16)); }
static inline uint16x4_t vf_to_bf16(vf v)
{
    const uint32x4_t x = vreinterpretq_u32_f32(v), high = vshrq_n_u32(x, 16);
    const uint32x4_t up = vaddq_u32(vandq_u32(high, vdupq_n_u32(1)), vdupq_n_u32(0x7fff));
    const uint32x4_t rounded = vshrq_n_u32(vaddq_u32(x, up), 16);
    const uint32x4_t quiet = vorrq_u32(high, vdupq_n_u32(0x40));
    return vmovn_u32(vbslq_u32(vceqq_f32(v, v), rounded, quiet));
}
static inline vf vf_set1_bf16(uint16_t x) { return vf_of_bf16(vdup_n_u16(x)); }
static inline vf vf_load_bf16(const uint16_t *p) { return vf_of_bf16(vld1_u16(p)); }
static inline vf vf_load_n_bf16(const uint16_t *p, int n)
{
    return vf_of_bf16(vf_get_halves(p, n));
}
static inline vf vf_load_some_bf16(const uint16_t *p, vf_some some)
{
    return vf_of_bf16(vf_some_halves(p, some));
}
static inline void vf_store_bf16(uint16_t *p, vf v) { vst1_u16(p, vf_to_bf16(v)); }
static inline void vf_store_n_bf16(uint16_t *p, vf v, int n)
{
    vf_put_halves(p, vf_to_bf16(v), n);
}

#endif
