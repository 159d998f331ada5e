/* SPDX-License-Identifier: BSD-2-Clause
 * pair: rows of two channels become one of words. Plain C: compilers make vectors of the loop over
 * a block. */
#include "cpu/kernels.h"

#define C2_PAIR_(isa) c2_pair_bf16_1x16_##isa
#define C2_PAIR(isa) C2_PAIR_(isa)

enum { PAIR_BLOCK = 16 };

static inline void pair_words(const uint16_t *a, const uint16_t *b, uint32_t *to, int64_t n)
{
    for (int64_t j = 0; j < n; j++)
        to[j] = a[j] | (uint32_t)b[j] << 16;
}

c2_pair_kernel C2_PAIR(C2_ISA);
void C2_PAIR(C2_ISA)(const c2_pair_args *args)
{
    const uint16_t *restrict a = args->a, *restrict b = args->b;
    uint32_t *restrict to = args->to;
    const int64_t n = args->n;
    int64_t i = 0;
    if (!b) {
        for (; i < n; i++)
            to[i] = a[i];
        return;
    }
    for (; i + PAIR_BLOCK <= n; i += PAIR_BLOCK)
        pair_words(a + i, b + i, to + i, PAIR_BLOCK);
    pair_words(a + i, b + i, to + i, n - i);
}
