/* SPDX-License-Identifier: BSD-2-Clause
 * grouped_ch: several groups, channels that are neighbours in memory, lanes = output channels,
 * those of several groups side by side where a group has fewer than a vector (grouped_ch.h). Pixels
 * are read in place through pointers; a padded zero points at zeros. Needs no workspace. Bound:
 * g(K+2) * s + (K+2) * 2^-149 (docs/numerics.md). */
#include <math.h>

#include "core/dtype.h"
#include "core/half.h"
#include "cpu/cost.h"
#include "cpu/grouped_ch.h"

enum {
    RUN_CHUNK = 24, /* runs a kernel call gets at most: their pointers lie on the stack */
    BLOCK_TILES = 32,
    WANTED_TASKS = 16
};
static const double block_weight_bytes = 1 << 18; /* of the vectors of a task: in the L2 cache */

typedef struct blocking {
    c2_grouped_lanes lanes;
    int longest;          /* pixels of a segment */
    c2_split parts;       /* of an output row: segments */
    c2_split tiles;       /* of the segments of an image */
    c2_split tile_blocks; /* of the tiles */
    c2_split vector_blocks;
} blocking;

struct c2_state {
    const c2_kernel *kernel;
    c2_grouped_ch_fn fn;
    c2_epilogue_fn epilogue;
    blocking b;
    int64_t element; /* bytes of a pixel's channel */
    float *zeros;    /* one a channel: a padded pixel */
    size_t zeros_bytes;
    bool finishes;   /* the kernel stores full vectors of output channels itself */
    int32_t *spread; /* of all unshifted vectors, then of each other; NULL where side is 1 */
    size_t spread_bytes;
};

static blocking choose_blocking(const c2_kernel *k, const c2_problem *p)
{
    blocking b = {.lanes = c2_grouped_lanes_of(k, p), .longest = k->mr / C2_GROUPED_SEGMENTS};
    b.parts = c2_split_even(p->ow, c2_div_up(p->ow, b.longest));
    const int64_t segments = p->oh * b.parts.n, vectors = b.lanes.vectors;
    b.tiles = c2_split_even(segments, c2_div_up(segments, C2_GROUPED_SEGMENTS));
    const double a_vector = 4.0 * (double)k->nr * (double)c2_problem_k(p);
    const int64_t most = (int64_t)fmax(1, block_weight_bytes / a_vector);
    b.vector_blocks = c2_split_even(vectors, c2_div_up(vectors, most));
    const int64_t wanted =
        c2_max(c2_div_up(WANTED_TASKS, b.vector_blocks.n), c2_div_up(b.tiles.n, BLOCK_TILES));
    b.tile_blocks = c2_split_even(b.tiles.n, c2_min(wanted, b.tiles.n));
    return b;
}

static int variants(const conv2d_device *device)
{
    return c2_cpu_kernel_count(device, C2_FAMILY_GROUPED_CH);
}

static const char *variant_name(const conv2d_device *device, int variant)
{
    return c2_cpu_kernel(device, C2_FAMILY_GROUPED_CH, variant)->variant;
}

static const char *variant_isa(const conv2d_device *device, int variant)
{
    return c2_cpu_kernel(device, C2_FAMILY_GROUPED_CH, variant)->isa;
}

static bool supports(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    if (p->groups == 1)
        return c2_refuse(why, "groups is 1: lanes over several groups need more");
    if (p->icg == 1 && p->ocg == 1)
        return c2_refuse(why, "a group has 1 input and 1 output channel: that is depthwise");
    if (p->input_stride[1] != 1)
        return c2_refuse(why, "input channel stride is %lld: lanes over channels need 1",
                         (long long)p->input_stride[1]);
    return c2_driver_supports(c2_cpu_kernel(device, C2_FAMILY_GROUPED_CH, variant), p, why);
}

/* Share of the attainable products a second: three taps serve each pixel that is spread, two with
 * stride 2, one in runs of one. From tests/kernel --bench-like loops on a Zen 4 at 3.7 GHz,
 * November 2026: 85 to 94, 72 to 83 and 52 to 69 %. */
static double share_of_peak(const c2_problem *p)
{
    const double in_threes = 3 * (double)c2_grouped_threes(p) / (double)p->kw;
    return in_threes * (p->stride[1] == 1 ? 0.88 : 0.77) + (1 - in_threes) * 0.6;
}

static double cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    const c2_kernel *k = c2_cpu_kernel(device, C2_FAMILY_GROUPED_CH, variant);
    const c2_speed *speed = c2_speed_of(device, k);
    const blocking b = choose_blocking(k, p);
    const double length = (double)c2_max(c2_div_up(p->ow, b.parts.n), b.longest - 3);
    const double segments = (double)c2_max(p->oh * b.parts.n, 2);
    const double vectors = (double)b.lanes.vectors, tiles = (double)b.tiles.n;
    const double products =
        segments * length * vectors * k->nr * (double)c2_problem_k(p) / share_of_peak(p);
    const double runs = (double)p->kh * (double)c2_grouped_runs(p);
    const double pointers = segments * runs * length * 1.4 * (double)p->stride[1];
    return (double)p->n * (products / speed->fma_lanes +
                           pointers * (double)b.vector_blocks.n * 0.5 * speed->pointer +
                           tiles * vectors * speed->call) +
           c2_cost_epilogue(speed, p, 1);
}

static c2_bytes memory(const conv2d_device *device, const c2_problem *p, int variant)
{
    const c2_grouped_lanes l =
        c2_grouped_lanes_of(c2_cpu_kernel(device, C2_FAMILY_GROUPED_CH, variant), p);
    return (c2_bytes){c2_grouped_pack_bytes(&l, p), 0, 0};
}

static void packing(const conv2d_device *device, const c2_problem *p, int variant, c2_text *out)
{
    const c2_grouped_lanes l =
        c2_grouped_lanes_of(c2_cpu_kernel(device, C2_FAMILY_GROUPED_CH, variant), p);
    c2_grouped_pack_name(&l, p, out);
}

static conv2d_status pack(conv2d_device *device, const c2_problem *p, int variant,
                          const c2_weight_view *view, conv2d_buffer *packed)
{
    const c2_grouped_lanes l =
        c2_grouped_lanes_of(c2_cpu_kernel(device, C2_FAMILY_GROUPED_CH, variant), p);
    c2_grouped_pack(&l, p, view, packed->host);
    return CONV2D_OK;
}

static void plan_destroy(conv2d_device *device, c2_state *s)
{
    if (!s)
        return;
    c2_free(&device->allocator, s->spread, s->spread_bytes);
    c2_free(&device->allocator, s->zeros, s->zeros_bytes);
    c2_free(&device->allocator, s, sizeof *s);
}

static bool make_tables(conv2d_device *device, const c2_problem *p, c2_state *s)
{
    const c2_grouped_lanes *l = &s->b.lanes;
    s->zeros_bytes = (size_t)p->ic * sizeof(float);
    s->zeros = c2_alloc_zero(&device->allocator, s->zeros_bytes);
    if (!s->zeros || l->side == 1)
        return s->zeros;
    const size_t n = (size_t)p->icg * (size_t)l->lanes;
    s->spread_bytes = (size_t)(1 + l->vectors - l->unshifted) * n * sizeof *s->spread;
    s->spread = c2_alloc(&device->allocator, s->spread_bytes);
    if (!s->spread)
        return false;
    for (int64_t i = l->unshifted - 1; i < l->vectors; i++) {
        const c2_grouped_vector v = c2_grouped_vector_at(l, p, i);
        c2_grouped_spread(l, p, &v, s->spread + (size_t)(i + 1 - l->unshifted) * n);
    }
    return true;
}

/* The kernel finishes full vectors without residual whose activation is a clamp, or none. */
static bool can_finish(const c2_problem *p)
{
    float low, high;
    return !p->has_residual && p->output_stride[1] == 1 && c2_clamp_of(p, &low, &high);
}

static conv2d_status plan_create(conv2d_device *device, const c2_problem *p, int variant,
                                 c2_state **state_out)
{
    c2_state *s = c2_alloc_zero(&device->allocator, sizeof *s);
    if (!s)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    s->kernel = c2_cpu_kernel(device, C2_FAMILY_GROUPED_CH, variant);
    s->fn = (c2_grouped_ch_fn)c2_cpu_kernel_of(s->kernel, p->input_dtype)->fn;
    s->epilogue = c2_cpu_epilogue(s->kernel, p->output_dtype);
    s->element = (int64_t)c2_dtype_bytes(p->input_dtype);
    s->b = choose_blocking(s->kernel, p);
    s->finishes = can_finish(p);
    if (!make_tables(device, p, s)) {
        plan_destroy(device, s);
        return c2_fail(CONV2D_E_NOMEM, "no memory for the zeros and lane numbers of %lld channels",
                       (long long)p->ic);
    }
    *state_out = s;
    return CONV2D_OK;
}

/* A segment: `length` output pixels of row y from x on. */
typedef struct segment {
    int64_t y, x;
    int length;
} segment;

typedef struct work {
    const c2_state *s;
    const c2_run_args *args;
    const char *image; /* element (n, 0, 0, 0) */
    int64_t n;
    int64_t vector_begin, vector_end;
    int n_segments, n_stored; /* a lone segment is computed twice: the kernel has no tile of one */
    int length;               /* pixels computed of each: at least what they have */
    segment segments[C2_GROUPED_SEGMENTS];
} work;

/* Pointers of n input pixels of a row from column x on, `step` apart; those behind the first
 * `wanted` repeat the last of them. row: NULL for padded zeros. */
static void point_at_pixels(const work *w, const char *row, int64_t x, int64_t step, int64_t wanted,
                            int64_t n, const void **to)
{
    const c2_problem *p = w->args->problem;
    const int64_t x_bytes = p->input_stride[3] * w->s->element;
    const int64_t last = x + (wanted - 1) * step;
    if (row && x >= 0 && last < p->w) {
        for (int64_t i = 0; i < wanted; i++)
            to[i] = row + (x + i * step) * x_bytes;
    } else {
        for (int64_t i = 0; i < wanted; i++) {
            const int64_t at = row ? c2_pad_index(p->padding_mode, x + i * step, p->w) : -1;
            to[i] = at < 0 ? (const void *)w->s->zeros : row + at * x_bytes;
        }
    }
    for (int64_t i = wanted; i < n; i++)
        to[i] = to[wanted - 1];
}

/* The pointers of runs [first, first + n) of the kernel for all segments, and the runs' widths. */
static void fill_table(const work *w, int64_t first, int64_t n, const void **table, uint8_t *widths)
{
    const c2_problem *p = w->args->problem;
    const int64_t a_row = c2_grouped_runs(p), threes = c2_grouped_threes(p);
    for (int64_t t = 0; t < n; t++) {
        const int64_t ky = (first + t) / a_row, run = (first + t) % a_row;
        const bool three = run < threes;
        const int64_t kx = three ? 3 * run : run + 2 * threes;
        widths[t] = three ? 3 : 1;
        for (int i = 0; i < w->n_segments; i++, table += C2_GROUPED_PIXELS) {
            const segment *s = &w->segments[i];
            const int64_t y = c2_pad_index(
                p->padding_mode, s->y * p->stride[0] - p->pad[0] + ky * p->dilation[0], p->h);
            const char *row = y < 0 ? NULL : w->image + y * p->input_stride[2] * w->s->element;
            const int64_t x = s->x * p->stride[1] - p->pad[1] + kx * p->dilation[1];
            if (three)
                point_at_pixels(w, row, x, 1, (s->length - 1) * p->stride[1] + 3,
                                (w->length - 1) * p->stride[1] + 3, table);
            else
                point_at_pixels(w, row, x, p->stride[1], s->length, w->length, table);
        }
        table += (C2_GROUPED_SEGMENTS - w->n_segments) * C2_GROUPED_PIXELS;
    }
}

/* Where the kernel puts a vector's pixels; room: for nr floats of bias. */
static void point_at_output(const work *w, const c2_grouped_vector *v, c2_grouped_out *out,
                            float *room)
{
    const c2_problem *p = w->args->problem;
    for (int i = 0; i < w->n_segments; i++) {
        const segment *s = &w->segments[i];
        const int64_t at = w->n * p->output_stride[0] + v->oc + s->y * p->output_stride[2] +
                           s->x * p->output_stride[3];
        out->pixels[i] = (char *)w->args->output.data + at * w->s->element;
        out->count[i] = i < w->n_stored ? s->length : 0;
    }
    out->stride = p->output_stride[3];
    out->bias = c2_bias_of(w->args, v->oc, v->channels, v->channels, room);
}

static void store(const work *w, const c2_grouped_vector *v, const float *acc)
{
    const c2_state *s = w->s;
    const c2_target target = c2_target_of(w->args, s->epilogue, w->n, v->oc);
    for (int i = 0; i < w->n_stored; i++) {
        const segment *g = &w->segments[i];
        const c2_lanes lanes = {0, g->length, g->length, g->length, g->y, g->x};
        c2_store_pixel_rows(&target, acc + i * s->b.longest * s->kernel->nr, s->kernel->nr,
                            (int)v->channels, 1, &lanes);
    }
}

/* All vectors of channels of the task for one tile of pixels. */
static void tile_of_pixels(work *w)
{
    const c2_state *s = w->s;
    const c2_problem *p = w->args->problem;
    const int64_t n_runs = p->kh * c2_grouped_runs(p), lanes = s->kernel->nr;
    const void *table[RUN_CHUNK * C2_GROUPED_SEGMENTS * C2_GROUPED_PIXELS];
    uint8_t widths[RUN_CHUNK];
    _Alignas(64) float acc[C2_MAX_TILE];
    float bias[C2_GROUPED_LANES];
    c2_grouped_out out;
    c2_clamp_of(p, &out.low, &out.high);
    for (int64_t i = w->vector_begin; i < w->vector_end; i++) {
        const c2_grouped_vector v = c2_grouped_vector_at(&s->b.lanes, p, i);
        const int64_t spread = c2_max(0, i + 1 - s->b.lanes.unshifted);
        c2_grouped_ch_args a = {.pixels = table,
                                .widths = widths,
                                .klen = (size_t)p->icg,
                                .step = (int)p->stride[1],
                                .offset = v.offset,
                                .spread = s->spread ? s->spread + spread * p->icg * lanes : NULL,
                                .weight = (const float *)w->args->packed->host +
                                          i * c2_problem_k(p) * lanes,
                                .acc = acc,
                                .segments = w->n_segments,
                                .length = w->length};
        for (int64_t t = 0; t < n_runs; t += RUN_CHUNK) {
            a.n_runs = (size_t)c2_min(RUN_CHUNK, n_runs - t);
            /* One chunk holds for all vectors. */
            if (i == w->vector_begin || n_runs > RUN_CHUNK)
                fill_table(w, t, (int64_t)a.n_runs, table, widths);
            if (t + RUN_CHUNK >= n_runs && s->finishes && v.channels == lanes) {
                point_at_output(w, &v, &out, bias);
                a.out = &out;
            }
            s->fn(&a);
            for (size_t r = 0; r < a.n_runs; r++)
                a.weight += widths[r] * p->icg * lanes;
            a.accumulate = true;
        }
        if (!a.out)
            store(w, &v, acc);
    }
}

static void set_tile(work *w, int64_t tile)
{
    const blocking *b = &w->s->b;
    const int64_t first = c2_split_begin(&b->tiles, tile);
    const int64_t n = c2_split_begin(&b->tiles, tile + 1) - first;
    w->length = b->longest > 4 ? b->longest - 3 : 1;
    for (int64_t i = 0; i < n; i++) {
        const int64_t part = (first + i) % b->parts.n;
        const int64_t x = c2_split_begin(&b->parts, part);
        const int length = (int)(c2_split_begin(&b->parts, part + 1) - x);
        w->segments[i] = (segment){(first + i) / b->parts.n, x, length};
        w->length = (int)c2_max(w->length, length);
    }
    if (n == 1)
        w->segments[1] = w->segments[0];
    w->n_segments = (int)c2_max(n, 2);
    w->n_stored = (int)n;
}

static void run_task(const c2_state *s, const c2_run_args *args, size_t task, int worker)
{
    (void)worker;
    const c2_problem *p = args->problem;
    const blocking *b = &s->b;
    const int64_t tiles = (int64_t)task % b->tile_blocks.n, rest = (int64_t)task / b->tile_blocks.n;
    const int64_t vectors = rest % b->vector_blocks.n;
    work w = {.s = s, .args = args, .n = rest / b->vector_blocks.n};
    w.image = (const char *)args->input.data + w.n * p->input_stride[0] * s->element;
    w.vector_begin = c2_split_begin(&b->vector_blocks, vectors);
    w.vector_end = c2_split_begin(&b->vector_blocks, vectors + 1);
    const int64_t end = c2_split_begin(&b->tile_blocks, tiles + 1);
    for (int64_t tile = c2_split_begin(&b->tile_blocks, tiles); tile < end; tile++) {
        set_tile(&w, tile);
        tile_of_pixels(&w);
    }
}

static conv2d_status run(const c2_state *s, const c2_run_args *args)
{
    const int64_t n = args->problem->n * s->b.vector_blocks.n * s->b.tile_blocks.n;
    return c2_cpu_parallel_runs(s, args, (size_t)n, run_task);
}

const c2_algorithm c2_algo_grouped_ch = {
    .name = "grouped_ch",
    .variants = variants,
    .variant_name = variant_name,
    .variant_isa = variant_isa,
    .supports = supports,
    .cost = cost,
    .bound = c2_strict_bound,
    .bound_text = c2_strict_bound_text,
    .memory = memory,
    .packing = packing,
    .pack = pack,
    .plan_create = plan_create,
    .plan_destroy = plan_destroy,
    .run = run,
};
