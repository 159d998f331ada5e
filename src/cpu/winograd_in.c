/* SPDX-License-Identifier: BSD-2-Clause
 * The input side of Winograd convolution: where the pixels of a segment's tiles lie, and the calls
 * of the transform. Channels that are neighbours are read in place, through pointers where a tile
 * touches a border; others are first copied into a window of the segment, [row][column][VF], which
 * serves all pieces of the kernel that lie side by side. */
#include "core/dtype.h"
#include "cpu/columns.h"
#include "cpu/winograd.h"

enum { MAX_COLUMNS = C2_WINO_SEGMENT * C2_WINO_MAX_M + C2_WINO_MAX_KERNEL - 1 };
_Static_assert(C2_WINO_MAX_KERNEL % C2_WINO_TAPS == 0, "pieces end where the largest kernel does");

/* Input coordinates of a segment, for pieces of the kernel side by side; -1 = a padded zero. */
typedef struct places {
    int64_t y[C2_WINO_MAX_EDGE], x[MAX_COLUMNS];
    int64_t n_columns, first_x; /* unfolded */
    int64_t inside_begin, inside_end; /* columns whose x are inside the image, unfolded */
    bool rows_inside;
    const char *image; /* element (n, first channel of the group, 0, 0) */
    int64_t element;   /* bytes */
} places;

static int64_t origin(const c2_problem *p, int axis, int64_t phase, int64_t tile, int m)
{
    return phase + tile * m * p->dilation[axis] - p->pad[axis];
}

/* Columns that `count` tiles of a row read, beyond m for each. */
static int64_t more_columns(const c2_wino_plan *plan)
{
    return plan->pieces[1] * C2_WINO_TAPS - 1;
}

/* piece: of the kernel's rows. */
static void find_places(const c2_state *s, const c2_run_args *args, int64_t g, int64_t piece,
                        const c2_wino_segment *seg, places *at)
{
    const c2_problem *p = args->problem;
    const int m = s->plan.m, edge = s->plan.edge;
    const int64_t dy = p->dilation[0], dx = p->dilation[1], x = origin(p, 1, seg->x, seg->tx, m);
    const int64_t y = origin(p, 0, seg->y, seg->ty, m) + piece * C2_WINO_TAPS * dy;
    at->n_columns = seg->count * m + more_columns(&s->plan);
    at->first_x = x;
    at->rows_inside = y >= 0 && y + (edge - 1) * dy < p->h;
    for (int i = 0; i < edge; i++)
        at->y[i] = c2_pad_index(p->padding_mode, y + i * dy, p->h);
    at->inside_begin = at->inside_end = 0;
    for (int64_t i = 0; i < at->n_columns; i++) {
        const int64_t column = x + i * dx;
        at->x[i] = c2_pad_index(p->padding_mode, column, p->w);
        at->inside_begin += column < 0;
        at->inside_end += column < p->w;
    }
    at->element = (int64_t)c2_dtype_bytes(p->input_dtype);
    at->image = (const char *)args->input.data +
                (seg->n * p->input_stride[0] + g * p->icg * p->input_stride[1]) * at->element;
}

static const char *pixel(const c2_problem *p, const places *at, int64_t y, int64_t x)
{
    return at->image + (y * p->input_stride[2] + x * p->input_stride[3]) * at->element;
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
        a->v_block = plan->lanes;
        in(a);
        c2_wino_cut(s, cut, tile, c, a->channels, v);
        return;
    }
    a->v = (float *)v + c / plan->lanes * plan->v_block + tile * plan->lanes;
    a->v_step = plan->v_step;
    a->v_block = plan->v_block;
    in(a);
}

/* Tiles whose channels are neighbours. column: of the first one's first pixel. */
static void in_place(const c2_state *s, const c2_problem *p, const c2_wino_segment *seg,
                     const places *at, int64_t column, void *v, float *cut)
{
    const c2_wino_plan *plan = &s->plan;
    const int m = plan->m, edge = plan->edge;
    const int64_t whole = plan->parts ? C2_WINO_CUT : p->icg;
    const void *table[C2_WINO_MAX_EDGE * C2_WINO_MAX_EDGE];
    c2_wino_in_args a = {.row = p->dilation[0] * p->input_stride[2],
                         .col = p->dilation[1] * p->input_stride[3]};
    for (int64_t t = 0; t < seg->count; t++, column += m) {
        const int64_t *x = at->x + column;
        const bool inside = at->rows_inside && column >= at->inside_begin &&
                            column + edge <= at->inside_end;
        for (int64_t c = 0; c < p->icg; c += whole) {
            const int64_t bytes = c * at->element;
            a.channels = (int)c2_min(whole, p->icg - c);
            a.table = inside ? NULL : table;
            if (inside)
                a.pixels = pixel(p, at, at->y[0], x[0]) + bytes;
            for (int i = 0; i < edge && !inside; i++)
                for (int j = 0; j < edge; j++)
                    table[i * edge + j] = at->y[i] < 0 || x[j] < 0
                                              ? (const char *)s->zeros
                                              : pixel(p, at, at->y[i], x[j]) + bytes;
            one_tile(s, s->in, &a, seg->first + t, c, v, cut);
        }
    }
}

/* V of the piece that is i places to the right of v's. */
static void *piece_of(const c2_wino_plan *plan, void *v, int64_t i)
{
    return (float *)v + i * plan->piece_blocks * plan->v_block;
}

/* Channels of a window. */
static int64_t window_channels(const c2_wino_plan *plan)
{
    return plan->parts ? C2_WINO_CHANNELS : plan->lanes;
}

static void by_window(const c2_state *s, const c2_problem *p, const c2_wino_segment *seg,
                      const places *at, void *v, float *window, float *cut)
{
    const c2_wino_plan *plan = &s->plan;
    const int64_t wide = window_channels(plan);
    c2_wino_in_args a = {.row = at->n_columns * wide, .col = wide};
    c2_columns columns =
        c2_columns_make(p, s->widen, at->first_x, p->dilation[1], at->n_columns);
    columns.pitch = wide;
    for (int64_t c = 0; c < p->icg; c += wide) {
        columns.channels = a.channels = (int)c2_min(wide, p->icg - c);
        for (int i = 0; i < plan->edge; i++) {
            const char *row =
                at->y[i] < 0 ? NULL
                             : pixel(p, at, at->y[i], 0) + c * p->input_stride[1] * at->element;
            c2_columns_copy(&columns, row, window + i * a.row);
        }
        for (int64_t i = 0; i < plan->pieces[1]; i++)
            for (int64_t t = 0; t < seg->count; t++) {
                a.pixels = window + (i * C2_WINO_TAPS + t * plan->m) * wide;
                one_tile(s, s->in_f32, &a, seg->first + t, c, piece_of(plan, v, i), cut);
            }
    }
}

int64_t c2_wino_window_floats(const c2_wino_plan *plan)
{
    return plan->channels_last
               ? 0
               : plan->edge * (plan->segment * plan->m + more_columns(plan)) *
                     window_channels(plan);
}

void c2_wino_transform(const c2_state *s, const c2_run_args *args, int64_t g,
                       const c2_wino_segment *segment, void *v, float *window, float *cut)
{
    const c2_wino_plan *plan = &s->plan;
    for (int64_t y = 0; y < plan->pieces[0]; y++) {
        places at;
        void *row = piece_of(plan, v, y * plan->pieces[1]);
        find_places(s, args, g, y, segment, &at);
        if (!plan->channels_last)
            by_window(s, args->problem, segment, &at, row, window, cut);
        for (int64_t x = 0; x < plan->pieces[1] && plan->channels_last; x++)
            in_place(s, args->problem, segment, &at, x * C2_WINO_TAPS, piece_of(plan, row, x), cut);
    }
}
