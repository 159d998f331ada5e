/* SPDX-License-Identifier: BSD-2-Clause
 * Words of parts, portable: what bodies that cut float32 into bfloat16 parts use. */
#ifndef C2_CPU_SIMD_WORDS_GENERIC_H
#define C2_CPU_SIMD_WORDS_GENERIC_H

#include "cpu/parts.h"

#define C2_ISA generic

/* c2_part_run(), to multiples of 64 bytes. */
static inline void words_of(const float *x, int n, int parts, uint32_t *to, ptrdiff_t part_pitch)
{
    c2_part_run(x, n, parts, to, part_pitch);
}

#endif
