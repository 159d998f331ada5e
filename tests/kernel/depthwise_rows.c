/* SPDX-License-Identifier: BSD-2-Clause
 * dwrow_ch, dwrow_px: random kernels, strides, rows, columns and channels, pixels anywhere, bias,
 * residual (its own or in place) and clamps, or bare sums. Results are compared bit by bit with the
 * same products added one after the other and the same steps in plain C; what lies between the
 * outputs must stay as it was. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

enum { TILE = 7, MAX_K = 7, MAX_WIDE = 24, MAX_READ = TILE - 1 + MAX_WIDE, MAX_ROWS = 2,
       MAX_STRIDE = 2, MAX_TILES = 3, MAX_N = 40, GAP = 3, LINE = 16 /* floats of 64 bytes */ };

static bool wrong(check *c, const char *what, int y, int x, int lane, float got, float expected)
{
    snprintf(c->why, c->why_bytes, "%s: row %d, column %d, lane %d is %a, expected %a", what, y, x,
             lane, (double)got, (double)expected);
    return false;
}

static bool same(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

/* One call and what it is given. */
typedef struct ch_call {
    c2_dwrow_ch_args a;
    bool inside; /* nearly always: all taps of a square kernel, at one distance, finished */
    ptrdiff_t row[(MAX_ROWS - 1) * MAX_STRIDE + MAX_K], col[MAX_READ];
    guard_buffer pixels, weight, bias, residual, out, sums;
    /* Out before the call. */
    char was[MAX_ROWS * (MAX_TILES * TILE + GAP) * (MAX_N + GAP) * 4 + 64];
} ch_call;

/* All of 0 .. n - 1, or some; of none of them [0, 0). */
static void part(rng *r, int n, int *begin, int *end)
{
    const bool all = rng_range(r, 0, 1);
    *begin = all ? 0 : (int)rng_range(r, 0, n);
    *end = all ? n : (int)rng_range(r, *begin, n);
}

/* Rows anywhere, columns too or at one distance, the outer ones padding or not; rows and columns
 * that are not to be read lead nowhere. */
static void ch_pixels(check *c, ch_call *k)
{
    const int n = k->a.n;
    const int64_t bytes = (int64_t)check_pixel_bytes(c->kernel);
    const int64_t far = c2_max(0, -(k->a.tiles - 1) * k->a.next / bytes); /* the last tile, left */
    const int64_t beyond = c2_max(0, (k->a.tiles - 1) * k->a.next / bytes);
    k->pixels = check_pixels(c, (size_t)(far + 3 * n + beyond));
    k->a.pixels = (const char *)k->pixels.data + (far + n) * bytes;
    for (int i = 0; i < (MAX_ROWS - 1) * MAX_STRIDE + MAX_K; i++)
        k->row[i] = i < k->a.row_end - k->a.row_begin
                        ? (ptrdiff_t)(rng_range(c->random, -n, 0) * bytes)
                        : (ptrdiff_t)1 << 40;
    const int n_read = (TILE - 1) * k->a.stride + k->a.kw;
    const bool alike = rng_range(c->random, 0, k->inside ? 3 : 1) > 0;
    const int64_t step = rng_range(c->random, 0, n / (n_read - 1));
    if (alike) {
        const int most = k->a.kw / 2; /* as those of tiles at an end of a row */
        k->a.col_begin = (int)c2_max(0, rng_range(c->random, -most, most));
        k->a.col_end = n_read - (int)c2_max(0, rng_range(c->random, -most, most));
    }
    const int64_t first = alike ? k->a.col_begin : 0;
    for (int i = 0; i < MAX_READ; i++) {
        const bool within = i >= k->a.col_begin && i < k->a.col_end;
        const bool padding = !within || (!alike && rng_range(c->random, 0, 9) == 0);
        const bool read = i < n_read;
        k->col[i] = !read     ? (ptrdiff_t)1 << 40
                    : padding ? -1
                    : alike   ? (ptrdiff_t)((i - first) * step * bytes)
                              : (ptrdiff_t)(rng_range(c->random, 0, n) * bytes);
    }
    k->a.row = k->row;
    k->a.col = k->col;
    k->a.col_step = alike ? step * bytes : 0;
    k->a.col_first = -first * step * bytes;
}

static void ch_shape(check *c, ch_call *k)
{
    rng *r = c->random;
    static const int widths[] = {3, 5, 7};
    const bool wide = rng_range(r, 0, 2) == 0;
    k->a.kw = wide ? (int)rng_range(r, 6, MAX_WIDE) : widths[rng_range(r, 0, 2)];
    k->a.kh = (int)rng_range(r, 1, MAX_K);
    k->a.stride = wide ? 1 : (int)rng_range(r, 1, MAX_STRIDE);
    k->a.rows = (int)rng_range(r, 1, c->kernel->mr / TILE);
    k->a.cols = (int)rng_range(r, 1, TILE);
    k->inside = !wide && rng_range(r, 0, 2) == 0;
    if (k->inside) {
        k->a.kh = rng_range(r, 0, 3) ? k->a.kw : k->a.kh;
        k->a.cols = (int)rng_range(r, TILE - 1, TILE);
    }
    const int lanes = check_lanes(c->kernel);
    k->a.n = check_size(r, 2 * lanes + lanes / 2, lanes);
    k->a.low = rng_range(r, 0, 1) ? -INFINITY : -1.5f;
    k->a.high = rng_range(r, 0, 1) ? INFINITY : 2.5f;
    k->a.tiles = k->a.cols == TILE ? (int)rng_range(r, 1, MAX_TILES) : 1;
    k->a.far = !k->inside && rng_range(r, 0, 2) == 0;
    k->a.next = (ptrdiff_t)rng_range(r, -k->a.n, k->a.n) * (ptrdiff_t)check_pixel_bytes(c->kernel);
    if (k->a.tiles == 1) /* far beyond what is there: it may only be asked for */
        k->a.next = (ptrdiff_t)rng_range(r, -(1 << 30), 1 << 30);
    part(r, (k->a.rows - 1) * k->a.stride + k->a.kh, &k->a.row_begin, &k->a.row_end);
    part(r, (k->a.cols - 1) * k->a.stride + k->a.kw, &k->a.col_begin, &k->a.col_end);
    ch_pixels(c, k);
    const int whole = (k->a.n + lanes - 1) / lanes * lanes;
    k->weight = check_values(c, (size_t)(whole * k->a.kh * k->a.kw));
    k->a.weight = k->weight.data;
}

static void ch_outputs(check *c, ch_call *k)
{
    rng *r = c->random;
    const int lanes = check_lanes(c->kernel);
    const size_t bytes = check_pixel_bytes(c->kernel);
    k->a.streams = !k->inside && bytes == sizeof(float) && rng_range(r, 0, 2) == 0;
    k->a.out_col = k->a.n + rng_range(r, 0, GAP);
    const int all_cols = k->a.tiles * k->a.cols;
    k->a.out_row = all_cols * k->a.out_col + rng_range(r, 0, GAP);
    if (k->a.streams) {
        k->a.out_col = (ptrdiff_t)c2_round_up((size_t)k->a.n, LINE);
        k->a.out_row = all_cols * k->a.out_col;
    }
    const size_t n =
        (size_t)((k->a.rows - 1) * k->a.out_row + (all_cols - 1) * k->a.out_col + k->a.n);
    k->residual = check_pixels(c, n);
    k->out = guard_alloc((k->a.streams ? c2_round_up(n, LINE) : n) * bytes, c->at_end);
    memcpy(k->out.data, k->residual.data, n * bytes);
    memcpy(k->was, k->out.data, n * bytes);
    k->a.out = k->out.data;
    k->a.residual_row = k->a.out_row;
    k->a.residual_col = k->a.out_col;
    const int64_t kind = k->inside ? 0 : rng_range(r, 0, 2);
    k->a.residual = kind == 0 ? NULL : kind == 1 ? k->residual.data : k->out.data;
    k->bias = check_pixels(c, (size_t)k->a.n);
    k->a.bias = rng_range(r, 0, 1) ? k->bias.data : NULL;
    const int whole = (k->a.n + lanes - 1) / lanes * lanes;
    k->sums = guard_alloc((size_t)(k->a.rows * k->a.cols * whole) * sizeof(float), c->at_end);
    k->a.sums = k->inside || k->a.tiles > 1 || rng_range(r, 0, 3) ? NULL : k->sums.data;
    k->a.sums_pitch = whole;
}

static float ch_sum(check *c, const ch_call *k, int y, int x, int j)
{
    const int lanes = check_lanes(c->kernel), kw = k->a.kw;
    float sum = 0;
    for (int ky = 0; ky < k->a.kh; ky++)
        for (int kx = 0; kx < kw; kx++) {
            const int row = y * k->a.stride + ky, col = x % k->a.cols * k->a.stride + kx;
            if (row < k->a.row_begin || row >= k->a.row_end || k->col[col] < 0)
                continue;
            const char *at =
                (const char *)k->a.pixels + k->row[row - k->a.row_begin] + k->col[col] +
                x / k->a.cols * k->a.next;
            sum = check_add_product(
                c->kernel, check_pixel(c->kernel, at, j),
                k->a.weight[((j / lanes * k->a.kh + ky) * kw + kx) * lanes + j % lanes], sum);
        }
    return sum;
}

static float finished(check *c, const ch_call *k, float x, ptrdiff_t at, int j)
{
    if (k->a.bias)
        x += check_pixel(c->kernel, k->a.bias, j);
    if (k->a.residual)
        x += check_pixel(c->kernel, k->residual.data, at); /* out began as its copy */
    x = k->a.low > x ? k->a.low : x;
    x = k->a.high < x ? k->a.high : x;
    float room[2];
    c2_store_f64(room, c->kernel->dtype, 0, (double)x);
    return check_pixel(c->kernel, room, 0);
}

static bool ch_check(check *c, const ch_call *k)
{
    bool used[sizeof k->was] = {false};
    for (int y = 0; y < k->a.rows; y++)
        for (int x = 0; x < k->a.tiles * k->a.cols; x++)
            for (int j = 0; j < k->a.n; j++) {
                const float sum = ch_sum(c, k, y, x, j);
                const ptrdiff_t at = y * k->a.out_row + x * k->a.out_col + j;
                const float got = k->a.sums ? k->a.sums[(y * k->a.cols + x) * k->a.sums_pitch + j]
                                            : check_pixel(c->kernel, k->a.out, at);
                const float expected = k->a.sums ? sum : finished(c, k, sum, at, j);
                used[at] = !k->a.sums;
                if (!same(got, expected))
                    return wrong(c, "wrong result", y, x, j, got, expected);
            }
    const size_t bytes = check_pixel_bytes(c->kernel);
    for (size_t i = 0; i < k->out.bytes / bytes; i++)
        if (!used[i] && memcmp(k->was + i * bytes, (const char *)k->a.out + i * bytes, bytes) != 0)
            return wrong(c, "written between outputs", 0, 0, (int)i, 0, 0);
    return true;
}

static bool ch_case(check *c)
{
    ch_call k = {.a = {.n = 0}};
    ch_shape(c, &k);
    ch_outputs(c, &k);
    ((c2_dwrow_ch_fn)c->kernel->fn)(&k.a);
    const bool ok = ch_check(c, &k);
    guard_buffer *const all[] = {&k.pixels, &k.weight, &k.bias, &k.residual, &k.out, &k.sums};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        guard_free(all[i]);
    return ok;
}

enum { BENCH_N = 64, BENCH_K = 5, BENCH_READ = TILE - 1 + BENCH_K };
static _Alignas(64) float bench_pixels[BENCH_READ * (MAX_ROWS + BENCH_K - 1) * BENCH_N];
static _Alignas(64) float bench_weight[BENCH_K * BENCH_K * BENCH_N];
static _Alignas(64) float bench_out[MAX_ROWS * TILE * BENCH_N];

static double ch_bench(const c2_kernel *k)
{
    ptrdiff_t row[MAX_ROWS + BENCH_K - 1], col[BENCH_READ];
    for (int i = 0; i < MAX_ROWS + BENCH_K - 1; i++)
        row[i] = i * BENCH_READ * BENCH_N * (ptrdiff_t)check_pixel_bytes(k);
    for (int i = 0; i < BENCH_READ; i++)
        col[i] = i * BENCH_N * (ptrdiff_t)check_pixel_bytes(k);
    const c2_dwrow_ch_args a = {.pixels = bench_pixels,
                                .row = row,
                                .col = col,
                                .weight = bench_weight,
                                .kh = BENCH_K,
                                .kw = BENCH_K,
                                .stride = 1,
                                .row_end = k->mr / TILE + BENCH_K - 1,
                                .col_end = BENCH_READ,
                                .col_step = BENCH_N * (ptrdiff_t)check_pixel_bytes(k),
                                .tiles = 1,
                                .rows = k->mr / TILE,
                                .cols = TILE,
                                .n = BENCH_N,
                                .low = -INFINITY,
                                .high = INFINITY,
                                .out = bench_out,
                                .out_row = TILE * BENCH_N,
                                .out_col = BENCH_N};
    ((c2_dwrow_ch_fn)k->fn)(&a);
    return (double)(k->mr * BENCH_N * BENCH_K * BENCH_K);
}

const check_family check_dwrow_ch = {C2_FAMILY_DWROW_CH, ch_case, ch_bench};

/* ---- dwrow_px ---- */

enum { PX_COLS = 40, PX_ROWS = 11, PX_WINDOW = 8192 };

typedef struct px_call {
    c2_dwrow_px_args a;
    guard_buffer image, weight, bias, residual, out, sums, window, other;
    float copied[PX_WINDOW]; /* what the copied window must be */
    char was[PX_ROWS * (PX_COLS + GAP) * 4 + 64];
} px_call;

static guard_buffer px_window(check *c, const float *values, size_t n)
{
    guard_buffer b = guard_alloc(n * sizeof(float), c->at_end);
    memcpy(b.data, values, n * sizeof(float));
    return b;
}

static void px_shape(check *c, px_call *t)
{
    rng *r = c->random;
    const int lanes = check_lanes(c->kernel);
    static const int widths[] = {3, 5, 7};
    c2_dwrow_px_args *a = &t->a;
    a->k = widths[rng_range(r, 0, 2)];
    a->two_rows = rng_range(r, 0, 2) == 0;
    a->step = a->two_rows ? 2 : (int)rng_range(r, 1, 2);
    a->rows = (int)rng_range(r, 0, PX_ROWS);
    a->cols = a->two_rows ? (int)rng_range(r, 1, lanes / 2) : check_size(r, PX_COLS, lanes);
    const bool split = a->step == 2 && !a->two_rows && rng_range(r, 0, 1);
    const bool dilated = !a->two_rows && !split && rng_range(r, 0, 1);
    a->dilation = dilated ? rng_range(r, 1, 4) : 1;
    const ptrdiff_t read = (a->cols + lanes - 1) / lanes * lanes +
                           (a->k - 1) * a->dilation / (split ? 2 : 1);
    a->phase = split ? read + rng_range(r, 0, GAP) : 0;
    a->pitch = a->two_rows ? lanes / 2 : split ? 2 * a->phase : read + rng_range(r, 0, GAP);
    a->tap_pitch = a->pitch * (dilated ? rng_range(r, 1, 3) : 1);
    a->low = rng_range(r, 0, 1) ? -INFINITY : -1.5f;
    a->high = rng_range(r, 0, 1) ? INFINITY : 2.5f;
    t->weight = check_values(c, (size_t)(a->k * a->k));
    a->weight = t->weight.data;
    /* As much as all rows, or the pairs of rows they are in, reach. */
    const int vectors = a->two_rows ? (a->rows + 1) / 2 : a->rows;
    const ptrdiff_t last = (vectors - 1) * a->step + a->k - 1;
    const size_t n = vectors ? (size_t)(last * a->tap_pitch + (split ? a->phase : 0) +
                                        (a->two_rows ? lanes + a->k - 1 : read))
                             : 1;
    t->window = check_values(c, n);
    a->window = t->window.data;
}

/* Rows are copied to another window, whose other floats must stay. */
static void px_copy(check *c, px_call *t)
{
    rng *r = c->random;
    const int lanes = check_lanes(c->kernel);
    c2_dwrow_px_args *a = &t->a;
    a->copy_rows = (int)rng_range(r, 0, 4);
    a->copy_cols = check_size(r, a->two_rows ? lanes / 2 : PX_COLS, lanes);
    a->image_row = a->copy_cols + rng_range(r, 0, GAP);
    const int rows = a->copy_rows ? a->copy_rows : 1, s = a->phase ? 2 : 1;
    t->image = check_pixels(c, (size_t)((rows - 1) * a->image_row + a->copy_cols));
    a->image = t->image.data;
    const ptrdiff_t width = (a->copy_cols + s * lanes - 1) / (s * lanes) * lanes;
    if (a->phase < width && a->phase) /* planes apart, so that the order of stores is not seen */
        a->copy_odd = width;
    else
        a->copy_odd = a->phase;
    const size_t n = (size_t)((rows - 1) * a->pitch + (s == 2 ? a->copy_odd : 0) + width);
    for (size_t i = 0; i < n; i++)
        t->copied[i] = (float)i;
    t->other = px_window(c, t->copied, n);
    a->copy_to = t->other.data;
    for (int y = 0; y < a->copy_rows; y++)
        for (int x = 0; x < width * s; x++)
            t->copied[y * a->pitch + (x % s ? a->copy_odd : 0) + x / s] =
                x < a->copy_cols ? check_pixel(c->kernel, a->image, y * a->image_row + x) : 0;
}

static void px_outputs(check *c, px_call *t)
{
    rng *r = c->random;
    c2_dwrow_px_args *a = &t->a;
    const int lanes = check_lanes(c->kernel), rows = a->rows ? a->rows : 1;
    const size_t bytes = check_pixel_bytes(c->kernel);
    a->out_row = a->cols + rng_range(r, 0, GAP);
    a->residual_row = a->out_row;
    const size_t n = (size_t)((rows - 1) * a->out_row + a->cols);
    t->residual = check_pixels(c, n);
    t->out = guard_alloc(n * bytes, c->at_end);
    memcpy(t->out.data, t->residual.data, n * bytes);
    memcpy(t->was, t->out.data, n * bytes);
    a->out = t->out.data;
    const int64_t kind = rng_range(r, 0, 2);
    a->residual = kind == 0 ? NULL : kind == 1 ? t->residual.data : t->out.data;
    t->bias = check_pixels(c, 1);
    a->bias = rng_range(r, 0, 1) ? t->bias.data : NULL;
    a->sums_pitch = (a->cols + lanes - 1) / lanes * lanes;
    t->sums = guard_alloc((size_t)(rows * a->sums_pitch) * sizeof(float), c->at_end);
    a->sums = rng_range(r, 0, 3) ? NULL : t->sums.data;
}

static float px_sum(check *c, const px_call *t, int y, int x)
{
    const c2_dwrow_px_args *a = &t->a;
    float sum = 0;
    for (int kx = 0; kx < a->k; kx++)
        for (int ky = 0; ky < a->k; ky++) {
            const float *row = a->window + (y * (a->two_rows ? 1 : a->step) + ky) * a->tap_pitch;
            const float v =
                a->phase ? row[(kx % 2) * a->phase + x + kx / 2] : row[x + kx * a->dilation];
            sum = check_add_product(c->kernel, v, a->weight[ky * a->k + kx], sum);
        }
    return sum;
}

static float px_finished(check *c, const px_call *t, float x, ptrdiff_t at)
{
    if (t->a.bias)
        x += check_pixel(c->kernel, t->a.bias, 0);
    if (t->a.residual)
        x += check_pixel(c->kernel, t->residual.data, at);
    x = t->a.low > x ? t->a.low : x;
    x = t->a.high < x ? t->a.high : x;
    float room[2];
    c2_store_f64(room, c->kernel->dtype, 0, (double)x);
    return check_pixel(c->kernel, room, 0);
}

static bool px_check(check *c, const px_call *t)
{
    const c2_dwrow_px_args *a = &t->a;
    bool used[sizeof t->was] = {false};
    for (int y = 0; y < a->rows; y++)
        for (int x = 0; x < a->cols; x++) {
            const float sum = px_sum(c, t, y, x);
            const ptrdiff_t at = y * a->out_row + x;
            const float got =
                a->sums ? a->sums[y * a->sums_pitch + x] : check_pixel(c->kernel, a->out, at);
            const float expected = a->sums ? sum : px_finished(c, t, sum, at);
            used[at] = !a->sums;
            if (!same(got, expected))
                return wrong(c, "wrong result", y, x, 0, got, expected);
        }
    const size_t bytes = check_pixel_bytes(c->kernel);
    for (size_t i = 0; i < t->out.bytes / bytes; i++)
        if (!used[i] && memcmp(t->was + i * bytes, (const char *)a->out + i * bytes, bytes) != 0)
            return wrong(c, "written between outputs", 0, 0, (int)i, 0, 0);
    for (size_t i = 0; i < t->other.bytes / sizeof(float); i++)
        if (!same(a->copy_to[i], t->copied[i]))
            return wrong(c, "copied window", 0, 0, (int)i, a->copy_to[i], t->copied[i]);
    return true;
}

static bool px_case(check *c)
{
    px_call t = {.a = {.rows = 0}};
    px_shape(c, &t);
    px_copy(c, &t);
    px_outputs(c, &t);
    ((c2_dwrow_px_fn)c->kernel->fn)(&t.a);
    const bool ok = px_check(c, &t);
    guard_buffer *const all[] = {&t.image, &t.weight, &t.bias,   &t.residual,
                                 &t.out,   &t.sums,   &t.window, &t.other};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        guard_free(all[i]);
    return ok;
}

enum { BENCH_ROWS = 16, BENCH_COLS = 64, BENCH_PITCH = 80 };

static double px_bench(const c2_kernel *k)
{
    static _Alignas(64) float window[BENCH_PITCH * (BENCH_ROWS + BENCH_K)];
    static _Alignas(64) float out[BENCH_ROWS * BENCH_COLS];
    const c2_dwrow_px_args a = {.window = window,
                                .pitch = BENCH_PITCH,
                                .tap_pitch = BENCH_PITCH,
                                .dilation = 1,
                                .weight = bench_weight,
                                .k = BENCH_K,
                                .step = 1,
                                .rows = BENCH_ROWS,
                                .cols = BENCH_COLS,
                                .low = -INFINITY,
                                .high = INFINITY,
                                .out = out,
                                .out_row = BENCH_COLS};
    ((c2_dwrow_px_fn)k->fn)(&a);
    return (double)(BENCH_ROWS * BENCH_COLS * BENCH_K * BENCH_K);
}

const check_family check_dwrow_px = {C2_FAMILY_DWROW_PX, px_case, px_bench};
