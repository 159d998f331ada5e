/* SPDX-License-Identifier: BSD-2-Clause
 * Words of parts by AVX-512; words_generic.h says what the function does. */
#ifndef C2_CPU_SIMD_WORDS_AVX512_H
#define C2_CPU_SIMD_WORDS_AVX512_H

#include <immintrin.h>
#include <string.h>

#include "cpu/simd/words_generic.h"

/* Rounded to 8 bits, ties away from 0. */
static inline __m512i words_round(__m512 x)
{
    return _mm512_add_epi32(_mm512_castps_si512(x), _mm512_set1_epi32(0x8000));
}
static inline __m512 words_rest(__m512 x, __m512i rounded)
{
    const __m512i part = _mm512_and_si512(rounded, _mm512_set1_epi32((int)0xffff0000));
    return _mm512_sub_ps(x, _mm512_castsi512_ps(part));
}
/* Whether one would round to infinity, or is none. */
static inline __mmask16 words_large(__m512 x)
{
    const __m512i bits = _mm512_castps_si512(x), twice = _mm512_add_epi32(bits, bits);
    return _mm512_cmpge_epu32_mask(twice, _mm512_set1_epi32((int)(2 * 0x7f7f8000u)));
}
/* The upper halves of a, then those of b. */
static inline __m512i words_upper(__m512i a, __m512i b)
{
    const __m512i odd = _mm512_add_epi16(
        _mm512_set1_epi32(0x00010001),
        _mm512_set_epi16(62, 60, 58, 56, 54, 52, 50, 48, 46, 44, 42, 40, 38, 36, 34, 32, 30, 28,
                         26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0));
    return _mm512_permutex2var_epi16(a, odd, b);
}

static inline __attribute__((always_inline)) void
words_of_avx512(const float *x, int n, const int parts, uint32_t *to, ptrdiff_t part_pitch)
{
    __m512 a, b;
    if (n >= 32) {
        a = _mm512_loadu_ps(x);
        b = _mm512_loadu_ps(x + 16);
    } else {
        const uint32_t lanes = (1u << n) - 1;
        a = _mm512_maskz_loadu_ps((__mmask16)lanes, x);
        b = _mm512_maskz_loadu_ps((__mmask16)(lanes >> 16), x + 16);
    }
    if (words_large(a) | words_large(b)) {
        words_of(x, n, parts, to, part_pitch);
        return;
    }
    for (int i = 0; i < parts; i++) {
        const __m512i ra = words_round(a), rb = words_round(b);
        _mm512_store_si512(to + i * part_pitch, words_upper(ra, rb));
        if (i + 1 < parts) {
            a = words_rest(a, ra);
            b = words_rest(b, rb);
        }
    }
}
#define words_of words_of_avx512

#endif
