/* SPDX-License-Identifier: BSD-2-Clause
 * Channels of the grouped_ch algorithm in vectors, and its packed weights; see grouped_ch.h. */
#include "cpu/grouped_ch.h"

#include <inttypes.h>

#include "core/half.h"

c2_grouped_lanes c2_grouped_lanes_of(const c2_kernel *kernel, const c2_problem *p)
{
    const int64_t nr = kernel->nr;
    c2_grouped_lanes l = {.lanes = kernel->nr, .side = 1, .a_group = c2_div_up(p->ocg, nr)};
    /* Lanes choose from one vector of input channels, which must exist. */
    const int64_t side = c2_min(nr / p->ocg, nr / p->icg);
    if (side > 1 && p->ic >= nr)
        l.side = c2_min(side, p->groups);
    l.vectors = l.side > 1 ? c2_div_up(p->groups, l.side) : p->groups * l.a_group;
    l.unshifted = l.vectors;
    if (l.side > 1)
        l.unshifted = c2_min(l.vectors, (p->ic - nr) / (l.side * p->icg) + 1);
    return l;
}

c2_grouped_vector c2_grouped_vector_at(const c2_grouped_lanes *l, const c2_problem *p, int64_t v)
{
    if (l->side == 1) {
        const int64_t g = v / l->a_group, first = v % l->a_group * l->lanes;
        return (c2_grouped_vector){g * p->ocg + first, c2_min(l->lanes, p->ocg - first), g * p->icg,
                                   0};
    }
    /* Where less than a vector of channels is left, it is read from further in front. */
    const int64_t g = v * l->side, in = g * p->icg, offset = c2_min(in, p->ic - l->lanes);
    return (c2_grouped_vector){g * p->ocg, c2_min(l->side, p->groups - g) * p->ocg, offset,
                               in - offset};
}

void c2_grouped_spread(const c2_grouped_lanes *l, const c2_problem *p, const c2_grouped_vector *v,
                       int32_t *spread)
{
    for (int64_t k = 0; k < p->icg; k++)
        for (int64_t j = 0; j < l->lanes; j++)
            *spread++ = j < v->channels ? (int32_t)(v->shift + j / p->ocg * p->icg + k) : 0;
}

size_t c2_grouped_pack_bytes(const c2_grouped_lanes *l, const c2_problem *p)
{
    size_t bytes = sizeof(float);
    const int64_t factors[] = {l->vectors, l->lanes, p->icg, p->kh, p->kw};
    for (size_t i = 0; i < sizeof factors / sizeof factors[0]; i++) {
        if (!c2_size_mul_ok(bytes, (size_t)factors[i], &bytes))
            return SIZE_MAX;
    }
    return bytes;
}

void c2_grouped_pack_name(const c2_grouped_lanes *l, const c2_problem *p, c2_text *out)
{
    c2_text_add(out, "v1,g%" PRId64 ",w%d,s%" PRId64 ",t%" PRId64, p->groups, l->lanes, l->side,
                c2_grouped_threes(p));
}

/* One tap of one channel for all lanes of a vector; at: the weight of output channel 0. */
static void pack_lanes(const c2_grouped_lanes *l, const c2_problem *p, const c2_grouped_vector *v,
                       const void *weight, int64_t at, float *to)
{
    for (int64_t j = 0; j < l->lanes; j++)
        to[j] = j < v->channels
                    ? c2_load_f32(weight, p->weight_dtype, at + (v->oc + j) * p->weight_stride[0])
                    : 0;
}

void c2_grouped_pack(const c2_grouped_lanes *l, const c2_problem *p, const c2_weight_view *view,
                     float *packed)
{
    const int64_t *stride = p->weight_stride, threes = c2_grouped_threes(p);
    for (int64_t i = 0; i < l->vectors * p->kh; i++) {
        const c2_grouped_vector v = c2_grouped_vector_at(l, p, i / p->kh);
        for (int64_t kx = 0, width; kx < p->kw; kx += width) {
            width = kx < 3 * threes ? 3 : 1;
            for (int64_t k = 0; k < p->icg; k++) {
                for (int64_t u = 0; u < width; u++, packed += l->lanes)
                    pack_lanes(l, p, &v, view->weight,
                               k * stride[1] + i % p->kh * stride[2] + (kx + u) * stride[3],
                               packed);
            }
        }
    }
}
