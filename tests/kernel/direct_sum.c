/* SPDX-License-Identifier: BSD-2-Clause
 * direct_sum: random taps, distances, run lengths around vectors and strip lengths around tiles;
 * each output is compared bit by bit with the products of each lane added one after the other, then
 * the lanes in pairs. Pixels, weights and outputs end at guard pages. */
#include <string.h>

#include "check.h"

enum { MAX_TAPS = 4, MAX_RUN = 70, MAX_STRIP = 20, MAX_PITCH = 80, MAX_M = 4, MAX_LANES = 16 };

typedef struct call {
    const c2_kernel *kernel;
    const c2_direct_args *args;
} call;

/* Channel i of pixel j. */
static float expected(const void *context, ptrdiff_t j, ptrdiff_t i)
{
    const call *t = context;
    const c2_direct_args *a = t->args;
    const int lanes = check_lanes(t->kernel);
    float sums[MAX_LANES] = {0};
    for (size_t r = 0; r < a->n_offsets; r++)
        for (size_t q = 0; q < a->klen; q++) {
            const float x = ((const float *)a->pixels)[a->offset[r] + j * a->pitch + (ptrdiff_t)q];
            const float w = a->weight[((size_t)i * a->n_offsets + r) * a->klen + q];
            float *sum = &sums[q % (size_t)lanes];
            *sum = check_add_product(t->kernel, x, w, *sum);
        }
    for (int step = 1; step < lanes; step *= 2)
        for (int l = 0; l < lanes; l += 2 * step)
            sums[l] += sums[l + step];
    return sums[0];
}

static bool one_case(check *c)
{
    rng *r = c->random;
    ptrdiff_t offset[MAX_TAPS];
    c2_direct_args a = {.offset = offset,
                        .n_offsets = (size_t)rng_range(r, 1, MAX_TAPS),
                        .klen = (size_t)check_size(r, MAX_RUN, check_lanes(c->kernel)),
                        .pitch = (ptrdiff_t)rng_range(r, 0, MAX_PITCH),
                        .n = check_size(r, MAX_STRIP, c->kernel->mr),
                        .m = (int)rng_range(r, 1, c->kernel->nr)};
    const int reach = (int)rng_range(r, 0, 60);
    for (size_t t = 0; t < a.n_offsets; t++)
        offset[t] = t ? (ptrdiff_t)rng_range(r, 0, reach) : reach;
    guard_buffer pixels = check_values(c, (size_t)(reach + (a.n - 1) * a.pitch) + a.klen);
    guard_buffer weight = check_values(c, (size_t)a.m * a.n_offsets * a.klen);
    guard_buffer out = guard_alloc((size_t)(a.n * a.m) * sizeof(float), c->at_end);
    memset(out.data, CHECK_FILL, out.bytes);
    a.pixels = pixels.data;
    a.weight = weight.data;
    a.out = out.data;
    ((c2_direct_fn)c->kernel->fn)(&a);
    const call t = {c->kernel, &a};
    const check_rows rows = {a.out, CONV2D_FLOAT32, a.n, a.m, a.m, expected, &t};
    const bool ok = check_rows_are(c, &rows);
    guard_free(&out);
    guard_free(&weight);
    guard_free(&pixels);
    return ok;
}

/* A 3x3 kernel of 64 channels over a row. */
enum { BENCH_PIXELS = 96, BENCH_CHANNELS = 64, BENCH_SIZE = 3 };

static double bench(const c2_kernel *k)
{
    enum { ROW = (BENCH_PIXELS + BENCH_SIZE - 1) * BENCH_CHANNELS };
    static _Alignas(64) float pixels[BENCH_SIZE * ROW], out[BENCH_PIXELS * MAX_M];
    static _Alignas(64) float weight[MAX_M * BENCH_SIZE * BENCH_SIZE * BENCH_CHANNELS];
    static const ptrdiff_t offset[BENCH_SIZE] = {0, ROW, 2 * ROW};
    const c2_direct_args a = {.pixels = pixels,
                              .offset = offset,
                              .n_offsets = BENCH_SIZE,
                              .klen = (size_t)BENCH_SIZE * BENCH_CHANNELS,
                              .pitch = BENCH_CHANNELS,
                              .weight = weight,
                              .out = out,
                              .n = BENCH_PIXELS,
                              .m = k->nr};
    ((c2_direct_fn)k->fn)(&a);
    return (double)(k->nr * BENCH_PIXELS * BENCH_SIZE * BENCH_SIZE * BENCH_CHANNELS);
}

const check_family check_direct_sum = {C2_FAMILY_DIRECT_SUM, one_case, bench};
