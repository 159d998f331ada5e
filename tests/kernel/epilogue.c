/* SPDX-License-Identifier: BSD-2-Clause
 * epilogue: random rows, columns, strides, bias, residual (its own or in place) and every
 * activation, NaN and infinities among the sums. Results are compared bit by bit with the same
 * steps in plain C; the output's gaps must stay as they were. peak: a run of it returns. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "core/activation.h"

enum { MAX_ROWS = 12, MAX_COLS = 70, GAP = 3 };

/* Strides of rows and columns that do not overlap, either of them the shorter, maybe negative. */
typedef struct layout {
    ptrdiff_t row, col, first; /* first: index of element (0, 0) */
    size_t elements;
} layout;

static layout random_layout(rng *r, int rows, int cols)
{
    layout l = {0, 0, 0, 0};
    if (rng_range(r, 0, 2)) {
        l.col = rng_range(r, 0, 2) ? 1 : rng_range(r, 2, GAP);
        l.row = l.col * cols + rng_range(r, 0, GAP);
    } else {
        l.row = rng_range(r, 1, GAP);
        l.col = l.row * rows + rng_range(r, 0, GAP);
    }
    const ptrdiff_t reach_row = (rows - 1) * l.row, reach_col = (cols - 1) * l.col;
    l.elements = (size_t)(reach_row + reach_col + 1);
    if (rng_range(r, 0, 3) == 0) {
        l.row = -l.row;
        l.first += reach_row;
    }
    if (rng_range(r, 0, 3) == 0) {
        l.col = -l.col;
        l.first += reach_col;
    }
    return l;
}

/* Some sums are what no convolution of ordinary numbers gives. */
static float special(rng *r, float x)
{
    static const float values[] = {
        NAN,         INFINITY,  -INFINITY,  -0.0f,       0x1p-140f, 1e38f,       /* float32 */
        65519.996f,  -65520.0f, 0x1.002p0f, 0x1.006p0f,  0x1p-25f,  -0x1.8p-24f, /* float16 */
        0x1.ffp127f, 0x1.01p0f, -0x1.03p0f, 0x1.8p-133f,                         /* bfloat16 */
    };
    enum { N_VALUES = sizeof values / sizeof values[0] };
    return rng_range(r, 0, 9) ? x : values[rng_range(r, 0, N_VALUES - 1)];
}

static c2_post random_activation(rng *r)
{
    c2_post p = {C2_POST_ACTIVATION, (int32_t)rng_range(r, 0, CONV2D_ACT_MISH), -1.25, 2.5, 0.125};
    if (rng_range(r, 0, 2) == 0)
        p.min = -HUGE_VAL;
    if (rng_range(r, 0, 2) == 0)
        p.max = HUGE_VAL;
    return p;
}

static bool same(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b);
}

/* A NaN with a sign and a payload, quiet or not. */
static float random_nan(rng *r)
{
    static const uint32_t quiet[] = {0, 0x400000};
    const uint32_t payload = (uint32_t)rng_range(r, 1, 0x3fffff);
    const uint32_t sign = (uint32_t)rng_range(r, 0, 1) << 31;
    return c2_f32_of_bits(sign | 0x7f800000 | quiet[rng_range(r, 0, 1)] | payload);
}

/* What a half type keeps of a NaN, bit by bit, where nothing is done with it but storing. */
static bool same_nan(const c2_kernel *k, const c2_epilogue_args *a, const void *base, ptrdiff_t at,
                     float x)
{
    if (k->dtype == CONV2D_FLOAT32 || !(x != x) || a->bias_row || a->bias_col || a->residual ||
        a->activation)
        return true;
    const uint16_t bits = ((const uint16_t *)base)[at];
    return bits == (k->dtype == CONV2D_FLOAT16 ? c2_f32_to_f16(x) : c2_f32_to_bf16(x));
}

/* x as the type of the kernel stores it: one rounding. */
static float stored(const c2_kernel *k, float x)
{
    float room[2]; /* for any dtype */
    c2_store_f64(room, k->dtype, 0, (double)x);
    return check_pixel(k, room, 0);
}

static bool check_outputs(check *c, const c2_epilogue_args *a, const void *was, const void *base,
                          const layout *l)
{
    const c2_kernel *k = c->kernel;
    const size_t bytes = check_pixel_bytes(k);
    bool used[(MAX_ROWS + GAP) * (MAX_COLS + GAP) * GAP * 2] = {false};
    for (int i = 0; i < a->rows; i++) {
        for (int j = 0; j < a->cols; j++) {
            const ptrdiff_t at = l->first + i * l->row + j * l->col;
            used[at] = true;
            float x = a->acc[i * a->acc_stride + j];
            if (a->bias_row)
                x += a->bias_row[i];
            if (a->bias_col)
                x += a->bias_col[j];
            if (a->residual)
                x += a->residual == a->out
                         ? check_pixel(k, was, at)
                         : check_pixel(k, a->residual,
                                       i * a->residual_row_stride + j * a->residual_col_stride);
            if (a->activation)
                x = c2_activate_f32(a->activation, x);
            const bool nan_kept = same_nan(k, a, base, at, x);
            x = stored(k, x);
            const float got = check_pixel(k, base, at);
            if (same(got, x) && nan_kept)
                continue;
            snprintf(c->why, c->why_bytes, "row %d, column %d is %a, expected %a (activation %d)",
                     i, j, (double)got, (double)x, a->activation ? a->activation->activation : 0);
            return false;
        }
    }
    for (size_t i = 0; i < l->elements; i++) {
        if (!used[i] &&
            memcmp((const char *)was + i * bytes, (const char *)base + i * bytes, bytes) != 0) {
            snprintf(c->why, c->why_bytes, "written between the output's elements, at %zu", i);
            return false;
        }
    }
    return true;
}

/* One row of this kernel's lanes is a vector: so the table must say of all kernels of its ISA. */
static bool check_table(check *c)
{
    for (int i = 0; i < c2_n_kernels; i++) {
        const c2_kernel *k = &c2_kernels[i];
        if (!strcmp(c2_kernel_base(k), c->kernel->isa) && k->lanes != c->kernel->nr) {
            snprintf(c->why, c->why_bytes, "%s has %d lanes in the table: expected %d", k->name,
                     k->lanes, c->kernel->nr);
            return false;
        }
    }
    return true;
}

static bool epilogue_case(check *c)
{
    if (!check_table(c))
        return false;
    rng *r = c->random;
    const int rows = check_size(r, MAX_ROWS, 1), cols = check_size(r, MAX_COLS, c->kernel->nr);
    const layout out = random_layout(r, rows, cols), other = random_layout(r, rows, cols);
    const ptrdiff_t acc_stride = cols + rng_range(r, 0, 2) * 5;
    const bool plain = rng_range(r, 0, 7) == 0; /* nothing but the store */
    const int bias = plain ? 0 : (int)rng_range(r, 0, 2);
    const int residual = plain ? 0 : (int)rng_range(r, 0, 2);
    guard_buffer acc = check_values(c, (size_t)((rows - 1) * acc_stride + cols));
    guard_buffer biases = check_values(c, (size_t)(bias == 1 ? rows : cols));
    guard_buffer theirs = check_pixels(c, other.elements);
    guard_buffer ours = check_pixels(c, out.elements);
    const ptrdiff_t bytes = (ptrdiff_t)check_pixel_bytes(c->kernel);
    guard_protect(&acc, true);
    guard_protect(&ours, true);
    float *sums = acc.data;
    for (size_t i = 0; !c->integers && i < acc.bytes / sizeof(float); i++)
        sums[i] = plain && rng_range(r, 0, 1) ? random_nan(r) : special(r, 4 * sums[i]);
    guard_protect(&acc, false);
    float was[(MAX_ROWS + GAP) * (MAX_COLS + GAP) * GAP * 2];
    memcpy(was, ours.data, out.elements * (size_t)bytes);
    const c2_post activation = random_activation(r);
    c2_epilogue_args a = {
        .acc = sums,
        .acc_stride = acc_stride,
        .rows = rows,
        .cols = cols,
        .bias_row = bias == 1 ? biases.data : NULL,
        .bias_col = bias == 2 ? biases.data : NULL,
        .out = (char *)ours.data + out.first * bytes,
        .out_row_stride = out.row,
        .out_col_stride = out.col,
        .activation = activation.activation && !plain ? &activation : NULL,
    };
    if (residual) {
        const layout *l = residual == 1 ? &other : &out;
        a.residual = residual == 1 ? (const char *)theirs.data + other.first * bytes : a.out;
        a.residual_row_stride = l->row;
        a.residual_col_stride = l->col;
    }
    ((c2_epilogue_fn)c->kernel->fn)(&a);
    const bool ok = check_outputs(c, &a, was, ours.data, &out);
    guard_free(&ours);
    guard_free(&theirs);
    guard_free(&biases);
    guard_free(&acc);
    return ok;
}

static _Alignas(64) float bench_acc[32 * 48], bench_out[32 * 48];

static double epilogue_bench(const c2_kernel *k)
{
    static const c2_post relu = {C2_POST_ACTIVATION, CONV2D_ACT_RELU, 0, 0, 0};
    const c2_epilogue_args a = {.acc = bench_acc,
                                .acc_stride = 48,
                                .rows = 32,
                                .cols = 48,
                                .bias_col = bench_acc,
                                .out = bench_out,
                                .out_row_stride = 48,
                                .out_col_stride = 1,
                                .activation = &relu};
    ((c2_epilogue_fn)k->fn)(&a);
    return 32 * 48;
}

static bool peak_case(check *c)
{
    ((c2_peak_fn)c->kernel->fn)((size_t)rng_range(c->random, 0, 100));
    return true;
}

static double peak_bench(const c2_kernel *k)
{
    ((c2_peak_fn)k->fn)(100);
    return 100.0 * k->mr * k->nr;
}

const check_family check_epilogue = {C2_FAMILY_EPILOGUE, epilogue_case, epilogue_bench};
const check_family check_peak = {C2_FAMILY_PEAK, peak_case, peak_bench};
