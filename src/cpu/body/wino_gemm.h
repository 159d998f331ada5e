/* SPDX-License-Identifier: BSD-2-Clause
 * wino_gemm: rows = tiles (broadcast), lanes = output channels (packed weights). The layout of V
 * makes every row a fixed displacement from one pointer, so that 14 rows need one register: a step
 * of k is NV loads, MR broadcasts, MR*NV FMAs. Accumulators are one array a vector, since GCC 12
 * keeps one acc[MR][NV] in memory as well. */
#include "cpu/body/body.h"

enum { C2_LINE = 16 }; /* floats of a cache line */

C2_ALWAYS_INLINE void steps(const int m, const int nv, const bool prefetch, const float *v,
                            const float *u, const float *next, int n, vf a0[C2_MR], vf a1[C2_MR])
{
    for (int k = 0; k < n; k++, u += C2_NR) {
        const vf b0 = vf_load(u), b1 = nv > 1 ? vf_load(u + VF) : b0;
        if (prefetch) {
            __builtin_prefetch(next + k * C2_NR);
            if (C2_NR > C2_LINE)
                __builtin_prefetch(next + k * C2_NR + C2_LINE);
        }
        C2_UNROLL
        for (int i = 0; i < m; i++) {
            const vf x = vf_set1(v[i * VF + k]);
            a0[i] = vf_fma(x, b0, a0[i]);
            if (nv > 1)
                a1[i] = vf_fma(x, b1, a1[i]);
        }
    }
}

/* Rows [row, row + m). */
C2_ALWAYS_INLINE void tile(const int m, const int nv, const bool prefetch,
                           const c2_wino_gemm_args *a, ptrdiff_t row)
{
    vf a0[C2_MR], a1[C2_MR];
    C2_UNROLL
    for (int i = 0; i < m; i++)
        a0[i] = a1[i] = vf_zero();
    const float *v = a->v + row * VF, *u = a->u, *next = prefetch ? a->next : u;
    int k = a->klen;
    /* The same rows of the channels that follow, which the next call takes: V is larger than L1. */
    const ptrdiff_t ahead = (a->klen / VF) * a->v_block;
    for (; k >= VF; k -= VF, v += a->v_block, u += VF * C2_NR, next += VF * C2_NR) {
        for (int i = 0; i < m * VF; i += C2_LINE)
            __builtin_prefetch(v + ahead + i);
        steps(m, nv, prefetch, v, u, next, VF, a0, a1);
    }
    if (k > 0)
        steps(m, nv, prefetch, v, u, next, k, a0, a1);
    C2_UNROLL
    for (int i = 0; i < m; i++) {
        float *out = a->out + (row + i) * C2_NR;
        vf_store(out, a->accumulate ? vf_add(vf_load(out), a0[i]) : a0[i]);
        if (nv > 1)
            vf_store(out + VF, a->accumulate ? vf_add(vf_load(out + VF), a1[i]) : a1[i]);
    }
}

C2_ALWAYS_INLINE void rows(const int nv, const bool prefetch, const c2_wino_gemm_args *a, int m,
                           ptrdiff_t row)
{
    switch (m) {
    case 1: tile(1, nv, prefetch, a, row); break;
    case 2: tile(C2_AT_MOST(2, C2_MR), nv, prefetch, a, row); break;
    case 3: tile(C2_AT_MOST(3, C2_MR), nv, prefetch, a, row); break;
    case 4: tile(C2_AT_MOST(4, C2_MR), nv, prefetch, a, row); break;
    case 5: tile(C2_AT_MOST(5, C2_MR), nv, prefetch, a, row); break;
    case 6: tile(C2_AT_MOST(6, C2_MR), nv, prefetch, a, row); break;
    case 7: tile(C2_AT_MOST(7, C2_MR), nv, prefetch, a, row); break;
    case 8: tile(C2_AT_MOST(8, C2_MR), nv, prefetch, a, row); break;
    case 9: tile(C2_AT_MOST(9, C2_MR), nv, prefetch, a, row); break;
    case 10: tile(C2_AT_MOST(10, C2_MR), nv, prefetch, a, row); break;
    case 11: tile(C2_AT_MOST(11, C2_MR), nv, prefetch, a, row); break;
    case 12: tile(C2_AT_MOST(12, C2_MR), nv, prefetch, a, row); break;
    case 13: tile(C2_AT_MOST(13, C2_MR), nv, prefetch, a, row); break;
    default: tile(C2_AT_MOST(14, C2_MR), nv, prefetch, a, row); break;
    }
}
_Static_assert(C2_MR <= 14 && C2_NV == 2, "rows and vectors have a case of their own");

c2_wino_gemm_kernel C2_K(wino_gemm);
void C2_K(wino_gemm)(const c2_wino_gemm_args *a)
{
    /* As even as they can be; the weights behind these are fetched during the first. */
    const int groups = (a->m + C2_MR - 1) / C2_MR, size = a->m / groups, more = a->m % groups;
    ptrdiff_t row = 0;
    for (int i = 0, m; i < groups; i++, row += m) {
        m = size + (i < more);
        if (a->n <= VF)
            rows(1, false, a, m, row);
        else if (a->next && i == 0)
            rows(2, true, a, m, row);
        else
            rows(2, false, a, m, row);
    }
}
