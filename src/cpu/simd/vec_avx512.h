/* SPDX-License-Identifier: BSD-2-Clause
 * AVX-512 (F, BW, DQ, VL): 16 floats a vector, 32 registers. Functions are described in
 * vec_generic.h. Included only by files compiled with the flags of cmake/isa.cmake. */
#ifndef C2_CPU_SIMD_VEC_AVX512_H
#define C2_CPU_SIMD_VEC_AVX512_H

#include <immintrin.h>
#include <stdint.h>

#define C2_ISA avx512
typedef __m512 vf;
enum { VF = 16, VF_ROW_POINTERS = 6 };

static inline vf vf_set1(float x) { return _mm512_set1_ps(x); }
static inline vf vf_zero(void) { return _mm512_setzero_ps(); }
static inline vf vf_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void vf_store(float *p, vf v) { _mm512_storeu_ps(p, v); }
static inline __mmask16 vf_first(int n) { return (__mmask16)((1u << n) - 1); }
static inline vf vf_load_n(const float *p, int n) { return _mm512_maskz_loadu_ps(vf_first(n), p); }
static inline void vf_store_n(float *p, vf v, int n) { _mm512_mask_storeu_ps(p, vf_first(n), v); }
static inline vf vf_add(vf a, vf b) { return _mm512_add_ps(a, b); }
static inline vf vf_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
static inline vf vf_div(vf a, vf b) { return _mm512_div_ps(a, b); }
static inline vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
/* maxps and minps give the second operand if one is NaN or both are zero. */
static inline vf vf_max(vf bound, vf x) { return _mm512_max_ps(bound, x); }
static inline vf vf_min(vf bound, vf x) { return _mm512_min_ps(bound, x); }
static inline vf vf_where_positive(vf x, vf a, vf b)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_GT_OQ), b, a);
}
static inline vf vf_keep(vf v)
{
    __asm__("" : "+v"(v));
    return v;
}

#endif
