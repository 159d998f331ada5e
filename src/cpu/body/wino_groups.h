/* SPDX-License-Identifier: BSD-2-Clause
 * wino_groups: products of Winograd convolution where a vector of output channels is one group's or
 * several groups'. Rows = tiles, lanes = output channels; the sums take V's place. Of several
 * groups channel k of each follow each other in a copy of a tile's vector, so that one load has
 * them, again and again, for the lanes of sums that take turns as well. A permutation on the way in
 * and one on the way out cost less than one for each k, which takes an FMA's unit (Intel). */
#include "cpu/body/body.h"

/* The n floats at p, for a vector of lanes that take turns. */
C2_ALWAYS_INLINE vf turns(const int n, const float *p)
{
    return n == 1 ? vf_set1(*p) : n == 2 ? vf_set2(p) : vf_set4(p);
}

/* One vector of output channels, of n groups, of rows from v on. */
C2_ALWAYS_INLINE void tile(const int m, const int n, const c2_wino_groups_args *a, float *v,
                           const float *u, const float *next)
{
    _Alignas(64) float turned[C2_MR * VF];
    const float *x = v;
    if (n > 1) {
        const vf_lanes in = vf_load_lanes(a->in);
        C2_UNROLL
        for (int i = 0; i < m; i++)
            vf_store(turned + i * VF, vf_spread(vf_load(v + i * VF), in));
        x = turned;
    }
    vf acc[C2_MR];
    C2_UNROLL
    for (int i = 0; i < m; i++)
        acc[i] = vf_zero();
    for (int k = 0; k < VF / n; k++, x += n, u += C2_NR, next += C2_NR) {
        const vf b = vf_load(u);
        __builtin_prefetch(next);
        C2_UNROLL
        for (int i = 0; i < m; i++)
            acc[i] = vf_fma(turns(n, x + i * VF), b, acc[i]);
    }
    const vf_lanes out = vf_load_lanes(a->out);
    C2_UNROLL
    for (int i = 0; i < m; i++)
        vf_store(v + i * VF, n > 1 ? vf_spread(acc[i], out) : acc[i]);
}

C2_ALWAYS_INLINE void rows(const int m, const int n, const c2_wino_groups_args *a, int row)
{
    float *v = a->v + row * VF;
    for (int lane = 0; lane < a->n; lane += VF, v += a->v_block)
        tile(m, n, a, v, a->u + lane, a->next + lane);
}

C2_ALWAYS_INLINE void sizes(const int n, const c2_wino_groups_args *a, int m, int row)
{
    switch (m) {
    case 1: rows(1, n, a, row); break;
    case 2: rows(C2_AT_MOST(2, C2_MR), n, a, row); break;
    case 3: rows(C2_AT_MOST(3, C2_MR), n, a, row); break;
    case 4: rows(C2_AT_MOST(4, C2_MR), n, a, row); break;
    case 5: rows(C2_AT_MOST(5, C2_MR), n, a, row); break;
    case 6: rows(C2_AT_MOST(6, C2_MR), n, a, row); break;
    case 7: rows(C2_AT_MOST(7, C2_MR), n, a, row); break;
    case 8: rows(C2_AT_MOST(8, C2_MR), n, a, row); break;
    case 9: rows(C2_AT_MOST(9, C2_MR), n, a, row); break;
    case 10: rows(C2_AT_MOST(10, C2_MR), n, a, row); break;
    case 11: rows(C2_AT_MOST(11, C2_MR), n, a, row); break;
    case 12: rows(C2_AT_MOST(12, C2_MR), n, a, row); break;
    case 13: rows(C2_AT_MOST(13, C2_MR), n, a, row); break;
    case 14: rows(C2_AT_MOST(14, C2_MR), n, a, row); break;
    case 15: rows(C2_AT_MOST(15, C2_MR), n, a, row); break;
    default: rows(C2_AT_MOST(16, C2_MR), n, a, row); break;
    }
}
_Static_assert(C2_MR <= 16, "rows have a case of their own");

c2_wino_groups_kernel C2_K(wino_groups);
void C2_K(wino_groups)(const c2_wino_groups_args *a)
{
    /* As even as they can be: few sums wait for FMAs. */
    const int parts = (a->m + C2_MR - 1) / C2_MR, size = a->m / parts, more = a->m % parts;
    for (int i = 0, row = 0, m; i < parts; i++, row += m) {
        m = size + (i < more);
        switch (a->groups) {
        case 1: sizes(1, a, m, row); break;
        case 2: sizes(2, a, m, row); break;
        default: sizes(4, a, m, row); break;
        }
    }
}
