/* SPDX-License-Identifier: BSD-2-Clause
 * Driver of the gemm_ch kernels (rows = pixels, lanes = output channels): implicit GEMM without any
 * copy, for inputs whose channels are neighbours in memory. Each tap of each pixel of a tile is a
 * pointer to its channels; a padded zero points at zeros. Needs no workspace.
 * Bound: g(K+2) * s + (K+2) * 2^-149 (docs/numerics.md). */
#include "core/dtype.h"
#include "cpu/cost.h"
#include "cpu/driver.h"
#include "cpu/rows.h"

enum {
    WEIGHTS_INNER_BYTES = 1 << 19, /* more packed weights than this: loop over them outside */
    BLOCK_TILES = 16,              /* pixel tiles of a task, if the image has enough */
    WANTED_TASKS = 16
};

typedef struct blocking {
    c2_pack_shape pack;
    c2_split pixel_tiles;  /* of oh * ow pixels of an image */
    c2_split pixel_blocks; /* of the pixel tiles */
    c2_split tile_blocks;  /* of the output channel tiles */
    bool weights_outside;
} blocking;

struct c2_state {
    const c2_kernel *kernel;
    c2_gemm_ch_fn fn;
    c2_epilogue_fn epilogue;
    blocking b;
    float *zeros; /* icg of them; the bits are 0 in every type */
    size_t zeros_bytes;
};

static blocking choose_blocking(const c2_kernel *k, const c2_problem *p)
{
    blocking b;
    const int64_t oc_tiles = c2_div_up(p->ocg, k->nr), pixels = p->oh * p->ow;
    /* All tiles but the last are full: lanes are worth more than balance. */
    const int64_t k_all = c2_problem_k(p);
    b.pack = (c2_pack_shape){{oc_tiles, k->nr, 0}, k->nr, k_all, k_all};
    b.pixel_tiles = c2_split_even(pixels, c2_div_up(pixels, k->mr));
    const int64_t blocks =
        c2_min(c2_max(c2_div_up(b.pixel_tiles.n, BLOCK_TILES), WANTED_TASKS), b.pixel_tiles.n);
    b.weights_outside =
        4.0 * (double)p->ocg * (double)c2_problem_k(p) > (double)WEIGHTS_INNER_BYTES;
    if (b.weights_outside) {
        /* Big weights: few blocks of pixels, so that a tile of weights is used often. */
        b.pixel_blocks =
            c2_split_even(b.pixel_tiles.n, c2_div_up(b.pixel_tiles.n, (int64_t)BLOCK_TILES * 4));
        const int64_t parts = c2_div_up(WANTED_TASKS, b.pixel_blocks.n);
        b.tile_blocks = c2_split_even(oc_tiles, c2_min(parts, oc_tiles));
    } else {
        b.pixel_blocks = c2_split_even(b.pixel_tiles.n, blocks);
        b.tile_blocks = c2_split_even(oc_tiles, 1);
    }
    return b;
}

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
    int64_t tile_begin, tile_end;
} work;

/* Output channel tiles [begin, end) for one tile of pixels. */
static void pixel_tile(work *w, int64_t pixel_tile, int64_t begin, int64_t end)
{
    const c2_state *s = w->s;
    const c2_problem *p = w->args->problem;
    const int64_t first = c2_split_begin(&s->b.pixel_tiles, pixel_tile);
    const int m = (int)(c2_split_begin(&s->b.pixel_tiles, pixel_tile + 1) - first);
    const int64_t n_taps = p->kh * p->kw, nr = s->kernel->nr;
    const void *table[C2_TAP_CHUNK * C2_MAX_MR];
    _Alignas(64) float acc[C2_MAX_TILE];
    const c2_lanes lanes = {first, m, p->ow, p->ow, 0, 0};
    c2_rows_pixels(&w->rows, first, m);
    for (int64_t tile = begin; tile < end; tile++) {
        const int64_t oc = tile * nr, channels = oc_tile_end(p, &s->b.pack, tile) - oc;
        c2_gemm_ch_args a = {table, 0, (size_t)p->icg, w->weights + tile * nr * c2_problem_k(p),
                             acc,   m, (int)channels,  false};
        for (int64_t t = 0; t < n_taps; t += C2_TAP_CHUNK) {
            a.n_taps = (size_t)c2_min(C2_TAP_CHUNK, n_taps - t);
            /* One chunk holds for all tiles of output channels. */
            if (tile == begin || n_taps > C2_TAP_CHUNK)
                c2_rows_table(&w->rows, t, a.n_taps, s->kernel->mr, table);
            s->fn(&a);
            a.weight += a.n_taps * a.klen * (size_t)nr;
            a.accumulate = true;
        }
        const c2_target target = c2_target_of(w->args, s->epilogue, w->n, w->g * p->ocg + oc);
        c2_store_pixel_rows(&target, acc, nr, (int)channels, 1, &lanes);
    }
}

static void run_task(const c2_state *s, const c2_run_args *args, size_t task, int worker)
{
    (void)worker;
    const c2_problem *p = args->problem;
    const int64_t i = (int64_t)task, block = i % s->b.pixel_blocks.n;
    const int64_t tiles = i / s->b.pixel_blocks.n % s->b.tile_blocks.n;
    const int64_t rest = i / s->b.pixel_blocks.n / s->b.tile_blocks.n;
    work w = {.s = s, .args = args, .n = rest / p->groups, .g = rest % p->groups};
    const char *image = (const char *)args->input.data +
                        (w.n * p->input_stride[0] + w.g * p->icg * p->input_stride[1]) *
                            (int64_t)c2_dtype_bytes(p->input_dtype);
    c2_rows_init(&w.rows, p, image, s->zeros);
    w.weights = (const float *)args->packed->host +
                w.g * s->b.pack.tiles.n * s->b.pack.width * c2_problem_k(p);
    w.tile_begin = c2_split_begin(&s->b.tile_blocks, tiles);
    w.tile_end = c2_split_begin(&s->b.tile_blocks, tiles + 1);
    const int64_t begin = c2_split_begin(&s->b.pixel_blocks, block);
    const int64_t end = c2_split_begin(&s->b.pixel_blocks, block + 1);
    if (s->b.weights_outside) {
        for (int64_t tile = w.tile_begin; tile < w.tile_end; tile++)
            for (int64_t pixels = begin; pixels < end; pixels++)
                pixel_tile(&w, pixels, tile, tile + 1);
    } else {
        for (int64_t pixels = begin; pixels < end; pixels++)
            pixel_tile(&w, pixels, w.tile_begin, w.tile_end);
    }
}

conv2d_status c2_gemm_ch_run(const c2_state *s, const c2_run_args *args)
{
    const c2_problem *p = args->problem;
    return c2_cpu_parallel(
        s, args, (size_t)(p->n * p->groups * s->b.tile_blocks.n * s->b.pixel_blocks.n), run_task);
}

bool c2_gemm_ch_supports(const c2_problem *p, c2_why *why)
{
    if (p->input_stride[1] != 1 && p->icg > 1)
        return c2_refuse(why, "input channel stride is %lld: lanes over output channels need 1",
                         (long long)p->input_stride[1]);
    return true;
}

double c2_gemm_ch_cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    const c2_kernel *k = c2_cpu_kernel(device, C2_FAMILY_GEMM_CH, variant);
    const c2_speed *speed = c2_speed_of(device, k);
    const blocking b = choose_blocking(k, p);
    const double lanes = c2_vector_lanes(k), taps = (double)p->kh * (double)p->kw;
    const double channels = ceil((double)p->ocg / lanes) * lanes,
                 pixels = (double)p->oh * (double)p->ow;
    const double rows = pixels / (double)b.pixel_tiles.n, vectors = fmin(channels, k->nr) / lanes;
    const double products = pixels * channels * (double)c2_problem_k(p) / speed->fma_lanes *
                            c2_cost_small_tile(rows, vectors, 1);
    const double tables =
        pixels * taps * speed->pointer * (b.weights_outside ? (double)b.pack.tiles.n : 1);
    /* The loop over a tap's channels costs a few cycles to enter for each tap. */
    const double calls = (double)b.pixel_tiles.n * (double)b.pack.tiles.n *
                         (speed->call + taps * 4 * speed->pointer);
    return (double)p->n * (double)p->groups * (products + tables + calls) +
           c2_cost_epilogue(speed, p, 1);
}

c2_bytes c2_gemm_ch_memory(const conv2d_device *device, const c2_problem *p, int variant)
{
    const blocking b = choose_blocking(c2_cpu_kernel(device, C2_FAMILY_GEMM_CH, variant), p);
    return (c2_bytes){c2_pack_bytes(p, &b.pack), 0, 0};
}

void c2_gemm_ch_packing(const conv2d_device *device, const c2_problem *p, int variant, c2_text *out)
{
    const blocking b = choose_blocking(c2_cpu_kernel(device, C2_FAMILY_GEMM_CH, variant), p);
    c2_pack_name(p, &b.pack, out);
}

conv2d_status c2_gemm_ch_pack(conv2d_device *device, const c2_problem *p, int variant,
                              const c2_weight_view *view, conv2d_buffer *packed)
{
    const blocking b = choose_blocking(c2_cpu_kernel(device, C2_FAMILY_GEMM_CH, variant), p);
    c2_pack_weights(p, &b.pack, view, packed->host);
    return CONV2D_OK;
}

conv2d_status c2_gemm_ch_plan_create(conv2d_device *device, const c2_problem *p, int variant,
                                     c2_state **state_out)
{
    c2_state *s = c2_alloc_zero(&device->allocator, sizeof *s);
    if (!s)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    s->kernel = c2_cpu_kernel(device, C2_FAMILY_GEMM_CH, variant);
    s->fn = (c2_gemm_ch_fn)c2_cpu_kernel_of(s->kernel, p->input_dtype)->fn;
    s->epilogue = c2_cpu_epilogue(s->kernel, p->output_dtype);
    s->b = choose_blocking(s->kernel, p);
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

int c2_gemm_ch_variants(const conv2d_device *device)
{
    return c2_cpu_kernel_count(device, C2_FAMILY_GEMM_CH);
}

const char *c2_gemm_ch_variant_name(const conv2d_device *device, int variant)
{
    return c2_cpu_kernel(device, C2_FAMILY_GEMM_CH, variant)->variant;
}

const char *c2_gemm_ch_variant_isa(const conv2d_device *device, int variant)
{
    return c2_cpu_kernel(device, C2_FAMILY_GEMM_CH, variant)->isa;
}
