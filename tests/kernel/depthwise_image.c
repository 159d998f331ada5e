/* SPDX-License-Identifier: BSD-2-Clause
 * dwimg_px: random kernels, dilations, images, paddings, rows, columns and channels, columns that
 * take turns, bias, residual (its own or in place) and clamps, or bare sums. The image ends where
 * its last pixel does, or begins with its first. Results are compared bit by bit with the same
 * products added one after the other and the same steps in plain C; what lies between the outputs
 * must stay as it was. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "core/mem.h"

enum { MOST_COLS = 40, MOST_ROWS = 31, MOST_CHANNELS = 3, GAP = 3, MOST_PERIOD = 37 };
enum { MOST_PIXELS = MOST_CHANNELS * (MOST_ROWS * (MOST_COLS + GAP) + GAP) };

typedef struct image_call {
    c2_dwimg_px_args a;
    guard_buffer image, weight, bias, residual, out, sums;
    char was[MOST_PIXELS * sizeof(float)];
} image_call;

static bool wrong(check *c, const char *what, int channel, int y, int x, float got, float expected)
{
    snprintf(c->why, c->why_bytes, "%s: channel %d, row %d, column %d is %a, expected %a", what,
             channel, y, x, (double)got, (double)expected);
    return false;
}

static bool same(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

/* Sometimes none, mostly up to GAP. */
static ptrdiff_t gap(rng *r)
{
    return rng_range(r, 0, 1) ? rng_range(r, 0, GAP) : 0;
}

/* The first elements of each `period` after its last ones. */
static void repeat(const c2_dwimg_px_args *a, guard_buffer *of, size_t element)
{
    const size_t period = (size_t)a->period * element, pitch = period + C2_DWIMG_REPEATED * element;
    char *data = of->data;
    guard_protect(of, true);
    for (size_t at = 0; at < of->bytes; at++) {
        if (at % pitch >= period)
            data[at] = data[at - period];
    }
    guard_protect(of, false);
}

/* Index of the weight or bias of a column: of the whole period and what is repeated of it. */
static int turn_of(const c2_dwimg_px_args *a, int x)
{
    return (a->first + x) % a->period;
}

static void shape(check *c, image_call *t)
{
    rng *r = c->random;
    const int lanes = check_lanes(c->kernel);
    static const int widths[] = {3, 5, 7};
    c2_dwimg_px_args *a = &t->a;
    a->k = widths[rng_range(r, 0, 2)];
    a->period = rng_range(r, 0, 2) == 0 ? (int)rng_range(r, 1, MOST_PERIOD) : 0;
    a->first = a->period ? (int)rng_range(r, 0, a->period - 1) : 0;
    a->two_rows = !a->period && rng_range(r, 0, 2) == 0;
    a->channels = a->period ? 1 : (int)rng_range(r, 1, MOST_CHANNELS);
    a->rows = check_size(r, MOST_ROWS, c->kernel->mr);
    a->cols = a->two_rows ? (int)rng_range(r, 1, lanes / 2) : check_size(r, MOST_COLS, lanes);
    a->dilation = rng_range(r, 0, 1) ? 1 : rng_range(r, 1, 5);
    a->width = rng_range(r, 1, a->two_rows || rng_range(r, 0, 1) ? a->cols : MOST_COLS);
    a->left = rng_range(r, 0, 3) ? -(a->k / 2 * a->dilation) : rng_range(r, -a->cols - 9, a->width);
    const int all = a->rows + a->k - 1;
    a->row_begin = (int)rng_range(r, 0, rng_range(r, 0, 3) ? c2_min(all, a->k) : all);
    a->row_end = (int)(rng_range(r, 0, 3) ? c2_max(a->row_begin, all - rng_range(r, 0, a->k))
                                          : rng_range(r, a->row_begin, all));
    if (a->row_begin == a->row_end)
        a->row_begin = a->row_end = 0;
    a->low = rng_range(r, 0, 1) ? -INFINITY : -1.5f;
    a->high = rng_range(r, 0, 1) ? INFINITY : 2.5f;
    const int weights = a->period ? a->period + C2_DWIMG_REPEATED : a->channels;
    t->weight = check_values(c, (size_t)(weights * a->k * a->k));
    if (a->period)
        repeat(a, &t->weight, sizeof(float));
    a->weight = t->weight.data;
    const int rows = a->row_end - a->row_begin;
    a->image_row = a->two_rows ? a->cols : a->width + gap(r);
    a->image_channel = rng_range(r, 0, 3) ? rows * a->image_row + gap(r) : 0;
    const ptrdiff_t pixels =
        (a->channels - 1) * a->image_channel + (rows ? (rows - 1) * a->image_row + a->width : 1);
    t->image = check_pixels(c, (size_t)pixels);
    a->image = t->image.data;
}

static void outputs(check *c, image_call *t)
{
    rng *r = c->random;
    c2_dwimg_px_args *a = &t->a;
    const int lanes = check_lanes(c->kernel);
    const size_t bytes = check_pixel_bytes(c->kernel);
    const bool sums = !a->two_rows && rng_range(r, 0, 3) == 0;
    if (sums)
        a->channels = 1;
    a->out_row = a->cols + (a->two_rows ? 0 : gap(r));
    a->residual_row = a->out_row;
    a->out_channel = a->rows * a->out_row + gap(r);
    a->residual_channel = a->out_channel;
    const size_t n = (size_t)((a->channels - 1) * a->out_channel + (a->rows - 1) * a->out_row) +
                     (size_t)a->cols;
    t->residual = check_pixels(c, n);
    t->out = guard_alloc(n * bytes, c->at_end);
    memcpy(t->out.data, t->residual.data, n * bytes);
    memcpy(t->was, t->out.data, n * bytes);
    a->out = t->out.data;
    const int64_t kind = rng_range(r, 0, 3);
    a->residual = kind < 2 ? NULL : kind == 2 ? t->residual.data : t->out.data;
    t->bias = check_pixels(c, (size_t)(a->period ? a->period + C2_DWIMG_REPEATED : a->channels));
    if (a->period)
        repeat(a, &t->bias, check_pixel_bytes(c->kernel));
    a->bias = rng_range(r, 0, 1) ? t->bias.data : NULL;
    a->sums_pitch = (a->cols + lanes - 1) / lanes * lanes;
    t->sums = guard_alloc((size_t)(a->rows * a->sums_pitch) * sizeof(float), c->at_end);
    a->sums = sums ? t->sums.data : NULL;
}

static float sum_of(check *c, const image_call *t, int channel, int y, int x)
{
    const c2_dwimg_px_args *a = &t->a;
    float sum = 0;
    for (int kx = 0; kx < a->k; kx++)
        for (int ky = 0; ky < a->k; ky++) {
            const ptrdiff_t row = y + ky, col = a->left + x + kx * a->dilation;
            const bool inside =
                row >= a->row_begin && row < a->row_end && col >= 0 && col < a->width;
            const ptrdiff_t at =
                channel * a->image_channel + (row - a->row_begin) * a->image_row + col;
            const float pixel = inside ? check_pixel(c->kernel, a->image, at) : 0;
            const int tap = ky * a->k + kx;
            const float weight =
                a->period ? a->weight[tap * (a->period + C2_DWIMG_REPEATED) + turn_of(a, x)]
                          : a->weight[channel * a->k * a->k + tap];
            sum = check_add_product(c->kernel, pixel, weight, sum);
        }
    return sum;
}

static float finished(check *c, const image_call *t, float x, int bias, ptrdiff_t at)
{
    if (t->a.bias)
        x += check_pixel(c->kernel, t->a.bias, bias);
    if (t->a.residual)
        x += check_pixel(c->kernel, t->residual.data, at);
    x = t->a.low > x ? t->a.low : x;
    x = t->a.high < x ? t->a.high : x;
    float room[2];
    c2_store_f64(room, c->kernel->dtype, 0, (double)x);
    return check_pixel(c->kernel, room, 0);
}

static bool check_channel(check *c, const image_call *t, int channel, bool *used)
{
    const c2_dwimg_px_args *a = &t->a;
    for (int y = 0; y < a->rows; y++)
        for (int x = 0; x < a->cols; x++) {
            const float sum = sum_of(c, t, channel, y, x);
            const ptrdiff_t at = channel * a->out_channel + y * a->out_row + x;
            const float got =
                a->sums ? a->sums[y * a->sums_pitch + x] : check_pixel(c->kernel, a->out, at);
            const int bias = a->period ? turn_of(a, x) : channel;
            const float expected = a->sums ? sum : finished(c, t, sum, bias, at);
            used[at] = !a->sums;
            if (!same(got, expected))
                return wrong(c, "wrong result", channel, y, x, got, expected);
        }
    return true;
}

static bool image_case(check *c)
{
    image_call t = {.a = {.rows = 0}};
    bool used[MOST_PIXELS] = {false};
    shape(c, &t);
    outputs(c, &t);
    ((c2_dwimg_px_fn)c->kernel->fn)(&t.a);
    bool ok = true;
    for (int channel = 0; ok && channel < t.a.channels; channel++)
        ok = check_channel(c, &t, channel, used);
    const size_t bytes = check_pixel_bytes(c->kernel);
    for (size_t i = 0; ok && i < t.out.bytes / bytes; i++)
        if (!used[i] && memcmp(t.was + i * bytes, (const char *)t.a.out + i * bytes, bytes) != 0)
            ok = wrong(c, "written between outputs", 0, 0, (int)i, 0, 0);
    guard_buffer *const all[] = {&t.image, &t.weight, &t.bias, &t.residual, &t.out, &t.sums};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        guard_free(all[i]);
    return ok;
}

enum { BENCH_K = 3, BENCH_ROWS = 14, BENCH_COLS = 64 };

static double image_bench(const c2_kernel *k)
{
    static _Alignas(64) float image[BENCH_ROWS * BENCH_COLS], out[BENCH_ROWS * BENCH_COLS];
    static const float weight[BENCH_K * BENCH_K];
    const c2_dwimg_px_args a = {.image = image,
                                .image_row = BENCH_COLS,
                                .row_begin = 1,
                                .row_end = BENCH_ROWS + 1,
                                .left = -1,
                                .width = BENCH_COLS,
                                .weight = weight,
                                .k = BENCH_K,
                                .dilation = 1,
                                .channels = 1,
                                .rows = BENCH_ROWS,
                                .cols = BENCH_COLS,
                                .low = -INFINITY,
                                .high = INFINITY,
                                .out = out,
                                .out_row = BENCH_COLS};
    ((c2_dwimg_px_fn)k->fn)(&a);
    return (double)(BENCH_ROWS * BENCH_COLS * BENCH_K * BENCH_K);
}

const check_family check_dwimg_px = {C2_FAMILY_DWIMG_PX, image_case, image_bench};
