/* SPDX-License-Identifier: BSD-2-Clause
 * direct_ch: a strip of float32 pixels at one distance by up to NR output channels, finished. Tiles
 * have as many pixels as there are accumulators for: MR of NV vectors, up to 14 of fewer; or 7
 * (cpu/direct_ch.h). Pixels are read by a pointer to every third one and the distance, so that no
 * pointers are reloaded. The last tile begins earlier and computes some pixels once more, to the
 * same bits; strips shorter than a tile are made of 4, 2 or 1 in the same way. */
#include <math.h>

#include "cpu/body/body.h"
#include "cpu/direct_ch.h"

enum { ACCUMULATORS = C2_MR * C2_NV, MOST_ROWS = C2_DIRECT_CH_ROWS, APART = 3 };

C2_ALWAYS_INLINE void store(const int m, const int nv, const bool biased, const bool bounded,
                            const bool streams, const c2_direct_args *a, ptrdiff_t x,
                            const vf acc[MOST_ROWS][C2_NV])
{
    const int last = a->m - (nv - 1) * VF; /* lanes of the last vector */
    const vf low = vf_set1(a->low), high = vf_set1(a->high);
    vf bias[C2_NV];
    C2_UNROLL
    for (int j = 0; j < nv; j++)
        bias[j] = biased ? vf_load(a->bias + j * VF) : vf_zero();
    px *to = (px *)a->out + x * a->out_pitch;
    C2_UNROLL
    for (int i = 0; i < m; i++, to += a->out_pitch) {
        C2_UNROLL
        for (int j = 0; j < nv; j++) {
            vf y = acc[i][j];
            if (biased)
                y = vf_add(y, bias[j]);
            if (bounded)
                y = vf_min(high, vf_max(low, y));
            if (j + 1 == nv && last < VF)
                px_store_n(to + j * VF, y, last);
            else if (streams)
                px_stream(to + j * VF, y);
            else
                px_store(to + j * VF, y);
        }
    }
}

/* Sums, biases and bounds take the same units: none where there is nothing to add. */
C2_ALWAYS_INLINE void finish(const int m, const int nv, const c2_direct_args *a, ptrdiff_t x,
                             const vf acc[MOST_ROWS][C2_NV])
{
    const bool bounded = a->low > -HUGE_VALF || a->high < HUGE_VALF;
    if (a->streams && a->bias)
        store(m, nv, true, true, true, a, x, acc);
    else if (a->streams)
        store(m, nv, false, true, true, a, x, acc);
    else if (bounded && a->bias)
        store(m, nv, true, true, false, a, x, acc);
    else if (bounded)
        store(m, nv, false, true, false, a, x, acc);
    else if (a->bias)
        store(m, nv, true, false, false, a, x, acc);
    else
        store(m, nv, false, false, false, a, x, acc);
}

/* fetches: the next tile's outputs, neighbours of these, come from far away to be written; a line
 * at each step, because more at once hold up the pixels. */
C2_ALWAYS_INLINE void tile(const int m, const int nv, const bool fetches, const c2_direct_args *a,
                           ptrdiff_t x)
{
    vf acc[MOST_ROWS][C2_NV];
    C2_UNROLL
    for (int i = 0; i < m; i++) {
        C2_UNROLL
        for (int j = 0; j < nv; j++)
            acc[i][j] = vf_zero();
    }
    const ptrdiff_t pitch = a->pitch, width = a->width;
    const size_t klen = a->klen, n_offsets = a->n_offsets;
    const float *w = a->weight;
    const px *next = (const px *)a->out + (x + m) * a->out_pitch;
    for (size_t t = 0; t < n_offsets; t++) {
        const float *row[(MOST_ROWS + APART - 1) / APART];
        C2_UNROLL
        for (int i = 0; i < m; i += APART)
            row[i / APART] = (const float *)a->pixels + a->offset[t] + (x + i) * pitch;
        for (size_t k = 0; k < klen; k++, w += width) {
            if (fetches) {
                __builtin_prefetch(next, 1);
                next += 64 / sizeof *next;
            }
            vf b[C2_NV];
            C2_UNROLL
            for (int j = 0; j < nv; j++)
                b[j] = vf_keep(vf_load(w + j * VF));
            C2_UNROLL
            for (int i = 0; i < m; i++) {
                const vf one = vf_set1(row[i / APART][i % APART * pitch]);
                const vf v = nv == 1 ? one : vf_keep(one);
                C2_UNROLL
                for (int j = 0; j < nv; j++)
                    acc[i][j] = vf_fma(v, b[j], acc[i][j]);
            }
            C2_UNROLL
            for (int i = 0; i < m; i += APART) {
                row[i / APART]++;
                /* Or else the compiler keeps a pointer for each pixel, and spills them. */
                __asm__("" : "+r"(row[i / APART]));
            }
        }
    }
    finish(m, nv, a, x, acc);
}

C2_ALWAYS_INLINE void tiles(const int m, const int nv, const bool fetches,
                            const c2_direct_args *a)
{
    for (ptrdiff_t x = 0; x < a->n; x += m)
        tile(m, nv, fetches, a, x < a->n - m ? x : a->n - m);
}

C2_ALWAYS_INLINE void strip(const int nv, const c2_direct_args *a)
{
    const int most = C2_AT_MOST(ACCUMULATORS / nv, MOST_ROWS);
    const bool half = c2_direct_ch_rows(most, a->n) < most;
    if (half && a->n >= C2_DIRECT_CH_HALF)
        tiles(C2_AT_MOST(C2_DIRECT_CH_HALF, most), nv, false, a);
    else if (a->n >= most && nv == C2_NV && a->fetches)
        tiles(most, nv, true, a);
    else if (a->n >= most)
        tiles(most, nv, false, a);
    else if (a->n >= 4)
        tiles(4, nv, false, a);
    else if (a->n >= 2)
        tiles(2, nv, false, a);
    else
        tiles(1, nv, false, a);
}

c2_direct_ch_kernel C2_K(direct_ch);
void C2_K(direct_ch)(const c2_direct_args *a)
{
    switch ((a->m + VF - 1) / VF) {
    case 1:
        strip(1, a);
        break;
    case 2:
        strip(C2_AT_MOST(2, C2_NV), a);
        break;
    case 3:
        strip(C2_AT_MOST(3, C2_NV), a);
        break;
    default:
        strip(C2_AT_MOST(4, C2_NV), a);
        break;
    }
}
_Static_assert(C2_NV <= 4 && ACCUMULATORS / C2_NV >= 4, "each number of vectors has a case");
