/* SPDX-License-Identifier: BSD-2-Clause
 * Argument structs of the kernels of Winograd convolution F(m,3), m = mr of the two transforms.
 *
 * Where an image ends, a tile of m = 2 or 4 may be short: `size` outputs, size < m, along y, x or
 * both, under size + 2 pixels. It takes size + 2 of the m + 2 points along that axis, the first
 * size + 1 and infinity, with the weights that whole tiles have there, and lies in the steps of
 * these points: (i, j) with i <= size or i = m + 1, and so for j.
 *
 * The last of the three taps, or the last two, may be zeros along y or x, `taps` the others. Two
 * have a weight of zero at infinity: that point is left out, and the pixel that it alone reads. One
 * tap w needs no more than the first `size` points, with the weights w, w (m = 2) or w, w, -w/3,
 * -8/3 w (m = 4) and transforms of their own; not of m = 6. */
#ifndef C2_CPU_KERNELS_WINOGRAD_H
#define C2_CPU_KERNELS_WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* wino_in: one tile of (mr + 2)^2 pixels d to B'dB, for channels in blocks of nr = VF lanes:
 *   v[i * v_row + j * v_step + block * v_block + lane]
 * Lanes beyond the channels are zeros. Pixel (i, j) begins at pixels + i * row + j * col, or, with
 * a table, at table[i * (mr + 2) + j]; its channels are neighbours. */
typedef struct c2_wino_in_args {
    const void *const *table; /* or NULL */
    const void *pixels;
    ptrdiff_t row, col; /* elements */
    int channels;       /* at least 1 */
    float *v;
    ptrdiff_t v_step, v_row, v_block; /* floats */
    bool line;                        /* a row of pixels, i = 0, to B'd */
    int size[2]; /* outputs along y (of a tile that is no line) and x: 1 .. mr */
    int taps[2]; /* 1 .. 3; with mr = 6 2 or 3 */
} c2_wino_in_args;
typedef void c2_wino_in_kernel(const c2_wino_in_args *);
typedef c2_wino_in_kernel *c2_wino_in_fn;

/* wino_gemm: out[i][j] = sum over k < klen of v[k / VF * v_block + i * VF + k % VF] * u[k * nr + j]
 * for i < m, j < n, one FMA a product, added to out[i][j] if accumulate. VF: lanes of the ISA. */
typedef struct c2_wino_gemm_args {
    const float *v;
    ptrdiff_t v_block;
    const float *u;    /* readable up to nr lanes */
    const float *next; /* weights to prefetch meanwhile, as many as u has; or NULL */
    float *out;        /* [m][nr], aligned to a vector; lanes from n on hold anything */
    int m, n, klen;    /* at least 1, 1 .. nr, at least 1 */
    bool accumulate;
} c2_wino_gemm_args;
typedef void c2_wino_gemm_kernel(const c2_wino_gemm_args *);
typedef c2_wino_gemm_kernel *c2_wino_gemm_fn;

/* wino_groups: the same of groups that have as many input as output channels, VF or a divisor of
 * it, side by side, and the sums take V's place:
 *   v[at + lane] = sum over k < klen of v[at + lane / klen * klen + k] * weight(lane, k),
 *   at = vector * v_block + i * VF, klen = VF / groups, weight = u[k * nr + vector * VF + turn]
 * for i < m and lanes of the vectors that hold the first n; turn: the lane's, or if groups > 1 its
 * place where lanes of different groups take turns, lane % klen * groups + lane / klen. in, out:
 * in[turn] = lane, out[lane] = turn. */
typedef struct c2_wino_groups_args {
    float *v;
    ptrdiff_t v_block;
    const float *u;        /* readable up to nr lanes */
    const float *next;     /* weights to prefetch meanwhile, as many as u has; or u */
    const int32_t *in, *out;
    int m, n, groups;      /* at least 1, 1 .. nr, 1, 2 or 4 in a vector */
} c2_wino_groups_args;
typedef void c2_wino_groups_kernel(const c2_wino_groups_args *);
typedef c2_wino_groups_kernel *c2_wino_groups_fn;

/* wino_out: one tile of (mr + 2)^2 products m to the mr x mr pixels A'mA, n lanes each, whole
 * vectors:
 * pixel (i, j) = y[i * row + j * col], from products m[i * m_row + j * m_step].
 * Or finished, if bias is not NULL: min(high, max(low, pixel + bias)), and nothing is written
 * beyond lane n - 1; bias -0 and infinite bounds leave a pixel as it is. */
typedef struct c2_wino_out_args {
    const float *m;
    ptrdiff_t m_step, m_row;
    float *y;
    ptrdiff_t row, col;
    const float *bias; /* n, readable up to nr */
    float low, high;
    int n;       /* 1 .. nr */
    bool line;   /* a row of products, i = 0, to pixels A'm */
    int size[2]; /* pixels along y (of a tile that is no line) and x: 1 .. mr */
    int taps[2]; /* 2 or 3: with 2 there is no product at infinity */
} c2_wino_out_args;
typedef void c2_wino_out_kernel(const c2_wino_out_args *);
typedef c2_wino_out_kernel *c2_wino_out_fn;

#endif
