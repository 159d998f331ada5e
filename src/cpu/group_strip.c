/* SPDX-License-Identifier: BSD-2-Clause
 * Driver of split3_groups and split3_crossed, see group_strip.h. A task is a block of output rows
 * of a group. With stride 1 registers of pixels go on from one row to the next where that makes
 * fewer of them; lanes between two rows are not stored. */
#include "cpu/group_strip.h"

#include <string.h>

#include "cpu/interleave.h"
#include "cpu/share.h"

enum { WORDS = C2_GROUP_RUN / 2, HALF = sizeof(uint16_t), ROWS_AT_A_TIME = 64 };

struct c2_state {
    const c2_kernel *kernel;
    c2_panel_fn fn;
    c2_parts_fn parts;
    c2_widen_fn widen;
    c2_tiles_fn tiles;
    c2_epilogue_fn epilogue;
    c2_group_plan plan;
    ptrdiff_t *steps; /* where each lies behind a pixel, bytes */
    size_t steps_bytes;
};

typedef struct work {
    const c2_state *s;
    const c2_run_args *args;
    const float *image; /* element (n, first channel of the group, 0, 0) */
    c2_share_task task;
    int64_t n, g;
    char *strip;
    float *sums, *line;
} work;

static char *pixel_at(const work *w, int64_t row, int64_t x)
{
    const c2_group_plan *plan = &w->s->plan;
    return w->strip + (row * plan->pitch + plan->left + x) * plan->pixel * HALF;
}

static void clear(const work *w, int64_t row, int64_t x, int64_t pixels)
{
    memset(pixel_at(w, row, x), 0, (size_t)(pixels * w->s->plan.pixel * HALF));
}

/* A row of pixels, 64 at a time. */
static void put_row(const work *w, int64_t y, char *to)
{
    const c2_problem *p = w->args->problem;
    const c2_group_plan *plan = &w->s->plan;
    const float *from = w->image + y * p->input_stride[2];
    int64_t step = p->input_stride[3];
    if (!plan->in_place) {
        c2_interleave_rows(p, w->s->widen, w->image, y, 1, w->line);
        from = w->line;
        step = p->icg;
    }
    const void *rows[ROWS_AT_A_TIME];
    c2_parts_args a = {.rows = rows,
                       .run = (size_t)p->icg,
                       .step_pitch = WORDS,
                       .part_pitch = plan->part / 2,
                       .row_pitch = plan->pixel / 2};
    for (int64_t x = 0; x < p->w; x += a.m, to += a.m * plan->pixel * HALF) {
        a.m = (int)c2_min(ROWS_AT_A_TIME, p->w - x);
        for (int i = 0; i < a.m; i++)
            rows[i] = from + (x + i) * step;
        a.to = (uint32_t *)(void *)to;
        w->s->parts(&a);
    }
}

static void fill(const work *w)
{
    const c2_problem *p = w->args->problem;
    const c2_group_plan *plan = &w->s->plan;
    const int64_t rows = w->task.end - w->task.begin, n = c2_rows_under(p, rows);
    const int64_t y = w->task.begin * p->stride[0] - p->pad[0];
    const size_t bytes = c2_group_strip_bytes(p, plan, rows);
    for (int64_t row = 0; row < n; row++) {
        clear(w, row, -plan->left, plan->left);
        if (y + row < 0 || y + row >= p->h) {
            clear(w, row, 0, plan->pitch - plan->left);
        } else {
            put_row(w, y + row, pixel_at(w, row, 0));
            clear(w, row, p->w, plan->pitch - plan->left - p->w);
        }
    }
    char *end = pixel_at(w, n, -plan->left);
    memset(end, 0, bytes - (size_t)(end - w->strip));
}

/* The sums of n registers of pixels by an output channel tile. */
static void multiply(const work *w, int64_t tile, int64_t first, int64_t n)
{
    const c2_state *s = w->s;
    const c2_problem *p = w->args->problem;
    const c2_group_plan *plan = &s->plan;
    const int64_t nr = s->kernel->nr, a_call = s->kernel->mr / C2_GROUP_PIXELS;
    const int64_t tiles = plan->pack.tiles.n;
    c2_panel_args a = {.row = p->stride[1] * plan->pixel * HALF,
                       .part = plan->part * HALF,
                       .steps = s->steps,
                       .weight = (const uint32_t *)w->args->packed->host +
                                 (w->g * tiles + tile) * plan->steps * WORDS *
                                     plan->words.parts * nr,
                       .n_steps = (size_t)plan->steps,
                       .n = (int)c2_min(nr, p->ocg - tile * nr)};
    for (int64_t i = 0, m; i < n; i += m) {
        m = c2_div_up(n - i, c2_div_up(n - i, a_call)); /* as even as can be */
        for (int64_t j = 0; j < a_call; j++) {
            const int64_t lane = (first + i + j) * C2_GROUP_PIXELS;
            const int64_t row = lane / plan->lanes, x = lane % plan->lanes;
            a.pixels[j] = j < m ? pixel_at(w, row * p->stride[0], x * p->stride[1] - plan->left)
                                : NULL;
        }
        a.m = (int)m * C2_GROUP_PIXELS;
        a.acc = w->sums + i * C2_GROUP_PIXELS * nr;
        s->fn(&a);
    }
}

static void multiply_tiles(const work *w)
{
    const c2_state *s = w->s;
    const c2_problem *p = w->args->problem;
    const int64_t lanes = (w->task.end - w->task.begin) * s->plan.lanes;
    const int64_t registers = c2_div_up(lanes, C2_GROUP_PIXELS), nr = s->kernel->nr;
    for (int64_t tile = w->task.tile_begin; tile < w->task.tile_end; tile++) {
        const int channels = (int)c2_min(nr, p->ocg - tile * nr);
        const c2_target target =
            c2_target_of(w->args, s->epilogue, w->n, w->g * p->ocg + tile * nr);
        for (int64_t first = 0; first < registers; first += C2_GROUP_STORED) {
            const int64_t n = c2_min(C2_GROUP_STORED, registers - first);
            const int64_t lane = first * C2_GROUP_PIXELS;
            const c2_lanes l = {.first = lane,
                                .count = c2_min(n * C2_GROUP_PIXELS, lanes - lane),
                                .pitch = s->plan.lanes,
                                .cols = p->ow,
                                .y = w->task.begin};
            multiply(w, tile, first, n);
            c2_store_pixel_rows(&target, w->sums, nr, channels, 1, &l);
        }
    }
}

/* Few blocks stay whole where there are output channel tiles for all workers: smaller ones would
 * cut rows twice that kernels reach from both, and leave registers of pixels half empty. */
static c2_share share_of(const c2_state *s, const c2_run_args *args)
{
    const c2_problem *p = args->problem;
    const int64_t tiles = s->plan.pack.tiles.n, images = p->n * p->groups;
    const bool whole =
        tiles >= args->n_workers && images * s->plan.row_blocks.n <= args->n_workers;
    return c2_share_of(s->plan.row_blocks, p->oh, whole, tiles, images, args->n_workers);
}

static void run_task(const c2_state *s, const c2_run_args *args, size_t task, int worker)
{
    const c2_problem *p = args->problem;
    const c2_group_plan *plan = &s->plan;
    _Alignas(64) char stack[C2_STACK_BYTES];
    const c2_share h = share_of(s, args);
    char *scratch = c2_scratch_of(args, worker, plan->scratch_bytes, stack);
    work w = {.s = s,
              .args = args,
              .task = c2_share_task_of(&h, task),
              .strip = scratch,
              .sums = (float *)(void *)(scratch + plan->sums_at),
              .line = (float *)(void *)(scratch + plan->line_at)};
    w.n = w.task.image / p->groups;
    w.g = w.task.image % p->groups;
    w.image = (const float *)args->input.data + w.n * p->input_stride[0] +
              w.g * p->icg * p->input_stride[1];
    fill(&w);
    s->tiles(true);
    multiply_tiles(&w);
    s->tiles(false);
}

conv2d_status c2_group_run(const c2_state *s, const c2_run_args *args)
{
    return c2_cpu_parallel(s, args, (size_t)share_of(s, args).tasks, run_task);
}

void c2_group_packing(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                      c2_text *out)
{
    const c2_group_plan plan = c2_group_plan_make(device, kernel, p);
    c2_pack_words_name(p, &plan.words, &plan.pack, out);
}

void c2_group_pack(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                   const c2_weight_view *view, void *packed)
{
    const c2_group_plan plan = c2_group_plan_make(device, kernel, p);
    c2_pack_words(device, kernel, p, &plan.words, &plan.pack, view, packed);
}

conv2d_status c2_group_plan_create(conv2d_device *device, const c2_kernel *kernel,
                                   const c2_problem *p, c2_state **state_out)
{
    c2_state *s = c2_alloc_zero(&device->allocator, sizeof *s);
    if (!s)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    s->plan = c2_group_plan_make(device, kernel, p);
    s->kernel = kernel;
    s->fn = (c2_panel_fn)kernel->fn;
    const c2_family parts = s->plan.words.crossed ? C2_FAMILY_CROSSED : C2_FAMILY_PARTS;
    s->parts = (c2_parts_fn)c2_words_helper(kernel, parts, C2_MAX_PARTS, p->input_dtype);
    s->widen = (c2_widen_fn)c2_cpu_helper(kernel, C2_FAMILY_WIDEN, p->input_dtype);
    s->tiles = c2_tiles_of(kernel);
    s->epilogue = c2_cpu_epilogue(kernel, p->output_dtype);
    s->steps_bytes = (size_t)s->plan.steps * sizeof *s->steps;
    s->steps = c2_alloc(&device->allocator, s->steps_bytes);
    if (!s->steps) {
        c2_group_plan_destroy(device, s);
        return c2_fail(CONV2D_E_NOMEM, "no memory for the offsets of %lld steps",
                       (long long)s->plan.steps);
    }
    c2_panel_set_steps(p, p->kw, s->plan.a_tap, s->plan.pitch * s->plan.pixel, s->plan.pixel,
                       s->plan.steps, s->steps);
    *state_out = s;
    return CONV2D_OK;
}

void c2_group_plan_destroy(conv2d_device *device, c2_state *s)
{
    if (!s)
        return;
    c2_free(&device->allocator, s->steps, s->steps_bytes);
    c2_free(&device->allocator, s, sizeof *s);
}
