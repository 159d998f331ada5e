/* SPDX-License-Identifier: BSD-2-Clause
 * Inside of the direct drivers: blocking and tables of one problem (direct_plan.c), and
 * what runs them (direct.c). */
#ifndef C2_CPU_DIRECT_H
#define C2_CPU_DIRECT_H

#include "cpu/driver.h"
#include "cpu/window.h"

/* Output pixels [begin[a], end[a]) of axis a (y, x) whose windows lie inside the image, which is
 * read in place there; empty where that is not possible. */
typedef struct c2_interior {
    int64_t begin[2], end[2];
} c2_interior;

/* Where the products of an output pixel lie, in elements from its first padded pixel on. */
typedef struct c2_direct_table {
    ptrdiff_t *offset;     /* direct_px: K of them; direct_rows: KW*C */
    ptrdiff_t *row_offset; /* direct_rows: input rows of a tile; direct_px: NULL */
} c2_direct_table;

/* How results get into the output. */
typedef enum c2_direct_store {
    C2_DIRECT_RESULTS, /* kernels store them */
    C2_DIRECT_JOIN, /* kernels store a row a channel, which are joined to neighbouring channels */
    C2_DIRECT_SUMS  /* kernels store sums, the epilogue kernel does the rest */
} c2_direct_store;

enum { C2_DIRECT_JOINED = 128 }; /* channels that are joined together at most, tiles aside */

/* A pure function of problem, kernel and workspace_limit. */
typedef struct c2_direct_plan {
    const c2_kernel *kernel;
    int rows;             /* output rows of a tile: mr for direct_rows, else 1 */
    int64_t row_distance; /* between these output rows */
    int64_t step;         /* between their windows, in input rows that taps use */
    c2_pack_shape pack;
    c2_window window;
    c2_interior interior;
    c2_split blocks_y, blocks_x;
    bool flat;             /* a block's rows follow each other everywhere: one strip */
    c2_split group_blocks; /* groups of a block share its window, and are joined together */
    c2_direct_store store;
    int64_t joined_tiles; /* of output channels of a group, whose rows are kept to be joined */
    c2_split tile_blocks; /* of the joined tiles: tasks of one block of pixels */
    size_t n_offsets, n_row_offsets;
    size_t window_bytes, scratch_bytes; /* of a worker; up to C2_STACK_BYTES on its stack */
    double seconds;                     /* of an image; HUGE_VAL: no block fits */
} c2_direct_plan;

c2_direct_plan c2_direct_plan_make(const conv2d_device *device, const c2_problem *p,
                                   const c2_kernel *kernel);
/* Fill tables of n_offsets and n_row_offsets entries. */
void c2_direct_table_window(const c2_direct_plan *plan, const c2_problem *p, c2_direct_table *t);
void c2_direct_table_in_place(const c2_direct_plan *plan, const c2_problem *p, c2_direct_table *t);

/* Members of c2_algorithm, for a kernel of either family (direct.c). */
bool c2_direct_supports(const conv2d_device *device, const c2_problem *p, const c2_kernel *kernel,
                        c2_why *why);
double c2_direct_cost(const conv2d_device *device, const c2_problem *p, const c2_kernel *kernel);
c2_bytes c2_direct_memory(const conv2d_device *device, const c2_problem *p,
                          const c2_kernel *kernel);
conv2d_status c2_direct_create(conv2d_device *device, const c2_problem *p, const c2_kernel *kernel,
                               c2_state **state_out);
void c2_direct_destroy(conv2d_device *device, c2_state *state);
conv2d_status c2_direct_run(const c2_state *state, const c2_run_args *args);

#endif
