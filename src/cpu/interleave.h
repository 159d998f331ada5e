/* SPDX-License-Identifier: BSD-2-Clause
 * Rows of a float32 image, of any strides, as one row whose pixels hold the channels of all: a
 * kernel of several rows reads it as one of a single row and more channels. */
#ifndef C2_CPU_INTERLEAVE_H
#define C2_CPU_INTERLEAVE_H

#include "cpu/kernels.h"

/* to[(x*rows + r)*icg + c] = channel c of pixel (y + r*dilation[0], x) for x < p->w, c < p->icg,
 * zeros in rows outside of the image. image: its element (n, first channel, 0, 0). */
void c2_interleave_rows(const c2_problem *p, c2_widen_fn widen, const float *image, int64_t y,
                        int64_t rows, float *to);

#endif
