/* SPDX-License-Identifier: BSD-2-Clause
 * depthwise_ch: one input channel a group, lanes = channels, rows = pixels through pointers, no
 * copy. With a channel multiplier M, pass j computes output channels j, j + M, j + 2M, ...
 * Error before activation: g(K+2) * s + (K+2) * 2^-149, K = KH * KW; taps in order. */
#include "core/dtype.h"
#include "cpu/cost.h"
#include "cpu/depthwise.h"
#include "cpu/rows.h"

enum {
    WANTED_TASKS = 16,
    BLOCK_TILES = 64 /* pixel tiles of a task, if the image has enough */
};

struct c2_state {
    const c2_kernel *kernel;
    c2_dw_ch_fn fn;
    c2_epilogue_fn epilogue;
    int64_t channel_tiles;
    c2_split pixel_tiles, pixel_blocks;
    float *zeros; /* one a channel: a padded pixel */
    size_t zeros_bytes;
};

static int variants(const conv2d_device *device)
{
    return c2_cpu_kernel_count(device, C2_FAMILY_DW_CH);
}

static const char *variant_name(const conv2d_device *device, int variant)
{
    return c2_cpu_kernel(device, C2_FAMILY_DW_CH, variant)->variant;
}

static const char *variant_isa(const conv2d_device *device, int variant)
{
    return c2_cpu_kernel(device, C2_FAMILY_DW_CH, variant)->isa;
}

static bool supports(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    if (!c2_dw_supports(p, why))
        return false;
    if (p->input_stride[1] != 1 && p->ic > 1)
        return c2_refuse(why, "input channel stride is %lld: lanes over channels need 1",
                         (long long)p->input_stride[1]);
    return c2_driver_supports(c2_cpu_kernel(device, C2_FAMILY_DW_CH, variant), p, why);
}

static double cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    const c2_kernel *k = c2_cpu_kernel(device, C2_FAMILY_DW_CH, variant);
    const c2_speed *speed = c2_speed_of(device, k);
    const double lanes = k->lanes, taps = (double)p->kh * (double)p->kw;
    const double pixels = (double)p->n * (double)p->oh * (double)p->ow;
    const double channels = ceil((double)p->groups / lanes) * lanes;
    const double calls = pixels / k->mr * ceil((double)p->groups / k->nr) * (double)p->ocg;
    return pixels * channels * (double)p->ocg * taps / speed->load_lanes +
           pixels * taps * speed->pointer + calls * speed->call + c2_cost_epilogue(speed, p, 1);
}

static c2_bytes memory(const conv2d_device *device, const c2_problem *p, int variant)
{
    return c2_dw_memory(c2_cpu_kernel(device, C2_FAMILY_DW_CH, variant), p);
}

static void packing(const conv2d_device *device, const c2_problem *p, int variant, c2_text *out)
{
    c2_dw_packing(c2_cpu_kernel(device, C2_FAMILY_DW_CH, variant), p, out);
}

static conv2d_status pack(conv2d_device *device, const c2_problem *p, int variant,
                          const c2_weight_view *view, conv2d_buffer *packed)
{
    c2_dw_pack(c2_cpu_kernel(device, C2_FAMILY_DW_CH, variant), p, view, packed->host);
    return CONV2D_OK;
}

static void plan_destroy(conv2d_device *device, c2_state *s)
{
    if (!s)
        return;
    c2_free(&device->allocator, s->zeros, s->zeros_bytes);
    c2_free(&device->allocator, s, sizeof *s);
}

static conv2d_status plan_create(conv2d_device *device, const c2_problem *p, int variant,
                                 c2_state **state_out)
{
    c2_state *s = c2_alloc_zero(&device->allocator, sizeof *s);
    if (!s)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    s->kernel = c2_cpu_kernel(device, C2_FAMILY_DW_CH, variant);
    s->fn = (c2_dw_ch_fn)c2_cpu_kernel_of(s->kernel, p->input_dtype)->fn;
    s->epilogue = c2_cpu_epilogue(s->kernel, p->output_dtype);
    s->channel_tiles = c2_dw_channel_tiles(s->kernel, p);
    s->pixel_tiles = c2_split_even(p->oh * p->ow, c2_div_up(p->oh * p->ow, s->kernel->mr));
    const int64_t blocks = c2_max(WANTED_TASKS, c2_div_up(s->pixel_tiles.n, BLOCK_TILES));
    s->pixel_blocks = c2_split_even(s->pixel_tiles.n, c2_min(blocks, s->pixel_tiles.n));
    s->zeros_bytes = (size_t)p->ic * sizeof(float);
    s->zeros = c2_alloc_zero(&device->allocator, s->zeros_bytes);
    if (!s->zeros) {
        const size_t bytes = s->zeros_bytes;
        plan_destroy(device, s);
        return c2_fail(CONV2D_E_NOMEM, "no memory for %zu bytes of zeros", bytes);
    }
    *state_out = s;
    return CONV2D_OK;
}

/* A tile of pixels, a tile of channels, one pass of the multiplier. */
static void channel_tile(const c2_state *s, const c2_run_args *args, const c2_rows *rows,
                         const c2_lanes *lanes, const void **table, int64_t n, int64_t unit)
{
    const c2_problem *p = args->problem;
    const int64_t tile = unit / p->ocg, pass = unit % p->ocg;
    const int64_t n_taps = p->kh * p->kw, channel = tile * s->kernel->nr;
    const int channels = (int)c2_min(s->kernel->nr, p->groups - channel);
    _Alignas(64) float acc[C2_MAX_TILE];
    c2_dw_ch_args a = {.rows = table, .offset = channel, .acc = acc, .m = rows->m, .n = channels};
    a.weight = (const float *)args->packed->host +
               (pass * s->channel_tiles + tile) * n_taps * s->kernel->nr;
    for (int64_t t = 0; t < n_taps; t += C2_TAP_CHUNK) {
        a.n_taps = (size_t)c2_min(C2_TAP_CHUNK, n_taps - t);
        /* One chunk holds for all channels. */
        if (unit == 0 || n_taps > C2_TAP_CHUNK)
            c2_rows_table(rows, t, a.n_taps, s->kernel->mr, table);
        s->fn(&a);
        a.weight += a.n_taps * (size_t)s->kernel->nr;
        a.accumulate = true;
    }
    const c2_target target = c2_target_of(args, s->epilogue, n, channel * p->ocg + pass);
    c2_store_pixel_rows(&target, acc, s->kernel->nr, channels, p->ocg, lanes);
}

static void run_task(const c2_state *s, const c2_run_args *args, size_t task, int worker)
{
    (void)worker;
    const c2_problem *p = args->problem;
    const int64_t block = (int64_t)task % s->pixel_blocks.n, n = (int64_t)task / s->pixel_blocks.n;
    const void *table[C2_TAP_CHUNK * C2_MAX_MR];
    c2_rows rows;
    const int64_t image = n * p->input_stride[0] * (int64_t)c2_dtype_bytes(p->input_dtype);
    c2_rows_init(&rows, p, (const char *)args->input.data + image, s->zeros);
    const int64_t end = c2_split_begin(&s->pixel_blocks, block + 1);
    for (int64_t i = c2_split_begin(&s->pixel_blocks, block); i < end; i++) {
        const int64_t first = c2_split_begin(&s->pixel_tiles, i);
        const int m = (int)(c2_split_begin(&s->pixel_tiles, i + 1) - first);
        const c2_lanes lanes = {first, m, p->ow, p->ow, 0, 0};
        c2_rows_pixels(&rows, first, m);
        for (int64_t unit = 0; unit < s->channel_tiles * p->ocg; unit++)
            channel_tile(s, args, &rows, &lanes, table, n, unit);
    }
}

static conv2d_status run(const c2_state *s, const c2_run_args *args)
{
    return c2_cpu_parallel_runs(s, args, (size_t)(args->problem->n * s->pixel_blocks.n), run_task);
}

const c2_algorithm c2_algo_depthwise_ch = {
    .name = "depthwise_ch",
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
