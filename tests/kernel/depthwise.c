/* SPDX-License-Identifier: BSD-2-Clause
 * dw_ch and dw_px: random taps, rows and lanes around the tile's edges; sums are compared bit by
 * bit with the same products added one after the other. Integers are exact in float64 as well. */
#include <string.h>

#include "check.h"

enum { MAX_TAPS = 40, MAX_MR = 16, MAX_TILE = 1024 };

static void begin(check *c, float *expected, bool accumulate)
{
    for (int i = 0; i < c->kernel->mr * c->kernel->nr; i++)
        expected[i] = !accumulate   ? 0
                      : c->integers ? (float)rng_range(c->random, -99, 99)
                                    : (float)rng_normal(c->random);
}

static bool ch_case(check *c)
{
    const c2_kernel *k = c->kernel;
    rng *r = c->random;
    const int m = check_size(r, k->mr, 1), n = check_size(r, k->nr, check_lanes(k));
    const int nr = k->nr, n_taps = check_size(r, MAX_TAPS, 8), offset = (int)rng_range(r, 0, 99);
    const bool accumulate = rng_range(r, 0, 1);
    guard_buffer weight = check_values(c, (size_t)(n_taps * nr));
    /* Rows start where `offset` lies in front of the pixels: only the tile's lanes exist. */
    guard_buffer pixels = check_pixels(c, (size_t)(3 * n));
    const uintptr_t bytes = check_pixel_bytes(k);
    const void *rows[MAX_TAPS * MAX_MR];
    for (int i = 0; i < n_taps * k->mr; i++)
        rows[i] = i % k->mr < m ? (const void *)((uintptr_t)pixels.data +
                                                 (uintptr_t)rng_range(r, 0, 2 * n) * bytes -
                                                 (uintptr_t)offset * bytes)
                                : (const void *)8;
    float expected[MAX_TILE], before[MAX_TILE];
    begin(c, expected, accumulate);
    check_acc acc = check_acc_make(c, accumulate ? expected : NULL);
    memcpy(before, acc.acc, (size_t)(k->mr * nr) * sizeof *before);
    for (int t = 0; t < n_taps; t++)
        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++)
                expected[i * nr + j] = check_add_product(
                    k, check_pixel(k, rows[t * k->mr + i], offset + j),
                    ((const float *)weight.data)[t * nr + j], expected[i * nr + j]);
    memcpy(expected + m * nr, before + m * nr, (size_t)((k->mr - m) * nr) * sizeof *before);
    const c2_dw_ch_args args = {rows, (size_t)n_taps, offset, weight.data, acc.acc, m,
                                n,    accumulate};
    ((c2_dw_ch_fn)k->fn)(&args);
    const bool ok = check_tile(c, acc.acc, expected, m, n);
    guard_free(&acc.buffer);
    guard_free(&pixels);
    guard_free(&weight);
    return ok;
}

static bool px_case(check *c)
{
    const c2_kernel *k = c->kernel;
    rng *r = c->random;
    const int n = check_size(r, k->nr, check_lanes(k)), n_taps = check_size(r, MAX_TAPS, 8);
    const bool accumulate = rng_range(r, 0, 1);
    guard_buffer weight = check_values(c, (size_t)n_taps);
    const int reach = (int)rng_range(r, 0, 100), middle = (int)rng_range(r, 0, reach);
    guard_buffer pixels = check_pixels(c, (size_t)(reach + n));
    const char *base = (const char *)pixels.data + (size_t)middle * check_pixel_bytes(k);
    ptrdiff_t taps[MAX_TAPS];
    for (int t = 0; t < n_taps; t++)
        taps[t] = (rng_range(r, 0, 4) ? rng_range(r, 0, reach) : reach) - middle;
    float expected[MAX_TILE];
    begin(c, expected, accumulate);
    check_acc acc = check_acc_make(c, accumulate ? expected : NULL);
    for (int t = 0; t < n_taps; t++)
        for (int j = 0; j < n; j++)
            expected[j] = check_add_product(k, check_pixel(k, base, taps[t] + j),
                                            ((const float *)weight.data)[t], expected[j]);
    const c2_dw_px_args args = {base, taps, (size_t)n_taps, weight.data, acc.acc, n, accumulate};
    ((c2_dw_px_fn)k->fn)(&args);
    const bool ok = check_tile(c, acc.acc, expected, 1, n);
    guard_free(&acc.buffer);
    guard_free(&pixels);
    guard_free(&weight);
    return ok;
}

enum { BENCH_TAPS = 25, BENCH_PITCH = 140 };
static _Alignas(64) float bench_weight[BENCH_TAPS * 64], bench_pixels[BENCH_PITCH * 32];
static _Alignas(64) float bench_acc[MAX_TILE];

static double ch_bench(const c2_kernel *k)
{
    const void *rows[BENCH_TAPS * MAX_MR];
    for (int t = 0; t < BENCH_TAPS; t++)
        for (int i = 0; i < k->mr; i++)
            rows[t * k->mr + i] = bench_pixels + (t / 5 * 10 + t % 5 + i) * 64;
    const c2_dw_ch_args args = {rows, BENCH_TAPS, 0, bench_weight, bench_acc, k->mr, k->nr, true};
    ((c2_dw_ch_fn)k->fn)(&args);
    return (double)k->mr * k->nr * (double)BENCH_TAPS;
}

static double px_bench(const c2_kernel *k)
{
    ptrdiff_t taps[BENCH_TAPS];
    for (int t = 0; t < BENCH_TAPS; t++)
        taps[t] = t / 5 * BENCH_PITCH + t % 5;
    const c2_dw_px_args args = {bench_pixels, taps,  BENCH_TAPS, bench_weight,
                                bench_acc,    k->nr, true};
    ((c2_dw_px_fn)k->fn)(&args);
    return (double)k->nr * (double)BENCH_TAPS;
}

const check_family check_dw_ch = {C2_FAMILY_DW_CH, ch_case, ch_bench};
const check_family check_dw_px = {C2_FAMILY_DW_PX, px_case, px_bench};
