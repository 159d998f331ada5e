/* SPDX-License-Identifier: BSD-2-Clause
 * gemm_ch and gemm_px: random numbers of taps, channels, rows and lanes around the tile's edges.
 * Every sum is compared bit by bit with the same products added one after the other, which is what
 * the families promise, and (floats) with float64 and the bound of docs/numerics.md. */
#include <string.h>

#include "sums.h"

enum { MAX_TAPS = 5 };

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
    float before[SUMS_TILE];
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
                                  .far = rng_range(r, 0, 1),
                                  .tile_rows = (size_t)tile_rows,
                                  .n_taps = (size_t)n_taps,
                                  .klen = (size_t)klen,
                                  .weight = weight.data,
                                  .acc = acc.acc,
                                  .m = m,
                                  .n = n,
                                  .accumulate = accumulate};
    const bool ok =
        sums_finished(c, &args, s.expected) &&
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
    float before[SUMS_TILE];
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
                                  n,    accumulate,     0, 0, 0, {0}, 0, NULL, NULL};
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
static _Alignas(64) float bench_acc[SUMS_TILE];

static double ch_bench(const c2_kernel *k)
{
    const void *rows[SUMS_MR];
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
    const c2_gemm_px_args args = {&tap, 1, BENCH_K, bench_weight, bench_acc, k->mr, k->nr, true, 0,
                                  0,     0, {0}, 0, NULL, NULL};
    ((c2_gemm_px_fn)k->fn)(&args);
    return (double)k->mr * k->nr * (double)BENCH_K;
}

const check_family check_gemm_ch = {C2_FAMILY_GEMM_CH, ch_case, ch_bench};
const check_family check_gemm_px = {C2_FAMILY_GEMM_PX, px_case, px_bench};
