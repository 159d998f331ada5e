/* SPDX-License-Identifier: BSD-2-Clause
 * Packed weights of the GEMM kernels, both orientations (width = nr lanes or mr rows):
 *
 *   group 0 | tile 0 | tap (0,0) | channel 0   : o0 o1 .. o(m-1) 0 .. 0   <- width floats
 *           |        |           | channel 1   : o0 o1 .. o(m-1) 0 .. 0
 *           |        |           | ...         (icg of them)
 *           |        | tap (0,1) | ...         (kh * kw taps, ky outer)
 *           | tile 1 | ...                     (m may differ by one between tiles)
 *   group 1 | ...
 * A kernel reads a tile from front to back, once. */
#include "cpu/driver.h"

size_t c2_pack_bytes(const c2_problem *p, const c2_pack_shape *shape)
{
    size_t bytes = sizeof(float);
    const int64_t factors[] = {p->groups, shape->tiles.n, shape->width, p->icg, p->kh, p->kw};
    for (size_t i = 0; i < sizeof factors / sizeof factors[0]; i++) {
        if (!c2_size_mul_ok(bytes, (size_t)factors[i], &bytes))
            return SIZE_MAX;
    }
    return bytes;
}

void c2_pack_weights(const c2_problem *p, const c2_pack_shape *shape, const c2_weight_view *view,
                     float *packed)
{
    const float *weight = view->weight;
    const int64_t *stride = p->weight_stride;
    float *to = packed;
    for (int64_t tile = 0; tile < p->groups * shape->tiles.n; tile++) {
        const int64_t g = tile / shape->tiles.n, i = tile % shape->tiles.n;
        const int64_t begin = c2_split_begin(&shape->tiles, i);
        const int64_t m = c2_min(p->ocg, c2_split_begin(&shape->tiles, i + 1)) - begin;
        const float *first = weight + (g * p->ocg + begin) * stride[0];
        for (int64_t tap = 0; tap < p->kh * p->kw; tap++) {
            const float *at = first + tap / p->kw * stride[2] + tap % p->kw * stride[3];
            for (int64_t c = 0; c < p->icg; c++, to += shape->width) {
                for (int64_t o = 0; o < shape->width; o++)
                    to[o] = o < m ? at[c * stride[1] + o * stride[0]] : 0;
            }
        }
    }
}
