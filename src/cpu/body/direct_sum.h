/* SPDX-License-Identifier: BSD-2-Clause
 * direct_sum: a strip of float32 pixels at one distance by up to NR output channels, lanes = the
 * neighbouring numbers of a run, whose sums are added up at the end: nothing is computed for output
 * channels that there are not. Tiles have MR pixels; the last one begins earlier and computes some
 * pixels once more, to the same bits; strips shorter than a tile are made of 1. */
#include "cpu/body/body.h"

enum { SUMS = (C2_MR * C2_NR + VF - 1) / VF * VF };

/* Lanes of VF accumulators each, added in pairs: a vector of their sums. */
C2_ALWAYS_INLINE vf add_lanes(vf r[VF])
{
    vf_transpose(r);
    C2_UNROLL
    for (int step = 1; step < VF; step *= 2) {
        C2_UNROLL
        for (int i = 0; i < VF; i += 2 * step)
            r[i] = vf_add(r[i], r[i + step]);
    }
    return r[0];
}

C2_ALWAYS_INLINE void add_vector(const int p, const int m, const bool part, const float *x,
                                 ptrdiff_t pitch, const float *w, ptrdiff_t filter, int n,
                                 vf acc[SUMS])
{
    vf b[C2_NR];
    C2_UNROLL
    for (int j = 0; j < m; j++)
        b[j] = vf_keep(part ? vf_load_n(w + j * filter, n) : vf_load(w + j * filter));
    C2_UNROLL
    for (int i = 0; i < p; i++) {
        const vf v = vf_keep(part ? vf_load_n(x + i * pitch, n) : vf_load(x + i * pitch));
        C2_UNROLL
        for (int j = 0; j < m; j++)
            acc[i * m + j] = vf_fma(v, b[j], acc[i * m + j]);
    }
}

C2_ALWAYS_INLINE void tile(const int p, const int m, const c2_direct_args *a, ptrdiff_t x)
{
    vf acc[SUMS];
    C2_UNROLL
    for (int i = 0; i < SUMS; i++)
        acc[i] = vf_zero();
    const ptrdiff_t pitch = a->pitch, klen = (ptrdiff_t)a->klen;
    const ptrdiff_t filter = (ptrdiff_t)a->n_offsets * klen;
    const float *w = a->weight;
    for (size_t t = 0; t < a->n_offsets; t++, w += klen) {
        const float *from = (const float *)a->pixels + a->offset[t] + x * pitch;
        ptrdiff_t k = 0;
        for (; k + VF <= klen; k += VF)
            add_vector(p, m, false, from + k, pitch, w + k, filter, VF, acc);
        if (k < klen)
            add_vector(p, m, true, from + k, pitch, w + k, filter, (int)(klen - k), acc);
    }
    float *to = (float *)a->out + x * m;
    C2_UNROLL
    for (int i = 0; i < p * m; i += VF) {
        const vf sums = add_lanes(acc + i);
        if (i + VF <= p * m)
            vf_store(to + i, sums);
        else
            vf_store_n(to + i, sums, p * m - i);
    }
}

C2_ALWAYS_INLINE void strip(const int m, const c2_direct_args *a)
{
    for (ptrdiff_t x = 0; a->n >= C2_MR && x < a->n; x += C2_MR)
        tile(C2_MR, m, a, x < a->n - C2_MR ? x : a->n - C2_MR);
    for (ptrdiff_t x = 0; a->n < C2_MR && x < a->n; x++)
        tile(1, m, a, x);
}

c2_direct_sum_kernel C2_K(direct_sum);
void C2_K(direct_sum)(const c2_direct_args *a)
{
    switch (a->m) {
    case 1:
        strip(1, a);
        break;
    case 2:
        strip(C2_AT_MOST(2, C2_NR), a);
        break;
    case 3:
        strip(C2_AT_MOST(3, C2_NR), a);
        break;
    default:
        strip(C2_AT_MOST(4, C2_NR), a);
        break;
    }
}
_Static_assert(C2_NR <= 4, "each number of channels has a case");
