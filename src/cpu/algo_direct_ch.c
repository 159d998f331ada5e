/* SPDX-License-Identifier: BSD-2-Clause
 * Direct convolution of pixels whose channels are neighbours, one group:
 *   direct_ch   lanes = output channels, which pays where products are few: first layers, 1x1 of
 *               few channels
 *   direct_sum  lanes = the neighbouring numbers of a window, for few output channels
 * A kernel call computes a row of output pixels, with nothing but distances to walk by. A float32
 * image whose windows all lie inside and whose channels are neighbours is read in place; of others
 * the input rows under a block of output rows are copied as rows of float32 pixels, with their
 * padding. direct_ch stores results where output channels are neighbours and the activation is a
 * clamp, or else sums, as direct_sum does, which the epilogue kernel takes.
 * Error before activation: g(K+2) * s + (K+2) * 2^-149; taps outer, channels inner, in direct_sum
 * for each lane, then lanes in pairs. */
#include "core/dtype.h"
#include "cpu/columns.h"
#include "cpu/cost.h"
#include "cpu/direct_ch.h"
#include "cpu/share.h"

/* Pixels of a strip that is no row, at most; of as many bytes as L2 keeps beside the weights of a
 * tile, but a few tiles at least. */
enum { STRIP = 96, LEAST_STRIP = 24, STRIP_UNIT = 12 };
static const double strip_kept = 0.375;

/* Bytes of a block's copied rows at most, of many channels for direct_sum; of a tile's weights that
 * L1 keeps beside the pixels. */
static const double rows_bytes = 64 << 10, sum_rows_bytes = 3 << 18, weights_bytes = 40 << 10;
/* Seconds a tile takes beside its products, and times as long products take as in gemm_ch: of flat
 * images; of others with weights that come from the L2 cache. Granite Rapids VM, November 2026. */
static const double tile_seconds = 3e-9, flat_products = 0.8, far_products = 1.12;
/* Seconds an output takes that the kernel stores, and an input that no cache keeps. */
static const double output_seconds = 0.04e-9, far_input = 0.25e-9;
/* direct_sum: seconds to add the lanes of an output up (4 ns with the next, 3x3s2 64-17@32 on a
 * Granite Rapids VM), to store a pixel's, and of an input that no cache keeps. */
static const double lanes_seconds = 2e-9, pixel_seconds = 3e-9, far_sum_input = 0.1e-9;

typedef struct plan {
    c2_pack_shape pack;
    c2_split tiles;          /* of output channels */
    bool in_place, finished; /* the kernel stores results */
    bool flat;               /* the pixels of all rows are at one distance, as their outputs */
    bool far;                /* a row's results are neighbours, and L2 does not keep all */
    int64_t row, pixel;      /* floats from input row to row, and from column to column */
    int64_t columns;         /* of a copied row */
    int64_t strip;           /* pixels of a strip that is no row */
    int64_t runs, run;       /* of a window: neighbouring floats */
    c2_split row_blocks;     /* of an image's output rows */
    size_t sums_at, scratch_bytes; /* of a worker: rows, sums; to C2_STACK_BYTES on its stack */
    double seconds;                /* of an image, without the epilogue */
} plan;

struct c2_state {
    const c2_kernel *kernel;
    c2_direct_fn fn;
    c2_widen_fn widen;
    c2_epilogue_fn epilogue;
    plan plan;
    float low, high;
    ptrdiff_t *offset; /* of each run */
    size_t offset_bytes;
};

static bool is_sum(const c2_kernel *k) { return k->family == C2_FAMILY_DIRECT_SUM; }

/* Output channels of the kernel's tiles. */
static c2_split tiles_of(const c2_kernel *k, const c2_problem *p, const c2_pack_shape *pack)
{
    return is_sum(k) ? c2_split_even(p->ocg, c2_div_up(p->ocg, k->nr)) : pack->tiles;
}

/* Vectors of output channels in each tile: as many as the kernel has, fewer if weights of all taps
 * would not stay near. */
static c2_pack_shape shape_of(const c2_kernel *k, const c2_problem *p)
{
    if (is_sum(k))
        return c2_pack_filters(p);
    const int64_t lanes = k->lanes, vectors = c2_div_up(p->ocg, lanes), k_all = c2_problem_k(p);
    const double a_vector = (double)(k_all * lanes) * sizeof(float);
    const int64_t near = (int64_t)fmax(2, fmin(weights_bytes / a_vector, (double)C2_MAX_NR));
    const int64_t most = c2_min(near, k->nr / (int)lanes), n = c2_div_up(vectors, most);
    const int64_t width = c2_div_up(vectors, n) * lanes;
    return (c2_pack_shape){{c2_div_up(p->ocg, width), width, 0}, (int)width, k_all, k_all};
}

static void set_input(const c2_kernel *k, const c2_problem *p, plan *d)
{
    const bool neighbours = p->input_stride[1] == 1 || p->icg == 1;
    /* A number's lane, and so the order of sums, may not depend on where columns lie. */
    const bool merges = p->kw > 1 && p->dilation[1] == 1;
    const bool apart = is_sum(k) && merges && p->input_stride[3] != p->icg;
    d->in_place =
        p->input_dtype == CONV2D_FLOAT32 && neighbours && !apart && !c2_problem_is_padded(p);
    d->pixel = d->in_place ? p->input_stride[3] : p->icg;
    d->columns = (p->ow - 1) * p->stride[1] + (p->kw - 1) * p->dilation[1] + 1;
    d->row = d->in_place ? p->input_stride[2] : d->columns * p->icg;
    const bool merged = merges && d->pixel == p->icg;
    d->runs = merged ? p->kh : p->kh * p->kw;
    d->run = merged ? p->kw * p->icg : p->icg;
    d->flat = d->in_place && p->kh == 1 && p->kw == 1 &&
              p->stride[0] * p->input_stride[2] == p->ow * p->stride[1] * p->input_stride[3] &&
              p->output_stride[2] == p->ow * p->output_stride[3];
}

/* Seconds that a float takes where rows of so many channels are turned, by vectors of both: 128-3
 * and 64-3@256 in NCHW on a Granite Rapids VM and a Zen 5, November 2026. */
static const double turned_float = 0.12e-9;
enum { TURNED_CHANNELS = 16 };

/* Seconds to copy the rows of a block, of all blocks. */
static double copy_seconds(const c2_speed *speed, const c2_problem *p, const plan *d)
{
    const double blocks = (double)d->row_blocks.n;
    const double copied = blocks * (double)c2_rows_under(p, c2_div_up(p->oh, d->row_blocks.n)) *
                          (double)(d->columns * p->icg);
    const bool runs = p->input_dtype == CONV2D_FLOAT32 &&
                      (p->icg == 1 ? p->input_stride[3] : p->input_stride[1]) == 1;
    const bool turned = p->icg >= TURNED_CHANNELS && p->input_stride[3] == 1;
    const double apart = turned ? fmin(turned_float, speed->gather) : speed->gather;
    return d->in_place ? 0 : copied * (runs ? speed->copy : apart);
}

static double sum_seconds(const c2_speed *speed, const c2_kernel *k, const c2_problem *p,
                          const plan *d)
{
    const double pixels = (double)p->oh * (double)p->ow, oc = (double)p->oc, lanes = k->lanes;
    const double vectors = (double)d->runs * ceil((double)d->run / lanes);
    const double tiles = (double)d->tiles.n;
    const double calls = (double)(d->flat ? c2_div_up(p->oh * p->ow, d->strip) : p->oh);
    return pixels * oc * vectors * lanes / speed->fma_lanes *
               c2_cost_small_tile(k->mr, oc / tiles, 1) +
           pixels * (oc * lanes_seconds + tiles * pixel_seconds) + calls * tiles * speed->call +
           copy_seconds(speed, p, d);
}

static double seconds(const c2_speed *speed, const c2_kernel *k, const c2_problem *p, const plan *d)
{
    const int64_t vectors = d->pack.width / k->lanes, pixels = d->flat ? p->oh * p->ow : p->ow;
    const int64_t most = c2_min(C2_DIRECT_CH_ROWS, k->mr * (k->nr / k->lanes) / vectors);
    const int64_t rows = c2_direct_ch_rows(most, pixels);
    const double strips = (double)(d->flat ? 1 : p->oh), k_all = (double)c2_problem_k(p);
    const double calls = (double)(d->flat ? c2_div_up(pixels, d->strip) : 1);
    const double tiles = (double)d->pack.tiles.n, a_strip = (double)c2_div_up(pixels, rows) * tiles;
    const bool far = k_all * (double)d->pack.width * sizeof(float) > speed->l1_weights;
    const double as_gemm = d->flat ? (far ? speed->far_flat : flat_products)
                                   : (far ? far_products : 1);
    const double products =
        a_strip * (double)rows * (double)d->pack.width * k_all / speed->fma_lanes;
    return strips * (products * as_gemm * c2_cost_small_tile((double)rows, (double)vectors, 1) +
                     a_strip * tile_seconds +
                     calls * tiles * (d->finished ? 1 : 8) * speed->call) +
           copy_seconds(speed, p, d);
}

/* Blocks of large tensors, so that a run finds in L2 those that the run before ended with. */
enum { WAY_BLOCKS = 16 };

static plan plan_make(const conv2d_device *device, const c2_kernel *k, const c2_problem *p)
{
    plan d = {.pack = shape_of(k, p)};
    d.tiles = tiles_of(k, p, &d.pack);
    float low, high;
    d.finished = !is_sum(k) && !p->has_residual && c2_clamp_of(p, &low, &high) &&
                 (p->output_stride[1] == 1 || p->oc == 1);
    d.far = d.finished && c2_beyond_l2(device, c2_output_bytes(p)) &&
            p->output_stride[3] == d.pack.width;
    set_input(k, p, &d);
    const c2_speed *speed = c2_speed_of(device, k);
    const double kept = strip_kept * speed->l2;
    const int64_t fitting = (int64_t)fmin(STRIP, kept / sizeof(float) / (double)c2_problem_k(p));
    d.strip = c2_max(LEAST_STRIP, fitting / STRIP_UNIT * STRIP_UNIT);
    const double a_row = (double)d.row * sizeof(float);
    const double room = fmax(C2_STACK_BYTES, fmin((double)p->workspace_limit,
                                                    is_sum(k) ? sum_rows_bytes : rows_bytes));
    const bool large = c2_beyond_l2(device, c2_tensor_bytes(p));
    int64_t rows = d.in_place && large ? c2_div_up(p->oh, WAY_BLOCKS) : p->oh;
    if (!d.in_place) {
        const double fit = floor(room / a_row) - (double)c2_rows_under(p, 1);
        rows = (int64_t)fmin((double)rows, fmax(0, floor(fit / (double)p->stride[0])) + 1);
    }
    d.row_blocks = c2_split_even(p->oh, c2_div_up(p->oh, rows));
    const int64_t copied =
        d.in_place ? 0 : c2_rows_under(p, c2_div_up(p->oh, d.row_blocks.n)) * d.row;
    d.sums_at = c2_round_up((size_t)copied * sizeof(float), C2_ALIGN);
    d.scratch_bytes =
        d.sums_at +
        (d.finished ? 0 : sizeof(float) * STRIP * (size_t)(is_sum(k) ? k->nr : d.pack.width));
    d.seconds = (is_sum(k) ? sum_seconds : seconds)(speed, k, p, &d);
    return d;
}

static bool supports(const conv2d_device *device, const c2_problem *p, const c2_kernel *k,
                     c2_why *why)
{
    if (p->groups > 1)
        return c2_refuse(why, "groups = %lld: a row's pixels have the channels of one group",
                         (long long)p->groups);
    /* Images of any size are asked for. */
    const double rows = (double)(p->kh - 1) * (double)p->dilation[0] + 1;
    const double columns = (double)(p->ow - 1) * (double)p->stride[1] +
                           (double)(p->kw - 1) * (double)p->dilation[1] + 1;
    const double bytes = rows * columns * (double)p->icg * sizeof(float);
    if (bytes > (double)INT32_MAX)
        return c2_refuse(why, "%.3g bytes of rows under an output row: fewer than 2^31", bytes);
    const plan d = plan_make(device, k, p);
    return c2_scratch_fits(p, d.scratch_bytes, "the rows under an output row", why) &&
           c2_driver_supports(k, p, why);
}

static double cost(const conv2d_device *device, const c2_problem *p, const c2_kernel *k)
{
    const plan d = plan_make(device, k, p);
    const double outputs = (double)p->oh * (double)p->ow * (double)p->oc;
    const double inputs = (double)p->h * (double)p->w * (double)p->icg;
    const double far = is_sum(k) ? far_sum_input : far_input;
    return (double)p->n * (d.seconds + (d.finished ? outputs * output_seconds : 0) +
                           (c2_input_is_far(p) ? inputs * far : 0)) +
           (d.finished ? 0 : c2_cost_epilogue(c2_speed_of(device, k), p, 1));
}

static c2_bytes memory(const conv2d_device *device, const c2_problem *p, const c2_kernel *k)
{
    const plan d = plan_make(device, k, p);
    return (c2_bytes){c2_pack_bytes(p, &d.pack), 0,
                      c2_scratch_workspace(d.scratch_bytes)};
}

static void packing(const c2_problem *p, const c2_kernel *k, c2_text *out)
{
    const c2_pack_shape shape = shape_of(k, p);
    c2_pack_name(p, &shape, out);
}

static conv2d_status pack(const c2_problem *p, const c2_kernel *k, const c2_weight_view *view,
                          conv2d_buffer *packed)
{
    const c2_pack_shape shape = shape_of(k, p);
    c2_pack_weights(p, &shape, view, packed->host);
    return CONV2D_OK;
}

static void plan_destroy(conv2d_device *device, c2_state *s)
{
    if (!s)
        return;
    c2_free(&device->allocator, s->offset, s->offset_bytes);
    c2_free(&device->allocator, s, sizeof *s);
}

static conv2d_status plan_create(conv2d_device *device, const c2_problem *p, const c2_kernel *k,
                                 c2_state **state_out)
{
    c2_state *s = c2_alloc_zero(&device->allocator, sizeof *s);
    if (!s)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    s->kernel = k;
    s->widen = (c2_widen_fn)c2_cpu_helper(k, C2_FAMILY_WIDEN, p->input_dtype);
    s->epilogue = c2_cpu_epilogue(k, p->output_dtype);
    s->plan = plan_make(device, k, p);
    const int64_t runs = s->plan.runs, in_a_row = runs / p->kh;
    s->low = -HUGE_VALF;
    s->high = HUGE_VALF;
    if (s->plan.finished)
        c2_clamp_of(p, &s->low, &s->high);
    const int32_t stored = s->plan.finished ? p->output_dtype : CONV2D_FLOAT32;
    s->fn = (c2_direct_fn)c2_cpu_kernel_of(k, stored)->fn;
    s->offset_bytes = (size_t)runs * sizeof *s->offset;
    s->offset = c2_alloc(&device->allocator, s->offset_bytes);
    if (!s->offset) {
        plan_destroy(device, s);
        return c2_fail(CONV2D_E_NOMEM, "no memory for the offsets of %lld runs", (long long)runs);
    }
    for (int64_t i = 0; i < runs; i++)
        s->offset[i] = i / in_a_row * p->dilation[0] * s->plan.row +
                       i % in_a_row * p->dilation[1] * s->plan.pixel;
    *state_out = s;
    return CONV2D_OK;
}

/* The rows under output rows [begin, end) of an image. */
static void copy_rows(const c2_state *s, const c2_run_args *args, int64_t n, int64_t begin,
                      int64_t end, float *to)
{
    const c2_problem *p = args->problem;
    const int64_t element = (int64_t)c2_dtype_bytes(p->input_dtype);
    const char *image = (const char *)args->input.data + n * p->input_stride[0] * element;
    c2_columns columns = c2_columns_make(p, s->widen, -p->pad[1], 1, s->plan.columns);
    columns.channels = (int)p->icg;
    columns.pitch = p->icg;
    const int64_t rows = c2_rows_under(p, end - begin), first = begin * p->stride[0] - p->pad[0];
    for (int64_t i = 0; i < rows; i++, to += s->plan.row) {
        const int64_t y = c2_pad_index(p->padding_mode, first + i, p->h);
        c2_columns_copy(&columns, y < 0 ? NULL : image + y * p->input_stride[2] * element, to);
    }
}

typedef struct work {
    const c2_state *s;
    const c2_run_args *args;
    c2_share_task task;
    bool streams; /* results pass the caches */
    float *sums;  /* of a strip and tile, where they are no results yet */
} work;

/* n output pixels from `first` of the image on, of an output row unless rows are flat, by the
 * task's output channel tiles. */
static void run_strip(const work *w, const float *pixels, int64_t first, int64_t n)
{
    const c2_state *s = w->s;
    const c2_problem *p = w->args->problem;
    const int64_t width = s->plan.pack.width, k_all = c2_problem_k(p);
    const int64_t element = (int64_t)c2_dtype_bytes(p->output_dtype);
    const int64_t at = first / p->ow * p->output_stride[2] + first % p->ow * p->output_stride[3];
    float room[C2_MAX_NR];
    c2_direct_args a = {.pixels = pixels,
                        .offset = s->offset,
                        .n_offsets = (size_t)s->plan.runs,
                        .klen = (size_t)s->plan.run,
                        .pitch = p->stride[1] * s->plan.pixel,
                        .width = width,
                        .streams = w->streams,
                        .fetches = s->plan.far && !w->streams,
                        .low = s->low,
                        .high = s->high,
                        .n = n};
    for (int64_t tile = w->task.tile_begin; tile < w->task.tile_end; tile++) {
        const int64_t oc = c2_split_begin(&s->plan.tiles, tile);
        a.m = (int)(c2_min(p->oc, c2_split_begin(&s->plan.tiles, tile + 1)) - oc);
        a.weight = (const float *)w->args->packed->host + oc * k_all;
        const c2_target target = c2_target_of(w->args, s->epilogue, w->task.image, oc);
        if (s->plan.finished) {
            a.bias = p->has_bias ? c2_bias_of(w->args, oc, a.m, width, room) : NULL;
            a.out = target.out + at * element;
            a.out_pitch = p->output_stride[3];
            s->fn(&a);
        } else {
            const int64_t pitch = is_sum(s->kernel) ? a.m : width;
            a.out = w->sums;
            a.out_pitch = pitch;
            s->fn(&a);
            const c2_lanes lanes = {.first = first, .count = n, .pitch = p->ow, .cols = p->ow};
            c2_store_pixel_rows(&target, w->sums, pitch, a.m, 1, &lanes);
        }
    }
}

static c2_share share_of(const c2_state *s, const c2_run_args *args)
{
    const c2_problem *p = args->problem;
    return c2_share_of(s->plan.row_blocks, p->oh, false, s->plan.tiles.n, p->n,
                       args->n_workers);
}

static void run_task(const c2_state *s, const c2_run_args *args, size_t task, int worker)
{
    const c2_problem *p = args->problem;
    const plan *d = &s->plan;
    _Alignas(64) char stack[C2_STACK_BYTES];
    const c2_share h = share_of(s, args);
    const c2_share_task t = c2_share_task_of(&h, task);
    char *scratch = c2_scratch_of(args, worker, d->scratch_bytes, stack);
    const work w = {.s = s,
                    .args = args,
                    .task = t,
                    .streams = d->finished && c2_may_stream(args, s->kernel),
                    .sums = (float *)(void *)(scratch + d->sums_at)};
    const float *rows = (const float *)(void *)scratch;
    if (d->in_place)
        rows = (const float *)args->input.data + t.image * p->input_stride[0] +
               t.begin * p->stride[0] * d->row;
    else
        copy_rows(s, args, t.image, t.begin, t.end, (float *)(void *)scratch);
    const int64_t n_rows = d->flat ? 1 : t.end - t.begin;
    const int64_t length = d->flat ? (t.end - t.begin) * p->ow : p->ow;
    const int64_t most = d->flat || !d->finished ? d->strip : length;
    for (int64_t y = 0; y < n_rows; y++) {
        const float *row = rows + y * p->stride[0] * d->row;
        for (int64_t x = 0; x < length; x += most)
            run_strip(&w, row + x * p->stride[1] * d->pixel, (t.begin + y) * p->ow + x,
                      c2_min(most, length - x));
    }
}

static conv2d_status run(const c2_state *s, const c2_run_args *args)
{
    return c2_cpu_parallel(s, args, (size_t)share_of(s, args).tasks, run_task);
}

static const c2_kernel *ch_kernel(const conv2d_device *device, int variant)
{
    return c2_cpu_kernel(device, C2_FAMILY_DIRECT_CH, variant);
}

static int ch_variants(const conv2d_device *device)
{
    return c2_cpu_kernel_count(device, C2_FAMILY_DIRECT_CH);
}

static const char *ch_variant_name(const conv2d_device *device, int variant)
{
    return ch_kernel(device, variant)->variant;
}

static const char *ch_variant_isa(const conv2d_device *device, int variant)
{
    return ch_kernel(device, variant)->isa;
}

static bool ch_supports(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    return supports(device, p, ch_kernel(device, variant), why);
}

static double ch_cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    return cost(device, p, ch_kernel(device, variant));
}

static c2_bytes ch_memory(const conv2d_device *device, const c2_problem *p, int variant)
{
    return memory(device, p, ch_kernel(device, variant));
}

static void ch_packing(const conv2d_device *device, const c2_problem *p, int variant, c2_text *out)
{
    packing(p, ch_kernel(device, variant), out);
}

static conv2d_status ch_pack(conv2d_device *device, const c2_problem *p, int variant,
                             const c2_weight_view *view, conv2d_buffer *packed)
{
    return pack(p, ch_kernel(device, variant), view, packed);
}

static conv2d_status ch_plan_create(conv2d_device *device, const c2_problem *p, int variant,
                                    c2_state **state_out)
{
    return plan_create(device, p, ch_kernel(device, variant), state_out);
}

const c2_algorithm c2_algo_direct_ch = {
    .name = "direct_ch",
    .variants = ch_variants,
    .variant_name = ch_variant_name,
    .variant_isa = ch_variant_isa,
    .supports = ch_supports,
    .cost = ch_cost,
    .bound = c2_strict_bound,
    .bound_text = c2_strict_bound_text,
    .memory = ch_memory,
    .packing = ch_packing,
    .pack = ch_pack,
    .plan_create = ch_plan_create,
    .plan_destroy = plan_destroy,
    .run = run,
};

static const c2_kernel *sum_kernel(const conv2d_device *device, int variant)
{
    return c2_cpu_kernel(device, C2_FAMILY_DIRECT_SUM, variant);
}

static int sum_variants(const conv2d_device *device)
{
    return c2_cpu_kernel_count(device, C2_FAMILY_DIRECT_SUM);
}

static const char *sum_variant_name(const conv2d_device *device, int variant)
{
    return sum_kernel(device, variant)->variant;
}

static const char *sum_variant_isa(const conv2d_device *device, int variant)
{
    return sum_kernel(device, variant)->isa;
}

static bool sum_supports(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    return supports(device, p, sum_kernel(device, variant), why);
}

static double sum_cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    return cost(device, p, sum_kernel(device, variant));
}

static c2_bytes sum_memory(const conv2d_device *device, const c2_problem *p, int variant)
{
    return memory(device, p, sum_kernel(device, variant));
}

static void sum_packing(const conv2d_device *device, const c2_problem *p, int variant, c2_text *out)
{
    packing(p, sum_kernel(device, variant), out);
}

static conv2d_status sum_pack(conv2d_device *device, const c2_problem *p, int variant,
                             const c2_weight_view *view, conv2d_buffer *packed)
{
    return pack(p, sum_kernel(device, variant), view, packed);
}

static conv2d_status sum_plan_create(conv2d_device *device, const c2_problem *p, int variant,
                                    c2_state **state_out)
{
    return plan_create(device, p, sum_kernel(device, variant), state_out);
}

const c2_algorithm c2_algo_direct_sum = {
    .name = "direct_sum",
    .variants = sum_variants,
    .variant_name = sum_variant_name,
    .variant_isa = sum_variant_isa,
    .supports = sum_supports,
    .cost = sum_cost,
    .bound = c2_strict_bound,
    .bound_text = c2_strict_bound_text,
    .memory = sum_memory,
    .packing = sum_packing,
    .pack = sum_pack,
    .plan_create = sum_plan_create,
    .plan_destroy = plan_destroy,
    .run = run,
};
