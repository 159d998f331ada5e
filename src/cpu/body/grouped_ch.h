/* SPDX-License-Identifier: BSD-2-Clause
 * grouped_ch: rows = pixels, lanes = output channels, those of several groups side by side where a
 * group has fewer than a vector. A tile is two or three segments of neighbouring pixels of a row.
 * An input pixel is spread once for each channel of a group (a permutation, or a broadcast where
 * the vector has one group) and then serves every tap of its run that needs it; a weight serves all
 * segments. The loop over pixels is outside the one over channels, so each sum still gets its
 * products in order of taps, then channels.
 * Registers: MR accumulators, three spread pixels, the lanes' numbers or a weight. */
#include "cpu/body/body.h"

enum { C2_LENGTH = C2_MR / C2_GROUPED_SEGMENTS };
/* Shorter segments are copies of the same code; copies shorter than one pixel are never called. */
#define C2_AT_LEAST(length) ((length) > 1 ? (length) : 1)
_Static_assert(C2_NV == 1, "one vector of channels");

/* One pixel of each segment: channel after channel into the sums that `width` taps reach from it.
 * j: its place in the run; weights are [channel][tap]. */
C2_ALWAYS_INLINE void pixel(const int segments, const int length, const int width, const int step,
                            const bool spread, const int j, const c2_grouped_ch_args *a,
                            const void *const *pixels, const float *w,
                            vf acc[C2_GROUPED_SEGMENTS][C2_LENGTH])
{
    const px *p[C2_GROUPED_SEGMENTS];
    vf v[C2_GROUPED_SEGMENTS];
    C2_UNROLL
    for (int s = 0; s < segments; s++) {
        p[s] = (const px *)pixels[s * C2_GROUPED_PIXELS + j] + a->offset;
        if (spread)
            v[s] = vf_keep(px_load(p[s]));
    }
    const int32_t *lanes = a->spread;
    for (size_t k = a->klen; k != 0; k--, w += width * VF) {
        vf x[C2_GROUPED_SEGMENTS];
        if (spread) {
            const vf_lanes from = vf_load_lanes(lanes);
            C2_UNROLL
            for (int s = 0; s < segments; s++)
                x[s] = vf_spread(v[s], from);
            lanes += VF;
        } else {
            C2_UNROLL
            for (int s = 0; s < segments; s++)
                x[s] = vf_keep(px_set1(*p[s]++));
        }
        C2_UNROLL
        for (int u = 0; u < width; u++) {
            const int first = j - u;
            if (first < 0 || first % step != 0 || first / step >= length)
                continue;
            const vf b = vf_keep(vf_load(w + u * VF));
            C2_UNROLL
            for (int s = 0; s < segments; s++)
                acc[s][first / step] = vf_fma(x[s], b, acc[s][first / step]);
        }
    }
}

C2_ALWAYS_INLINE void run(const int segments, const int length, const int width, const int step,
                          const bool spread, const c2_grouped_ch_args *a, const void *const *pixels,
                          const float *w, vf acc[C2_GROUPED_SEGMENTS][C2_LENGTH])
{
    C2_UNROLL
    for (int j = 0; j < (length - 1) * step + width; j++)
        pixel(segments, length, width, step, spread, j, a, pixels, w, acc);
}

/* Adding a bias of -0 and bounds of infinity change no bit: one code for with and without. */
C2_ALWAYS_INLINE void store(const int segments, const int length, const c2_grouped_ch_args *a,
                            vf acc[C2_GROUPED_SEGMENTS][C2_LENGTH])
{
    const c2_grouped_out *out = a->out;
    const vf bias = vf_load(out->bias), low = vf_set1(out->low), high = vf_set1(out->high);
    C2_UNROLL
    for (int s = 0; s < segments; s++) {
        px *to = (px *)out->pixels[s];
        C2_UNROLL
        for (int i = 0; i < length; i++, to += out->stride) {
            if (i < out->count[s])
                px_store(to, vf_min(high, vf_max(low, vf_add(acc[s][i], bias))));
        }
    }
}

C2_ALWAYS_INLINE void tile(const int segments, const int length, const bool spread,
                           const c2_grouped_ch_args *a)
{
    vf acc[C2_GROUPED_SEGMENTS][C2_LENGTH];
    C2_UNROLL
    for (int s = 0; s < segments; s++) {
        C2_UNROLL
        for (int i = 0; i < length; i++)
            acc[s][i] = vf_zero();
    }
    if (a->accumulate) {
        C2_UNROLL
        for (int s = 0; s < segments; s++) {
            C2_UNROLL
            for (int i = 0; i < length; i++)
                acc[s][i] = vf_load(a->acc + (s * C2_LENGTH + i) * VF);
        }
    }
    const void *const *pixels = a->pixels;
    const float *w = a->weight;
    for (size_t t = 0; t < a->n_runs; t++, pixels += C2_GROUPED_SEGMENTS * C2_GROUPED_PIXELS) {
        const int width = a->widths[t];
        if (width == 1)
            run(segments, length, 1, 1, spread, a, pixels, w, acc);
        else if (a->step == 1)
            run(segments, length, 3, 1, spread, a, pixels, w, acc);
        else
            run(segments, length, 3, 2, spread, a, pixels, w, acc);
        w += (size_t)width * a->klen * VF;
    }
    if (a->out) {
        store(segments, length, a, acc);
        return;
    }
    C2_UNROLL
    for (int s = 0; s < segments; s++) {
        C2_UNROLL
        for (int i = 0; i < length; i++)
            vf_store(a->acc + (s * C2_LENGTH + i) * VF, acc[s][i]);
    }
}

C2_ALWAYS_INLINE void lengths(const int segments, const bool spread, const c2_grouped_ch_args *a)
{
    switch (C2_LENGTH - a->length) {
    case 0:
        tile(segments, C2_LENGTH, spread, a);
        break;
    case 1:
        tile(segments, C2_AT_LEAST(C2_LENGTH - 1), spread, a);
        break;
    case 2:
        tile(segments, C2_AT_LEAST(C2_LENGTH - 2), spread, a);
        break;
    default:
        tile(segments, C2_AT_LEAST(C2_LENGTH - 3), spread, a);
        break;
    }
}

c2_grouped_ch_kernel C2_K(grouped_ch);
void C2_K(grouped_ch)(const c2_grouped_ch_args *a)
{
    if (a->segments == 3 && a->spread)
        lengths(3, true, a);
    else if (a->segments == 3)
        lengths(3, false, a);
    else if (a->spread)
        lengths(2, true, a);
    else
        lengths(2, false, a);
}
