/* SPDX-License-Identifier: BSD-2-Clause
 * box_across: sums of kw lanes, `distance` apart, by doubling: each pass adds windows of 2^i lanes
 * to those 2^i lanes on, and the windows whose lengths add up to kw, longest first, make the
 * result. No sum is longer than its output's window, so nothing spreads. */
#include "cpu/body/body.h"

enum { MOST_LEVELS = 32 };

/* Pieces of windows, the last one first, times the weight; the rest of the output. */
C2_ALWAYS_INLINE void finish(int n_pieces, const c2_box_across_args *a,
                             const float *const *piece)
{
    const vf weight = vf_set1(a->weight), bias = vf_set1(a->bias);
    const vf low = vf_set1(a->low), high = vf_set1(a->high);
    const ptrdiff_t n = a->n;
    float *out = a->out;
    for (ptrdiff_t x = 0; x < n; x += VF) {
        vf y = vf_load(piece[n_pieces - 1] + x);
        for (int i = n_pieces - 2; i >= 0; i--)
            y = vf_add(y, vf_load(piece[i] + x));
        /* Added to 0, as products are everywhere: no 0 times a weight below it makes -0. */
        y = vf_min(high, vf_max(low, vf_add(vf_fma(y, weight, vf_zero()), bias)));
        if (x + VF <= n)
            vf_store(out + x, y);
        else
            vf_store_n(out + x, y, (int)(n - x));
    }
}

c2_box_across_kernel C2_K(box_across);
void C2_K(box_across)(const c2_box_across_args *a)
{
    const float *piece[MOST_LEVELS], *windows = a->row;
    int n_pieces = 0;
    ptrdiff_t lanes = a->n + (a->kw - 1) * a->distance;
    float *room = a->room;
    for (ptrdiff_t size = 1; size <= a->kw; size *= 2) {
        if (size > 1) {
            const ptrdiff_t half = size / 2 * a->distance;
            lanes -= half;
            for (ptrdiff_t x = 0; x < lanes; x += VF)
                vf_store(room + x, vf_add(vf_load(windows + x), vf_load(windows + x + half)));
            windows = room;
            room += a->room_pitch;
        }
        if (a->kw & size) /* the shorter ones lie behind it */
            piece[n_pieces++] = windows + (a->kw & (size - 1)) * a->distance;
    }
    finish(n_pieces, a, piece);
}
