/* SPDX-License-Identifier: BSD-2-Clause
 * Winograd convolution F(m,3), m = 2, 4 or 6: kernel 3x3, stride 1, any dilation, padding and
 * strides.
 *
 * Output pixels of equal remainder modulo the dilation are a grid of their own, a phase, on which
 * the kernel is not dilated. A phase is cut into tiles of m x m pixels, each of which needs
 * edge x edge input pixels, edge = m + 2. Tiles are numbered image by image, phase by phase, row by
 * row. A task takes a block of them and some panels of nr output channels:
 *   V[step][block of VF channels][tile][VF]  transformed input; step = one of edge * edge products
 *   U[panel][step][channel][nr]              transformed weights, read from front to back
 *   M[step][tile][nr]                        products of one panel
 * and from M the pixels of the panel. A segment is a run of tiles of a block that lie in one row;
 * its pixels wait in Y until the epilogue has them. Neither blocks nor segments show in the bits.
 */
#ifndef C2_CPU_WINOGRAD_H
#define C2_CPU_WINOGRAD_H

#include "cpu/driver.h"

enum {
    C2_WINO_K = 64,       /* channels added up in one go; docs/numerics.md counts on it */
    C2_WINO_SEGMENT = 8,  /* tiles of a segment at most */
    C2_WINO_MAX_EDGE = 8, /* of a tile, with its border */
    C2_WINO_MAX_M = 6
};

typedef struct c2_wino_plan {
    int m, edge, steps; /* steps = edge * edge */
    int lanes, mr, nr;  /* VF of the ISA, tile of the GEMM kernel */
    int64_t phases[2];  /* y, x */
    int64_t grid[2];    /* tiles of the largest phase */
    int64_t tiles;      /* of all images */
    c2_split blocks;    /* of the tiles */
    int64_t panels;
    c2_split panel_blocks;        /* of the panels of a group */
    int64_t channel_blocks;       /* of `lanes` input channels */
    int64_t v_step, v_block;      /* strides of V in floats */
    int64_t m_step;               /* of M */
    int64_t segment;              /* tiles of one at most */
    size_t v_bytes, m_bytes;      /* of V and M; then the window of a segment, or Y */
    size_t scratch_bytes;         /* of a worker; up to C2_STACK_BYTES they are on its stack */
    bool channels_last;           /* input channels are neighbours: read in place */
    bool pixels_last;             /* output pixels of a phase's row are neighbours */
    double seconds;
} c2_wino_plan;

c2_wino_plan c2_wino_plan_make(const conv2d_device *device, const c2_problem *p, int m,
                               int variant);
/* Smaller blocks, and panels of their own, if that occupies all threads of the device: the plan
 * above is for one, so that no choice depends on how many there are. Needs no more memory. */
void c2_wino_plan_share(const conv2d_device *device, const c2_problem *p, int variant,
                        c2_wino_plan *plan);

struct c2_state {
    c2_wino_plan plan;
    c2_wino_in_fn in, in_f32; /* for the input's dtype; for windows */
    c2_wino_gemm_fn gemm;
    c2_wino_out_fn out;
    c2_widen_fn widen, widen_f32;
    c2_epilogue_fn epilogue;
    bool finishes;   /* the kernel stores results of whole tiles */
    float low, high; /* of the activation, if it does */
    c2_problem phase; /* with the strides of a phase's residual and output */
    float *zeros;     /* icg of them; the bits are 0 in every type */
    size_t zeros_bytes;
};

/* A run of tiles of one row. */
typedef struct c2_wino_segment {
    int64_t n, y, x; /* image; first output row and column of the phase */
    int64_t ty, tx;  /* tile in the phase */
    int64_t first;   /* its number in the block */
    int64_t count;
} c2_wino_segment;

/* winograd_in.c: transform the segment's input of group g into V. window: room for a segment. */
void c2_wino_transform(const c2_state *s, const c2_run_args *args, int64_t g,
                       const c2_wino_segment *segment, float *v, float *window);
/* Floats of a window, and of the Y of a segment, before and after the transposed copy. */
int64_t c2_wino_window_floats(const c2_wino_plan *plan);
int64_t c2_wino_y_floats(const c2_wino_plan *plan);

/* winograd_pack.c. Bytes, SIZE_MAX if they do not fit size_t. */
size_t c2_wino_pack_bytes(const c2_problem *p, const c2_wino_plan *plan);
void c2_wino_pack(const c2_problem *p, const c2_wino_plan *plan, const c2_weight_view *view,
                  float *packed);

/* winograd.c: members of the algorithms that do not depend on m. */
conv2d_status c2_wino_state_create(conv2d_device *device, const c2_problem *p, int m, int variant,
                                   c2_state **state_out);
void c2_wino_state_destroy(conv2d_device *device, c2_state *state);
conv2d_status c2_wino_run(const c2_state *state, const c2_run_args *args);
/* The kernel of a family that has the ISA of variant, the given mr and dtype; or NULL. */
const c2_kernel *c2_wino_kernel(const conv2d_device *device, int variant, c2_family family, int mr,
                                int32_t dtype);

#endif
