/* SPDX-License-Identifier: BSD-2-Clause
 * The driver of separable; see separable.h. Both passes are calls of direct_rows: kernels one
 * column wide make the middle rows, and kernels one row high make outputs of them. */
#include "cpu/separable.h"

#include <math.h>
#include <string.h>

#include "core/dtype.h"
#include "core/half.h"
#include "cpu/columns.h"

struct c2_state {
    c2_separable_plan plan;
    c2_direct_fn down, across; /* for the input as it is stored or copied; for float32 */
    c2_box_down_fn box_down;
    c2_box_across_fn box_across;
    c2_epilogue_fn epilogue;
    c2_widen_fn widen;
    int64_t element; /* bytes of an input pixel */
    float low, high; /* of the activation, if the kernel stores results */
    int64_t n_offsets;
    ptrdiff_t *offsets; /* of the row's taps in a middle row */
};

/* One tile. */
typedef struct tile {
    const c2_state *s;
    const c2_run_args *args;
    int64_t n, channel;          /* of the image; the plane's first of the input */
    int64_t y, x, rows, cols;    /* of the output */
    int64_t first, count;        /* columns of the image in a middle row, padding included */
    int64_t begin, end;          /* those of the image among them that are not padding */
    const char *image;           /* of the plane */
    float *copy, *mid, *sums, *bias, *room;
    ptrdiff_t *row_offset;
    const float **row; /* of a box */
} tile;

/* One output channel, or all of the flat plane. */
typedef struct filter {
    int64_t oc;
    const float *column, *row;
    c2_target target;
} filter;

/* What direct_rows needs to sum `taps` rows or columns without more. */
static c2_direct_args sums_of(const float *weight, const ptrdiff_t *row_offset)
{
    static const float no_bias = -0.0f;
    return (c2_direct_args){.row_offset = row_offset,
                            .weight = weight,
                            .bias = &no_bias,
                            .low = -INFINITY,
                            .high = INFINITY,
                            .sums = true};
}

/* The tile's input rows, each with all columns that its middle rows have. */
static void copy_rows(tile *t)
{
    const c2_separable_plan *d = &t->s->plan;
    const c2_problem *p = t->args->problem;
    const int64_t n = c2_rows_under(p, t->rows);
    for (int64_t r = 0; r < n; r++) {
        const int64_t y =
            c2_pad_index(p->padding_mode, t->y * p->stride[0] - p->pad[0] + r, p->h);
        if (y < 0)
            continue;
        for (int64_t i = 0; i < d->phases; i++) {
            c2_columns c = c2_columns_make(p, t->s->widen, t->first + i, p->stride[1], d->lanes_x);
            c.channels = 1;
            c.pitch = 1;
            c2_columns_copy(&c, t->image + y * p->input_stride[2] * t->s->element,
                            t->copy + r * d->mid_pitch + i * d->lanes_x);
        }
    }
}

/* Where the input rows of m output rows from row y on lie, and which of them are in the image. */
static void find_rows(const tile *t, int64_t y, int m, c2_direct_args *a)
{
    const c2_separable_plan *d = &t->s->plan;
    const c2_problem *p = t->args->problem;
    const int64_t first = y * p->stride[0] - p->pad[0], step = p->dilation[0];
    const int64_t n = (m - 1) * d->step + p->kh;
    a->row_begin = 0;
    a->row_end = n;
    if (p->padding_mode == CONV2D_PAD_ZEROS) {
        a->row_begin = first < 0 ? c2_div_up(-first, step) : 0;
        a->row_end = first < p->h ? c2_min(n, (p->h - 1 - first) / step + 1) : 0;
    }
    for (int64_t r = a->row_begin; r < a->row_end; r++)
        t->row_offset[r] =
            d->copied ? ((y - t->y) * p->stride[0] + r * step) * d->mid_pitch
                      : c2_pad_index(p->padding_mode, first + r * step, p->h) * p->input_stride[2];
}

/* The input rows of a box's output rows; those of output rows that do not exist are not read. */
static void point_rows(const tile *t, const c2_direct_args *a)
{
    const c2_separable_plan *d = &t->s->plan;
    for (int64_t r = 0; r < d->rows - 1 + a->kh; r++) {
        const bool inside = r >= a->row_begin && r < a->row_end;
        const ptrdiff_t offset = inside ? t->row_offset[r] : 0;
        t->row[r] = inside ? (const float *)(const void *)t->image + offset : NULL;
    }
}

/* Middle columns [i, i + n) of the image's columns from x on. */
static void run_down(const tile *t, c2_direct_args *a, int64_t x, int64_t i, int64_t n)
{
    const int64_t lanes = t->s->plan.channels;
    if (t->s->plan.box) {
        const c2_box_down_args b = {.rows = t->row,
                                    .kh = a->kh,
                                    .at = x * lanes,
                                    .n = n * lanes,
                                    .out = t->mid + i * lanes,
                                    .out_pitch = t->s->plan.mid_pitch};
        t->s->box_down(&b);
        return;
    }
    a->pixels = t->image + x * t->s->plan.channels * t->s->element;
    a->out = t->mid + i * lanes;
    a->n = n * lanes;
    t->s->down(a);
}

/* Middle columns of padding: zeros, or what the column has there inside the image. */
static void pad_middle(const tile *t, c2_direct_args *a, int64_t begin, int64_t end)
{
    const c2_separable_plan *d = &t->s->plan;
    const c2_problem *p = t->args->problem;
    const size_t pixel = (size_t)d->channels;
    for (int64_t i = begin; i < end; i++) {
        const int64_t x = c2_pad_index(p->padding_mode, t->first + i, p->w);
        const int64_t from = x - t->first;
        float *row = t->mid + i * d->channels;
        if (x >= 0 && (x < t->begin || x >= t->end)) {
            run_down(t, a, x, i, 1);
            continue;
        }
        for (int r = 0; r < a->m; r++, row += d->mid_pitch) {
            if (x < 0)
                memset(row, 0, pixel * sizeof *row);
            else
                memcpy(row, t->mid + r * d->mid_pitch + from * d->channels, pixel * sizeof *row);
        }
    }
}

static void middle_rows(const tile *t, const filter *f, int64_t y, int m)
{
    const c2_separable_plan *d = &t->s->plan;
    static const ptrdiff_t here = 0;
    c2_direct_args a = sums_of(f->column, t->row_offset);
    a.offset = &here;
    a.n_offsets = 1;
    a.kh = t->args->problem->kh;
    a.step = d->step;
    a.m = m;
    a.out_pitch = d->mid_pitch;
    find_rows(t, y, m, &a);
    if (d->box)
        point_rows(t, &a);
    if (d->copied) {
        a.pixels = t->copy;
        a.out = t->mid;
        a.n = d->phases * d->lanes_x;
        t->s->down(&a);
        return;
    }
    if (t->begin < t->end)
        run_down(t, &a, t->begin, t->begin - t->first, t->end - t->begin);
    pad_middle(t, &a, 0, c2_min(t->count, t->begin - t->first));
    pad_middle(t, &a, c2_max(0, t->end - t->first), t->count);
}

/* Lanes of the output that follow each other, with what is added to them. */
static void store_dense(const tile *t, const filter *f, int64_t y, int m)
{
    const c2_separable_plan *d = &t->s->plan;
    const c2_problem *p = t->args->problem;
    const int64_t element = f->target.element, distance = d->row_distance;
    const c2_epilogue_args a = {
        .acc = t->sums,
        .acc_stride = d->sums_pitch,
        .rows = m,
        .cols = (int)(t->cols * d->channels),
        .bias_col = p->has_bias ? t->bias : NULL,
        .residual = f->target.residual
                        ? f->target.residual + (y * p->residual_stride[2] +
                                                t->x * p->residual_stride[3]) * element
                        : NULL,
        .residual_row_stride = p->residual_stride[2] * distance,
        .residual_col_stride = 1,
        .out = f->target.out + (y * p->output_stride[2] + t->x * p->output_stride[3]) * element,
        .out_row_stride = p->output_stride[2] * distance,
        .out_col_stride = 1,
        .activation = f->target.activation};
    t->s->epilogue(&a);
}

static void store(const tile *t, const filter *f, int64_t y, int m)
{
    const c2_separable_plan *d = &t->s->plan;
    if (d->store == C2_SEPARABLE_DENSE) {
        store_dense(t, f, y, m);
        return;
    }
    for (int i = 0; i < m; i++) {
        const c2_lanes lanes = {0, t->cols, t->cols, t->cols, y + i * d->row_distance, t->x};
        const float *sums = t->sums + i * d->sums_pitch;
        if (d->store == C2_SEPARABLE_CHANNEL)
            c2_store_channel_rows(&f->target, sums, d->sums_pitch, 1, &lanes);
        else
            c2_store_pixel_rows(&f->target, sums, d->channels, (int)d->channels, 1, &lanes);
    }
}

/* Rows of the output, or of sums, from middle rows; like what direct_rows makes of a. */
static void box_rows(const tile *t, const filter *f, const c2_direct_args *a)
{
    const c2_separable_plan *d = &t->s->plan;
    for (int i = 0; i < a->m; i++) {
        const c2_box_across_args b = {.row = t->mid + i * d->mid_pitch,
                                      .kw = t->args->problem->kw,
                                      .distance = t->args->problem->dilation[1] * d->channels,
                                      .n = a->n,
                                      .room = t->room,
                                      .room_pitch = d->mid_pitch,
                                      .weight = f->column[0] * f->row[0], /* exact: factor.h */
                                      .bias = a->bias[0],
                                      .low = a->low,
                                      .high = a->high,
                                      .out = (float *)a->out + i * a->out_pitch};
        t->s->box_across(&b);
    }
}

static void run_across(const tile *t, const filter *f, const c2_direct_args *a)
{
    if (t->s->plan.box)
        box_rows(t, f, a);
    else
        t->s->across(a);
}

/* Output rows y, y + row_distance, ...: m of them. */
static void output_rows(const tile *t, const filter *f, int64_t y, int m)
{
    const c2_separable_plan *d = &t->s->plan;
    const c2_problem *p = t->args->problem;
    middle_rows(t, f, y, m);
    c2_direct_args a = sums_of(f->row, t->row_offset);
    for (int i = 0; i < m; i++)
        t->row_offset[i] = i * d->mid_pitch;
    a.pixels = t->mid;
    a.offset = t->s->offsets;
    a.n_offsets = (size_t)t->s->n_offsets;
    a.kh = a.step = 1;
    a.row_end = a.m = m;
    a.n = t->cols * d->channels;
    a.out = t->sums;
    a.out_pitch = d->sums_pitch;
    if (d->store != C2_SEPARABLE_RESULTS) {
        run_across(t, f, &a);
        store(t, f, y, m);
        return;
    }
    const float bias = p->has_bias ? c2_load_f32(t->args->bias, p->bias_dtype, f->oc) : -0.0f;
    a.sums = false;
    a.bias = &bias;
    a.low = t->s->low;
    a.high = t->s->high;
    a.out = f->target.out +
            (y * p->output_stride[2] + t->x * p->output_stride[3]) * f->target.element;
    a.out_pitch = p->output_stride[2] * d->row_distance;
    run_across(t, f, &a);
}

static void run_filter(const tile *t, const filter *f)
{
    const c2_separable_plan *d = &t->s->plan;
    const int64_t unit = d->rows * d->row_distance, end = t->y + t->rows;
    for (int64_t y = t->y; y < end; y += unit) {
        const int64_t last = c2_min(end, y + unit);
        for (int64_t i = y; i < c2_min(last, y + d->row_distance); i++)
            output_rows(t, f, i, (int)c2_div_up(last - i, d->row_distance));
    }
}

/* The bias of each lane of the flat plane. */
static void spread_bias(const tile *t)
{
    const c2_separable_plan *d = &t->s->plan;
    const c2_problem *p = t->args->problem;
    for (int64_t i = 0; i < t->cols * d->channels; i++)
        t->bias[i] = c2_load_f32(t->args->bias, p->bias_dtype, i % d->channels);
}

static void carve(tile *t, char *scratch)
{
    const c2_separable_plan *d = &t->s->plan;
    t->copy = (float *)(void *)scratch;
    t->mid = (float *)(void *)(scratch += d->copy_bytes);
    t->sums = (float *)(void *)(scratch += d->mid_bytes);
    t->bias = (float *)(void *)(scratch += d->sums_bytes);
    t->room = (float *)(void *)(scratch += d->bias_bytes);
    t->row_offset = (ptrdiff_t *)(void *)(scratch += d->room_bytes);
    t->row = (const float **)(void *)(scratch + d->rows_bytes / 2);
}

static void place(tile *t, int64_t by, int64_t bx)
{
    const c2_separable_plan *d = &t->s->plan;
    const c2_problem *p = t->args->problem;
    t->y = c2_split_begin(&d->tiles_y, by) * d->row_unit;
    t->x = c2_split_begin(&d->tiles_x, bx);
    t->rows = c2_min(p->oh, c2_split_begin(&d->tiles_y, by + 1) * d->row_unit) - t->y;
    t->cols = c2_split_begin(&d->tiles_x, bx + 1) - t->x;
    t->first = t->x * p->stride[1] - p->pad[1];
    t->count = (t->cols - 1) * p->stride[1] + (p->kw - 1) * p->dilation[1] + 1;
    t->begin = c2_min(p->w, c2_max(0, t->first));
    t->end = c2_max(t->begin, c2_min(p->w, t->first + t->count));
    t->image = (const char *)t->args->input.data +
               (t->n * p->input_stride[0] + t->channel * p->input_stride[1]) * t->s->element;
}

static void run_task(const c2_state *s, const c2_run_args *args, size_t task, int worker)
{
    const c2_separable_plan *d = &s->plan;
    const c2_problem *p = args->problem;
    _Alignas(64) char stack[C2_STACK_BYTES];
    char *scratch = c2_scratch_of(args, worker, d->scratch_bytes, stack);
    /* Planes that share their cache lines follow each other. */
    const int64_t planes = d->flat ? 1 : p->groups, inner = d->copied ? planes : 1;
    const int64_t tiles = d->tiles_x.n * d->tiles_y.n, i = (int64_t)task / inner;
    tile t = {.s = s, .args = args, .n = (int64_t)task / tiles / planes};
    t.channel = d->copied ? (int64_t)task % planes : i / tiles % planes;
    carve(&t, scratch);
    place(&t, i / d->tiles_x.n % d->tiles_y.n, i % d->tiles_x.n);
    if (d->copied)
        copy_rows(&t);
    if (d->store == C2_SEPARABLE_DENSE && d->flat && p->has_bias)
        spread_bias(&t);
    for (int64_t j = 0; j < (d->flat ? 1 : p->ocg); j++) {
        const int64_t oc = t.channel * p->ocg + j;
        const float *packed = (const float *)args->packed->host + oc * c2_separable_packed(p);
        const filter f = {oc, packed, packed + p->kh, c2_target_of(args, s->epilogue, t.n, oc)};
        run_filter(&t, &f);
    }
}

conv2d_status c2_separable_run(const c2_state *s, const c2_run_args *args)
{
    const c2_problem *p = args->problem;
    const int64_t planes = s->plan.flat ? 1 : p->groups;
    const int64_t tiles = s->plan.tiles_y.n * s->plan.tiles_x.n;
    return c2_cpu_parallel(s, args, (size_t)(p->n * planes * tiles), run_task);
}

void c2_separable_destroy(conv2d_device *device, c2_state *s)
{
    if (!s)
        return;
    c2_free(&device->allocator, s->offsets, (size_t)s->n_offsets * sizeof *s->offsets);
    c2_free(&device->allocator, s, sizeof *s);
}

conv2d_status c2_separable_create(conv2d_device *device, const c2_problem *p,
                                  const c2_separable_plan *plan, c2_state **state_out)
{
    c2_state *s = c2_alloc_zero(&device->allocator, sizeof *s);
    if (!s)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    const c2_kernel *k = plan->kernel;
    const int32_t read = plan->copied ? CONV2D_FLOAT32 : p->input_dtype;
    s->plan = *plan;
    s->down = (c2_direct_fn)c2_cpu_kernel_of(k, read)->fn;
    s->across = (c2_direct_fn)c2_cpu_kernel_of(k, CONV2D_FLOAT32)->fn;
    s->box_down = (c2_box_down_fn)c2_cpu_helper(k, C2_FAMILY_BOX_DOWN, CONV2D_FLOAT32);
    s->box_across = (c2_box_across_fn)c2_cpu_helper(k, C2_FAMILY_BOX_ACROSS, CONV2D_FLOAT32);
    s->epilogue = c2_cpu_epilogue(k, p->output_dtype);
    s->widen = (c2_widen_fn)c2_cpu_helper(k, C2_FAMILY_WIDEN, p->input_dtype);
    s->element = (int64_t)c2_dtype_bytes(p->input_dtype);
    c2_clamp_of(p, &s->low, &s->high);
    s->n_offsets = p->kw;
    s->offsets = c2_alloc(&device->allocator, (size_t)p->kw * sizeof *s->offsets);
    if (!s->offsets) {
        c2_separable_destroy(device, s);
        return c2_fail(CONV2D_E_NOMEM, "no memory for the offsets of %lld products",
                       (long long)p->kw);
    }
    for (int64_t i = 0; i < p->kw; i++) {
        const int64_t at = i * p->dilation[1];
        s->offsets[i] = plan->copied ? at % p->stride[1] * plan->lanes_x + at / p->stride[1]
                                     : at * plan->channels;
    }
    *state_out = s;
    return CONV2D_OK;
}
