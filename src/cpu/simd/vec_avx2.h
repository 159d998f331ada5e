/* SPDX-License-Identifier: BSD-2-Clause
 * AVX2 + FMA + F16C: eight floats a vector, 16 registers. Functions are described in vec_generic.h.
 * Included only by files compiled with the flags of cmake/isa.cmake. */
#ifndef C2_CPU_SIMD_VEC_AVX2_H
#define C2_CPU_SIMD_VEC_AVX2_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define C2_ISA avx2
typedef __m256 vf;
enum { VF = 8, VF_ROW_POINTERS = 6 };

static inline vf vf_set1(float x) { return _mm256_set1_ps(x); }
static inline vf vf_set2(const float *p)
{
    double both;
    memcpy(&both, p, sizeof both);
    return _mm256_castpd_ps(_mm256_set1_pd(both));
}
static inline vf vf_set4(const float *p) { return _mm256_broadcast_ps((const __m128 *)p); }
static inline vf vf_zero(void) { return _mm256_setzero_ps(); }
static inline vf vf_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void vf_store(float *p, vf v) { _mm256_storeu_ps(p, v); }
static inline void vf_stream(float *p, vf v) { _mm256_stream_ps(p, v); }
static inline __m256i vf_first(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline vf vf_load_n(const float *p, int n) { return _mm256_maskload_ps(p, vf_first(n)); }
static inline void vf_store_n(float *p, vf v, int n) { _mm256_maskstore_ps(p, vf_first(n), v); }
typedef __m256i vf_some;
static inline vf_some vf_some_of(uint32_t lanes)
{
    const __m256i bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    return _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32((int)lanes), bits), bits);
}
static inline vf_some vf_some_both(vf_some a, vf_some b) { return _mm256_and_si256(a, b); }
static inline vf vf_load_some(const float *p, vf_some some) { return _mm256_maskload_ps(p, some); }
static inline vf vf_add(vf a, vf b) { return _mm256_add_ps(a, b); }
static inline vf vf_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
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
/* Four rows, each half by itself: row j of the result has lanes j and j + 4 of the four rows. */
static inline __attribute__((always_inline)) void vf_transpose_halves(vf r[4])
{
    const __m256d a = _mm256_castps_pd(_mm256_unpacklo_ps(r[0], r[1]));
    const __m256d b = _mm256_castps_pd(_mm256_unpackhi_ps(r[0], r[1]));
    const __m256d c = _mm256_castps_pd(_mm256_unpacklo_ps(r[2], r[3]));
    const __m256d d = _mm256_castps_pd(_mm256_unpackhi_ps(r[2], r[3]));
    r[0] = _mm256_castpd_ps(_mm256_unpacklo_pd(a, c));
    r[1] = _mm256_castpd_ps(_mm256_unpackhi_pd(a, c));
    r[2] = _mm256_castpd_ps(_mm256_unpacklo_pd(b, d));
    r[3] = _mm256_castpd_ps(_mm256_unpackhi_pd(b, d));
}
static inline __attribute__((always_inline)) void vf_swap_halves(vf r[5])
{
    const vf low = _mm256_permute2f128_ps(r[0], r[4], 0x20);
    r[4] = _mm256_permute2f128_ps(r[0], r[4], 0x31);
    r[0] = low;
}
static inline __attribute__((always_inline)) void vf_transpose(vf r[VF])
{
    vf_transpose_halves(r);
    vf_transpose_halves(r + 4);
    vf_swap_halves(r);
    vf_swap_halves(r + 1);
    vf_swap_halves(r + 2);
    vf_swap_halves(r + 3);
}
typedef __m256i vf_lanes;
static inline vf_lanes vf_load_lanes(const int32_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}
static inline vf vf_spread(vf v, vf_lanes from) { return _mm256_permutevar8x32_ps(v, from); }
/* a0 a2 b0 b2 a4 a6 b4 b6, then pairs in order */
static inline vf vf_pairs_in_order(vf v)
{
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(v), 0xd8));
}
static inline vf vf_evens(vf a, vf b) { return vf_pairs_in_order(_mm256_shuffle_ps(a, b, 0x88)); }
static inline vf vf_odds(vf a, vf b) { return vf_pairs_in_order(_mm256_shuffle_ps(a, b, 0xdd)); }
static inline vf vf_halves_exchanged(vf v) { return _mm256_permute2f128_ps(v, v, 1); }
static inline vf vf_keep(vf v)
{
    __asm__("" : "+x"(v));
    return v;
}

/* n < 8 halves, and none of the memory behind them. */
static inline __m128i vf_get_halves(const uint16_t *p, int n)
{
    const uint16_t *rest = p + (n & 4);
    uint64_t low = 0, part = n & 1 ? rest[n & 2] : 0;
    if (n & 2) {
        uint32_t pair;
        memcpy(&pair, rest, sizeof pair);
        part = part << 32 | pair;
    }
    if (!(n & 4))
        return _mm_set_epi64x(0, (long long)part);
    memcpy(&low, p, sizeof low);
    return _mm_set_epi64x((long long)part, (long long)low);
}
static inline void vf_put_halves(uint16_t *p, __m128i h, int n)
{
    if (n & 4) {
        _mm_storel_epi64((__m128i *)(void *)p, h);
        h = _mm_unpackhi_epi64(h, h);
        p += 4;
    }
    if (n & 2) {
        const int pair = _mm_cvtsi128_si32(h);
        memcpy(p, &pair, sizeof pair);
        h = _mm_srli_epi64(h, 32);
        p += 2;
    }
    if (n & 1)
        *p = (uint16_t)_mm_extract_epi16(h, 0);
}
/* AVX2 has no instruction for it. */
static inline __m128i vf_some_halves(const uint16_t *p, vf_some some)
{
    const int lanes = _mm256_movemask_ps(_mm256_castsi256_ps(some));
    if (lanes == 255)
        return _mm_loadu_si128((const __m128i *)(const void *)p);
    uint16_t h[VF] = {0};
    for (int i = 0; i < VF; i++)
        if (lanes >> i & 1)
            h[i] = p[i];
    return _mm_loadu_si128((const __m128i *)(const void *)h);
}
static inline __m128i vf_load_halves(const uint16_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}
static inline void vf_store_halves(uint16_t *p, __m128i h)
{
    _mm_storeu_si128((__m128i *)(void *)p, h);
}

/* F16C keeps float16 denormals whatever the mode, and makes a NaN quiet as core/half.h does. */
static inline __m128i vf_to_f16(vf v)
{
    return _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline vf vf_set1_f16(uint16_t x) { return _mm256_cvtph_ps(_mm_set1_epi16((short)x)); }
static inline vf vf_load_f16(const uint16_t *p) { return _mm256_cvtph_ps(vf_load_halves(p)); }
static inline vf vf_load_n_f16(const uint16_t *p, int n)
{
    return _mm256_cvtph_ps(vf_get_halves(p, n));
}
static inline vf vf_load_some_f16(const uint16_t *p, vf_some some)
{
    return _mm256_cvtph_ps(vf_some_halves(p, some));
}
static inline void vf_store_f16(uint16_t *p, vf v) { vf_store_halves(p, vf_to_f16(v)); }
static inline void vf_store_n_f16(uint16_t *p, vf v, int n) { vf_put_halves(p, vf_to_f16(v), n); }

static inline vf vf_of_bf16(__m128i h)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
}
static inline __m128i vf_to_bf16(vf v)
{
    const __m256i x = _mm256_castps_si256(v), high = _mm256_srli_epi32(x, 16);
    const __m256i up =
        _mm256_add_epi32(_mm256_and_si256(high, _mm256_set1_epi32(1)), _mm256_set1_epi32(0x7fff));
    const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(x, up), 16);
    const __m256i quiet = _mm256_or_si256(high, _mm256_set1_epi32(0x40));
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    const __m256i all = _mm256_blendv_epi8(rounded, quiet, nan);
    /* halves 0-3 0-3 4-7 4-7 */
    const __m256i twice = _mm256_packus_epi32(all, all);
    return _mm256_castsi256_si128(_mm256_permute4x64_epi64(twice, 0x08));
}
static inline vf vf_set1_bf16(uint16_t x)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_set1_epi16((short)x), 16));
}
static inline vf vf_load_bf16(const uint16_t *p) { return vf_of_bf16(vf_load_halves(p)); }
static inline vf vf_load_n_bf16(const uint16_t *p, int n)
{
    return vf_of_bf16(vf_get_halves(p, n));
}
static inline vf vf_load_some_bf16(const uint16_t *p, vf_some some)
{
    return vf_of_bf16(vf_some_halves(p, some));
}
static inline void vf_store_bf16(uint16_t *p, vf v) { vf_store_halves(p, vf_to_bf16(v)); }
static inline void vf_store_n_bf16(uint16_t *p, vf v, int n)
{
    vf_put_halves(p, vf_to_bf16(v), n);
}

#endif
