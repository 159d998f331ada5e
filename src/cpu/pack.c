/* SPDX-License-Identifier: BSD-2-Clause
 * Packed weights of the GEMM kernels, both orientations (width = nr lanes or mr rows); float32
 * whatever the weights were stored as:
 *
 *   group 0 | chunk 0 | tile 0 | k = 0  : o0 o1 .. o(m-1) 0 .. 0   <- width floats
 *           |         |        | k = 1  : o0 o1 .. o(m-1) 0 .. 0
 *           |         |        | ...      k = tap * icg + channel, taps ky outer
 *           |         | tile 1 | ...      (m may differ by one between tiles)
 *           | chunk 1 | tile 0 | k goes on where chunk 0 ended
 *   group 1 | ...
 * A driver that finishes a chunk for all tiles before the next one reads from front to back. */
#include "core/half.h"
#include "cpu/driver.h"

#include <inttypes.h>

void c2_pack_name(const c2_problem *p, const c2_pack_shape *s, c2_text *out)
{
    c2_text_add(
        out, "v1,g%" PRId64 ",w%d,t%" PRId64 "x%" PRId64 "+%" PRId64 ",p%" PRId64 ",c%" PRId64,
        p->groups, s->width, s->tiles.n, s->tiles.size, s->tiles.extra, s->period, s->chunk);
}

c2_pack_shape c2_pack_filters(const c2_problem *p)
{
    const int64_t k_all = c2_problem_k(p);
    return (c2_pack_shape){c2_split_even(p->ocg, p->ocg), 1, k_all, k_all};
}

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

/* A copy for each dtype, so that the loop over channels does not ask for it. */
static inline __attribute__((always_inline)) void pack_weights(const int32_t dtype,
                                                               const c2_problem *p,
                                                               const c2_pack_shape *shape,
                                                               const void *weight, float *packed)
{
    const int64_t *stride = p->weight_stride, k_all = c2_problem_k(p);
    float *to = packed;
    for (int64_t g = 0; g < p->groups; g++) {
        for (int64_t k0 = 0, length; k0 < k_all; k0 += length) {
            length = c2_pack_chunk(shape, k0, k_all);
            for (int64_t tile = 0; tile < shape->tiles.n; tile++) {
                const int64_t begin = c2_split_begin(&shape->tiles, tile);
                const int64_t m = c2_min(p->ocg, c2_split_begin(&shape->tiles, tile + 1)) - begin;
                const int64_t first = (g * p->ocg + begin) * stride[0];
                for (int64_t k = k0; k < k0 + length; k++, to += shape->width) {
                    const int64_t tap = k / p->icg;
                    const int64_t at = first + k % p->icg * stride[1] + tap / p->kw * stride[2] +
                                       tap % p->kw * stride[3];
                    for (int64_t o = 0; o < shape->width; o++)
                        to[o] = o < m ? c2_load_f32(weight, dtype, at + o * stride[0]) : 0;
                }
            }
        }
    }
}

void c2_pack_weights(const c2_problem *p, const c2_pack_shape *shape, const c2_weight_view *view,
                     float *packed)
{
    if (p->weight_dtype == CONV2D_FLOAT32)
        pack_weights(CONV2D_FLOAT32, p, shape, view->weight, packed);
    else if (p->weight_dtype == CONV2D_FLOAT16)
        pack_weights(CONV2D_FLOAT16, p, shape, view->weight, packed);
    else
        pack_weights(CONV2D_BFLOAT16, p, shape, view->weight, packed);
}
