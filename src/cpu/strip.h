/* SPDX-License-Identifier: BSD-2-Clause
 * Inside of the strip driver: its blocking (strip_plan.c) and its state (strip.c). A strip is the
 * rows of an image under a block of output rows, cut into parts:
 *   [part][row][pitch]  bfloat16; `left` of a row are in front of pixel 0; padding is zeros
 */
#ifndef C2_CPU_STRIP_H
#define C2_CPU_STRIP_H

#include "cpu/panel_kernel.h"

enum {
    C2_STRIP_PIXELS = 16, /* of half the kernel's tile: neighbours of an output row */
    C2_STRIP_RUN = 32     /* channels of a step */
};

/* Blocking of one problem for one kernel; a pure function of both and workspace_limit. Blocks
 * never change results. */
typedef struct c2_strip_plan {
    c2_words words;
    c2_pack_shape pack;
    int64_t run, steps_a_run; /* channels and steps of a tap */
    int64_t steps;            /* of all taps */
    int64_t left, pitch;      /* halves, multiples of C2_STRIP_RUN */
    c2_split row_blocks;      /* of an image's output rows */
    size_t part_bytes;        /* of a strip; sums and a step's copy lie behind all parts */
    size_t scratch_bytes;     /* of a worker; up to C2_STACK_BYTES they are on its stack */
    bool far;                 /* packed weights come from memory */
    double seconds;           /* of an image, without the epilogue */
} c2_strip_plan;

c2_strip_plan c2_strip_plan_make(const conv2d_device *device, const c2_kernel *kernel,
                                 const c2_problem *p);
/* Input rows under n output rows. */
static inline int64_t c2_strip_rows(const c2_problem *p, int64_t n)
{
    return (n - 1) * p->stride[0] + (p->kh - 1) * p->dilation[0] + 1;
}

#endif
