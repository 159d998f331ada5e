/* SPDX-License-Identifier: BSD-2-Clause
 * AVX-512 with BF16: vec_avx512.h and sums of products of bfloat16 pairs. A pair is two bfloat16 in
 * the 32 bits of a lane, the one with the lower address in the lower half. */
#ifndef C2_CPU_SIMD_VEC_AVX512_BF16_H
#define C2_CPU_SIMD_VEC_AVX512_BF16_H

#include <string.h>

#include "cpu/simd/vec_avx512.h"

#undef C2_ISA
#define C2_ISA avx512_bf16

static inline __m512bh vf_as_pairs(vf v)
{
    __m512bh pairs;
    memcpy(&pairs, &v, sizeof pairs);
    return pairs;
}
/* The pair at p, or its first half and a zero, in all lanes. */
static inline vf vf_set1_pair(const uint16_t *p)
{
    int32_t pair;
    memcpy(&pair, p, sizeof pair);
    return _mm512_castsi512_ps(_mm512_set1_epi32(pair));
}
static inline vf vf_set1_last(const uint16_t *p)
{
    return _mm512_castsi512_ps(_mm512_set1_epi32(*p));
}
/* sum + a[1] b[1], rounded, + a[0] b[0], rounded; denormals are zeros, whatever the mode. */
static inline vf vf_dot(vf a, vf b, vf sum)
{
    return _mm512_dpbf16_ps(sum, vf_as_pairs(a), vf_as_pairs(b));
}

#endif
