/* SPDX-License-Identifier: BSD-2-Clause
 * direct_px and direct_rows: random offsets, rows and strip lengths around vectors and tiles; each
 * output is compared bit by bit with its products added one after the other, then bias and bounds
 * applied and rounded. Pixels and outputs end at guard pages; what lies between the output's rows
 * must stay as it was. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "core/mem.h"

enum { MAX_PRODUCTS = 40, MAX_KH = 9, MAX_STEP = 4, MAX_ROWS = 64, MAX_MR = 16 };

/* One random call: outputs are [m][n], `out_pitch` apart. */
typedef struct direct_case {
    c2_direct_args args;
    guard_buffer pixels, weight, out;
    ptrdiff_t offset[MAX_PRODUCTS], row_offset[MAX_ROWS];
    float bias[MAX_MR];
    size_t out_bytes; /* of an element */
} direct_case;

static bool by_rows(const c2_kernel *k)
{
    return k->family == C2_FAMILY_DIRECT_ROWS;
}

static void draw_offsets(check *c, direct_case *d)
{
    rng *r = c->random;
    c2_direct_args *a = &d->args;
    const int reach = (int)rng_range(r, 0, 60), rows = (int)rng_range(r, 0, 60);
    a->n_offsets = (size_t)check_size(r, MAX_PRODUCTS, 4);
    for (size_t i = 0; i < a->n_offsets; i++)
        d->offset[i] = rng_range(r, 0, 4) ? (ptrdiff_t)rng_range(r, 0, reach) : reach;
    a->kh = check_size(r, MAX_KH, 3);
    a->step = check_size(r, MAX_STEP, 2);
    const ptrdiff_t n_rows = (a->m - 1) * a->step + a->kh;
    a->row_begin = rng_range(r, 0, 1) ? 0 : (ptrdiff_t)rng_range(r, 0, n_rows);
    a->row_end = rng_range(r, 0, 1) ? n_rows : (ptrdiff_t)rng_range(r, 0, n_rows);
    for (ptrdiff_t i = 0; i < n_rows; i++)
        d->row_offset[i] = rng_range(r, 0, 4) ? (ptrdiff_t)rng_range(r, 0, rows) : rows;
    if (!by_rows(c->kernel))
        memset(d->row_offset, 0, sizeof d->row_offset);
    d->pixels = check_pixels(c, (size_t)(a->n + reach + (by_rows(c->kernel) ? rows : 0)));
}

static void draw(check *c, direct_case *d)
{
    const c2_kernel *k = c->kernel;
    rng *r = c->random;
    c2_direct_args *a = &d->args;
    const bool bounded = rng_range(r, 0, 1);
    a->m = check_size(r, k->mr, 1);
    a->n = check_size(r, 3 * k->nr, check_lanes(k));
    draw_offsets(c, d);
    const size_t width = by_rows(k) ? (size_t)a->kh : (size_t)k->mr;
    d->weight = check_values(c, a->n_offsets * width);
    for (int i = 0; i < MAX_MR; i++)
        d->bias[i] = c->integers ? (float)rng_range(r, -9, 9) : (float)rng_normal(r);
    a->sums = rng_range(r, 0, 3) == 0;
    a->low = bounded ? -2 : -HUGE_VALF;
    a->high = bounded ? 3 : HUGE_VALF;
    a->out_pitch = a->n + (ptrdiff_t)rng_range(r, 0, 5);
    d->out_bytes = a->sums ? sizeof(float) : check_pixel_bytes(k);
    d->out = guard_alloc(((size_t)(a->m - 1) * (size_t)a->out_pitch + (size_t)a->n) * d->out_bytes,
                         c->at_end);
    memset(d->out.data, CHECK_FILL, d->out.bytes);
    a->pixels = d->pixels.data;
    a->offset = d->offset;
    a->row_offset = by_rows(k) ? d->row_offset : NULL;
    a->weight = d->weight.data;
    a->bias = d->bias;
    a->out = d->out.data;
}

typedef struct call {
    const c2_kernel *kernel;
    const direct_case *data;
} call;

static float expected(const void *context, ptrdiff_t i, ptrdiff_t j)
{
    const call *c = context;
    const c2_kernel *k = c->kernel;
    const direct_case *d = c->data;
    const c2_direct_args *a = &d->args;
    float sum = 0;
    for (ptrdiff_t ky = 0; ky < (by_rows(k) ? a->kh : 1); ky++) {
        const ptrdiff_t r = i * a->step + ky;
        if (by_rows(k) && (r < a->row_begin || r >= a->row_end))
            continue;
        const ptrdiff_t row = by_rows(k) ? d->row_offset[i * a->step + ky] : 0;
        for (size_t t = 0; t < a->n_offsets; t++) {
            const size_t at =
                by_rows(k) ? (size_t)ky * a->n_offsets + t : t * (size_t)k->mr + (size_t)i;
            sum = check_add_product(k, check_pixel(k, a->pixels, row + d->offset[t] + j),
                                    a->weight[at], sum);
        }
    }
    if (a->sums)
        return sum;
    sum += d->bias[by_rows(k) ? 0 : i];
    return fminf(a->high, fmaxf(a->low, sum));
}

static bool judge(check *c, const direct_case *d)
{
    const c2_direct_args *a = &d->args;
    const call t = {c->kernel, d};
    const int32_t dtype = a->sums ? CONV2D_FLOAT32 : c->kernel->dtype;
    const check_rows rows = {a->out, dtype, a->m, a->n, a->out_pitch, expected, &t};
    return check_rows_are(c, &rows);
}

static bool one_case(check *c)
{
    direct_case d = {.args.m = 0};
    draw(c, &d);
    ((c2_direct_fn)c->kernel->fn)(&d.args);
    const bool ok = judge(c, &d);
    guard_free(&d.out);
    guard_free(&d.weight);
    guard_free(&d.pixels);
    return ok;
}

/* A 5x5 filter over rows of BENCH_LANES pixels. */
enum { BENCH_LANES = 192, BENCH_PITCH = 200, BENCH_KH = 5 };
static _Alignas(64) float bench_pixels[BENCH_PITCH * 16], bench_out[MAX_MR * BENCH_PITCH];
static _Alignas(64) float bench_weight[BENCH_KH * BENCH_KH * MAX_MR];

static double bench(const c2_kernel *k)
{
    static const float bias[MAX_MR];
    ptrdiff_t offset[BENCH_KH * BENCH_KH], row_offset[16];
    const int n_offsets = by_rows(k) ? BENCH_KH : BENCH_KH * BENCH_KH;
    for (int i = 0; i < n_offsets; i++)
        offset[i] = i / BENCH_KH * BENCH_PITCH + i % BENCH_KH;
    for (int i = 0; i < 16; i++)
        row_offset[i] = i * BENCH_PITCH;
    const c2_direct_args a = {.pixels = bench_pixels,
                              .offset = offset,
                              .n_offsets = (size_t)n_offsets,
                              .row_offset = row_offset,
                              .kh = BENCH_KH,
                              .step = 1,
                              .row_end = k->mr - 1 + BENCH_KH,
                              .weight = bench_weight,
                              .bias = bias,
                              .low = -HUGE_VALF,
                              .high = HUGE_VALF,
                              .out = bench_out,
                              .out_pitch = BENCH_PITCH,
                              .n = BENCH_LANES,
                              .m = k->mr};
    ((c2_direct_fn)k->fn)(&a);
    return (double)(k->mr * BENCH_LANES * BENCH_KH * BENCH_KH);
}

const check_family check_direct_px = {C2_FAMILY_DIRECT_PX, one_case, bench};
const check_family check_direct_rows = {C2_FAMILY_DIRECT_ROWS, one_case, bench};
