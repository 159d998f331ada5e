/* SPDX-License-Identifier: BSD-2-Clause
 * grouped_px: several groups of few channels, rows of neighbouring pixels, zeros as padding;
 * lanes = pixels, read where they lie (body/grouped_px.h). A kernel call makes a tile of a group's
 * output channels in a strip of the image: some rows, or, where rows of input and output follow
 * each other alike, some of the pixels of one long row. What the kernel cannot finish, other
 * activations than clamps and outputs whose columns do not follow each other, goes through the
 * epilogue. Needs no workspace. Bound: g(K+2) * s + (K+2) * 2^-149 (docs/numerics.md). */
#include <math.h>

#include "core/dtype.h"
#include "cpu/cost.h"
#include "cpu/driver.h"

enum {
    WANTED_TASKS = 16,
    LEAST_VECTORS = 6,         /* of a strip: two full tiles */
    MOST_WORDS = 16 << 10,     /* of the table of lanes */
    MOST_FLAT_WORDS = 8 << 10, /* with a row for each vector of the image */
    SUMS = C2_STACK_BYTES / sizeof(float)
};
/* Pixels that the tiles of a group's output channels read one after the other: in the L2 cache. */
static const int64_t strip_floats = 64 << 10;

typedef struct geometry {
    bool flat, finished;
    int64_t vector, step;
    int64_t phases; /* rows of the table of lanes */
    c2_pack_shape pack;
    c2_split channel_blocks; /* of the tiles of output channels of all groups */
    c2_split strips;         /* of output rows; flat: of vectors of the image */
    c2_split blocks_x;       /* of vectors of a row; flat: 1 */
} geometry;

struct c2_state {
    const c2_kernel *kernel;
    c2_grouped_px_fn fn;
    c2_epilogue_fn epilogue;
    float low, high;
    int64_t element;
    geometry g;
    ptrdiff_t *offset; /* of a tap's pixels */
    uint32_t *live;
    size_t offset_bytes, live_bytes;
};

static const c2_kernel *kernel_of(const conv2d_device *device, int variant)
{
    return c2_cpu_kernel(device, C2_FAMILY_GROUPED_PX, variant);
}

static int variants(const conv2d_device *device)
{
    return c2_cpu_kernel_count(device, C2_FAMILY_GROUPED_PX);
}

static const char *variant_name(const conv2d_device *device, int variant)
{
    return kernel_of(device, variant)->variant;
}

static const char *variant_isa(const conv2d_device *device, int variant)
{
    return kernel_of(device, variant)->isa;
}

/* Columns follow each other. */
static bool dense_columns(const c2_problem *p, const int64_t stride[4])
{
    return stride[3] == 1 || p->ow == 1;
}

/* Rows of output pixels follow each other. */
static bool dense_rows(const c2_problem *p, const int64_t stride[4])
{
    return stride[3] == 1 && stride[2] == p->ow;
}

static int64_t flat_vectors(const c2_problem *p, const geometry *g)
{
    return c2_div_up(p->oh * p->ow, g->vector);
}

/* Vectors may go on from one row to the next, and there are fewer of them then. */
static bool is_flat(const c2_problem *p, const geometry *g)
{
    if (p->stride[0] != 1 || p->stride[1] != 1 || p->ow != p->w || p->input_stride[2] != p->w ||
        flat_vectors(p, g) * p->kh * p->kw > MOST_FLAT_WORDS)
        return false;
    if (g->finished && (!dense_rows(p, p->output_stride) ||
                        (p->has_residual && !dense_rows(p, p->residual_stride))))
        return false;
    return flat_vectors(p, g) < p->oh * c2_div_up(p->ow, g->vector);
}

/* Into tasks. Sums of what the kernel does not finish stay on the stack. */
static void cut(const c2_kernel *k, const c2_problem *p, geometry *g)
{
    const int64_t units = p->groups * g->pack.tiles.n, a_row = c2_div_up(p->ow, g->vector);
    const int64_t room = SUMS / k->mr / g->vector; /* vectors */
    g->channel_blocks = c2_split_even(units, c2_min(units, WANTED_TASKS));
    g->blocks_x = c2_split_even(g->flat ? 1 : a_row, 1);
    if (!g->flat && !g->finished)
        g->blocks_x = c2_split_even(a_row, c2_div_up(a_row, room));
    const int64_t total = g->flat ? flat_vectors(p, g) : p->oh;
    const int64_t width = g->flat ? 1 : c2_div_up(a_row, g->blocks_x.n);
    const int64_t most = c2_max(1, total * width / LEAST_VECTORS);
    int64_t n = c2_min(most, c2_div_up(WANTED_TASKS, g->channel_blocks.n));
    if (g->pack.tiles.n > 1)
        n = c2_max(n, c2_min(most, c2_div_up(p->icg * p->h * p->w, strip_floats)));
    if (!g->finished)
        n = c2_max(n, c2_div_up(total, room / width));
    g->strips = c2_split_even(total, c2_min(n, total));
}

static geometry choose(const c2_kernel *k, const c2_problem *p)
{
    float low, high;
    const int64_t n_tiles = c2_div_up(p->ocg, k->mr), products = c2_problem_k(p);
    geometry g = {.vector = k->lanes, .step = p->stride[1]};
    g.pack = (c2_pack_shape){c2_split_even(p->ocg, n_tiles), k->mr, products, products};
    g.finished = c2_clamp_of(p, &low, &high) && dense_columns(p, p->output_stride) &&
                 (!p->has_residual || dense_columns(p, p->residual_stride));
    g.flat = is_flat(p, &g);
    cut(k, p, &g);
    g.phases = g.flat ? flat_vectors(p, &g) : c2_div_up(p->ow, g.vector) + 1;
    return g;
}

static bool supports(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    const c2_kernel *kernel = kernel_of(device, variant);
    if (p->groups == 1)
        return c2_refuse(why, "groups is 1: this algorithm is for several");
    if (p->icg == 1 && p->ocg == 1)
        return c2_refuse(why, "a group has 1 input and 1 output channel: that is depthwise");
    if (p->stride[1] > 2)
        return c2_refuse(why, "column stride %lld: 1 or 2", (long long)p->stride[1]);
    if (p->padding_mode != CONV2D_PAD_ZEROS && c2_problem_is_padded(p))
        return c2_refuse(why, "padding mode %d: only zeros", (int)p->padding_mode);
    if (p->input_stride[3] != 1 && p->w > 1)
        return c2_refuse(why, "input column stride is %lld: lanes over pixels need 1",
                         (long long)p->input_stride[3]);
    if (!c2_driver_supports(kernel, p, why))
        return false;
    const int64_t columns = (c2_div_up(p->ow, kernel->lanes) + 1) * p->stride[1];
    return p->kh * p->kw <= MOST_WORDS / columns ||
           c2_refuse(why, "%lld output columns, kernel of %lld x %lld: too large a table of lanes",
                     (long long)p->ow, (long long)p->kh, (long long)p->kw);
}

/* How many times longer products of tiles of m channels by nv vectors take than in a full GEMM
 * tile: lanes are cut out of loads, of all loads where rows are short, and with stride 2 a vector
 * of pixels is two loads and a shuffle. AVX-512 alone loads some lanes of float16 and bfloat16 by
 * one instruction. From layers of bench/models and others like them, on a Zen 4, November 2026. */
static double slower(const c2_problem *p, const geometry *g, double m, double nv)
{
    const bool free_masks = g->vector == 16;
    const double loads = g->step == 2 ? 3 : free_masks ? 1.5 : 2.5; /* with those of masks */
    const double masked = free_masks ? 0.25 / m : 16 / (m * m * m * m);
    const double cut = 1 + (g->step == 2 ? 1.5 / m : masked);
    const double short_rows = !free_masks && p->ow <= g->vector ? 1.5 : 1;
    /* Tiles of more than four channels take four channels a step of the kernel's loop. */
    const double stepped = free_masks && m > 4 ? 0.9 : 1;
    const double halves = !free_masks && p->input_dtype != CONV2D_FLOAT32 ? 6 : 1;
    return c2_cost_small_tile(m, nv, loads) * cut * stepped * short_rows * halves;
}

static double cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    const c2_kernel *k = kernel_of(device, variant);
    const c2_speed *speed = c2_speed_of(device, k);
    const geometry g = choose(k, p);
    const double vectors =
        (double)(g.flat ? flat_vectors(p, &g) : p->oh * c2_div_up(p->ow, g.vector));
    const double tiles = ceil(vectors * (double)g.vector / k->nr), nv = vectors / tiles;
    const double calls = (double)g.pack.tiles.n, m = (double)p->ocg / calls;
    const double products = vectors * (double)g.vector * (double)p->ocg * (double)c2_problem_k(p) *
                            (g.flat ? 1 : c2_live_part(p, 0));
    const double group = products * slower(p, &g, m, nv) / speed->fma_lanes +
                         calls * (tiles * 0.4 + 1) * speed->call;
    return (double)p->n * (double)p->groups * group + c2_cost_epilogue(speed, p, 3);
}

static c2_bytes memory(const conv2d_device *device, const c2_problem *p, int variant)
{
    const geometry g = choose(kernel_of(device, variant), p);
    return (c2_bytes){c2_pack_bytes(p, &g.pack), 0, 0};
}

static void packing(const conv2d_device *device, const c2_problem *p, int variant, c2_text *out)
{
    const geometry g = choose(kernel_of(device, variant), p);
    c2_pack_name(p, &g.pack, out);
}

static conv2d_status pack(conv2d_device *device, const c2_problem *p, int variant,
                          const c2_weight_view *view, conv2d_buffer *packed)
{
    const geometry g = choose(kernel_of(device, variant), p);
    c2_pack_weights(p, &g.pack, view, packed->host);
    return CONV2D_OK;
}

static void plan_destroy(conv2d_device *device, c2_state *s)
{
    if (!s)
        return;
    c2_free(&device->allocator, s->live, s->live_bytes);
    c2_free(&device->allocator, s->offset, s->offset_bytes);
    c2_free(&device->allocator, s, sizeof *s);
}

/* First lane of the vectors of a phase. The one that begins earlier in a row has the last phase: of
 * its own, or, flat, that of the vector whose place it takes. */
static int64_t first_lane(const geometry *g, const c2_problem *p, int64_t phase)
{
    const int64_t lanes = g->flat ? p->oh * p->ow : p->ow;
    const bool moves = !g->flat || !g->finished || !p->has_residual;
    return phase == g->phases - 1 && moves ? c2_max(0, lanes - g->vector) : phase * g->vector;
}

/* Lanes, bit by bit, of which a tap finds pixels in the image: of its column, or, flat, row.
 * half: of the first or the second vector of pixels. */
static uint32_t lanes_of(const geometry *g, const c2_problem *p, int64_t phase, int axis,
                         int64_t tap, int64_t half)
{
    const int64_t first = first_lane(g, p, phase) * g->step + half * g->vector;
    const int64_t size = axis ? p->w : p->h;
    const int64_t offset = tap * p->dilation[axis] - p->pad[axis];
    int64_t y = g->flat ? first / p->w : 0, x = g->flat ? first % p->w : first;
    uint32_t lanes = 0;
    for (int64_t j = 0; j < g->vector; j++) {
        const int64_t at = (axis ? x : y) + offset;
        lanes |= (uint32_t)(at >= 0 && at < size) << j;
        x++;
        if (g->flat && x == p->w) {
            x = 0;
            y++;
        }
    }
    return lanes;
}

static void fill_live(const c2_problem *p, c2_state *s)
{
    const geometry *g = &s->g;
    uint32_t *to = s->live;
    for (int64_t phase = 0; phase < g->phases; phase++) {
        for (int64_t ky = 0; ky < p->kh; ky++) {
            const uint32_t row = g->flat ? lanes_of(g, p, phase, 0, ky, 0) : UINT32_MAX;
            for (int64_t i = 0; i < p->kw * g->step; i++)
                *to++ = row & lanes_of(g, p, phase, 1, i / g->step, i % g->step);
        }
    }
}

static bool make_tables(conv2d_device *device, const c2_problem *p, c2_state *s)
{
    const int64_t taps = p->kh * p->kw;
    s->offset_bytes = (size_t)taps * sizeof *s->offset;
    s->live_bytes = (size_t)(s->g.phases * taps * s->g.step) * sizeof *s->live;
    s->offset = c2_alloc(&device->allocator, s->offset_bytes);
    s->live = c2_alloc(&device->allocator, s->live_bytes);
    if (!s->offset || !s->live)
        return false;
    for (int64_t t = 0; t < taps; t++)
        s->offset[t] = t / p->kw * p->dilation[0] * (p->h > 1 ? p->input_stride[2] : 0) +
                       t % p->kw * p->dilation[1];
    fill_live(p, s);
    return true;
}

static conv2d_status plan_create(conv2d_device *device, const c2_problem *p, int variant,
                                 c2_state **state_out)
{
    c2_state *s = c2_alloc_zero(&device->allocator, sizeof *s);
    if (!s)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    s->kernel = kernel_of(device, variant);
    s->fn = (c2_grouped_px_fn)c2_cpu_kernel_of(s->kernel, p->input_dtype)->fn;
    s->epilogue = c2_cpu_epilogue(s->kernel, p->output_dtype);
    s->element = (int64_t)c2_dtype_bytes(p->input_dtype);
    s->g = choose(s->kernel, p);
    c2_clamp_of(p, &s->low, &s->high);
    if (!make_tables(device, p, s)) {
        plan_destroy(device, s);
        return c2_fail(CONV2D_E_NOMEM, "no memory for the lanes of %lld columns", (long long)p->w);
    }
    *state_out = s;
    return CONV2D_OK;
}

/* The kernel's arguments that all of a task's calls have. */
static c2_grouped_px_args strip_args(const c2_state *s, const c2_run_args *args, int64_t strip,
                                     int64_t block_x)
{
    const c2_problem *p = args->problem;
    const geometry *g = &s->g;
    c2_grouped_px_args a = {.channel = p->input_stride[1],
                            .row = p->h > 1 ? p->input_stride[2] : 0,
                            .channels = (size_t)p->icg,
                            .h = p->h,
                            .kh = (int)p->kh,
                            .kw = (int)p->kw,
                            .step = (int)g->step,
                            .step_y = p->stride[0],
                            .tap_row = p->dilation[0],
                            .offset = s->offset,
                            .top = p->pad[0],
                            .left = p->pad[1],
                            .live = s->live,
                            .flat = g->flat,
                            .rows = 1,
                            .low = s->low,
                            .high = s->high,
                            .sums = !g->finished};
    const int64_t begin = c2_split_begin(&g->strips, strip);
    const int64_t end = c2_split_begin(&g->strips, strip + 1);
    a.last_phase = g->phases - 1;
    if (g->flat) {
        a.phase = begin;
        a.x = begin * g->vector;
        a.cols = c2_min(end * g->vector, p->oh * p->ow) - a.x;
        return a;
    }
    a.y = begin;
    a.rows = end - begin;
    a.phase = c2_split_begin(&g->blocks_x, block_x);
    a.x = a.phase * g->vector;
    a.cols = c2_min(c2_split_begin(&g->blocks_x, block_x + 1) * g->vector, p->ow) - a.x;
    return a;
}

/* The strip's output pixels, whose sums the kernel left. */
static void store_sums(const c2_target *target, const float *sums, int64_t pitch,
                       const c2_grouped_px_args *a)
{
    const int64_t ow = target->problem->ow;
    const c2_lanes in_rows = {0, a->rows * a->cols, a->cols, a->cols, a->y, a->x};
    const c2_lanes in_one = {a->x % ow, a->cols, ow, ow, a->x / ow, 0};
    c2_store_channel_rows(target, sums, pitch, a->m, a->flat ? &in_one : &in_rows);
}

/* The unit-th tile of output channels. */
static void output_channels(const c2_state *s, const c2_run_args *args, int64_t n, int64_t unit,
                            c2_grouped_px_args *a)
{
    const c2_problem *p = args->problem;
    const c2_pack_shape *pack = &s->g.pack;
    const int64_t group = unit / pack->tiles.n, tile = unit % pack->tiles.n;
    const int64_t first = c2_split_begin(&pack->tiles, tile), oc = group * p->ocg + first;
    const c2_target target = c2_target_of(args, s->epilogue, n, oc);
    _Alignas(64) float sums[SUMS];
    float bias[C2_MAX_MR];
    a->m = (int)(c2_split_begin(&pack->tiles, tile + 1) - first);
    a->pixels = (const char *)args->input.data +
                (n * p->input_stride[0] + group * p->icg * p->input_stride[1]) * s->element;
    a->weight = (const float *)args->packed->host +
                group * pack->tiles.n * pack->width * c2_problem_k(p) +
                c2_pack_at(pack, tile, 0, c2_problem_k(p));
    if (a->sums) {
        const int64_t pitch = a->rows * a->cols;
        a->out = sums;
        a->out_row = a->cols;
        a->out_channel = pitch;
        s->fn(a);
        store_sums(&target, sums, pitch, a);
        return;
    }
    a->bias = c2_bias_of(args, oc, a->m, a->m, bias);
    a->residual = target.residual;
    a->residual_channel = p->residual_stride[1];
    a->residual_row = p->oh > 1 ? p->residual_stride[2] : 0;
    a->out = target.out;
    a->out_channel = p->output_stride[1];
    a->out_row = p->oh > 1 ? p->output_stride[2] : 0;
    s->fn(a);
}

static void run_task(const c2_state *s, const c2_run_args *args, size_t task, int worker)
{
    (void)worker;
    const geometry *g = &s->g;
    const int64_t i = (int64_t)task, block_x = i % g->blocks_x.n, rest = i / g->blocks_x.n;
    const int64_t strip = rest % g->strips.n, block = rest / g->strips.n % g->channel_blocks.n;
    const int64_t n = rest / g->strips.n / g->channel_blocks.n;
    c2_grouped_px_args a = strip_args(s, args, strip, block_x);
    const int64_t end = c2_split_begin(&g->channel_blocks, block + 1);
    for (int64_t unit = c2_split_begin(&g->channel_blocks, block); unit < end; unit++)
        output_channels(s, args, n, unit, &a);
}

static conv2d_status run(const c2_state *s, const c2_run_args *args)
{
    const geometry *g = &s->g;
    const int64_t tasks = args->problem->n * g->channel_blocks.n * g->strips.n * g->blocks_x.n;
    return c2_cpu_parallel_runs(s, args, (size_t)tasks, run_task);
}

const c2_algorithm c2_algo_grouped_px = {
    .name = "grouped_px",
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
