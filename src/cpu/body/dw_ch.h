/* SPDX-License-Identifier: BSD-2-Clause
 * dw_ch: depthwise, rows = pixels (through a table of pointers), lanes = channels. Every FMA has a
 * load of its own, so the bound is load ports or memory, never FMA; several vectors a row make one
 * pointer load serve several FMAs. */
#include "cpu/body/body.h"

C2_ALWAYS_INLINE void tile(const int m, const int nv, const bool tail, const c2_dw_ch_args *a)
{
    vf acc[C2_MR][C2_NV];
    const int rest = a->n - (nv - 1) * VF;
    C2_UNROLL
    for (int i = 0; i < m; i++) {
        C2_UNROLL
        for (int j = 0; j < nv; j++)
            acc[i][j] = vf_zero();
    }
    if (a->accumulate) {
        C2_UNROLL
        for (int i = 0; i < m; i++) {
            C2_UNROLL
            for (int j = 0; j < nv; j++)
                acc[i][j] = vf_load(a->acc + i * C2_NR + j * VF);
        }
    }
    const void *const *table = a->rows;
    const float *w = a->weight;
    const ptrdiff_t offset = a->offset;
    for (size_t t = a->n_taps; t != 0; t--, table += C2_MR, w += C2_NR) {
        vf b[C2_NV];
        C2_UNROLL
        for (int j = 0; j < nv; j++)
            b[j] = vf_keep(vf_load(w + j * VF));
        C2_UNROLL
        for (int i = 0; i < m; i++) {
            const px *p = (const px *)table[i] + offset;
            C2_UNROLL
            for (int j = 0; j < nv; j++) {
                const vf x = tail && j == nv - 1 ? px_load_n(p + j * VF, rest)
                                                 : px_load(p + j * VF);
                acc[i][j] = vf_fma(x, b[j], acc[i][j]);
            }
        }
    }
    C2_UNROLL
    for (int i = 0; i < m; i++) {
        C2_UNROLL
        for (int j = 0; j < nv; j++)
            vf_store(a->acc + i * C2_NR + j * VF, acc[i][j]);
    }
}

C2_ALWAYS_INLINE void vectors(const int m, const bool tail, const c2_dw_ch_args *a)
{
    switch ((a->n + VF - 1) / VF) {
    case 1: tile(m, 1, tail, a); break;
    case 2: tile(m, C2_AT_MOST(2, C2_NV), tail, a); break;
    case 3: tile(m, C2_AT_MOST(3, C2_NV), tail, a); break;
    default: tile(m, C2_AT_MOST(4, C2_NV), tail, a); break;
    }
}

C2_ALWAYS_INLINE void rows(const bool tail, const c2_dw_ch_args *a)
{
    switch (a->m) {
    case 1: vectors(1, tail, a); break;
    case 2: vectors(C2_AT_MOST(2, C2_MR), tail, a); break;
    case 3: vectors(C2_AT_MOST(3, C2_MR), tail, a); break;
    case 4: vectors(C2_AT_MOST(4, C2_MR), tail, a); break;
    case 5: vectors(C2_AT_MOST(5, C2_MR), tail, a); break;
    default: vectors(C2_AT_MOST(6, C2_MR), tail, a); break;
    }
}
_Static_assert(C2_MR <= 6 && C2_NV <= 4, "rows and vectors have a case of their own");

c2_dw_ch_kernel C2_K(dw_ch);
void C2_K(dw_ch)(const c2_dw_ch_args *a)
{
    if (a->n % VF)
        rows(true, a);
    else
        rows(false, a);
}
