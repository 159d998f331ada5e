/* SPDX-License-Identifier: BSD-2-Clause
 * Inside of the gemm_ch driver: its blocking (gemm_ch_plan.c), its windows (gemm_ch_window.c) and
 * its state (gemm_ch.c). */
#ifndef C2_CPU_GEMM_CH_H
#define C2_CPU_GEMM_CH_H

#include "cpu/driver.h"

/* direct: the kernel reads the input in place. turned: it reads a copy of the whole input, float32,
 * channels neighbouring. window: a copy of a block's input, padding written out as well. */
typedef enum c2_ch_mode { C2_CH_DIRECT, C2_CH_TURNED, C2_CH_WINDOW } c2_ch_mode;

/* One axis of a window. Coordinate u of the window is coordinate first + u of the padded input; or,
 * where that is less to copy (large strides or dilations), split: the outputs of tap 0, then those
 * of tap 1, ... */
typedef struct c2_ch_axis {
    int64_t outputs; /* of a full block */
    int64_t extent;  /* coordinates of a full block */
    bool split;
} c2_ch_axis;

/* Outputs [begin, end) along an axis, whose taps inside the image are [tap, tap_end). */
typedef struct c2_ch_band {
    int32_t begin, end, tap, tap_end;
} c2_ch_band;

/* All outputs of an axis, cut wherever their taps inside the image change (exact), or one band with
 * all taps, padded or not. */
enum { C2_CH_BANDS = 24 };
typedef struct c2_ch_bands {
    int n;
    bool exact;
    c2_ch_band band[C2_CH_BANDS];
} c2_ch_bands;

/* Blocking of one problem for one kernel; a pure function of both and workspace_limit. */
typedef struct c2_ch_plan {
    c2_ch_mode mode;
    c2_words words;
    c2_pack_shape pack;
    bool merged; /* the taps of a kernel row are one run of kw * icg floats */
    /* direct, turned */
    c2_ch_bands bands[2];    /* y, x: an image's regions, row by row */
    int64_t pixel_tiles;     /* of an image: those of its first region, then of the next, ... */
    c2_split pixel_blocks;   /* of the pixel tiles */
    c2_split tile_blocks;  /* of the output channel tiles */
    bool weights_outside;
    size_t turned_bytes; /* shared by all workers */
    /* window */
    c2_ch_axis axis[2];          /* y, x */
    c2_split blocks_y, blocks_x; /* of output rows and columns */
    int64_t pixel_pitch, row_pitch; /* floats */
    size_t scratch_bytes;        /* of a worker; up to C2_STACK_BYTES they are on its stack */
    double seconds;              /* of an image's group, without the epilogue */
} c2_ch_plan;

c2_pack_shape c2_ch_pack_shape(const c2_kernel *kernel, const c2_problem *p);
c2_ch_plan c2_ch_plan_make(const conv2d_device *device, const c2_kernel *kernel,
                           const c2_problem *p);
/* Floats or words of weights that one lane has. */
static inline int64_t c2_ch_k(const c2_problem *p, const c2_words *words)
{
    return p->kh * p->kw * words->tap;
}

/* gemm_ch_region.c. False where an axis is padded by other things than zeros or has more bands. */
bool c2_ch_bands_make(const c2_problem *p, int a, c2_ch_bands *bands_out);
c2_ch_bands c2_ch_bands_whole(const c2_problem *p, int a);

/* Output pixels that a band of rows and one of columns share. */
typedef struct c2_ch_region {
    const c2_ch_band *y, *x;
    c2_problem view; /* with the region as its output and its taps as kernel */
    int64_t offset;  /* of the view's input, in elements */
} c2_ch_region;
static inline int64_t c2_ch_n_regions(const c2_ch_plan *plan)
{
    return (int64_t)plan->bands[0].n * plan->bands[1].n;
}
/* Region i of the problem that the kernel sees. */
c2_ch_region c2_ch_region_make(const c2_problem *p, const c2_ch_plan *plan, int64_t i);
/* Its tiles of mr pixels at most. */
static inline c2_split c2_ch_region_tiles(const c2_ch_plan *plan, int64_t i, int64_t mr)
{
    const c2_ch_band *y = &plan->bands[0].band[i / plan->bands[1].n];
    const c2_ch_band *x = &plan->bands[1].band[i % plan->bands[1].n];
    const int64_t pixels = (int64_t)(y->end - y->begin) * (x->end - x->begin);
    return c2_split_even(pixels, c2_div_up(pixels, mr));
}

/* Whether the kernel stores results, and its bounds; otherwise its sums wait for the epilogue. */
bool c2_ch_finishes(const c2_problem *p, const c2_ch_plan *plan, float *low, float *high);

/* The problem that the kernel sees: with the turned copy of all channels as its input. */
c2_problem c2_ch_turned_view(const c2_problem *p);
/* The problem that the kernel sees: a full block's window as an image without padding. */
c2_problem c2_ch_window_view(const c2_problem *p, const c2_ch_plan *plan);
/* Copy the input of the block of output pixels that begins at (y, x) into the window. */
void c2_ch_window_fill(const c2_problem *p, const c2_ch_plan *plan, c2_widen_fn widen,
                       const char *image, int64_t y, int64_t x, float *to);

#endif
