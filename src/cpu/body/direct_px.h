/* SPDX-License-Identifier: BSD-2-Clause
 * direct_px: one row of output pixels, MR output channels, from pixels read in place. One product:
 * NV vectors of pixels, MR broadcasts, MR*NV FMAs; accumulators, pixels and one broadcast must fit
 * the registers, as in gemm_px. */
#include "cpu/body/direct.h"

/* Lines of a large output come from far away to be written; many products hide that. */
enum { MANY_PRODUCTS = 64 };
C2_ALWAYS_INLINE void expect_output(const int m, const int nv, const c2_direct_args *a,
                                    const lanes *l)
{
    const px *to = (const px *)a->out + l->x;
    C2_UNROLL
    for (int i = 0; i < m; i++, to += a->out_pitch) {
        C2_UNROLL
        for (int j = 0; j < nv; j++)
            __builtin_prefetch(to + j * VF, 1);
    }
}

C2_ALWAYS_INLINE void channels(const int m, const int nv, const bool part, const c2_direct_args *a,
                               const lanes *l)
{
    vf acc[C2_MR][C2_NV];
    if (!part && !a->sums && a->n_offsets > MANY_PRODUCTS)
        expect_output(m, nv, a, l);
    C2_UNROLL
    for (int i = 0; i < m; i++) {
        C2_UNROLL
        for (int j = 0; j < nv; j++)
            acc[i][j] = vf_zero();
    }
    const px *pixels = (const px *)a->pixels + l->x;
    const float *w = a->weight;
    const ptrdiff_t *offset = a->offset, *end = offset + a->n_offsets;
    for (; offset != end; offset++, w += C2_MR) {
        const px *p = pixels + *offset;
        vf x[C2_NV];
        C2_UNROLL
        for (int j = 0; j < nv; j++)
            x[j] = vf_keep(load_lanes(nv, part, l, p, j));
        C2_UNROLL
        for (int i = 0; i < m; i++) {
            const vf b = nv == 1 ? vf_set1(w[i]) : vf_keep(vf_set1(w[i]));
            C2_UNROLL
            for (int j = 0; j < nv; j++)
                acc[i][j] = vf_fma(x[j], b, acc[i][j]);
        }
    }
    store_rows(m, m, nv, part, false, a, l, acc);
}

C2_ALWAYS_INLINE void tile(const int nv, const bool part, const c2_direct_args *a, const lanes *l)
{
    switch (a->m) {
    case 1:
        channels(1, nv, part, a, l);
        break;
    case 2:
        channels(C2_AT_MOST(2, C2_MR), nv, part, a, l);
        break;
    case 3:
        channels(C2_AT_MOST(3, C2_MR), nv, part, a, l);
        break;
    case 4:
        channels(C2_AT_MOST(4, C2_MR), nv, part, a, l);
        break;
    case 5:
        channels(C2_AT_MOST(5, C2_MR), nv, part, a, l);
        break;
    case 6:
        channels(C2_AT_MOST(6, C2_MR), nv, part, a, l);
        break;
    case 7:
        channels(C2_AT_MOST(7, C2_MR), nv, part, a, l);
        break;
    case 8:
        channels(C2_AT_MOST(8, C2_MR), nv, part, a, l);
        break;
    default:
        channels(C2_AT_MOST(9, C2_MR), nv, part, a, l);
        break;
    }
}
_Static_assert(C2_MR <= 9, "each number of channels has a case of its own");

c2_direct_px_kernel C2_K(direct_px);
void C2_K(direct_px)(const c2_direct_args *a)
{
    strip(a);
}
