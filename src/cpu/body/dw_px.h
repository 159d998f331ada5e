/* SPDX-License-Identifier: BSD-2-Clause
 * dw_px: depthwise, one row of NV vectors of pixels. Each FMA has an unaligned load of its own; one
 * broadcast weight serves all vectors, and eight of them hide the latency of the FMAs. */
#include "cpu/body/body.h"

C2_ALWAYS_INLINE void tile(const int nv, const bool tail, const c2_dw_px_args *a)
{
    vf acc[C2_NV];
    const int rest = a->n - (nv - 1) * VF;
    C2_UNROLL
    for (int j = 0; j < nv; j++)
        acc[j] = vf_zero();
    if (a->accumulate) {
        C2_UNROLL
        for (int j = 0; j < nv; j++)
            acc[j] = vf_load(a->acc + j * VF);
    }
    const size_t n_taps = a->n_taps;
    for (size_t t = 0; t < n_taps; t++) {
        const px *p = (const px *)a->pixels + a->taps[t];
        const vf b = vf_keep(vf_set1(a->weight[t]));
        C2_UNROLL
        for (int j = 0; j < nv; j++) {
            const vf x = tail && j == nv - 1 ? px_load_n(p + j * VF, rest) : px_load(p + j * VF);
            acc[j] = vf_fma(x, b, acc[j]);
        }
    }
    C2_UNROLL
    for (int j = 0; j < nv; j++)
        vf_store(a->acc + j * VF, acc[j]);
}

C2_ALWAYS_INLINE void vectors(const bool tail, const c2_dw_px_args *a)
{
    switch ((a->n + VF - 1) / VF) {
    case 1: tile(1, tail, a); break;
    case 2: tile(2, tail, a); break;
    case 3: tile(3, tail, a); break;
    case 4: tile(4, tail, a); break;
    case 5: tile(5, tail, a); break;
    case 6: tile(6, tail, a); break;
    case 7: tile(7, tail, a); break;
    default: tile(8, tail, a); break;
    }
}
_Static_assert(C2_MR == 1 && C2_NV == 8, "each number of vectors has a case of its own");

c2_dw_px_kernel C2_K(dw_px);
void C2_K(dw_px)(const c2_dw_px_args *a)
{
    if (a->n % VF)
        vectors(true, a);
    else
        vectors(false, a);
}
