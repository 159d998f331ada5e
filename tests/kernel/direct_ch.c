/* SPDX-License-Identifier: BSD-2-Clause
 * direct_ch: random taps, distances, strip lengths around tiles and channels around vectors; each
 * output is compared bit by bit with its products added one after the other, then bias and bounds
 * applied and rounded. Pixels and outputs end at guard pages; what lies between the outputs of two
 * pixels must stay as it was. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "core/mem.h"

enum { MAX_TAPS = 6, MAX_RUN = 12, MAX_STRIP = 40, MAX_NR = 64, MAX_PITCH = 9 };

typedef struct direct_case {
    c2_direct_args args;
    guard_buffer pixels, weight, bias, out;
    ptrdiff_t offset[MAX_TAPS];
} direct_case;

static void draw(check *c, direct_case *d)
{
    const c2_kernel *k = c->kernel;
    rng *r = c->random;
    c2_direct_args *a = &d->args;
    const bool bounded = rng_range(r, 0, 1), biased = rng_range(r, 0, 1);
    const int lanes = check_lanes(k), line = 64 / (int)check_pixel_bytes(k);
    a->m = check_size(r, k->nr, lanes);
    a->n = check_size(r, MAX_STRIP, 6);
    a->n_offsets = (size_t)rng_range(r, 1, MAX_TAPS);
    a->klen = (size_t)rng_range(r, 1, MAX_RUN);
    a->pitch = (ptrdiff_t)rng_range(r, 0, MAX_PITCH);
    a->width = (a->m + lanes - 1) / lanes * lanes;
    const int reach = (int)rng_range(r, 0, 60);
    for (size_t t = 0; t < a->n_offsets; t++)
        d->offset[t] = t ? (ptrdiff_t)rng_range(r, 0, reach) : reach;
    d->pixels = check_values(c, (size_t)(reach + (a->n - 1) * a->pitch) + a->klen);
    d->weight = check_values(c, a->n_offsets * a->klen * (size_t)a->width);
    d->bias = check_values(c, (size_t)a->width);
    a->low = bounded ? -2 : -HUGE_VALF;
    a->high = bounded ? 3 : HUGE_VALF;
    a->fetches = rng_range(r, 0, 1);
    a->streams = k->dtype == CONV2D_FLOAT32 && a->m % lanes == 0 && rng_range(r, 0, 1);
    a->out_pitch = a->m + (ptrdiff_t)rng_range(r, 0, 5);
    if (a->streams)
        a->out_pitch = (a->m + line - 1) / line * line;
    const size_t outputs = (size_t)((a->n - 1) * a->out_pitch + a->m);
    d->out = guard_alloc((a->streams ? (size_t)(a->n * a->out_pitch) : outputs) *
                             check_pixel_bytes(k),
                         c->at_end);
    memset(d->out.data, CHECK_FILL, d->out.bytes);
    a->pixels = d->pixels.data;
    a->offset = d->offset;
    a->weight = d->weight.data;
    a->bias = biased ? d->bias.data : NULL;
    a->out = d->out.data;
}

typedef struct call {
    const c2_kernel *kernel;
    const c2_direct_args *args;
} call;

/* Channel i of pixel j. */
static float expected(const void *context, ptrdiff_t j, ptrdiff_t i)
{
    const call *t = context;
    const c2_direct_args *a = t->args;
    const float *pixels = a->pixels;
    float sum = 0;
    for (size_t r = 0; r < a->n_offsets; r++) {
        for (size_t q = 0; q < a->klen; q++)
            sum = check_add_product(t->kernel, pixels[a->offset[r] + j * a->pitch + (ptrdiff_t)q],
                                    a->weight[(r * a->klen + q) * (size_t)a->width + (size_t)i],
                                    sum);
    }
    if (a->bias)
        sum += a->bias[i];
    return fminf(a->high, fmaxf(a->low, sum));
}

static bool judge(check *c, const c2_direct_args *a)
{
    const call t = {c->kernel, a};
    const check_rows rows = {a->out, c->kernel->dtype, a->n, a->m, a->out_pitch, expected, &t};
    return check_rows_are(c, &rows);
}

static bool one_case(check *c)
{
    direct_case d = {.args.m = 0};
    draw(c, &d);
    ((c2_direct_fn)c->kernel->fn)(&d.args);
    const bool ok = judge(c, &d.args);
    guard_free(&d.out);
    guard_free(&d.bias);
    guard_free(&d.weight);
    guard_free(&d.pixels);
    return ok;
}

/* A 5x5 kernel of one channel over a row. */
enum { BENCH_PIXELS = 96, BENCH_KH = 5, BENCH_PITCH = BENCH_PIXELS + BENCH_KH };

static double bench(const c2_kernel *k)
{
    static _Alignas(64) float pixels[BENCH_KH * BENCH_PITCH], out[BENCH_PIXELS * MAX_NR];
    static _Alignas(64) float weight[BENCH_KH * BENCH_KH * MAX_NR];
    ptrdiff_t offset[BENCH_KH];
    for (int i = 0; i < BENCH_KH; i++)
        offset[i] = i * BENCH_PITCH;
    const c2_direct_args a = {.pixels = pixels,
                              .offset = offset,
                              .n_offsets = BENCH_KH,
                              .klen = BENCH_KH,
                              .pitch = 1,
                              .width = k->nr,
                              .weight = weight,
                              .low = -HUGE_VALF,
                              .high = HUGE_VALF,
                              .out = out,
                              .out_pitch = k->nr,
                              .n = BENCH_PIXELS,
                              .m = k->nr};
    ((c2_direct_fn)k->fn)(&a);
    return (double)(k->nr * BENCH_PIXELS * BENCH_KH * BENCH_KH);
}

const check_family check_direct_ch = {C2_FAMILY_DIRECT_CH, one_case, bench};
