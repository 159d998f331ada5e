/* SPDX-License-Identifier: BSD-2-Clause
 * Inside of the gemm_px driver: its blocking (gemm_px_plan.c), its tasks (gemm_px.c), and panels
 * (gemm_px_panel.c, filled by gemm_px_fill.c). */
#ifndef C2_CPU_GEMM_PX_H
#define C2_CPU_GEMM_PX_H

#include "cpu/pairs.h"
#include "cpu/panel_kernel.h"
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
    bool ahead;              /* panels are filled while others are multiplied: there are two sets */
    size_t kept_at; /* of panels, in a worker's scratch: c2_panel_kept */
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
    bool late; /* outputs are stored among the products of the next call, */
    float low, high;
    c2_share share;
    int64_t element; /* bytes of a pixel as the kernel reads it */
    size_t n_taps;
    ptrdiff_t *tap_offset; /* n_taps; NULL for panels */
};

/* What a task works on. */
typedef struct c2_px_work {
    const c2_state *s;
    const c2_run_args *args;
    const char *image;    /* element (n, first channel of the group, 0, 0) */
    const float *weights; /* packed, of the group; or words, which are as large */
    char *scratch;
    int64_t n, g;
    int64_t tile_begin, tile_end; /* output channel tiles */
    c2_block block;
} c2_px_work;


void c2_px_work_begin(const c2_state *s, const c2_run_args *args, size_t task, char *scratch,
                      c2_px_work *w);

/* The first output channel of a tile; of one behind the last, their number. */
int64_t c2_px_tile_first(const c2_px_work *w, int64_t tile);
int c2_px_tile_rows(const c2_px_work *w, int64_t tile);
/* Store the sums of tiles [begin, end), whose rows follow each other. */
void c2_px_store_tiles(const c2_px_work *w, int64_t begin, int64_t end, const float *sums,
                       const c2_lanes *lanes);

/* Tiles of the block's lanes, in whole vectors but for the last. */
typedef struct c2_px_lane_tiles {
    c2_split vectors;
    int64_t lanes;
    int vector;
} c2_px_lane_tiles;
c2_px_lane_tiles c2_px_cut_lanes(const c2_state *s, int64_t lanes);

/* While tile i of n of a block's lanes is multiplied, its part of the next tile of weights, which
 * follow these, is fetched. */
void c2_px_fetch_next(const c2_px_plan *plan, int64_t i, int64_t n, c2_gemm_px_args *a);

/* Lanes of a panel's tile, from the block's first on, and the words of kernel rows that are not
 * padding for all of them. */
typedef struct c2_px_panel_tile {
    int64_t first, end;
    int64_t live_begin, live_end;
} c2_px_panel_tile;
void c2_px_set_panel_tile(const c2_px_work *w, const c2_px_lane_tiles *cut, int64_t i,
                          c2_px_panel_tile *t);
/* Whether words [k0, k1) are padding. Of a tile all of whose words are, the first ones are not. */
bool c2_px_is_dead(const c2_px_panel_tile *t, int64_t k0, int64_t k1);

/* Pixels in the image or in a window of it, as they are stored. */
typedef struct c2_px_source {
    const char *first;      /* of the block's first tap */
    ptrdiff_t channel, row; /* elements from one to the next; columns are neighbours */
    int64_t cols;           /* lanes of a row */
    int64_t lane;           /* that `first` belongs to is the one before so many */
    bool padded;            /* some taps of some lanes are outside the image: zeros */
} c2_px_source;

/* Fills panels of a block's tiles for words [k0, k1), all at once, or a piece at a time. */
typedef struct c2_px_filler {
    c2_px_work w;
    c2_px_source from; /* of words */
    c2_px_lane_tiles cut;
    char *panels; /* of tiles, c2_px_panel_bytes() apart */
    int64_t k0, k1;
    int64_t tile; /* the next one, or, if it is begun: */
    bool begun;
    c2_px_panel_tile now;
    char *panel;
    int64_t k, lane;  /* the words of a tap from k on, of lanes from `lane` on, are next, after */
    c2_pair_args run; /* of lanes, of which so many words are */
    int64_t left;     /* left */
    int64_t element;  /* bytes of a pixel as it is stored */
} c2_px_filler;

/* Turn to the block of w; copies its input to a window if that is the plan. */
void c2_px_filler_begin(c2_px_filler *f, const c2_px_work *w);
/* Turn to words [k0, k1) of it. */
void c2_px_filler_chunk(c2_px_filler *f, char *panels, int64_t k0, int64_t k1);
/* About as many as there are; of words only. */
size_t c2_px_filler_pieces(const c2_px_filler *f);
void c2_px_filler_piece(void *filler);
/* All that is left. */
void c2_px_fill(c2_px_filler *f);

int64_t c2_px_panel_bytes(const c2_state *s);
/* A task of panels, which may be told the next one. */
void c2_px_run_panel(const c2_state *s, const c2_run_args *args, c2_cpu_turn *turn);

#endif
