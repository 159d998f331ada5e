/* SPDX-License-Identifier: BSD-2-Clause
 * wino_in: the input transform of Winograd convolution, one tile, lanes = channels: first down the
 * columns, then along the rows, all of a tile's values in registers or on the stack. A line goes
 * once. */
#include "cpu/body/wino.h"

/* B'd for one row or column of a tile. Coefficients before common terms were taken out are in
 * docs/numerics.md, which counts the roundings: 3 at most for F(6,3) and F(4,3), 1 for F(2,3). */
#if C2_MR == 6
/* Rows of a point and of its negative: even powers plus and minus scale times odd ones. */
C2_ALWAYS_INLINE void pair(const vf e, const vf o, const float scale, vf out[2])
{
    out[0] = vf_fma(vf_set1(scale), o, e);
    out[1] = vf_fma(vf_set1(-scale), o, e);
}

C2_ALWAYS_INLINE void transform(const vf d[C2_EDGE], vf out[C2_EDGE])
{
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
C2_ALWAYS_INLINE void transform(const vf d[C2_EDGE], vf out[C2_EDGE])
{
    const vf k = vf_set1(1.5f), p = vf_sub(d[4], d[2]), q = vf_sub(d[3], d[1]);
    out[0] = vf_fma(k, q, vf_add(vf_sub(d[0], d[2]), p));
    out[1] = vf_fma(k, vf_add(d[2], d[3]), vf_add(p, q));
    out[2] = vf_fma(k, vf_sub(d[3], d[2]), vf_sub(p, q));
    out[3] = vf_fma(vf_set1(2), q, p);
    out[4] = vf_fma(vf_set1(-0.5f), q, p);
    out[5] = vf_fma(k, p, vf_sub(vf_sub(d[5], d[3]), q));
}
#else
C2_ALWAYS_INLINE void transform(const vf d[C2_EDGE], vf out[C2_EDGE])
{
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

C2_ALWAYS_INLINE void block(const bool by_table, const bool tail, const c2_wino_in_args *a,
                            ptrdiff_t channel, float *v)
{
    vf d[C2_EDGE], t[C2_EDGE][C2_EDGE], out[C2_EDGE];
    const px *first = by_table ? NULL : (const px *)a->pixels + channel;
    C2_UNROLL_LINES
    for (int j = 0; j < C2_EDGE; j++) {
        C2_UNROLL
        for (int i = 0; i < C2_EDGE; i++) {
            const px *p = by_table ? (const px *)a->table[i * C2_EDGE + j] + channel
                                   : first + i * a->row + j * a->col;
            d[i] = load(p, tail, a->channels - (int)channel);
        }
        transform(d, out);
        C2_UNROLL
        for (int i = 0; i < C2_EDGE; i++)
            t[i][j] = out[i];
    }
    C2_UNROLL_LINES
    for (int i = 0; i < C2_EDGE; i++) {
        transform(t[i], out);
        C2_UNROLL
        for (int j = 0; j < C2_EDGE; j++)
            vf_store(v + (i * C2_EDGE + j) * a->v_step, out[j]);
    }
}

C2_ALWAYS_INLINE void line(const bool tail, const c2_wino_in_args *a, ptrdiff_t channel, float *v)
{
    vf d[C2_EDGE], out[C2_EDGE];
    C2_UNROLL
    for (int j = 0; j < C2_EDGE; j++) {
        const px *p = (const px *)(a->table ? a->table[j] : a->pixels) + channel;
        d[j] = load(a->table ? p : p + j * a->col, tail, a->channels - (int)channel);
    }
    transform(d, out);
    C2_UNROLL
    for (int j = 0; j < C2_EDGE; j++)
        vf_store(v + j * a->v_step, out[j]);
}

C2_ALWAYS_INLINE void blocks(const bool by_table, const bool is_line, const c2_wino_in_args *a)
{
    float *v = a->v;
    int channel = 0;
    for (; channel < a->channels; channel += VF, v += a->v_block) {
        const bool tail = channel + VF > a->channels;
        if (is_line && tail)
            line(true, a, channel, v);
        else if (is_line)
            line(false, a, channel, v);
        else if (tail)
            block(by_table, true, a, channel, v);
        else
            block(by_table, false, a, channel, v);
    }
}

c2_wino_in_kernel C2_K(wino_in);
void C2_K(wino_in)(const c2_wino_in_args *a)
{
    if (a->line)
        blocks(false, true, a);
    else if (a->table)
        blocks(true, false, a);
    else
        blocks(false, false, a);
}
_Static_assert((C2_MR == 2 || C2_MR == 4 || C2_MR == 6) && C2_NV == 1,
               "F(2,3), F(4,3) or F(6,3), one vector");
