/* SPDX-License-Identifier: BSD-2-Clause
 * Driver of the dot2_ch and dot3_ch kernels: implicit GEMM of float32 whose channels are
 * neighbours, in parts. For each block of output pixels the rows of channels under their taps are
 * cut into parts once, side by side in a panel that serves all output channels: whatever strides,
 * padding and dilation are, the kernel reads registers of 1 KiB one after the other. A kernel row's
 * taps that lie side by side are one run of kw * icg channels. Bound: algo_split.c. */
#include "cpu/panel.h"

#include <string.h>

#include "cpu/rows.h"

struct c2_state {
    const c2_kernel *kernel;
    c2_panel_fn fn;
    c2_parts_fn parts;
    c2_tiles_fn tiles;
    c2_epilogue_fn epilogue;
    c2_panel_plan plan;
    c2_share share;
    bool expects; /* results are fetched before they are stored */
    float *zeros; /* a run of them */
    size_t zeros_bytes;
};

typedef struct work {
    const c2_state *s;
    const c2_run_args *args;
    c2_rows rows;
    const uint32_t *weights; /* packed, of the group */
    uint32_t *panel;
    float *sums;
    int64_t n, g;
    int64_t pixels;               /* of the image */
    int64_t block, end;           /* its tiles of mr pixels */
    int64_t tile_begin, tile_end; /* output channel tiles */
} work;

/* Row `ky` of the kernel for pixels of which some have padding: their runs put together. */
static void assemble(const work *w, int64_t ky, float *room, const void **table)
{
    const c2_problem *p = w->args->problem;
    const void *taps[C2_MAX_MR];
    for (int64_t kx = 0; kx < p->kw; kx++) {
        c2_rows_table(&w->rows, ky * p->kw + kx, 1, C2_MAX_MR, taps);
        for (int i = 0; i < w->rows.m; i++)
            memcpy(room + i * w->s->plan.run + kx * p->icg, taps[i],
                   (size_t)p->icg * sizeof(float));
    }
    for (int i = 0; i < w->rows.m; i++)
        table[i] = room + i * w->s->plan.run;
}

/* Steps [begin, end) of the rows of tap t for half a tile of pixels. */
static void fill_tap(const work *w, int64_t t, int64_t begin, int64_t end, uint32_t *to)
{
    enum { WORDS = C2_PANEL_WORDS, STEP = 2 * WORDS };
    const c2_state *s = w->s;
    const int64_t parts = s->plan.words.parts, part_pitch = s->kernel->mr * WORDS;
    const void *table[C2_MAX_MR];
    float room[C2_PANEL_PIXELS * C2_PANEL_MERGED];
    if (s->plan.words.merge && !w->rows.inside)
        assemble(w, t, room, table);
    else
        c2_rows_table(&w->rows, t, 1, C2_MAX_MR, table);
    /* Pixels that the last half lacks. */
    for (int i = w->rows.m; i < C2_PANEL_PIXELS; i++)
        table[i] = s->zeros;
    const int64_t first = begin * STEP, last = c2_min(s->plan.run, end * STEP);
    for (int i = 0; i < C2_PANEL_PIXELS; i++)
        if (table[i] != s->zeros)
            table[i] = (const float *)table[i] + first;
    const c2_parts_args a = {table, C2_PANEL_PIXELS, (size_t)(last - first), to,
                             parts * part_pitch, part_pitch, WORDS, NULL};
    s->parts(&a);
}

/* Pixels of a tile. */
static int64_t pixels_of(const work *w, int64_t tile)
{
    return c2_min(w->s->kernel->mr, w->pixels - tile * w->s->kernel->mr);
}

typedef struct range {
    int64_t begin, end;
} range;

/* Steps of a tile: kernel rows that are padding for all of its pixels are left out. */
static range live_steps(const work *w, int64_t tile)
{
    const c2_problem *p = w->args->problem;
    if (p->kh == 1 || p->padding_mode != CONV2D_PAD_ZEROS)
        return (range){0, w->s->plan.steps};
    const int64_t first = tile * w->s->kernel->mr, a_row = w->s->plan.steps / p->kh;
    const int64_t top = first / p->ow * p->stride[0] - p->pad[0];
    const int64_t bottom =
        (first + pixels_of(w, tile) - 1) / p->ow * p->stride[0] - p->pad[0];
    range r = {0, w->s->plan.steps};
    if (bottom < 0)
        r.begin = c2_min(p->kh, c2_div_up(-bottom, p->dilation[0])) * a_row;
    r.end = top < p->h ? c2_min(p->kh, (p->h - 1 - top) / p->dilation[0] + 1) * a_row : 0;
    r.end = c2_max(r.begin, r.end);
    return r;
}

/* Empty at the chunk's begin if they share none. */
static range both(range chunk, range live)
{
    const range r = {c2_max(chunk.begin, live.begin), c2_min(chunk.end, live.end)};
    return r.begin < r.end ? r : (range){chunk.begin, chunk.begin};
}

/* Steps [begin, end) of the block's panel, which has `chunk` for each of its tiles. */
static void fill_panel(work *w, int64_t begin, int64_t end)
{
    const c2_state *s = w->s;
    const int64_t mr = s->kernel->mr, a_step = s->plan.words.parts * mr * C2_PANEL_WORDS;
    const int64_t last = c2_min(w->pixels, w->end * mr);
    for (int64_t first = w->block * mr; first < last; first += C2_PANEL_PIXELS) {
        const int64_t tile = first / mr - w->block, row = first % mr;
        uint32_t *to = w->panel + tile * s->plan.chunk * a_step + row * C2_PANEL_WORDS;
        c2_rows_pixels(&w->rows, first, (int)c2_min(C2_PANEL_PIXELS, last - first));
        const range r = both((range){begin, end}, live_steps(w, first / mr));
        for (int64_t k = r.begin, next; k < r.end; k = next) {
            const int64_t tap = k / s->plan.steps_a_run, from = k - tap * s->plan.steps_a_run;
            next = c2_min(r.end, (tap + 1) * s->plan.steps_a_run);
            fill_tap(w, tap, from, from + next - k, to + (k - begin) * a_step);
        }
    }
}

static void store(const work *w, const c2_target *target, int channels, int64_t pixel_tile,
                  const float *sums)
{
    const c2_problem *p = w->args->problem;
    const c2_lanes lanes = {.first = pixel_tile * w->s->kernel->mr,
                            .count = pixels_of(w, pixel_tile),
                            .pitch = p->ow,
                            .cols = p->ow};
    c2_store_pixel_rows(target, sums, w->s->kernel->nr, channels, 1, &lanes);
}

/* Output channel tile `tile` over steps [begin, end), which the panel has. */
static void multiply(const work *w, int64_t tile, int64_t begin, int64_t end, float *sums)
{
    const c2_state *s = w->s;
    const int64_t mr = s->kernel->mr, nr = s->kernel->nr, parts = s->plan.words.parts;
    const int64_t a_step = parts * mr * C2_PANEL_WORDS, w_step = parts * nr * C2_PANEL_WORDS;
    const c2_problem *p = w->args->problem;
    const int64_t oc = tile * nr;
    const int channels = (int)c2_min(nr, p->ocg - oc);
    const c2_target target = c2_target_of(w->args, s->epilogue, w->n, w->g * p->ocg + oc);
    for (int64_t t = w->block; t < w->end; t++) {
        float *acc = sums + (t - w->block) * mr * nr;
        const range live = live_steps(w, t), r = both((range){begin, end}, live);
        c2_panel_args a = {.weight = w->weights + (tile * s->plan.steps + r.begin) * w_step,
                           .n_steps = (size_t)(r.end - r.begin),
                           .acc = acc,
                           .m = (int)c2_round_up((size_t)pixels_of(w, t), C2_PANEL_PIXELS),
                           .n = channels,
                           .accumulate = r.begin > live.begin};
        c2_panel_pixels(&a,
                        w->panel + ((t - w->block) * s->plan.chunk + r.begin - begin) * a_step,
                        (int)parts, (int)mr);
        if (s->plan.far)
            c2_panel_ahead(&a, &s->plan.words, w_step);
        if (s->expects && end == s->plan.steps)
            c2_panel_expect(&a, &s->plan.words, &target, t * mr / p->ow, t * mr % p->ow);
        /* A tile without live steps has sums of 0. */
        if (a.n_steps || (begin == 0 && live.begin == live.end))
            s->fn(&a);
        if (end == s->plan.steps)
            store(w, &target, channels, t, acc);
    }
}

static void run_block(work *w)
{
    const c2_panel_plan *plan = &w->s->plan;
    const int64_t sums = plan->tiles * w->s->kernel->mr * w->s->kernel->nr;
    const bool whole = plan->chunk == plan->steps; /* one tile's sums at a time are enough */
    for (int64_t tile = w->tile_begin; tile < w->tile_end; tile += plan->group) {
        const int64_t end = c2_min(w->tile_end, tile + plan->group);
        for (int64_t k = 0; k < plan->steps; k += plan->chunk) {
            const int64_t k_end = c2_min(plan->steps, k + plan->chunk);
            fill_panel(w, k, k_end);
            for (int64_t t = tile; t < end; t++)
                multiply(w, t, k, k_end, w->sums + (whole ? 0 : t - tile) * sums);
        }
    }
}

static void run_task(const c2_state *s, const c2_run_args *args, size_t task, int worker)
{
    const c2_problem *p = args->problem;
    const c2_panel_plan *plan = &s->plan;
    _Alignas(64) char stack[C2_STACK_BYTES];
    const c2_share_task t = c2_share_task_of(&s->share, task);
    work w = {.s = s, .args = args, .n = t.image / p->groups, .g = t.image % p->groups};
    char *scratch = c2_scratch_of(args, worker, plan->scratch_bytes, stack);
    w.panel = (uint32_t *)(void *)scratch;
    w.sums = (float *)(void *)(scratch + plan->panel_bytes);
    w.weights = (const uint32_t *)args->packed->host +
                w.g * plan->pack.tiles.n * plan->steps * C2_PANEL_WORDS * plan->words.parts *
                    s->kernel->nr;
    w.pixels = p->oh * p->ow;
    w.block = t.begin;
    w.end = t.end;
    w.tile_begin = t.tile_begin;
    w.tile_end = t.tile_end;
    c2_rows_init(&w.rows, p,
                 (const float *)args->input.data +
                     (w.n * p->input_stride[0] + w.g * p->icg * p->input_stride[1]),
                 s->zeros);
    c2_rows_merge(&w.rows, plan->words.merge != C2_MERGE_NONE);
    s->tiles(true);
    run_block(&w);
    s->tiles(false);
}

conv2d_status c2_panel_run(const c2_state *s, const c2_run_args *args)
{
    return c2_share_run(&s->share, s, args, run_task);
}

void c2_panel_packing(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                      c2_text *out)
{
    const c2_panel_plan plan = c2_panel_plan_make(device, kernel, p);
    c2_pack_words_name(p, &plan.words, &plan.pack, out);
}

void c2_panel_pack(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                   const c2_weight_view *view, void *packed)
{
    const c2_panel_plan plan = c2_panel_plan_make(device, kernel, p);
    c2_pack_words(device, kernel, p, &plan.words, &plan.pack, view, packed);
}

conv2d_status c2_panel_plan_create(conv2d_device *device, const c2_kernel *kernel,
                                   const c2_problem *p, c2_state **state_out)
{
    c2_state *s = c2_alloc_zero(&device->allocator, sizeof *s);
    if (!s)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    s->plan = c2_panel_plan_make(device, kernel, p);
    s->share = c2_share_least(s->plan.pixel_blocks, c2_split_even(s->plan.pack.tiles.n, 1),
                              &s->plan.cost, p->n * p->groups, device->pool.n_threads);
    s->kernel = kernel;
    s->fn = (c2_panel_fn)kernel->fn;
    s->parts = (c2_parts_fn)c2_words_helper(kernel, C2_FAMILY_PARTS, s->plan.words.parts,
                                            p->input_dtype);
    s->tiles = c2_tiles_of(kernel);
    s->epilogue = c2_cpu_epilogue(kernel, p->output_dtype);
    s->expects = c2_panel_expects(device, p);
    const int64_t run = s->plan.run;
    s->zeros_bytes = (size_t)run * sizeof(float);
    s->zeros = c2_alloc_zero(&device->allocator, s->zeros_bytes);
    if (!s->zeros) {
        c2_panel_plan_destroy(device, s);
        return c2_fail(CONV2D_E_NOMEM, "no memory for a row of %lld zeros", (long long)run);
    }
    *state_out = s;
    return CONV2D_OK;
}

void c2_panel_plan_destroy(conv2d_device *device, c2_state *s)
{
    if (!s)
        return;
    c2_free(&device->allocator, s->zeros, s->zeros_bytes);
    c2_free(&device->allocator, s, sizeof *s);
}
