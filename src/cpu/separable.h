/* SPDX-License-Identifier: BSD-2-Clause
 * Inside of the separable algorithm: the cut of a problem into tiles (algo_separable.c), and what
 * runs them (separable.c).
 *
 * A tile is a rectangle of output pixels of one plane: an image of one channel, or (flat) of all
 * channels, whose lanes then follow each other. Up to mr of its rows at a time, the column makes
 * `middle` rows of the input, one for each output row; the row makes outputs of them:
 *
 *     middle   padding | columns of the image that the tile reads | padding      mid_pitch floats
 *
 * Where all weights are equal (`box`), both are sums without products, the column's for C2_BOX_ROWS
 * output rows at a time, which are the same ones whatever the tiles.
 *
 * With strides or pixels that are not neighbours a tile's input is first copied as float32
 * (`copied`), columns of equal remainder modulo the stride together, padding included. */
#ifndef C2_CPU_SEPARABLE_H
#define C2_CPU_SEPARABLE_H

#include "cpu/driver.h"

typedef enum c2_separable_store {
    C2_SEPARABLE_RESULTS, /* the kernel's */
    C2_SEPARABLE_DENSE,   /* the epilogue's, lanes of the output follow each other */
    C2_SEPARABLE_CHANNEL, /* the epilogue's, a plane of one channel */
    C2_SEPARABLE_PIXELS   /* the epilogue's, pixels of the flat plane as rows */
} c2_separable_store;

typedef struct c2_separable_plan {
    const c2_kernel *kernel; /* of direct_rows */
    bool flat, copied, box;
    c2_separable_store store;
    int64_t channels;           /* lanes of a pixel of the plane */
    int64_t row_distance, step; /* of output rows that share input rows; of these in input rows */
    int64_t rows;               /* of them in one call */
    int64_t phases;             /* copied: runs of columns, at most the stride */
    c2_split tiles_y, tiles_x;
    int64_t row_unit; /* tiles_y counts so many rows */
    int64_t lanes_x;   /* of one phase of a middle row */
    int64_t mid_pitch; /* floats */
    int64_t sums_pitch;
    /* Of a worker's scratch, in this order, each a multiple of C2_ALIGN. */
    size_t copy_bytes, mid_bytes, sums_bytes, bias_bytes, room_bytes, rows_bytes, scratch_bytes;
    double seconds; /* of one image */
} c2_separable_plan;

/* False if not even one output pixel's rows fit the workspace. */
bool c2_separable_plan_make(const conv2d_device *device, const c2_problem *p,
                            const c2_kernel *kernel, c2_separable_plan *plan_out);

/* Packed: for each output channel its column, then its row. */
static inline int64_t c2_separable_packed(const c2_problem *p) { return p->kh + p->kw; }

conv2d_status c2_separable_create(conv2d_device *device, const c2_problem *p,
                                  const c2_separable_plan *plan, c2_state **state_out);
void c2_separable_destroy(conv2d_device *device, c2_state *state);
conv2d_status c2_separable_run(const c2_state *state, const c2_run_args *args);

#endif
