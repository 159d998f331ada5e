/* SPDX-License-Identifier: BSD-2-Clause
 * dwrow_px: depthwise, lanes = pixels, kernels 3x3, 5x5 or 7x7. One channel at a time is copied as
 * float32 into a window in the L1 cache, with its padding and, for stride 2, even and odd columns
 * apart. Each vector of a window row is loaded once a column of taps and serves all output rows of
 * a tile, which stay in registers with their bias, residual and clamp. mr = rows of a tile. A
 * vector may have two image rows, one in each half, so that small images fill it. */
#include "cpu/body/body.h"

_Static_assert(C2_NR == VF, "one vector");

/* Zeros behind a row's last pixel are written as well; the next row comes later. */
C2_ALWAYS_INLINE void copy_row(const c2_dwrow_px_args *a, const px *from, float *to)
{
    for (int x = 0; x < a->copy_cols; x += VF) {
        const int n = a->copy_cols - x;
        vf_store(to + x, n >= VF ? px_load(from + x) : px_load_n(from + x, n));
    }
}

C2_ALWAYS_INLINE vf load_part(const px *p, int n)
{
    return n >= VF ? px_load(p) : n > 0 ? px_load_n(p, n) : vf_zero();
}

C2_ALWAYS_INLINE void split_row(const c2_dwrow_px_args *a, const px *from, float *even, float *odd)
{
    for (int x = 0; x < a->copy_cols; x += 2 * VF, even += VF, odd += VF) {
        const vf low = load_part(from + x, a->copy_cols - x);
        const vf high = load_part(from + x + VF, a->copy_cols - x - VF);
        vf_store(even, vf_evens(low, high));
        vf_store(odd, vf_odds(low, high));
    }
}

static void copy(const c2_dwrow_px_args *a)
{
    const px *from = (const px *)a->image;
    float *to = a->copy_to;
    for (int y = 0; y < a->copy_rows; y++, from += a->image_row, to += a->pitch) {
        if (a->phase)
            split_row(a, from, to, to + a->copy_odd);
        else
            copy_row(a, from, to);
    }
}

C2_ALWAYS_INLINE void finish(const c2_dwrow_px_args *a, vf sum, int y, int x, int n)
{
    if (a->sums) {
        vf_store(a->sums + y * a->sums_pitch + x, sum);
        return;
    }
    px *out = (px *)a->out + y * a->out_row + x;
    if (a->bias)
        sum = vf_add(sum, px_set1(*(const px *)a->bias));
    if (a->residual) {
        const px *residual = (const px *)a->residual + y * a->residual_row + x;
        sum = vf_add(sum, n >= VF ? px_load(residual) : px_load_n(residual, n));
    }
    sum = vf_min(vf_set1(a->high), vf_max(vf_set1(a->low), sum));
    if (n >= VF)
        px_store(out, sum);
    else
        px_store_n(out, sum, n);
}

/* Sums of `rows` vectors from window row v * step and lane x on. */
C2_ALWAYS_INLINE void tile(const int rows, const int k, const int step, const bool split,
                           const c2_dwrow_px_args *a, int v, int x)
{
    vf acc[C2_MR];
    C2_UNROLL
    for (int y = 0; y < rows; y++)
        acc[y] = vf_zero();
    const float *p = a->window + v * step * a->pitch + x, *w = a->weight;
    C2_UNROLL
    for (int i = 0; i < step * (rows - 1) + k; i++) {
        C2_UNROLL
        for (int kx = 0; kx < k; kx++) {
            const float *at = p + i * a->pitch;
            const vf in = vf_keep(vf_load(split ? at + (kx & 1) * a->phase + kx / 2 : at + kx));
            C2_UNROLL
            for (int y = 0; y < rows; y++) {
                const int ky = i - y * step;
                if (ky >= 0 && ky < k)
                    acc[y] = vf_fma(in, vf_set1(w[ky * k + kx]), acc[y]);
            }
        }
    }
    const int n = a->cols - x;
    C2_UNROLL
    for (int y = 0; y < rows; y++) {
        if (!a->two_rows) {
            finish(a, acc[y], v + y, x, n);
            continue;
        }
        finish(a, acc[y], 2 * (v + y), 0, n);
        if (2 * (v + y) + 1 < a->rows)
            finish(a, vf_halves_exchanged(acc[y]), 2 * (v + y) + 1, 0, n);
    }
}

C2_ALWAYS_INLINE void channel(const int k, const int step, const bool split,
                              const c2_dwrow_px_args *a)
{
    const int vectors = a->two_rows ? (a->rows + 1) / 2 : a->rows;
    for (int x = 0; x < a->cols; x += VF) {
        int v = 0;
        for (; v + C2_MR <= vectors; v += C2_MR)
            tile(C2_MR, k, step, split, a, v, x);
        for (; v + C2_MR / 2 <= vectors; v += C2_MR / 2)
            tile(C2_MR / 2, k, step, split, a, v, x);
        for (; v < vectors; v++)
            tile(1, k, step, split, a, v, x);
    }
}

c2_dwrow_px_kernel C2_K(dwrow_px);
void C2_K(dwrow_px)(const c2_dwrow_px_args *a)
{
    copy(a);
    switch (100 * a->k + 10 * a->step + (a->phase != 0)) {
    case 310:
        channel(3, 1, false, a);
        break;
    case 320:
        channel(3, 2, false, a);
        break;
    case 321:
        channel(3, 2, true, a);
        break;
    case 510:
        channel(5, 1, false, a);
        break;
    case 520:
        channel(5, 2, false, a);
        break;
    case 521:
        channel(5, 2, true, a);
        break;
    case 710:
        channel(7, 1, false, a);
        break;
    case 720:
        channel(7, 2, false, a);
        break;
    default:
        channel(7, 2, true, a);
        break;
    }
}
