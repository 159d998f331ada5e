/* SPDX-License-Identifier: BSD-2-Clause
 * What the CPU's fast algorithms share: refusals common to all, bounds, splitting of ranges into
 * tiles, packing, the last step of a tile, and the entry points of the GEMM drivers. */
#ifndef C2_CPU_DRIVER_H
#define C2_CPU_DRIVER_H

#include "cpu/cpu.h"

enum {
    C2_TAP_CHUNK = 64,      /* taps a kernel call gets at most: their tables lie on the stack */
    C2_STACK_BYTES = 32768, /* scratch that a task keeps on its stack, so that workspace_limit = 0
                               runs every problem */
    C2_MAX_MR = 16,         /* bounds of all kernels' tiles, for tables on the stack; */
    C2_MAX_NR = 64,         /* nr of gemm_ch */
    C2_MAX_TILE = 1024      /* floats of a tile, mr * nr at most */
};

/* A range cut into n parts whose sizes differ by one unit at most. */
typedef struct c2_split {
    int64_t n, size, extra; /* the first `extra` parts have size + 1 */
} c2_split;
c2_split c2_split_even(int64_t total, int64_t n_parts);
static inline int64_t c2_split_begin(const c2_split *s, int64_t i)
{
    return i * s->size + c2_min(i, s->extra);
}

/* A dtype for which `kernel` has a twin, finite weights if padding is multiplied by them,
 * coordinates below 2^31. */
bool c2_driver_supports(const c2_kernel *kernel, const c2_problem *p, c2_why *why);
/* g(K+2), docs/numerics.md; and as text. */
double c2_strict_bound(const c2_problem *p, int variant);
const char *c2_strict_bound_text(const c2_problem *p, int variant);

/* Packed weights of the GEMM kernels (pack.c draws them). k counts the products of an output in the
 * order of summation: tap * icg + channel. */
typedef struct c2_pack_shape {
    c2_split tiles;        /* of the ocg output channels of a group */
    int width;             /* of a tile; channels beyond the split's are zeros */
    int64_t period, chunk; /* k is cut every `period` and within it into parts of `chunk` */
} c2_pack_shape;
/* Length of the chunk that begins at k. */
static inline int64_t c2_pack_chunk(const c2_pack_shape *s, int64_t k, int64_t k_all)
{
    return c2_min(c2_min(s->chunk, s->period - k % s->period), k_all - k);
}
/* Where a tile's weights for that chunk begin in those of its group. */
static inline int64_t c2_pack_at(const c2_pack_shape *s, int64_t tile, int64_t k, int64_t length)
{
    return (k * s->tiles.n + tile * length) * s->width;
}
/* One filter after the other, [oc][k]. */
c2_pack_shape c2_pack_filters(const c2_problem *p);
/* For c2_algorithm.packing. */
void c2_pack_name(const c2_problem *p, const c2_pack_shape *shape, c2_text *out);
/* Bytes, SIZE_MAX if they do not fit size_t. */
size_t c2_pack_bytes(const c2_problem *p, const c2_pack_shape *shape);
void c2_pack_weights(const c2_problem *p, const c2_pack_shape *shape, const c2_weight_view *view,
                     float *packed);

/* Bounds with which min(high, max(low, x)) is the activation: infinite ones change nothing. False
 * if it is not of that kind. */
bool c2_clamp_of(const c2_problem *p, float *low, float *high);

/* Input rows under n output rows. */
static inline int64_t c2_rows_under(const c2_problem *p, int64_t n)
{
    return (n - 1) * p->stride[0] + (p->kh - 1) * p->dilation[0] + 1;
}

/* A worker's scratch of so many bytes: what it takes of the workspace, and where it is, `stack`
 * having C2_STACK_BYTES. */
static inline size_t c2_scratch_workspace(size_t bytes)
{
    return bytes > C2_STACK_BYTES ? bytes : 0;
}
static inline char *c2_scratch_of(const c2_run_args *args, int worker, size_t bytes, void *stack)
{
    return bytes > C2_STACK_BYTES ? (char *)args->workspace + (size_t)worker * bytes : stack;
}
/* False if workspace_limit has no room for it: "what need ... bytes". */
bool c2_scratch_fits(const c2_problem *p, size_t bytes, const char *what, c2_why *why);

/* One image of a run: pointers at element (0, oc0, 0, 0) of residual and output. */
typedef struct c2_target {
    const c2_problem *problem;
    c2_epilogue_fn epilogue;
    int32_t dtype;
    int64_t element; /* bytes of one of residual and output */
    char *out;
    const char *residual; /* or NULL */
    const char *bias;     /* of channel oc0, or NULL */
    const c2_post *activation;
} c2_target;
c2_target c2_target_of(const c2_run_args *args, c2_epilogue_fn epilogue, int64_t n, int64_t oc0);
/* The bias of n channels from oc on as float32, -0 without one: in place, or in room; with `width`
 * readable floats. */
const float *c2_bias_of(const c2_run_args *args, int64_t oc, int64_t n, int64_t width, float *room);

/* Pixels of a tile: `count` lanes from lane `first` of rows that are `pitch` lanes apart and have
 * `cols` real pixels each; lane 0 is output pixel (y, x). */
typedef struct c2_lanes {
    int64_t first, count, pitch, cols, y, x;
} c2_lanes;
/* Store acc, channels as rows (acc[channel][lane], acc_stride apart); C2_MAX_TILE of them at
 * most. */
void c2_store_channel_rows(const c2_target *target, const float *acc, ptrdiff_t acc_stride,
                           int channels, const c2_lanes *lanes);
/* Where the channels of lane i begin, rows[i] for i < count; NULL of a lane that is no pixel. Of
 * float32 outputs. */
void c2_pixel_rows(const c2_target *target, const c2_lanes *lanes, float **rows);
/* Store acc, pixels as rows (acc[lane][channel]); channels are channel_step apart. */
void c2_store_pixel_rows(const c2_target *target, const float *acc, ptrdiff_t acc_stride,
                         int channels, int64_t channel_step, const c2_lanes *lanes);

/* Taps whose channels are one run of words: each its own; those of a kernel row; or all, column by
 * column, each of all rows. */
typedef enum c2_merge { C2_MERGE_NONE, C2_MERGE_ROW, C2_MERGE_WINDOW } c2_merge;

/* What the dot_... kernels read: for each tap, words of two neighbouring channels' bfloat16. */
typedef struct c2_words {
    int parts;    /* of each number; 0: the kernel reads no words */
    int unit;     /* a tap's words are rounded up to a multiple of it, by zeros */
    bool by_rows; /* packed weights have `unit` words of an output channel side by side */
    c2_merge merge;
    bool crossed; /* three parts are multiplied as two, see group_strip.h */
    int64_t tap; /* words of a tap, or of those merged; without words: channels */
} c2_words;
c2_words c2_words_of(const c2_kernel *kernel, const c2_problem *p);
/* Rows of such taps, and taps of a row. */
static inline int64_t c2_words_rows(const c2_problem *p, const c2_words *words)
{
    return words->merge == C2_MERGE_WINDOW ? 1 : p->kh;
}
static inline int64_t c2_words_row(const c2_problem *p, const c2_words *words)
{
    return words->merge == C2_MERGE_NONE ? p->kw : 1;
}
/* The problem with words as its channels, 4 bytes each; p itself without words. */
c2_problem c2_words_view(const c2_problem *p, const c2_words *words);
/* Products of parts for each product of numbers. */
static inline int c2_words_products(const c2_words *words)
{
    return words->parts > 1 ? words->parts * (words->parts + 1) / 2 : 1;
}
/* Their packed weights have the order of c2_pack_weights(), words in place of floats; shape's k
 * counts words (pack_words.c). */
void c2_pack_words_name(const c2_problem *p, const c2_words *words, const c2_pack_shape *shape,
                        c2_text *out);
size_t c2_pack_words_bytes(const c2_problem *p, const c2_words *words, const c2_pack_shape *shape);
void c2_pack_words(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                   const c2_words *words, const c2_pack_shape *shape, const c2_weight_view *view,
                   void *packed);

/* The tile registers' state of the kernel's ISA, or NULL. */
c2_tiles_fn c2_tiles_of(const c2_kernel *kernel);
/* What makes words of numbers' parts for a kernel: of family pair or parts. */
c2_any_fn c2_words_helper(const c2_kernel *kernel, c2_family family, int parts, int32_t dtype);
/* The same of float32 for packing, which may be for another machine: one that this machine has. */
c2_any_fn c2_packing_helper(const conv2d_device *device, const c2_kernel *kernel,
                            c2_family family, int parts);
/* What refuses problems to all dot_... kernels: strict accuracy, the system, too few channels of a
 * tap or of those merged. */
bool c2_dot_supports(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                     int64_t channels, c2_why *why);

/* The GEMM drivers, for kernels gemm_ch and dot_ch; gemm_px, dot_px, dot2_px and dot3_px; dot2_ch
 * and dot3_ch (panel). */
bool c2_ch_supports(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                    c2_why *why);
double c2_ch_cost(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p);
c2_bytes c2_ch_memory(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p);
void c2_ch_packing(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                   c2_text *out);
void c2_ch_pack(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                const c2_weight_view *view, void *packed);
conv2d_status c2_ch_plan_create(conv2d_device *device, const c2_kernel *kernel,
                                const c2_problem *p, c2_state **state_out);
void c2_ch_plan_destroy(conv2d_device *device, c2_state *state);
conv2d_status c2_ch_run(const c2_state *state, const c2_run_args *args);

double c2_px_cost(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p);
c2_bytes c2_px_memory(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p);
void c2_px_packing(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                   c2_text *out);
void c2_px_pack(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                const c2_weight_view *view, void *packed);
conv2d_status c2_px_plan_create(conv2d_device *device, const c2_kernel *kernel,
                                const c2_problem *p, c2_state **state_out);
void c2_px_plan_destroy(conv2d_device *device, c2_state *state);
conv2d_status c2_px_run(const c2_state *state, const c2_run_args *args);

/* Channels that a tap of the panel has: those of a kernel row, or of a group. */
int64_t c2_panel_channels(const c2_problem *p);
bool c2_panel_supports(const c2_problem *p, c2_why *why);
double c2_panel_cost(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p);
c2_bytes c2_panel_memory(const conv2d_device *device, const c2_kernel *kernel,
                         const c2_problem *p);
void c2_panel_packing(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                      c2_text *out);
void c2_panel_pack(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                   const c2_weight_view *view, void *packed);
conv2d_status c2_panel_plan_create(conv2d_device *device, const c2_kernel *kernel,
                                   const c2_problem *p, c2_state **state_out);
void c2_panel_plan_destroy(conv2d_device *device, c2_state *state);
conv2d_status c2_panel_run(const c2_state *state, const c2_run_args *args);

/* And dot3_ch (strip), which cuts an image's rows once for all taps. */
int64_t c2_strip_channels(const c2_problem *p);
bool c2_strip_supports(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                       c2_why *why);
double c2_strip_cost(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p);
c2_bytes c2_strip_memory(const conv2d_device *device, const c2_kernel *kernel,
                         const c2_problem *p);
void c2_strip_packing(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                      c2_text *out);
void c2_strip_pack(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                   const c2_weight_view *view, void *packed);
conv2d_status c2_strip_plan_create(conv2d_device *device, const c2_kernel *kernel,
                                   const c2_problem *p, c2_state **state_out);
void c2_strip_plan_destroy(conv2d_device *device, c2_state *state);
conv2d_status c2_strip_run(const c2_state *state, const c2_run_args *args);

/* And dot3_ch and dot2_ch for groups of few channels (group_strip). */
bool c2_group_supports(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                       c2_why *why);
double c2_group_cost(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p);
c2_bytes c2_group_memory(const conv2d_device *device, const c2_kernel *kernel,
                         const c2_problem *p);
void c2_group_packing(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                      c2_text *out);
void c2_group_pack(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                   const c2_weight_view *view, void *packed);
conv2d_status c2_group_plan_create(conv2d_device *device, const c2_kernel *kernel,
                                   const c2_problem *p, c2_state **state_out);
void c2_group_plan_destroy(conv2d_device *device, c2_state *state);
conv2d_status c2_group_run(const c2_state *state, const c2_run_args *args);

/* Members of a c2_algorithm on a driver, whose variants are the kernels of one family
 * (gemm_members.c). */
#define C2_GEMM_MEMBERS(family)                                                                    \
    int c2_##family##_variants(const conv2d_device *device);                                       \
    const char *c2_##family##_variant_name(const conv2d_device *device, int variant);              \
    const char *c2_##family##_variant_isa(const conv2d_device *device, int variant);               \
    double c2_##family##_cost(const conv2d_device *device, const c2_problem *p, int variant);      \
    c2_bytes c2_##family##_memory(const conv2d_device *device, const c2_problem *p, int variant);  \
    void c2_##family##_packing(const conv2d_device *device, const c2_problem *p, int variant,      \
                               c2_text *out);                                                      \
    conv2d_status c2_##family##_pack(conv2d_device *device, const c2_problem *p, int variant,      \
                                     const c2_weight_view *view, conv2d_buffer *packed);           \
    conv2d_status c2_##family##_plan_create(conv2d_device *device, const c2_problem *p,            \
                                            int variant, c2_state **state_out)
C2_GEMM_MEMBERS(gemm_ch);
C2_GEMM_MEMBERS(gemm_px);
C2_GEMM_MEMBERS(dot_ch);
C2_GEMM_MEMBERS(dot_px);
C2_GEMM_MEMBERS(dot2_px);
C2_GEMM_MEMBERS(dot3_px);
C2_GEMM_MEMBERS(dot2_ch);
C2_GEMM_MEMBERS(dot3_ch);
C2_GEMM_MEMBERS(dot3_rows);
C2_GEMM_MEMBERS(dot3_groups);
C2_GEMM_MEMBERS(dot2_crossed);

#endif
