/* SPDX-License-Identifier: BSD-2-Clause
 * dwrow_px: depthwise, lanes = pixels, kernels 3x3, 5x5 or 7x7. One channel at a time is copied as
 * float32 into a window in the L1 cache, with its padding and, for stride 2, even and odd columns
 * apart. Each vector of a window row is loaded once a column of taps and serves all output rows of
 * a tile, which stay in registers beside the column's weights: unaligned loads and broadcasts bind
 * this kernel, and seven rows need few of both. Columns of taps are the outer loop. A vector may
 * have two image rows, one in each half, so that small images fill it. mr = rows of a tile: image
 * sizes of networks are multiples of seven. */
#include "cpu/body/body.h"

_Static_assert(C2_NR == VF && C2_MR == 7, "one vector, and what 4, 2 and 1 rows can make up");

/* Zeros behind a row's last pixel are written as well; the next row comes later. */
C2_ALWAYS_INLINE void copy_row(int cols, const px *from, float *to)
{
    int x = 0;
    for (; x + VF <= cols; x += VF)
        vf_store(to + x, px_load(from + x));
    if (x < cols)
        vf_store(to + x, px_load_n(from + x, cols - x));
}

C2_ALWAYS_INLINE vf load_part(const px *p, int n)
{
    return n >= VF ? px_load(p) : n > 0 ? px_load_n(p, n) : vf_zero();
}

C2_ALWAYS_INLINE void split_row(int cols, const px *from, float *even, float *odd)
{
    for (int x = 0; x < cols; x += 2 * VF, even += VF, odd += VF) {
        const vf low = load_part(from + x, cols - x);
        const vf high = load_part(from + x + VF, cols - x - VF);
        vf_store(even, vf_evens(low, high));
        vf_store(odd, vf_odds(low, high));
    }
}

static void copy(const c2_dwrow_px_args *a)
{
    /* Read once: as far as the compiler knows, a store to the window may change them. */
    const int rows = a->copy_rows, cols = a->copy_cols;
    const ptrdiff_t image_row = a->image_row, pitch = a->pitch, odd = a->copy_odd;
    const px *from = (const px *)a->image;
    float *to = a->copy_to;
    for (int y = 0; y < rows; y++, from += image_row, to += pitch) {
        if (a->phase)
            split_row(cols, from, to, to + odd);
        else
            copy_row(cols, from, to);
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

/* Whole vectors of one image row, no residual. */
C2_ALWAYS_INLINE void finish_plain(const c2_dwrow_px_args *a, const vf acc[C2_MR], const int rows,
                                   int v, int x)
{
    const vf low = vf_set1(a->low), high = vf_set1(a->high);
    const vf bias = a->bias ? px_set1(*(const px *)a->bias) : vf_set1(-0.0f);
    C2_UNROLL
    for (int y = 0; y < rows; y++)
        px_store((px *)a->out + (v + y) * a->out_row + x,
                 vf_min(high, vf_max(low, vf_add(acc[y], bias))));
}

/* The others. Not inlined: there are many tiles, and half types are long. */
static __attribute__((noinline)) void finish_rows(const c2_dwrow_px_args *a, const float *sums,
                                                  int rows, int v, int x)
{
    const int n = a->cols - x;
    for (int y = 0; y < rows; y++, sums += VF) {
        const vf sum = vf_load(sums);
        if (!a->two_rows) {
            finish(a, sum, v + y, x, n);
            continue;
        }
        finish(a, sum, 2 * (v + y), 0, n);
        if (2 * (v + y) + 1 < a->rows)
            finish(a, vf_halves_exchanged(sum), 2 * (v + y) + 1, 0, n);
    }
}

/* `rows` vectors of output from window row v * step and lane x on. The loop over columns stays a
 * loop: a copy of its body for each makes nothing faster. */
C2_ALWAYS_INLINE void tile(const int rows, const int k, const int step,
                           const c2_dwrow_px_args *a, int v, int x)
{
    vf acc[C2_MR], weight[7];
    C2_UNROLL
    for (int y = 0; y < rows; y++)
        acc[y] = vf_zero();
    const ptrdiff_t pitch = a->tap_pitch, phase = a->phase, dilation = a->dilation;
    const float *even = a->window + v * step * pitch + x, *w = a->weight;
    for (int kx = 0; kx < k; kx++) {
        const float *column = phase ? even + (kx & 1) * phase + kx / 2 : even + kx * dilation;
        C2_UNROLL
        for (int ky = 0; ky < k; ky++)
            weight[ky] = vf_keep(vf_set1(w[ky * k + kx]));
        C2_UNROLL
        for (int i = 0; i < step * (rows - 1) + k; i++) {
            const vf in = vf_keep(vf_load(column + i * pitch));
            C2_UNROLL
            for (int y = 0; y < rows; y++) {
                const int ky = i - y * step;
                if (ky >= 0 && ky < k)
                    acc[y] = vf_fma(in, weight[ky], acc[y]);
            }
        }
    }
    if (!a->two_rows && !a->sums && !a->residual && x + VF <= a->cols) {
        finish_plain(a, acc, rows, v, x);
        return;
    }
    float sums[C2_MR * VF];
    C2_UNROLL
    for (int y = 0; y < rows; y++)
        vf_store(sums + y * VF, acc[y]);
    finish_rows(a, sums, rows, v, x);
}

C2_ALWAYS_INLINE void channel(const int k, const int step, const c2_dwrow_px_args *a)
{
    const int vectors = a->two_rows ? (a->rows + 1) / 2 : a->rows;
    for (int x = 0; x < a->cols; x += VF) {
        int v = 0;
        for (; v + C2_MR <= vectors; v += C2_MR)
            tile(C2_MR, k, step, a, v, x);
        if (v + 4 <= vectors) {
            tile(4, k, step, a, v, x);
            v += 4;
        }
        for (; v + 2 <= vectors; v += 2)
            tile(2, k, step, a, v, x);
        if (v < vectors)
            tile(1, k, step, a, v, x);
    }
}

c2_dwrow_px_kernel C2_K(dwrow_px);
void C2_K(dwrow_px)(const c2_dwrow_px_args *a)
{
    copy(a);
    switch (10 * a->k + a->step) {
    case 31:
        channel(3, 1, a);
        break;
    case 32:
        channel(3, 2, a);
        break;
    case 51:
        channel(5, 1, a);
        break;
    case 52:
        channel(5, 2, a);
        break;
    case 71:
        channel(7, 1, a);
        break;
    default:
        channel(7, 2, a);
        break;
    }
}
