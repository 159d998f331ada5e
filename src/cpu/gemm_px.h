/* SPDX-License-Identifier: BSD-2-Clause
 * Inside of the gemm_px driver: its blocking (gemm_px_plan.c) and its state (gemm_px.c). */
#ifndef C2_CPU_GEMM_PX_H
#define C2_CPU_GEMM_PX_H

#include "cpu/pairs.h"
#include "cpu/share.h"
#include "cpu/window.h"

enum {
    C2_PX_SUMS = 6144, /* floats of sums a task keeps on its stack */
    C2_PX_CHUNK = 128, /* rows of k whose pixels stay in the L1 cache while a group of output
                          channels uses them */
    C2_PX_FAR_CHUNK = 512,   /* of panels, where weights are far */
    C2_PX_TILES_CHUNK = 1024 /* of tile registers, which read both sides from L2 */
};

typedef enum c2_px_mode {
    C2_PX_DIRECT,
    C2_PX_WINDOW,
    C2_PX_PANEL,
    C2_PX_IMAGE_PANEL,
    C2_PX_WINDOW_PANEL
} c2_px_mode;

/* Blocking of one problem for one kernel; a pure function of both and workspace_limit. */
typedef struct c2_px_plan {
    c2_px_mode mode;
    c2_words words;
    int tile_parts;          /* words.parts; without words 1 */
    ptrdiff_t part_pitch;    /* of pixels, in words */
    c2_pack_shape pack;
    c2_window window;        /* window: its geometry; direct: pitch of the image's rows */
    c2_split blocks_y, blocks_x; /* of output rows and columns; panel and image panel: y = one
                                    block, x = tiles of nr pixels */
    c2_split tile_blocks;    /* of the output channel tiles of a group */
    int64_t panel_tiles;     /* panels: tiles of pixels a block */
    size_t klen;             /* channels of a group */
    int64_t group_tiles;     /* output channel tiles that share the pixels of a chunk */
    size_t scratch_bytes;    /* of a worker; up to C2_STACK_BYTES they are on its stack */
    size_t stage_bytes;      /* of them, in front: channels as stored, before they are paired;
                                window panel: the window */
    int vector;              /* lanes of the ISA's vector */
    bool weights_stream;     /* weights do not stay in the cache */
    bool far;                /* nor do those of tile registers in L2 */
    c2_share_cost cost;      /* of tile registers */
    double seconds;
} c2_px_plan;

c2_px_plan c2_px_plan_make(const conv2d_device *device, const c2_kernel *kernel,
                           const c2_problem *p);

/* Whether blocks are runs of pixels of the flattened image. */
static inline bool c2_px_is_flat(const c2_px_plan *plan)
{
    return plan->mode == C2_PX_PANEL || plan->mode == C2_PX_IMAGE_PANEL;
}

/* What workers share: blocks, along x first, or tiles of a flat image; and parts of the output
 * channel tiles. */
c2_share c2_px_share_of(const c2_px_plan *plan, const c2_problem *p, int64_t workers);

struct c2_state {
    const c2_kernel *kernel;
    c2_gemm_px_fn fn;
    c2_pair_fn pair;   /* NULL without words */
    c2_tiles_fn tiles; /* state that tasks set, or NULL */
    c2_epilogue_fn epilogue;
    c2_px_plan plan;
    c2_share share;
    int64_t element; /* bytes of a pixel as the kernel reads it */
    size_t n_taps;
    ptrdiff_t *tap_offset; /* n_taps; NULL for panels */
};

#endif
