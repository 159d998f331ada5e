/* SPDX-License-Identifier: BSD-2-Clause
 * The input side of Winograd convolution: where the pixels of a segment's tiles lie, and the calls
 * of the transform. Channels that are neighbours are read in place, through pointers where a tile
 * touches a border; others are first copied into a window of the segment, [row][column][VF], which
 * serves all pieces of the kernel that read the same rows. Merged pieces have a window, too
 * (winograd_merged.c). */
#include "core/dtype.h"
#include "cpu/columns.h"
#include "cpu/winograd.h"

enum {
    MAX_COLUMNS = C2_WINO_SEGMENT * C2_WINO_MAX_M + C2_WINO_MAX_PIECES * C2_WINO_TAPS - 1
};

/* Input coordinates of a segment; -1 = a padded zero. Columns: of pixels read in place, under the
 * pieces of the kernel that read neighbours; of a window, under a row of pieces. */
typedef struct places {
    int64_t y[C2_WINO_MAX_EDGE], x[MAX_COLUMNS]; /* x: in place */
    int n_rows;
    int64_t n_columns, first_x; /* unfolded */
    int64_t inside_begin, inside_end; /* in place: columns inside the image, unfolded */
    bool rows_inside;
    const char *image; /* element (n, first channel of the group, 0, 0) */
    int64_t element;   /* bytes */
} places;

int64_t c2_wino_origin(const c2_problem *p, const c2_wino_plan *plan, int axis, int64_t phase,
                       int64_t tile, int64_t piece)
{
    const c2_wino_axis *a = &plan->axis[axis];
    return phase + tile * a->size * a->step - p->pad[axis] +
           c2_wino_first_tap(a, piece) * p->dilation[axis];
}

const char *c2_wino_image(const c2_problem *p, const c2_run_args *args, int64_t n, int64_t g)
{
    return (const char *)args->input.data +
           (n * p->input_stride[0] + g * p->icg * p->input_stride[1]) *
               (int64_t)c2_dtype_bytes(p->input_dtype);
}

int64_t c2_wino_columns(const c2_wino_plan *plan, int64_t outputs)
{
    const c2_wino_axis *x = &plan->axis[1];
    return c2_wino_reach(x, 0, (int)outputs) + (c2_wino_rounds(x) - 1) * C2_WINO_TAPS;
}

/* Columns under a segment of so many outputs, from the first piece's first tap on. */
static int64_t columns_under(const c2_wino_axis *ax, int64_t outputs)
{
    int64_t n = 0;
    for (int64_t x = 0; x < ax->pieces; x++)
        n = c2_max(n, c2_wino_first_tap(ax, x) + (outputs + ax->taps[x] - 2) * ax->stride + 1);
    return n;
}

/* y: piece of the kernel's rows; x: the first of those of its columns. */
static void find_places(const c2_state *s, const c2_run_args *args, int64_t set, int64_t piece_y,
                        int64_t piece_x, const c2_wino_segment *seg, places *at)
{
    const c2_problem *p = args->problem;
    const c2_wino_axis *ay = &s->plan.axis[0], *ax = &s->plan.axis[1];
    const int64_t y = c2_wino_origin(p, &s->plan, 0, seg->y, seg->ty, piece_y);
    const int64_t x = c2_wino_origin(p, &s->plan, 1, seg->x, seg->tx, piece_x);
    const int64_t outputs = c2_wino_outputs(&s->plan, seg);
    const bool in_place = s->plan.channels_last;
    at->n_columns = in_place ? c2_wino_columns(&s->plan, outputs) : columns_under(ax, outputs);
    at->first_x = x;
    at->n_rows = c2_wino_reach(ay, piece_y, seg->size[0]);
    at->rows_inside = y >= 0 && y + (at->n_rows - 1) * ay->step < p->h;
    for (int i = 0; i < at->n_rows; i++)
        at->y[i] = c2_pad_index(p->padding_mode, y + i * ay->step, p->h);
    at->inside_begin = at->inside_end = 0;
    for (int64_t i = 0; in_place && i < at->n_columns; i++) {
        const int64_t column = x + i * ax->step;
        at->x[i] = c2_pad_index(p->padding_mode, column, p->w);
        at->inside_begin += column < 0;
        at->inside_end += column < p->w;
    }
    at->element = (int64_t)c2_dtype_bytes(p->input_dtype);
    at->image = c2_wino_image(p, args, seg->n, set * s->plan.side);
}

static const char *pixel(const c2_problem *p, const places *at, int64_t y, int64_t x)
{
    return at->image + (y * p->input_stride[2] + x * p->input_stride[3]) * at->element;
}

void c2_wino_set_steps(const c2_wino_plan *plan, int64_t y, int64_t x, ptrdiff_t *row,
                       ptrdiff_t *col)
{
    *row = y;
    *col = plan->axis[1].edge > 1 ? x : y;
}

/* One tile of channels [c, c + a->channels), whose pixels `a` names: into V as it is, or cut into
 * parts. */
static void one_tile(const c2_state *s, c2_wino_in_fn in, c2_wino_in_args *a, int64_t tile,
                     int64_t c, void *v, float *cut)
{
    const c2_wino_plan *plan = &s->plan;
    if (plan->parts) {
        a->v = cut;
        a->v_step = C2_WINO_CUT;
        a->v_row = plan->axis[1].edge * a->v_step;
        a->v_block = plan->lanes;
        in(a);
        c2_wino_cut(s, a, tile, c, v);
        return;
    }
    a->v = (float *)v + c / plan->lanes * plan->v_block + tile * plan->lanes;
    a->v_step = plan->v_step;
    a->v_row = plan->axis[1].edge * a->v_step;
    a->v_block = plan->v_block;
    in(a);
}

enum { LINE = 64 }; /* bytes */

/* Ask for the pixels that the tile behind a's, which reads `wide` columns as well, has for itself,
 * in images that the L2 cache does not hold: runs of a few lines, columns apart, are not seen
 * coming. 64@224 on Zen 5: 6.1 to 5.5 ms. Inlined, since GCC 12 drops calls of functions that do
 * nothing else. */
static inline __attribute__((always_inline)) void
fetch_next(int rows, int wide, const c2_wino_axis *ax, const c2_wino_in_args *a, int64_t element)
{
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < ax->size; j++) {
            const char *pixel =
                (const char *)a->pixels + (i * a->row + (wide + j) * a->col) * element;
            for (int64_t b = 0; b < a->channels * element; b += LINE)
                __builtin_prefetch(pixel + b);
        }
}

/* Piece (y, x) of tiles whose channels are neighbours. column: of the first one's first pixel. */
static void in_place(const c2_state *s, const c2_problem *p, const c2_wino_segment *seg,
                     const places *at, int64_t y, int64_t x, int64_t column, void *v, float *cut)
{
    const c2_wino_plan *plan = &s->plan;
    const c2_wino_axis *ay = &plan->axis[0], *ax = &plan->axis[1];
    const int64_t whole = plan->parts ? C2_WINO_CUT : seg->c_end - seg->c_begin;
    const void *table[C2_WINO_MAX_EDGE * C2_WINO_MAX_EDGE];
    c2_wino_in_args a = {.line = c2_wino_is_line(plan)};
    const int row = a.line ? 1 : plan->m + C2_WINO_TAPS - 1; /* of the table */
    const int64_t a_pixel = p->input_stride[3] * at->element;
    c2_wino_set_taps(plan, y, x, a.taps);
    c2_wino_set_steps(plan, ay->step * p->input_stride[2], ax->step * p->input_stride[3], &a.row,
                      &a.col);
    for (int64_t t = 0; t < seg->count; t++, column += ax->size) {
        const int64_t *at_x = at->x + column;
        const int wide = c2_wino_reach(ax, x, c2_wino_width(plan, seg, t));
        const bool inside = at->rows_inside && column >= at->inside_begin &&
                            column + wide <= at->inside_end;
        c2_wino_set_size(plan, seg, t, a.size);
        for (int64_t c = seg->c_begin; c < seg->c_end; c += whole) {
            const int64_t bytes = c * at->element;
            a.channels = (int)c2_min(whole, seg->c_end - c);
            a.table = inside ? NULL : table;
            if (inside)
                a.pixels = pixel(p, at, at->y[0], at_x[0]) + bytes;
            for (int i = 0; i < at->n_rows && !inside; i++) {
                const char *line = at->y[i] < 0 ? NULL : pixel(p, at, at->y[i], 0) + bytes;
                for (int j = 0; j < wide; j++)
                    table[i * row + j] = line && at_x[j] >= 0 ? line + at_x[j] * a_pixel
                                                              : (const char *)s->zeros;
            }
            if (plan->fetches && inside && column + wide + ax->size <= at->inside_end)
                fetch_next(at->n_rows, wide, ax, &a, at->element);
            one_tile(s, s->in, &a, c2_wino_place(seg, t), c, v, cut);
        }
    }
}

/* V of a piece. */
static void *piece_of(const c2_wino_plan *plan, void *v, int64_t piece_y, int64_t piece_x)
{
    return (float *)v + (piece_y * plan->axis[1].pieces + piece_x) * plan->v_piece;
}

/* Channels of a window. */
static int64_t window_channels(const c2_wino_plan *plan)
{
    return plan->parts ? C2_WINO_CHANNELS : plan->lanes;
}

/* The pieces of row y. */
static void by_window(const c2_state *s, const c2_problem *p, const c2_wino_segment *seg,
                      const places *at, int64_t y, void *v, float *window, float *cut)
{
    const c2_wino_plan *plan = &s->plan;
    const c2_wino_axis *ax = &plan->axis[1];
    const int64_t wide = window_channels(plan), row = at->n_columns * wide;
    c2_wino_in_args a = {.line = c2_wino_is_line(plan)};
    c2_wino_set_steps(plan, row, ax->stride * wide, &a.row, &a.col);
    c2_columns columns =
        c2_columns_make(p, s->widen, at->first_x, p->dilation[1], at->n_columns);
    columns.pitch = wide;
    for (int64_t c = seg->c_begin; c < seg->c_end; c += wide) {
        columns.channels = a.channels = (int)c2_min(wide, seg->c_end - c);
        for (int i = 0; i < at->n_rows; i++) {
            const char *from =
                at->y[i] < 0 ? NULL
                             : pixel(p, at, at->y[i], 0) + c * p->input_stride[1] * at->element;
            c2_columns_copy(&columns, from, window + i * row);
        }
        for (int64_t x = 0; x < ax->pieces; x++) {
            const float *first = window + c2_wino_first_tap(ax, x) * wide;
            c2_wino_set_taps(plan, y, x, a.taps);
            for (int64_t t = 0; t < seg->count; t++) {
                a.pixels = first + t * ax->size * ax->stride * wide;
                c2_wino_set_size(plan, seg, t, a.size);
                one_tile(s, s->in_f32, &a, c2_wino_place(seg, t), c, piece_of(plan, v, y, x), cut);
            }
        }
    }
}

int64_t c2_wino_window_floats(const c2_problem *p, const c2_wino_plan *plan)
{
    if (plan->merged)
        return c2_wino_merged_floats(p, plan);
    return plan->channels_last
               ? 0
               : plan->axis[0].edge *
                     columns_under(&plan->axis[1], plan->segment * plan->axis[1].size) *
                     window_channels(plan);
}

void c2_wino_transform(const c2_state *s, const c2_run_args *args, int64_t set,
                       const c2_wino_segment *segment, void *v, float *window, float *cut)
{
    const c2_wino_plan *plan = &s->plan;
    const c2_wino_axis *ay = &plan->axis[0], *ax = &plan->axis[1];
    if (plan->merged) {
        c2_wino_transform_merged(s, args, set, segment, v, window);
        return;
    }
    const int64_t firsts = plan->channels_last ? c2_min(ax->stride, ax->pieces) : 1;
    for (int64_t y = 0; y < ay->pieces; y++)
        for (int64_t first = 0; first < firsts; first++) {
            places at;
            find_places(s, args, set, y, first, segment, &at);
            if (!plan->channels_last)
                by_window(s, args->problem, segment, &at, y, v, window, cut);
            for (int64_t x = first; plan->channels_last && x < ax->pieces; x += ax->stride)
                in_place(s, args->problem, segment, &at, y, x, x / ax->stride * C2_WINO_TAPS,
                         piece_of(plan, v, y, x), cut);
        }
}
