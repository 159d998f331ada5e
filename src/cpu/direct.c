/* SPDX-License-Identifier: BSD-2-Clause
 * The driver of direct_px and direct_rows: a strip of output pixels is one kernel call that sums,
 * adds the bias, bounds and stores. Inside the image pixels are read in place; only windows that
 * cross a border, are strided or not dense are copied (window.h). */
#include <math.h>

#include "core/dtype.h"
#include "core/half.h"
#include "cpu/cost.h"
#include "cpu/direct.h"
#include "cpu/planes.h"

/* From so many channels on, they are joined by the vectors of the ISA. */
enum { WIDE = 8 };

struct c2_state {
    c2_direct_plan plan;
    c2_direct_fn fn;
    c2_widen_fn widen; /* of float32 */
    c2_epilogue_fn epilogue;
    int64_t element; /* bytes of a pixel */
    c2_direct_table window, in_place;
    float low, high; /* of the activation, if kernels store results */
};

/* One task. */
typedef struct work {
    const c2_state *s;
    const c2_run_args *args;
    int64_t n, group_begin, group_end;
    int64_t tile_begin, tile_end; /* of output channels of a group */
    int64_t g;                    /* the group at work */
    const char *image; /* of the first group */
    const float *weights;
    char *scratch; /* window, then what waits to be stored */
} work;

/* Pixels of a rectangle of outputs: those of output pixel (0, 0) in the first group. */
typedef struct source {
    const char *pixels;
    ptrdiff_t pitch, group_bytes; /* pitch: elements from one output row to the next */
    const c2_direct_table *table;
} source;

/* Where results of a strip wait to be joined: channel i's row r begins at
 * ((i * rows) + r) * lane_pitch floats. */
static float *waiting(const work *w)
{
    return (float *)(void *)(w->scratch + w->s->plan.window_bytes);
}

/* An odd number of cache lines, so that rows spread over the sets of the L1 cache. */
static ptrdiff_t lane_pitch(int64_t lanes)
{
    return (ptrdiff_t)c2_round_up((size_t)lanes, 32) + 16;
}

static int64_t tile_channels(const c2_direct_plan *d, int64_t tile)
{
    return c2_split_begin(&d->pack.tiles, tile + 1) - c2_split_begin(&d->pack.tiles, tile);
}

static void store_sums(const work *w, const c2_direct_args *a, int64_t oc, int64_t channels,
                       const c2_block *strip)
{
    const c2_direct_plan *d = &w->s->plan;
    const c2_target target = c2_target_of(w->args, w->s->epilogue, w->n, oc);
    const bool by_rows = d->rows > 1;
    for (int64_t i = 0; i < (by_rows ? strip->rows : 1); i++) {
        const c2_lanes lanes = {
            0, a->n, strip->cols, strip->cols, strip->y + i * d->row_distance, strip->x};
        c2_store_channel_rows(&target, (const float *)a->out + i * a->out_pitch, a->out_pitch,
                              (int)channels, &lanes);
    }
}

/* A tile's channels (direct_px) or rows (direct_rows) of a strip. wait: their first row among those
 * to be joined. */
static void run_tile(const work *w, c2_direct_args *a, int64_t tile, const c2_block *strip,
                     int64_t wait)
{
    const c2_state *s = w->s;
    const c2_direct_plan *d = &s->plan;
    const c2_problem *p = w->args->problem;
    const bool by_rows = d->rows > 1;
    const int64_t oc = w->g * p->ocg + c2_split_begin(&d->pack.tiles, tile);
    const int64_t channels = tile_channels(d, tile);
    float bias[C2_MAX_MR];
    a->weight = w->weights + w->g * d->pack.tiles.n * d->pack.width * c2_problem_k(p) +
                c2_pack_at(&d->pack, tile, 0, c2_problem_k(p));
    a->m = (int)(by_rows ? strip->rows : channels);
    a->sums = d->store == C2_DIRECT_SUMS;
    a->bias = c2_bias_of(w->args, oc, channels, channels, bias);
    if (d->store == C2_DIRECT_RESULTS) {
        a->out = c2_target_of(w->args, s->epilogue, w->n, oc).out +
                 (strip->y * p->output_stride[2] + strip->x * p->output_stride[3]) * s->element;
        a->out_pitch = by_rows ? p->output_stride[2] * d->row_distance : p->output_stride[1];
    } else {
        a->out = waiting(w) + wait * lane_pitch(a->n);
        a->out_pitch = lane_pitch(a->n);
    }
    s->fn(a);
    if (a->sums)
        store_sums(w, a, oc, channels, strip);
}

/* Rows of `channels` channels that wait, into neighbouring channels of the output from oc on. */
static void join(const work *w, int64_t oc, int64_t channels, int64_t lanes, const c2_block *strip)
{
    const c2_direct_plan *d = &w->s->plan;
    const c2_problem *p = w->args->problem;
    const c2_target target = c2_target_of(w->args, w->s->epilogue, w->n, oc);
    const int64_t pitch = lane_pitch(lanes);
    for (int64_t i = 0; i < (d->rows > 1 ? strip->rows : 1); i++) {
        float *out = (float *)(void *)target.out +
                     (strip->y + i * d->row_distance) * p->output_stride[2] +
                     strip->x * p->output_stride[3];
        const float *from = waiting(w) + i * pitch;
        if (channels < WIDE) {
            c2_planes_join(from, d->rows * pitch, lanes, channels, out, p->output_stride[3]);
            continue;
        }
        const c2_widen_args args = {.from = from,
                                    .pixel_stride = 1,
                                    .channel_stride = d->rows * pitch,
                                    .to = out,
                                    .to_stride = p->output_stride[3],
                                    .n_pixels = (int)lanes,
                                    .n_channels = (int)channels};
        w->s->widen(&args);
    }
}

/* The input rows of a tile that lie in the image, or all where others than zeros are outside. */
static void find_rows(const c2_problem *p, int64_t y, c2_direct_args *a)
{
    const int64_t first = y * p->stride[0] - p->pad[0], step = p->dilation[0];
    a->row_begin = 0;
    a->row_end = PTRDIFF_MAX;
    if (p->padding_mode != CONV2D_PAD_ZEROS)
        return;
    if (first < 0)
        a->row_begin = c2_div_up(-first, step);
    a->row_end = first < p->h ? (p->h - 1 - first) / step + 1 : 0;
}

/* One strip for all channels of the block's groups; from: its pixels of the first group. */
static void run_strip(work *w, const c2_block *strip, int64_t lanes, const source *from)
{
    const c2_direct_plan *d = &w->s->plan;
    const c2_problem *p = w->args->problem;
    c2_direct_args a = {.offset = from->table->offset,
                        .n_offsets = d->n_offsets,
                        .row_offset = from->table->row_offset,
                        .kh = p->kh,
                        .step = d->step,
                        .low = w->s->low,
                        .high = w->s->high,
                        .n = lanes};
    find_rows(p, strip->y, &a);
    for (int64_t t = w->tile_begin; t < w->tile_end; t += d->joined_tiles) {
        const int64_t end = c2_min(w->tile_end, t + d->joined_tiles);
        const int64_t first = c2_split_begin(&d->pack.tiles, t);
        int64_t channels = 0;
        for (w->g = w->group_begin; w->g < w->group_end; w->g++) {
            a.pixels = from->pixels + (w->g - w->group_begin) * from->group_bytes;
            for (int64_t tile = t; tile < end; tile++) {
                run_tile(w, &a, tile, strip, d->store == C2_DIRECT_JOIN ? channels * d->rows : 0);
                channels += tile_channels(d, tile);
            }
        }
        if (d->store == C2_DIRECT_JOIN)
            join(w, w->group_begin * p->ocg + first, channels, lanes, strip);
    }
}

/* All strips of a rectangle of outputs. */
static void run_strips(work *w, const c2_block *rect, const source *from)
{
    const c2_direct_plan *d = &w->s->plan;
    if (d->flat) {
        run_strip(w, rect, rect->rows * rect->cols, from);
        return;
    }
    const int64_t unit = d->rows * d->row_distance;
    for (int64_t y = 0; y < rect->rows; y += unit) {
        const int64_t end = c2_min(rect->rows, y + unit);
        for (int64_t first = y; first < c2_min(end, y + d->row_distance); first++) {
            source at = *from;
            at.pixels += first * from->pitch * w->s->element;
            const c2_block strip = {rect->y + first, rect->x,
                                    c2_div_up(end - first, d->row_distance), rect->cols};
            run_strip(w, &strip, rect->cols, &at);
        }
    }
}

static void run_window(work *w, int64_t y, int64_t x, int64_t end_y, int64_t end_x)
{
    const c2_block rect = {y, x, end_y - y, end_x - x};
    const c2_window *window = &w->s->plan.window;
    const c2_problem *p = w->args->problem;
    if (rect.rows <= 0 || rect.cols <= 0)
        return;
    c2_window_fill(window, &rect, w->image, p->input_stride + 1,
                   (w->group_end - w->group_begin) * p->icg, w->scratch);
    const source from = {w->scratch, window->pitch, p->icg * window->channel_pitch * w->s->element,
                         &w->s->window};
    run_strips(w, &rect, &from);
}

static void run_in_place(work *w, int64_t y, int64_t x, int64_t end_y, int64_t end_x)
{
    const c2_block rect = {y, x, end_y - y, end_x - x};
    const c2_problem *p = w->args->problem;
    const int64_t pitch = p->input_stride[2], in_y = y * p->stride[0] - p->pad[0];
    const source from = {w->image + (in_y * pitch + x - p->pad[1]) * w->s->element,
                         pitch * p->stride[0], p->icg * p->input_stride[1] * w->s->element,
                         &w->s->in_place};
    run_strips(w, &rect, &from);
}

/* One block: what lies inside in place, and the rows and columns around it by windows. */
static void run_block(work *w, int64_t y, int64_t x, int64_t end_y, int64_t end_x)
{
    const c2_interior *in = &w->s->plan.interior;
    const int64_t y0 = c2_max(y, in->begin[0]), y1 = c2_min(end_y, in->end[0]);
    const int64_t x0 = c2_max(x, in->begin[1]), x1 = c2_min(end_x, in->end[1]);
    if (y0 >= y1 || x0 >= x1) {
        run_window(w, y, x, end_y, end_x);
        return;
    }
    run_window(w, y, x, y0, end_x);
    run_window(w, y0, x, y1, x0);
    run_in_place(w, y0, x0, y1, x1);
    run_window(w, y0, x1, y1, end_x);
    run_window(w, y1, x, end_y, end_x);
}

static void run_task(const c2_state *s, const c2_run_args *args, size_t task, int worker)
{
    const c2_problem *p = args->problem;
    const c2_direct_plan *d = &s->plan;
    _Alignas(64) float stack[C2_STACK_BYTES / sizeof(float)];
    work w = {.s = s, .args = args};
    w.scratch = c2_scratch_of(args, worker, d->scratch_bytes, stack);
    const int64_t tiles = (int64_t)task % d->tile_blocks.n, i = (int64_t)task / d->tile_blocks.n;
    const int64_t bx = i % d->blocks_x.n, by = i / d->blocks_x.n % d->blocks_y.n;
    const int64_t rest = i / d->blocks_x.n / d->blocks_y.n;
    const int64_t group_block = rest % d->group_blocks.n;
    w.n = rest / d->group_blocks.n;
    w.group_begin = c2_split_begin(&d->group_blocks, group_block);
    w.group_end = c2_split_begin(&d->group_blocks, group_block + 1);
    w.image = (const char *)args->input.data +
              (w.n * p->input_stride[0] + w.group_begin * p->icg * p->input_stride[1]) * s->element;
    w.weights = (const float *)args->packed->host;
    w.tile_begin = c2_split_begin(&d->tile_blocks, tiles) * d->joined_tiles;
    w.tile_end = c2_min(d->pack.tiles.n,
                        c2_split_begin(&d->tile_blocks, tiles + 1) * d->joined_tiles);
    run_block(&w, c2_split_begin(&d->blocks_y, by), c2_split_begin(&d->blocks_x, bx),
              c2_split_begin(&d->blocks_y, by + 1), c2_split_begin(&d->blocks_x, bx + 1));
}

conv2d_status c2_direct_run(const c2_state *s, const c2_run_args *args)
{
    const c2_problem *p = args->problem;
    const int64_t blocks = s->plan.blocks_y.n * s->plan.blocks_x.n * s->plan.tile_blocks.n;
    return c2_cpu_parallel(s, args, (size_t)(p->n * s->plan.group_blocks.n * blocks), run_task);
}

bool c2_direct_supports(const conv2d_device *device, const c2_problem *p, const c2_kernel *kernel,
                        c2_why *why)
{
    if (!c2_driver_supports(kernel, p, why))
        return false;
    if (c2_direct_plan_make(device, p, kernel).seconds == HUGE_VAL)
        return c2_refuse(why, "workspace_limit = %llu: the window of one pixel does not fit",
                         (unsigned long long)p->workspace_limit);
    return true;
}

double c2_direct_cost(const conv2d_device *device, const c2_problem *p, const c2_kernel *kernel)
{
    const c2_direct_plan d = c2_direct_plan_make(device, p, kernel);
    const c2_speed *speed = c2_speed_of(device, kernel);
    const double outputs = (double)p->n * (double)p->oc * (double)p->oh * (double)p->ow;
    double stores = 0; /* beside those of the kernels */
    if (d.store == C2_DIRECT_SUMS)
        stores = c2_cost_epilogue(speed, p, 3);
    if (d.store == C2_DIRECT_JOIN)
        stores = outputs * 2 * speed->copy;
    return (double)p->n * d.seconds + stores;
}

c2_bytes c2_direct_memory(const conv2d_device *device, const c2_problem *p, const c2_kernel *kernel)
{
    const c2_direct_plan d = c2_direct_plan_make(device, p, kernel);
    return (c2_bytes){c2_pack_bytes(p, &d.pack), 0,
                      c2_scratch_workspace(d.scratch_bytes)};
}

static void free_table(conv2d_device *device, const c2_direct_plan *d, c2_direct_table *t)
{
    c2_free(&device->allocator, t->offset, d->n_offsets * sizeof *t->offset);
    c2_free(&device->allocator, t->row_offset, d->n_row_offsets * sizeof *t->row_offset);
}

static bool make_table(conv2d_device *device, const c2_direct_plan *d, c2_direct_table *t)
{
    t->offset = c2_alloc(&device->allocator, d->n_offsets * sizeof *t->offset);
    if (d->n_row_offsets)
        t->row_offset = c2_alloc(&device->allocator, d->n_row_offsets * sizeof *t->row_offset);
    return t->offset && (t->row_offset || !d->n_row_offsets);
}

void c2_direct_destroy(conv2d_device *device, c2_state *s)
{
    if (!s)
        return;
    free_table(device, &s->plan, &s->window);
    free_table(device, &s->plan, &s->in_place);
    c2_free(&device->allocator, s, sizeof *s);
}

conv2d_status c2_direct_create(conv2d_device *device, const c2_problem *p, const c2_kernel *kernel,
                               c2_state **state_out)
{
    c2_state *s = c2_alloc_zero(&device->allocator, sizeof *s);
    if (!s)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    s->plan = c2_direct_plan_make(device, p, kernel);
    c2_window_use(&s->plan.window, kernel);
    s->fn = (c2_direct_fn)c2_cpu_kernel_of(kernel, p->input_dtype)->fn;
    s->epilogue = c2_cpu_epilogue(kernel, p->output_dtype);
    s->widen = (c2_widen_fn)c2_cpu_helper(kernel, C2_FAMILY_WIDEN, CONV2D_FLOAT32);
    s->element = (int64_t)c2_dtype_bytes(p->input_dtype);
    c2_clamp_of(p, &s->low, &s->high);
    if (!make_table(device, &s->plan, &s->window) || !make_table(device, &s->plan, &s->in_place)) {
        const size_t n = s->plan.n_offsets;
        c2_direct_destroy(device, s);
        return c2_fail(CONV2D_E_NOMEM, "no memory for the offsets of %zu products", n);
    }
    c2_direct_table_window(&s->plan, p, &s->window);
    c2_direct_table_in_place(&s->plan, p, &s->in_place);
    *state_out = s;
    return CONV2D_OK;
}
