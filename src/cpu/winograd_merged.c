/* SPDX-License-Identifier: BSD-2-Clause
 * The input of Winograd convolution where the kernel has several pieces of few channels, which are
 * merged: all channels of all pieces lie side by side in a window of the segment,
 *   [row of the tiles][column][piece][channel], `pitch` floats a column,
 * so that one transform takes as many of them as a vector has lanes. Rows of the image are first
 * copied pixel by pixel, padding written out; there the channels of the pieces that begin side by
 * side (those of a stride's phases) are one run. */
#include <string.h>

#include "core/dtype.h"
#include "cpu/columns.h"
#include "cpu/winograd.h"

enum { STEP = 4 }; /* floats are copied so many at a time, also beyond a run's end */

/* Floats of a column. */
static int64_t pitch_of(const c2_wino_plan *plan)
{
    const int64_t k = plan->v_channels;
    return (int64_t)c2_round_up(
        (size_t)c2_max(k + STEP - 1, c2_div_up(k, plan->lanes) * plan->lanes), STEP);
}

/* Of the window of a whole segment. */
static int64_t whole_columns(const c2_wino_plan *plan)
{
    return c2_wino_columns(plan, plan->segment * plan->axis[1].size);
}

/* Pixels of a copied row that so many columns of the window need. */
static int64_t row_pixels(const c2_wino_plan *plan, int64_t columns)
{
    return columns * plan->axis[1].stride;
}

static int64_t window_floats(const c2_wino_plan *plan)
{
    return plan->axis[0].edge * whole_columns(plan) * pitch_of(plan) + STEP;
}

int64_t c2_wino_merged_floats(const c2_problem *p, const c2_wino_plan *plan)
{
    return window_floats(plan) + row_pixels(plan, whole_columns(plan)) * p->icg + STEP;
}

/* Lanes of the last vector that no channel is in, once for all segments: they are transformed, too,
 * but nothing reads them then. */
static void clear_rest(const c2_wino_plan *plan, float *window)
{
    static const float zeros[STEP];
    const int64_t pitch = pitch_of(plan);
    for (int64_t i = plan->axis[0].edge * whole_columns(plan) - 1; i >= 0; i--)
        for (int64_t k = plan->v_channels; k < pitch; k += STEP)
            memcpy(window + i * pitch + k, zeros, sizeof zeros);
}

/* n floats and up to STEP - 1 more. */
static void copy_run(const float *from, int64_t n, float *to)
{
    for (int64_t i = 0; i < n; i += STEP)
        memcpy(to + i, from + i, STEP * sizeof *to);
}

/* A row of the window, the channels of row `piece` of the pieces, from the pixels at `row`. */
static void spread(const c2_problem *p, const c2_wino_plan *plan, const float *row, int64_t piece,
                   int64_t columns, float *to)
{
    const c2_wino_axis *x = &plan->axis[1];
    const int64_t pitch = pitch_of(plan), round = x->stride * p->icg, all = x->pieces * p->icg;
    const int64_t last = (all - 1) / round * round; /* the others are whole rounds */
    to += piece * all;
    for (int64_t i = 0; i < columns; i++, row += round, to += pitch) {
        const float *from = row;
        for (int64_t at = 0; at < last; at += round, from += C2_WINO_TAPS * round)
            copy_run(from, round, to + at);
        copy_run(from, all - last, to + last);
    }
}

/* Whether a row's pixels are what their copy would be, and STEP floats behind them are the image's,
 * too. */
static bool lies_ready(const c2_problem *p, const c2_columns *copied)
{
    return p->input_dtype == CONV2D_FLOAT32 && (p->input_stride[1] == 1 || p->icg == 1) &&
           copied->step * p->input_stride[3] == p->icg && copied->first >= 0 &&
           copied->first + copied->step * (copied->n - 1) + STEP < p->w;
}

void c2_wino_transform_merged(const c2_state *s, const c2_run_args *args, int64_t g,
                              const c2_wino_segment *seg, float *v, float *window)
{
    const c2_wino_plan *plan = &s->plan;
    const c2_problem *p = args->problem;
    const c2_wino_axis *ay = &plan->axis[0], *ax = &plan->axis[1];
    const int64_t element = (int64_t)c2_dtype_bytes(p->input_dtype), pitch = pitch_of(plan);
    /* Of the window, and of those that later pieces reach. */
    const int64_t outputs = c2_wino_outputs(plan, seg), all = c2_wino_columns(plan, outputs);
    const int64_t columns = c2_wino_reach(ax, 0, (int)outputs);
    float *copy = window + window_floats(plan);
    const char *image = c2_wino_image(p, args, seg->n, g);
    c2_columns copied =
        c2_columns_make(p, s->widen, c2_wino_origin(p, plan, 1, seg->x, seg->tx, 0),
                        p->dilation[1], row_pixels(plan, all));
    copied.channels = (int)p->icg;
    copied.pitch = p->icg;
    const bool ready = lies_ready(p, &copied);
    if (seg->begins)
        clear_rest(plan, window);
    for (int64_t piece = 0; piece < ay->pieces; piece++)
        for (int i = 0; i < c2_wino_reach(ay, 0, seg->size[0]); i++) {
            const int64_t y = c2_pad_index(
                p->padding_mode,
                c2_wino_origin(p, plan, 0, seg->y, seg->ty, piece) + i * ay->step, p->h);
            const char *row = y < 0 ? NULL : image + y * p->input_stride[2] * element;
            const float *from = copy;
            if (ready && row)
                from = (const float *)(const void *)row + copied.first * p->input_stride[3];
            else
                c2_columns_copy(&copied, row, copy);
            spread(p, plan, from, piece, columns, window + i * columns * pitch);
        }
    c2_wino_in_args a = {.line = c2_wino_is_line(plan),
                         .channels = (int)(plan->piece_blocks * plan->lanes),
                         .v_step = plan->v_step,
                         .v_row = ax->edge * plan->v_step,
                         .v_block = plan->v_block};
    c2_wino_set_steps(plan, columns * pitch, pitch, &a.row, &a.col);
    c2_wino_set_taps(plan, 0, 0, a.taps);
    for (int64_t t = 0; t < seg->count; t++) {
        a.pixels = window + t * ax->size * pitch;
        a.v = v + c2_wino_place(seg, t) * plan->lanes;
        c2_wino_set_size(plan, seg, t, a.size);
        s->in_f32(&a);
    }
}
