/* SPDX-License-Identifier: BSD-2-Clause
 * Inside of the panel driver: its blocking (panel_plan.c), how panels are filled (panel_fill.c) and
 * its state (panel.c). */
#ifndef C2_CPU_PANEL_H
#define C2_CPU_PANEL_H

#include "cpu/panel_kernel.h"
#include "cpu/rows.h"
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
    size_t panel_bytes;       /* of a panel; one or two of them are in front of the */
    size_t sums_bytes;        /* sums, and what is kept behind these; */
    size_t scratch_bytes;     /* of a worker; up to C2_STACK_BYTES they are on its stack */
    bool ahead;               /* a worker fills its next block's panel meanwhile: there are two */
    bool far;                 /* packed weights come from memory */
    c2_share_cost cost;       /* of an image's group, as are these: */
    double seconds;           /* without the epilogue */
} c2_panel_plan;

c2_panel_plan c2_panel_plan_make(const conv2d_device *device, const c2_kernel *kernel,
                                 const c2_problem *p);

/* Tiles [begin, end) of mr pixels of an image; of a block or one worker's part of it. */
typedef struct c2_panel_block {
    const c2_problem *problem;
    const c2_panel_plan *plan;
    int64_t mr, begin, end;
} c2_panel_block;

int64_t c2_panel_tile_pixels(const c2_panel_block *b, int64_t tile);

typedef struct c2_panel_range {
    int64_t begin, end;
} c2_panel_range;

/* Steps of a tile: kernel rows that are padding for all of its pixels are left out. */
c2_panel_range c2_panel_live(const c2_panel_block *b, int64_t tile);
/* Empty at the chunk's begin if they share none. */
c2_panel_range c2_panel_both(c2_panel_range chunk, c2_panel_range live);

/* Fills a panel, which has `chunk` steps for each of its block's tiles: at once, or a piece at a
 * time. The caller sets what is above the line and rows. */
typedef struct c2_panel_filler {
    c2_panel_block block;
    c2_parts_fn parts;
    const float *zeros; /* a run of them */
    uint32_t *panel;
    c2_rows rows;
    /* ---- */
    c2_panel_range chunk, live; /* steps: of the panel, of the half */
    int64_t first, step;        /* the half's first pixel; the next tap's first step */
    c2_parts_args tap, piece;   /* the last one; a piece of it */
    int64_t row, at;            /* the tap's rows that are filled, and steps of the next ones */
    int64_t piece_rows;         /* of a piece, some if they are short */
    const void *table[C2_MAX_MR];
    float room[C2_PANEL_PIXELS * C2_PANEL_MERGED];
} c2_panel_filler;

/* Turn to steps [begin, end). */
void c2_panel_filler_begin(c2_panel_filler *f, int64_t begin, int64_t end);
/* Pieces at most. */
size_t c2_panel_filler_pieces(const c2_panel_filler *f);
/* The next one, if there is one, of the filler. */
void c2_panel_filler_piece(void *filler);
/* All that is left. */
void c2_panel_fill(c2_panel_filler *f);

#endif
