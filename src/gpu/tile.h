/* SPDX-License-Identifier: BSD-2-Clause
 * The table of GPU kernels and the model of what each costs; the planner takes the cheapest. Plain
 * C, tested on any machine. */
#ifndef C2_GPU_TILE_H
#define C2_GPU_TILE_H

#include <stdint.h>

/* Tiles of a threadgroup of four simdgroups: output pixels x channels. */
typedef struct c2_gpu_tile {
    const char *name; /* "64x32": kernels end with it, problem texts force it */
    int bm, bn;
} c2_gpu_tile;

enum { C2_GPU_TILES = 3 };
extern const c2_gpu_tile c2_gpu_tiles[C2_GPU_TILES];

/* Ways to run a convolution. Those on tiles have C2_GPU_TILES variants, others one. */
typedef enum c2_gpu_way {
    C2_GPU_WAY_PLAIN,
    C2_GPU_WAY_DEPTHWISE, /* strips of one channel */
    C2_GPU_WAY_DIRECT,    /* strips of a block of channels of a group */
    C2_GPU_WAY_GROUPED,   /* a simdgroup a tile */
    C2_GPU_WAY_GEMM,
    C2_GPU_WAY_GEMM1X1,
    C2_GPU_WAY_WINOGRAD_2, /* F(2,3), OH and OW as whole tiles make them */
    C2_GPU_WAY_WINOGRAD_4,
    C2_GPU_WAYS
} c2_gpu_way;

/* What the cost depends on. */
typedef struct c2_gpu_shape {
    int64_t n, oh, ow;        /* output pictures */
    int64_t groups, icg, ocg; /* channels of a group */
    int64_t taps;             /* KH KW */
} c2_gpu_shape;

/* Modelled seconds. Pure. */
double c2_gpu_seconds(c2_gpu_way way, int variant, const c2_gpu_shape *shape);

#endif
