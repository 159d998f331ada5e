/* SPDX-License-Identifier: BSD-2-Clause
 * Driver of the dot3_ch kernel for images whose rows are dense: implicit GEMM of float32 in parts.
 * For each block of output rows the input rows under them are cut into parts once, as they lie
 * (strip.h); the kernel's registers read pixels straight from them, 16 neighbours of an output row
 * at a time. A kernel row's taps that lie side by side are one run. Where a run is no multiple of a
 * register's row, lanes behind it hold other pixels, which weights of 0 multiply; where one of
 * these might not be finite, such steps are copied without them. Bound: algo_split.c. */
#include "cpu/strip.h"

#include <string.h>

enum { WORDS = C2_STRIP_RUN / 2 };

struct c2_state {
    const c2_kernel *kernel;
    c2_panel_fn fn;
    c2_parts_fn parts;
    c2_tiles_fn tiles;
    c2_epilogue_fn epilogue;
    c2_strip_plan plan;
    ptrdiff_t *steps; /* where each lies behind a pixel, bytes */
    size_t steps_bytes;
};

typedef struct work {
    const c2_state *s;
    const c2_run_args *args;
    char *strip;
    float *sums;
    uint32_t *copy; /* of a step of a tile */
    bool special;   /* the strip has numbers that are not finite */
    int64_t n;
    int64_t row, end;             /* output rows */
    int64_t tile_begin, tile_end; /* output channel tiles */
} work;

static char *row_of(const work *w, int64_t row, int64_t part)
{
    const c2_strip_plan *plan = &w->s->plan;
    return w->strip + part * (int64_t)plan->part_bytes +
           row * plan->pitch * (int64_t)sizeof(uint16_t);
}

/* Rows [row, row + n) of the strip, which are y, y + 1, .. of the image and inside it. */
static void cut_rows(work *w, int64_t row, int64_t n, int64_t y)
{
    const c2_problem *p = w->args->problem;
    const c2_strip_plan *plan = &w->s->plan;
    const int64_t half = sizeof(uint16_t), pixels = p->w * p->icg;
    const int64_t cut = (int64_t)c2_round_up((size_t)pixels, C2_STRIP_RUN);
    const float *image = (const float *)w->args->input.data + w->n * p->input_stride[0];
    const void *rows[C2_MAX_MR];
    for (int64_t i = 0; i < n; i += C2_MAX_MR) {
        const int m = (int)c2_min(C2_MAX_MR, n - i);
        for (int j = 0; j < m; j++)
            rows[j] = image + (y + i + j) * p->input_stride[2];
        const c2_parts_args a = {rows,
                                 m,
                                 (size_t)pixels,
                                 (uint32_t *)(void *)(row_of(w, row + i, 0) + plan->left * half),
                                 WORDS,
                                 (ptrdiff_t)(plan->part_bytes / sizeof(uint32_t)),
                                 plan->pitch / 2,
                                 plan->run % C2_STRIP_RUN ? &w->special : NULL};
        w->s->parts(&a);
    }
    for (int64_t i = 0; i < n; i++) {
        for (int part = 0; part < plan->words.parts; part++) {
            char *to = row_of(w, row + i, part);
            memset(to, 0, (size_t)(plan->left * half));
            memset(to + (plan->left + cut) * half, 0,
                   (size_t)((plan->pitch - plan->left - cut) * half));
        }
    }
}

/* The strip of the block. */
static void fill(work *w)
{
    const c2_problem *p = w->args->problem;
    const c2_strip_plan *plan = &w->s->plan;
    const int64_t n = c2_strip_rows(p, w->end - w->row), y = w->row * p->stride[0] - p->pad[0];
    const int64_t first = c2_min(n, c2_max(0, -y)), last = c2_max(first, c2_min(n, p->h - y));
    for (int part = 0; part < plan->words.parts; part++) {
        memset(row_of(w, 0, part), 0, (size_t)(row_of(w, first, part) - row_of(w, 0, part)));
        memset(row_of(w, last, part), 0,
               (size_t)(w->strip + (part + 1) * (int64_t)plan->part_bytes -
                        row_of(w, last, part)));
    }
    if (last > first)
        cut_rows(w, first, last - first, y + first);
}

/* The first word of a half tile's first pixel; half: counted along the block's output rows. */
static const char *pixel_at(const work *w, int64_t half)
{
    const c2_problem *p = w->args->problem;
    const int64_t in_a_row = c2_div_up(p->ow, C2_STRIP_PIXELS), row = half / in_a_row;
    const int64_t x = half % in_a_row * C2_STRIP_PIXELS * p->stride[1] - p->pad[1];
    return row_of(w, row * p->stride[0], 0) +
           (w->s->plan.left + x * p->icg) * (int64_t)sizeof(uint16_t);
}

static void store(const work *w, int64_t tile, int64_t half, const float *sums)
{
    const c2_problem *p = w->args->problem;
    const int64_t nr = w->s->kernel->nr, oc = tile * nr;
    const int64_t in_a_row = c2_div_up(p->ow, C2_STRIP_PIXELS);
    const int64_t x = half % in_a_row * C2_STRIP_PIXELS;
    const c2_target target = c2_target_of(w->args, w->s->epilogue, w->n, oc);
    const c2_lanes lanes = {.first = (w->row + half / in_a_row) * p->ow + x,
                            .count = c2_min(C2_STRIP_PIXELS, p->ow - x),
                            .pitch = p->ow,
                            .cols = p->ow};
    c2_store_pixel_rows(&target, sums, nr, (int)c2_min(nr, p->ocg - oc), 1, &lanes);
}

/* Words of a step of a call's pixels into the copy, with zeros behind their run. */
static void copy_tail(const work *w, const c2_panel_args *a, int64_t step)
{
    const int64_t parts = w->s->plan.words.parts, mr = w->s->kernel->mr;
    const size_t tail = (size_t)(w->s->plan.run % C2_STRIP_RUN) * sizeof(uint16_t);
    memset(w->copy, 0, (size_t)(parts * mr * WORDS) * sizeof *w->copy);
    for (int64_t part = 0; part < parts; part++)
        for (int i = 0; i < a->m; i++)
            memcpy(w->copy + (part * mr + i) * WORDS,
                   (const char *)a->pixels[i / C2_STRIP_PIXELS] + i % C2_STRIP_PIXELS * a->row +
                       part * a->part + a->steps[step],
                   tail);
}

/* Step by step: those with lanes behind their run from a copy in which these are 0. */
static void multiply_special(const work *w, const c2_panel_args *all)
{
    const c2_state *s = w->s;
    const int64_t a_run = s->plan.steps_a_run, parts = s->plan.words.parts;
    for (int64_t step = 0; step < s->plan.steps; step++) {
        c2_panel_args a = *all;
        a.n_steps = 1;
        a.steps = all->steps + step;
        a.weight = all->weight + step * s->kernel->nr * WORDS * parts;
        a.accumulate = step > 0;
        a.next_lines = 0;
        if (step % a_run == a_run - 1) {
            copy_tail(w, all, step);
            c2_panel_pixels(&a, w->copy, (int)parts, s->kernel->mr);
        }
        s->fn(&a);
    }
}

/* Two halves of the block's pixels by an output channel tile. */
static void multiply(const work *w, int64_t tile, int64_t half, int64_t halves)
{
    const c2_state *s = w->s;
    const c2_problem *p = w->args->problem;
    const int64_t w_step = s->plan.words.parts * s->kernel->nr * WORDS;
    const bool two = half + 1 < halves;
    c2_panel_args a = {
        .pixels = {pixel_at(w, half), two ? pixel_at(w, half + 1) : NULL},
        .row = p->stride[1] * p->icg * (ptrdiff_t)sizeof(uint16_t),
        .part = (ptrdiff_t)s->plan.part_bytes,
        .steps = s->steps,
        .weight = (const uint32_t *)w->args->packed->host + tile * s->plan.steps * w_step,
        .n_steps = (size_t)s->plan.steps,
        .acc = w->sums,
        .m = C2_STRIP_PIXELS * (1 + two),
        .n = (int)c2_min(s->kernel->nr, p->ocg - tile * s->kernel->nr)};
    if (s->plan.far)
        c2_panel_ahead(&a, &s->plan.words, w_step);
    if (w->special)
        multiply_special(w, &a);
    else
        s->fn(&a);
    store(w, tile, half, w->sums);
    if (two)
        store(w, tile, half + 1, w->sums + C2_STRIP_PIXELS * s->kernel->nr);
}

static c2_panel_share share_of(const c2_state *s, const c2_run_args *args)
{
    const c2_problem *p = args->problem;
    return c2_panel_share_of(s->plan.row_blocks, p->oh, false, s->plan.pack.tiles.n, p->n,
                             args->n_workers);
}

static void run_task(const c2_state *s, const c2_run_args *args, size_t task, int worker)
{
    const c2_problem *p = args->problem;
    const c2_strip_plan *plan = &s->plan;
    _Alignas(64) char stack[C2_STACK_BYTES];
    const c2_panel_share h = share_of(s, args);
    const c2_panel_task t = c2_panel_task_of(&h, task);
    work w = {.s = s, .args = args, .n = t.image};
    w.strip = plan->scratch_bytes > C2_STACK_BYTES
                  ? (char *)args->workspace + (size_t)worker * plan->scratch_bytes
                  : stack;
    w.sums = (float *)(void *)(w.strip + (size_t)plan->words.parts * plan->part_bytes);
    w.copy = (uint32_t *)(void *)(w.sums + s->kernel->mr * s->kernel->nr);
    w.row = t.begin;
    w.end = t.end;
    w.tile_begin = t.tile_begin;
    w.tile_end = t.tile_end;
    fill(&w);
    s->tiles(true);
    const int64_t halves = (w.end - w.row) * c2_div_up(p->ow, C2_STRIP_PIXELS);
    for (int64_t tile = w.tile_begin; tile < w.tile_end; tile++)
        for (int64_t half = 0; half < halves; half += 2)
            multiply(&w, tile, half, halves);
    s->tiles(false);
}

conv2d_status c2_strip_run(const c2_state *s, const c2_run_args *args)
{
    return c2_cpu_parallel(s, args, (size_t)share_of(s, args).tasks, run_task);
}

void c2_strip_packing(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                      c2_text *out)
{
    const c2_strip_plan plan = c2_strip_plan_make(device, kernel, p);
    c2_pack_words_name(p, &plan.words, &plan.pack, out);
}

void c2_strip_pack(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                   const c2_weight_view *view, void *packed)
{
    const c2_strip_plan plan = c2_strip_plan_make(device, kernel, p);
    c2_pack_words(device, kernel, p, &plan.words, &plan.pack, view, packed);
}

static void set_steps(const c2_problem *p, c2_state *s)
{
    const c2_strip_plan *plan = &s->plan;
    const int64_t in_a_row = c2_words_row(p, &plan->words);
    for (int64_t i = 0; i < plan->steps; i++) {
        const int64_t tap = i / plan->steps_a_run, ky = tap / in_a_row, kx = tap % in_a_row;
        s->steps[i] = (ky * p->dilation[0] * plan->pitch + kx * p->dilation[1] * p->icg +
                       i % plan->steps_a_run * C2_STRIP_RUN) *
                      (ptrdiff_t)sizeof(uint16_t);
    }
}

conv2d_status c2_strip_plan_create(conv2d_device *device, const c2_kernel *kernel,
                                   const c2_problem *p, c2_state **state_out)
{
    c2_state *s = c2_alloc_zero(&device->allocator, sizeof *s);
    if (!s)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    s->plan = c2_strip_plan_make(device, kernel, p);
    s->kernel = kernel;
    s->fn = (c2_panel_fn)kernel->fn;
    s->parts = (c2_parts_fn)c2_words_helper(kernel, C2_FAMILY_PARTS, s->plan.words.parts,
                                            p->input_dtype);
    s->tiles = c2_tiles_of(kernel);
    s->epilogue = c2_cpu_epilogue(kernel, p->output_dtype);
    s->steps_bytes = (size_t)s->plan.steps * sizeof *s->steps;
    s->steps = c2_alloc(&device->allocator, s->steps_bytes);
    if (!s->steps) {
        c2_strip_plan_destroy(device, s);
        return c2_fail(CONV2D_E_NOMEM, "no memory for the offsets of %lld steps",
                       (long long)s->plan.steps);
    }
    set_steps(p, s);
    *state_out = s;
    return CONV2D_OK;
}

void c2_strip_plan_destroy(conv2d_device *device, c2_state *s)
{
    if (!s)
        return;
    c2_free(&device->allocator, s->steps, s->steps_bytes);
    c2_free(&device->allocator, s, sizeof *s);
}
