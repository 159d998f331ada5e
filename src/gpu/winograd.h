/* SPDX-License-Identifier: BSD-2-Clause
 * Winograd's transform of a 3x3 filter, for the kernels of winograd.metal. */
#ifndef C2_GPU_WINOGRAD_H
#define C2_GPU_WINOGRAD_H

enum { C2_GPU_WINOGRAD_MOST_POINTS = 36 };

/* points[i * (m + 2) + j] = (G g G')[i][j], each rounded once; m is 2 or 4, g row by row. */
void c2_gpu_winograd_filter(int m, const double g[9], float *points);

#endif
