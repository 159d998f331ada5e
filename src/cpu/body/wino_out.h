/* SPDX-License-Identifier: BSD-2-Clause
 * wino_out: the output transform of Winograd convolution, one tile, lanes = output channels. */
#include "cpu/body/wino.h"

#define C2_BY_TAPS(size, taps, pass, ...) \
    if ((taps) == 3) \
        pass(size, 3, __VA_ARGS__); \
    else \
        pass(size, 2, __VA_ARGS__);

/* A sum, and the product at infinity if there is one. */
C2_ALWAYS_INLINE vf last(const int taps, const vf sum, const vf m)
{
    return taps == 3 ? vf_add(sum, m) : sum;
}

/* A'm for one row or column of `size` outputs, m of point after point; at most 3 roundings for
 * F(6,3), 4 for F(4,3), 2 for F(2,3) (docs/numerics.md). */
#if C2_MR == 6
C2_ALWAYS_INLINE void transform(const int size, const int taps, const vf m[C2_EDGE], vf y[C2_MR])
{
    (void)size;
    const vf s1 = vf_add(m[1], m[2]), s2 = vf_add(m[3], m[4]), s3 = vf_add(m[5], m[6]);
    const vf d1 = vf_sub(m[1], m[2]), d2 = vf_sub(m[3], m[4]), d3 = vf_sub(m[5], m[6]);
    y[0] = vf_fma(vf_set1(0.125f), vf_fma(vf_set1(32), s3, s2), vf_add(m[0], s1));
    y[1] = vf_fma(vf_set1(0.25f), vf_fma(vf_set1(8), d3, d2), d1);
    y[2] = vf_add(vf_fma(vf_set1(0.5f), s2, s3), s1);
    y[3] = vf_add(vf_fma(vf_set1(0.5f), d3, d2), d1);
    y[4] = vf_fma(vf_set1(0.25f), vf_fma(vf_set1(8), s2, s3), s1);
    y[5] = vf_fma(vf_set1(0.125f), vf_fma(vf_set1(32), d2, d3), last(taps, d1, m[7]));
}
#elif C2_MR == 4
C2_ALWAYS_INLINE void transform(const int size, const int taps, const vf m[C2_EDGE], vf y[C2_MR])
{
    const vf s = vf_add(m[1], m[2]), d = vf_sub(m[1], m[2]);
    if (size == 1) {
        y[0] = vf_add(m[0], last(taps, m[1], m[2]));
        return;
    }
    if (size == 2) {
        y[0] = vf_add(m[0], s);
        y[1] = last(taps, d, m[3]);
        return;
    }
    if (size == 3) {
        y[0] = vf_add(vf_add(m[0], m[3]), s);
        y[1] = vf_fma(vf_set1(0.5f), m[3], d);
        y[2] = vf_fma(vf_set1(0.25f), m[3], last(taps, s, m[4]));
        return;
    }
    y[0] = vf_add(vf_add(m[0], s), vf_add(m[3], m[4]));
    y[1] = vf_fma(vf_set1(0.5f), m[3], vf_fma(vf_set1(-2), m[4], d));
    y[2] = vf_fma(vf_set1(0.25f), m[3], vf_fma(vf_set1(4), m[4], s));
    y[3] = vf_fma(vf_set1(0.125f), m[3], vf_fma(vf_set1(-8), m[4], last(taps, d, m[5])));
}
#else
C2_ALWAYS_INLINE void transform(const int size, const int taps, const vf m[C2_EDGE], vf y[C2_MR])
{
    y[0] = vf_add(m[0], size == 1 ? last(taps, m[1], m[2]) : vf_add(m[1], m[2]));
    if (size > 1)
        y[1] = last(taps, vf_sub(m[1], m[2]), m[3]);
}
#endif

/* Pixel j of a row, a vector of it. */
C2_ALWAYS_INLINE void store(const bool finish, const c2_wino_out_args *a, int v, vf y, float *to)
{
    if (finish)
        y = vf_min(vf_set1(a->high), vf_max(vf_set1(a->low), vf_add(y, vf_load(a->bias + v))));
    if (finish && a->n - v < VF)
        vf_store_n(to, y, a->n - v);
    else
        vf_store(to, y);
}

/* Products of size outputs: a row or a column of them, `step` apart; none at infinity is zero. */
C2_ALWAYS_INLINE void load(const int size, const int taps, const float *m, ptrdiff_t step,
                           vf to[C2_EDGE])
{
    C2_UNROLL
    for (int i = 0; i < size + 2; i++)
        to[i] = i < size + taps - 1 ? vf_load(m + step_of(size, i) * step) : vf_zero();
}

C2_ALWAYS_INLINE void line(const int size, const int taps, const bool finish,
                           const c2_wino_out_args *a)
{
    for (int v = 0; v < a->n; v += VF) {
        vf m[C2_EDGE], y[C2_MR];
        load(size, taps, a->m + v, a->m_step, m);
        transform(size, taps, m, y);
        C2_UNROLL
        for (int j = 0; j < size; j++)
            store(finish, a, v, y[j], a->y + j * a->col + v);
    }
}

C2_ALWAYS_INLINE void tile(const int taps, const bool finish, const c2_wino_out_args *a)
{
    enum { SIZE = C2_MR };
    for (int v = 0; v < a->n; v += VF) {
        vf column[C2_EDGE], t[C2_MR][C2_EDGE], y[C2_MR];
        C2_UNROLL_LINES
        for (int j = 0; j < SIZE + taps - 1; j++) {
            load(SIZE, taps, a->m + j * a->m_step + v, a->m_row, column);
            transform(SIZE, taps, column, y);
            C2_UNROLL
            for (int i = 0; i < SIZE; i++)
                t[i][j] = y[i];
        }
        C2_UNROLL_LINES
        for (int i = 0; i < SIZE; i++) {
            transform(SIZE, taps, t[i], y);
            C2_UNROLL
            for (int j = 0; j < SIZE; j++)
                store(finish, a, v, y[j], a->y + i * a->row + j * a->col + v);
        }
    }
}

/* The columns of a tile of `size` rows of pixels, and then its rows. */
C2_ALWAYS_INLINE void down(const int size, const int taps, const c2_wino_out_args *a, int v,
                           vf t[C2_MR][C2_EDGE])
{
    for (int j = 0; j < a->size[1] + a->taps[1] - 1; j++) {
        vf column[C2_EDGE], y[C2_MR];
        load(size, taps, a->m + step_of(a->size[1], j) * a->m_step + v, a->m_row, column);
        transform(size, taps, column, y);
        C2_UNROLL
        for (int i = 0; i < size; i++)
            t[i][j] = y[i];
    }
}

C2_ALWAYS_INLINE void across(const int size, const int taps, const bool finish,
                             const c2_wino_out_args *a, int v, vf t[C2_MR][C2_EDGE])
{
    for (int i = 0; i < a->size[0]; i++) {
        vf y[C2_MR];
        transform(size, taps, t[i], y);
        C2_UNROLL
        for (int j = 0; j < size; j++)
            store(finish, a, v, y[j], a->y + i * a->row + j * a->col + v);
    }
}

/* Short tiles, and those of different taps along y and x. Not inlined: its array would lie in whole
 * tiles' way, too. */
static __attribute__((noinline)) void any_tile(const bool finish, const c2_wino_out_args *a)
{
    vf t[C2_MR][C2_EDGE];
    for (int v = 0; v < a->n; v += VF) {
        C2_BY_SIZE(a->size[0], a->taps[0], down, a, v, t)
        C2_BY_SIZE(a->size[1], a->taps[1], across, finish, a, v, t)
    }
}

C2_ALWAYS_INLINE void one(const bool finish, const c2_wino_out_args *a)
{
    if (a->line) {
        C2_BY_SIZE(a->size[1], a->taps[1], line, finish, a)
    } else if ((C2_HAS_SHORT && (a->size[0] < C2_MR || a->size[1] < C2_MR)) ||
               a->taps[0] != a->taps[1]) {
        any_tile(finish, a);
    } else {
        if (a->taps[0] == 3)
            tile(3, finish, a);
        else
            tile(2, finish, a);
    }
}

c2_wino_out_kernel C2_K(wino_out);
void C2_K(wino_out)(const c2_wino_out_args *a)
{
    if (a->bias)
        one(true, a);
    else
        one(false, a);
}
_Static_assert(C2_MR == 2 || C2_MR == 4 || C2_MR == 6, "F(2,3), F(4,3) or F(6,3)");
