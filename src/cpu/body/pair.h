/* SPDX-License-Identifier: BSD-2-Clause
 * pair: rows of two channels become one of words; of float32 channels, one for each part of their
 * numbers. Plain C; pair_vectors.h is what vectors of 16 lanes do. */
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

/* A block of n <= 16 lanes of rows that may end there; b may be NULL. */
static inline void pair_lanes(const c2_pair_args *args, const pair_px *a, const pair_px *b,
                              uint32_t *to, int64_t n)
{
    pair_px x[PAIR_BLOCK] = {0}, y[PAIR_BLOCK] = {0};
    uint32_t words[PAIR_BLOCK];
    memcpy(x, a, (size_t)n * sizeof *x);
    if (b)
        memcpy(y, b, (size_t)n * sizeof *y);
    for (int part = 0; part < C2_PARTS; part++) {
#if C2_PARTS == 1
        pair_block(x, y, words);
#else
        pair_part(x, y, words);
#endif
        memcpy(to + part * args->part_pitch, words, (size_t)n * sizeof *words);
    }
}

c2_pair_kernel C2_PAIR(C2_TYPE, C2_PARTS, C2_ISA);
void C2_PAIR(C2_TYPE, C2_PARTS, C2_ISA)(const c2_pair_args *args)
{
    const pair_px *a = args->a, *b = args->b;
    uint32_t *to = args->to;
    for (int64_t r = 0; r < args->rows; r++) {
        for (int64_t i = 0; i < args->n; i += PAIR_BLOCK) {
            const int64_t left = args->n - i;
            pair_lanes(args, a + i, b ? b + i : NULL, to + i,
                       left < PAIR_BLOCK ? left : PAIR_BLOCK);
        }
        a += args->step;
        b = b ? b + args->step : NULL;
        to += args->to_step;
    }
}
