/* SPDX-License-Identifier: BSD-2-Clause
 * What the bodies of direct_px and direct_rows share: cutting a strip of output pixels into tiles
 * of up to NV vectors, and the last step of a tile. A body defines tile() before it calls strip().
 * A last vector that is not full begins earlier and computes lanes of the vector before it once
 * more, to the same bits; only strips shorter than a vector load and store parts of one. */
#include "cpu/body/body.h"

/* Lanes of one tile: nv vectors from lane x on, the last one `last` lanes behind x. */
typedef struct lanes {
    ptrdiff_t x, last;
    int part; /* lanes of a strip shorter than a vector */
} lanes;

C2_ALWAYS_INLINE vf load_lanes(const int nv, const bool part, const lanes *l, const px *p, int j)
{
    if (part)
        return px_load_n(p, l->part);
    return px_load(p + (j == nv - 1 ? l->last : j * VF));
}

/* out[j] = act(acc[j] + bias), or the sums themselves. */
C2_ALWAYS_INLINE void store_lanes(const int nv, const bool part, const lanes *l,
                                  const c2_direct_args *a, int row, const vf acc[C2_NV], vf bias)
{
    const ptrdiff_t first = row * a->out_pitch + l->x;
    const vf low = vf_set1(a->low), high = vf_set1(a->high);
    C2_UNROLL
    for (int j = 0; j < nv; j++) {
        const ptrdiff_t at = first + (j == nv - 1 && !part ? l->last : j * VF);
        if (a->sums) {
            float *to = (float *)a->out + at;
            if (part)
                vf_store_n(to, acc[j], l->part);
            else
                vf_store(to, acc[j]);
            continue;
        }
        px *to = (px *)a->out + at;
        const vf y = vf_min(high, vf_max(low, vf_add(acc[j], bias)));
        if (part)
            px_store_n(to, y, l->part);
        else
            px_store(to, y);
    }
}

C2_ALWAYS_INLINE void tile(const int nv, const bool part, const c2_direct_args *a, const lanes *l);

/* All lanes of a strip, in tiles whose numbers of vectors differ by one at most. */
C2_ALWAYS_INLINE void strip(const c2_direct_args *a)
{
    const ptrdiff_t n = a->n;
    lanes l = {0, 0, (int)n};
    if (n < VF) {
        tile(1, true, a, &l);
        return;
    }
    const ptrdiff_t vectors = (n + VF - 1) / VF, tiles = (vectors + C2_NV - 1) / C2_NV;
    const ptrdiff_t size = vectors / tiles, extra = vectors % tiles;
    for (ptrdiff_t t = 0; t < tiles; t++) {
        const ptrdiff_t nv = size + (t < extra), left = n - l.x - VF;
        l.last = (nv - 1) * VF < left ? (nv - 1) * VF : left;
        switch (nv) {
        case 1:
            tile(1, false, a, &l);
            break;
        case 2:
            tile(C2_AT_MOST(2, C2_NV), false, a, &l);
            break;
        case 3:
            tile(C2_AT_MOST(3, C2_NV), false, a, &l);
            break;
        default:
            tile(C2_AT_MOST(4, C2_NV), false, a, &l);
            break;
        }
        l.x += nv * VF;
    }
}
_Static_assert(C2_NV <= 4, "each number of vectors has a case of its own");
