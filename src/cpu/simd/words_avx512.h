/* SPDX-License-Identifier: BSD-2-Clause
 * Words of parts by AVX-512; words_generic.h says what the function does. */
#ifndef C2_CPU_SIMD_WORDS_AVX512_H
#define C2_CPU_SIMD_WORDS_AVX512_H

#include "cpu/parts.h"
#include "cpu/simd/parts_avx512.h"

/* The upper halves of a, then those of b. */
static inline parts_bits words_upper(parts_bits a, parts_bits b)
{
    const parts_bits odd = _mm512_set_epi16(63, 61, 59, 57, 55, 53, 51, 49, 47, 45, 43, 41, 39, 37,
                                            35, 33, 31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9,
                                            7, 5, 3, 1);
    return _mm512_permutex2var_epi16(a, odd, b);
}

static inline void words_store(uint32_t *to, parts_bits words)
{
    vf_store((float *)(void *)to, _mm512_castsi512_ps(words));
}

/* The next part of what is left of a and b. */
static inline __attribute__((always_inline)) void words_part(vf *a, vf *b, uint32_t *to)
{
    const parts_bits low = parts_rounded(*a), high = parts_rounded(*b);
    words_store(to, words_upper(low, high));
    *a = parts_rest(*a, low);
    *b = parts_rest(*b, high);
}

static inline __attribute__((always_inline)) bool
words_of(const float *x, int n, const int parts, uint32_t *to, ptrdiff_t part_pitch)
{
    const uint32_t lanes = n < 2 * VF ? (1u << n) - 1 : UINT32_MAX;
    vf a = n < 2 * VF ? vf_load_some(x, (vf_some)lanes) : vf_load(x);
    vf b = n < 2 * VF ? vf_load_some(x + VF, (vf_some)(lanes >> VF)) : vf_load(x + VF);
    words_part(&a, &b, to);
    words_part(&a, &b, to + part_pitch);
    /* What two parts leave of a number that is not finite, or would not be, is none. */
    const bool special = parts_any_nan(a, b);
    if (parts > 2)
        words_part(&a, &b, to + 2 * part_pitch);
    if (special)
        c2_part_run(x, n, parts, to, part_pitch);
    return special;
}

/* Words of n <= 16 numbers as the kernel crossed stores them; as words_of(). */
static inline __attribute__((always_inline)) bool words_crossed(const float *x, int n, uint32_t *to)
{
    const vf a = n < VF ? vf_load_some(x, (vf_some)((1u << n) - 1)) : vf_load(x);
    const parts_bits first = parts_rounded(a);
    const vf rest = parts_rest(a, first);
    const parts_bits second = parts_rounded(rest);
    const vf last = parts_rest(rest, second);
    words_store(to, words_upper(second, first));
    words_store(to + VF, words_upper(first, parts_rounded(last)));
    const bool special = parts_any_nan(last, last);
    if (special)
        c2_crossed_run(x, n, to);
    return special;
}

#endif
