/* SPDX-License-Identifier: BSD-2-Clause
 * A float32 as a sum of bfloat16 parts: each is what is left, rounded to nearest (halves away from
 * zero), or cut where rounding would overflow. Three parts hold every bit of a number whose parts
 * are normal numbers; two leave at most 2^-17 of it. What is not finite is its own first part, the
 * others are 0. */
#ifndef C2_CPU_PARTS_H
#define C2_CPU_PARTS_H

#include <stddef.h>

#include "core/half.h"

enum { C2_MAX_PARTS = 3 };

/* The part of x as float32 bits of which the lower half is 0, and *rest = x - part. */
static inline uint32_t c2_part(float x, float *rest)
{
    const uint32_t bits = c2_bits_of_f32(x), size = bits & 0x7fffffff;
    const uint32_t rounded = (bits + 0x8000) & 0xffff0000;
    /* Beyond the halfway point to infinity; a NaN stays one by its quiet bit. */
    const uint32_t cut = (bits & 0xffff0000) | (size > 0x7f800000 ? 0x400000 : 0);
    const uint32_t part = size < 0x7f7f8000 ? rounded : cut;
    *rest = size < 0x7f800000 ? x - c2_f32_of_bits(part) : 0;
    return part;
}

/* Words of two numbers' parts, the second's in the upper half: those of part i at to[i * pitch]. */
static inline void c2_part_words(float first, float second, int parts, uint32_t *to,
                                 ptrdiff_t pitch)
{
    for (int i = 0; i < parts; i++) {
        const uint32_t low = c2_part(first, &first), high = c2_part(second, &second);
        to[i * pitch] = low >> 16 | high;
    }
}

/* The same of n <= 32 neighbouring numbers, two by two: 16 words a part, filled up with zeros. */
static inline void c2_part_run(const float *x, int n, int parts, uint32_t *to, ptrdiff_t pitch)
{
    for (int i = 0; i < 32; i += 2)
        c2_part_words(i < n ? x[i] : 0, i + 1 < n ? x[i + 1] : 0, parts, to + i / 2, pitch);
}

/* Words of parts 1, 0, 0 and 2 of n <= 16 neighbouring numbers, 8 of each: filled up with zeros. */
static inline void c2_crossed_run(const float *x, int n, uint32_t *to)
{
    for (int i = 0; i < 16; i += 2) {
        uint32_t part[3];
        c2_part_words(i < n ? x[i] : 0, i + 1 < n ? x[i + 1] : 0, 3, part, 1);
        to[i / 2] = part[1];
        to[i / 2 + 8] = to[i / 2 + 16] = part[0];
        to[i / 2 + 24] = part[2];
    }
}

#endif
