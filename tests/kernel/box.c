/* SPDX-License-Identifier: BSD-2-Clause
 * box_down and box_across: random rows, some of them NULL, and lengths around vectors; each sum is
 * compared bit by bit with additions in the order that the bodies state. Rows and outputs end at
 * guard pages but for the whole vectors that box_across may read. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

enum { MAX_ROWS = 40, MAX_KW = 40, MAX_N = 70, MAX_LANES = 16 };

static void fail(check *c, const char *what, int i, ptrdiff_t j, float got, float want)
{
    snprintf(c->why, c->why_bytes, "%s: row %d, lane %d is %a, expected %a", what, i, (int)j,
             (double)got, (double)want);
}

/* rows[i + r][at + j] as they are added for output row i. */
static float down_sum(const c2_box_down_args *a, int i, ptrdiff_t j)
{
    float part[2] = {0, 0}, lower = 0;
    for (ptrdiff_t r = C2_BOX_ROWS - 1; r < a->kh; r++)
        if (a->rows[r])
            part[(r - C2_BOX_ROWS + 1) % 2] += a->rows[r][a->at + j];
    float upper = part[0] + part[1];
    for (int r = C2_BOX_ROWS - 2; r >= i; r--)
        upper += a->rows[r] ? a->rows[r][a->at + j] : 0;
    for (int r = 1; r <= i; r++)
        lower += a->rows[a->kh - 1 + r] ? a->rows[a->kh - 1 + r][a->at + j] : 0;
    return i ? upper + lower : upper;
}

static bool one_down(check *c)
{
    const c2_kernel *k = c->kernel;
    rng *r = c->random;
    const float *rows[MAX_ROWS];
    c2_box_down_args a = {.rows = rows, .kh = k->mr + check_size(r, 20, 2) - 1};
    a.n = check_size(r, MAX_N, check_lanes(k));
    a.at = (ptrdiff_t)rng_range(r, 0, 9);
    a.out_pitch = a.n + (ptrdiff_t)rng_range(r, 0, 3);
    guard_buffer pixels = check_values(c, (size_t)(a.at + a.n));
    guard_buffer more = check_values(c, (size_t)(a.at + a.n));
    for (ptrdiff_t i = 0; i < a.kh + k->mr - 1; i++) {
        const int64_t which = rng_range(r, 0, 4);
        rows[i] = which == 0 ? NULL : which == 1 ? more.data : pixels.data;
    }
    const size_t floats = (size_t)((k->mr - 1) * a.out_pitch + a.n);
    guard_buffer out = guard_alloc(floats * sizeof(float), c->at_end);
    memset(out.data, 0x5a, out.bytes);
    a.out = out.data;
    ((c2_box_down_fn)k->fn)(&a);
    bool ok = true;
    for (int i = 0; ok && i < k->mr; i++)
        for (ptrdiff_t j = 0; ok && j < (i < k->mr - 1 ? a.out_pitch : a.n); j++) {
            float want;
            memset(&want, 0x5a, sizeof want);
            if (j < a.n)
                want = down_sum(&a, i, j);
            const float got = a.out[i * a.out_pitch + j];
            ok = memcmp(&got, &want, sizeof got) == 0;
            if (!ok)
                fail(c, j < a.n ? "wrong sum" : "written between rows", i, j, got, want);
        }
    guard_free(&out);
    guard_free(&more);
    guard_free(&pixels);
    return ok;
}

/* The sum of `size` lanes, a power of two, halves first. */
static float window_sum(const c2_box_across_args *a, ptrdiff_t j, ptrdiff_t size)
{
    if (size == 1)
        return a->row[j];
    return window_sum(a, j, size / 2) + window_sum(a, j + size / 2 * a->distance, size / 2);
}

static float across_sum(const c2_box_across_args *a, ptrdiff_t j)
{
    float sum = 0;
    ptrdiff_t left = a->kw;
    for (ptrdiff_t size = 32; size; size /= 2)
        if (a->kw & size) {
            const float part = window_sum(a, j + (a->kw & (size - 1)) * a->distance, size);
            sum = left == a->kw ? part : sum + part;
            left -= size;
        }
    return sum;
}

static bool one_across(check *c)
{
    const c2_kernel *k = c->kernel;
    rng *r = c->random;
    static float room[6][MAX_N + MAX_KW * 4 + 2 * MAX_LANES];
    c2_box_across_args a = {.kw = check_size(r, MAX_KW, 8), .distance = check_size(r, 4, 1)};
    a.n = check_size(r, MAX_N, check_lanes(k));
    const ptrdiff_t lanes = a.n + (a.kw - 1) * a.distance;
    guard_buffer row = check_values(c, (size_t)(lanes + check_lanes(k) - 1));
    a.row = row.data;
    a.room = room[0];
    a.room_pitch = (ptrdiff_t)(sizeof room[0] / sizeof room[0][0]);
    a.weight = c->integers ? (float)rng_range(r, -3, 3) : (float)rng_normal(r);
    a.bias = rng_range(r, 0, 1) ? (float)rng_range(r, -9, 9) : -0.0f;
    const bool bounded = rng_range(r, 0, 1);
    a.low = bounded ? -2 : -HUGE_VALF;
    a.high = bounded ? 3 : HUGE_VALF;
    guard_buffer out = guard_alloc((size_t)a.n * sizeof(float), c->at_end);
    a.out = out.data;
    ((c2_box_across_fn)k->fn)(&a);
    bool ok = true;
    for (ptrdiff_t j = 0; ok && j < a.n; j++) {
        const float product = across_sum(&a, j) * a.weight + 0.0f; /* 0 for -0 */
        const float want = fminf(a.high, fmaxf(a.low, product + a.bias));
        ok = memcmp(&a.out[j], &want, sizeof want) == 0;
        if (!ok)
            fail(c, "wrong output", 0, j, a.out[j], want);
    }
    guard_free(&out);
    guard_free(&row);
    return ok;
}

/* 15 rows of BENCH_LANES pixels, and 15 columns. */
enum { BENCH_LANES = 512, BENCH_K = 15 };
static _Alignas(64) float bench_row[BENCH_LANES + 64], bench_out[C2_BOX_ROWS * BENCH_LANES];
static _Alignas(64) float bench_room[3 * (BENCH_LANES + 64)];

static double bench_down(const c2_kernel *k)
{
    const float *rows[BENCH_K + C2_BOX_ROWS];
    for (int i = 0; i < BENCH_K + C2_BOX_ROWS; i++)
        rows[i] = bench_row;
    const c2_box_down_args a = {.rows = rows,
                                .kh = BENCH_K,
                                .n = BENCH_LANES,
                                .out = bench_out,
                                .out_pitch = BENCH_LANES};
    ((c2_box_down_fn)k->fn)(&a);
    return C2_BOX_ROWS * BENCH_LANES;
}

static double bench_across(const c2_kernel *k)
{
    const c2_box_across_args a = {.row = bench_row,
                                  .kw = BENCH_K,
                                  .distance = 1,
                                  .n = BENCH_LANES,
                                  .room = bench_room,
                                  .room_pitch = BENCH_LANES + 64,
                                  .weight = 1,
                                  .bias = -0.0f,
                                  .low = -HUGE_VALF,
                                  .high = HUGE_VALF,
                                  .out = bench_out};
    ((c2_box_across_fn)k->fn)(&a);
    return BENCH_LANES;
}

const check_family check_box_down = {C2_FAMILY_BOX_DOWN, one_down, bench_down};
const check_family check_box_across = {C2_FAMILY_BOX_ACROSS, one_across, bench_across};
