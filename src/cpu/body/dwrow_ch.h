/* SPDX-License-Identifier: BSD-2-Clause
 * dwrow_ch: depthwise, lanes = channels, kernels 3, 5 or 7 wide with stride 1 or 2 along x, and any
 * wider with stride 1. A tile is one or two output rows of COLS pixels by one vector of channels,
 * all of it in registers: each pixel of an input row is loaded once and serves every tap and both
 * rows; of a wider kernel once for each piece of 3, 5 or 7 taps. Bias, residual and clamp are done
 * in registers as well. mr = 7 or 14 pixels; with 14 two rows. */
#include <math.h>

#include "cpu/body/body.h"

enum { COLS = 7, ROWS = C2_MR / COLS, HALF = 4, LINE = 64 / sizeof(px) };
_Static_assert(C2_MR % COLS == 0 && ROWS <= 2 && C2_NR == VF, "a row or two of seven pixels");

/* What all lanes of a call are finished with. */
typedef struct finish {
    vf low, high;
    bool bounded; /* bounds cost time of the units that FMAs need */
} finish;

/* Where a tile's first pixel, output and residual (or NULL) of channel 0 are. */
typedef struct place {
    const px *pixels, *residual;
    px *out;
} place;

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

/* No residual: what a store depends on is read before the first one, as far as the compiler knows
 * each may change it, and nothing but the number of columns is asked between them. */
C2_ALWAYS_INLINE void store_plain(const int rows, const int cols, const bool tail,
                                  const bool streams, const bool bounded,
                                  const c2_dwrow_ch_args *a, const finish *f, px *out,
                                  ptrdiff_t c, vf acc[ROWS][COLS])
{
    const int n = a->n - (int)c, n_cols = a->cols;
    const vf low = f->low, high = f->high;
    const vf bias = a->bias ? get(tail, (const px *)a->bias + c, n) : vf_set1(-0.0f);
    const ptrdiff_t row = a->out_row, col = a->out_col;
    px *line = out + c;
    C2_UNROLL
    for (int y = 0; y < rows; y++, line += row) {
        px *to = line;
        C2_UNROLL
        for (int x = 0; x < cols; x++, to += col) {
            if (__builtin_expect(x >= n_cols, 0))
                continue;
            vf v = vf_add(acc[y][x], bias);
            if (bounded)
                v = vf_min(high, vf_max(low, v));
            if (tail)
                px_store_n(to, v, n);
            else if (streams)
                px_stream(to, v);
            else
                px_store(to, v);
        }
    }
}

C2_ALWAYS_INLINE void store_sums(const int rows, const int cols, const c2_dwrow_ch_args *a,
                                 ptrdiff_t c, vf acc[ROWS][COLS])
{
    const ptrdiff_t pitch = a->sums_pitch;
    const int n_cols = a->cols;
    float *out = a->sums + c;
    C2_UNROLL
    for (int y = 0; y < rows; y++, out += n_cols * pitch) {
        float *to = out;
        C2_UNROLL
        for (int x = 0; x < cols; x++, to += pitch) {
            if (__builtin_expect(x >= n_cols, 0))
                continue;
            vf_store(to, acc[y][x]);
        }
    }
}

/* A row of sums, with a residual, which may be the output. Not inlined: there are many tiles. */
static __attribute__((noinline)) void store_row(const c2_dwrow_ch_args *a, const finish *f,
                                                const float *sums, ptrdiff_t c,
                                                const px *residual, px *out)
{
    const int n = a->n - (int)c;
    const bool tail = n < VF;
    for (int x = 0; x < a->cols; x++, out += a->out_col, residual += a->residual_col) {
        vf v = vf_load(sums + x * VF);
        if (a->bias)
            v = vf_add(v, get(tail, (const px *)a->bias + c, n));
        v = vf_min(f->high, vf_max(f->low, vf_add(v, get(tail, residual, n))));
        if (tail)
            px_store_n(out, v, n);
        else if (a->streams)
            px_stream(out, v);
        else
            px_store(out, v);
    }
}

C2_ALWAYS_INLINE void store(const int rows, const int cols, const bool tail,
                            const c2_dwrow_ch_args *a, const finish *f, const place *at,
                            ptrdiff_t c, vf acc[ROWS][COLS])
{
    if (a->sums) {
        store_sums(rows, cols, a, c, acc);
    } else if (at->residual) {
        float sums[COLS * VF];
        C2_UNROLL
        for (int y = 0; y < rows; y++) {
            C2_UNROLL
            for (int x = 0; x < cols; x++)
                vf_store(sums + x * VF, acc[y][x]);
            store_row(a, f, sums, c, at->residual + y * a->residual_row + c,
                      at->out + y * a->out_row + c);
        }
    } else if (!tail && a->streams) {
        store_plain(rows, cols, false, true, true, a, f, at->out, c, acc);
    } else if (tail || f->bounded) {
        store_plain(rows, cols, tail, false, true, a, f, at->out, c, acc);
    } else {
        store_plain(rows, cols, false, false, false, a, f, at->out, c, acc);
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
        add_row(rows, cols, k, s, tail, p, a->col, n, w, s * k * VF, acc);
    else
        add_wide_row(rows, cols, tail, a, p, n, w, acc);
}

/* Vectors of pixels that are no whole lines lie in two, for which their stores, unlike others, ask
 * only when their turn comes: ask for the second one, the vector before had the first. */
C2_ALWAYS_INLINE void expect_output(const int rows, const int cols, const c2_dwrow_ch_args *a,
                                    const px *first, ptrdiff_t c)
{
    const int n_cols = a->cols;
    const ptrdiff_t col = a->out_col;
    const px *out = first + c + VF - 1;
    if (col * (ptrdiff_t)sizeof *out % 64 == 0)
        return;
    C2_UNROLL
    for (int y = 0; y < rows; y++, out += a->out_row) {
        C2_UNROLL
        for (int x = 0; x < cols; x++) {
            if (__builtin_expect(x >= n_cols, 0))
                continue;
            __builtin_prefetch(out + x * col, 1);
        }
    }
}

/* Pixels of the next tile to the right, those that this one does not read. An address that is no
 * one's does no harm. */
C2_ALWAYS_INLINE void expect_input(const int cols, const int k, const int s,
                                   const c2_dwrow_ch_args *a, const px *pixels, int end)
{
    for (int ky = a->row_begin; ky < end; ky++) {
        const px *p = at_byte(pixels, a->row[ky - a->row_begin] + a->next);
        C2_UNROLL
        for (int j = k - s; j < k - s + s * cols; j++)
            __builtin_prefetch(at_byte(p, a->col[j]));
    }
}

C2_ALWAYS_INLINE void tile(const int rows, const int cols, const int k, const int s,
                           const bool tail, const c2_dwrow_ch_args *a, const finish *f,
                           const place *at, ptrdiff_t c)
{
    vf acc[ROWS][COLS];
    C2_UNROLL
    for (int y = 0; y < rows; y++) {
        C2_UNROLL
        for (int x = 0; x < cols; x++)
            acc[y][x] = vf_zero();
    }
    if (!tail && !a->sums)
        expect_output(rows, cols, a, at->out, c);
    const int kh = a->kh, kw = k ? k : a->kw, n = a->n - (int)c;
    const px *pixels = at->pixels + c;
    const float *weight = a->weight + c * kh * kw;
    const int last = kh + (rows - 1) * s, end = a->row_end < last ? a->row_end : last;
    if (k && a->far && c % LINE == 0)
        expect_input(cols, k, s, a, pixels, end);
    /* ky: of the first output row; the second's is ky - s. */
    for (int ky = a->row_begin; ky < end; ky++) {
        const px *p = at_byte(pixels, a->row[ky - a->row_begin]);
        const float *w = weight + ky * kw * VF;
        if (ky >= kh && ky < s)
            continue; /* between their windows */
        if (rows > 1 && ky >= s && ky < kh)
            add_any(rows, cols, k, s, tail, a, p, n, w, acc);
        else if (ky < kh)
            add_any(1, cols, k, s, tail, a, p, n, w, acc);
        else
            add_any(1, cols, k, s, tail, a, p, n, w - s * kw * VF, acc + rows - 1);
    }
    store(rows, cols, tail, a, f, at, c, acc);
}

/* Columns at either end of a whole tile that may be padding where its kernel is `same`. */
C2_ALWAYS_INLINE int edge_of(const int k) { return k / 2; }
C2_ALWAYS_INLINE int columns_of(const int k, const int s) { return s * (COLS - 1) + k; }

/* Of the outer columns of an input row lanes that are read, 0 where they are padding. */
typedef struct edges {
    int left[3], right[3];
} edges;

C2_ALWAYS_INLINE edges edges_of(const int k, const int s, const c2_dwrow_ch_args *a, int n)
{
    const int right = columns_of(k, s) - edge_of(k);
    edges e = {{0}, {0}};
    C2_UNROLL
    for (int j = 0; j < edge_of(k); j++) {
        e.left[j] = j < a->col_begin ? 0 : n;
        e.right[j] = right + j < a->col_end ? n : 0;
    }
    return e;
}

typedef enum kind { NONE, INSIDE, PADDED } kind;

/* Whether whole rows of sums of a whole tile are finished, pixels of all taps at one distance; and
 * whether some rows, or columns at one end, are padding. At both ends products with zeros cost more
 * than questions (7 pixels wide, 5 x 5: a third). */
C2_ALWAYS_INLINE kind kind_of(const int k, const int s, const c2_dwrow_ch_args *a)
{
    const int begin = a->col_begin, end = columns_of(k, s) - a->col_end;
    if (a->col_step == 0 || a->kh != k || a->cols != COLS || a->sums || a->residual || a->streams ||
        a->far || begin > edge_of(k) || end > edge_of(k) || (begin > 0 && end > 0))
        return NONE;
    const bool all_rows = a->row_begin == 0 && a->row_end >= k + (a->rows - 1) * s;
    return begin == 0 && end == 0 && all_rows ? INSIDE : PADDED;
}

/* Row ky of the weights of a vector of channels. */
C2_ALWAYS_INLINE void get_weights(const int k, int ky, const float *w, vf *b)
{
    C2_UNROLL
    for (int kx = 0; kx < k; kx++)
        b[kx] = vf_keep(vf_load(w + (ky * k + kx) * VF));
}

/* Column j of an input row. */
C2_ALWAYS_INLINE vf get_pixel(const int k, const int s, const bool padded, const bool tail, int j,
                              const px *p, const edges *e, int n)
{
    const int right = j - columns_of(k, s) + edge_of(k);
    if (padded && j < edge_of(k))
        return px_load_n(p, e->left[j]);
    return padded && right >= 0 ? px_load_n(p, e->right[right]) : get(tail, p, n);
}

/* Clang, left alone, adds a tile's products up in an order of its own and spills (7 x 7 508 to 357
 * cycles a tile); GCC copies each sum that it must keep. */
C2_ALWAYS_INLINE vf in_turn(vf sum)
{
#if defined(__clang__)
    return vf_keep(sum);
#else
    return sum;
#endif
}

/* What a pixel, column j of an input row, adds to a row of sums. */
C2_ALWAYS_INLINE void add_pixel(const int k, const int s, int j, vf x, const vf *b, vf *acc)
{
    C2_UNROLL
    for (int kx = 0; kx < k; kx++) {
        const int column = (j - kx) / s;
        if (j >= kx && column * s == j - kx && column < COLS)
            acc[column] = in_turn(vf_fma(x, b[kx], acc[column]));
    }
}

/* What tile() does to such rows of COLS pixels, from channel c on, with nothing asked or read again
 * between vectors, and pointers to every third pixel: half the instructions for 3 x 3, where they
 * are the bound (Zen 3, one row: 25.5 to 16.5 ns a tile, 5 x 5 46 to 40; Zen 5, two: 144@56 62 to
 * 56 us). Padded columns are read as zeros, which costs their products, but no question a pixel:
 * branches not taken use a port of the FMAs (Granite Rapids, in L1: 5 x 5 with stride 2 286 to 254
 * cycles a tile, 3 x 3 162 to 115). */
C2_ALWAYS_INLINE void inside(const int rows, const int k, const int s, const bool padded,
                             const bool tail, const c2_dwrow_ch_args *a, const finish *f,
                             const place *at, ptrdiff_t c)
{
    enum { APART = 3, MOST = 7 };
    const bool kept = s == 1 || k == 3; /* registers hold weights until the second row has them */
    const ptrdiff_t step = a->col_step, out_col = a->out_col, out_row = a->out_row;
    const ptrdiff_t *row = a->row;
    /* Column 0 may be padding, nowhere: an address, not a pointer. */
    const uintptr_t first = (uintptr_t)at->pixels + (uintptr_t)a->col_first;
    const px *pixels = (const px *)first + c, *bias = a->bias;
    const float *w = a->weight + c * k * k;
    px *out = at->out + c;
    const int begin = a->row_begin, end = a->row_end;
    const edges e = edges_of(k, s, a, tail ? a->n - (int)c : VF);
    bias = bias ? bias + c : NULL;
    for (int n = a->n - (int)c; tail ? n > 0 : n >= VF; n -= VF) {
        vf acc[ROWS][COLS], b[MOST][MOST];
        C2_UNROLL
        for (int x = 0; x < COLS; x++)
            acc[0][x] = acc[rows - 1][x] = vf_zero();
        C2_UNROLL
        for (int ky = 0; ky < k + (rows - 1) * s; ky++) { /* of the first row */
            if (ky < k)
                get_weights(k, ky, w, b[ky]);
            if (ky >= s && rows > 1 && !kept) {
                const float *again = w;
                __asm__("" : "+r"(again)); /* or else the compiler keeps, that is spills, them */
                get_weights(k, ky - s, again, b[ky - s]);
            }
            if (padded && (ky < begin || ky >= end))
                continue;
            const px *p = at_byte(pixels, row[padded ? ky - begin : ky]);
            C2_UNROLL
            for (int j = 0; j < columns_of(k, s); j++) {
                const px *from = at_byte(p, j % APART * step);
                const vf x = vf_keep(get_pixel(k, s, padded, tail, j, from, &e, n));
                if (j % APART == APART - 1) {
                    p = at_byte(p, APART * step);
                    /* Or else the compiler loads early what it then spills. */
                    __asm__("" : "+r"(p));
                }
                if (ky < k)
                    add_pixel(k, s, j, x, b[ky], acc[0]);
                if (ky >= s && rows > 1)
                    add_pixel(k, s, j, x, b[ky - s], acc[rows - 1]);
            }
        }
        const vf more = bias ? get(tail, bias, n) : vf_set1(-0.0f);
        C2_UNROLL
        for (int i = 0; i < rows * COLS; i++)
            acc[i / COLS][i % COLS] = vf_add(acc[i / COLS][i % COLS], more);
        if (f->bounded) {
            const vf low = vf_set1(a->low), high = vf_set1(a->high);
            C2_UNROLL
            for (int i = 0; i < rows * COLS; i++)
                acc[i / COLS][i % COLS] = vf_min(high, vf_max(low, acc[i / COLS][i % COLS]));
        }
        px *line = out;
        C2_UNROLL
        for (int y = 0; y < rows; y++, line += out_row) {
            px *to = line;
            C2_UNROLL
            for (int x = 0; x < COLS; x++) {
                if (tail)
                    px_store_n(to + x % APART * out_col, acc[y][x], n);
                else
                    px_store(to + x % APART * out_col, acc[y][x]);
                if (x % APART == APART - 1)
                    to += APART * out_col;
            }
        }
        pixels += VF;
        bias = bias ? bias + VF : NULL;
        out += VF;
        w += k * k * VF;
    }
}

/* Of all channels that fill vectors. */
C2_ALWAYS_INLINE void each_vector(const int rows, const int cols, const int k, const int s,
                                  const c2_dwrow_ch_args *a, const finish *f, const place *at)
{
    for (ptrdiff_t c = 0; c + VF <= a->n; c += VF)
        tile(rows, cols, k, s, false, a, f, at, c);
}

/* Not inlined, so that compilers have registers for it: layers take 2 to 4 % less time. */
static __attribute__((noinline, unused)) void each_vector_7x7(const c2_dwrow_ch_args *a,
                                                              const finish *f, const place *at)
{
    each_vector(ROWS, COLS, 7, 1, a, f, at);
}

C2_ALWAYS_INLINE void vectors(const int rows, const int cols, const int k, const int s,
                              const c2_dwrow_ch_args *a, const finish *f, const place *at)
{
    if (rows == 2 && cols == COLS && k == 7 && s == 1)
        each_vector_7x7(a, f, at);
    else
        each_vector(rows, cols, k, s, a, f, at);
}

/* The last channels, fewer than a vector. */
C2_ALWAYS_INLINE void last(const int k, const int s, const c2_dwrow_ch_args *a, const finish *f,
                           const place *at, ptrdiff_t c)
{
    if (ROWS == 2 && a->rows == 2)
        tile(ROWS, COLS, k, s, true, a, f, at, c);
    else
        tile(1, COLS, k, s, true, a, f, at, c);
}

C2_ALWAYS_INLINE void tiles(const int k, const int s, const c2_dwrow_ch_args *a)
{
    const bool bounded = a->low > -INFINITY || a->high < INFINITY;
    const finish f = {vf_set1(a->low), vf_set1(a->high), bounded};
    const bool two = ROWS == 2 && a->rows == 2;
    /* Others spill, and masks cost where they are no registers of their own. */
    const bool simple = ROWS == 1 ? k > 0 : two && (k == 3 || k == 5 || (k == 7 && s == 1));
    const bool masked = simple && VF == 16 && k < 7;
    const kind found = simple ? kind_of(k, s, a) : NONE;
    const ptrdiff_t whole = a->n - a->n % VF;
    place at = {a->pixels, a->residual, a->out};
    for (int i = 0;;) {
        if (masked && found == PADDED)
            inside(ROWS, k, s, true, false, a, &f, &at, 0);
        else if (simple && found == INSIDE)
            inside(ROWS, k, s, false, false, a, &f, &at, 0);
        else if (two && a->cols > HALF)
            vectors(ROWS, COLS, k, s, a, &f, &at);
        else if (two)
            vectors(ROWS, HALF, k, s, a, &f, &at);
        else if (a->cols > HALF)
            vectors(1, COLS, k, s, a, &f, &at);
        else
            vectors(1, HALF, k, s, a, &f, &at);
        if (whole < a->n && masked && found != NONE)
            inside(ROWS, k, s, true, true, a, &f, &at, whole);
        else if (whole < a->n)
            last(k, s, a, &f, &at, whole);
        if (++i >= a->tiles)
            break;
        at.pixels = at_byte(at.pixels, a->next);
        at.out += COLS * a->out_col;
        if (at.residual)
            at.residual += COLS * a->residual_col;
    }
}

c2_dwrow_ch_kernel C2_K(dwrow_ch);
void C2_K(dwrow_ch)(const c2_dwrow_ch_args *a)
{
    switch (10 * a->kw + a->stride) {
    case 31:
        tiles(3, 1, a);
        break;
    case 32:
        tiles(3, 2, a);
        break;
    case 51:
        tiles(5, 1, a);
        break;
    case 52:
        tiles(5, 2, a);
        break;
    case 71:
        tiles(7, 1, a);
        break;
    case 72:
        tiles(7, 2, a);
        break;
    default:
        tiles(0, 1, a);
        break;
    }
}
