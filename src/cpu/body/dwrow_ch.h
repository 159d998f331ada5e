/* SPDX-License-Identifier: BSD-2-Clause
 * dwrow_ch: depthwise, lanes = channels, kernels 3, 5 or 7 wide with stride 1 or 2 along x. A tile
 * is one or two output rows of COLS pixels by one vector of channels, all of it in registers: each
 * pixel of an input row is loaded once and serves every tap and both rows. Bias, residual and clamp
 * are done in registers as well. mr = 7 or 14 pixels; with 14, and stride 1, two rows. */
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

/* Two rows share what is loaded: all of it first. */
C2_ALWAYS_INLINE void load_row(const int cols, const int k, const int s, const bool tail,
                               const px *p, const ptrdiff_t *at, int n, vf in[])
{
    C2_UNROLL
    for (int j = 0; j < s * (cols - 1) + k; j++)
        in[j] = vf_keep(get(tail, at_byte(p, at[j]), n));
}

C2_ALWAYS_INLINE void add_row(const int cols, const int k, const int s, const float *w,
                              const vf in[], vf acc[])
{
    C2_UNROLL
    for (int kx = 0; kx < k; kx++) {
        const vf b = vf_keep(vf_load(w + kx * VF));
        C2_UNROLL
        for (int x = 0; x < cols; x++)
            acc[x] = vf_fma(in[x * s + kx], b, acc[x]);
    }
}

/* A pixel at a time, added wherever it belongs: one row's weights and one pixel in registers. Each
 * output still gets its taps from left to right. */
C2_ALWAYS_INLINE void stream_row(const int cols, const int k, const int s, const bool tail,
                                 const px *p, const ptrdiff_t *at, int n, const float *w, vf acc[])
{
    vf b[7];
    C2_UNROLL
    for (int kx = 0; kx < k; kx++)
        b[kx] = vf_keep(vf_load(w + kx * VF));
    C2_UNROLL
    for (int j = 0; j < s * (cols - 1) + k; j++) {
        const vf x = vf_keep(get(tail, at_byte(p, at[j]), n));
        C2_UNROLL
        for (int kx = 0; kx < k; kx++) {
            const int column = (j - kx) / s;
            if (j >= kx && column * s == j - kx && column < cols)
                acc[column] = vf_fma(x, b[kx], acc[column]);
        }
    }
}

C2_ALWAYS_INLINE void store(const int rows, const int cols, const bool tail,
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
            else
                px_store(out + x * a->out_col, v);
        }
    }
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
    const int kh = a->kh, n = a->n - (int)c;
    const px *p = (const px *)a->pixels + c;
    const ptrdiff_t *at = a->offsets + first * a->offsets_pitch;
    const float *w = a->weight + c * kh * k;
    if (rows == 1) {
        for (int ky = 0; ky < kh; ky++, at += a->offsets_pitch, w += k * VF)
            stream_row(cols, k, s, tail, p, at, n, w, acc[0]);
    } else {
        for (int i = 0; i < kh + 1; i++, at += a->offsets_pitch, w += k * VF) {
            vf in[2 * COLS + 5];
            load_row(cols, k, s, tail, p, at, n, in);
            if (i < kh)
                add_row(cols, k, s, w, in, acc[0]);
            if (i > 0)
                add_row(cols, k, s, w - k * VF, in, acc[ROWS - 1]);
        }
    }
    store(rows, cols, tail, a, f, first, c, acc);
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
    default:
        channels(7, 2, a);
        break;
    }
}
