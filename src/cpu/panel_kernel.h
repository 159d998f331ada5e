/* SPDX-License-Identifier: BSD-2-Clause
 * What the drivers of the dot2_ch and dot3_ch kernels share (panel.c, strip.c, winograd_parts.c):
 * arguments of a call, and costs. */
#ifndef C2_CPU_PANEL_KERNEL_H
#define C2_CPU_PANEL_KERNEL_H

#include "cpu/driver.h"

enum { C2_PANEL_MR = 32 }; /* pixels of the kernels' tiles */

/* Pixels in a panel, [step][part][tile of mr][16 words]. */
static inline void c2_panel_pixels(c2_panel_args *a, const uint32_t *panel, int parts, int mr)
{
    a->pixels[0] = panel;
    a->pixels[1] = panel + 16 * 16;
    a->row = 64;
    a->part = 64 * mr;
    a->steps = NULL;
    a->step = a->part * parts;
}
/* The weights of a later step are fetched meanwhile; a_step: words of one. */
void c2_panel_ahead(c2_panel_args *a, const c2_words *words, int64_t a_step);

/* Whether most results are no longer in the L2 cache when they are stored again. */
bool c2_panel_expects(const conv2d_device *device, const c2_problem *p);
/* The lines of the results that a call's sums become, m pixels from (y, x) on, are fetched
 * meanwhile, where either their channels or their columns are neighbours. */
void c2_panel_expect(c2_panel_args *a, const c2_words *words, const c2_target *target, int64_t y,
                     int64_t x);

/* Outputs that are stored among the products of the next tile, and where they go. */
typedef struct c2_panel_late {
    c2_late to;
    float *out[C2_PANEL_MR];
} c2_panel_late;
/* What a worker keeps of them from call to call and from task to task, in its scratch. */
typedef struct c2_panel_kept {
    c2_panel_late late[2];
    int side;             /* of the call to come */
    const c2_late *waits; /* of the call before, or NULL */
} c2_panel_kept;
/* Whether outputs can be stored so by a kernel whose lanes are output channels (axis 1) or columns
 * (3); and the bounds then. */
bool c2_panel_stores_late(const c2_problem *p, int axis, float *low, float *high);
/* Nothing waits yet. */
void c2_panel_keep(c2_panel_kept *kept, float low, float high);
/* Where a call's outputs go, m rows of n lanes from the target's first channel on; the caller sets
 * out[]. */
c2_panel_late *c2_panel_own(c2_panel_kept *kept, const c2_target *target, int m, int n);
/* After that call its last tile, lanes from `first` on, waits. */
void c2_panel_wait(c2_panel_kept *kept, const float *acc, int first);
/* Call the kernel, whose sums will be complete: all a->n channels from the target's on, of these
 * pixels. What waits is stored, and the last tile waits in its place, or is stored at once if the
 * call is a worker's last. */
void c2_panel_call(c2_panel_kept *kept, c2_panel_fn fn, c2_panel_args *a, const c2_target *target,
                   const c2_lanes *lanes, int nr, bool final);

/* Refusals of those that read strips: padding that is not zeros, and more than 2^31 numbers in the
 * rows under an output row, each of `row` numbers. */
bool c2_panel_strip_supports(const c2_problem *p, double row, c2_why *why);
/* Where steps lie behind a pixel of a strip, bytes: `a_tap` of each tap, `in_a_row` taps of a
 * kernel row; rows are `pitch` numbers apart, pixels `pixel`. */
void c2_panel_set_steps(const c2_problem *p, int64_t in_a_row, int64_t a_tap, int64_t pitch,
                        int64_t pixel, int64_t n, ptrdiff_t *steps);

/* Bytes of packed weights, of so many steps. */
double c2_panel_weight_bytes(const c2_words *words, const c2_pack_shape *pack, int64_t steps);
/* More than the L2 cache keeps beside the rest. */
bool c2_panel_beyond_l2(double bytes);
/* Seconds of a part (1: all) of so many bytes of weights that each block reads again, beyond the
 * products that hide it; and to cut floats into parts. */
double c2_panel_weight_seconds(double bytes, double part, double blocks);
double c2_panel_cut_seconds(double floats);

#endif
