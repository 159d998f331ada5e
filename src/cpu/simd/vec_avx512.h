/* SPDX-License-Identifier: BSD-2-Clause
 * AVX-512 (F, BW, DQ, VL): 16 floats a vector, 32 registers. Functions are described in
 * vec_generic.h. Included only by files compiled with the flags of cmake/isa.cmake. */
#ifndef C2_CPU_SIMD_VEC_AVX512_H
#define C2_CPU_SIMD_VEC_AVX512_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define C2_ISA avx512
typedef __m512 vf;
enum { VF = 16, VF_ROW_POINTERS = 6 };

static inline vf vf_set1(float x) { return _mm512_set1_ps(x); }
static inline vf vf_set2(const float *p)
{
    double both;
    memcpy(&both, p, sizeof both);
    return _mm512_castpd_ps(_mm512_set1_pd(both));
}
static inline vf vf_set4(const float *p) { return _mm512_broadcast_f32x4(_mm_loadu_ps(p)); }
static inline vf vf_zero(void) { return _mm512_setzero_ps(); }
static inline vf vf_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void vf_store(float *p, vf v) { _mm512_storeu_ps(p, v); }
static inline void vf_stream(float *p, vf v) { _mm512_stream_ps(p, v); }
static inline __mmask16 vf_first(int n) { return (__mmask16)((1u << n) - 1); }
static inline vf vf_load_n(const float *p, int n) { return _mm512_maskz_loadu_ps(vf_first(n), p); }
static inline void vf_store_n(float *p, vf v, int n) { _mm512_mask_storeu_ps(p, vf_first(n), v); }
typedef __mmask16 vf_some;
static inline vf_some vf_some_of(uint32_t lanes) { return (__mmask16)lanes; }
static inline vf_some vf_some_both(vf_some a, vf_some b) { return a & b; }
static inline vf vf_load_some(const float *p, vf_some some)
{
    return _mm512_maskz_loadu_ps(some, p);
}
static inline vf vf_add(vf a, vf b) { return _mm512_add_ps(a, b); }
static inline vf vf_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
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
/* Four rows, each quarter by itself: row j of the result has lanes j, j + 4, j + 8, j + 12. */
static inline __attribute__((always_inline)) void vf_transpose_quarters(vf r[4])
{
    const __m512d a = _mm512_castps_pd(_mm512_unpacklo_ps(r[0], r[1]));
    const __m512d b = _mm512_castps_pd(_mm512_unpackhi_ps(r[0], r[1]));
    const __m512d c = _mm512_castps_pd(_mm512_unpacklo_ps(r[2], r[3]));
    const __m512d d = _mm512_castps_pd(_mm512_unpackhi_ps(r[2], r[3]));
    r[0] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
    r[1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
    r[2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
    r[3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
}
/* The quarters of rows 0, 4, 8, 12 change places. */
static inline __attribute__((always_inline)) void vf_swap_quarters(vf r[13])
{
    const vf a = _mm512_shuffle_f32x4(r[0], r[4], 0x88), b = _mm512_shuffle_f32x4(r[0], r[4], 0xdd);
    const vf c = _mm512_shuffle_f32x4(r[8], r[12], 0x88);
    const vf d = _mm512_shuffle_f32x4(r[8], r[12], 0xdd);
    r[0] = _mm512_shuffle_f32x4(a, c, 0x88);
    r[4] = _mm512_shuffle_f32x4(b, d, 0x88);
    r[8] = _mm512_shuffle_f32x4(a, c, 0xdd);
    r[12] = _mm512_shuffle_f32x4(b, d, 0xdd);
}
static inline __attribute__((always_inline)) void vf_transpose(vf r[VF])
{
    vf_transpose_quarters(r);
    vf_transpose_quarters(r + 4);
    vf_transpose_quarters(r + 8);
    vf_transpose_quarters(r + 12);
    vf_swap_quarters(r);
    vf_swap_quarters(r + 1);
    vf_swap_quarters(r + 2);
    vf_swap_quarters(r + 3);
}
typedef __m512i vf_lanes;
static inline vf_lanes vf_load_lanes(const int32_t *p) { return _mm512_loadu_si512(p); }
static inline vf vf_spread(vf v, vf_lanes from) { return _mm512_permutexvar_ps(from, v); }
static inline __m512i vf_every_second(int first)
{
    const __m512i evens =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    return _mm512_add_epi32(evens, _mm512_set1_epi32(first));
}
static inline vf vf_evens(vf a, vf b) { return _mm512_permutex2var_ps(a, vf_every_second(0), b); }
static inline vf vf_odds(vf a, vf b) { return _mm512_permutex2var_ps(a, vf_every_second(1), b); }
static inline vf vf_halves_exchanged(vf v) { return _mm512_shuffle_f32x4(v, v, 0x4e); }
static inline vf vf_keep(vf v)
{
    __asm__("" : "+v"(v));
    return v;
}

static inline __m256i vf_load_halves(const uint16_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}
static inline __m256i vf_get_halves(const uint16_t *p, int n)
{
    return _mm256_maskz_loadu_epi16(vf_first(n), p);
}
static inline void vf_store_halves(uint16_t *p, __m256i h)
{
    _mm256_storeu_si256((__m256i *)(void *)p, h);
}
static inline void vf_put_halves(uint16_t *p, __m256i h, int n)
{
    _mm256_mask_storeu_epi16(p, vf_first(n), h);
}

/* The instruction keeps float16 denormals whatever the mode, and makes a NaN quiet as core/half.h
 * does. */
static inline __m256i vf_to_f16(vf v)
{
    return _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline vf vf_set1_f16(uint16_t x) { return _mm512_cvtph_ps(_mm256_set1_epi16((short)x)); }
static inline vf vf_load_f16(const uint16_t *p) { return _mm512_cvtph_ps(vf_load_halves(p)); }
static inline vf vf_load_n_f16(const uint16_t *p, int n)
{
    return _mm512_cvtph_ps(vf_get_halves(p, n));
}
static inline vf vf_load_some_f16(const uint16_t *p, vf_some some)
{
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(some, p));
}
static inline void vf_store_f16(uint16_t *p, vf v) { vf_store_halves(p, vf_to_f16(v)); }
static inline void vf_store_n_f16(uint16_t *p, vf v, int n) { vf_put_halves(p, vf_to_f16(v), n); }

static inline vf vf_of_bf16(__m256i h)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
}
static inline __m256i vf_to_bf16(vf v)
{
    const __m512i x = _mm512_castps_si512(v), high = _mm512_srli_epi32(x, 16);
    const __m512i up =
        _mm512_add_epi32(_mm512_and_si512(high, _mm512_set1_epi32(1)), _mm512_set1_epi32(0x7fff));
    const __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(x, up), 16);
    const __m512i quiet = _mm512_or_si512(high, _mm512_set1_epi32(0x40));
    const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    return _mm512_cvtepi32_epi16(_mm512_mask_blend_epi32(nan, rounded, quiet));
}
static inline vf vf_set1_bf16(uint16_t x)
{
    return _mm512_castsi512_ps(_mm512_set1_epi32((int)((uint32_t)x << 16)));
}
static inline vf vf_load_bf16(const uint16_t *p) { return vf_of_bf16(vf_load_halves(p)); }
static inline vf vf_load_n_bf16(const uint16_t *p, int n)
{
    return vf_of_bf16(vf_get_halves(p, n));
}
static inline vf vf_load_some_bf16(const uint16_t *p, vf_some some)
{
    return vf_of_bf16(_mm256_maskz_loadu_epi16(some, p));
}
static inline void vf_store_bf16(uint16_t *p, vf v) { vf_store_halves(p, vf_to_bf16(v)); }
static inline void vf_store_n_bf16(uint16_t *p, vf v, int n)
{
    vf_put_halves(p, vf_to_bf16(v), n);
}

#endif
