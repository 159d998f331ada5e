/* SPDX-License-Identifier: BSD-2-Clause
 * Regions of the gemm_ch driver: the output cut along both axes so that all pixels of a region have
 * the same taps inside the image. A region is a convolution without padding, of fewer taps. */
#include "cpu/gemm_ch.h"

/* The last output before which the live taps of output o do not change, at most `out`: fewer taps
 * from the left, [first, end), are padding from then on, or more at the right. */
static int64_t next_change(const c2_problem *p, int a, int64_t first, int64_t end, int64_t out)
{
    const int64_t s = p->stride[a], d = p->dilation[a], in = a ? p->w : p->h;
    int64_t next = out;
    if (first > 0)
        next = c2_min(next, c2_div_up(p->pad[a] - (first - 1) * d, s));
    if (end > 0)
        next = c2_min(next, (in - 1 + p->pad[a] - (end - 1) * d) / s + 1);
    return next;
}

bool c2_ch_bands_make(const c2_problem *p, int a, c2_ch_bands *bands_out)
{
    const int64_t k = a ? p->kw : p->kh, out = a ? p->ow : p->oh, in = a ? p->w : p->h;
    const int64_t d = p->dilation[a];
    c2_ch_bands b = {.n = 0};
    if (p->padding_mode != CONV2D_PAD_ZEROS)
        return false;
    for (int64_t o = 0; o < out;) {
        const int64_t at = o * p->stride[a] - p->pad[a]; /* coordinate of tap 0 */
        const int64_t first = at < 0 ? c2_min(k, c2_div_up(-at, d)) : 0;
        const int64_t end = in > at ? c2_min(k, (in - 1 - at) / d + 1) : 0;
        if (b.n == C2_CH_BANDS)
            return false;
        b.band[b.n] = (c2_ch_band){(int32_t)o, 0, 0, 0};
        if (first < end) {
            b.band[b.n].tap = (int32_t)first;
            b.band[b.n].tap_end = (int32_t)end;
        }
        o = next_change(p, a, first, end, out);
        b.band[b.n++].end = (int32_t)o;
    }
    b.exact = true;
    *bands_out = b;
    return true;
}

c2_ch_bands c2_ch_bands_whole(const c2_problem *p, int a)
{
    return (c2_ch_bands){
        .n = 1, .band = {{0, (int32_t)(a ? p->ow : p->oh), 0, (int32_t)(a ? p->kw : p->kh)}}};
}

c2_ch_region c2_ch_region_make(const c2_problem *p, const c2_ch_plan *plan, int64_t i)
{
    const c2_ch_band *y = &plan->bands[0].band[i / plan->bands[1].n];
    const c2_ch_band *x = &plan->bands[1].band[i % plan->bands[1].n];
    c2_ch_region r = {.y = y, .x = x, .view = *p};
    c2_problem *v = &r.view;
    v->oh = y->end - y->begin;
    v->ow = x->end - x->begin;
    v->kh = y->tap_end - y->tap;
    v->kw = x->tap_end - x->tap;
    if (v->kh == 0 || v->kw == 0)
        v->kh = v->kw = 0;
    for (int a = 0; a < 2; a++) {
        if (!plan->bands[a].exact || v->kw == 0)
            continue;
        const c2_ch_band *b = a ? x : y;
        const int64_t k = a ? v->kw : v->kh, out = a ? v->ow : v->oh;
        const int64_t first = b->begin * p->stride[a] - p->pad[a] + b->tap * p->dilation[a];
        const int64_t extent = (out - 1) * p->stride[a] + (k - 1) * p->dilation[a] + 1;
        r.offset += first * p->input_stride[2 + a];
        v->pad[a] = v->pad[a + 2] = 0;
        *(a ? &v->w : &v->h) = extent;
    }
    return r;
}
