/* SPDX-License-Identifier: BSD-2-Clause
 * AVX2 + FMA: eight floats a vector, 16 registers. Functions are described in vec_generic.h.
 * Included only by files compiled with the flags of cmake/isa.cmake. */
#ifndef C2_CPU_SIMD_VEC_AVX2_H
#define C2_CPU_SIMD_VEC_AVX2_H

#include <immintrin.h>
#include <stdint.h>

#define C2_ISA avx2
typedef __m256 vf;
enum { VF = 8, VF_ROW_POINTERS = 6 };

static inline vf vf_set1(float x) { return _mm256_set1_ps(x); }
static inline vf vf_zero(void) { return _mm256_setzero_ps(); }
static inline vf vf_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void vf_store(float *p, vf v) { _mm256_storeu_ps(p, v); }
static inline __m256i vf_first(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline vf vf_load_n(const float *p, int n) { return _mm256_maskload_ps(p, vf_first(n)); }
static inline void vf_store_n(float *p, vf v, int n) { _mm256_maskstore_ps(p, vf_first(n), v); }
static inline vf vf_add(vf a, vf b) { return _mm256_add_ps(a, b); }
static inline vf vf_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
static inline vf vf_div(vf a, vf b) { return _mm256_div_ps(a, b); }
static inline vf vf_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
/* maxps and minps give the second operand if one is NaN or both are zero. */
static inline vf vf_max(vf bound, vf x) { return _mm256_max_ps(bound, x); }
static inline vf vf_min(vf bound, vf x) { return _mm256_min_ps(bound, x); }
static inline vf vf_where_positive(vf x, vf a, vf b)
{
    return _mm256_blendv_ps(b, a, _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_GT_OQ));
}
static inline vf vf_keep(vf v)
{
    __asm__("" : "+x"(v));
    return v;
}

#endif
