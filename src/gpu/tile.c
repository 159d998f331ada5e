/* SPDX-License-Identifier: BSD-2-Clause
 * The model: a tile costs its products and what it brings in, and so many tiles run at once. It has
 * no steps beside the tiles' own edges: a layer a little larger costs a little more, and another
 * kernel takes over where the two cost the same. The constants are estimates from published peaks
 * and from counting what the kernels do; no GPU was at hand. */
#include "gpu/tile.h"

#include "gpu/args.h"

const c2_gpu_tile c2_gpu_tiles[C2_GPU_TILES] = {
    {"32x32", 32, 32},
    {"64x32", 64, 32},
    {"64x64", 64, 64},
};

/* An M1 does 1.3e12 multiply-adds a second (published: 2.6 TFLOP/s), by 8 cores. */
static const double products_a_second = 1.3e12;

/* A row of the table. Times are in products of the whole GPU at its peak. */
typedef struct cost_row {
    int rows, columns; /* outputs of a part: pixels (threads: along x) x channels; 0: the tile's */
    int chunk;         /* terms of the sum are rounded up to this */
    double at_once;    /* parts that share the GPU: fewer leave some of it idle */
    double product;    /* a product of a part */
    double value;      /* a value that is brought in from memory, index arithmetic included */
    double start;      /* a part's start and end */
} cost_row;

/* 8 cores reach their peak with 4 threadgroups of 128 threads each. A thread that computes alone
 * waits for what it reads, which costs it the more the fewer products each value serves. */
static const cost_row table[C2_GPU_WAYS] = {
    [C2_GPU_WAY_PLAIN] = {1, 1, 1, 4000, 1, 10, 40},
    [C2_GPU_WAY_DEPTHWISE] = {C2_GPU_STRIP, 1, 1, 4000, 1, 2, 60},
    [C2_GPU_WAY_DIRECT] = {C2_GPU_STRIP, C2_GPU_BLOCK, 1, 4000, 1, 4, 150},
    [C2_GPU_WAY_GROUPED] = {C2_GPU_GROUPED_ROWS, C2_GPU_GROUPED_COLUMNS, C2_GPU_CHUNK, 128, 1, 8,
                            5000},
    [C2_GPU_WAY_GEMM] = {0, 0, C2_GPU_CHUNK, 32, 1, 8, 20000},
    [C2_GPU_WAY_GEMM1X1] = {0, 0, C2_GPU_CHUNK, 32, 1, 6, 20000},
    [C2_GPU_WAY_WINOGRAD_2] = {0, 0, C2_GPU_CHUNK, 32, 1, 6, 20000},
    [C2_GPU_WAY_WINOGRAD_4] = {0, 0, C2_GPU_CHUNK, 32, 1, 6, 20000},
};

static double ceil_div(int64_t a, int64_t b)
{
    return (double)((a + b - 1) / b);
}

/* Parts that a shape is cut into: tiles of all pixels, or strips along x. */
static double count_parts(const cost_row *row, int rows, int columns, const c2_gpu_shape *s)
{
    const double channels = ceil_div(s->ocg, columns) * (double)s->groups;
    if (row->chunk == 1)
        return (double)(s->n * s->oh) * ceil_div(s->ow, rows) * channels;
    return ceil_div(s->n * s->oh * s->ow, rows) * channels;
}

static double part_seconds(c2_gpu_way way, int variant, const c2_gpu_shape *s)
{
    const cost_row *row = &table[way];
    const int rows = row->rows ? row->rows : c2_gpu_tiles[variant].bm;
    const int columns = row->columns ? row->columns : c2_gpu_tiles[variant].bn;
    const double terms = ceil_div(s->taps * s->icg, row->chunk) * row->chunk;
    const double one =
        terms * (rows * columns * row->product + (rows + columns) * row->value) + row->start;
    const double parts = count_parts(row, rows, columns, s);
    const double turns = parts > row->at_once ? parts : row->at_once;
    return one * turns / products_a_second;
}

/* Bytes a second between GPU and memory (an M1's published 68e9, of which copies reach this), and
 * seconds between two dispatches. */
static const double bytes_a_second = 60e9, seconds_a_dispatch = 2e-6;

/* The product of Winograd's points, what the transforms before and after it read and write, and
 * what the transformed weights have more than the others. */
static double winograd_seconds(c2_gpu_way way, int variant, const c2_gpu_shape *s)
{
    const int64_t m = way == C2_GPU_WAY_WINOGRAD_2 ? 2 : 4, points = (m + 2) * (m + 2);
    const int64_t tiles = s->n * ((s->oh + m - 1) / m) * ((s->ow + m - 1) / m);
    const c2_gpu_shape product = {1, 1, tiles, s->groups * points, s->icg, s->ocg, 1};
    const double pixels = (double)(tiles * m * m), both = (double)(s->groups * (s->icg + s->ocg));
    const double filters = (double)(s->groups * s->icg * s->ocg);
    const double values =
        both * (pixels + 2 * (double)(tiles * points)) + filters * (double)(points - s->taps);
    return part_seconds(way, variant, &product) + values * sizeof(float) / bytes_a_second +
           2 * seconds_a_dispatch;
}

double c2_gpu_seconds(c2_gpu_way way, int variant, const c2_gpu_shape *s)
{
    return way >= C2_GPU_WAY_WINOGRAD_2 ? winograd_seconds(way, variant, s)
                                        : part_seconds(way, variant, s);
}
