/* SPDX-License-Identifier: BSD-2-Clause
 * Tiles of the implicit GEMM and the model that chooses one: plain C, tested on any machine. */
#ifndef C2_GPU_TILE_H
#define C2_GPU_TILE_H

#include <stdint.h>

typedef struct c2_gpu_tile {
    const char *name; /* "64x32": kernels end with it, problem texts force it */
    int bm, bn;       /* output pixels and channels of a threadgroup */
} c2_gpu_tile;

enum { C2_GPU_TILES = 3 };
extern const c2_gpu_tile c2_gpu_tiles[C2_GPU_TILES];

/* Modelled seconds of `groups` products of pixels x channels with sums of `sum` terms. Pure. */
double c2_gpu_tile_seconds(const c2_gpu_tile *tile, int64_t pixels, int64_t channels, int64_t sum,
                           int64_t groups);
/* Index of the cheapest tile; the earlier one of two that cost the same. */
int c2_gpu_tile_choose(int64_t pixels, int64_t channels, int64_t sum, int64_t groups);

#endif
