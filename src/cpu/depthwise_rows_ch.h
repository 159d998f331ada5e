/* SPDX-License-Identifier: BSD-2-Clause
 * The plan of depthwise_rows_ch (algo_depthwise_rows_ch.c), which its tasks read. */
#ifndef C2_CPU_DEPTHWISE_ROWS_CH_H
#define C2_CPU_DEPTHWISE_ROWS_CH_H

#include "cpu/depthwise.h"

enum {
    C2_DW_TILE_COLS = 7, /* of the kernels' tiles; they have half ones as well */
    C2_DW_HALF_COLS = 4,
    C2_DW_MOST_OFFSETS = 512 /* of a tile's rows, of its columns: they lie on the stack */
};

struct c2_state {
    const c2_kernel *kernel;
    c2_dwrow_ch_fn fn;
    c2_epilogue_fn epilogue;
    c2_widen_fn widen;  /* NULL: the input is not turned */
    bool copied;        /* lines of channels, together */
    bool far;           /* pixels come from memory */
    c2_problem problem; /* or as the copies have it: [y][x][channel] */
    float low, high;
    bool finished;                       /* by the kernel */
    int rows;                            /* of a tile */
    int64_t element, full, halves;       /* tiles of 7 and of 4 columns in a row's phase */
    int64_t phases, phase_tiles;         /* of rows; tiles' rows of the largest of them */
    c2_split row_blocks, channel_blocks; /* of tiles' rows, of vectors */
    int64_t channel_tiles;
    size_t scratch_bytes; /* of a worker; up to C2_STACK_BYTES they are on its stack */
    ptrdiff_t *inside; /* offsets of a tile's columns without padding, from the lowest one */
    int64_t n_cols;    /* that a tile reads */
};

conv2d_status c2_dw_rows_ch_run(const c2_state *state, const c2_run_args *args);

#endif
