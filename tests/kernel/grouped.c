/* SPDX-License-Identifier: BSD-2-Clause
 * grouped_ch: random runs of taps, lengths of segments, channels and lanes; sums are compared bit
 * by bit with the same products added one after the other. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { MAX_RUNS = 6, MAX_CHANNELS = 20, MAX_TILE = 1024, MAX_LANES = 16 };
enum { TABLE = MAX_RUNS * C2_GROUPED_SEGMENTS * C2_GROUPED_PIXELS };

typedef struct ch_case_data {
    c2_grouped_ch_args args;
    const void *pixels[TABLE];
    uint8_t widths[MAX_RUNS];
    int n_weights; /* vectors */
} ch_case_data;

/* Pointers that the kernel is not to read point nowhere. */
static void draw_pixels(check *c, ch_case_data *d, const guard_buffer *pixels, int positions)
{
    const uintptr_t bytes = check_pixel_bytes(c->kernel);
    for (int i = 0; i < TABLE; i++)
        d->pixels[i] = (const void *)8;
    for (int t = 0; t < (int)d->args.n_runs; t++) {
        const int step = d->widths[t] == 1 ? 1 : d->args.step;
        const int n = (d->args.length - 1) * step + d->widths[t];
        for (int s = 0; s < d->args.segments; s++)
            for (int i = 0; i < n; i++)
                d->pixels[(t * C2_GROUPED_SEGMENTS + s) * C2_GROUPED_PIXELS + i] =
                    (const void *)((uintptr_t)pixels->data +
                                   (uintptr_t)rng_range(c->random, 0, positions) * bytes -
                                   (uintptr_t)d->args.offset * bytes);
    }
}

static void add_products(check *c, const ch_case_data *d, const float *weight, float *expected)
{
    const c2_grouped_ch_args *a = &d->args;
    const int nr = c->kernel->nr, klen = (int)a->klen;
    const int longest = c->kernel->mr / C2_GROUPED_SEGMENTS;
    for (int t = 0; t < (int)a->n_runs; weight += d->widths[t++] * klen * nr) {
        const int width = d->widths[t], step = width == 1 ? 1 : a->step;
        const void *const *pixels = d->pixels + t * C2_GROUPED_SEGMENTS * C2_GROUPED_PIXELS;
        for (int u = 0; u < width; u++)
            for (int k = 0; k < klen; k++)
                for (int i = 0; i < a->segments * a->length; i++) {
                    const int s = i / a->length, x = i % a->length;
                    const void *pixel = pixels[s * C2_GROUPED_PIXELS + x * step + u];
                    float *sum = expected + (s * longest + x) * nr;
                    for (int j = 0; j < nr; j++) {
                        const int lane = a->spread ? a->spread[k * nr + j] : k;
                        sum[j] = check_add_product(c->kernel,
                                                   check_pixel(c->kernel, pixel, a->offset + lane),
                                                   weight[(k * width + u) * nr + j], sum[j]);
                    }
                }
    }
}

/* Rows outside the segments keep what they had. */
static void keep_others(check *c, const ch_case_data *d, const float *before, float *expected)
{
    const int nr = c->kernel->nr, longest = c->kernel->mr / C2_GROUPED_SEGMENTS;
    for (int i = 0; i < c->kernel->mr; i++)
        if (i / longest >= d->args.segments || i % longest >= d->args.length)
            memcpy(expected + i * nr, before + i * nr, (size_t)nr * sizeof *expected);
}

/* Pixels that the kernel finishes itself: a buffer with gaps between pixels, whose every byte is
 * compared; the gaps must keep what they had. */
typedef struct finished {
    c2_grouped_out out;
    guard_buffer got, bias;
    char *expected;
    size_t bytes;
} finished;

static finished finish_begin(check *c, const ch_case_data *d)
{
    const int nr = c->kernel->nr;
    rng *r = c->random;
    finished f = {.out = {.stride = nr + rng_range(r, 0, 5)}};
    f.out.low = rng_range(r, 0, 1) ? -(float)rng_range(r, 0, 9) : -INFINITY;
    f.out.high = rng_range(r, 0, 1) ? (float)rng_range(r, 0, 9) : INFINITY;
    const size_t bytes = check_pixel_bytes(c->kernel), length = (size_t)d->args.length;
    const size_t pixels = (size_t)d->args.segments * length;
    f.bytes = ((pixels - 1) * (size_t)f.out.stride + (size_t)nr) * bytes;
    f.got = guard_alloc(f.bytes, c->at_end);
    f.expected = malloc(f.bytes);
    memset(f.got.data, 0x5a, f.bytes);
    memset(f.expected, 0x5a, f.bytes);
    for (size_t s = 0; s < (size_t)d->args.segments; s++) {
        f.out.pixels[s] = (char *)f.got.data + s * length * (size_t)f.out.stride * bytes;
        f.out.count[s] = (int)rng_range(r, 0, d->args.length);
    }
    f.bias = check_values(c, (size_t)nr);
    f.out.bias = f.bias.data;
    return f;
}

static bool finish_check(check *c, const ch_case_data *d, finished *f, const float *sums)
{
    const int nr = c->kernel->nr, longest = c->kernel->mr / C2_GROUPED_SEGMENTS;
    for (int i = 0; i < d->args.segments * d->args.length; i++) {
        const int s = i / d->args.length, x = i % d->args.length;
        for (int j = 0; j < nr && x < f->out.count[s]; j++) {
            float y = sums[(s * longest + x) * nr + j] + f->out.bias[j];
            y = f->out.low > y ? f->out.low : y;
            y = f->out.high < y ? f->out.high : y;
            c2_store_f64(f->expected, c->kernel->dtype, i * f->out.stride + j, (double)y);
        }
    }
    const bool ok = memcmp(f->expected, f->got.data, f->bytes) == 0;
    if (!ok)
        snprintf(c->why, c->why_bytes, "a finished pixel, or a gap between them, is wrong");
    free(f->expected);
    guard_free(&f->got);
    guard_free(&f->bias);
    return ok;
}

static bool ch_case(check *c)
{
    const c2_kernel *k = c->kernel;
    rng *r = c->random;
    const int nr = k->nr, longest = k->mr / C2_GROUPED_SEGMENTS;
    const bool spread = rng_range(r, 0, 1), accumulate = rng_range(r, 0, 1);
    const int klen = spread ? check_size(r, nr, 1) : check_size(r, MAX_CHANNELS, 4);
    ch_case_data d = {.args = {.n_runs = (size_t)rng_range(r, 1, MAX_RUNS),
                               .klen = (size_t)klen,
                               .step = (int)rng_range(r, 1, 2),
                               .offset = rng_range(r, 0, 99),
                               .segments = (int)rng_range(r, 2, C2_GROUPED_SEGMENTS),
                               .accumulate = accumulate}};
    const int least = longest > 4 ? longest - 3 : 1;
    d.args.length = (int)rng_range(r, least, longest);
    for (size_t t = 0; t < d.args.n_runs; t++)
        d.n_weights += d.widths[t] = rng_range(r, 0, 1) ? 3 : 1;
    int32_t lanes[MAX_LANES * MAX_LANES];
    for (int i = 0; i < klen * nr && spread; i++)
        lanes[i] = (int32_t)rng_range(r, 0, nr - 1);
    /* Each pixel has just the channels that may be read. */
    const int channels = spread ? nr : klen;
    guard_buffer pixels = check_pixels(c, (size_t)(3 * channels));
    guard_buffer weight = check_values(c, (size_t)(d.n_weights * klen * nr));
    draw_pixels(c, &d, &pixels, 2 * channels);
    float expected[MAX_TILE], before[MAX_TILE];
    for (int i = 0; i < k->mr * nr; i++)
        expected[i] = !accumulate   ? 0
                      : c->integers ? (float)rng_range(r, -99, 99)
                                    : (float)rng_normal(r);
    check_acc acc = check_acc_make(c, accumulate ? expected : NULL);
    memcpy(before, acc.acc, (size_t)(k->mr * nr) * sizeof *before);
    d.args.pixels = d.pixels;
    d.args.widths = d.widths;
    d.args.spread = spread ? lanes : NULL;
    d.args.weight = weight.data;
    d.args.acc = acc.acc;
    add_products(c, &d, weight.data, expected);
    keep_others(c, &d, before, expected);
    const bool finishes = rng_range(r, 0, 1);
    finished f;
    if (finishes) {
        f = finish_begin(c, &d);
        d.args.out = &f.out;
    }
    ((c2_grouped_ch_fn)k->fn)(&d.args);
    bool ok = !finishes || finish_check(c, &d, &f, expected);
    ok = ok && check_tile(c, acc.acc, finishes ? before : expected, k->mr, nr);
    guard_free(&acc.buffer);
    guard_free(&weight);
    guard_free(&pixels);
    return ok;
}

/* A 3x3 kernel over groups of four channels. */
enum { BENCH_RUNS = 3, BENCH_CHANNELS = 4 };
static _Alignas(64) float bench_weight[BENCH_RUNS * 3 * BENCH_CHANNELS * MAX_LANES];
static _Alignas(64) float bench_pixels[BENCH_RUNS * 64 * MAX_LANES], bench_acc[MAX_TILE];

static double ch_bench(const c2_kernel *k)
{
    const void *pixels[BENCH_RUNS * C2_GROUPED_SEGMENTS * C2_GROUPED_PIXELS];
    static const uint8_t widths[BENCH_RUNS] = {3, 3, 3};
    int32_t lanes[BENCH_CHANNELS * MAX_LANES];
    const int longest = k->mr / C2_GROUPED_SEGMENTS;
    for (int i = 0; i < BENCH_CHANNELS * k->nr; i++)
        lanes[i] = i % k->nr / BENCH_CHANNELS * BENCH_CHANNELS + i / k->nr;
    for (int t = 0; t < BENCH_RUNS; t++)
        for (int s = 0; s < C2_GROUPED_SEGMENTS; s++)
            for (int i = 0; i < C2_GROUPED_PIXELS; i++)
                pixels[(t * C2_GROUPED_SEGMENTS + s) * C2_GROUPED_PIXELS + i] =
                    bench_pixels + (t * 64 + s * longest + i) * k->nr;
    const c2_grouped_ch_args args = {.pixels = pixels,
                                     .widths = widths,
                                     .n_runs = BENCH_RUNS,
                                     .klen = BENCH_CHANNELS,
                                     .step = 1,
                                     .spread = lanes,
                                     .weight = bench_weight,
                                     .acc = bench_acc,
                                     .segments = C2_GROUPED_SEGMENTS,
                                     .length = longest,
                                     .accumulate = true};
    ((c2_grouped_ch_fn)k->fn)(&args);
    return (double)(k->mr * k->nr * BENCH_RUNS * 3 * BENCH_CHANNELS);
}

const check_family check_grouped_ch = {C2_FAMILY_GROUPED_CH, ch_case, ch_bench};
