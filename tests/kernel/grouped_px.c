/* SPDX-License-Identifier: BSD-2-Clause
 * grouped_px: random images, kernels and strips of output pixels, row by row and as one long row;
 * each output is compared bit by bit with its products added one after the other, then bias,
 * residual and bounds applied and rounded. Pixels and outputs end at guard pages; what lies between
 * the outputs must stay as it was. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

enum { MAX_SIZE = 40, MAX_ROWS = 12, MAX_K = 7, MAX_CHANNELS = 9, MAX_MR = 8, GAP = 5 };
enum { MAX_OUT = MAX_MR * (MAX_ROWS * (MAX_SIZE + GAP) + GAP) };

typedef struct call {
    c2_grouped_px_args a;
    ptrdiff_t w, oh, ow, dilation; /* the latter: of columns */
    guard_buffer pixels, weight, residual, out;
    ptrdiff_t offset[MAX_K * MAX_K];
    uint32_t live[(MAX_ROWS * MAX_SIZE / 4 + 2) * MAX_K * MAX_K * 2]; /* for vectors of four */
    float bias[MAX_MR];
    size_t out_bytes; /* of an element */
} call;

/* Bits of a vector whose first output pixel is in column x; as one long row, lanes go on in
 * the next. Then rows count as well. */
static uint32_t live_lanes(const call *t, ptrdiff_t x, int tap, int half, int lanes)
{
    const c2_grouped_px_args *a = &t->a;
    uint32_t bits = 0;
    for (int j = 0; j < lanes; j++) {
        const ptrdiff_t lane = x * a->step + half * lanes + j;
        const ptrdiff_t in_x =
            (a->flat ? lane % t->w : lane) - a->left + tap % a->kw * t->dilation;
        const ptrdiff_t in_y = lane / t->w - a->top + tap / a->kw * a->tap_row;
        const bool in_row = in_x >= 0 && in_x < t->w;
        bits |= (uint32_t)(in_row && (!a->flat || (in_y >= 0 && in_y < a->h))) << j;
    }
    return bits;
}

static void fill_tables(call *t, int lanes)
{
    c2_grouped_px_args *a = &t->a;
    /* Of all vectors of the strip, if it is one long row; else of those of any row. */
    const ptrdiff_t first = a->flat ? a->x : 0, cols = a->flat ? a->cols : t->ow;
    const ptrdiff_t vectors = (cols + lanes - 1) / lanes;
    const ptrdiff_t last = first + (cols > lanes ? cols - lanes : 0);
    uint32_t *to = t->live;
    a->last_phase = vectors;
    for (ptrdiff_t i = 0; i <= vectors; i++)
        for (int k = 0; k < a->kh * a->kw; k++)
            for (int half = 0; half < a->step; half++)
                *to++ = live_lanes(t, i == vectors ? last : first + i * lanes, k, half, lanes);
    for (int k = 0; k < a->kh * a->kw; k++)
        t->offset[k] = k / a->kw * a->tap_row * a->row + k % a->kw * t->dilation;
    a->live = t->live;
    a->offset = t->offset;
}

static void draw_shape(check *c, call *t)
{
    rng *r = c->random;
    c2_grouped_px_args *a = &t->a;
    const bool flat = rng_range(r, 0, 1);
    const bool small = rng_range(r, 0, 1);
    a->kh = (int)rng_range(r, 1, small ? 3 : MAX_K);
    a->kw = (int)rng_range(r, 1, small ? 3 : MAX_K);
    a->channels = (size_t)rng_range(r, 1, MAX_CHANNELS);
    a->m = check_size(r, c->kernel->mr, 1);
    a->step = flat ? 1 : (int)rng_range(r, 1, 2);
    a->step_y = flat ? 1 : rng_range(r, 1, 3);
    a->tap_row = rng_range(r, 1, 2);
    t->dilation = rng_range(r, 1, 3);
    a->top = rng_range(r, 0, 4);
    a->left = rng_range(r, 0, 4);
    a->h = rng_range(r, 1, MAX_ROWS);
    t->w = check_size(r, MAX_SIZE, check_lanes(c->kernel));
    t->oh = rng_range(r, 1, MAX_ROWS);
    t->ow = flat ? t->w : check_size(r, MAX_SIZE, check_lanes(c->kernel));
    a->row = t->w + (flat ? 0 : rng_range(r, 0, GAP));
    a->channel = a->h * a->row + rng_range(r, 0, GAP);
    a->flat = flat;
}

/* Some rows and blocks of vectors, or some pixels of the long row. */
static void draw_strip(check *c, call *t)
{
    rng *r = c->random;
    c2_grouped_px_args *a = &t->a;
    const ptrdiff_t lanes = check_lanes(c->kernel);
    if (a->flat) {
        const ptrdiff_t n = t->oh * t->ow;
        a->rows = 1;
        a->x = rng_range(r, 0, 1) ? 0 : rng_range(r, 0, n - 1);
        a->cols = rng_range(r, 0, 1) ? n - a->x : rng_range(r, 1, n - a->x);
        return;
    }
    const ptrdiff_t vectors = (t->ow + lanes - 1) / lanes;
    a->y = rng_range(r, 0, t->oh - 1);
    a->rows = rng_range(r, 1, t->oh - a->y);
    a->phase = rng_range(r, 0, vectors - 1);
    a->x = a->phase * lanes;
    const ptrdiff_t end = rng_range(r, a->phase + 1, vectors) * lanes;
    a->cols = (end < t->ow ? end : t->ow) - a->x;
}

static void draw_outputs(check *c, call *t)
{
    rng *r = c->random;
    c2_grouped_px_args *a = &t->a;
    a->sums = rng_range(r, 0, 3) == 0;
    a->out_row = t->ow + (a->flat ? 0 : rng_range(r, 0, GAP));
    a->out_channel = t->oh * a->out_row + rng_range(r, 0, GAP);
    a->residual_row = a->out_row;
    a->residual_channel = a->out_channel;
    const size_t n =
        (size_t)((a->m - 1) * a->out_channel + (t->oh - 1) * a->out_row + t->ow);
    t->out_bytes = a->sums ? sizeof(float) : check_pixel_bytes(c->kernel);
    t->residual = check_pixels(c, n);
    t->out = guard_alloc(n * t->out_bytes, c->at_end);
    memset(t->out.data, 0x5a, t->out.bytes);
    if (!a->sums)
        memcpy(t->out.data, t->residual.data, t->out.bytes);
    a->out = t->out.data;
    const int64_t kind = a->sums ? 0 : rng_range(r, 0, 2);
    a->residual = kind == 0 ? NULL : kind == 1 ? t->residual.data : t->out.data;
    for (int i = 0; i < MAX_MR; i++)
        t->bias[i] = c->integers ? (float)rng_range(r, -9, 9) : (float)rng_normal(r);
    a->bias = t->bias;
    a->low = rng_range(r, 0, 1) ? -HUGE_VALF : -2;
    a->high = rng_range(r, 0, 1) ? HUGE_VALF : 3;
}

static float expected(check *c, const call *t, int i, ptrdiff_t y, ptrdiff_t x)
{
    const c2_grouped_px_args *a = &t->a;
    float sum = 0;
    for (int ky = 0; ky < a->kh; ky++) {
        for (int kx = 0; kx < a->kw; kx++) {
            const ptrdiff_t in_y = y * a->step_y - a->top + ky * a->tap_row;
            const ptrdiff_t in_x = x * a->step - a->left + kx * t->dilation;
            if (in_y < 0 || in_y >= a->h || in_x < 0 || in_x >= t->w)
                continue;
            for (size_t k = 0; k < a->channels; k++) {
                const size_t tap = (size_t)(ky * a->kw + kx);
                const ptrdiff_t at = (ptrdiff_t)k * a->channel + in_y * a->row + in_x;
                sum = check_add_product(
                    c->kernel, check_pixel(c->kernel, a->pixels, at),
                    a->weight[(tap * a->channels + k) * (size_t)c->kernel->mr + (size_t)i], sum);
            }
        }
    }
    if (a->sums)
        return sum;
    sum += t->bias[i];
    if (a->residual)
        sum += check_pixel(c->kernel, t->residual.data,
                           i * a->residual_channel + y * a->residual_row + x);
    return fminf(a->high, fmaxf(a->low, sum));
}

static bool in_strip(const c2_grouped_px_args *a, ptrdiff_t y, ptrdiff_t x, ptrdiff_t ow)
{
    const ptrdiff_t lane = a->flat ? y * ow + x : x, row = a->flat ? 0 : y;
    return row >= a->y && row < a->y + a->rows && lane >= a->x && lane < a->x + a->cols;
}

/* The element at an offset of out, whether one was asked for there or not. */
static bool judge_element(check *c, const call *t, const char *was, ptrdiff_t at)
{
    const c2_grouped_px_args *a = &t->a;
    const int32_t dtype = a->sums ? CONV2D_FLOAT32 : c->kernel->dtype;
    const ptrdiff_t i = at / a->out_channel, in = at % a->out_channel;
    const ptrdiff_t y = in / a->out_row, x = in % a->out_row;
    const bool wanted = y < t->oh && x < t->ow && in_strip(a, y, x, t->ow);
    const char *got = (const char *)a->out + (size_t)at * t->out_bytes;
    char want[sizeof(double)]; /* as c2_store_f64 can write */
    memcpy(want, was + (size_t)at * t->out_bytes, t->out_bytes);
    if (wanted)
        c2_store_f64(want, dtype, 0, (double)expected(c, t, (int)i, y, x));
    if (memcmp(got, want, t->out_bytes) == 0)
        return true;
    snprintf(c->why, c->why_bytes, "%s: channel %d, row %d, column %d is %a, expected %a",
             wanted ? "wrong output" : "written between outputs", (int)i, (int)y, (int)x,
             c2_load_f64(got, dtype, 0), c2_load_f64(want, dtype, 0));
    return false;
}

static bool one_case(check *c)
{
    call t = {.a.y = 0};
    c2_grouped_px_args *a = &t.a;
    static char was[MAX_OUT * sizeof(float)];
    draw_shape(c, &t);
    draw_strip(c, &t);
    draw_outputs(c, &t);
    fill_tables(&t, check_lanes(c->kernel));
    const ptrdiff_t n = ((ptrdiff_t)a->channels - 1) * a->channel + (a->h - 1) * a->row + t.w;
    t.pixels = check_pixels(c, (size_t)n);
    t.weight = check_values(c, (size_t)(a->kh * a->kw) * a->channels * (size_t)c->kernel->mr);
    a->pixels = t.pixels.data;
    a->weight = t.weight.data;
    memcpy(was, t.out.data, t.out.bytes);
    c2_grouped_px_args given = *a;
    if (a->sums) /* from the strip's first pixel on */
        given.out = (float *)a->out + (a->y * a->out_row + a->x);
    ((c2_grouped_px_fn)c->kernel->fn)(&given);
    bool ok = true;
    for (size_t at = 0; ok && at < t.out.bytes / t.out_bytes; at++)
        ok = judge_element(c, &t, was, (ptrdiff_t)at);
    guard_free(&t.weight);
    guard_free(&t.pixels);
    guard_free(&t.out);
    guard_free(&t.residual);
    return ok;
}

/* A 3x3 kernel over eight channels of 28 x 28 pixels, as one row. */
enum { BENCH_SIZE = 28, BENCH_CHANNELS = 8, BENCH_K = 3 };

static double bench(const c2_kernel *k)
{
    static _Alignas(64) float pixels[BENCH_CHANNELS * BENCH_SIZE * BENCH_SIZE];
    static _Alignas(64) float weight[BENCH_K * BENCH_K * BENCH_CHANNELS * MAX_MR];
    static _Alignas(64) float out[MAX_MR * BENCH_SIZE * BENCH_SIZE];
    static call t;
    static const c2_kernel *filled;
    const ptrdiff_t n = BENCH_SIZE * BENCH_SIZE;
    t.w = t.ow = t.oh = BENCH_SIZE;
    t.dilation = 1;
    t.a = (c2_grouped_px_args){.pixels = pixels,
                               .channel = n,
                               .row = BENCH_SIZE,
                               .channels = BENCH_CHANNELS,
                               .h = BENCH_SIZE,
                               .kh = BENCH_K,
                               .kw = BENCH_K,
                               .step = 1,
                               .step_y = 1,
                               .tap_row = 1,
                               .top = 1,
                               .left = 1,
                               .flat = true,
                               .rows = 1,
                               .cols = n,
                               .m = k->mr,
                               .weight = weight,
                               .bias = t.bias,
                               .out = out,
                               .out_channel = n,
                               .low = -HUGE_VALF,
                               .high = HUGE_VALF};
    if (filled != k)
        fill_tables(&t, check_lanes(k));
    filled = k;
    t.a.live = t.live;
    t.a.offset = t.offset;
    ((c2_grouped_px_fn)k->fn)(&t.a);
    return (double)(k->mr * n * BENCH_K * BENCH_K * BENCH_CHANNELS);
}

const check_family check_grouped_px = {C2_FAMILY_GROUPED_PX, one_case, bench};
