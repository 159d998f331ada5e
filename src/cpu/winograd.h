/* SPDX-License-Identifier: BSD-2-Clause
 * Winograd convolution F(m,3), m = 2, 4 or 6, of kernels as sums of pieces of 3x3 taps (of 3 taps,
 * if the kernel is one row or one column), whose taps beyond the kernel are zeros and whose
 * channels follow those of the piece before. Any padding and strides of tensors; along an axis
 * either a dilation or a stride.
 *
 * Output pixels of equal remainder modulo the dilation are a grid of their own, a phase, on which
 * the kernel is not dilated. With a stride s, a piece has every s-th tap: the pixels that outputs
 * side by side read there are s apart, and to them the stride is 1. A phase is cut into tiles of
 * m x m pixels (m along a kernel of one row or column), each of which needs a border of two more;
 * for a piece that has but two taps of the kernel, or one, of one more or none.
 * Tiles are numbered image by image, phase by phase, row by row. Those at the end of a phase may be
 * short (kernels_winograd.h): they need fewer products. A task takes a block of tiles and some
 * panels of nr output channels:
 *   V[step][piece][block of VF channels][tile][VF]  transformed input; step = one of a tile's
 *                                                   products. Pieces of few channels are merged:
 *                                                   all channels of all pieces follow each other
 *   U[panel][step][piece][channel][nr]       transformed weights, read from front to back; without
 *                                            pieces that lack the step (kernels_winograd.h)
 *   M[step][tile][nr]                        products of one panel
 * and from M the pixels of the panel. Tiles of a block lie there in an order in which those that
 * have a step follow each other (winograd_tiles.c). A segment is a run of tiles of a block that lie
 * in one row; its pixels wait in Y until the epilogue has them. Neither blocks nor segments show in
 * the bits.
 *
 * Groups of as many input as output channels, whole ones in a vector, lie side by side: a task
 * takes a set of them, whose channels are transformed together, and a panel is as many as have
 * room. Each reads what it writes, so M takes V's place:
 *   V[step][vector][tile][VF]    U[panel][step][channel of a group][nr]
 * Where a vector is several groups, their lanes take turns in U (kernels_winograd.h).
 *
 * For tile registers (winograd_parts.c) V and U hold words of three bfloat16 parts (parts.h):
 *   V[step][32 tiles][piece][32 channels][part][tile][16 words]
 *   U[panel][step][piece][32 channels][word][part][nr]
 * and a task multiplies a group of panels step by step, so that what comes from beyond the L2 cache
 * serves several products. Tasks that have panels of the same block each make its V, or, where no
 * L2 cache holds it, all of them make one V first (`common`).
 */
#ifndef C2_CPU_WINOGRAD_H
#define C2_CPU_WINOGRAD_H

#include "cpu/driver.h"

enum {
    C2_WINO_K = 64,       /* channels added up in one go; docs/numerics.md counts on it */
    C2_WINO_SEGMENT = 16, /* tiles of a segment at most */
    C2_WINO_MAX_EDGE = 8, /* of a tile, with its border */
    C2_WINO_MAX_M = 6,
    C2_WINO_TAPS = 3, /* of a piece, down and along a row */
    C2_WINO_MAX_PIECES = 4, /* down and along a row */
    C2_WINO_FEW = 16,       /* channels of a piece below which pieces are merged */
    C2_WINO_LANES = 16,     /* of all instruction sets at most */
    C2_WINO_PARTS = 3,
    C2_WINO_ROWS = 16,     /* tiles of half a register pair of V: blocks are multiples of it */
    C2_WINO_CHANNELS = 32, /* of a step of the tile registers' products */
    C2_WINO_CUT = 128      /* channels of a tile that are transformed, then cut into parts */
};

/* The kernel and its tiles along y or x. Piece i has the taps (i / stride) * 3 stride +
 * i % stride + {0, stride, 2 stride}; those of one i / stride read neighbours. */
typedef struct c2_wino_axis {
    int size; /* outputs of a tile: m, or of one tap 1 */
    int edge; /* inputs under it and its steps, of the piece that has most */
    int64_t stride;
    int64_t step;   /* input pixels between neighbours of a tile: the stride or the dilation */
    int64_t pieces;
    int taps[C2_WINO_MAX_PIECES]; /* of a piece; that of the first no fewer than of any other */
    int64_t phases;
    int64_t grid;   /* tiles of the largest phase */
    int last;       /* outputs of the last one of them: fewer than size if it is short */
} c2_wino_axis;

typedef struct c2_wino_plan {
    int m, steps;       /* steps: the product of the tile's edges */
    c2_wino_axis axis[2]; /* y, x */
    bool merged;        /* V has one piece, of all channels of all pieces */
    int lanes, mr, nr;  /* VF of the transforms, tile of the GEMM kernel */
    bool parts;         /* V and U are words of parts; */
    bool far;           /* U comes from beyond the L2 cache */
    int64_t unit;       /* blocks are multiples of so many tiles */
    int64_t tiles;      /* of all images */
    c2_split blocks;    /* of the units of tiles */
    bool beside;        /* groups lie side by side */
    int64_t side, sets; /* groups of a set, 1 if not beside */
    int64_t panels;     /* of nr output channels, of a set */
    c2_split panel_blocks;        /* of those */
    int64_t v_channels;           /* of a piece of V */
    int64_t channel_blocks;       /* of `lanes` input channels; in parts of C2_WINO_CHANNELS; */
    int64_t piece_blocks;         /* those of a piece of V */
    int64_t v_step, v_block;      /* strides of V in floats or words: of 32 tiles, in parts; */
    int64_t v_piece;              /* from a piece of a tile to the next; */
    int64_t v_panel;              /* of what a panel reads: 0 if each reads all */
    int64_t m_step, m_panel, m_tile; /* of M */
    int64_t group;                /* panels that M has room for */
    int64_t segment;              /* tiles of one at most */
    size_t v_bytes, m_bytes;      /* of V and M; then the window of a segment, or Y; then */
    size_t room_bytes, cut_bytes; /* a tile's floats that will be cut */
    size_t scratch_bytes;         /* of a worker; up to C2_STACK_BYTES they are on its stack */
    bool common;                  /* all workers make V of all blocks, in tasks of their own: */
    int64_t in_runs, in_parts;    /* runs of a block's tiles, and parts of their channels */
    size_t common_bytes;          /* of it, or 0 */
    bool channels_last;           /* input channels are neighbours: read in place, */
    bool fetches;                 /* and asked for a tile ahead */
    bool pixels_last;             /* output pixels of a phase's row are neighbours */
    double seconds;
} c2_wino_plan;

/* Where a lane of a vector of several groups lies if they take turns (kernels_winograd.h). */
static inline int c2_wino_turn(const c2_wino_plan *plan, const c2_problem *p, int lane)
{
    const int channels = (int)p->icg;
    return lane % channels * (plan->lanes / channels) + lane / channels;
}

/* Groups of a set. */
static inline int64_t c2_wino_members(const c2_wino_plan *plan, const c2_problem *p, int64_t set)
{
    return c2_min(plan->side, p->groups - set * plan->side);
}

static inline int64_t c2_wino_pieces(const c2_wino_plan *plan)
{
    return plan->axis[0].pieces * plan->axis[1].pieces;
}

/* Whether tiles are lines, across or down. */
static inline bool c2_wino_is_line(const c2_wino_plan *plan)
{
    return plan->axis[0].edge == 1 || plan->axis[1].edge == 1;
}

/* Groups of pieces along an axis: those of one i / stride. */
static inline int64_t c2_wino_rounds(const c2_wino_axis *axis)
{
    return c2_div_up(axis->pieces, axis->stride);
}

static inline bool c2_wino_is_short(const c2_wino_axis *axis) { return axis->last < axis->size; }

/* Inputs under so many outputs of a tile in a piece, and as many steps along the axis. */
static inline int c2_wino_reach(const c2_wino_axis *axis, int64_t piece, int outputs)
{
    return outputs + axis->taps[piece] - 1;
}

/* Whether a tile of so many outputs has step i of the axis in the piece. */
static inline bool c2_wino_has(const c2_wino_axis *axis, int i, int64_t piece, int outputs)
{
    const int taps = axis->taps[piece];
    return i < outputs + (taps > 1) || (taps == C2_WINO_TAPS && i == axis->edge - 1);
}

/* Pairs of a step and a piece that tiles have: what V has of a tile's channel of a piece, and U. */
static inline int64_t c2_wino_live(const c2_wino_plan *plan)
{
    int64_t n[2] = {0, 0};
    for (int a = 0; a < 2; a++)
        for (int64_t i = 0; i < (plan->merged ? 1 : plan->axis[a].pieces); i++)
            n[a] += c2_wino_reach(&plan->axis[a], i, plan->axis[a].size);
    return n[0] * n[1];
}

static inline int64_t c2_wino_first_tap(const c2_wino_axis *axis, int64_t piece)
{
    return piece / axis->stride * C2_WINO_TAPS * axis->stride + piece % axis->stride;
}

/* Of a kernel of so many taps. */
static inline int64_t c2_wino_axis_pieces(int64_t taps, int64_t stride)
{
    const int64_t round = C2_WINO_TAPS * stride;
    return taps / round * stride + c2_min(stride, taps % round);
}

static inline int64_t c2_wino_pieces_of(const c2_problem *p)
{
    return c2_wino_axis_pieces(p->kh, p->stride[0]) * c2_wino_axis_pieces(p->kw, p->stride[1]);
}

/* Pieces of few channels would cost a call of the kernel each. Bits depend on it. */
static inline bool c2_wino_merges(const c2_problem *p)
{
    return c2_wino_pieces_of(p) > 1 && p->icg < C2_WINO_FEW;
}

c2_wino_plan c2_wino_plan_make(const conv2d_device *device, const c2_problem *p, int m,
                               const c2_kernel *gemm);
/* Smaller blocks, and panels of their own, if that occupies all threads of the device: the plan
 * above is for one, so that no choice depends on how many there are. Needs no more memory. */
void c2_wino_plan_share(const conv2d_device *device, const c2_problem *p, const c2_kernel *gemm,
                        c2_wino_plan *plan);

struct c2_state {
    c2_wino_plan plan;
    c2_wino_in_fn in, in_f32; /* for the input's dtype; for windows */
    c2_wino_gemm_fn gemm;     /* or of groups side by side: */
    c2_wino_groups_fn groups;
    int32_t order[2][C2_WINO_LANES]; /* in and out, of lanes that take turns; or of parts: */
    c2_panel_fn panel;
    c2_parts_fn parts;
    c2_tiles_fn tiles;
    c2_wino_out_fn out;
    int out_nr;     /* lanes of a call; */
    int64_t m_call; /* floats of M from one's to the next one's */
    c2_widen_fn widen, widen_f32;
    c2_epilogue_fn epilogue;
    bool finishes;   /* the kernel stores results of whole tiles, */
    bool turns;      /* or puts results into Y, whose transposed copy the output is */
    float low, high; /* of the activation, in both */
    c2_problem phase; /* with the strides of a phase's residual and output */
    float *zeros;     /* icg of them; the bits are 0 in every type */
    size_t zeros_bytes;
};

/* winograd_tiles.c: the order of the tiles of a block in V and M: short along x, whole, short along
 * y, short along both; each kind in the order of its tiles' numbers. */
enum { C2_WINO_KINDS = 4 };

typedef struct c2_wino_order {
    int64_t begin, end;          /* tiles of the block */
    int64_t base[C2_WINO_KINDS]; /* a tile's place, less how many of its kind have lower numbers */
    /* Places of the tiles that have a step, by whether short ones have it along y and x. */
    int64_t begin_of[2], end_of[2][2];
} c2_wino_order;

c2_wino_order c2_wino_order_make(const c2_wino_plan *plan, int64_t begin, int64_t end);

/* A run of tiles of one row. */
typedef struct c2_wino_segment {
    int64_t n, y, x; /* image; first output row and column of the phase */
    int64_t ty, tx;  /* tile in the phase */
    int64_t count;
    bool begins;     /* a task's transforms, */
    int64_t c_begin, c_end; /* which are of these channels of the set */
    int64_t first, last; /* places in the block of the first tile and of the last one, which may be
                            short; those between follow the first */
    int size[2];         /* outputs of the last one along y and x; of the others along y */
} c2_wino_segment;

/* The segment that begins with tile `tile` of the block. */
c2_wino_segment c2_wino_segment_at(const c2_wino_plan *plan, const c2_wino_order *order,
                                   int64_t tile);

/* Place in the block of tile t of a segment. */
static inline int64_t c2_wino_place(const c2_wino_segment *segment, int64_t t)
{
    return t + 1 < segment->count ? segment->first + t : segment->last;
}

/* Outputs of a segment along x; of its tile t. */
static inline int64_t c2_wino_outputs(const c2_wino_plan *plan, const c2_wino_segment *segment)
{
    return (segment->count - 1) * plan->axis[1].size + segment->size[1];
}
static inline int c2_wino_width(const c2_wino_plan *plan, const c2_wino_segment *segment,
                                int64_t t)
{
    return t + 1 < segment->count ? plan->axis[1].size : segment->size[1];
}

/* size[] of tile t of a segment and taps[] of piece (y, x) as kernels take them: of a line they are
 * those along x. */
static inline void c2_wino_set_size(const c2_wino_plan *plan, const c2_wino_segment *segment,
                                    int64_t t, int size[2])
{
    size[0] = segment->size[0];
    size[1] = plan->axis[1].edge > 1 ? c2_wino_width(plan, segment, t) : segment->size[0];
}
static inline void c2_wino_set_taps(const c2_wino_plan *plan, int64_t y, int64_t x, int taps[2])
{
    taps[0] = plan->axis[0].taps[y];
    taps[1] = plan->axis[1].edge > 1 ? plan->axis[1].taps[x] : taps[0];
}

/* winograd_in.c: transform the segment's input of a set of groups into V. window: room for a
 * segment, cut for a tile's floats. */
void c2_wino_transform(const c2_state *s, const c2_run_args *args, int64_t set,
                       const c2_wino_segment *segment, void *v, float *window, float *cut);
/* Input coordinate along an axis of a tile's first pixel under a piece; it may lie outside. */
int64_t c2_wino_origin(const c2_problem *p, const c2_wino_plan *plan, int axis, int64_t phase,
                       int64_t tile, int64_t piece);
/* Image n from the first channel of group g on. */
const char *c2_wino_image(const c2_problem *p, const c2_run_args *args, int64_t n, int64_t g);
/* Columns, a stride apart, under so many outputs, those of later pieces among them. */
int64_t c2_wino_columns(const c2_wino_plan *plan, int64_t outputs);
/* Steps between pixels of a tile; of a column of them, which is a line to the kernels, too. */
void c2_wino_set_steps(const c2_wino_plan *plan, int64_t y, int64_t x, ptrdiff_t *row,
                       ptrdiff_t *col);
/* Floats of a window, and of the Y of a segment, before and after the transposed copy. */
int64_t c2_wino_window_floats(const c2_problem *p, const c2_wino_plan *plan);
int64_t c2_wino_y_floats(const c2_wino_plan *plan);

/* winograd_merged.c: the same of merged pieces, of group g. */
int64_t c2_wino_merged_floats(const c2_problem *p, const c2_wino_plan *plan);
void c2_wino_transform_merged(const c2_state *s, const c2_run_args *args, int64_t g,
                              const c2_wino_segment *segment, float *v, float *window);

/* winograd_parts.c: words of the channels from c on of tile `tile` of the block, from its transform
 * by `a`; v: of its piece. */
void c2_wino_cut(const c2_state *s, const c2_wino_in_args *a, int64_t tile, int64_t c,
                 uint32_t *v);
/* M of panels [begin, end) of a group for a block of n tiles; u: weights of panel 0. */
void c2_wino_multiply_parts(const c2_state *s, const c2_problem *p, const uint32_t *v,
                            const uint32_t *u, int64_t n, int64_t begin, int64_t end, float *m);
/* Words of a step's V of 32 tiles of a piece, or of a panel's U of a step and piece. */
int64_t c2_wino_words(const c2_wino_plan *plan);

/* Floats or words of a step and piece of a panel's U; of the panel's. */
static inline int64_t c2_wino_weights(const c2_wino_plan *plan)
{
    return plan->parts ? c2_wino_words(plan) : plan->v_channels * plan->nr;
}
static inline int64_t c2_wino_panel_weights(const c2_wino_plan *plan)
{
    return c2_wino_live(plan) * c2_wino_weights(plan);
}

/* winograd_pack.c. Bytes, SIZE_MAX if they do not fit size_t. */
size_t c2_wino_pack_bytes(const c2_problem *p, const c2_wino_plan *plan);
/* pair: what makes words of U, for plans in parts. */
void c2_wino_pack(const c2_problem *p, const c2_wino_plan *plan, c2_pair_fn pair,
                  const c2_weight_view *view, void *packed);

/* winograd.c: members of the algorithms that do not depend on m. */
conv2d_status c2_wino_state_create(conv2d_device *device, const c2_problem *p, int m,
                                   const c2_kernel *gemm, c2_state **state_out);
void c2_wino_state_destroy(conv2d_device *device, c2_state *state);
conv2d_status c2_wino_run(const c2_state *state, const c2_run_args *args);
/* The kernel of a family for `gemm`'s ISA, of the given mr (0: any) and dtype; or NULL. */
const c2_kernel *c2_wino_kernel(const c2_kernel *gemm, c2_family family, int mr, int32_t dtype);

#endif
