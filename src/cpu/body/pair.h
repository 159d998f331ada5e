/* SPDX-License-Identifier: BSD-2-Clause
 * pair: rows of two channels become one of words; of float32 channels, one for each part of their
 * numbers. Plain C: compilers make vectors of the loops over a block. */
#include <string.h>

#include "cpu/kernels.h"
#include "cpu/parts.h"

#define C2_PAIR_(type, parts, isa) c2_pair_##type##_##parts##x16_##isa
#define C2_PAIR(type, parts, isa) C2_PAIR_(type, parts, isa)

enum { PAIR_BLOCK = 16 };

#if C2_PARTS == 1
static inline void pair_block(const uint16_t *a, const uint16_t *b, uint32_t *to)
{
    for (int j = 0; j < PAIR_BLOCK; j++)
        to[j] = a[j] | (uint32_t)b[j] << 16;
}
typedef uint16_t pair_px;
#else
/* Part after part of the block; a and b are left with what remains. */
static inline void pair_part(float *a, float *b, uint32_t *to)
{
    for (int j = 0; j < PAIR_BLOCK; j++) {
        const uint32_t low = c2_part(a[j], &a[j]), high = c2_part(b[j], &b[j]);
        to[j] = low >> 16 | high;
    }
}
typedef float pair_px;
#endif

/* A block of n <= 16 lanes of rows that may end there. */
static inline void pair_lanes(const c2_pair_args *args, int64_t i, int64_t n)
{
    const pair_px *a = (const pair_px *)args->a + i, *b = args->b;
    pair_px x[PAIR_BLOCK] = {0}, y[PAIR_BLOCK] = {0};
    uint32_t words[PAIR_BLOCK];
    memcpy(x, a, (size_t)n * sizeof *x);
    if (b)
        memcpy(y, b + i, (size_t)n * sizeof *y);
    for (int part = 0; part < C2_PARTS; part++) {
#if C2_PARTS == 1
        pair_block(x, y, words);
#else
        pair_part(x, y, words);
#endif
        memcpy(args->to + part * args->part_pitch + i, words, (size_t)n * sizeof *words);
    }
}

c2_pair_kernel C2_PAIR(C2_TYPE, C2_PARTS, C2_ISA);
void C2_PAIR(C2_TYPE, C2_PARTS, C2_ISA)(const c2_pair_args *args)
{
    const int64_t n = args->n;
    int64_t i = 0;
    for (; i + PAIR_BLOCK <= n; i += PAIR_BLOCK)
        pair_lanes(args, i, PAIR_BLOCK);
    if (i < n)
        pair_lanes(args, i, n - i);
}
