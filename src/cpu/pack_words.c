/* SPDX-License-Identifier: BSD-2-Clause
 * Packed weights of the dot_... kernels: in the order that pack.c draws, with words in place of
 * floats. Word q of a tap holds channels 2q (lower half) and 2q + 1 of the group as bfloat16;
 * halves and words beyond its channels are 0. Kernels without words get what pack.c packs. */
#include <inttypes.h>

#include "core/half.h"
#include "cpu/driver.h"

c2_words c2_words_of(const c2_kernel *kernel, const c2_problem *p)
{
    const int parts = c2_kernel_parts(kernel);
    return (c2_words){parts, parts ? c2_div_up(p->icg, 2) : p->icg};
}

c2_problem c2_words_view(const c2_problem *p, const c2_words *words)
{
    c2_problem v = *p;
    if (words->parts) {
        v.icg = words->tap;
        v.ic = words->tap * p->groups;
        v.input_dtype = CONV2D_FLOAT32;
    }
    return v;
}

void c2_pack_words_name(const c2_problem *p, const c2_words *words, const c2_pack_shape *shape,
                        c2_text *out)
{
    c2_pack_name(p, shape, out);
    if (words->parts)
        c2_text_add(out, ",i%" PRId64 "of%" PRId64, p->icg, words->tap);
}

size_t c2_pack_words_bytes(const c2_problem *p, const c2_words *words, const c2_pack_shape *shape)
{
    const c2_problem view = c2_words_view(p, words);
    return c2_pack_bytes(&view, shape);
}

/* Two weights, the second 0 beyond the group's channels. */
static uint32_t word_of(const c2_problem *p, const uint16_t *weight, int64_t channel)
{
    const uint16_t *at = weight + channel * p->weight_stride[1];
    return at[0] | (channel + 1 < p->icg ? (uint32_t)at[p->weight_stride[1]] << 16 : 0);
}

void c2_pack_words(const c2_problem *p, const c2_words *words, const c2_pack_shape *shape,
                   const c2_weight_view *view, void *packed)
{
    if (!words->parts) {
        c2_pack_weights(p, shape, view, packed);
        return;
    }
    const int64_t *stride = p->weight_stride, k_all = words->tap * p->kh * p->kw;
    const uint16_t *weight = view->weight;
    uint32_t *to = packed;
    for (int64_t g = 0; g < p->groups; g++) {
        for (int64_t k0 = 0, length; k0 < k_all; k0 += length) {
            length = c2_pack_chunk(shape, k0, k_all);
            for (int64_t tile = 0; tile < shape->tiles.n; tile++) {
                const int64_t begin = c2_split_begin(&shape->tiles, tile);
                const int64_t m = c2_min(p->ocg, c2_split_begin(&shape->tiles, tile + 1)) - begin;
                const int64_t first = (g * p->ocg + begin) * stride[0];
                for (int64_t k = k0; k < k0 + length; k++, to += shape->width) {
                    const int64_t tap = k / words->tap, c = 2 * (k % words->tap);
                    const int64_t at = first + tap / p->kw * stride[2] + tap % p->kw * stride[3];
                    for (int64_t o = 0; o < shape->width; o++)
                        to[o] = o < m ? word_of(p, weight + at + o * stride[0], c) : 0;
                }
            }
        }
    }
}
