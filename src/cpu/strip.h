/* SPDX-License-Identifier: BSD-2-Clause
 * Inside of the strip driver: its blocking (strip_plan.c), the strip (strip_fill.c), products
 * (strip.c). A strip holds an image's rows, cut into parts of bfloat16. Of two kinds:
 *   rows     [part][row][pitch], all input rows under a block of output rows; `left` numbers of a
 *            row are in front of pixel 0, padding is zeros
 *   windows  [part][pixel][kernel row][channel], those under one output row. The next output row's
 *            strip begins `advance` numbers later in the same memory: what the two share is there
 *            already, and only `fresh` kernel rows are written
 */
#ifndef C2_CPU_STRIP_H
#define C2_CPU_STRIP_H

#include "cpu/panel_kernel.h"
#include "cpu/share.h"

enum {
    C2_STRIP_PIXELS = 16, /* of half the kernel's tile: neighbours of an output row */
    C2_STRIP_RUN = 32,    /* channels of a step */
    C2_STRIP_HALVES = 8   /* halves of tiles that are stored together, an even number */
};

/* Blocking of one problem for one kernel; a pure function of both and workspace_limit. Blocks
 * never change results. */
typedef struct c2_strip_plan {
    c2_words words;
    c2_pack_shape pack;
    int64_t run, steps_a_run; /* numbers and steps of a tap, or of those merged */
    int64_t steps;            /* of all taps */
    int64_t pixel;            /* numbers of a pixel */
    int64_t left, pitch;      /* numbers; for rows multiples of C2_STRIP_RUN */
    int64_t advance;          /* numbers from output row to output row */
    int64_t fresh;            /* kernel rows that an output row does not share with the last */
    bool dense;               /* rows are cut where they lie, not from a copy of floats */
    c2_split row_blocks;      /* of an image's output rows */
    size_t part_bytes;        /* of the strip of a whole block */
    size_t sums_at, copy_at, line_at, cut_at; /* bytes, in a worker's scratch */
    size_t cut_bytes;         /* of a part of fresh rows, before they are spread over pixels */
    size_t scratch_bytes;     /* of a worker; up to C2_STACK_BYTES they are on its stack */
    bool far;                 /* packed weights come from memory */
    c2_share_cost cost;       /* of an image */
    double seconds;           /* of an image, without the epilogue */
} c2_strip_plan;

c2_strip_plan c2_strip_plan_make(const conv2d_device *device, const c2_kernel *kernel,
                                 const c2_problem *p);
static inline bool c2_strip_windows(const c2_strip_plan *plan)
{
    return plan->words.merge == C2_MERGE_WINDOW;
}

/* Bytes of one part of a strip under so many output rows, and of what registers read behind it. */
size_t c2_strip_part_bytes(const c2_problem *p, const c2_strip_plan *plan, int64_t rows);

/* The strip of a block of output rows of an image. */
typedef struct c2_strip {
    const c2_strip_plan *plan;
    const c2_problem *problem;
    c2_parts_fn parts;
    c2_widen_fn widen;
    const float *image;  /* element (n, 0, 0, 0) */
    int64_t row, end;    /* output rows of the block */
    char *parts_of;      /* of the numbers */
    float *line;         /* a copy of rows */
    uint16_t *cut;
    bool special; /* some numbers of it are not finite */
} c2_strip;
/* Fills it: of rows all, of windows what is under the block's first output row. */
void c2_strip_fill(c2_strip *s);
/* Of windows: moves on to output row `row`, from the one before. */
void c2_strip_move(c2_strip *s, int64_t row);
/* Where part 0 of pixel x of output row `row` begins. */
static inline char *c2_strip_at(const c2_strip *s, int64_t row, int64_t x)
{
    const int64_t at = (row - s->row) * s->plan->advance + s->plan->left + x * s->plan->pixel;
    return s->parts_of + at * (int64_t)sizeof(uint16_t);
}

#endif
