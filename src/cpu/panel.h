/* SPDX-License-Identifier: BSD-2-Clause
 * Inside of the panel driver: its blocking (panel_plan.c) and its state (panel.c). */
#ifndef C2_CPU_PANEL_H
#define C2_CPU_PANEL_H

#include "cpu/panel_kernel.h"
#include "cpu/share.h"

enum {
    C2_PANEL_PIXELS = 16, /* of a half of the kernel's tiles: a register's rows */
    C2_PANEL_WORDS = 16,  /* of a step */
    C2_PANEL_MERGED = 256 /* channels of a merged run at most: at borders they are put together on
                             the stack */
};

/* Blocking of one problem for one kernel; a pure function of both and workspace_limit. Blocks
 * never change results. */
typedef struct c2_panel_plan {
    c2_words words;
    c2_pack_shape pack;
    int64_t run, steps_a_run; /* channels and steps of a tap */
    int64_t steps;            /* of all taps */
    c2_split pixel_blocks;    /* of an image's tiles of pixels */
    int64_t tiles;            /* of a block at most */
    int64_t chunk;            /* steps of a panel */
    int64_t group;            /* output channel tiles whose sums wait for the next chunk */
    size_t panel_bytes;       /* of them, in front of the sums; */
    size_t scratch_bytes;     /* of a worker; up to C2_STACK_BYTES they are on its stack */
    bool far;                 /* packed weights come from memory */
    c2_share_cost cost;       /* of an image's group, as are these: */
    double seconds;           /* without the epilogue */
} c2_panel_plan;

c2_panel_plan c2_panel_plan_make(const conv2d_device *device, const c2_kernel *kernel,
                                 const c2_problem *p);

#endif
