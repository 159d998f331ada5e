/* SPDX-License-Identifier: BSD-2-Clause
 * Driver of the gemm_ch kernels (rows = pixels, lanes = output channels): implicit GEMM for any
 * strides of input and output. Each tap of each pixel of a tile is a pointer to its channels; a
 * padded zero points at zeros. Pixels are read in one of two ways, chosen by gemm_ch_plan.c:
 *   direct   in place, where channels are neighbours in memory; needs no workspace
 *   window   from a copy of a block's input (gemm_ch_window.c), which serves all output channels
 * Where the taps of a kernel row follow each other in memory, they are one run of kw * icg floats.
 * Bound: g(K+2) * s + (K+2) * 2^-149 (docs/numerics.md). */
#include "cpu/gemm_ch.h"

#include <string.h>

#include "core/dtype.h"
#include "cpu/rows.h"

enum { GROUP_PIXELS = 64 }; /* of a window: their sums wait to be stored in long runs */

struct c2_state {
    const c2_kernel *kernel;
    c2_gemm_ch_fn fn;
    c2_widen_fn widen;
    c2_epilogue_fn epilogue;
    c2_ch_plan plan;
    float *zeros; /* icg of them; the bits are 0 in every type */
    size_t zeros_bytes;
};

static int64_t oc_tile_end(const c2_problem *p, const c2_pack_shape *pack, int64_t tile)
{
    return c2_min(p->ocg, (tile + 1) * pack->width);
}

typedef struct work {
    const c2_state *s;
    const c2_run_args *args;
    c2_rows rows;
    const float *weights; /* packed, of the group */
    int64_t n, g;
} work;

/* Pointers of one tile of pixels, kept for the next call if they are all in one chunk. */
typedef struct pixel_table {
    const void *rows[C2_TAP_CHUNK * C2_MAX_MR];
    bool filled;
} pixel_table;

/* The sums of an output channel tile for the pixels that w->rows stands at. */
static void tile_sums(const work *w, pixel_table *table, int64_t tile, float *acc)
{
    const c2_problem *p = w->args->problem;
    const c2_rows *rows = &w->rows;
    const int64_t nr = w->s->kernel->nr;
    const int64_t channels = oc_tile_end(p, &w->s->plan.pack, tile) - tile * nr;
    c2_gemm_ch_args a = {table->rows,
                         0,
                         (size_t)rows->run,
                         w->weights + tile * nr * c2_problem_k(p),
                         acc,
                         rows->m,
                         (int)channels,
                         false};
    for (int64_t t = 0; t < rows->n_taps; t += C2_TAP_CHUNK) {
        a.n_taps = (size_t)c2_min(C2_TAP_CHUNK, rows->n_taps - t);
        if (!table->filled)
            c2_rows_table(rows, t, a.n_taps, w->s->kernel->mr, table->rows);
        w->s->fn(&a);
        a.weight += a.n_taps * a.klen * (size_t)nr;
        a.accumulate = true;
    }
    table->filled = rows->n_taps <= C2_TAP_CHUNK;
}

static void store(const work *w, int64_t tile, const float *acc, const c2_lanes *lanes)
{
    const c2_problem *p = w->args->problem;
    const int64_t nr = w->s->kernel->nr, oc = tile * nr;
    const c2_target target = c2_target_of(w->args, w->s->epilogue, w->n, w->g * p->ocg + oc);
    c2_store_pixel_rows(&target, acc, nr, (int)(oc_tile_end(p, &w->s->plan.pack, tile) - oc), 1,
                        lanes);
}

/* Direct: output channel tiles [begin, end) for one tile of pixels. */
static void pixel_tile(work *w, int64_t pixel_tile, int64_t begin, int64_t end)
{
    const c2_split *tiles = &w->s->plan.pixel_tiles;
    const int64_t first = c2_split_begin(tiles, pixel_tile), ow = w->args->problem->ow;
    const int m = (int)(c2_split_begin(tiles, pixel_tile + 1) - first);
    pixel_table table;
    table.filled = false;
    _Alignas(64) float acc[C2_MAX_TILE];
    const c2_lanes lanes = {first, m, ow, ow, 0, 0};
    c2_rows_pixels(&w->rows, first, m);
    for (int64_t tile = begin; tile < end; tile++) {
        tile_sums(w, &table, tile, acc);
        store(w, tile, acc, &lanes);
    }
}

static work work_of(const c2_state *s, const c2_run_args *args, int64_t image)
{
    const c2_problem *p = args->problem;
    work w = {.s = s, .args = args, .n = image / p->groups, .g = image % p->groups};
    w.weights = (const float *)args->packed->host +
                w.g * s->plan.pack.tiles.n * s->plan.pack.width * c2_problem_k(p);
    return w;
}

static const char *input_of(const work *w)
{
    const c2_problem *p = w->args->problem;
    return (const char *)w->args->input.data +
           (w->n * p->input_stride[0] + w->g * p->icg * p->input_stride[1]) *
               (int64_t)c2_dtype_bytes(p->input_dtype);
}

static void run_direct(const c2_state *s, const c2_run_args *args, size_t task, int worker)
{
    (void)worker;
    const c2_ch_plan *plan = &s->plan;
    const int64_t i = (int64_t)task, block = i % plan->pixel_blocks.n;
    const int64_t tiles = i / plan->pixel_blocks.n % plan->tile_blocks.n;
    work w = work_of(s, args, i / plan->pixel_blocks.n / plan->tile_blocks.n);
    c2_rows_init(&w.rows, args->problem, input_of(&w), s->zeros);
    c2_rows_merge(&w.rows, plan->merged);
    const int64_t tile_begin = c2_split_begin(&plan->tile_blocks, tiles);
    const int64_t tile_end = c2_split_begin(&plan->tile_blocks, tiles + 1);
    const int64_t begin = c2_split_begin(&plan->pixel_blocks, block);
    const int64_t end = c2_split_begin(&plan->pixel_blocks, block + 1);
    if (plan->weights_outside) {
        for (int64_t tile = tile_begin; tile < tile_end; tile++)
            for (int64_t pixels = begin; pixels < end; pixels++)
                pixel_tile(&w, pixels, tile, tile + 1);
    } else {
        for (int64_t pixels = begin; pixels < end; pixels++)
            pixel_tile(&w, pixels, tile_begin, tile_end);
    }
}

/* Output channel tiles [begin, end) for a block whose input is in the window. */
static void window_block(work *w, const c2_problem *view, int64_t y, int64_t x, int64_t begin,
                         int64_t end)
{
    const int64_t mr = w->s->kernel->mr, nr = w->s->kernel->nr, pixels = view->oh * view->ow;
    const c2_split tiles = c2_split_even(pixels, c2_div_up(pixels, mr));
    const int64_t group = c2_max(1, GROUP_PIXELS / mr);
    _Alignas(64) float sums[GROUP_PIXELS * C2_MAX_NR];
    pixel_table table;
    for (int64_t tile = begin; tile < end; tile++) {
        for (int64_t t = 0; t < tiles.n; t += group) {
            const int64_t t_end = c2_min(tiles.n, t + group), first = c2_split_begin(&tiles, t);
            for (int64_t i = t; i < t_end; i++) {
                const int64_t at = c2_split_begin(&tiles, i);
                c2_rows_pixels(&w->rows, at, (int)(c2_split_begin(&tiles, i + 1) - at));
                table.filled = false;
                tile_sums(w, &table, tile, sums + (at - first) * nr);
            }
            const c2_lanes lanes = {
                first, c2_split_begin(&tiles, t_end) - first, view->ow, view->ow, y, x};
            store(w, tile, sums, &lanes);
        }
    }
}

/* Parts of the output channel tiles: a block's window is copied once for each, so there are more
 * than one only where workers would otherwise wait for each other. */
static c2_split window_parts(const c2_state *s, const c2_run_args *args)
{
    const c2_problem *p = args->problem;
    const int64_t tiles = s->plan.pack.tiles.n, workers = args->n_workers;
    const int64_t blocks = p->n * p->groups * s->plan.blocks_y.n * s->plan.blocks_x.n;
    int64_t parts = 1;
    while (parts < tiles && blocks * parts < 4 * workers && blocks * parts % workers)
        parts++;
    return c2_split_even(tiles, parts);
}

static void run_window(const c2_state *s, const c2_run_args *args, size_t task, int worker)
{
    const c2_ch_plan *plan = &s->plan;
    const c2_split parts = window_parts(s, args);
    const int64_t i = (int64_t)task, part = i % parts.n, bx = i / parts.n % plan->blocks_x.n;
    const int64_t by = i / parts.n / plan->blocks_x.n % plan->blocks_y.n;
    work w = work_of(s, args, i / parts.n / plan->blocks_x.n / plan->blocks_y.n);
    _Alignas(64) float stack[C2_STACK_BYTES / sizeof(float)];
    float *window = stack;
    if (plan->scratch_bytes > C2_STACK_BYTES)
        window = (float *)(void *)((char *)args->workspace + (size_t)worker * plan->scratch_bytes);
    const int64_t y = c2_split_begin(&plan->blocks_y, by), x = c2_split_begin(&plan->blocks_x, bx);
    c2_problem view = c2_ch_window_view(args->problem, plan);
    view.oh = c2_split_begin(&plan->blocks_y, by + 1) - y;
    view.ow = c2_split_begin(&plan->blocks_x, bx + 1) - x;
    c2_ch_window_fill(args->problem, plan, s->widen, input_of(&w), y, x, window);
    c2_rows_init(&w.rows, &view, (const char *)window, s->zeros);
    c2_rows_merge(&w.rows, plan->merged);
    window_block(&w, &view, y, x, c2_split_begin(&parts, part), c2_split_begin(&parts, part + 1));
}

conv2d_status c2_gemm_ch_run(const c2_state *s, const c2_run_args *args)
{
    const c2_problem *p = args->problem;
    const c2_ch_plan *plan = &s->plan;
    if (plan->mode == C2_CH_DIRECT)
        return c2_cpu_parallel(
            s, args, (size_t)(p->n * p->groups * plan->tile_blocks.n * plan->pixel_blocks.n),
            run_direct);
    const int64_t blocks = p->n * p->groups * plan->blocks_y.n * plan->blocks_x.n;
    return c2_cpu_parallel(s, args, (size_t)(blocks * window_parts(s, args).n), run_window);
}

void c2_gemm_ch_packing(const conv2d_device *device, const c2_problem *p, int variant, c2_text *out)
{
    const c2_pack_shape pack =
        c2_ch_pack_shape(c2_cpu_kernel(device, C2_FAMILY_GEMM_CH, variant), p);
    c2_pack_name(p, &pack, out);
}

conv2d_status c2_gemm_ch_pack(conv2d_device *device, const c2_problem *p, int variant,
                              const c2_weight_view *view, conv2d_buffer *packed)
{
    const c2_pack_shape pack =
        c2_ch_pack_shape(c2_cpu_kernel(device, C2_FAMILY_GEMM_CH, variant), p);
    c2_pack_weights(p, &pack, view, packed->host);
    return CONV2D_OK;
}

conv2d_status c2_gemm_ch_plan_create(conv2d_device *device, const c2_problem *p, int variant,
                                     c2_state **state_out)
{
    c2_state *s = c2_alloc_zero(&device->allocator, sizeof *s);
    if (!s)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    s->plan = c2_ch_plan_make(device, p, variant);
    s->kernel = c2_cpu_kernel(device, C2_FAMILY_GEMM_CH, variant);
    const int32_t dtype = s->plan.mode == C2_CH_WINDOW ? CONV2D_FLOAT32 : p->input_dtype;
    s->fn = (c2_gemm_ch_fn)c2_cpu_kernel_of(s->kernel, dtype)->fn;
    s->widen = (c2_widen_fn)c2_cpu_helper(s->kernel, C2_FAMILY_WIDEN, p->input_dtype);
    s->epilogue = c2_cpu_epilogue(s->kernel, p->output_dtype);
    s->zeros_bytes = (size_t)p->icg * sizeof(float);
    s->zeros = c2_alloc_zero(&device->allocator, s->zeros_bytes);
    if (!s->zeros) {
        const size_t bytes = s->zeros_bytes;
        c2_gemm_ch_plan_destroy(device, s);
        return c2_fail(CONV2D_E_NOMEM, "no memory for %zu bytes of zeros", bytes);
    }
    *state_out = s;
    return CONV2D_OK;
}

void c2_gemm_ch_plan_destroy(conv2d_device *device, c2_state *s)
{
    if (!s)
        return;
    c2_free(&device->allocator, s->zeros, s->zeros_bytes);
    c2_free(&device->allocator, s, sizeof *s);
}
