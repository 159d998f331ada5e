/* SPDX-License-Identifier: BSD-2-Clause
 * The driver of direct_px and direct_rows: a strip of output pixels is one kernel call that sums,
 * adds the bias, bounds and stores. Inside the image pixels are read in place; only windows that
 * cross a border, are strided or not dense are copied (window.h). */
#include <math.h>

#include "core/dtype.h"
#include "core/half.h"
#include "cpu/cost.h"
#include "cpu/direct.h"

struct c2_state {
    c2_direct_plan plan;
    c2_direct_fn fn;
    c2_epilogue_fn epilogue;
    int64_t element; /* bytes of a pixel */
    c2_direct_table window, in_place;
    float low, high; /* of the activation, if kernels store results */
};

/* One task. */
typedef struct work {
    const c2_state *s;
    const c2_run_args *args;
    int64_t n, g;
    const char *image; /* of the group */
    const float *weights;
    char *scratch; /* window, then sums */
} work;

/* Pixels of one rectangle of outputs: at output pixel (0, 0) of the rectangle, and per row. */
typedef struct source {
    const char *pixels;
    ptrdiff_t pitch;
    const c2_direct_table *table;
} source;

/* The bias of m channels from oc on, -0 without one, as float32. */
static void find_bias(const work *w, int64_t oc, int m, float *bias)
{
    const c2_problem *p = w->args->problem;
    for (int i = 0; i < m; i++)
        bias[i] = p->has_bias ? c2_load_f32(w->args->bias, p->bias_dtype, oc + i) : -0.0f;
}

/* m channels (direct_px) or rows (direct_rows) of a strip whose first pixel is (y, x). */
static void run_strip(const work *w, c2_direct_args *a, int64_t tile, const c2_block *strip)
{
    const c2_state *s = w->s;
    const c2_direct_plan *d = &s->plan;
    const c2_problem *p = w->args->problem;
    const bool by_rows = d->rows > 1;
    const int64_t oc = w->g * p->ocg + c2_split_begin(&d->pack.tiles, tile);
    const int channels = by_rows ? 1
                                 : (int)(c2_split_begin(&d->pack.tiles, tile + 1) -
                                         c2_split_begin(&d->pack.tiles, tile));
    float bias[C2_MAX_MR];
    a->weight = w->weights + c2_pack_at(&d->pack, tile, 0, c2_problem_k(p));
    a->m = by_rows ? (int)strip->rows : channels;
    a->bias = bias;
    const c2_target target = c2_target_of(w->args, s->epilogue, w->n, oc);
    if (!d->sums) {
        find_bias(w, oc, channels, bias);
        a->out = target.out +
                 (strip->y * p->output_stride[2] + strip->x * p->output_stride[3]) * s->element;
        a->out_pitch = by_rows ? p->output_stride[2] * d->row_distance : p->output_stride[1];
        s->fn(a);
        return;
    }
    float *sums = (float *)(void *)(w->scratch + d->window_bytes);
    a->out = sums;
    a->out_pitch = (ptrdiff_t)c2_round_up((size_t)strip->cols, 16);
    a->sums = true;
    bias[0] = -0.0f;
    s->fn(a);
    for (int64_t i = 0; i < (by_rows ? strip->rows : 1); i++) {
        const c2_lanes lanes = {
            0, strip->cols, strip->cols, strip->cols, strip->y + i * d->row_distance, strip->x};
        c2_store_channel_rows(&target, sums + i * a->out_pitch, a->out_pitch, channels, &lanes);
    }
}

/* All strips of a rectangle of outputs. */
static void run_strips(const work *w, const c2_block *rect, const source *from)
{
    const c2_direct_plan *d = &w->s->plan;
    const int64_t unit = d->rows * d->row_distance;
    for (int64_t y = 0; y < rect->rows; y += unit) {
        const int64_t end = c2_min(rect->rows, y + unit);
        for (int64_t first = y; first < c2_min(end, y + d->row_distance); first++) {
            c2_direct_args a = {.pixels = from->pixels + first * from->pitch * w->s->element,
                                .offset = from->table->offset,
                                .n_offsets = d->n_offsets,
                                .row_offset = from->table->row_offset,
                                .kh = w->args->problem->kh,
                                .step = d->step,
                                .low = w->s->low,
                                .high = w->s->high,
                                .n = rect->cols};
            const c2_block strip = {rect->y + first, rect->x,
                                    c2_div_up(end - first, d->row_distance), rect->cols};
            for (int64_t tile = 0; tile < d->pack.tiles.n; tile++)
                run_strip(w, &a, tile, &strip);
        }
    }
}

static void run_window(const work *w, int64_t y, int64_t x, int64_t end_y, int64_t end_x)
{
    const c2_block rect = {y, x, end_y - y, end_x - x};
    const c2_window *window = &w->s->plan.window;
    const c2_problem *p = w->args->problem;
    if (rect.rows <= 0 || rect.cols <= 0)
        return;
    c2_window_fill(window, &rect, w->image, p->input_stride + 1, p->icg, w->scratch);
    const source from = {w->scratch, window->pitch, &w->s->window};
    run_strips(w, &rect, &from);
}

static void run_in_place(const work *w, int64_t y, int64_t x, int64_t end_y, int64_t end_x)
{
    const c2_block rect = {y, x, end_y - y, end_x - x};
    const c2_problem *p = w->args->problem;
    const int64_t pitch = p->input_stride[2], in_y = y * p->stride[0] - p->pad[0];
    const source from = {w->image + (in_y * pitch + x - p->pad[1]) * w->s->element,
                         pitch * p->stride[0], &w->s->in_place};
    run_strips(w, &rect, &from);
}

/* One block: what lies inside in place, and the rows and columns around it by windows. */
static void run_block(const work *w, int64_t y, int64_t x, int64_t end_y, int64_t end_x)
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
    work w = {.s = s, .args = args, .scratch = (char *)stack};
    if (d->scratch_bytes > C2_STACK_BYTES)
        w.scratch = (char *)args->workspace + (size_t)worker * d->scratch_bytes;
    const int64_t i = (int64_t)task, bx = i % d->blocks_x.n, by = i / d->blocks_x.n % d->blocks_y.n;
    const int64_t rest = i / d->blocks_x.n / d->blocks_y.n;
    w.g = rest % p->groups;
    w.n = rest / p->groups;
    w.image = (const char *)args->input.data +
              (w.n * p->input_stride[0] + w.g * p->icg * p->input_stride[1]) * s->element;
    w.weights =
        (const float *)args->packed->host + w.g * d->pack.tiles.n * d->pack.width * c2_problem_k(p);
    run_block(&w, c2_split_begin(&d->blocks_y, by), c2_split_begin(&d->blocks_x, bx),
              c2_split_begin(&d->blocks_y, by + 1), c2_split_begin(&d->blocks_x, bx + 1));
}

conv2d_status c2_direct_run(const c2_state *s, const c2_run_args *args)
{
    const c2_problem *p = args->problem;
    const int64_t blocks = s->plan.blocks_y.n * s->plan.blocks_x.n;
    return c2_cpu_parallel(s, args, (size_t)(p->n * p->groups * blocks), run_task);
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
    return (double)p->n * ((double)p->groups * d.seconds) +
           (d.sums ? c2_cost_epilogue(c2_speed_of(device, kernel), p, 3) : 0);
}

c2_bytes c2_direct_memory(const conv2d_device *device, const c2_problem *p, const c2_kernel *kernel)
{
    const c2_direct_plan d = c2_direct_plan_make(device, p, kernel);
    return (c2_bytes){c2_pack_bytes(p, &d.pack), 0,
                      d.scratch_bytes > C2_STACK_BYTES ? d.scratch_bytes : 0};
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

static void set_bounds(c2_state *s, const c2_problem *p)
{
    const c2_post *act = s->plan.sums ? NULL : c2_problem_activation(p);
    s->low = -HUGE_VALF;
    s->high = HUGE_VALF;
    if (!act || act->activation == CONV2D_ACT_NONE)
        return;
    const bool clamp = act->activation == CONV2D_ACT_CLAMP;
    s->low = clamp ? (float)act->min : 0;
    if (act->activation != CONV2D_ACT_RELU)
        s->high = clamp ? (float)act->max : 6;
}

conv2d_status c2_direct_create(conv2d_device *device, const c2_problem *p, const c2_kernel *kernel,
                               c2_state **state_out)
{
    c2_state *s = c2_alloc_zero(&device->allocator, sizeof *s);
    if (!s)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    s->plan = c2_direct_plan_make(device, p, kernel);
    s->fn = (c2_direct_fn)c2_cpu_kernel_of(kernel, p->input_dtype)->fn;
    s->epilogue = c2_cpu_epilogue(kernel, p->output_dtype);
    s->element = (int64_t)c2_dtype_bytes(p->input_dtype);
    set_bounds(s, p);
    if (!make_table(device, &s->plan, &s->window) || !make_table(device, &s->plan, &s->in_place)) {
        c2_direct_destroy(device, s);
        return c2_fail(CONV2D_E_NOMEM, "no memory for the offsets of %zu products",
                       s->plan.n_offsets);
    }
    c2_direct_table_window(&s->plan, p, &s->window);
    c2_direct_table_in_place(&s->plan, p, &s->in_place);
    *state_out = s;
    return CONV2D_OK;
}
