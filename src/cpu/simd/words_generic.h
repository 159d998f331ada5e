/* SPDX-License-Identifier: BSD-2-Clause
 * Words of parts, portable: what bodies that cut float32 into bfloat16 parts use. */
#ifndef C2_CPU_SIMD_WORDS_GENERIC_H
#define C2_CPU_SIMD_WORDS_GENERIC_H

#include <stddef.h>
#include <stdint.h>

#include "cpu/parts.h"

/* n <= 32 floats as 16 words of neighbouring two, filled up with zeros; those of part i (parts.h)
 * at to[i * part_pitch], which are multiples of 64 bytes. */
static inline void words_of(const float *x, int n, int parts, uint32_t *to, ptrdiff_t part_pitch)
{
    for (int q = 0; q < 16; q++) {
        float a = 2 * q < n ? x[2 * q] : 0, b = 2 * q + 1 < n ? x[2 * q + 1] : 0;
        for (int i = 0; i < parts; i++) {
            const uint32_t low = c2_part(a, &a), high = c2_part(b, &b);
            to[i * part_pitch + q] = low >> 16 | high;
        }
    }
}

#endif
