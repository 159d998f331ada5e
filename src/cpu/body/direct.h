/* SPDX-License-Identifier: BSD-2-Clause
 * What the bodies of direct_px and direct_rows share: cutting a strip of output pixels into tiles
 * of up to NV vectors, and the last step of a tile. A body defines tile() before it calls strip().
 * A last vector that is not full begins earlier and computes lanes of the vector before it once
 * more, to the same bits; only strips shorter than a vector load and store parts of one. */
#include <math.h>

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

/* Where a tile's first row goes and how it is finished: read once, for as far as the compiler knows
 * a store may change it. */
typedef struct sink {
    char *out;       /* of lane x */
    ptrdiff_t pitch; /* bytes */
    ptrdiff_t last;
    vf low, high;
} sink;

C2_ALWAYS_INLINE sink sink_of(const c2_direct_args *a, const lanes *l)
{
    const ptrdiff_t element = a->sums ? (ptrdiff_t)sizeof(float) : (ptrdiff_t)sizeof(px);
    return (sink){.out = (char *)a->out + l->x * element,
                  .pitch = a->out_pitch * element,
                  .last = l->last,
                  .low = vf_set1(a->low),
                  .high = vf_set1(a->high)};
}

/* out[j] = act(acc[j] + bias), or the sums; row: where lane x of it goes. */
C2_ALWAYS_INLINE void store_row(const int nv, const bool part, const bool sums,
                                const bool bounded, const sink *s, int n, char *row,
                                const vf acc[C2_NV], vf bias)
{
    C2_UNROLL
    for (int j = 0; j < nv; j++) {
        const ptrdiff_t at = j == nv - 1 && !part ? s->last : j * VF;
        vf y = acc[j];
        if (sums) {
            float *to = (float *)(void *)row + at;
            if (part)
                vf_store_n(to, y, n);
            else
                vf_store(to, y);
            continue;
        }
        px *to = (px *)(void *)row + at;
        y = vf_add(y, bias);
        if (bounded)
            y = vf_min(s->high, vf_max(s->low, y));
        if (part)
            px_store_n(to, y, n);
        else
            px_store(to, y);
    }
}

/* The first `rows` of m; alike: one bias for all. */
C2_ALWAYS_INLINE void store_as(const int m, int rows, const int nv, const bool part,
                               const bool sums, const bool bounded, const bool alike,
                               const c2_direct_args *a, const lanes *l, const vf acc[][C2_NV])
{
    const sink s = sink_of(a, l);
    const int n = l->part;
    const float *bias = a->bias;
    char *row = s.out;
    C2_UNROLL
    for (int i = 0; i < m; i++, row += s.pitch) {
        if (i < rows)
            store_row(nv, part, sums, bounded, &s, n, row, acc[i],
                      vf_set1(bias[alike ? 0 : i]));
    }
}

C2_ALWAYS_INLINE void store_rows(const int m, int rows, const int nv, const bool part,
                                 const bool alike, const c2_direct_args *a, const lanes *l,
                                 const vf acc[][C2_NV])
{
    const bool bounded = part || a->low > -INFINITY || a->high < INFINITY;
    if (a->sums)
        store_as(m, rows, nv, part, true, false, alike, a, l, acc);
    else if (bounded)
        store_as(m, rows, nv, part, false, true, alike, a, l, acc);
    else
        store_as(m, rows, nv, part, false, false, alike, a, l, acc);
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
