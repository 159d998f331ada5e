/* SPDX-License-Identifier: BSD-2-Clause
 * Sixteen floats' parts (cpu/parts.h) and words of two of them, in AVX-512. */
#ifndef C2_CPU_SIMD_PARTS_AVX512_H
#define C2_CPU_SIMD_PARTS_AVX512_H

#include <stdbool.h>

#include "cpu/simd/vec_avx512.h"

typedef __m512i parts_bits;

/* c2_part() of numbers that are finite and whose part is: its bits, of which the lower half is
 * still to be cut off. */
static inline parts_bits parts_rounded(vf x)
{
    return _mm512_add_epi32(_mm512_castps_si512(x), _mm512_set1_epi32(0x8000));
}
static inline vf parts_rest(vf x, parts_bits rounded)
{
    const parts_bits part = _mm512_and_si512(rounded, _mm512_set1_epi32((int)0xffff0000));
    return _mm512_sub_ps(x, _mm512_castsi512_ps(part));
}
/* Words of the upper halves of low and high. */
static inline parts_bits parts_word(parts_bits low, parts_bits high)
{
    const parts_bits mask = _mm512_set1_epi32((int)0xffff0000);
    return _mm512_ternarylogic_epi32(_mm512_srli_epi32(low, 16), high, mask, 0xf8);
}
/* Whether any lane of a or b is NaN. */
static inline bool parts_any_nan(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q) != 0;
}
/* Words of n <= 16 halves as they are; b may be NULL. */
static inline __m256i parts_halves(const uint16_t *p, int n)
{
    return n == VF ? vf_load_halves(p) : vf_get_halves(p, n);
}
static inline parts_bits parts_of_halves(const uint16_t *a, const uint16_t *b, int n)
{
    const parts_bits low = _mm512_cvtepu16_epi32(parts_halves(a, n));
    if (!b)
        return low;
    return _mm512_or_si512(low,
                           _mm512_slli_epi32(_mm512_cvtepu16_epi32(parts_halves(b, n)), 16));
}
/* n <= 16 words. */
static inline void parts_store(uint32_t *to, parts_bits words, int n)
{
    const vf v = _mm512_castsi512_ps(words);
    if (n == VF)
        vf_store((float *)(void *)to, v);
    else
        vf_store_n((float *)(void *)to, v, n);
}

#endif
