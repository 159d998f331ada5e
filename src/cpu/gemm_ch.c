/* SPDX-License-Identifier: BSD-2-Clause
 * Driver of the gemm_ch kernels (rows = pixels, lanes = output channels): implicit GEMM for any
 * strides of input and output; and of dot_ch, for neighbouring channels. Each tap of each pixel of
 * a tile is a pointer to its channels; a padded zero points at zeros. Pixels are read in one of
 * three ways, chosen by gemm_ch_plan.c:
 *   direct   in place, where channels are neighbours in memory; needs no workspace; where that is
 *            faster in regions of the output that have no padding (gemm_ch_region.c)
 *   turned   from a copy of the whole input whose channels are neighbours, made before
 *   window   from a copy of a block's input (gemm_ch_window.c), which serves all output channels
 * Where the taps of a kernel row follow each other in memory, they are one run of kw * icg floats.
 * Bound: g(K+2) * s + (K+2) * 2^-149, of dot_ch algo_dot.c's (docs/numerics.md). */
#include "cpu/gemm_ch.h"

#include <string.h>

#include "core/dtype.h"
#include "cpu/cost.h"
#include "cpu/rows.h"

/* Pixels whose sums wait to be stored together, and tiles of them. */
enum { GROUP_PIXELS = 96, GROUP_TILES = 8 };
/* Weights of an output channel tile up to which they stay in most L2 caches. */
enum { L2_BYTES = 1 << 20 };

struct c2_state {
    const c2_kernel *kernel;
    c2_gemm_ch_fn fn;
    c2_widen_fn widen;
    c2_epilogue_fn epilogue;
    c2_tiles_fn tiles; /* state that tasks set, or NULL */
    int64_t group;   /* pixel tiles whose output channel tiles come one after the other */
    bool finishes;   /* the kernel stores results; otherwise sums wait for the epilogue */
    float low, high; /* of the activation, if it does */
    bool far;        /* pixels of a 1x1 kernel come from memory */
    c2_ch_plan plan;
    c2_problem view; /* turned: with the copy as input */
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
    c2_rows rows;         /* of the view that tiles are cut from: a region, or a window */
    int64_t tap_y, tap_x; /* of the kernel, where the view's first tap is */
    int64_t taps;         /* room of a tile's table */
    const float *weights; /* packed, of the group; or words, which are as large */
    int64_t n, g;
    bool streams;
} work;

/* Pointers of one tile of pixels. They stay as they are while output channel tiles change, if all
 * taps are in one chunk. */
typedef struct pixel_table {
    const void **rows;   /* of a chunk of taps */
    void **out;          /* channel 0 of the group, if the kernel finishes */
    int64_t n_taps, run; /* as c2_rows has them, and */
    bool merged;
    int64_t first; /* pixel of the lanes */
    int m;
} pixel_table;

/* Output pixels from `first` of the lanes on. */
static void point_at_output(const work *w, const c2_lanes *lanes, int64_t first, int m, void **out)
{
    const c2_problem *p = w->args->problem;
    const int64_t element = (int64_t)c2_dtype_bytes(p->output_dtype);
    const ptrdiff_t step = p->output_stride[3] * element;
    char *image = (char *)w->args->output.data +
                  (w->n * p->output_stride[0] + w->g * p->ocg * p->output_stride[1]) * element;
    int64_t y = first / lanes->cols, x = first % lanes->cols;
    for (int i = 0, end; i < m; i = end, y++, x = 0) { /* a row at a time */
        char *to = image + (lanes->y + y) * p->output_stride[2] * element + (lanes->x + x) * step;
        end = (int)c2_min(m, i + lanes->cols - x);
        for (int j = i; j < end; j++, to += step)
            out[j] = to;
    }
}

/* Turn to a tile of pixels; fill its table if one chunk has all taps. */
static void prepare(work *w, const c2_lanes *lanes, pixel_table *table)
{
    c2_rows_pixels(&w->rows, table->first, table->m);
    table->n_taps = c2_rows_taps(&w->rows);
    table->run = c2_rows_run(&w->rows);
    table->merged = w->rows.merged;
    if (w->s->finishes)
        point_at_output(w, lanes, table->first, table->m, table->out);
    if (table->n_taps > 0 && table->n_taps <= C2_TAP_CHUNK)
        c2_rows_table(&w->rows, 0, (size_t)table->n_taps, w->s->kernel->mr, table->rows);
}

/* How many tables from the first on one kernel call can take. */
static int alike(const pixel_table *tables, int64_t n)
{
    int i = 1;
    while (i < n && tables[0].n_taps <= C2_TAP_CHUNK && tables[i].m == tables[0].m &&
           tables[i].merged == tables[0].merged)
        i++;
    return i;
}

/* Kernel calls for taps [tap, tap + n) of the view, whose rows the tables have: one, or one for
 * each kernel row where weights of taps that the view lacks lie between, and for as many taps as
 * have weights that stay in the L2 cache from tile to tile. */
static void call_taps(const work *w, const pixel_table *table, int64_t tap, int64_t n,
                      const float *weights, void *const *out, c2_gemm_ch_args *a)
{
    const c2_problem *p = w->args->problem;
    const int64_t mr = w->s->kernel->mr, nr = w->s->kernel->nr;
    const int64_t kw = w->rows.problem->kw, in_a_row = table->merged ? 1 : kw;
    const int64_t tap_bytes = table->run * nr * (int64_t)sizeof(float);
    const int64_t most = a->n_tiles == 1 || n * tap_bytes <= L2_BYTES
                             ? n
                             : c2_max(1, L2_BYTES / 2 / tap_bytes);
    int64_t done = 0;
    do {
        const int64_t ky = (tap + done) / c2_max(in_a_row, 1);
        const int64_t kx = tap + done - ky * in_a_row;
        const int64_t row = kw == p->kw ? n - done : c2_min(n - done, in_a_row - kx);
        const int64_t count = c2_min(row, most);
        const int64_t first = (w->tap_y + ky) * p->kw + w->tap_x + kx;
        a->rows = table->rows + done * mr;
        a->n_taps = (size_t)count;
        a->weight = weights + first * w->s->plan.words.tap * nr;
        done += count;
        a->out = done < n ? NULL : out;
        w->s->fn(a);
        a->accumulate = true;
    } while (done < n);
}

/* Outputs of an output channel tile for n tiles of pixels that are alike: results if bias is there
 * (nr floats), sums in acc otherwise. */
static void tiles_of(work *w, pixel_table *table, int n, int64_t tile, const float *bias,
                     float *acc)
{
    const c2_problem *p = w->args->problem;
    const int64_t nr = w->s->kernel->nr, mr = w->s->kernel->mr;
    const float *weights = w->weights + tile * nr * c2_ch_k(p, &w->s->plan.words);
    c2_gemm_ch_args a = {.n_tiles = n,
                         .tile_rows = (size_t)(w->taps * mr),
                         .klen = (size_t)table->run,
                         .acc = acc,
                         .m = table->m,
                         .n = (int)(oc_tile_end(p, &w->s->plan.pack, tile) - tile * nr),
                         .at = tile * nr,
                         .bias = bias,
                         .low = w->s->low,
                         .high = w->s->high,
                         .far = w->s->far,
                         .streams = w->streams};
    void *const *out = bias ? table->out : NULL;
    if (table->n_taps <= C2_TAP_CHUNK) {
        call_taps(w, table, 0, table->n_taps, weights, out, &a);
        return;
    }
    c2_rows_pixels(&w->rows, table->first, table->m);
    for (int64_t tap = 0; tap < table->n_taps; tap += C2_TAP_CHUNK) {
        const int64_t count = c2_min(C2_TAP_CHUNK, table->n_taps - tap);
        c2_rows_table(&w->rows, tap, (size_t)count, (int)mr, table->rows);
        call_taps(w, table, tap, count, weights, tap + count < table->n_taps ? NULL : out, &a);
    }
}

/* Pixel tiles [begin, end) of `tiles`, which are the view's, for output channel tiles [oc_begin,
 * oc_end), a few tiles at a time whose sums are stored together. lanes: where pixel 0 lies. */
static void pixel_tiles(work *w, const c2_split *tiles, int64_t begin, int64_t end,
                        int64_t oc_begin, int64_t oc_end, c2_lanes lanes)
{
    const c2_problem *p = w->args->problem;
    const int64_t nr = w->s->kernel->nr;
    const int64_t mr = w->s->kernel->mr, group = w->s->group;
    const bool finishes = w->s->finishes;
    _Alignas(64) float sums[GROUP_PIXELS * C2_MAX_NR];
    float room[C2_MAX_NR];
    const void *rows[GROUP_TILES * C2_TAP_CHUNK * C2_MAX_MR];
    void *out[GROUP_TILES * C2_MAX_MR];
    pixel_table tables[GROUP_TILES];
    const float *none = p->has_bias ? NULL : c2_bias_of(w->args, 0, 0, nr, room);
    w->taps = c2_min(p->kh * p->kw, C2_TAP_CHUNK);
    for (int64_t i = 0; i < group; i++) {
        tables[i].rows = rows + i * w->taps * mr;
        tables[i].out = out + i * mr;
    }
    for (int64_t t = begin; t < end; t += group) {
        const int64_t n = c2_min(end - t, group);
        lanes.first = c2_split_begin(tiles, t);
        lanes.count = c2_split_begin(tiles, t + n) - lanes.first;
        for (int64_t i = 0; i < n; i++) {
            tables[i].first = c2_split_begin(tiles, t + i);
            tables[i].m = (int)(c2_split_begin(tiles, t + i + 1) - tables[i].first);
            prepare(w, &lanes, &tables[i]);
        }
        for (int64_t tile = oc_begin; tile < oc_end; tile++) {
            const int64_t oc = tile * nr, channels = oc_tile_end(p, &w->s->plan.pack, tile) - oc;
            const float *bias = none;
            if (!none)
                bias = c2_bias_of(w->args, w->g * p->ocg + oc, channels, nr, room);
            for (int64_t i = 0, count; i < n; i += count) {
                count = alike(&tables[i], n - i);
                tiles_of(w, &tables[i], (int)count, tile, finishes ? bias : NULL,
                         sums + (tables[i].first - lanes.first) * nr);
            }
            if (finishes)
                continue;
            const c2_target target =
                c2_target_of(w->args, w->s->epilogue, w->n, w->g * p->ocg + oc);
            c2_store_pixel_rows(&target, sums, nr, (int)channels, 1, &lanes);
        }
    }
}

static work work_of(const c2_state *s, const c2_run_args *args, int64_t image)
{
    const c2_problem *p = args->problem;
    work w = {.s = s, .args = args, .n = image / p->groups, .g = image % p->groups};
    w.streams = s->finishes && c2_may_stream(args, s->kernel);
    w.weights = (const float *)args->packed->host +
                w.g * s->plan.pack.tiles.n * s->plan.pack.width * c2_ch_k(p, &s->plan.words);
    return w;
}

static const char *input_of(const work *w)
{
    const c2_problem *p = w->args->problem;
    return (const char *)w->args->input.data +
           (w->n * p->input_stride[0] + w->g * p->icg * p->input_stride[1]) *
               (int64_t)c2_dtype_bytes(p->input_dtype);
}

/* Blocks of channels and of pixels that a task turns. */
enum { TURN_CHANNELS = 64, TURN_PIXELS = 256 };

typedef struct turn {
    int64_t channels, rows, row; /* rows of `row` pixels, one if they follow each other */
    int64_t channel_blocks, pixel_blocks;
} turn;

static turn turn_of(const c2_problem *p)
{
    const bool follow = p->input_stride[2] == p->w * p->input_stride[3];
    turn t = {.channels = p->groups * p->icg, .rows = follow ? 1 : p->h};
    t.row = follow ? p->h * p->w : p->w;
    t.channel_blocks = c2_div_up(t.channels, TURN_CHANNELS);
    t.pixel_blocks = c2_div_up(t.row, TURN_PIXELS);
    return t;
}

static void run_turn(const c2_state *s, const c2_run_args *args, size_t task, int worker)
{
    (void)worker;
    const c2_problem *p = args->problem, *view = &s->view;
    const turn t = turn_of(p);
    const int64_t i = (int64_t)task, c = i % t.channel_blocks * TURN_CHANNELS;
    const int64_t x = i / t.channel_blocks % t.pixel_blocks * TURN_PIXELS;
    const int64_t y = i / t.channel_blocks / t.pixel_blocks % t.rows;
    const int64_t n = i / t.channel_blocks / t.pixel_blocks / t.rows;
    const int64_t from = n * p->input_stride[0] + c * p->input_stride[1] +
                         y * p->input_stride[2] + x * p->input_stride[3];
    float *copy = args->workspace;
    const c2_widen_args a = {
        .from = (const char *)args->input.data + from * (int64_t)c2_dtype_bytes(p->input_dtype),
        .pixel_stride = p->input_stride[3],
        .channel_stride = p->input_stride[1],
        .to = copy + n * view->input_stride[0] + y * view->input_stride[2] +
              x * view->input_stride[3] + c,
        .to_stride = view->input_stride[3],
        .n_pixels = (int)c2_min(TURN_PIXELS, t.row - x),
        .n_channels = (int)c2_min(TURN_CHANNELS, t.channels - c)};
    s->widen(&a);
}

/* Pixel tiles [begin, end) of the image for output channel tiles [oc_begin, oc_end). seen: the
 * problem that the kernel sees, with its input. */
static void region_tiles(work *w, const c2_problem *seen, const char *input, int64_t begin,
                         int64_t end, int64_t oc_begin, int64_t oc_end)
{
    const c2_ch_plan *plan = &w->s->plan;
    const int64_t element = (int64_t)c2_dtype_bytes(seen->input_dtype);
    for (int64_t i = 0, first = 0; i < c2_ch_n_regions(plan) && first < end; i++) {
        const c2_split tiles = c2_ch_region_tiles(plan, i, w->s->kernel->mr);
        const int64_t from = c2_max(begin - first, 0), to = c2_min(end - first, tiles.n);
        first += tiles.n;
        if (from >= to)
            continue;
        const c2_ch_region r = c2_ch_region_make(seen, plan, i);
        w->tap_y = r.y->tap;
        w->tap_x = r.x->tap;
        c2_rows_init(&w->rows, &r.view, input + r.offset * element, w->s->zeros);
        c2_rows_merge(&w->rows, plan->merged);
        const c2_lanes lanes = {
            .pitch = r.view.ow, .cols = r.view.ow, .y = r.y->begin, .x = r.x->begin};
        pixel_tiles(w, &tiles, from, to, oc_begin, oc_end, lanes);
    }
}

static void run_direct(const c2_state *s, const c2_run_args *args, size_t task, int worker)
{
    (void)worker;
    const c2_ch_plan *plan = &s->plan;
    const int64_t i = (int64_t)task, block = i % plan->pixel_blocks.n;
    const int64_t tiles = i / plan->pixel_blocks.n % plan->tile_blocks.n;
    work w = work_of(s, args, i / plan->pixel_blocks.n / plan->tile_blocks.n);
    const c2_problem *seen = args->problem;
    const char *input = input_of(&w);
    if (plan->mode == C2_CH_TURNED) {
        const int64_t first = w.n * s->view.input_stride[0] + w.g * args->problem->icg;
        seen = &s->view;
        input = (const char *)args->workspace + first * (int64_t)sizeof(float);
    }
    const int64_t tile_begin = c2_split_begin(&plan->tile_blocks, tiles);
    const int64_t tile_end = c2_split_begin(&plan->tile_blocks, tiles + 1);
    const int64_t begin = c2_split_begin(&plan->pixel_blocks, block);
    const int64_t end = c2_split_begin(&plan->pixel_blocks, block + 1);
    const int64_t each = plan->weights_outside ? 1 : tile_end - tile_begin;
    if (s->tiles)
        s->tiles(true);
    for (int64_t tile = tile_begin; tile < tile_end; tile += each)
        region_tiles(&w, seen, input, begin, end, tile, tile + each);
    if (s->tiles)
        s->tiles(false);
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
    float *window = (float *)(void *)c2_scratch_of(args, worker, plan->scratch_bytes, stack);
    const int64_t y = c2_split_begin(&plan->blocks_y, by), x = c2_split_begin(&plan->blocks_x, bx);
    c2_problem view = c2_ch_window_view(args->problem, plan);
    view.oh = c2_split_begin(&plan->blocks_y, by + 1) - y;
    view.ow = c2_split_begin(&plan->blocks_x, bx + 1) - x;
    c2_ch_window_fill(args->problem, plan, s->widen, input_of(&w), y, x, window);
    c2_rows_init(&w.rows, &view, (const char *)window, s->zeros);
    c2_rows_merge(&w.rows, plan->merged);
    const int64_t pixels = view.oh * view.ow;
    const c2_split tiles = c2_split_even(pixels, c2_div_up(pixels, s->kernel->mr));
    const c2_lanes lanes = {.pitch = view.ow, .cols = view.ow, .y = y, .x = x};
    for (int64_t tile = c2_split_begin(&parts, part); tile < c2_split_begin(&parts, part + 1);
         tile++)
        pixel_tiles(&w, &tiles, 0, tiles.n, tile, tile + 1, lanes);
}

conv2d_status c2_ch_run(const c2_state *s, const c2_run_args *args)
{
    const c2_problem *p = args->problem;
    const c2_ch_plan *plan = &s->plan;
    const int64_t images = p->n * p->groups;
    if (plan->mode == C2_CH_DIRECT)
        return c2_cpu_parallel(
            s, args, (size_t)(images * plan->tile_blocks.n * plan->pixel_blocks.n), run_direct);
    if (plan->mode == C2_CH_TURNED) {
        const turn t = turn_of(p);
        const c2_cpu_phase phases[] = {
            {.n = (size_t)(p->n * t.rows * t.pixel_blocks * t.channel_blocks), .task = run_turn},
            {.n = (size_t)(images * plan->tile_blocks.n * plan->pixel_blocks.n),
             .task = run_direct}};
        return c2_cpu_parallel_phases(s, args, phases, 2);
    }
    const int64_t blocks = images * plan->blocks_y.n * plan->blocks_x.n;
    return c2_cpu_parallel(s, args, (size_t)(blocks * window_parts(s, args).n), run_window);
}

void c2_ch_packing(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                   c2_text *out)
{
    (void)device;
    const c2_words words = c2_words_of(kernel, p);
    const c2_pack_shape pack = c2_ch_pack_shape(kernel, p);
    c2_pack_words_name(p, &words, &pack, out);
}

void c2_ch_pack(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                const c2_weight_view *view, void *packed)
{
    (void)device;
    const c2_words words = c2_words_of(kernel, p);
    const c2_pack_shape pack = c2_ch_pack_shape(kernel, p);
    c2_pack_words(device, kernel, p, &words, &pack, view, packed);
}

conv2d_status c2_ch_plan_create(conv2d_device *device, const c2_kernel *kernel,
                                const c2_problem *p, c2_state **state_out)
{
    c2_state *s = c2_alloc_zero(&device->allocator, sizeof *s);
    if (!s)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    s->plan = c2_ch_plan_make(device, kernel, p);
    s->kernel = kernel;
    if (s->plan.mode == C2_CH_TURNED)
        s->view = c2_ch_turned_view(p);
    const int32_t dtype = s->plan.mode == C2_CH_DIRECT ? p->input_dtype : CONV2D_FLOAT32;
    s->fn = (c2_gemm_ch_fn)c2_cpu_kernel_of(s->kernel, dtype)->fn;
    s->widen = (c2_widen_fn)c2_cpu_helper(s->kernel, C2_FAMILY_WIDEN, p->input_dtype);
    s->epilogue = c2_cpu_epilogue(s->kernel, p->output_dtype);
    s->tiles = s->plan.words.parts ? c2_tiles_of(kernel) : NULL;
    s->finishes = c2_ch_finishes(p, &s->plan, &s->low, &s->high);
    s->far = p->kh * p->kw == 1 && s->plan.mode == C2_CH_DIRECT && c2_input_is_far(p);
    s->group = c2_min(GROUP_TILES, GROUP_PIXELS / s->kernel->mr);
    s->zeros_bytes = (size_t)p->icg * sizeof(float);
    s->zeros = c2_alloc_zero(&device->allocator, s->zeros_bytes);
    if (!s->zeros) {
        const size_t bytes = s->zeros_bytes;
        c2_ch_plan_destroy(device, s);
        return c2_fail(CONV2D_E_NOMEM, "no memory for %zu bytes of zeros", bytes);
    }
    *state_out = s;
    return CONV2D_OK;
}

void c2_ch_plan_destroy(conv2d_device *device, c2_state *s)
{
    if (!s)
        return;
    c2_free(&device->allocator, s->zeros, s->zeros_bytes);
    c2_free(&device->allocator, s, sizeof *s);
}
