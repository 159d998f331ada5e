/* SPDX-License-Identifier: BSD-2-Clause
 * Tiles of direct_ch, which its kernels (body/direct_ch.h) make and the cost model counts. */
#ifndef C2_CPU_DIRECT_CH_H
#define C2_CPU_DIRECT_CH_H

#include <stddef.h>

/* Pixels of a tile: at most; and 7, which divides the widths of most networks' images. */
enum { C2_DIRECT_CH_ROWS = 14, C2_DIRECT_CH_HALF = 7 };

/* Pixels of the tiles of a strip of n, for which accumulators of `most` are there: those of which
 * whole tiles have fewer. */
static inline ptrdiff_t c2_direct_ch_rows(ptrdiff_t most, ptrdiff_t n)
{
    const ptrdiff_t half = C2_DIRECT_CH_HALF;
    return most > half && (n + half - 1) / half * half < (n + most - 1) / most * most ? half : most;
}

#endif
