/* SPDX-License-Identifier: BSD-2-Clause
 * gemm_ch and gemm_px: random numbers of taps, channels, rows and lanes around the tile's edges.
 * Every sum is compared bit by bit with the same products added one after the other, which is what
 * the families promise, and (floats) with float64 and the bound of docs/numerics.md. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

enum { MAX_TAPS = 5, MAX_MR = 16, MAX_TILE = 1024 };

/* Sums of one case, as the kernel must make them and in float64. */
typedef struct sums {
    float expected[MAX_TILE];
    double exact[MAX_TILE], magnitude[MAX_TILE];
    size_t n_products;
} sums;

static void sums_begin(check *c, sums *s, bool accumulate)
{
    memset(s, 0, sizeof *s);
    for (int i = 0; accumulate && i < c->kernel->mr * c->kernel->nr; i++) {
        s->expected[i] =
            c->integers ? (float)rng_range(c->random, -99, 99) : (float)rng_normal(c->random);
        s->exact[i] = (double)s->expected[i];
        s->magnitude[i] = fabs(s->exact[i]);
    }
}

static void sums_add(check *c, sums *s, int at, float a, float b)
{
    s->expected[at] = check_add_product(c->kernel, a, b, s->expected[at]);
    s->exact[at] += (double)a * (double)b;
    s->magnitude[at] += fabs((double)a * (double)b);
}

/* Rows from m on keep what they had; without accumulate that is a canary of the buffer. */
static bool sums_check(check *c, sums *s, const float *before, const float *acc, int m, int n)
{
    const int nr = c->kernel->nr;
    memcpy(s->expected + m * nr, before + m * nr,
           (size_t)((c->kernel->mr - m) * nr) * sizeof *before);
    if (!check_tile(c, acc, s->expected, m, n))
        return false;
    const double k = (double)s->n_products + 2, gamma = k * 0x1p-24 / (1 - k * 0x1p-24);
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
            const double error = fabs((double)acc[i * nr + j] - s->exact[i * nr + j]);
            const double bound = c->integers ? 0 : gamma * s->magnitude[i * nr + j] + k * 0x1p-149;
            if (!(error <= bound)) {
                snprintf(c->why, c->why_bytes, "row %d, lane %d: error %g, bound %g", i, j, error,
                         bound);
                return false;
            }
        }
    }
    return true;
}

/* The same call, finished: pixels of n channels forward or backward, gaps between them that must
 * stay as they were, the last one at the guard page. */
static bool ch_finished(check *c, const c2_gemm_ch_args *plain, const float *expected)
{
    const c2_kernel *k = c->kernel;
    rng *r = c->random;
    const size_t bytes = check_pixel_bytes(k);
    const int pitch = plain->n + (int)rng_range(r, 0, 5);
    const int turned = (int)rng_range(r, 0, 1), count = plain->n_tiles * plain->m;
    guard_buffer out = guard_alloc((size_t)((count - 1) * pitch + plain->n) * bytes, c->at_end);
    memset(out.data, 0x5a, out.bytes);
    void *pixels[MAX_MR * MAX_MR];
    float bias[64];
    for (int i = 0; i < count; i++)
        pixels[i / plain->m * k->mr + i % plain->m] =
            (char *)out.data + (size_t)((turned ? count - 1 - i : i) * pitch) * bytes - 7 * bytes;
    for (int j = 0; j < k->nr; j++)
        bias[j] = c->integers ? (float)rng_range(r, -9, 9) : (float)rng_normal(r);
    c2_gemm_ch_args a = *plain;
    const bool bounded = rng_range(r, 0, 1);
    a.out = pixels;
    a.at = 7;
    a.bias = bias;
    a.low = bounded ? -2 : -HUGE_VALF;
    a.high = bounded ? 3 : HUGE_VALF;
    ((c2_gemm_ch_fn)k->fn)(&a);
    bool ok = true;
    for (int i = 0; i < count && ok; i++) {
        const int place = turned ? count - 1 - i : i;
        for (int j = 0; j < (place < count - 1 ? pitch : a.n) && ok; j++) {
            char want[sizeof(double)]; /* as c2_store_f64 can write */
            memset(want, 0x5a, sizeof want);
            if (j < a.n) {
                const float y = expected[i * k->nr + j] + bias[j];
                c2_store_f64(want, k->dtype, 0, (double)fminf(a.high, fmaxf(a.low, y)));
            }
            const char *got = (const char *)out.data + (size_t)(place * pitch + j) * bytes;
            ok = memcmp(got, want, bytes) == 0;
            if (!ok)
                snprintf(c->why, c->why_bytes, "%s: pixel %d, channel %d of %d is %a, expected %a",
                         j < a.n ? "wrong result" : "written between pixels", i, j, a.n,
                         c2_load_f64(got, k->dtype, 0), c2_load_f64(want, k->dtype, 0));
        }
    }
    guard_free(&out);
    return ok;
}

static bool ch_case(check *c)
{
    const c2_kernel *k = c->kernel;
    rng *r = c->random;
    const int m = check_size(r, k->mr, 1), n = check_size(r, k->nr, check_lanes(k));
    const int nr = k->nr, klen = check_size(r, 40, 2), n_taps = (int)rng_range(r, 1, MAX_TAPS);
    const bool accumulate = rng_range(r, 0, 1);
    const int n_tiles = (int)rng_range(r, 1, k->mr / m), count = n_tiles * m;
    const int tile_rows = n_taps * k->mr + (int)rng_range(r, 0, 2);
    guard_buffer weight = check_values(c, (size_t)(n_taps * klen * nr));
    guard_buffer pixels = check_pixels(c, (size_t)(3 * klen));
    /* Pointers that are not to be read point nowhere. */
    guard_buffer table = guard_alloc(
        (size_t)((n_tiles - 1) * tile_rows + n_taps * k->mr) * sizeof(float *), c->at_end);
    const void **rows = table.data;
    const int64_t bytes = (int64_t)check_pixel_bytes(k);
    for (int i = 0; i < (n_tiles - 1) * tile_rows + n_taps * k->mr; i++)
        rows[i] = i % tile_rows % k->mr < m
                      ? (const char *)pixels.data + rng_range(r, 0, 2 * klen) * bytes
                      : (const char *)8;
    sums s;
    sums_begin(c, &s, accumulate);
    check_acc acc = check_acc_make(c, accumulate ? s.expected : NULL);
    float before[MAX_TILE];
    memcpy(before, acc.acc, (size_t)(k->mr * nr) * sizeof *before);
    for (int t = 0; t < n_taps; t++)
        for (int x = 0; x < klen; x++)
            for (int i = 0; i < count; i++)
                for (int j = 0; j < n; j++)
                    sums_add(c, &s, i * nr + j,
                             check_pixel(k, rows[i / m * tile_rows + t * k->mr + i % m], x),
                             ((const float *)weight.data)[(t * klen + x) * nr + j]);
    s.n_products = (size_t)(n_taps * klen);
    const c2_gemm_ch_args args = {.rows = rows,
                                  .n_tiles = n_tiles,
                                  .tile_rows = (size_t)tile_rows,
                                  .n_taps = (size_t)n_taps,
                                  .klen = (size_t)klen,
                                  .weight = weight.data,
                                  .acc = acc.acc,
                                  .m = m,
                                  .n = n,
                                  .accumulate = accumulate};
    const bool ok = ch_finished(c, &args, s.expected) &&
                    (((c2_gemm_ch_fn)k->fn)(&args), sums_check(c, &s, before, acc.acc, count, n));
    guard_free(&acc.buffer);
    guard_free(&table);
    guard_free(&pixels);
    guard_free(&weight);
    return ok;
}

static bool px_case(check *c)
{
    const c2_kernel *k = c->kernel;
    rng *r = c->random;
    const int m = check_size(r, k->mr, 1), n = check_size(r, k->nr, check_lanes(k));
    const int nr = k->nr, klen = check_size(r, 40, 2), n_taps = (int)rng_range(r, 1, MAX_TAPS);
    const bool accumulate = rng_range(r, 0, 1);
    guard_buffer weight = check_values(c, (size_t)(n_taps * klen * k->mr));
    guard_buffer pixels[MAX_TAPS];
    c2_tap taps[MAX_TAPS];
    for (int t = 0; t < n_taps; t++) {
        /* Distance of channels: negative, overlapping, or with gaps; the buffer ends with the
         * last lane of the last one. */
        const ptrdiff_t pitch = rng_range(r, -2 * n, 2 * n), reach = (klen - 1) * pitch;
        pixels[t] = check_pixels(c, (size_t)((reach < 0 ? -reach : reach) + n));
        taps[t] = (c2_tap){(const char *)pixels[t].data -
                               (reach < 0 ? reach : 0) * (ptrdiff_t)check_pixel_bytes(k),
                           pitch};
    }
    sums s;
    sums_begin(c, &s, accumulate);
    check_acc acc = check_acc_make(c, accumulate ? s.expected : NULL);
    float before[MAX_TILE];
    memcpy(before, acc.acc, (size_t)(k->mr * nr) * sizeof *before);
    for (int t = 0; t < n_taps; t++)
        for (int x = 0; x < klen; x++)
            for (int i = 0; i < m; i++)
                for (int j = 0; j < n; j++)
                    sums_add(c, &s, i * nr + j,
                             check_pixel(k, taps[t].pixels, x * taps[t].pitch + j),
                             ((const float *)weight.data)[(t * klen + x) * k->mr + i]);
    s.n_products = (size_t)(n_taps * klen);
    const c2_gemm_px_args args = {taps, (size_t)n_taps, (size_t)klen, weight.data, acc.acc, m,
                                  n,    accumulate};
    ((c2_gemm_px_fn)k->fn)(&args);
    const bool ok = sums_check(c, &s, before, acc.acc, m, n);
    guard_free(&acc.buffer);
    for (int t = 0; t < n_taps; t++)
        guard_free(&pixels[t]);
    guard_free(&weight);
    return ok;
}

/* 64 channels: weights and pixels together stay below 32 KiB. */
enum { BENCH_K = 64 };
static _Alignas(64) float bench_weight[BENCH_K * 64], bench_pixels[BENCH_K * 64];
static _Alignas(64) float bench_acc[MAX_TILE];

static double ch_bench(const c2_kernel *k)
{
    const void *rows[MAX_MR];
    for (int i = 0; i < k->mr; i++)
        rows[i] = bench_pixels + i * BENCH_K;
    const c2_gemm_ch_args args = {.rows = rows,
                                  .n_tiles = 1,
                                  .n_taps = 1,
                                  .klen = BENCH_K,
                                  .weight = bench_weight,
                                  .acc = bench_acc,
                                  .m = k->mr,
                                  .n = k->nr,
                                  .accumulate = true};
    ((c2_gemm_ch_fn)k->fn)(&args);
    return (double)k->mr * k->nr * (double)BENCH_K;
}

static double px_bench(const c2_kernel *k)
{
    /* One float off the line, as taps are. */
    const c2_tap tap = {bench_pixels + 1, k->nr};
    const c2_gemm_px_args args = {&tap, 1, BENCH_K, bench_weight, bench_acc, k->mr, k->nr, true};
    ((c2_gemm_px_fn)k->fn)(&args);
    return (double)k->mr * k->nr * (double)BENCH_K;
}

const check_family check_gemm_ch = {C2_FAMILY_GEMM_CH, ch_case, ch_bench};
const check_family check_gemm_px = {C2_FAMILY_GEMM_PX, px_case, px_bench};
