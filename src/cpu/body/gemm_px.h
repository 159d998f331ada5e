/* SPDX-License-Identifier: BSD-2-Clause
 * gemm_px: rows = output channels (packed weights, broadcast), lanes = pixels (loaded in place).
 * One step of k: NV vectors of pixels, MR broadcasts, MR*NV FMAs; the accumulators, one broadcast
 * and the pixels must fit the registers: MR*NV + NV + 1 <= 16 (AVX2) or 32 (AVX-512, NEON). */
#include "cpu/body/body.h"
#include "cpu/body/step.h"

C2_ALWAYS_INLINE void tile(const int m, const int nv, const bool tail, const c2_gemm_px_args *a)
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
    const float *w = a->weight;
    const size_t n_taps = a->n_taps, klen = a->klen;
    for (size_t t = 0; t < n_taps; t++) {
        const px *p = a->taps[t].pixels;
        const ptrdiff_t pitch = a->taps[t].pitch;
        for (size_t k = klen; k != 0; k--) {
            vf x[C2_NV];
            C2_UNROLL
            for (int j = 0; j < nv; j++)
                x[j] = vf_keep(tail && j == nv - 1 ? px_load_n(p + j * VF, rest)
                                                   : px_load(p + j * VF));
            C2_UNROLL
            for (int i = 0; i < m; i++) {
                const vf b = nv == 1 ? vf_set1(w[i]) : vf_keep(vf_set1(w[i]));
                C2_UNROLL
                for (int j = 0; j < nv; j++)
                    acc[i][j] = step_add(x[j], b, acc[i][j]);
            }
            w += C2_MR;
            p += pitch;
        }
    }
    C2_UNROLL
    for (int i = 0; i < m; i++) {
        C2_UNROLL
        for (int j = 0; j < nv; j++)
            vf_store(a->acc + i * C2_NR + j * VF, acc[i][j]);
    }
}

C2_ALWAYS_INLINE void rows(const int nv, const bool tail, const c2_gemm_px_args *a)
{
    switch (a->m) {
    case 1: tile(1, nv, tail, a); break;
    case 2: tile(C2_AT_MOST(2, C2_MR), nv, tail, a); break;
    case 3: tile(C2_AT_MOST(3, C2_MR), nv, tail, a); break;
    case 4: tile(C2_AT_MOST(4, C2_MR), nv, tail, a); break;
    case 5: tile(C2_AT_MOST(5, C2_MR), nv, tail, a); break;
    case 6: tile(C2_AT_MOST(6, C2_MR), nv, tail, a); break;
    case 7: tile(C2_AT_MOST(7, C2_MR), nv, tail, a); break;
    default: tile(C2_AT_MOST(8, C2_MR), nv, tail, a); break;
    }
}
_Static_assert(C2_MR <= 8 && C2_NV <= 3, "rows and vectors have a case of their own");

C2_ALWAYS_INLINE void vectors(const bool tail, const c2_gemm_px_args *a)
{
    switch ((a->n + VF - 1) / VF) {
    case 1: rows(1, tail, a); break;
    case 2: rows(C2_AT_MOST(2, C2_NV), tail, a); break;
    default: rows(C2_AT_MOST(3, C2_NV), tail, a); break;
    }
}

c2_gemm_px_kernel C2_GEMM(gemm_px, dot_px);
void C2_GEMM(gemm_px, dot_px)(const c2_gemm_px_args *a)
{
    if (a->n % VF)
        vectors(true, a);
    else
        vectors(false, a);
}
