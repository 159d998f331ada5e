/* SPDX-License-Identifier: BSD-2-Clause
 * wino_in, wino_gemm, wino_groups and wino_out. Transforms of integers are multiples of 1/64 and
 * exact, so they must equal B'dB and A'mA by the matrices of the definition; real numbers must stay
 * within the roundings that docs/numerics.md counts, times the absolute terms; lines by B'd and
 * A'm, half the roundings; and short tiles and those of few taps by matrices of their own. Products
 * are compared bit by bit with products added one after the other. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

enum { MAX_EDGE = 8, MAX_BLOCKS = 3, MAX_NR = 32, MAX_ROWS = 16, MAX_K = 64, MAX_GROUPS = 3 };

/* The matrices of the definition, and beside them the sums of absolute terms as computed: some
 * terms cancel in part. Points 0, 1, -1, infinity; 0, 1, -1, 1/2, -2, infinity; and 0, 1, -1, 2,
 * -2, 1/2, -1/2, infinity. */
static const double b2[4][MAX_EDGE] = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, -1, 0, 1}};
static const double b4[6][MAX_EDGE] = {{1, -1.5, -2, 1.5, 1, 0}, {0, -1, 0.5, 2.5, 1, 0},
                                {0, 1, -2.5, 0.5, 1, 0},  {0, -2, -1, 2, 1, 0},
                                {0, 0.5, -1, -0.5, 1, 0}, {0, 1, -1.5, -2, 1.5, 1}};
static const double b4_terms[6][MAX_EDGE] = {{1, 1.5, 2, 1.5, 1, 0}, {0, 1, 2.5, 2.5, 1, 0},
                                      {0, 1, 2.5, 2.5, 1, 0}, {0, 2, 1, 2, 1, 0},
                                      {0, 0.5, 1, 0.5, 1, 0}, {0, 1, 1.5, 2, 1.5, 1}};
static const double b6[8][MAX_EDGE] = {
    {1, 0, -5.25, 0, 5.25, 0, -1, 0},       {0, 1, 1, -4.25, -4.25, 1, 1, 0},
    {0, -1, 1, 4.25, -4.25, -1, 1, 0},      {0, 0.5, 0.25, -2.5, -1.25, 2, 1, 0},
    {0, -0.5, 0.25, 2.5, -1.25, -2, 1, 0},  {0, 2, 4, -2.5, -5, 0.5, 1, 0},
    {0, -2, 4, 2.5, -5, -0.5, 1, 0},        {0, -1, 0, 5.25, 0, -5.25, 0, 1}};
static const double a2[2][MAX_EDGE] = {{1, 1, 1, 0}, {0, 1, -1, 1}};
static const double a4[4][MAX_EDGE] = {{1, 1, 1, 1, 1, 0},
                                {0, 1, -1, 0.5, -2, 0},
                                {0, 1, 1, 0.25, 4, 0},
                                {0, 1, -1, 0.125, -8, 1}};
static const double a6[6][MAX_EDGE] = {{1, 1, 1, 0.125, 0.125, 4, 4, 0},
                                       {0, 1, -1, 0.25, -0.25, 2, -2, 0},
                                       {0, 1, 1, 0.5, 0.5, 1, 1, 0},
                                       {0, 1, -1, 1, -1, 0.5, -0.5, 0},
                                       {0, 1, 1, 2, 2, 0.25, 0.25, 0},
                                       {0, 1, -1, 4, -4, 0.125, -0.125, 1}};

/* Of short tiles, one row a point: F(2,3)'s of 1 output, F(4,3)'s of 1, 2 and 3, from the equations
 * that A, the weights' matrix and B must fulfil. No terms cancel. */
static const double b2_1[3][MAX_EDGE] = {{1, -1}, {0, 2}, {0, -1, 1}};
static const double a2_1[1][MAX_EDGE] = {{1, 1, 1}};
static const double b4_1[3][MAX_EDGE] = {{1, -1}, {0, 3}, {0, -1, 1}};
static const double b4_2[4][MAX_EDGE] = {{1, 0, -1}, {0, 1.5, 1.5}, {0, 1.5, -1.5}, {0, -1, 0, 1}};
static const double a4_2[2][MAX_EDGE] = {{1, 1, 1, 0}, {0, 1, -1, 1}};
static const double b4_3[5][MAX_EDGE] = {{1, -2, -1, 2, 0},
                                         {0, -1.5, 1.5, 3, 0},
                                         {0, 0.5, -1.5, 1, 0},
                                         {0, -2.5, 0, 2.5, 0},
                                         {0, 0.5, -1, -0.5, 1}};
static const double a4_3[3][MAX_EDGE] = {{1, 1, 1, 1, 0}, {0, 1, -1, 0.5, 0}, {0, 1, 1, 0.25, 1}};

/* Of one tap with the weights of kernels_winograd.h, from the same equations; of two taps, those of
 * three without the last point. */
static const double one2_1[1][MAX_EDGE] = {{1}};
static const double one2_2[2][MAX_EDGE] = {{1, -1}, {0, 1}};
static const double one4_3[3][MAX_EDGE] = {{1, 0, -1}, {0, 0.5, 0.5}, {0, 1.5, -1.5}};
static const double one4_4[4][MAX_EDGE] = {
    {1, -2, -1, 2}, {0, -0.5, 0.5, 1}, {0, 0.5, -1.5, 1}, {0, -1, 0, 1}};

/* A row a point for the input, a row an output for the pixels, of F(m,3) and `size` outputs. */
typedef const double matrix_row[MAX_EDGE];
enum { MAX_M = 6 };
static matrix_row *const in_rows[MAX_M + 1][MAX_M + 1] = {
    [2] = {[1] = b2_1, [2] = b2},
    [4] = {[1] = b4_1, [2] = b4_2, [3] = b4_3, [4] = b4},
    [6] = {[6] = b6}};
static matrix_row *const one_rows[MAX_M + 1][MAX_M + 1] = {
    [2] = {[1] = one2_1, [2] = one2_2},
    [4] = {[1] = one2_1, [2] = one2_2, [3] = one4_3, [4] = one4_4}};
static matrix_row *const out_rows[MAX_M + 1][MAX_M + 1] = {
    [2] = {[1] = a2_1, [2] = a2},
    [4] = {[1] = a2_1, [2] = a4_2, [3] = a4_3, [4] = a4},
    [6] = {[6] = a6}};
/* Roundings of their two passes. */
static const int in_roundings[] = {2, 6, 6}, out_roundings[] = {4, 8, 6};

/* A tile, or a line, which has one row; outputs and taps along y and x. */
typedef struct shape {
    int edge, rows, m, size[2], taps[2];
    bool line;
} shape;

static shape draw_shape(check *c, int least_taps)
{
    const int m = c->kernel->mr, edge = m + 2, least = m == 6 ? 6 : 1;
    shape s = {.edge = edge, .m = m, .line = rng_range(c->random, 0, 2) == 0};
    for (int a = 0; a < 2; a++) /* whole tiles as often as all others */
        s.size[a] = rng_range(c->random, 0, 1) ? m : (int)rng_range(c->random, least, m);
    const bool all = rng_range(c->random, 0, 2) == 0;
    for (int a = 0; a < 2; a++)
        s.taps[a] = all ? 3 : (int)rng_range(c->random, m == 6 ? 2 : least_taps, 3);
    if (s.line)
        s.size[0] = 1;
    s.rows = s.line ? 1 : edge;
    return s;
}

/* Points along y (axis 0) or x. */
static int points(const shape *s, int axis)
{
    return s->line && axis == 0 ? 1 : s->size[axis] + s->taps[axis] - 1;
}

/* Among the steps of a whole tile: the last point of three taps is the one at infinity. */
static int step_at(const shape *s, int axis, int point)
{
    const bool last = point == s->size[axis] + 1 && !(s->line && axis == 0);
    return last ? s->edge - 1 : point;
}

/* Sum over p, q of down[i][p] x[p][q] across[j][q], x a row of `edge` numbers, or of a line of
 * across[j][q] x[q], in float64; absolute if terms. */
static double element(matrix_row *down, matrix_row *across, const shape *s, int i, int j,
                      const double *x, bool terms)
{
    double sum = 0;
    for (int p = 0; p < points(s, 0); p++)
        for (int q = 0; q < points(s, 1); q++) {
            const double t = (s->line ? 1 : down[i][p]) * across[j][q] * x[p * s->edge + q];
            sum += terms ? fabs(t) : t;
        }
    return sum;
}

static bool agrees(check *c, double got, double exact, double terms, int roundings, int at,
                   int lane)
{
    const double bound = c->integers ? 0 : roundings * 0x1p-24 * 1.001 * terms + 0x1p-140;
    if (fabs(got - exact) <= bound)
        return true;
    snprintf(c->why, c->why_bytes, "value %d, lane %d: %a, exact %a, bound %a", at, lane, got,
             exact, bound);
    return false;
}

/* A writable buffer of n floats, all canaries: a NaN that no arithmetic makes. */
static const uint32_t canary = 0x7fa5a5a5;
static guard_buffer canaries(const check *c, size_t n)
{
    guard_buffer b = guard_alloc(n * sizeof(float), c->at_end);
    for (size_t i = 0; i < n; i++)
        memcpy((char *)b.data + i * sizeof canary, &canary, sizeof canary);
    return b;
}

static bool is_canary(float x)
{
    return memcmp(&x, &canary, sizeof x) == 0;
}

/* ---- wino_in -------------------------------------------------------------------------------- */

typedef struct in_case {
    shape shape;
    int channels;
    const void *pixel[MAX_EDGE * MAX_EDGE];
    c2_wino_in_args args;
} in_case;

/* The matrix along an axis; with absolute terms. Of a line there is none along y. */
static matrix_row *in_matrix(const shape *s, int axis, bool terms)
{
    const int size = s->line && axis == 0 ? s->m : s->size[axis];
    if (s->taps[axis] == 1)
        return one_rows[s->m][size];
    return terms && s->m == 4 && size == 4 ? b4_terms : in_rows[s->m][size];
}

static bool in_check(check *c, const in_case *t)
{
    const c2_kernel *k = c->kernel;
    const shape *s = &t->shape;
    matrix_row *const down = in_matrix(s, 0, false), *const across = in_matrix(s, 1, false);
    matrix_row *const down_terms = in_matrix(s, 0, true);
    matrix_row *const across_terms = in_matrix(s, 1, true);
    const int edge = s->edge, blocks = (t->channels + k->nr - 1) / k->nr;
    const int roundings = in_roundings[k->mr / 2 - 1] / (s->line ? 2 : 1);
    for (int channel = 0; channel < blocks * k->nr; channel++) {
        float *v = t->args.v + channel / k->nr * t->args.v_block + channel % k->nr;
        double x[MAX_EDGE * MAX_EDGE] = {0};
        for (int i = 0; i < s->rows * edge && channel < t->channels; i++)
            x[i] = t->pixel[i] ? (double)check_pixel(k, t->pixel[i], channel) : 0;
        for (int i = 0; i < points(s, 0); i++)
            for (int j = 0; j < points(s, 1); j++) {
                const int step = step_at(s, 0, i) * edge + step_at(s, 1, j);
                float *at =
                    v + step_at(s, 0, i) * t->args.v_row + step_at(s, 1, j) * t->args.v_step;
                if (!agrees(c, (double)*at, element(down, across, s, i, j, x, false),
                            element(down_terms, across_terms, s, i, j, x, true), roundings, step,
                            channel))
                    return false;
                memcpy(at, &canary, sizeof canary);
            }
    }
    return true;
}

static bool in_one(check *c)
{
    const c2_kernel *k = c->kernel;
    rng *r = c->random;
    in_case t = {.shape = draw_shape(c, 1), .channels = check_size(r, MAX_BLOCKS * k->nr, k->nr)};
    const shape *s = &t.shape;
    const int edge = s->edge, steps = s->rows * edge;
    const int blocks = (t.channels + k->nr - 1) / k->nr, high = points(s, 0), wide = points(s, 1);
    const ptrdiff_t col = t.channels + rng_range(r, 0, 3), row = wide * col + rng_range(r, 0, 3);
    const size_t n = (size_t)((high - 1) * row + (wide - 1) * col + t.channels);
    guard_buffer pixels = check_pixels(c, n);
    const bool by_table = rng_range(r, 0, 1);
    const ptrdiff_t bytes = (ptrdiff_t)check_pixel_bytes(k);
    for (int i = 0; i < steps; i++) {
        const ptrdiff_t at = by_table ? rng_range(r, 0, (int64_t)n - t.channels)
                                      : i / edge * row + i % edge * col;
        /* Others are not read. */
        t.pixel[i] = i / edge < high && i % edge < wide ? (const char *)pixels.data + at * bytes
                                                        : NULL;
    }
    const ptrdiff_t v_block = k->nr + rng_range(r, 0, 5), v_step = blocks * v_block;
    /* Without a step at infinity rows are shorter. */
    const ptrdiff_t v_row = (edge - (s->taps[1] < 3)) * v_step;
    const ptrdiff_t last = step_at(s, 0, high - 1) * v_row + step_at(s, 1, wide - 1) * v_step;
    const size_t n_v = (size_t)(last + v_step - (v_block - k->nr));
    guard_buffer v = canaries(c, n_v);
    t.args = (c2_wino_in_args){by_table ? t.pixel : NULL,
                               by_table ? NULL : pixels.data,
                               row,
                               col,
                               t.channels,
                               v.data,
                               v_step,
                               v_row,
                               v_block,
                               s->line,
                               {s->size[0], s->size[1]},
                               {s->taps[0], s->taps[1]}};
    ((c2_wino_in_fn)k->fn)(&t.args);
    bool ok = in_check(c, &t);
    for (size_t i = 0; ok && i < n_v; i++)
        if (!is_canary(t.args.v[i])) {
            snprintf(c->why, c->why_bytes, "float %zu of V, of no block or step, was written", i);
            ok = false;
        }
    guard_free(&v);
    guard_free(&pixels);
    return ok;
}

/* ---- wino_gemm ------------------------------------------------------------------------------ */

/* Lanes from n on may hold anything; behind the rows is a guard page. */
static bool are_sums(check *c, const float *out, const float *expected, int m, int n)
{
    for (int i = 0; i < m * n; i++) {
        const int at = i / n * c->kernel->nr + i % n;
        if (memcmp(&out[at], &expected[at], sizeof *out) != 0) {
            snprintf(c->why, c->why_bytes, "wrong sum: row %d, lane %d is %a, expected %a", i / n,
                     i % n, (double)out[at], (double)expected[at]);
            return false;
        }
    }
    return true;
}

static bool gemm_one(check *c)
{
    const c2_kernel *k = c->kernel;
    rng *r = c->random;
    const int lanes = check_lanes(k), n = check_size(r, k->nr, lanes);
    const int m = check_size(r, MAX_GROUPS * k->mr, k->mr);
    const int klen = check_size(r, MAX_K, lanes), blocks = (klen + lanes - 1) / lanes;
    const ptrdiff_t v_block = m * lanes + rng_range(r, 0, 9);
    const bool accumulate = rng_range(r, 0, 1);
    /* V ends with the last channel of the last row. */
    const int last = klen - (blocks - 1) * lanes;
    guard_buffer v = check_values(c, (size_t)((blocks - 1) * v_block + (m - 1) * lanes + last));
    guard_buffer u = check_values(c, (size_t)(klen * k->nr));
    enum { MOST = MAX_GROUPS * MAX_ROWS * MAX_NR };
    float before[MOST], expected[MOST] = {0};
    for (int i = 0; i < m * k->nr; i++)
        before[i] = c->integers ? (float)rng_range(r, -99, 99) : (float)rng_normal(r);
    guard_buffer out = canaries(c, (size_t)(m * k->nr));
    if (accumulate)
        memcpy(out.data, before, (size_t)(m * k->nr) * sizeof *before);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            float sum = 0;
            for (int x = 0; x < klen; x++)
                sum = check_add_product(
                    k, ((const float *)v.data)[x / lanes * v_block + i * lanes + x % lanes],
                    ((const float *)u.data)[x * k->nr + j], sum);
            expected[i * k->nr + j] = accumulate ? before[i * k->nr + j] + sum : sum;
        }
    const c2_wino_gemm_args args = {v.data,   v_block, u.data, rng_range(r, 0, 1) ? u.data : NULL,
                                    out.data, m,       n,      klen,
                                    accumulate};
    ((c2_wino_gemm_fn)k->fn)(&args);
    const bool ok = are_sums(c, out.data, expected, m, n);
    guard_free(&out);
    guard_free(&u);
    guard_free(&v);
    return ok;
}

/* ---- wino_groups ---------------------------------------------------------------------------- */

/* The sum of a lane of row i: products of its group's channels in their order. */
static float group_sum(const check *c, const c2_wino_groups_args *a, const float *v, int i,
                       int vector, int lane)
{
    const int lanes = check_lanes(c->kernel), klen = lanes / a->groups;
    const float *row = v + vector * a->v_block + i * lanes + lane / klen * klen;
    float sum = 0;
    for (int k = 0; k < klen; k++)
        sum = check_add_product(c->kernel, row[k],
                                a->u[k * c->kernel->nr + vector * lanes + a->out[lane]], sum);
    return sum;
}

/* Sums of the first n lanes; and nothing is written between vectors. */
static bool are_group_sums(check *c, const c2_wino_groups_args *a, const float *before)
{
    const int lanes = check_lanes(c->kernel), vectors = (a->n + lanes - 1) / lanes;
    const ptrdiff_t all = (vectors - 1) * a->v_block + a->m * lanes;
    for (ptrdiff_t at = 0; at < all; at++) {
        const int vector = (int)(at / a->v_block), lane = (int)(at % a->v_block % lanes);
        const int row = (int)(at % a->v_block / lanes);
        if (row < a->m && vector * lanes + lane >= a->n)
            continue;
        const float expected =
            row < a->m ? group_sum(c, a, before, row, vector, lane) : before[at];
        if (memcmp(&a->v[at], &expected, sizeof expected) != 0) {
            snprintf(c->why, c->why_bytes, "%d groups: row %d of vector %d, lane %d is %a, not %a",
                     a->groups, row, vector, lane, (double)a->v[at], (double)expected);
            return false;
        }
    }
    return true;
}

static bool groups_one(check *c)
{
    const c2_kernel *k = c->kernel;
    rng *r = c->random;
    const int lanes = check_lanes(k), n = check_size(r, k->nr, lanes);
    const int groups = 1 << rng_range(r, 0, 2), klen = lanes / groups;
    const int m = check_size(r, MAX_GROUPS * k->mr, k->mr), vectors = (n + lanes - 1) / lanes;
    const ptrdiff_t v_block = m * lanes + rng_range(r, 0, 9);
    int32_t in[MAX_NR], out[MAX_NR];
    for (int lane = 0; lane < lanes; lane++) {
        out[lane] = lane % klen * groups + lane / klen;
        in[out[lane]] = lane;
    }
    const size_t floats = (size_t)((vectors - 1) * v_block + m * lanes);
    guard_buffer v = canaries(c, floats), u = check_values(c, (size_t)(klen * k->nr));
    guard_buffer before = check_values(c, floats);
    memcpy(v.data, before.data, floats * sizeof(float));
    const c2_wino_groups_args args = {v.data, v_block, u.data, u.data, in, out, m, n, groups};
    ((c2_wino_groups_fn)k->fn)(&args);
    const bool ok = are_group_sums(c, &args, before.data);
    guard_free(&before);
    guard_free(&u);
    guard_free(&v);
    return ok;
}

/* ---- wino_out ------------------------------------------------------------------------------- */

/* The same call, finished: `plain` has its pixels. */
static bool out_finished(check *c, const shape *s, const c2_wino_out_args *bare,
                         const float *plain)
{
    const c2_kernel *k = c->kernel;
    rng *r = c->random;
    const int high = s->size[0], wide = s->size[1];
    c2_wino_out_args a = *bare;
    a.n = check_size(r, bare->n, check_lanes(k));
    const size_t n = (size_t)((high - 1) * a.row + (wide - 1) * a.col + a.n);
    guard_buffer y = canaries(c, n), bias = check_values(c, (size_t)k->nr);
    const bool bounded = rng_range(r, 0, 1);
    a.y = y.data;
    a.bias = bias.data;
    a.low = bounded ? -2 : -HUGE_VALF;
    a.high = bounded ? 3 : HUGE_VALF;
    ((c2_wino_out_fn)k->fn)(&a);
    bool ok = true;
    float *got = y.data;
    for (int i = 0; i < high * wide * a.n; i++) {
        const ptrdiff_t at = i / a.n / wide * a.row + i / a.n % wide * a.col + i % a.n;
        const float want = fminf(a.high, fmaxf(a.low, plain[at] + a.bias[i % a.n]));
        if (ok && got[at] != want) {
            snprintf(c->why, c->why_bytes, "finished: pixel %d, lane %d is %a, expected %a",
                     i / a.n, i % a.n, (double)got[at], (double)want);
            ok = false;
        }
        memcpy(&got[at], &canary, sizeof canary);
    }
    for (size_t i = 0; ok && i < n; i++)
        if (!is_canary(got[i])) {
            snprintf(c->why, c->why_bytes, "finished: float %zu between pixels was written", i);
            ok = false;
        }
    guard_free(&bias);
    guard_free(&y);
    return ok;
}

static bool out_one(check *c)
{
    const c2_kernel *k = c->kernel;
    rng *r = c->random;
    const shape s = draw_shape(c, 2);
    const int m = s.m, high = s.size[0], wide = s.size[1];
    matrix_row *const down = out_rows[m][s.line ? m : high], *const across = out_rows[m][wide];
    const ptrdiff_t m_step = k->nr + rng_range(r, 0, 20), col = k->nr + rng_range(r, 0, 3);
    const ptrdiff_t m_row = (s.edge - (s.taps[1] < 3)) * m_step;
    const ptrdiff_t last = step_at(&s, 0, points(&s, 0) - 1) * m_row +
                           step_at(&s, 1, points(&s, 1) - 1) * m_step;
    const ptrdiff_t row = wide * col + rng_range(r, 0, 9);
    const int lanes = check_lanes(k), most = (int)rng_range(r, 1, k->nr / lanes) * lanes;
    guard_buffer in = check_values(c, (size_t)(last + most));
    const size_t n = (size_t)((high - 1) * row + (wide - 1) * col + most);
    guard_buffer y = canaries(c, n);
    const c2_wino_out_args args = {.m = in.data,
                                   .m_step = m_step,
                                   .m_row = m_row,
                                   .y = y.data,
                                   .row = row,
                                   .col = col,
                                   .n = most,
                                   .line = s.line,
                                   .size = {high, wide},
                                   .taps = {s.taps[0], s.taps[1]}};
    ((c2_wino_out_fn)k->fn)(&args);
    float *got = y.data;
    bool ok = out_finished(c, &s, &args, got);
    const int roundings = out_roundings[m / 2 - 1] / (s.line ? 2 : 1);
    for (int lane = 0; lane < most; lane++) {
        double x[MAX_EDGE * MAX_EDGE];
        for (int i = 0; i < points(&s, 0); i++)
            for (int j = 0; j < points(&s, 1); j++) {
                const ptrdiff_t at = step_at(&s, 0, i) * m_row + step_at(&s, 1, j) * m_step;
                x[i * s.edge + j] = (double)((const float *)in.data)[at + lane];
            }
        for (int i = 0; i < high * wide; i++) {
            const int y_at = i / wide, x_at = i % wide;
            float *at = got + y_at * row + x_at * col + lane;
            ok = ok && agrees(c, (double)*at, element(down, across, &s, y_at, x_at, x, false),
                              element(down, across, &s, y_at, x_at, x, true), roundings, i, lane);
            memcpy(at, &canary, sizeof canary);
        }
    }
    for (size_t i = 0; ok && i < n; i++)
        if (!is_canary(got[i])) {
            snprintf(c->why, c->why_bytes, "float %zu between pixels was written", i);
            ok = false;
        }
    guard_free(&y);
    guard_free(&in);
    return ok;
}

/* ---- rates ---------------------------------------------------------------------------------- */

static _Alignas(64) float bench_v[MAX_K * MAX_ROWS], bench_u[MAX_K * MAX_NR];
static const int32_t bench_turns[MAX_NR];
static _Alignas(64) float bench_out[MAX_EDGE * MAX_EDGE * MAX_NR];

static double gemm_bench(const c2_kernel *k)
{
    const c2_wino_gemm_args args = {bench_v,   k->mr * check_lanes(k), bench_u, bench_u,
                                    bench_out, k->mr,                  k->nr,   MAX_K, true};
    ((c2_wino_gemm_fn)k->fn)(&args);
    return (double)k->mr * k->nr * (double)MAX_K;
}

static double groups_bench(const c2_kernel *k)
{
    const c2_wino_groups_args args = {bench_v,     k->mr * check_lanes(k), bench_u, bench_u,
                                      bench_turns, bench_turns,            k->mr,   k->nr, 1};
    ((c2_wino_groups_fn)k->fn)(&args);
    return (double)k->mr * k->nr * check_lanes(k);
}

/* Floats of V, and of M. */
static double in_bench(const c2_kernel *k)
{
    const int edge = k->mr + 2;
    const c2_wino_in_args args = {NULL,      bench_u, edge * k->nr, k->nr,
                                  k->nr,     bench_out, k->nr, edge * k->nr, k->nr,
                                  false,     {k->mr, k->mr}, {3, 3}};
    ((c2_wino_in_fn)k->fn)(&args);
    return (double)(edge * edge * k->nr);
}

static double out_bench(const c2_kernel *k)
{
    const int edge = k->mr + 2;
    const c2_wino_out_args args = {.m = bench_out,
                                   .m_step = k->nr,
                                   .m_row = edge * k->nr,
                                   .y = bench_u,
                                   .row = k->mr * k->nr,
                                   .col = k->nr,
                                   .n = k->nr,
                                   .size = {k->mr, k->mr},
                                   .taps = {3, 3}};
    ((c2_wino_out_fn)k->fn)(&args);
    return (double)(edge * edge * k->nr);
}

const check_family check_wino_in = {C2_FAMILY_WINO_IN, in_one, in_bench};
const check_family check_wino_gemm = {C2_FAMILY_WINO_GEMM, gemm_one, gemm_bench};
const check_family check_wino_groups = {C2_FAMILY_WINO_GROUPS, groups_one, groups_bench};
const check_family check_wino_out = {C2_FAMILY_WINO_OUT, out_one, out_bench};
