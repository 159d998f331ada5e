/* SPDX-License-Identifier: BSD-2-Clause
 * wino_in: the input transform of Winograd convolution, one tile, lanes = channels: first down the
 * columns, then along the rows, all of a tile's values in registers or on the stack. A line goes
 * once. */
#include "cpu/body/wino.h"

/* One tap has transforms of its own, but for F(6,3). */
#define C2_BY_TAPS(size, taps, pass, ...) \
    switch (taps) { \
    case 1: pass(size, C2_MR < 6 ? 1 : 2, __VA_ARGS__); break; \
    case 2: pass(size, 2, __VA_ARGS__); break; \
    default: pass(size, 3, __VA_ARGS__); break; \
    }

/* B'd of one tap, F(2,3) and F(4,3). */
C2_ALWAYS_INLINE void transform_one(const int size, const vf d[C2_EDGE], vf out[C2_EDGE])
{
    out[0] = size == 1 ? d[0] : vf_sub(d[0], d[size == 2 ? 1 : 2]);
    out[1] = d[1];
    if (size == 3) {
        out[1] = vf_mul(vf_set1(0.5f), vf_add(d[1], d[2]));
        out[2] = vf_mul(vf_set1(1.5f), vf_sub(d[1], d[2]));
    } else if (size > 3) {
        const vf q = vf_sub(d[3], d[1]), half = vf_set1(0.5f);
        out[0] = vf_fma(vf_set1(2), q, out[0]);
        out[1] = vf_fma(half, vf_sub(d[2], d[1]), d[3]);
        out[2] = vf_fma(half, d[1], vf_fma(vf_set1(-1.5f), d[2], d[3]));
        out[3] = q;
    }
}

/* B'd for one row or column of a tile of `size` outputs, point after point. Coefficients before
 * common terms were taken out are in docs/numerics.md, which counts the roundings: 3 at most for
 * F(6,3) and F(4,3), 1 for F(2,3), whose halves and doubles are exact. */
#if C2_MR == 6
/* Rows of a point and of its negative: even powers plus and minus scale times odd ones. */
C2_ALWAYS_INLINE void pair(const vf e, const vf o, const float scale, vf out[2])
{
    out[0] = vf_fma(vf_set1(scale), o, e);
    out[1] = vf_fma(vf_set1(-scale), o, e);
}

C2_ALWAYS_INLINE void transform(const int size, const int taps, const vf d[C2_EDGE],
                                vf out[C2_EDGE])
{
    (void)size;
    (void)taps;
    const vf k1 = vf_set1(-4.25f), k5 = vf_set1(-5), four = vf_set1(4);
    const vf e1 = vf_fma(k1, d[4], vf_add(d[2], d[6])), o1 = vf_fma(k1, d[3], vf_add(d[1], d[5]));
    out[0] = vf_fma(vf_set1(5.25f), vf_sub(d[4], d[2]), vf_sub(d[0], d[6]));
    out[1] = vf_add(e1, o1);
    out[2] = vf_sub(e1, o1);
    pair(vf_fma(vf_set1(-1.25f), d[4], vf_fma(vf_set1(0.25f), d[2], d[6])),
         vf_fma(k5, d[3], vf_fma(four, d[5], d[1])), 0.5f, out + 3);
    pair(vf_fma(k5, d[4], vf_fma(four, d[2], d[6])),
         vf_fma(k5, d[3], vf_fma(four, d[1], d[5])), 0.5f, out + 5);
    out[7] = vf_fma(vf_set1(5.25f), vf_sub(d[3], d[5]), vf_sub(d[7], d[1]));
}
#elif C2_MR == 4
C2_ALWAYS_INLINE void transform_short(const int size, const vf d[C2_EDGE], vf out[C2_EDGE])
{
    const vf k = vf_set1(1.5f);
    if (size == 1) {
        out[0] = vf_sub(d[0], d[1]);
        out[1] = vf_mul(vf_set1(3), d[1]);
        out[2] = vf_sub(d[2], d[1]);
        return;
    }
    const vf q = vf_sub(d[3], d[1]);
    if (size == 2) {
        out[0] = vf_sub(d[0], d[2]);
        out[1] = vf_mul(k, vf_add(d[1], d[2]));
        out[2] = vf_mul(k, vf_sub(d[1], d[2]));
        out[3] = q;
        return;
    }
    out[0] = vf_fma(vf_set1(2), q, vf_sub(d[0], d[2]));
    out[1] = vf_fma(k, vf_sub(d[2], d[1]), vf_mul(vf_set1(3), d[3]));
    out[2] = vf_fma(vf_set1(0.5f), d[1], vf_fma(vf_set1(-1.5f), d[2], d[3]));
    out[3] = vf_mul(vf_set1(2.5f), q);
    out[4] = vf_fma(vf_set1(-0.5f), q, vf_sub(d[4], d[2]));
}

C2_ALWAYS_INLINE void transform(const int size, const int taps, const vf d[C2_EDGE],
                                vf out[C2_EDGE])
{
    if (taps == 1) {
        transform_one(size, d, out);
        return;
    }
    if (size < C2_MR) {
        transform_short(size, d, out);
        return;
    }
    const vf k = vf_set1(1.5f), p = vf_sub(d[4], d[2]), q = vf_sub(d[3], d[1]);
    out[0] = vf_fma(k, q, vf_add(vf_sub(d[0], d[2]), p));
    out[1] = vf_fma(k, vf_add(d[2], d[3]), vf_add(p, q));
    out[2] = vf_fma(k, vf_sub(d[3], d[2]), vf_sub(p, q));
    out[3] = vf_fma(vf_set1(2), q, p);
    out[4] = vf_fma(vf_set1(-0.5f), q, p);
    out[5] = vf_fma(k, p, vf_sub(vf_sub(d[5], d[3]), q));
}
#else
C2_ALWAYS_INLINE void transform(const int size, const int taps, const vf d[C2_EDGE],
                                vf out[C2_EDGE])
{
    if (taps == 1) {
        transform_one(size, d, out);
        return;
    }
    if (size == 1) {
        out[0] = vf_sub(d[0], d[1]);
        out[1] = vf_add(d[1], d[1]);
        out[2] = vf_sub(d[2], d[1]);
        return;
    }
    out[0] = vf_sub(d[0], d[2]);
    out[1] = vf_add(d[1], d[2]);
    out[2] = vf_sub(d[2], d[1]);
    out[3] = vf_sub(d[3], d[1]);
}
#endif

C2_ALWAYS_INLINE vf load(const px *p, const bool tail, int n)
{
    return tail ? px_load_n(p, n) : px_load(p);
}

/* Pixel (i, j) of a tile's channels. */
C2_ALWAYS_INLINE const px *pixel(const bool by_table, const c2_wino_in_args *a, ptrdiff_t channel,
                                 int i, int j)
{
    return (by_table ? (const px *)a->table[i * C2_EDGE + j]
                     : (const px *)a->pixels + i * a->row + j * a->col) +
           channel;
}

/* A whole tile of so many taps along y and x. */
C2_ALWAYS_INLINE void block(const int taps_y, const int taps_x, const bool by_table,
                            const bool tail, const c2_wino_in_args *a, ptrdiff_t channel, float *v)
{
    const int rows = C2_MR + taps_y - 1, cols = C2_MR + taps_x - 1;
    vf d[C2_EDGE], t[C2_EDGE][C2_EDGE], out[C2_EDGE];
    C2_UNROLL_LINES
    for (int j = 0; j < C2_EDGE; j++) {
        C2_UNROLL
        for (int i = 0; i < C2_EDGE; i++)
            d[i] = i < rows && j < cols ? load(pixel(by_table, a, channel, i, j), tail,
                                               a->channels - (int)channel)
                                        : vf_zero();
        transform(C2_MR, taps_y, d, out);
        C2_UNROLL
        for (int i = 0; i < rows; i++)
            t[i][j] = out[i];
    }
    const ptrdiff_t step = a->v_step, row = a->v_row;
    C2_UNROLL_LINES
    for (int i = 0; i < rows; i++, v += row) {
        float *to = v;
        transform(C2_MR, taps_x, t[i], out);
        C2_UNROLL
        for (int j = 0; j < cols; j++, to += step)
            vf_store(to, out[j]);
    }
}

/* The columns of any tile, as `size` outputs need them, and then its rows. */
C2_ALWAYS_INLINE void down(const int size, const int taps, const bool tail,
                           const c2_wino_in_args *a, ptrdiff_t channel, vf t[C2_EDGE][C2_EDGE])
{
    const int rows = size + taps - 1;
    for (int j = 0; j < a->size[1] + a->taps[1] - 1; j++) {
        vf d[C2_EDGE], out[C2_EDGE];
        C2_UNROLL
        for (int i = 0; i < size + 2; i++)
            d[i] = i < rows ? load(pixel(a->table, a, channel, i, j), tail,
                                   a->channels - (int)channel)
                            : vf_zero();
        transform(size, taps, d, out);
        C2_UNROLL
        for (int i = 0; i < rows; i++)
            t[i][j] = out[i];
    }
}

C2_ALWAYS_INLINE void across(const int size, const int taps, const c2_wino_in_args *a,
                             vf t[C2_EDGE][C2_EDGE], float *v)
{
    for (int i = 0; i < a->size[0] + a->taps[0] - 1; i++) {
        vf out[C2_EDGE];
        transform(size, taps, t[i], out);
        C2_UNROLL
        for (int j = 0; j < size + taps - 1; j++)
            vf_store(v + step_of(a->size[0], i) * a->v_row + step_of(size, j) * a->v_step, out[j]);
    }
}

/* Not inlined: its array would lie in whole tiles' way, too. */
static __attribute__((noinline)) void any_block(const bool tail, const c2_wino_in_args *a,
                                                ptrdiff_t channel, float *v)
{
    vf t[C2_EDGE][C2_EDGE];
    C2_BY_SIZE(a->size[0], a->taps[0], down, tail, a, channel, t)
    C2_BY_SIZE(a->size[1], a->taps[1], across, a, t, v)
}

C2_ALWAYS_INLINE void line(const int size, const int taps, const bool tail,
                           const c2_wino_in_args *a, ptrdiff_t channel, float *v)
{
    vf d[C2_EDGE], out[C2_EDGE];
    C2_UNROLL
    for (int j = 0; j < size + 2; j++)
        d[j] = j < size + taps - 1
                   ? load(pixel(a->table, a, channel, 0, j), tail, a->channels - (int)channel)
                   : vf_zero();
    transform(size, taps, d, out);
    C2_UNROLL
    for (int j = 0; j < size + taps - 1; j++)
        vf_store(v + step_of(size, j) * a->v_step, out[j]);
}

typedef enum shape { BY_TABLE, IN_PLACE, FEW_BY_TABLE, FEW_IN_PLACE, ANY, LINE } shape;

C2_ALWAYS_INLINE void one_block(const shape s, const bool tail, const c2_wino_in_args *a,
                                ptrdiff_t channel, float *v)
{
    if (s == LINE) {
        C2_BY_SIZE(a->size[1], a->taps[1], line, tail, a, channel, v)
    } else if (s == BY_TABLE || s == IN_PLACE) {
        block(3, 3, s == BY_TABLE, tail, a, channel, v);
    } else if (s == ANY) {
        any_block(tail, a, channel, v);
    } else {
        switch (3 * a->taps[0] + a->taps[1]) {
        case 3 + 1:
            block(1, 1, s == FEW_BY_TABLE, tail, a, channel, v);
            break;
        case 3 + 2:
            block(1, 2, s == FEW_BY_TABLE, tail, a, channel, v);
            break;
        case 6 + 1:
            block(2, 1, s == FEW_BY_TABLE, tail, a, channel, v);
            break;
        case 6 + 2:
            block(2, 2, s == FEW_BY_TABLE, tail, a, channel, v);
            break;
        default:
            any_block(tail, a, channel, v);
            break;
        }
    }
}

C2_ALWAYS_INLINE void blocks(const shape s, const c2_wino_in_args *a)
{
    float *v = a->v;
    int channel = 0;
    for (; channel + VF <= a->channels; channel += VF, v += a->v_block)
        one_block(s, false, a, channel, v);
    if (channel < a->channels)
        one_block(s, true, a, channel, v);
}

c2_wino_in_kernel C2_K(wino_in);
void C2_K(wino_in)(const c2_wino_in_args *a)
{
    if (a->line)
        blocks(LINE, a);
    else if (C2_HAS_SHORT && (a->size[0] < C2_MR || a->size[1] < C2_MR))
        blocks(ANY, a);
    else if (a->taps[0] == 3 && a->taps[1] == 3)
        blocks(a->table ? BY_TABLE : IN_PLACE, a);
    else if (C2_HAS_SHORT)
        blocks(a->table ? FEW_BY_TABLE : FEW_IN_PLACE, a);
    else
        blocks(ANY, a);
}
_Static_assert((C2_MR == 2 || C2_MR == 4 || C2_MR == 6) && C2_NV == 1,
               "F(2,3), F(4,3) or F(6,3), one vector");
