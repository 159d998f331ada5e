/* SPDX-License-Identifier: BSD-2-Clause
 * Inside of split3_groups and split3_crossed, whose groups have few channels: their blocking
 * (group_strip_plan.c) and their driver (group_strip.c). A strip holds the input rows of one group
 * under a block of output rows, pixel by pixel, cut into parts of bfloat16 once for all taps:
 *   [row][pixel][part][channels, up to a multiple of 32]
 * The dot3_ch kernel reads it. Of 16 channels or fewer a register's row would be half empty; there
 * a pixel is crossed, four times 16 channels,
 *   part 1 | part 0 | part 0 | part 2
 * and its first half x and its second half y are what the dot2_ch kernel takes for two parts
 * of 32 channels. (Part 0 once would do, but then registers' rows cross lines of the
 * cache, and products take 1.3 times as long.) With weights u = (w1, w0) and v = (w0, w2) their
 * three products
 *   y u = x0 w1 + x2 w0,   x u = x1 w1 + x0 w0,   x v = x1 w0 + x0 w2
 * are the six of dot3_ch. Padding is zeros, as are channels that a group lacks. */
#ifndef C2_CPU_GROUP_STRIP_H
#define C2_CPU_GROUP_STRIP_H

#include "cpu/panel_kernel.h"
#include "cpu/parts.h"

enum {
    C2_GROUP_PIXELS = 16,   /* of a register: neighbours of an output row, or of two */
    C2_GROUP_RUN = 32,      /* numbers of a step */
    C2_GROUP_CROSSED = 16,  /* channels at most */
    C2_GROUP_CHANNELS = 64, /* of a group at most: with more split3_ch cuts as little */
    C2_GROUP_STORED = 8     /* registers whose sums are stored together */
};

/* Blocking of one problem for one kernel; a pure function of both and workspace_limit. Blocks
 * never change results. */
typedef struct c2_group_plan {
    c2_words words;
    c2_pack_shape pack;
    int64_t a_tap, steps; /* of a tap, of all */
    int64_t pixel, part;  /* numbers from pixel to pixel; between what a kernel takes for parts */
    int64_t left, pitch;  /* pixels in front of pixel 0; of a row of the strip */
    int64_t lanes;        /* of an output row: more than it has pixels where it goes on with what
                             is between two rows, or up to whole registers */
    bool in_place;        /* a pixel's channels are cut where they lie */
    c2_split row_blocks;  /* of an image's output rows */
    bool ahead;              /* a worker fills its next strip meanwhile: there are two */
    size_t strip_bytes;      /* of one; they are in front of the rest: */
    size_t sums_at, line_at, kept_at; /* bytes, in a worker's scratch */
    size_t scratch_bytes; /* of a worker; up to C2_STACK_BYTES they are on its stack */
    double seconds;       /* of an image's group, without the epilogue */
} c2_group_plan;

c2_group_plan c2_group_plan_make(const conv2d_device *device, const c2_kernel *kernel,
                                 const c2_problem *p);
/* Bytes of a strip under so many output rows, and of what registers read behind it. */
size_t c2_group_strip_bytes(const c2_problem *p, const c2_group_plan *plan, int64_t rows);

#endif
