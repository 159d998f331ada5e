/* SPDX-License-Identifier: BSD-2-Clause
 * Rows of float32 pixels whose channels are neighbours, split into a row for each channel, and
 * joined again: how algorithms with lanes = pixels read and write channels-last images. */
#ifndef C2_CPU_PLANES_H
#define C2_CPU_PLANES_H

#include <stdbool.h>
#include <stdint.h>

/* to[i*row_pitch + x] = from[x*pitch + i] for x < n, i < c. whole: what lies between one pixel's
 * channels and the next pixel may be read (it belongs to the image). */
void c2_planes_split(const float *from, int64_t pitch, int64_t n, int64_t c, bool whole, float *to,
                     int64_t row_pitch);
/* to[x*pitch + i] = from[i*row_pitch + x] for x < n, i < c. Nothing else is written unless
 * pitch = c, where pixels are written from the first to the last. */
void c2_planes_join(const float *from, int64_t row_pitch, int64_t n, int64_t c, float *to,
                    int64_t pitch);

#endif
