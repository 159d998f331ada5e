/* SPDX-License-Identifier: BSD-2-Clause
 * depthwise_rows_px: one input channel a group, kernels 3x3, 5x5 or 7x7, stride 1 or 2, with stride
 * 1 any dilation, zeros as padding, rows of neighbouring pixels; lanes = pixels. A task has some
 * rows of some channels: it clears a window once, whose padding then stays, and a kernel call
 * copies one channel's rows into it and makes all of their outputs, or those that are a dilation
 * apart. Small windows come in pairs, so that one is filled while the other is read. What the
 * kernel cannot finish, other activations than clamps and outputs whose columns do not follow each
 * other, goes through the epilogue.
 * Error before activation: g(K+2) * s + (K+2) * 2^-149, K = KH * KW; taps by columns. */
#include <math.h>
#include <string.h>

#include "core/dtype.h"
#include "cpu/cost.h"
#include "cpu/depthwise.h"

enum {
    WANTED_TASKS = 16,
    MOST_LANES = 16,      /* of a vector of any instruction set */
    PAIR_FLOATS = 3 << 10 /* windows up to here come in pairs: both take most of the L1 cache */
};

/* A window of this size stays in the L1 cache beside the outputs. */
static const int64_t window_floats = 6 << 10;

typedef struct geometry {
    bool two_rows, split; /* two image rows a vector; even and odd columns apart */
    int64_t pitch, phase; /* of the window */
    c2_split strips;      /* of output rows */
    int64_t window, sums; /* floats, of the largest strip; sums 0 = the kernel finishes */
    bool pair;
    size_t bytes; /* of a worker's scratch; up to C2_STACK_BYTES they are on its stack */
} geometry;

struct c2_state {
    const c2_kernel *kernel;
    c2_dwrow_px_fn fn;
    c2_epilogue_fn epilogue;
    float low, high;
    int64_t element;
    geometry g;
    c2_split channel_blocks;
};

static int variants(const conv2d_device *device)
{
    return c2_cpu_kernel_count(device, C2_FAMILY_DWROW_PX);
}

static const char *variant_name(const conv2d_device *device, int variant)
{
    return c2_cpu_kernel(device, C2_FAMILY_DWROW_PX, variant)->variant;
}

static const char *variant_isa(const conv2d_device *device, int variant)
{
    return c2_cpu_kernel(device, C2_FAMILY_DWROW_PX, variant)->isa;
}

/* Lanes of a window row: padding and pixels, copied by whole vectors. Rows of half a vector need
 * zeros between the pixels of one and of the next: at least as many as a kernel reaches over. */
static bool fits_half(const c2_problem *p, int vector)
{
    const int64_t half = vector / 2, used = p->pad[1] + p->w;
    const int64_t reach = p->ow + p->kw - 1;
    return p->stride[0] == 1 && p->stride[1] == 1 && p->dilation[0] == 1 && p->dilation[1] == 1 &&
           p->ow <= half && used <= half && reach <= half + p->pad[1];
}

static void set_rows(const c2_problem *p, const c2_kernel *k, geometry *g)
{
    const int64_t vector = k->nr, s = p->stride[1];
    g->two_rows = fits_half(p, k->nr);
    g->split = s == 2;
    /* A full vector is read from each multiple of a vector on, as far as the last tap lies, and
     * rows are copied by whole vectors. */
    const int64_t read = c2_div_up(p->ow, vector) * vector + (p->kw - 1) * p->dilation[1] / s;
    const int64_t written = c2_div_up(p->pad[1] + 1, s) + c2_div_up(p->w, vector * s) * vector;
    const int64_t lanes = c2_div_up(c2_max(read, written), MOST_LANES) * MOST_LANES;
    g->phase = g->split ? lanes : 0;
    g->pitch = g->two_rows ? vector / 2 : s * lanes;
}

static int64_t window_of(const c2_problem *p, const geometry *g, int64_t rows)
{
    /* Half rows: those of an odd last row's other half, and what the last copy and load reach. */
    return (c2_rows_under(p, rows) + (g->two_rows ? 1 : 0)) * g->pitch +
           (g->two_rows ? 2 : 1) * MOST_LANES;
}

/* False if not even one output row fits. */
static bool choose(const c2_kernel *k, const c2_problem *p, geometry *g)
{
    float low, high;
    const bool finished = c2_clamp_of(p, &low, &high) && p->output_stride[3] == 1 &&
                          (!p->has_residual || p->residual_stride[3] == 1);
    const int64_t sums_pitch = c2_div_up(p->ow, MOST_LANES) * MOST_LANES;
    const int64_t most =
        (int64_t)(fmax(C2_STACK_BYTES, fmin((double)p->workspace_limit, 1 << 20)) / sizeof(float));
    if (p->w > (1 << 20) || p->ow > (1 << 20))
        return false;
    set_rows(p, k, g);
    /* As many rows as stay in the L1 cache, at least those of a tile if there is room. */
    for (int64_t n = 1;; n = n < 16 ? n + 1 : n + n / 8) {
        n = c2_min(n, p->oh);
        g->strips = c2_split_even(p->oh, n);
        const int64_t rows = c2_div_up(p->oh, n);
        g->window = window_of(p, g, rows);
        g->sums = finished ? 0 : (rows + 1) * sums_pitch;
        if (g->window + g->sums <= most && (g->window <= window_floats || rows <= k->mr * 2))
            break;
        if (n == p->oh)
            return false;
    }
    g->pair = g->window <= PAIR_FLOATS && (2 * g->window + g->sums) <= most;
    g->bytes =
        c2_round_up((size_t)((g->pair ? 2 : 1) * g->window + g->sums) * sizeof(float), C2_ALIGN);
    return true;
}

static bool supports(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    if (!c2_dw_supports(p, why))
        return false;
    if (p->kh != p->kw || (p->kw != 3 && p->kw != 5 && p->kw != 7))
        return c2_refuse(why, "kernel of %lld x %lld: 3 x 3, 5 x 5 or 7 x 7", (long long)p->kh,
                         (long long)p->kw);
    const bool dilated = p->dilation[0] != 1 || p->dilation[1] != 1;
    if (p->stride[0] > (dilated ? 1 : 2) || p->stride[1] > p->stride[0])
        return c2_refuse(why,
                         "stride %lld x %lld, dilation %lld x %lld: strides 1 x 1, or without "
                         "dilation 2 x 1 or 2 x 2",
                         (long long)p->stride[0], (long long)p->stride[1],
                         (long long)p->dilation[0], (long long)p->dilation[1]);
    if (p->padding_mode != CONV2D_PAD_ZEROS && c2_problem_is_padded(p))
        return c2_refuse(why, "padding mode %d: only zeros", (int)p->padding_mode);
    if (p->input_stride[3] != 1 && p->w > 1)
        return c2_refuse(why, "input column stride is %lld: lanes over pixels need 1",
                         (long long)p->input_stride[3]);
    const c2_kernel *kernel = c2_cpu_kernel(device, C2_FAMILY_DWROW_PX, variant);
    geometry g;
    if (!c2_driver_supports(kernel, p, why))
        return false;
    return choose(kernel, p, &g) ||
           c2_refuse(why, "%lld columns, workspace_limit = %llu: the window of a row does not fit",
                     (long long)p->w, (unsigned long long)p->workspace_limit);
}

static double cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    const c2_kernel *k = c2_cpu_kernel(device, C2_FAMILY_DWROW_PX, variant);
    const c2_speed *speed = c2_speed_of(device, k);
    geometry g;
    if (!choose(k, p, &g))
        return HUGE_VAL;
    const double vectors =
        g.two_rows ? (double)c2_div_up(p->oh, 2) : (double)(p->oh * c2_div_up(p->ow, k->nr));
    const double taps = (double)p->kh * (double)p->kw;
    /* A window's vector is loaded for each column of taps, from two cache lines, for kh products
     * over stride[0] rows. */
    const double products = taps * (1 + 0.2 * (double)p->stride[0] / (double)p->kh);
    const double rate = fmin(speed->fma_lanes, 3 * speed->load_lanes);
    const double channel = vectors * k->nr * products / rate;
    const double read = (double)c2_rows_under(p, c2_div_up(p->oh, g.strips.n));
    const double copied = (double)g.strips.n * read * (double)c2_div_up(p->w, k->nr) * k->nr * 0.3 *
                          speed->copy;
    const double rows = (double)p->oh * 1.5e-9;
    const double outputs = (double)p->n * (double)p->oc * (double)p->oh * (double)p->ow;
    const double store = g.sums ? c2_cost_epilogue(speed, p, 3) : 0.5 * outputs * speed->store;
    return (double)p->n * (double)p->oc * (channel + copied + rows + speed->call) + store;
}

static c2_bytes memory(const conv2d_device *device, const c2_problem *p, int variant)
{
    geometry g;
    if (!choose(c2_cpu_kernel(device, C2_FAMILY_DWROW_PX, variant), p, &g))
        g.bytes = 0;
    return (c2_bytes){c2_dw_filters_bytes(p), 0, c2_scratch_workspace(g.bytes)};
}

static void plan_destroy(conv2d_device *device, c2_state *s)
{
    c2_free(&device->allocator, s, s ? sizeof *s : 0);
}

static conv2d_status plan_create(conv2d_device *device, const c2_problem *p, int variant,
                                 c2_state **state_out)
{
    c2_state *s = c2_alloc_zero(&device->allocator, sizeof *s);
    if (!s)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    s->kernel = c2_cpu_kernel(device, C2_FAMILY_DWROW_PX, variant);
    s->fn = (c2_dwrow_px_fn)c2_cpu_kernel_of(s->kernel, p->input_dtype)->fn;
    s->epilogue = c2_cpu_epilogue(s->kernel, p->output_dtype);
    s->element = (int64_t)c2_dtype_bytes(p->input_dtype);
    c2_clamp_of(p, &s->low, &s->high);
    choose(s->kernel, p, &s->g); /* supports() saw that it does */
    const int64_t parts = c2_div_up(WANTED_TASKS, c2_min(WANTED_TASKS, s->g.strips.n));
    s->channel_blocks = c2_split_even(p->groups, c2_min(parts, p->groups));
    *state_out = s;
    return CONV2D_OK;
}

/* What a task does: a strip of output rows of some channels of one image. */
typedef struct task {
    const c2_state *state;
    const c2_run_args *args;
    int64_t n, y, rows;
    float *window[2], *sums;
    int64_t sums_pitch;
    int64_t first_row, lane; /* of the window that the image begins at */
    c2_dwrow_px_args kernel;
} task;

/* The strip's rows of the image, and where in the window they go. */
static void place(task *t)
{
    const c2_problem *p = t->args->problem;
    const geometry *g = &t->state->g;
    c2_dwrow_px_args *a = &t->kernel;
    const int64_t top = t->y * p->stride[0] - p->pad[0];
    const int64_t first = c2_max(0, top), end = c2_min(p->h, top + c2_rows_under(p, t->rows));
    /* Columns that no window reaches are not copied: they might not fit. */
    const int64_t reach = (p->ow - 1) * p->stride[1] + (p->kw - 1) * p->dilation[1] + 1;
    const int64_t cols = c2_min(p->w, reach - p->pad[1]);
    a->copy_rows = (int)c2_max(0, end - first);
    a->copy_cols = (int)c2_max(0, cols);
    a->image_row = p->input_stride[2];
    t->first_row = first;
    t->lane = (first - top) * g->pitch;
    if (!g->split) {
        t->lane += p->pad[1];
    } else if (p->pad[1] % 2 == 0) {
        t->lane += p->pad[1] / 2;
        a->copy_odd = g->phase;
    } else { /* the image's even columns are odd ones of the window */
        t->lane += g->phase + p->pad[1] / 2;
        a->copy_odd = 1 - g->phase;
    }
}

static void copy_from(task *t, int64_t c, int64_t i)
{
    const c2_problem *p = t->args->problem;
    t->kernel.image =
        (const char *)t->args->input.data +
        (t->n * p->input_stride[0] + c * p->input_stride[1] + t->first_row * p->input_stride[2]) *
            t->state->element;
    t->kernel.copy_to = t->window[i] + t->lane;
}

static void output_channel(task *t, int64_t oc)
{
    const c2_problem *p = t->args->problem;
    const c2_state *s = t->state;
    c2_dwrow_px_args *a = &t->kernel;
    const c2_target target = c2_target_of(t->args, s->epilogue, t->n, oc);
    const float *window = a->window;
    const int64_t every = p->dilation[0];
    a->weight = (const float *)t->args->packed->host + oc * p->kh * p->kw;
    a->bias = target.bias;
    /* Output rows that are a dilation apart share their input rows; each call makes those. */
    for (int64_t first = 0; first < c2_min(every, t->rows); first++) {
        const int64_t y = t->y + first;
        a->rows = (int)c2_div_up(t->rows - first, every);
        a->window = window + first * a->pitch;
        a->out = target.out + y * p->output_stride[2] * s->element;
        a->residual =
            target.residual ? target.residual + y * p->residual_stride[2] * s->element : NULL;
        a->sums = t->sums ? t->sums + first * t->sums_pitch : NULL;
        s->fn(a);
        a->copy_rows = 0;
    }
    a->window = window;
    if (t->sums) {
        const c2_lanes lanes = {
            0, (t->rows - 1) * t->sums_pitch + p->ow, t->sums_pitch, p->ow, t->y, 0};
        c2_store_channel_rows(&target, t->sums, t->sums_pitch, 1, &lanes);
    }
}

/* With a pair of windows each call copies the next channel, else its own. */
static void channels(task *t, int64_t begin, int64_t end)
{
    const c2_problem *p = t->args->problem;
    const bool pair = t->state->g.pair;
    const int copy_rows = t->kernel.copy_rows;
    if (pair) {
        copy_from(t, begin, 0);
        t->kernel.rows = 0;
        t->state->fn(&t->kernel);
    }
    for (int64_t c = begin; c < end; c++) {
        const int64_t i = pair ? (c - begin) % 2 : 0;
        t->kernel.window = t->window[i];
        t->kernel.copy_rows = pair && c + 1 == end ? 0 : copy_rows;
        copy_from(t, pair ? c + 1 : c, pair ? 1 - i : 0);
        for (int64_t j = 0; j < p->ocg; j++)
            output_channel(t, c * p->ocg + j);
    }
}

static void run_task(const c2_state *s, const c2_run_args *args, size_t index, int worker)
{
    const c2_problem *p = args->problem;
    const geometry *g = &s->g;
    _Alignas(64) float stack[C2_STACK_BYTES / sizeof(float)];
    float *scratch = (float *)(void *)c2_scratch_of(args, worker, g->bytes, stack);
    const int64_t i = (int64_t)index, strip = i % g->strips.n;
    const int64_t cb = i / g->strips.n % s->channel_blocks.n;
    task t = {.state = s, .args = args, .n = i / g->strips.n / s->channel_blocks.n};
    t.y = c2_split_begin(&g->strips, strip);
    t.rows = c2_split_begin(&g->strips, strip + 1) - t.y;
    t.window[0] = scratch;
    t.window[1] = scratch + (g->pair ? g->window : 0);
    t.sums = g->sums ? t.window[1] + g->window : NULL;
    t.sums_pitch = c2_div_up(p->ow, MOST_LANES) * MOST_LANES;
    const int64_t dilation = p->dilation[0];
    t.kernel = (c2_dwrow_px_args){.pitch = g->pitch,
                                  .tap_pitch = g->pitch * dilation,
                                  .dilation = p->dilation[1],
                                  .phase = g->phase,
                                  .k = (int)p->kw,
                                  .step = g->two_rows ? 2 : (int)p->stride[0],
                                  .two_rows = g->two_rows,
                                  .cols = (int)p->ow,
                                  .low = s->low,
                                  .high = s->high,
                                  .residual_row = p->oh > 1 ? p->residual_stride[2] * dilation : 0,
                                  .out_row = p->oh > 1 ? p->output_stride[2] * dilation : 0,
                                  .sums_pitch = t.sums_pitch * dilation};
    place(&t);
    memset(scratch, 0, (size_t)((g->pair ? 2 : 1) * g->window) * sizeof(float));
    channels(&t, c2_split_begin(&s->channel_blocks, cb),
             c2_split_begin(&s->channel_blocks, cb + 1));
}

static conv2d_status run(const c2_state *s, const c2_run_args *args)
{
    const int64_t n = args->problem->n * s->g.strips.n * s->channel_blocks.n;
    return c2_cpu_parallel_runs(s, args, (size_t)n, run_task);
}

const c2_algorithm c2_algo_depthwise_rows_px = {
    .name = "depthwise_rows_px",
    .variants = variants,
    .variant_name = variant_name,
    .variant_isa = variant_isa,
    .supports = supports,
    .cost = cost,
    .bound = c2_strict_bound,
    .bound_text = c2_strict_bound_text,
    .memory = memory,
    .packing = c2_dw_filters_packing,
    .pack = c2_dw_filters_pack,
    .plan_create = plan_create,
    .plan_destroy = plan_destroy,
    .run = run,
};
