/* SPDX-License-Identifier: BSD-2-Clause
 * Driver of the gemm_px and dot_px kernels (lanes = pixels, rows = output channels): implicit GEMM
 * for any strides of input and output. gemm_px_plan.c chooses one of three ways to read pixels; of
 * dot_px, which reads words of two channels (pairs.h), one of the last two:
 *   direct   in place: rows of the image follow each other and no tap is padded;
 *   window   from a copy of the block's input in which padding and strides are gone (window.h);
 *   panel    from a copy [k][lane] of a few tiles, in chunks of k, where a window would be too big.
 * Tile registers read windows of words, where those are small, or panels, since rows across lines
 * take them longer; whose words are made, without lanes between the rows, of pixels that lie
 *   image panel   in the image, whose columns are neighbours; taps outside of it are zeros, and
 *                 kernel rows that are outside for all of a tile's pixels are left out;
 *   window panel  in a window of pixels as they are stored.
 * All feed every accumulator the same products in the same order: taps outer, channels inner.
 * Bound: g(K+2) * s + (K+2) * 2^-149, of dot_px algo_dot.c's (docs/numerics.md). */
#include "cpu/gemm_px.h"

#include <string.h>

#include "core/dtype.h"

int64_t c2_px_tile_first(const c2_px_work *w, int64_t tile)
{
    return c2_min(w->args->problem->ocg, c2_split_begin(&w->s->plan.pack.tiles, tile));
}

int c2_px_tile_rows(const c2_px_work *w, int64_t tile)
{
    return (int)(c2_px_tile_first(w, tile + 1) - c2_px_tile_first(w, tile));
}

void c2_px_store_tiles(const c2_px_work *w, int64_t begin, int64_t end, const float *sums,
                        const c2_lanes *lanes)
{
    const c2_problem *p = w->args->problem;
    const int64_t first = c2_px_tile_first(w, begin), rows = c2_px_tile_first(w, end) - first;
    const c2_target target = c2_target_of(w->args, w->s->epilogue, w->n, w->g * p->ocg + first);
    c2_store_channel_rows(&target, sums, w->s->kernel->nr, (int)rows, lanes);
}

c2_px_lane_tiles c2_px_cut_lanes(const c2_state *s, int64_t lanes)
{
    const int64_t vectors = c2_div_up(lanes, s->plan.vector);
    const int64_t most = s->kernel->nr / s->plan.vector;
    return (c2_px_lane_tiles){c2_split_even(vectors, c2_div_up(vectors, most)), lanes,
                              s->plan.vector};
}

void c2_px_fetch_next(const c2_px_plan *plan, int64_t i, int64_t n, c2_gemm_px_args *a)
{
    enum { LINE = 64 };
    const int64_t words = (int64_t)(a->n_taps * a->klen) * plan->tile_parts;
    const int64_t bytes = words * plan->pack.width * (int64_t)sizeof(uint32_t);
    const int64_t products = words / plan->tile_parts / plan->words.unit *
                             c2_words_products(&plan->words);
    const int64_t lines = c2_div_up(bytes, LINE * products * n);
    a->next_lines = (size_t)lines;
    a->next = (uintptr_t)a->weight + (uintptr_t)(bytes + i * lines * products * LINE);
}

/* A tile of the block's lanes. */
typedef struct lane_tile {
    const char *pixels; /* of its first lane, channels `pitch` elements apart */
    ptrdiff_t pitch;
    int n;             /* lanes that may be read */
    int64_t i, tiles;  /* which of how many */
    c2_lanes lanes;
} lane_tile;

/* It and a group of output channel tiles. Their sums wait in sums while the pixels of a chunk,
 * which stay in the L1 cache, serve one after the other. */
static void place_group(const c2_px_work *w, int64_t begin, int64_t end, const lane_tile *lane)
{
    const c2_state *s = w->s;
    const int64_t nr = s->kernel->nr, first = c2_split_begin(&s->plan.pack.tiles, begin);
    _Alignas(64) float sums[C2_PX_SUMS];
    c2_tap taps[C2_TAP_CHUNK];
    c2_gemm_px_args a = {.taps = taps, .n = lane->n, .part_pitch = s->plan.part_pitch};
    const int64_t icg = s->plan.words.tap, k_all = (int64_t)s->n_taps * icg;
    for (int64_t k = 0, length; k < k_all; k += length) {
        length = c2_pack_chunk(&s->plan.pack, k, k_all);
        /* Whole taps, or a part of the channels of one. */
        a.n_taps = (size_t)c2_max(1, length / icg);
        a.klen = (size_t)length / a.n_taps;
        for (int64_t i = 0; i < (int64_t)a.n_taps; i++)
            taps[i] = (c2_tap){lane->pixels + (s->tap_offset[k / icg + i] +
                                               k % icg * lane->pitch) * s->element,
                               lane->pitch};
        for (int64_t tile = begin; tile < end; tile++) {
            a.weight = w->weights + c2_pack_at(&s->plan.pack, tile, k, length) * s->plan.tile_parts;
            a.acc = sums + (c2_split_begin(&s->plan.pack.tiles, tile) - first) * nr;
            a.m = c2_px_tile_rows(w, tile);
            if (s->plan.far)
                c2_px_fetch_next(&s->plan, lane->i, lane->tiles, &a);
            s->fn(&a);
        }
        a.accumulate = true;
    }
    c2_px_store_tiles(w, begin, end, sums, &lane->lanes);
}

/* Direct and window: all tiles of the block. Tile registers, whose weights fill L2 sooner, take
 * all lanes by one tile of output channels after the other; vectors, all output channels. */
static void place_block(const c2_px_work *w, const char *base, ptrdiff_t pitch, bool whole_vectors)
{
    const c2_state *s = w->s;
    const int64_t row = s->plan.window.pitch, all = w->tile_end - w->tile_begin;
    const c2_px_lane_tiles cut = c2_px_cut_lanes(s, (w->block.rows - 1) * row + w->block.cols);
    const bool registers = s->plan.words.unit > 1;
    const int64_t outer = registers ? 1 : all, group = registers ? 1 : s->plan.group_tiles;
    for (int64_t o = w->tile_begin; o < w->tile_end; o += outer) {
        for (int64_t i = 0; i < cut.vectors.n; i++) {
            const int64_t first = c2_split_begin(&cut.vectors, i) * cut.vector;
            const int64_t end = c2_split_begin(&cut.vectors, i + 1) * cut.vector;
            const int64_t real = c2_min(end, cut.lanes) - first;
            const lane_tile lane = {
                base + first * s->element, pitch, (int)(whole_vectors ? end - first : real), i,
                cut.vectors.n, {first, real, row, w->block.cols, w->block.y, w->block.x}};
            for (int64_t t = o; t < o + outer; t += group)
                place_group(w, t, c2_min(o + outer, t + group), &lane);
        }
    }
}

static void run_direct(const c2_px_work *w)
{
    const c2_problem *p = w->args->problem;
    place_block(w, w->image + (w->block.y * p->input_stride[2] + w->block.x) * w->s->element,
                p->input_stride[1], false);
}

static void run_window(const c2_px_work *w)
{
    const c2_problem *p = w->args->problem;
    const c2_window *win = &w->s->plan.window;
    char *pixels = w->scratch + w->s->plan.stage_bytes;
    if (w->s->pair)
        c2_pairs_fill(p, &w->s->plan.words, win, &w->block, w->s->pair, w->image, w->scratch,
                      (uint32_t *)(void *)pixels);
    else
        c2_window_fill(win, &w->block, w->image, p->input_stride + 1, p->icg, pixels);
    place_block(w, pixels, win->channel_pitch, true);
}

static c2_block block_of(const c2_state *s, const c2_problem *p, const c2_share_task *t)
{
    const c2_split *y = &s->plan.blocks_y, *x = &s->plan.blocks_x;
    if (c2_px_is_flat(&s->plan)) {
        const int64_t nr = s->kernel->nr, first = t->begin * nr;
        return (c2_block){0, first, 1, c2_min(t->end * nr, p->oh * p->ow) - first};
    }
    c2_block b = {c2_split_begin(y, t->begin / x->n), c2_split_begin(x, t->begin % x->n), 0, 0};
    b.rows = c2_split_begin(y, t->begin / x->n + 1) - b.y;
    b.cols = c2_split_begin(x, t->begin % x->n + 1) - b.x;
    return b;
}

void c2_px_work_begin(const c2_state *s, const c2_run_args *args, size_t task, char *scratch,
                      c2_px_work *w)
{
    const c2_problem *p = args->problem;
    const c2_px_plan *plan = &s->plan;
    const c2_share_task t = c2_share_task_of(&s->share, task);
    *w = (c2_px_work){.s = s,
                      .args = args,
                      .scratch = scratch,
                      .n = t.image / p->groups,
                      .g = t.image % p->groups,
                      .tile_begin = t.tile_begin,
                      .tile_end = t.tile_end,
                      .block = block_of(s, p, &t)};
    w->image = (const char *)args->input.data +
               (w->n * p->input_stride[0] + w->g * p->icg * p->input_stride[1]) *
                   (int64_t)c2_dtype_bytes(p->input_dtype);
    w->weights = (const float *)args->packed->host +
                 w->g * plan->pack.tiles.n * (int64_t)s->n_taps * plan->words.tap *
                     plan->pack.width * plan->tile_parts;
}

static void run_task(const c2_state *s, const c2_run_args *args, size_t task, int worker)
{
    _Alignas(64) char stack[C2_STACK_BYTES];
    c2_px_work w;
    c2_px_work_begin(s, args, task, c2_scratch_of(args, worker, s->plan.scratch_bytes, stack), &w);
    if (s->tiles)
        s->tiles(true);
    if (s->plan.mode == C2_PX_DIRECT)
        run_direct(&w);
    else
        run_window(&w);
    if (s->tiles)
        s->tiles(false);
}

conv2d_status c2_px_run(const c2_state *s, const c2_run_args *args)
{
    if (s->plan.mode == C2_PX_DIRECT || s->plan.mode == C2_PX_WINDOW)
        return c2_share_run(&s->share, s, args, run_task);
    const c2_cpu_phase phase = {.n = (size_t)s->share.tasks,
                                .turn = c2_px_run_panel,
                                .runs = true,
                                .ahead = s->plan.ahead};
    return c2_cpu_parallel_phases(s, args, &phase, 1);
}

void c2_px_packing(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                   c2_text *out)
{
    const c2_px_plan plan = c2_px_plan_make(device, kernel, p);
    c2_pack_words_name(p, &plan.words, &plan.pack, out);
}

void c2_px_pack(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                const c2_weight_view *view, void *packed)
{
    const c2_px_plan plan = c2_px_plan_make(device, kernel, p);
    c2_pack_words(device, kernel, p, &plan.words, &plan.pack, view, packed);
}

/* Of panels made of the image, in whose scratch there is room for it. Tiles one of whose chunks is
 * padding alone are not multiplied by it. */
static bool stores_late(c2_state *s, const c2_problem *p)
{
    const c2_px_plan *plan = &s->plan;
    const bool whole = plan->pack.chunk >= (int64_t)s->n_taps * plan->words.tap;
    return plan->words.parts && plan->mode == C2_PX_IMAGE_PANEL &&
           (whole || !c2_problem_is_padded(p)) &&
           p->output_stride[2] == p->ow && c2_panel_stores_late(p, 3, &s->low, &s->high);
}

conv2d_status c2_px_plan_create(conv2d_device *device, const c2_kernel *kernel,
                                const c2_problem *p, c2_state **state_out)
{
    const size_t n_taps = (size_t)(p->kh * p->kw);
    c2_state *s = c2_alloc_zero(&device->allocator, sizeof *s);
    if (!s)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    s->plan = c2_px_plan_make(device, kernel, p);
    s->share = c2_px_share_of(&s->plan, p, device->pool.n_threads);
    c2_window_use(&s->plan.window, kernel);
    s->kernel = kernel;
    s->fn = (c2_gemm_px_fn)c2_cpu_kernel_of(s->kernel, p->input_dtype)->fn;
    s->epilogue = c2_cpu_epilogue(s->kernel, p->output_dtype);
    s->element = s->plan.words.parts ? 4 : (int64_t)c2_dtype_bytes(p->input_dtype);
    if (s->plan.words.parts) {
        s->pair = c2_pair_of(kernel, s->plan.words.parts, p->input_dtype);
        s->tiles = c2_tiles_of(kernel);
    }
    s->n_taps = n_taps;
    s->late = stores_late(s, p);
    if (s->plan.mode != C2_PX_PANEL) {
        s->tap_offset = c2_alloc(&device->allocator, n_taps * sizeof *s->tap_offset);
        if (!s->tap_offset) {
            c2_px_plan_destroy(device, s);
            return c2_fail(CONV2D_E_NOMEM, "no memory for the offsets of %zu taps", n_taps);
        }
        for (size_t t = 0; t < n_taps; t++) {
            const int64_t ky = (int64_t)t / p->kw, kx = (int64_t)t % p->kw;
            s->tap_offset[t] = s->plan.mode == C2_PX_WINDOW || s->plan.mode == C2_PX_WINDOW_PANEL
                                   ? c2_window_tap(&s->plan.window, ky, kx)
                                   : ky * p->dilation[0] * p->input_stride[2] + kx * p->dilation[1];
        }
    }
    *state_out = s;
    return CONV2D_OK;
}

void c2_px_plan_destroy(conv2d_device *device, c2_state *s)
{
    if (!s)
        return;
    c2_free(&device->allocator, s->tap_offset, s->n_taps * sizeof *s->tap_offset);
    c2_free(&device->allocator, s, sizeof *s);
}
