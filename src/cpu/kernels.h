/* SPDX-License-Identifier: BSD-2-Clause
 * What a CPU kernel looks like: argument structs of each family, and the table built from
 * kernels.inc. Drivers (algo_*.c) read tile sizes from the table entry, never assume them.
 *
 * Names: c2_<family>_<type>_<mr>x<nr>_<isa>; type (f32, f16, bf16) is how pixels, residual and
 * output are stored. Weights, bias and sums are float32 in all of them. Families:
 *   gemm_ch  rows = pixels,          lanes = output channels (channels-last orientation)
 *   gemm_px  rows = output channels, lanes = pixels          (NCHW orientation)
 *   dot_ch, dot_px  the same two on pairs of bfloat16
 *   dot2_px, dot3_px  dot_px of float32 in two or three bfloat16 parts
 *   dot2_ch, dot3_ch  dot_ch of the same, from a panel of pixels
 *   pair     pixels of two channels as pairs; mr counts parts
 *   parts    a panel of pixels: rows of channels as pairs of mr parts; crossed: two parts of three
 *   tiles    the state of an ISA's tile registers: mr rows of nr words
 *   dw_ch    depthwise, rows = pixels,  lanes = channels
 *   dw_px    depthwise, rows = 1,       lanes = pixels
 *   grouped_ch several groups, rows = pixels, lanes = output channels
 *   grouped_px few channels a group, rows = output channels, lanes = pixels: a strip a call
 *   dwrow_ch depthwise, 3 columns or more, rows = pixels, lanes = channels, finished in registers
 *   direct_px    rows = output channels, lanes = pixels of one row: a whole strip a call, as in
 *   direct_rows  rows = output rows of one output channel, lanes = pixels
 *   direct_ch    rows = float32 pixels at one distance, lanes = output channels
 *   direct_sum   nr output channels of such rows, lanes = neighbours in a window, added up at last
 *   dwrow_px depthwise 3x3, 5x5, 7x7,   rows, lanes = pixels, finished in registers
 *   dwimg_px the same with stride 1, without a copy of the image
 *   box_down, box_across  sums of rows and of columns, the two passes of a box filter; no products
 *   epilogue bias, residual, activation, strided store of a finished tile
 *   widen    pixels of any strides and type as rows of float32 channels
 *   apart    every second or fourth float of a row
 *   wino_in, wino_gemm (wino_groups of groups side by side), wino_out  the three steps of Winograd
 *            convolution; mr of wino_in and wino_out is the m of F(m,3), mr of the others counts
 *            tiles (kernels_winograd.h)
 *   peak     independent FMAs in registers: the attainable peak
 * Every family sums in one fixed order, taps outer (ky, kx; dwrow_px, dwimg_px: kx, ky), channels
 * inner, one FMA a product, so an output element has the same bits wherever its tile lies. In
 * dot_... the second channel of a pair comes before the first, and denormals are zeros; with tile
 * registers sums are those of 16 words, their first channels and their second ones apart. In
 * direct_sum each lane has a sum of its own in that order. */
#ifndef C2_CPU_KERNELS_H
#define C2_CPU_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/problem.h"
#include "cpu/kernels_winograd.h"

/* CPU features a kernel needs; c2_machine.features has the ones found and allowed. */
enum {
    C2_CPU_AVX2 = 1u << 0,
    C2_CPU_FMA = 1u << 1,
    C2_CPU_AVX512 = 1u << 2, /* F, BW, DQ, VL */
    C2_CPU_NEON = 1u << 3,
    C2_CPU_F16C = 1u << 4,
    C2_CPU_AVX512_BF16 = 1u << 5,
    C2_CPU_AMX = 1u << 6 /* TILE and BF16, and the system's permission */
};

typedef enum c2_family {
    C2_FAMILY_GEMM_CH,
    C2_FAMILY_GEMM_PX,
    C2_FAMILY_DW_CH,
    C2_FAMILY_DW_PX,
    C2_FAMILY_GROUPED_CH,
    C2_FAMILY_GROUPED_PX,
    C2_FAMILY_DWROW_CH,
    C2_FAMILY_DIRECT_PX, C2_FAMILY_DIRECT_ROWS, C2_FAMILY_DIRECT_CH, C2_FAMILY_DIRECT_SUM,
    C2_FAMILY_DWROW_PX,
    C2_FAMILY_DWIMG_PX,
    C2_FAMILY_EPILOGUE,
    C2_FAMILY_WIDEN,
    C2_FAMILY_APART,
    C2_FAMILY_PEAK,
    C2_FAMILY_WINO_IN, C2_FAMILY_WINO_GEMM, C2_FAMILY_WINO_GROUPS, C2_FAMILY_WINO_OUT,
    C2_FAMILY_DOT_CH,
    C2_FAMILY_DOT_PX,
    C2_FAMILY_DOT2_PX, C2_FAMILY_DOT3_PX,
    C2_FAMILY_DOT2_CH, C2_FAMILY_DOT3_CH,
    C2_FAMILY_PARTS, C2_FAMILY_CROSSED,
    C2_FAMILY_PAIR,
    C2_FAMILY_BOX_DOWN, C2_FAMILY_BOX_ACROSS,
    C2_FAMILY_TILES,
    C2_N_FAMILIES
} c2_family;

/* gemm_ch: acc[i][j] (+)= sum over t < n_taps, k < klen of
 *              rows[t*mr + i][k] * weight[(t*klen + k)*nr + j]
 * for i < m, j < n. rows points at mr pointers a tap (those from m on are not read); a
 * padded pixel points at klen zeros. Or finished, if out is not NULL:
 *     out[i][at + j] = min(high, max(low, sum + bias[j]))
 * and nothing is written beyond lane n - 1. Bias -0 and infinite bounds leave a sum as it is.
 * So for n_tiles tiles of m pixels, whose tables, sums and outputs follow each other.
 *
 * dot_ch: the same of rows of bfloat16, but weights of channels 2q and 2q + 1 are one word of 32
 * bits, the even channel's in the lower half, and a tap has words = (klen + 1) / 2 of them a lane:
 *     ... rows[t*mr + i][2q + h] * half h of weight[(t*words + q)*nr + j],  h = 1, then 0
 * A row has klen channels and no more; the second half of the last word is 0 if klen is odd. With
 * tile registers, of 16 words, a tap's words are rounded up to a multiple of 16 by zeros, and sums
 * stay in acc: out is NULL. */
typedef struct c2_gemm_ch_args {
    const void *const *rows;
    int n_tiles;
    size_t tile_rows; /* pointers from a tile's table to the next one's */
    size_t n_taps, klen;
    const void *weight;
    float *acc; /* [n_tiles][m][nr], aligned; written only without out, read to accumulate */
    int m, n;   /* 1 .. mr, 1 .. nr: lanes wanted; weight is readable, acc writable, up to nr */
    bool accumulate;
    void *const *out;  /* [n_tiles][mr] pointers to pixels of the kernel's type, or NULL */
    ptrdiff_t at;      /* elements */
    const float *bias; /* nr */
    float low, high;
    bool far; /* pixels come from memory, tiles at one distance: only speed depends on it */
    bool streams; /* to float32 pixels at multiples of 64 bytes: whole vectors pass the caches */
} c2_gemm_ch_args;
typedef void c2_gemm_ch_kernel(const c2_gemm_ch_args *);
typedef c2_gemm_ch_kernel c2_dot_ch_kernel;
typedef c2_gemm_ch_kernel *c2_gemm_ch_fn;

/* What a driver does among the products of a kernel on tile registers, while vector units would be
 * idle: `pieces` calls of piece(state), or none, of some tens of cycles each. They may be left out
 * only where there are no products. */
typedef struct c2_meanwhile {
    void (*piece)(void *state);
    void *state;
    size_t pieces;
} c2_meanwhile;

/* Where the outputs of a row of tiles go. Complete sums are stored among the products of the tile
 * after theirs: out[i][j] = min(high, max(low, sum(i, j) + bias)), i < m, j < n, where out[i] is
 * not NULL; bias is bias[j] where lanes are output channels, else bias[i]. Infinite bounds change
 * nothing. */
typedef struct c2_late {
    const float *acc; /* of the tile that waits: its sums, [m][nr], */
    int first;        /* and their first lane */
    float *const *out;
    const float *bias; /* NULL: none */
    float low, high;
    int m, n;
} c2_late;

/* One tap of lanes = pixels: channel k's pixels are at pixels + k * pitch. */
typedef struct c2_tap {
    const void *pixels;
    ptrdiff_t pitch; /* elements */
} c2_tap;

/* gemm_px: acc[i][j] (+)= sum over t, k of
 *              weight[(t*klen + k)*mr + i] * taps[t].pixels[k*pitch + j]
 * for i < m, j < n. Lanes from n on are neither read from memory nor meaningful in acc.
 *
 * dot_px: the same of words, each two bfloat16 of neighbouring channels: pixels, weights and klen
 * count words; a word's upper halves are multiplied and added first. With tile registers klen is a
 * multiple of 16, and weights are, for each 16 words, mr rows of them.
 *
 * dot2_px, dot3_px: weights and pixels are sums of parts, words of each: those of part i of pixels
 * lie part_pitch * i words after the first's, weights have mr rows of 16 words for each part in
 * turn. Products of parts that together are less than 2^-16 (dot3_px: 2^-24) are left out. Of tile
 * registers n may be the lanes of several tiles, whose pixels lie tile_words apart; the sums of the
 * last stay in acc. */
typedef struct c2_gemm_px_args {
    const c2_tap *taps;
    size_t n_taps, klen;
    const void *weight;
    float *acc; /* [m][nr], aligned to a vector */
    int m, n;   /* 1 .. mr, 1 .. nr */
    bool accumulate;
    ptrdiff_t part_pitch;
    uintptr_t next; /* tile registers: what is fetched and done meanwhile, as of c2_panel_args */
    size_t next_lines;
    c2_meanwhile meanwhile;
    ptrdiff_t tile_words;
    const c2_late *late, *own; /* as of c2_panel_args */
} c2_gemm_px_args;
typedef void c2_gemm_px_kernel(const c2_gemm_px_args *);
typedef c2_gemm_px_kernel c2_dot_px_kernel, c2_dot2_px_kernel, c2_dot3_px_kernel;
typedef c2_gemm_px_kernel *c2_gemm_px_fn;

/* dw_ch: acc[i][j] (+)= sum over t < n_taps of rows[t*mr + i][offset + j] * weight[t*nr + j]
 * for i < m, j < n. Lanes from n on are not read from rows; weight is readable up to nr. */
typedef struct c2_dw_ch_args {
    const void *const *rows;
    size_t n_taps;
    ptrdiff_t offset; /* first channel of the tile, in elements */
    const float *weight;
    float *acc; /* [m][nr], 64-byte aligned */
    int m, n;   /* 1 .. mr, 1 .. nr */
    bool accumulate;
} c2_dw_ch_args;
typedef void c2_dw_ch_kernel(const c2_dw_ch_args *);
typedef c2_dw_ch_kernel *c2_dw_ch_fn;

/* dw_px: acc[j] (+)= sum over t < n_taps of weight[t] * pixels[taps[t] + j] for j < n.
 * Lanes from n on are neither read from memory nor meaningful in acc. */
typedef struct c2_dw_px_args {
    const void *pixels;
    const ptrdiff_t *taps; /* offsets in elements */
    size_t n_taps;
    const float *weight;
    float *acc; /* [nr], aligned to a vector */
    int n;      /* 1 .. nr */
    bool accumulate;
} c2_dw_px_args;
typedef void c2_dw_px_kernel(const c2_dw_px_args *);
typedef c2_dw_px_kernel *c2_dw_px_fn;

/* grouped_ch: a tile is `segments` runs of `length` neighbouring output pixels, lanes are output
 * channels of one or several groups. Taps of a kernel's row come as runs of 3 neighbours or of 1:
 *   acc[s*mr/3 + i][j] (+)= sum over t < n_runs, u < widths[t], k < klen of
 *       pixels[(t*3 + s)*C2_GROUPED_PIXELS + i*step + u][offset + lane(k, j)]
 *       * weight[((t*width + k*width) + u)*nr + j]      (widths before t added up)
 * where step is 1 for runs of 1, and lane(k, j) = spread[k*nr + j], or k if spread is NULL. With
 * spread, nr channels are read from offset on, else klen. */
enum {
    C2_GROUPED_SEGMENTS = 3,
    C2_GROUPED_PIXELS = 15 /* of a run: 7 output pixels, stride 2, 3 taps */
};
/* Where a tile is finished at once: out = min(high, max(low, acc + bias)), all nr channels of the
 * first count[s] pixels of segment s. No bias is -0 in all lanes. */
typedef struct c2_grouped_out {
    void *pixels[C2_GROUPED_SEGMENTS];
    int count[C2_GROUPED_SEGMENTS];
    ptrdiff_t stride; /* of pixels, in elements */
    const float *bias;
    float low, high;
} c2_grouped_out;
typedef struct c2_grouped_ch_args {
    const void *const *pixels; /* [n_runs][3][C2_GROUPED_PIXELS] */
    const uint8_t *widths;     /* [n_runs], 1 or 3 */
    size_t n_runs, klen;
    int step;         /* 1 or 2 */
    ptrdiff_t offset; /* elements */
    const int32_t *spread;
    const float *weight;
    float *acc;                /* [mr][nr], 64-byte aligned */
    const c2_grouped_out *out; /* NULL: sums are left in acc; else acc may be read, not written */
    int segments, length;      /* 2 .. 3, mr/3 - 3 .. mr/3 */
    bool accumulate;
} c2_grouped_ch_args;
typedef void c2_grouped_ch_kernel(const c2_grouped_ch_args *);
typedef c2_grouped_ch_kernel *c2_grouped_ch_fn;
/* grouped_px: m output channels of a group, in a strip of output pixels, finished:
 *     out[i][y][x] = min(high, max(low, sum + bias[i] + residual[i][y][x]))
 *     sum = sum over ky, kx, then c < channels, of weight[((ky*kw + kx)*channels + c)*mr + i] *
 *           pixels[c][y*step_y - top + ky*tap_row][x*step - left] offset[ky*kw + kx] on
 * for i < m, y rows from `y` on, x columns from `x` on. Pixels outside the image are neither read
 * nor, where a whole row of them is, multiplied, else they count as zeros; nothing beyond the last
 * column is written. A row that is no multiple of a vector of VF lanes ends with one that begins
 * earlier if the strip has so many columns and there is no residual.
 * live tells which columns are in the image: bit j of live[phase][tap] for lane j of a vector; with
 * step 2, of live[phase][tap][0] for pixel j from the vector's first on, [1] for pixel VF + j.
 * Vectors of a row have phases one after the other, from `phase` on; one that begins earlier has
 * last_phase.
 * flat: where rows of input and output both have as many pixels and no gaps, an image is one row
 * (y 0, rows 1, step and step_y 1) and vectors go on from one row to the next: x counts lanes from
 * the image's first, and live tells of rows as well. */
typedef struct c2_grouped_px_args {
    const void *pixels;     /* the image's first pixel of the group's first channel */
    ptrdiff_t channel, row; /* elements from one to the next */
    size_t channels;
    ptrdiff_t h; /* rows of the image */
    int kh, kw;
    int step;                              /* 1 or 2 */
    ptrdiff_t step_y, tap_row; /* the latter: rows from one row of taps to the next */
    const ptrdiff_t *offset;   /* of a tap's pixels, in elements */
    ptrdiff_t top, left;                   /* padding */
    ptrdiff_t phase, last_phase;
    const uint32_t *live;
    bool flat;
    ptrdiff_t y, rows, x, cols; /* rows, cols >= 1 */
    int m;                      /* 1 .. mr */
    const float *weight, *bias; /* bias: m, -0 for none */
    const void *residual;       /* or NULL; as out, at output pixel (0, 0) of the first channel */
    ptrdiff_t residual_channel, residual_row;
    void *out; /* columns of out and residual follow each other */
    ptrdiff_t out_channel, out_row;
    float low, high; /* infinite = neither */
    bool sums;       /* out takes bare sums as float32, whatever the type, of the strip alone: its
                        first pixel's at out */
} c2_grouped_px_args;
typedef void c2_grouped_px_kernel(const c2_grouped_px_args *);
typedef c2_grouped_px_kernel *c2_grouped_px_fn;

/* dwrow_ch: rows x cols output pixels, all of a tile's first row or its first two, by n channels:
 *     out[y][x][j] = clamp(sum over ky < kh, kx < kw of
 *                          pixel[j] row[y*stride + ky - row_begin] + col[x*stride + kx] bytes on *
 *                          weight[((j / lanes * kh + ky)*kw + kx)*lanes + j % lanes]
 *                          + bias[j] + residual[y][x][j])
 * Input rows, y*stride + ky, before row_begin and from row_end on are padding, left out, and so are
 * columns with a negative col, or they are zeros: weights are finite. Columns of a full tile are
 * read, kw + 6*stride of them. Bias, residual and out are stored like pixels. Tile i of several
 * reads pixels i * next bytes on; its outputs and residuals are 7*i columns on. */
typedef struct c2_dwrow_ch_args {
    const void *pixels;
    const ptrdiff_t *row, *col;
    const float *weight; /* readable up to whole vectors */
    int kh, kw, stride;  /* kw 3, 5 or 7 with stride 1 or 2; or kw >= 6 with 1 */
    int row_begin, row_end;      /* within 0 .. (rows - 1)*stride + kh */
    int col_begin, col_end;      /* likewise of columns: all others are padding */
    ptrdiff_t col_step;  /* 0, or: columns lie so many bytes apart, padded ones are those that */
    ptrdiff_t col_first; /* col_begin and col_end leave out, and this is where column 0 would be */
    int rows, cols;              /* 1 .. mr / 7, 1 .. 7 */
    int tiles;                   /* more than one: of 7 columns, no sums */
    int n;                       /* channels */
    float low, high;             /* max(low, x), then min(high, x); infinite = neither */
    const void *bias, *residual; /* or NULL */
    ptrdiff_t residual_row, residual_col;
    void *out;
    ptrdiff_t out_row, out_col, next; /* elements; next: bytes */
    bool streams, far; /* as in c2_gemm_ch_args; the next tile's pixels are fetched from memory */
    float *sums; /* or NULL: bare sums, sums[(y*cols + x)*sums_pitch + j], whole vectors */
    ptrdiff_t sums_pitch;
} c2_dwrow_ch_args;
typedef void c2_dwrow_ch_kernel(const c2_dwrow_ch_args *);
typedef c2_dwrow_ch_kernel *c2_dwrow_ch_fn;

/* A strip of output pixels, finished: out = min(high, max(low, sum + bias)), any number of lanes.
 * direct_px: channel i of one output row,
 *     sum[i][j] = sum over k < n_offsets of weight[k*mr + i] * pixels[offset[k] + j]
 * and direct_rows: output row i of one channel, where input row r lies at row_offset[r],
 *     sum[i][j] = sum over ky < kh with row_begin <= i*step + ky < row_end, then k < n_offsets, of
 *         weight[ky*n_offsets + k] * pixels[row_offset[i*step + ky] + offset[k] + j]
 * for i < m, j < n; stored at out[i*out_pitch + j]. Nothing beyond lane n - 1 is read or written.
 * bias -0 and infinite bounds leave every sum as it is. direct_ch: channel i < m <= nr of pixel j,
 *     out[j*out_pitch + i] = the same of the sum over t < n_offsets, then k < klen, of
 *         weight[(t*klen + k)*width + i] * pixels[offset[t] + j*pitch + k]
 * and direct_sum: out[j*m + i] = the sum over lanes l, in pairs of neighbours, of that over t, then
 *     k = l modulo the lanes, of the same pixels times weight[(i*n_offsets + t)*klen + k] */
typedef struct c2_direct_args {
    const void *pixels;
    const ptrdiff_t *offset; /* elements */
    size_t n_offsets, klen;  /* klen to fetches (streams as in c2_gemm_ch_args): direct_ch; */
    ptrdiff_t pitch, width;  /* weight and bias are readable up to width, whole vectors >= m */
    bool streams, fetches;   /* outputs lie far away: the next ones are fetched meanwhile */
    const ptrdiff_t *row_offset; /* direct_rows: (m - 1) * step + kh of them, elements */
    ptrdiff_t kh, step, row_begin, row_end; /* direct_rows: step >= 1; rows that are not padding */
    const float *weight;
    const float *bias; /* direct_px: m; direct_rows: one; direct_ch: width, or NULL */
    float low, high;
    void *out; /* may not overlap pixels */
    ptrdiff_t out_pitch, n;
    int m;     /* 1 .. mr; direct_ch, direct_sum: 1 .. nr */
    bool sums; /* out takes the sums as float32, without bias and bounds, whatever the type */
} c2_direct_args;
typedef void c2_direct_kernel(const c2_direct_args *);
typedef c2_direct_kernel c2_direct_px_kernel, c2_direct_rows_kernel, c2_direct_ch_kernel,
    c2_direct_sum_kernel;
typedef c2_direct_kernel *c2_direct_fn;
/* dwrow_px: first copies copy_rows x copy_cols pixels from image to copy_to, rows `pitch` floats
 * apart, if phase is not 0 even columns to copy_to and odd ones copy_odd floats later; each row
 * with zeros up to a whole vector. Then, from the window as it is (its padding is the caller's),
 *     out[y][x] = clamp(sum over kx, ky < k of
 *                           weight[ky*k + kx] * window[row + ky][x + kx * dilation]
 *                       + bias[0] + residual[y][x])            for y < rows, x < cols
 * where row = y * step, rows are tap_pitch floats apart, and, if phase is not 0, pixel x*2 + kx is
 * at phase * (kx % 2) + x + kx / 2.
 * two_rows: window rows are half a vector, step is 2 and stands for one row down in each half:
 * vector v has rows 2v and 2v + 1, cols is half a vector at most. Whole vectors are read from the
 * window: rows and lanes that nobody asked for must exist. */
typedef struct c2_dwrow_px_args {
    const void *image;
    ptrdiff_t image_row; /* elements */
    float *copy_to;
    ptrdiff_t copy_odd;
    int copy_rows, copy_cols; /* 0 rows: nothing is copied */
    const float *window;
    ptrdiff_t pitch, phase;
    ptrdiff_t tap_pitch, dilation; /* dilation counts where phase is 0 */
    const float *weight;
    int k, step; /* 3, 5 or 7; 1 or 2, with phase 2 */
    bool two_rows;
    int rows, cols;              /* 0 rows: nothing is computed */
    float low, high;             /* as dwrow_ch's */
    const void *bias, *residual; /* of the channel; or NULL */
    ptrdiff_t residual_row;
    void *out; /* columns of out and residual follow each other */
    ptrdiff_t out_row;
    /* If not NULL: bare sums, sums[y*sums_pitch + x], whole vectors of them. */
    float *sums;
    ptrdiff_t sums_pitch;
} c2_dwrow_px_args;
typedef void c2_dwrow_px_kernel(const c2_dwrow_px_args *);
typedef c2_dwrow_px_kernel *c2_dwrow_px_fn;
/* dwimg_px: for c < channels, y < rows, x < cols,
 *     out[c][y][x] = clamp(sum over kx, ky < k of
 *                              weight[(c*k + ky)*k + kx] * pixel[c][y + ky][left + x + kx*dilation]
 *                          + bias[c] + residual[c][y][x])
 * where pixel[c][row_begin][0] is image[c*image_channel]. Rows before row_begin and from row_end on
 * are padding and left out; columns below 0 and from `width` on are padding and count as zeros.
 * No pixels but these are read.
 * period: or 0. Of one channel whose columns take turns: weight and bias of column x are
 *     weight[(ky*k + kx)*(period + C2_DWIMG_REPEATED) + turn] and bias[turn]
 * with turn = (first + x) % period; those of the first columns are repeated after the last,
 * C2_DWIMG_REPEATED of them.
 * two_rows: a vector has two rows of cols lanes. image_row, out_row and residual_row are cols, and
 * so much is at most half a vector; sums is NULL, period 0. */
enum { C2_DWIMG_REPEATED = 15 }; /* lanes of the widest vector, less one */
typedef struct c2_dwimg_px_args {
    const void *image;
    ptrdiff_t image_row, image_channel; /* elements, as all strides here */
    ptrdiff_t fetch; /* from pixels of a call to those to be fetched into the cache; or 0 */
    int row_begin, row_end;             /* within 0 .. rows + k - 1; both 0 if there are none */
    ptrdiff_t left, width;
    const float *weight;
    int period, first;  /* first < period, or both 0 */
    int k;              /* 3, 5 or 7 */
    ptrdiff_t dilation; /* of columns */
    bool two_rows;
    int channels, rows, cols;    /* all at least 1 */
    float low, high;             /* as dwrow_ch's */
    const void *bias, *residual; /* or NULL; residual may be out */
    ptrdiff_t residual_row, residual_channel;
    void *out; /* columns of out and residual follow each other */
    ptrdiff_t out_row, out_channel;
    /* If not NULL: bare sums of one channel, sums[y*sums_pitch + x], whole vectors of them. */
    float *sums;
    ptrdiff_t sums_pitch;
    ptrdiff_t fetch_out; /* as fetch, of outputs that are to be written; or 0 */
} c2_dwimg_px_args;
typedef void c2_dwimg_px_kernel(const c2_dwimg_px_args *);
typedef c2_dwimg_px_kernel *c2_dwimg_px_fn;

/* box_down: out[i*out_pitch + j] = sum over r < kh of rows[i + r][at + j] for i < mr, j < n. A row
 * that is NULL counts as zeros. Bits depend on which rows are one call's; kh is at least mr. */
enum { C2_BOX_ROWS = 8 }; /* mr of every instruction set */
typedef struct c2_box_down_args {
    const float *const *rows; /* mr - 1 + kh */
    ptrdiff_t kh, at, n;
    float *out;
    ptrdiff_t out_pitch;
} c2_box_down_args;
typedef void c2_box_down_kernel(const c2_box_down_args *);
typedef c2_box_down_kernel *c2_box_down_fn;

/* box_across: for j < n,
 *     out[j] = min(high, max(low, weight * (sum over k < kw of row[j + k*distance]) + 0 + bias))
 * Whole vectors of the row are read, and of room written: as many rows as 2 goes into
 * kw one after the other, each with space for all lanes read. */
typedef struct c2_box_across_args {
    const float *row;
    ptrdiff_t kw, distance, n;
    float *room;
    ptrdiff_t room_pitch;
    float weight, bias, low, high; /* bias -0 and infinite bounds change nothing */
    float *out;
} c2_box_across_args;
typedef void c2_box_across_kernel(const c2_box_across_args *);
typedef c2_box_across_kernel *c2_box_across_fn;

/* Epilogue of one tile: out = activation(acc + bias + residual), any strides of out and residual.
 * In order: bias added first, then residual, then activation, then rounding to the type. */
typedef struct c2_epilogue_args {
    const float *acc; /* [rows][acc_stride] */
    ptrdiff_t acc_stride;
    int rows, cols;
    const float *bias_row; /* one a row, or NULL */
    const float *bias_col; /* one a column, or NULL */
    const void *residual;  /* element (0, 0), or NULL; strides below, in elements */
    ptrdiff_t residual_row_stride, residual_col_stride;
    void *out;
    ptrdiff_t out_row_stride, out_col_stride;
    const c2_post *activation; /* NULL = none */
} c2_epilogue_args;
typedef void c2_epilogue_kernel(const c2_epilogue_args *);
typedef c2_epilogue_kernel *c2_epilogue_fn;

/* widen: to[i*to_stride + c] = from[i*pixel_stride + c*channel_stride] for i < n_pixels,
 * c < n_channels; nothing between them is written. Strides in elements. */
typedef struct c2_widen_args {
    const void *from;
    ptrdiff_t pixel_stride, channel_stride;
    float *to;
    ptrdiff_t to_stride;
    int n_pixels, n_channels;
} c2_widen_args;
typedef void c2_widen_kernel(const c2_widen_args *);
typedef c2_widen_kernel *c2_widen_fn;

/* apart: to[j][i] = from[i*step + j] for i < n, j < step; where to[j] is not NULL. */
typedef struct c2_apart_args {
    const float *from;
    ptrdiff_t n;
    int step;     /* 2 or 4 */
    float *to[4]; /* may not overlap from */
} c2_apart_args;
typedef void c2_apart_kernel(const c2_apart_args *);
typedef c2_apart_kernel *c2_apart_fn;

/* pair: to[j] = a[j] in the lower half, b[j] (0 without b) in the upper half, for j < n; of part i
 * of the numbers (parts.h) at to[part_pitch*i + j]. So for each of `rows` rows, of which a and b
 * lie `step` elements after the one before, and words to_step words. */
typedef struct c2_pair_args {
    const void *a, *b; /* b may be NULL */
    uint32_t *to;
    int64_t n;
    ptrdiff_t part_pitch;
    int64_t rows;
    ptrdiff_t step, to_step;
} c2_pair_args;
typedef void c2_pair_kernel(const c2_pair_args *);
typedef c2_pair_kernel *c2_pair_fn;

/* parts: row i's `run` channels as words of neighbouring two, 16 words a step, those of step s and
 * part j at to[s*step_pitch + j*part_pitch + i*row_pitch]; zeros fill the last step up. *special,
 * if there is one, becomes true where a number is not finite, or would not be once rounded.
 * crossed: of 16 channels or fewer, 8 words each of parts 1, 0, 0, 2 from to[i*row_pitch] on. */
typedef struct c2_parts_args {
    const void *const *rows; /* m of them */
    int m;
    size_t run;
    uint32_t *to; /* at a multiple of 64 bytes */
    ptrdiff_t step_pitch, part_pitch, row_pitch;
    bool *special;
} c2_parts_args;
typedef void c2_parts_kernel(const c2_parts_args *), c2_crossed_kernel(const c2_parts_args *);
typedef c2_parts_kernel *c2_parts_fn;

/* dot2_ch, dot3_ch: tiles of mr pixels by nr output channels, in steps of 16 words k. Pixels' words
 * lie anywhere, those of 16 pixels `row` bytes apart:
 *     x(i, s, u, k) = word k behind pixels[i / 16] + i % 16 * row + at(s) + u * part
 *     acc[i][j] (+)= sum over steps s, words k, parts u of pixels, v of weights of
 *         x(i, s, u, k) * weight[((s*16 + k) * parts + v)*nr + j]
 * for i < m, j < n; products of parts are left out and words summed as in dot3_px. Several tiles of
 * output channels, n of all, have their weights tile_words apart; the sums of the last stay in
 * acc. */
typedef struct c2_panel_args {
    const void *pixels[2];
    ptrdiff_t row, part, step, out_row; /* bytes */
    const ptrdiff_t *steps;             /* at(s) = steps[s]; or NULL: s * step */
    const uint32_t *weight;
    size_t n_steps;
    float *acc; /* [mr][nr], aligned */
    int m, n;   /* m: a multiple of 16; acc is written, weight read, in multiples of 16 lanes */
    bool accumulate; /* one tile only */
    ptrdiff_t tile_words;
    /* Stored meanwhile: what waits since the call before, whose sums may be where acc is if this
     * one does not add to them, or NULL; and all tiles of this one but the last, or NULL for one
     * tile. */
    const c2_late *late, *own;
    /* Addresses of what is fetched meanwhile, or no one's, during each product of parts: lines of
     * 64 bytes; and rows of two of them, out_row bytes apart, which will be written. */
    uintptr_t next, out;
    size_t next_lines, out_rows;
    c2_meanwhile meanwhile;
} c2_panel_args;
typedef void c2_panel_kernel(const c2_panel_args *);
typedef c2_panel_kernel c2_dot2_ch_kernel, c2_dot3_ch_kernel;
typedef c2_panel_kernel *c2_panel_fn;

/* tiles: begin = before a thread's first kernel of the ISA, or else after the last. */
typedef void c2_tiles_kernel(bool begin);
typedef c2_tiles_kernel *c2_tiles_fn;

/* rounds of 2 * mr * nr flops each (mr rows of nr lanes of independent FMAs). */
typedef void c2_peak_kernel(size_t rounds);
typedef c2_peak_kernel *c2_peak_fn;

typedef void (*c2_any_fn)(void);

typedef struct c2_kernel {
    const char *name;        /* "gemm_ch_f32_12x32_avx512" */
    const char *variant;     /* the same for all types, "gemm_ch_12x32_avx512" */
    const char *family_name; /* "gemm_ch" */
    const char *isa;         /* "avx512" */
    c2_family family;
    int32_t dtype; /* conv2d_dtype of its type */
    int mr, nr;
    int lanes;     /* floats of the instruction set's vector */
    uint32_t need; /* features; all must be present */
    c2_any_fn fn;  /* cast to the family's type */
} c2_kernel;

/* bfloat16 parts that a dot_... kernel multiplies for each number; 0 of other families. */
static inline int c2_kernel_parts(const c2_kernel *k)
{
    switch (k->family) {
    case C2_FAMILY_DOT_CH:
    case C2_FAMILY_DOT_PX: return 1;
    case C2_FAMILY_DOT2_PX:
    case C2_FAMILY_DOT2_CH: return 2;
    case C2_FAMILY_DOT3_PX:
    case C2_FAMILY_DOT3_CH: return 3;
    default: return 0;
    }
}
/* Words of a row of the ISA's tile registers, by which its kernels step; 1 without any. */
int c2_kernel_unit(const c2_kernel *kernel);
/* The ISA whose helpers do for kernels of an ISA that only adds to it. */
const char *c2_kernel_base(const c2_kernel *kernel);

/* All kernels of the build, in the order of kernels.inc: within a family the best ISA first. */
extern const c2_kernel c2_kernels[];
extern const int c2_n_kernels;

#endif
