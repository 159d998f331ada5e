/* SPDX-License-Identifier: BSD-2-Clause
 * Driver of the dot3_ch kernel that cuts an image's rows into parts once for all taps: implicit
 * GEMM of float32. The kernel's registers read pixels straight from a strip of parts (strip.h), 16
 * neighbours of an output row at a time; taps that lie side by side in it are one run. Where a run
 * is no multiple of a register's row, lanes behind it hold other pixels, which weights of 0
 * multiply; where one of these might not be finite, such steps are copied without them. Bound:
 * algo_split.c. */
#include "cpu/strip.h"

#include <string.h>

enum { WORDS = C2_STRIP_RUN / 2 };

struct c2_state {
    const c2_kernel *kernel;
    c2_panel_fn fn;
    c2_parts_fn parts;
    c2_widen_fn widen;
    c2_tiles_fn tiles;
    c2_epilogue_fn epilogue;
    c2_strip_plan plan;
    c2_share share;
    bool expects;     /* results are fetched before they are stored */
    ptrdiff_t *steps; /* where each lies behind a pixel, bytes */
    size_t steps_bytes;
};

typedef struct work {
    const c2_state *s;
    const c2_run_args *args;
    c2_strip strip;
    float *sums;    /* of halves */
    uint32_t *copy; /* of a step of a tile */
} work;

/* Halves are counted along the block's output rows; of a row: */
static int64_t halves_of(const c2_problem *p) { return c2_div_up(p->ow, C2_STRIP_PIXELS); }

static const char *pixel_at(const work *w, int64_t half)
{
    const c2_problem *p = w->args->problem;
    const int64_t in_a_row = halves_of(p), x = half % in_a_row * C2_STRIP_PIXELS;
    return c2_strip_at(&w->strip, w->strip.row + half / in_a_row, x * p->stride[1] - p->pad[1]);
}

/* n halves' sums, row by row. */
static void store(const work *w, const c2_target *target, int channels, int64_t half, int64_t n)
{
    const c2_problem *p = w->args->problem;
    const int64_t nr = w->s->kernel->nr, in_a_row = halves_of(p);
    for (int64_t i = 0, m; i < n; i += m) {
        const int64_t row = (half + i) / in_a_row, in_row = (half + i) % in_a_row;
        const int64_t x = in_row * C2_STRIP_PIXELS;
        m = c2_min(n - i, in_a_row - in_row);
        const c2_lanes lanes = {.first = (w->strip.row + row) * p->ow + x,
                                .count = c2_min(m * C2_STRIP_PIXELS, p->ow - x),
                                .pitch = p->ow,
                                .cols = p->ow};
        c2_store_pixel_rows(target, w->sums + i * C2_STRIP_PIXELS * nr, nr, channels, 1, &lanes);
    }
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
        a.out_rows = 0;
        if (step % a_run == a_run - 1) {
            copy_tail(w, all, step);
            c2_panel_pixels(&a, w->copy, (int)parts, s->kernel->mr);
        }
        s->fn(&a);
    }
}

/* n halves of the block's pixels by an output channel tile. */
static void multiply(const work *w, const c2_target *target, int64_t tile, int64_t half, int64_t n)
{
    const c2_state *s = w->s;
    const c2_problem *p = w->args->problem;
    const int64_t nr = s->kernel->nr, w_step = s->plan.words.parts * nr * WORDS;
    const int64_t in_a_row = halves_of(p);
    c2_panel_args a = {
        .row = p->stride[1] * s->plan.pixel * (ptrdiff_t)sizeof(uint16_t),
        .part = (ptrdiff_t)s->plan.part_bytes,
        .steps = s->steps,
        .weight = (const uint32_t *)w->args->packed->host + tile * s->plan.steps * w_step,
        .n_steps = (size_t)s->plan.steps,
        .n = (int)c2_min(nr, p->ocg - tile * nr)};
    if (s->plan.far)
        c2_panel_ahead(&a, &s->plan.words, w_step);
    for (int64_t i = 0; i < n; i += 2) {
        const bool two = i + 1 < n;
        a.pixels[0] = pixel_at(w, half + i);
        a.pixels[1] = two ? pixel_at(w, half + i + 1) : NULL;
        a.acc = w->sums + i * C2_STRIP_PIXELS * nr;
        a.m = C2_STRIP_PIXELS * (1 + two);
        if (s->expects)
            c2_panel_expect(&a, &s->plan.words, target, w->strip.row + (half + i) / in_a_row,
                            (half + i) % in_a_row * C2_STRIP_PIXELS);
        if (w->strip.special)
            multiply_special(w, &a);
        else
            s->fn(&a);
    }
}

/* Halves [begin, end) of the block by output channel tiles. */
static void multiply_tiles(const work *w, const c2_share_task *t, int64_t begin, int64_t end)
{
    const c2_state *s = w->s;
    for (int64_t tile = t->tile_begin; tile < t->tile_end; tile++) {
        const int64_t nr = s->kernel->nr, oc = tile * nr;
        const int channels = (int)c2_min(nr, w->args->problem->ocg - oc);
        const c2_target target = c2_target_of(w->args, s->epilogue, t->image, oc);
        for (int64_t half = begin; half < end; half += C2_STRIP_HALVES) {
            const int64_t n = c2_min(C2_STRIP_HALVES, end - half);
            multiply(w, &target, tile, half, n);
            store(w, &target, channels, half, n);
        }
    }
}

static void run_task(const c2_state *s, const c2_run_args *args, size_t task, int worker)
{
    const c2_problem *p = args->problem;
    const c2_strip_plan *plan = &s->plan;
    _Alignas(64) char stack[C2_STACK_BYTES];
    const c2_share_task t = c2_share_task_of(&s->share, task);
    char *scratch = c2_scratch_of(args, worker, plan->scratch_bytes, stack);
    work w = {.s = s,
              .args = args,
              .strip = {.plan = plan,
                        .problem = p,
                        .parts = s->parts,
                        .widen = s->widen,
                        .image = (const float *)args->input.data + t.image * p->input_stride[0],
                        .row = t.begin,
                        .end = t.end,
                        .parts_of = scratch,
                        .line = (float *)(void *)(scratch + plan->line_at),
                        .cut = (uint16_t *)(void *)(scratch + plan->cut_at)},
              .sums = (float *)(void *)(scratch + plan->sums_at),
              .copy = (uint32_t *)(void *)(scratch + plan->copy_at)};
    const int64_t in_a_row = halves_of(p), n = t.end - t.begin;
    c2_strip_fill(&w.strip);
    s->tiles(true);
    if (c2_strip_windows(plan)) {
        for (int64_t i = 0; i < n; i++) {
            if (i)
                c2_strip_move(&w.strip, t.begin + i);
            multiply_tiles(&w, &t, i * in_a_row, (i + 1) * in_a_row);
        }
    } else {
        multiply_tiles(&w, &t, 0, n * in_a_row);
    }
    s->tiles(false);
}

conv2d_status c2_strip_run(const c2_state *s, const c2_run_args *args)
{
    return c2_share_run(&s->share, s, args, run_task);
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

conv2d_status c2_strip_plan_create(conv2d_device *device, const c2_kernel *kernel,
                                   const c2_problem *p, c2_state **state_out)
{
    c2_state *s = c2_alloc_zero(&device->allocator, sizeof *s);
    if (!s)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    s->plan = c2_strip_plan_make(device, kernel, p);
    s->share = c2_share_least(s->plan.row_blocks, c2_split_even(s->plan.pack.tiles.n, 1),
                              &s->plan.cost, p->n, device->pool.n_threads);
    s->kernel = kernel;
    s->fn = (c2_panel_fn)kernel->fn;
    s->parts = (c2_parts_fn)c2_words_helper(kernel, C2_FAMILY_PARTS, s->plan.words.parts,
                                            p->input_dtype);
    s->widen = (c2_widen_fn)c2_cpu_helper(kernel, C2_FAMILY_WIDEN, p->input_dtype);
    s->tiles = c2_tiles_of(kernel);
    s->epilogue = c2_cpu_epilogue(kernel, p->output_dtype);
    s->expects = c2_panel_expects(device, p);
    const int64_t steps = s->plan.steps;
    s->steps_bytes = (size_t)steps * sizeof *s->steps;
    s->steps = c2_alloc(&device->allocator, s->steps_bytes);
    if (!s->steps) {
        c2_strip_plan_destroy(device, s);
        return c2_fail(CONV2D_E_NOMEM, "no memory for the offsets of %lld steps", (long long)steps);
    }
    c2_panel_set_steps(p, c2_words_row(p, &s->plan.words), s->plan.steps_a_run, s->plan.pitch,
                       s->plan.pixel, steps, s->steps);
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
