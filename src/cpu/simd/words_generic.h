/* SPDX-License-Identifier: BSD-2-Clause
 * Words of parts, portable: what bodies that cut float32 into bfloat16 parts use. */
#ifndef C2_CPU_SIMD_WORDS_GENERIC_H
#define C2_CPU_SIMD_WORDS_GENERIC_H

#include <stdbool.h>

#include "cpu/parts.h"

#define C2_ISA generic

/* c2_part_run(), to multiples of 64 bytes; whether a number is not finite, or would not be once it
 * is rounded. */
static inline bool words_of(const float *x, int n, int parts, uint32_t *to, ptrdiff_t part_pitch)
{
    bool special = false;
    c2_part_run(x, n, parts, to, part_pitch);
    for (int i = 0; i < n; i++)
        special |= (c2_bits_of_f32(x[i]) & 0x7fffffff) >= 0x7f7f8000;
    return special;
}

static inline bool words_crossed(const float *x, int n, uint32_t *to)
{
    bool special = false;
    c2_crossed_run(x, n, to);
    for (int i = 0; i < n; i++)
        special |= (c2_bits_of_f32(x[i]) & 0x7fffffff) >= 0x7f7f8000;
    return special;
}

#endif
