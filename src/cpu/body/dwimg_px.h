/* SPDX-License-Identifier: BSD-2-Clause
 * dwimg_px: depthwise, lanes = pixels, kernels 3x3, 5x5 or 7x7, stride 1, straight from the image:
 * loads leave out the lanes that are padding, and rows of padding are passed over. A tile is up to
 * mr output rows of one vector, in registers beside a column of weights; each vector of the image
 * is loaded once a column of taps and serves all rows of the tile. Columns of taps are the outer
 * loop. A vector may have two rows of a narrow image, which follow each other in memory. Of an
 * image whose columns are channels of pixels each lane has weights of its own. */
#include <math.h>

#include "cpu/body/body.h"

_Static_assert(C2_NR == VF && (C2_MR == 7 || C2_MR == 14), "one vector; 7, 4, 2, 1 are the rest");

enum { KEPT = 8 }; /* columns that are worked out once a call */

/* A vector of columns, of whatever channel. */
typedef struct columns {
    int x, lanes;    /* of lane 0; wanted, of two rows both */
    ptrdiff_t whole; /* the last offset of out where a whole vector may be stored */
    vf_some some[7]; /* lanes inside the image, for each column of taps */
    uint32_t inside; /* a bit for each column of taps all of whose lanes are */
    vf_some half[2]; /* of two rows: lanes of the first, of the second */
} columns;

typedef struct channel {
    const px *image;
    const float *weight;
    vf bias;
    bool bounded;
    px *out;
    const px *residual;
} channel;

/* Bits from begin on and before end, 0 .. 31. */
C2_ALWAYS_INLINE uint32_t bits_between(ptrdiff_t begin, ptrdiff_t end)
{
    const unsigned b = begin < 0 ? 0 : begin < 31 ? (unsigned)begin : 31;
    const unsigned e = end < 0 ? 0 : end < 31 ? (unsigned)end : 31;
    return ((1u << e) - 1) & ~((1u << b) - 1);
}

/* Lanes of output vector v. */
C2_ALWAYS_INLINE int lanes_stored(const int step, const c2_dwimg_px_args *a, const columns *x,
                                  int v)
{
    return step == 1 || 2 * v + 1 < a->rows ? x->lanes : a->cols;
}

static void set_columns(int step, const c2_dwimg_px_args *a, columns *o, int x)
{
    const int n = step == 2 ? a->cols : VF;
    const ptrdiff_t end = (a->rows - 1) * a->out_row + a->cols; /* of all outputs */
    const ptrdiff_t first = a->left + x, reach = (a->k - 1) * a->dilation + VF;
    o->x = x;
    o->lanes = step == 2 ? 2 * n : a->cols - x < VF ? a->cols - x : VF;
    o->inside = 0;
    if (step == 1 && first >= 0 && first + reach <= a->width) {
        for (int kx = 0; kx < a->k; kx++)
            o->some[kx] = vf_some_of(bits_between(0, VF));
        o->inside = bits_between(0, a->k);
    } else {
        for (int kx = 0; kx < a->k; kx++) {
            const ptrdiff_t at = first + kx * a->dilation;
            const uint32_t some = bits_between(-at, a->width - at) & bits_between(0, n);
            o->some[kx] = vf_some_of(step == 2 ? some | some << n : some);
            o->inside |= (uint32_t)(step == 1 && some == bits_between(0, VF)) << kx;
        }
        o->half[0] = vf_some_of(bits_between(0, n));
        o->half[1] = vf_some_of(bits_between(n, 2 * n));
    }
    /* Lanes beyond the columns fall on outputs that are stored later: rows go down, columns from
     * right to left. */
    if (step == 1 && a->cols - x >= VF)
        o->whole = PTRDIFF_MAX;
    else
        o->whole = a->out_row == a->cols ? end - VF : PTRDIFF_MIN;
}

static channel channel_of(const c2_dwimg_px_args *a)
{
    return (channel){.image = (const px *)a->image,
                     .weight = a->weight,
                     .bias = vf_set1(-0.0f),
                     .bounded = a->low > -INFINITY || a->high < INFINITY,
                     .out = (px *)a->out,
                     .residual = (const px *)a->residual};
}

/* Bounds cost time of the units that FMAs need: not where there are none. */
C2_ALWAYS_INLINE vf clamped(const c2_dwimg_px_args *a, const channel *o, vf sum)
{
    return !o->bounded ? sum : vf_min(vf_set1(a->high), vf_max(vf_set1(a->low), sum));
}

/* Bare sums, or with a residual, which may be the output itself: nothing else is stored. */
static __attribute__((noinline)) void finish_rows(const c2_dwimg_px_args *a, const channel *o,
                                                  const columns *x, const float *sums, int rows,
                                                  int step, int v)
{
    for (int y = v; y < v + rows; y++, sums += VF) {
        const int n = lanes_stored(step, a, x, y);
        vf sum = vf_load(sums);
        if (a->sums) {
            vf_store(a->sums + y * a->sums_pitch + x->x, sum);
            continue;
        }
        const px *residual = o->residual + y * step * a->residual_row + x->x;
        px *out = o->out + y * step * a->out_row + x->x;
        sum = vf_add(sum, o->bias);
        sum = clamped(a, o, vf_add(sum, n >= VF ? px_load(residual) : px_load_n(residual, n)));
        if (n >= VF)
            px_store(out, sum);
        else
            px_store_n(out, sum, n);
    }
}

C2_ALWAYS_INLINE void finish(const int rows, const int step, const c2_dwimg_px_args *a,
                             const channel *o, const columns *x, const vf acc[C2_MR], int v)
{
    const int wanted = C2_AT_MOST(rows, (a->rows + step - 1) / step - v);
    if (a->sums || o->residual) {
        float sums[C2_MR * VF];
        C2_UNROLL
        for (int y = 0; y < rows; y++)
            vf_store(sums + y * VF, acc[y]);
        finish_rows(a, o, x, sums, wanted, step, v);
        return;
    }
    const ptrdiff_t pitch = step * a->out_row;
    ptrdiff_t at = v * pitch + x->x;
    if (wanted == rows && at + (rows - 1) * pitch <= x->whole) {
        C2_UNROLL
        for (int y = 0; y < rows; y++, at += pitch)
            px_store(o->out + at, clamped(a, o, vf_add(acc[y], o->bias)));
        return;
    }
    C2_UNROLL
    for (int y = 0; y < rows; y++, at += pitch) {
        if (y >= wanted)
            continue; /* no break: Clang would not unroll the loop */
        const vf sum = clamped(a, o, vf_add(acc[y], o->bias));
        if (at <= x->whole)
            px_store(o->out + at, sum);
        else
            px_store_n(o->out + at, sum, lanes_stored(step, a, x, v + y));
    }
}

/* Of the rows that a tile reads, which are in the image: a bit each, or from begin to end. */
typedef struct live_rows {
    uint32_t bits;
    int begin, end;
} live_rows;

/* Whether to load row i, or rows i and i + 1 of two; and which lanes. */
C2_ALWAYS_INLINE bool is_live(const int step, const live_rows *live, int i)
{
    return step == 2 ? i + 1 >= live->begin && i < live->end : live->bits >> i & 1;
}

C2_ALWAYS_INLINE vf_some live_lanes(const int step, const live_rows *live, const columns *x,
                                    vf_some some, int i)
{
    if (step == 2 && i < live->begin)
        return vf_some_both(some, x->half[1]);
    if (step == 2 && i + 1 >= live->end)
        return vf_some_both(some, x->half[0]);
    return some;
}

/* One column of taps, w of its first; image: where row 0 of the tile has the lanes of it; turns: 0,
 * or floats from a tap to the next, where each lane has its own. */
C2_ALWAYS_INLINE void add_taps(const int rows, const int k, const int step, const bool inside,
                               const live_rows *live, const columns *x, int kx, const px *image,
                               ptrdiff_t at, ptrdiff_t pitch, const float *w, ptrdiff_t turns,
                               vf acc[C2_MR])
{
    vf weight[7];
    C2_UNROLL
    for (int ky = 0; ky < k; ky++)
        weight[ky] = vf_keep(turns ? vf_load(w + (ky * k + kx) * turns)
                                   : vf_set1(w[ky * k + kx]));
    const vf_some some = x->some[kx];
    C2_UNROLL
    for (int i = 0; i < step * (rows - 1) + k; i++, at += pitch) {
        if (!is_live(step, live, i))
            continue;
        const vf in = vf_keep(inside ? px_load(image + at)
                                     : px_load_some(image + at,
                                                    live_lanes(step, live, x, some, i)));
        C2_UNROLL
        for (int y = 0; y < rows; y++) {
            const int ky = i - y * step;
            if (ky >= 0 && ky < k)
                acc[y] = vf_fma(in, weight[ky], acc[y]);
        }
    }
}

/* The same: of whole vectors where they are, since instructions for some lanes take a unit that
 * FMAs need. Larger kernels, which are loops, gain nothing. */
C2_ALWAYS_INLINE void add_column(const int rows, const int k, const int step,
                                 const live_rows *live, const columns *x, int kx,
                                 const px *image, ptrdiff_t at, ptrdiff_t pitch, const float *w,
                                 ptrdiff_t turns, vf acc[C2_MR])
{
    if (k == 3 && step == 1 && (x->inside >> kx & 1))
        add_taps(rows, k, step, true, live, x, kx, image, at, pitch, w, turns, acc);
    else
        add_taps(rows, k, step, false, live, x, kx, image, at, pitch, w, turns, acc);
}

/* `rows` vectors of output from vector v on: of step image rows each. */
C2_ALWAYS_INLINE void tile(const int rows, const int k, const int step, const ptrdiff_t turns,
                           const c2_dwimg_px_args *a, const channel *o, const columns *x, int v)
{
    vf acc[C2_MR];
    C2_UNROLL
    for (int y = 0; y < rows; y++)
        acc[y] = vf_zero();
    live_rows live = {.begin = a->row_begin - v * step, .end = a->row_end - v * step};
    /* Volatile: else compilers make many variables or paths of its bits and spill accumulators. */
    const volatile uint32_t bits = bits_between(live.begin, live.end);
    const ptrdiff_t pitch = a->image_row, at = -live.begin * pitch + a->left + x->x;
    if (k == 3) { /* unrolled: so small a kernel is a fifth faster */
        C2_UNROLL
        for (int kx = 0; kx < 3; kx++) {
            live.bits = bits;
            add_column(rows, k, step, &live, x, kx, o->image, at + kx * a->dilation, pitch,
                       o->weight, turns, acc);
        }
    } else {
        for (int kx = 0; kx < k; kx++) {
            live.bits = bits;
            add_column(rows, k, step, &live, x, kx, o->image, at + kx * a->dilation, pitch,
                       o->weight, turns, acc);
        }
    }
    if (step == 1 && a->fetch) {
        /* There may be no pixels there: an address, not a pointer. */
        const uintptr_t row = (uintptr_t)pitch * sizeof(px);
        uintptr_t next =
            (uintptr_t)o->image + (uintptr_t)(a->fetch + v * pitch + x->x) * sizeof(px);
        C2_UNROLL
        for (int y = 0; y < rows; y++, next += row)
            __builtin_prefetch((const void *)next);
    }
    if (step == 1 && a->fetch_out) {
        const uintptr_t row = (uintptr_t)a->out_row * sizeof(px);
        uintptr_t next =
            (uintptr_t)o->out + (uintptr_t)(a->fetch_out + v * a->out_row + x->x) * sizeof(px);
        C2_UNROLL
        for (int y = 0; y < rows; y++, next += row)
            __builtin_prefetch((const void *)next, 0, 2);
    }
    finish(rows, step, a, o, x, acc, v);
}

/* Tiles of 14, 7, 4, 2 and 1 vectors. One that is too large takes less time than several: 7x7 of 10
 * to 13 rows a fifth to a quarter less (Granite Rapids). */
C2_ALWAYS_INLINE void all_tiles(const int k, const int step, const ptrdiff_t turns,
                                const c2_dwimg_px_args *a, const channel *o, const columns *x)
{
    const int vectors = (a->rows + step - 1) / step;
    const int most = step == 2 ? 7 : C2_MR; /* live_rows has a bit a row */
    const int enough = most == 7 ? 5 : 10;
    int v = 0;
    for (; vectors - v >= enough; v += most)
        tile(most, k, step, turns, a, o, x, v);
    if (most > 7 && vectors - v >= 5) {
        tile(7, k, step, turns, a, o, x, v);
        v += 7;
    }
    if (vectors - v >= 3)
        tile(4, k, step, turns, a, o, x, v);
    else if (vectors - v == 2)
        tile(2, k, step, turns, a, o, x, v);
    else if (vectors - v == 1)
        tile(1, k, step, turns, a, o, x, v);
}

/* One channel, whose columns take turns. */
C2_ALWAYS_INLINE void flat(const int k, const c2_dwimg_px_args *a)
{
    columns x;
    channel o = channel_of(a);
    for (int at = (a->cols - 1) / VF * VF; at >= 0; at -= VF) {
        const int turn = (a->first + at) % a->period;
        o.weight = a->weight + turn;
        if (a->bias)
            o.bias = px_load((const px *)a->bias + turn);
        set_columns(1, a, &x, at);
        all_tiles(k, 1, a->period + C2_DWIMG_REPEATED, a, &o, &x);
    }
}

C2_ALWAYS_INLINE void channels(const int k, const int step, const c2_dwimg_px_args *a)
{
    columns kept[KEPT];
    const int vectors = (a->cols + VF - 1) / VF;
    channel o = channel_of(a);
    for (int c = 0; c < a->channels; c++) {
        if (a->bias)
            o.bias = px_set1(((const px *)a->bias)[c]);
        for (int i = vectors - 1; i >= 0; i--) {
            columns *x = &kept[i % KEPT];
            if (c == 0 || vectors > KEPT)
                set_columns(step, a, x, i * VF);
            all_tiles(k, step, 0, a, &o, x);
        }
        o.image += a->image_channel;
        o.weight += k * k;
        o.out += a->out_channel;
        if (o.residual)
            o.residual += a->residual_channel;
    }
}

c2_dwimg_px_kernel C2_K(dwimg_px);
void C2_K(dwimg_px)(const c2_dwimg_px_args *a)
{
    switch (10 * a->k + (a->period ? 0 : a->two_rows ? 2 : 1)) {
    case 30:
        flat(3, a);
        break;
    case 31:
        channels(3, 1, a);
        break;
    case 32:
        channels(3, 2, a);
        break;
    case 50:
        flat(5, a);
        break;
    case 51:
        channels(5, 1, a);
        break;
    case 52:
        channels(5, 2, a);
        break;
    case 70:
        flat(7, a);
        break;
    case 71:
        channels(7, 1, a);
        break;
    default:
        channels(7, 2, a);
        break;
    }
}
