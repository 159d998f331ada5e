/* SPDX-License-Identifier: BSD-2-Clause
 * grouped_px: few channels a group, rows = output channels, lanes = pixels. Up to NV vectors of
 * output pixels of up to MR channels stay in registers while all products of the group's channels
 * are added; pixels are read where they lie, those outside the image by loads that leave their
 * lanes out, so that nothing is copied. One product: NV loads, MR broadcasts, MR*NV FMAs. Vectors
 * of a tile may lie in several rows, and where rows follow each other without gaps a vector may. */
#include "cpu/body/body.h"

_Static_assert(C2_MR <= 8 && C2_NV <= 3, "each size of a tile has a case of its own");

static const uint32_t all_lanes = (1u << VF) - 1;
/* Loads of some lanes cost no more than others: AVX-512 has registers of their own for masks. */
static const bool free_masks = VF == 16;

/* A vector of output pixels: its first lane, its row of args.live, the lanes it stores. */
typedef struct place {
    ptrdiff_t y, x, phase;
    int n;
} place;

/* Where a vector lies: its lanes of args.live, pixels of its first tap, and the row of these. */
typedef struct vector {
    const px *pixels;
    const uint32_t *live;
    ptrdiff_t row;
} vector;

/* Rows above and below the image: copies the vectors' lanes of taps [*first, *end), TAPS at most,
 * without those in such rows, and leaves out rows of taps at both ends that have no pixel. Not
 * inlined: few tiles need it. */
enum { TAPS = 32 };
static __attribute__((noinline)) void cut_rows(const c2_grouped_px_args *a, int nv, const vector *v,
                                               int *first, int *end, uint32_t lanes[][2 * TAPS])
{
    const int from = *first, to = *end, step = a->step, kw = a->kw;
    *first = to;
    for (int t = from, ky = from / kw; t < to; ky++) {
        const int row_end = C2_AT_MOST((ky + 1) * kw, to);
        uint32_t within[C2_NV], any = 0;
        for (int j = 0; j < nv; j++) {
            const ptrdiff_t row = v[j].row + ky * a->tap_row;
            any |= within[j] = row >= 0 && row < a->h ? all_lanes : 0;
        }
        if (any) {
            *first = C2_AT_MOST(t, *first);
            *end = row_end;
        }
        for (int i = t * step; i < row_end * step; i++)
            for (int j = 0; j < nv; j++)
                lanes[j][i - from * step] = v[j].live[i] & within[j];
        t = row_end;
    }
}

/* With two pixels between lanes, every second of two vectors. */
C2_ALWAYS_INLINE vf load_lanes(const int step, const bool whole, const px *p, const vf_some *some)
{
    const vf low = whole ? px_load(p) : px_load_some(p, some[0]);
    if (step == 1)
        return low;
    return vf_evens(low, whole ? px_load(p + VF) : px_load_some(p + VF, some[1]));
}

/* The product of one channel. */
C2_ALWAYS_INLINE void add_product(const int m, const int nv, const int step, const bool whole,
                                  const px *p, const ptrdiff_t ahead[C2_NV],
                                  vf_some some[C2_NV][2], const float *w, vf acc[C2_MR][C2_NV])
{
    vf x[C2_NV];
    C2_UNROLL
    for (int j = 0; j < nv; j++)
        x[j] = vf_keep(load_lanes(step, whole, p + ahead[j], some[j]));
    C2_UNROLL
    for (int i = 0; i < m; i++) {
        const vf b = nv == 1 ? vf_set1(w[i]) : vf_keep(vf_set1(w[i]));
        C2_UNROLL
        for (int j = 0; j < nv; j++)
            acc[i][j] = vf_fma(x[j], b, acc[i][j]);
    }
}

/* The products of one tap, channel by channel, several a step of the loop in large tiles (8 %
 * faster; tiles of 4 output channels are slower so). The vectors' pixels lie `ahead` of p. */
enum { STEPS = 4 };
C2_ALWAYS_INLINE void add_tap(const int m, const int nv, const int step, const bool whole,
                              const c2_grouped_px_args *a, const px *p,
                              const ptrdiff_t ahead[C2_NV], const uint32_t *const live[C2_NV],
                              const float *w, vf acc[C2_MR][C2_NV])
{
    vf_some some[C2_NV][2];
    const ptrdiff_t channel = a->channel;
    const float *end = w + a->channels * C2_MR;
    C2_UNROLL
    for (int j = 0; j < nv; j++) {
        for (int s = 0; s < step && !whole; s++)
            some[j][s] = vf_some_of(live[j][s]);
    }
    for (; m > 4 && end - w >= STEPS * C2_MR; w += STEPS * C2_MR, p += STEPS * channel) {
        C2_UNROLL
        for (int c = 0; c < STEPS; c++)
            add_product(m, nv, step, whole, p + c * channel, ahead, some, w + c * C2_MR, acc);
    }
    for (; w != end; w += C2_MR, p += channel)
        add_product(m, nv, step, whole, p, ahead, some, w, acc);
}

/* Whole vectors, no residual. */
C2_ALWAYS_INLINE void store_plain(const int m, const int nv, const c2_grouped_px_args *a,
                                  const place at[C2_NV], vf acc[C2_MR][C2_NV])
{
    const vf low = vf_set1(a->low), high = vf_set1(a->high);
    C2_UNROLL
    for (int j = 0; j < nv; j++) {
        px *out = (px *)a->out + at[j].y * a->out_row + at[j].x;
        C2_UNROLL
        for (int i = 0; i < m; i++)
            px_store(out + i * a->out_channel,
                     vf_min(high, vf_max(low, vf_add(acc[i][j], vf_set1(a->bias[i])))));
    }
}

/* The others. Not inlined: there are many tiles, and half types are long. */
static __attribute__((noinline)) void store_any(const float *sums, int nv,
                                                const c2_grouped_px_args *a, const place *at)
{
    const ptrdiff_t begin = a->sums ? a->y * a->out_row + a->x : 0;
    for (int i = 0; i < a->m; i++) {
        for (int j = 0; j < nv; j++, sums += VF) {
            const ptrdiff_t to = i * a->out_channel + at[j].y * a->out_row + at[j].x - begin;
            const int n = at[j].n;
            vf sum = vf_load(sums);
            if (a->sums) {
                if (n == VF)
                    vf_store((float *)a->out + to, sum);
                else
                    vf_store_n((float *)a->out + to, sum, n);
                continue;
            }
            sum = vf_add(sum, vf_set1(a->bias[i]));
            if (a->residual) {
                const px *residual = (const px *)a->residual + i * a->residual_channel +
                                     at[j].y * a->residual_row + at[j].x;
                sum = vf_add(sum, n == VF ? px_load(residual) : px_load_n(residual, n));
            }
            sum = vf_min(vf_set1(a->high), vf_max(vf_set1(a->low), sum));
            if (n == VF)
                px_store((px *)a->out + to, sum);
            else
                px_store_n((px *)a->out + to, sum, n);
        }
    }
}

C2_ALWAYS_INLINE void store(const int m, const int nv, const c2_grouped_px_args *a,
                            const place at[C2_NV], vf acc[C2_MR][C2_NV])
{
    bool plain = !a->sums && !a->residual;
    C2_UNROLL
    for (int j = 0; j < nv; j++)
        plain = plain && at[j].n == VF;
    if (plain) {
        store_plain(m, nv, a, at, acc);
        return;
    }
    float sums[C2_MR * C2_NR];
    C2_UNROLL
    for (int i = 0; i < m; i++) {
        C2_UNROLL
        for (int j = 0; j < nv; j++)
            vf_store(sums + (i * nv + j) * VF, acc[i][j]);
    }
    store_any(sums, nv, a, at);
}

/* All lanes are in the image, and it is worth knowing. */
C2_ALWAYS_INLINE bool are_whole(const int nv, int step, const uint32_t *const live[C2_NV])
{
    uint32_t lanes = all_lanes;
    if (free_masks)
        return false;
    C2_UNROLL
    for (int j = 0; j < nv; j++)
        lanes &= live[j][0] & live[j][step - 1];
    return lanes == all_lanes;
}

C2_ALWAYS_INLINE void tile(const int m, const int nv, const c2_grouped_px_args *a,
                           const place at[C2_NV], const vector v[C2_NV])
{
    vf acc[C2_MR][C2_NV];
    uint32_t room[C2_NV][2 * TAPS];
    ptrdiff_t ahead[C2_NV];
    const int taps = a->kh * a->kw, step = a->step;
    const size_t weights = a->channels * C2_MR;
    const ptrdiff_t reach = (a->kh - 1) * a->tap_row;
    bool inside = true;
    C2_UNROLL
    for (int j = 0; j < nv; j++) {
        inside = inside && (a->flat || (v[j].row >= 0 && v[j].row + reach < a->h));
        ahead[j] = v[j].pixels - v[0].pixels;
        C2_UNROLL
        for (int i = 0; i < m; i++)
            acc[i][j] = vf_zero();
    }
    for (int first = 0; first < taps; first += TAPS) {
        int t = first, t_end = C2_AT_MOST(taps, first + TAPS);
        const uint32_t *live[C2_NV];
        if (!inside)
            cut_rows(a, nv, v, &t, &t_end, room);
        C2_UNROLL
        for (int j = 0; j < nv; j++)
            live[j] = inside ? v[j].live + t * step : room[j] + (t - first) * step;
        for (const float *w = a->weight + (size_t)t * weights; t < t_end; t++, w += weights) {
            const px *p = v[0].pixels + a->offset[t];
            const bool whole = are_whole(nv, step, live);
            if (step == 1 && whole)
                add_tap(m, nv, 1, true, a, p, ahead, live, w, acc);
            else if (step == 1)
                add_tap(m, nv, 1, false, a, p, ahead, live, w, acc);
            else if (whole)
                add_tap(m, nv, 2, true, a, p, ahead, live, w, acc);
            else
                add_tap(m, nv, 2, false, a, p, ahead, live, w, acc);
            C2_UNROLL
            for (int j = 0; j < nv; j++)
                live[j] += step;
        }
    }
    store(m, nv, a, at, acc);
}

/* On to the strip's next vector. */
C2_ALWAYS_INLINE void move(const c2_grouped_px_args *a, place *next)
{
    const ptrdiff_t end = a->x + a->cols;
    next->x += VF;
    next->phase++;
    if (next->x >= end) {
        next->y++;
        next->x = a->x;
        next->phase = a->phase;
    }
    next->n = (int)C2_AT_MOST(end - next->x, VF);
}

/* A row's last vector, if it is not full, begins earlier: the same bits once more. Not beside a
 * residual, which may be the output. */
C2_ALWAYS_INLINE place full(const c2_grouped_px_args *a, const place *next)
{
    place p = *next;
    if (p.n == VF || a->residual || a->cols < VF)
        return p;
    p.x -= VF - p.n;
    p.phase = a->last_phase;
    p.n = VF;
    return p;
}

C2_ALWAYS_INLINE vector vector_at(const c2_grouped_px_args *a, const place *at)
{
    const ptrdiff_t y = at->y * a->step_y - a->top;
    return (vector){(const px *)a->pixels + (y * a->row + at->x * a->step - a->left),
                    a->live + at->phase * a->kh * a->kw * a->step, y};
}

C2_ALWAYS_INLINE void strip(const int m, const c2_grouped_px_args *a)
{
    const ptrdiff_t vectors = a->rows * ((a->cols + VF - 1) / VF);
    const ptrdiff_t tiles = (vectors + C2_NV - 1) / C2_NV;
    const ptrdiff_t size = vectors / tiles, extra = vectors % tiles;
    place next = {a->y, a->x, a->phase, (int)C2_AT_MOST(a->cols, VF)}, at[C2_NV];
    vector v[C2_NV];
    for (ptrdiff_t t = 0; t < tiles; t++) {
        const ptrdiff_t nv = size + (t < extra);
        for (int j = 0; j < nv; j++, move(a, &next)) {
            at[j] = full(a, &next);
            v[j] = vector_at(a, &at[j]);
        }
        switch (nv) {
        case 1:
            tile(m, 1, a, at, v);
            break;
        case 2:
            tile(m, C2_AT_MOST(2, C2_NV), a, at, v);
            break;
        default:
            tile(m, C2_AT_MOST(3, C2_NV), a, at, v);
            break;
        }
    }
}

c2_grouped_px_kernel C2_K(grouped_px);
void C2_K(grouped_px)(const c2_grouped_px_args *a)
{
    switch (a->m) {
    case 1:
        strip(1, a);
        break;
    case 2:
        strip(C2_AT_MOST(2, C2_MR), a);
        break;
    case 3:
        strip(C2_AT_MOST(3, C2_MR), a);
        break;
    case 4:
        strip(C2_AT_MOST(4, C2_MR), a);
        break;
    case 5:
        strip(C2_AT_MOST(5, C2_MR), a);
        break;
    case 6:
        strip(C2_AT_MOST(6, C2_MR), a);
        break;
    case 7:
        strip(C2_AT_MOST(7, C2_MR), a);
        break;
    default:
        strip(C2_AT_MOST(8, C2_MR), a);
        break;
    }
}
