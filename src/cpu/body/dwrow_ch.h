/* SPDX-License-Identifier: BSD-2-Clause
 * dwrow_ch: depthwise, lanes = channels, kernels 3, 5 or 7 wide with stride 1 or 2 along x, and any
 * wider with stride 1. A tile is one or two output rows of COLS pixels by one vector of channels,
 * all of it in registers: each pixel of an input row is loaded once and serves every tap and both
 * rows; of a wider kernel once for each piece of 3, 5 or 7 taps. Bias, residual and clamp are done
 * in registers as well. mr = 7 or 14 pixels; with 14, and stride 1, two rows. */
#include "cpu/body/body.h"

enum { COLS = 7, ROWS = C2_MR / COLS, HALF = 4 };
_Static_assert(C2_MR % COLS == 0 && ROWS <= 2 && C2_NR == VF, "a row or two of seven pixels");

/* What all lanes of a call are finished with. */
typedef struct finish {
    vf low, high;
} finish;

C2_ALWAYS_INLINE vf get(const bool tail, const px *p, int n)
{
    return tail ? px_load_n(p, n) : px_load(p);
}

C2_ALWAYS_INLINE const px *at_byte(const px *p, ptrdiff_t bytes)
{
    return (const px *)(const void *)((const char *)p + bytes);
}

/* What k taps of a row of weights add to the sums: a pixel at a time, added wherever it belongs, so
 * that padded ones, at < 0, cost nothing. Two output rows share the pixels; the second's weights
 * begin `upper` before the first's. Each output still gets its taps from left to right. */
C2_ALWAYS_INLINE void add_row(const int rows, const int cols, const int k, const int s,
                              const bool tail, const px *p, const ptrdiff_t *at, int n,
                              const float *w, ptrdiff_t upper, vf acc[][COLS])
{
    vf b[ROWS][7];
    C2_UNROLL
    for (int y = 0; y < rows; y++) {
        C2_UNROLL
        for (int kx = 0; kx < k; kx++)
            b[y][kx] = vf_keep(vf_load(w - y * upper + kx * VF));
    }
    C2_UNROLL
    for (int j = 0; j < s * (cols - 1) + k; j++) {
        if (at[j] < 0)
            continue;
        const vf x = vf_keep(get(tail, at_byte(p, at[j]), n));
        C2_UNROLL
        for (int y = 0; y < rows; y++) {
            C2_UNROLL
            for (int kx = 0; kx < k; kx++) {
                const int column = (j - kx) / s;
                if (j >= kx && column * s == j - kx && column < cols)
                    acc[y][column] = vf_fma(x, b[y][kx], acc[y][column]);
            }
        }
    }
}

C2_ALWAYS_INLINE void store(const int rows, const int cols, const bool tail, const bool streams,
                            const c2_dwrow_ch_args *a, const finish *f, int first, ptrdiff_t c,
                            vf acc[ROWS][COLS])
{
    const int n = a->n - (int)c;
    if (a->sums) {
        C2_UNROLL
        for (int y = 0; y < rows; y++) {
            C2_UNROLL
            for (int x = 0; x < cols; x++)
                if (x < a->cols)
                    vf_store(a->sums + ((first + y) * a->cols + x) * a->sums_pitch + c, acc[y][x]);
        }
        return;
    }
    const vf bias = a->bias ? get(tail, (const px *)a->bias + c, n) : vf_zero();
    C2_UNROLL
    for (int y = 0; y < rows; y++) {
        px *out = (px *)a->out + (first + y) * a->out_row + c;
        const px *residual =
            a->residual ? (const px *)a->residual + (first + y) * a->residual_row + c : NULL;
        C2_UNROLL
        for (int x = 0; x < cols; x++) {
            if (x >= a->cols)
                break;
            vf v = acc[y][x];
            if (a->bias)
                v = vf_add(v, bias);
            if (residual)
                v = vf_add(v, get(tail, residual + x * a->residual_col, n));
            v = vf_min(f->high, vf_max(f->low, v));
            if (tail)
                px_store_n(out + x * a->out_col, v, n);
            else if (streams)
                px_stream(out + x * a->out_col, v);
            else
                px_store(out + x * a->out_col, v);
        }
    }
}

/* Those of a row of a wide kernel, by pieces from left to right that all widths from 6 on are sums
 * of. Pieces on padded columns alone are left out. */
C2_ALWAYS_INLINE void add_wide_row(const int rows, const int cols, const bool tail,
                                   const c2_dwrow_ch_args *a, const px *p, int n, const float *w,
                                   vf acc[][COLS])
{
    static const int8_t piece_of[] = {0, 0, 0, 3, 0, 5, 3, 7, 5, 3, 7, 5, 7, 7};
    for (int kx = 0, k; kx < a->kw; kx += k) {
        const int rest = a->kw - kx;
        k = rest < (int)sizeof piece_of ? piece_of[rest] : 7;
        if (kx + k + cols - 1 <= a->col_begin || kx >= a->col_end)
            continue;
        const ptrdiff_t upper = a->kw * VF;
        if (k == 7)
            add_row(rows, cols, 7, 1, tail, p, a->col + kx, n, w + kx * VF, upper, acc);
        else if (k == 5)
            add_row(rows, cols, 5, 1, tail, p, a->col + kx, n, w + kx * VF, upper, acc);
        else
            add_row(rows, cols, 3, 1, tail, p, a->col + kx, n, w + kx * VF, upper, acc);
    }
}

/* k = 0: a wide kernel. */
C2_ALWAYS_INLINE void add_any(const int rows, const int cols, const int k, const int s,
                              const bool tail, const c2_dwrow_ch_args *a, const px *p, int n,
                              const float *w, vf acc[][COLS])
{
    if (k)
        add_row(rows, cols, k, s, tail, p, a->col, n, w, k * VF, acc);
    else
        add_wide_row(rows, cols, tail, a, p, n, w, acc);
}

C2_ALWAYS_INLINE void tile(const int rows, const int cols, const int k, const int s,
                           const bool tail, const c2_dwrow_ch_args *a, const finish *f, int first,
                           ptrdiff_t c)
{
    vf acc[ROWS][COLS];
    C2_UNROLL
    for (int y = 0; y < rows; y++) {
        C2_UNROLL
        for (int x = 0; x < cols; x++)
            acc[y][x] = vf_zero();
    }
    const int kh = a->kh, kw = k ? k : a->kw, n = a->n - (int)c;
    const px *pixels = (const px *)a->pixels + c;
    const float *weight = a->weight + c * kh * kw;
    const int begin = a->row_begin > first ? a->row_begin : first;
    const int last = first + kh + rows - 1, end = a->row_end < last ? a->row_end : last;
    for (int i = begin; i < end; i++) {
        const px *p = at_byte(pixels, a->row[i - a->row_begin]);
        const int ky = i - first; /* of the first output row; the second's is one less */
        const float *w = weight + (ky < kh ? ky : kh - 1) * kw * VF;
        if (rows > 1 && ky > 0 && ky < kh)
            add_any(rows, cols, k, s, tail, a, p, n, w, acc);
        else if (ky < kh)
            add_any(1, cols, k, s, tail, a, p, n, w, acc);
        else
            add_any(1, cols, k, s, tail, a, p, n, w, acc + rows - 1);
    }
    if (!tail && a->streams)
        store(rows, cols, tail, true, a, f, first, c, acc);
    else
        store(rows, cols, tail, false, a, f, first, c, acc);
}

C2_ALWAYS_INLINE void channels(const int k, const int s, const c2_dwrow_ch_args *a)
{
    const finish f = {vf_set1(a->low), vf_set1(a->high)};
    const ptrdiff_t whole = a->n - a->n % VF;
    if (s == 1 && ROWS == 2 && a->rows == 2 && a->cols > HALF) {
        for (ptrdiff_t c = 0; c < whole; c += VF)
            tile(ROWS, COLS, k, s, false, a, &f, 0, c);
    } else if (s == 1 && ROWS == 2 && a->rows == 2) {
        for (ptrdiff_t c = 0; c < whole; c += VF)
            tile(ROWS, HALF, k, s, false, a, &f, 0, c);
    } else if (a->cols > HALF) {
        for (ptrdiff_t c = 0; c < whole; c += VF)
            tile(1, COLS, k, s, false, a, &f, 0, c);
    } else {
        for (ptrdiff_t c = 0; c < whole; c += VF)
            tile(1, HALF, k, s, false, a, &f, 0, c);
    }
    for (int y = 0; whole < a->n && y < a->rows; y++)
        tile(1, COLS, k, s, true, a, &f, y, whole);
}

c2_dwrow_ch_kernel C2_K(dwrow_ch);
void C2_K(dwrow_ch)(const c2_dwrow_ch_args *a)
{
    switch (10 * a->kw + a->stride) {
    case 31:
        channels(3, 1, a);
        break;
    case 32:
        channels(3, 2, a);
        break;
    case 51:
        channels(5, 1, a);
        break;
    case 52:
        channels(5, 2, a);
        break;
    case 71:
        channels(7, 1, a);
        break;
    case 72:
        channels(7, 2, a);
        break;
    default:
        channels(0, 1, a);
        break;
    }
}
