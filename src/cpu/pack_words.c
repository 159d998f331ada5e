/* SPDX-License-Identifier: BSD-2-Clause
 * Packed weights of the dot_... kernels: in the order that pack.c draws, with words in place of
 * floats. Word q of a tap holds channels 2q (lower half) and 2q + 1 of the group as bfloat16;
 * halves and words beyond its channels are 0. Kernels without words get what pack.c packs.
 *
 * Where rows of tile registers hold weights (by_rows), each `unit` words k of a tile and chunk are
 *     part 0: o0: k0 k1 ..  o1: k0 k1 ..  ..   o(width-1): ..
 *     part 1: ..                                            and the next words of k follow. */
#include <inttypes.h>
#include <string.h>

#include "core/half.h"
#include "cpu/driver.h"
#include "cpu/parts.h"

c2_words c2_words_of(const c2_kernel *kernel, const c2_problem *p)
{
    const int parts = c2_kernel_parts(kernel), unit = parts ? c2_kernel_unit(kernel) : 1;
    const int64_t words = parts ? c2_div_up(c2_div_up(p->icg, 2), unit) * unit : p->icg;
    const bool by_rows = kernel->family == C2_FAMILY_DOT_PX ||
                         kernel->family == C2_FAMILY_DOT2_PX ||
                         kernel->family == C2_FAMILY_DOT3_PX;
    return (c2_words){parts, unit, unit > 1 && by_rows, C2_MERGE_NONE, false, words};
}

c2_tiles_fn c2_tiles_of(const c2_kernel *kernel)
{
    return (c2_tiles_fn)c2_cpu_helper(kernel, C2_FAMILY_TILES, CONV2D_BFLOAT16);
}

c2_any_fn c2_words_helper(const c2_kernel *kernel, c2_family family, int parts, int32_t dtype)
{
    for (int i = 0; i < c2_n_kernels; i++) {
        const c2_kernel *k = &c2_kernels[i];
        if (k->family == family && k->mr == parts && k->dtype == dtype &&
            strcmp(k->isa, c2_kernel_base(kernel)) == 0)
            return k->fn;
    }
    return NULL;
}

c2_any_fn c2_packing_helper(const conv2d_device *device, const c2_kernel *kernel,
                            c2_family family, int parts)
{
    const uint32_t detected = ((const c2_cpu_device *)device)->machine.detected;
    for (int i = 0; i < c2_n_kernels; i++) { /* the portable one last */
        const c2_kernel *k = &c2_kernels[i];
        if (k->family == family && k->mr == parts && k->dtype == CONV2D_FLOAT32 &&
            (k->need & ~detected) == 0 &&
            (strcmp(k->isa, c2_kernel_base(kernel)) == 0 || strcmp(k->isa, "generic") == 0))
            return k->fn;
    }
    return NULL;
}

c2_problem c2_words_view(const c2_problem *p, const c2_words *words)
{
    c2_problem v = *p;
    if (words->parts) {
        v.icg = words->tap;
        v.ic = words->tap * p->groups;
        v.input_dtype = CONV2D_FLOAT32;
        v.kh = c2_words_rows(p, words);
        v.kw = c2_words_row(p, words);
    }
    return v;
}

void c2_pack_words_name(const c2_problem *p, const c2_words *words, const c2_pack_shape *shape,
                        c2_text *out)
{
    static const char *const merges[] = {"", "m", "w"};
    c2_pack_name(p, shape, out);
    if (words->parts)
        c2_text_add(out, ",i%" PRId64 "of%" PRId64 ",x%d%s%s%s", p->icg, words->tap, words->parts,
                    words->by_rows ? "r" : "", merges[words->merge], words->crossed ? "c" : "");
}

size_t c2_pack_words_bytes(const c2_problem *p, const c2_words *words, const c2_pack_shape *shape)
{
    const c2_problem view = c2_words_view(p, words);
    size_t bytes = c2_pack_bytes(&view, shape);
    if (bytes == SIZE_MAX || !c2_size_mul_ok(bytes, (size_t)c2_max(1, words->parts), &bytes))
        return SIZE_MAX;
    return bytes;
}

/* The place of a weight beyond a tap's channels, which is 0. Strides may be negative. */
static const int64_t nowhere = INT64_MIN;

/* Words that are made at a time of numbers in several parts, and lanes of a tile at most. */
enum { WORDS = 16, MAX_WIDTH = C2_MAX_NR };

typedef struct packer {
    const c2_problem *problem;
    const c2_words *words;
    const c2_pack_shape *shape;
    const void *weight;
    c2_any_fn make; /* of numbers in several parts: of family parts if by_rows, or pair */
} packer;

/* Where the two weights of word k lie in those of an output channel. */
static void find_word(const packer *q, int64_t k, int64_t at[2])
{
    const c2_problem *p = q->problem;
    const int64_t in_a_row = c2_words_row(p, q->words), rows = p->kh / c2_words_rows(p, q->words);
    const int64_t column = rows * p->icg, channels = p->kw / in_a_row * column; /* of a run */
    const int64_t tap = k / q->words->tap, *stride = p->weight_stride;
    for (int h = 0; h < 2; h++) {
        const int64_t c = 2 * (k % q->words->tap) + h;
        const int64_t ky = tap / in_a_row + c % column / p->icg, kx = tap % in_a_row + c / column;
        at[h] = c < channels ? ky * stride[2] + kx * stride[3] + c % p->icg * stride[1] : nowhere;
    }
}

/* The weights of n channels of an output channel, `apart` floats apart. */
static void gather(const packer *q, int64_t first, const int64_t *at, int n, float *to,
                   int64_t apart)
{
    const c2_problem *p = q->problem;
    const float *weight = (const float *)q->weight;
    if (p->weight_dtype == CONV2D_FLOAT32)
        for (int c = 0; c < n; c++)
            to[c * apart] = at[c] == nowhere ? 0 : weight[first + at[c]];
    else
        for (int c = 0; c < n; c++)
            to[c * apart] =
                at[c] == nowhere ? 0 : c2_load_f32(q->weight, p->weight_dtype, first + at[c]);
}

/* n words of numbers in several parts, channels at[0 .. 2 n - 1], of m output channels. */
static void make_words(const packer *q, int64_t first, int64_t m, const int64_t *at, int n,
                       uint32_t *to)
{
    _Alignas(64) float room[2 * WORDS * MAX_WIDTH] = {0};
    const void *rows[MAX_WIDTH];
    const int64_t width = q->shape->width, a_row = q->words->by_rows ? 2 * WORDS : 1;
    const int64_t a_channel = q->words->by_rows ? 1 : width;
    for (int64_t o = 0; o < m; o++)
        gather(q, first + o * q->problem->weight_stride[0], at, 2 * n, room + o * a_row, a_channel);
    if (q->words->by_rows) {
        for (int64_t o = 0; o < width; o++)
            rows[o] = room + o * a_row;
        const c2_parts_args a = {rows, (int)width, (size_t)(2 * n), to,
                                 0,    width * WORDS, WORDS,        NULL};
        ((c2_parts_fn)q->make)(&a);
    } else {
        const c2_pair_args a = {room,  room + width, to, width, width, n, 2 * width,
                                q->words->parts * width};
        ((c2_pair_fn)q->make)(&a);
    }
}

/* A crossed tap of 16 channels: part 0 of its words are part 1 of the numbers, then part 0; part 1
 * of them are part 0, then part 2. */
static void cross_words(const packer *q, int64_t first, int64_t m, const int64_t *at, uint32_t *to)
{
    enum { HALF = WORDS / 2, PARTS = C2_MAX_PARTS };
    static const int turn[2][2] = {{1, 0}, {0, 2}}; /* [part of words][which half of them] */
    _Alignas(64) uint32_t words[HALF * PARTS * MAX_WIDTH];
    const int64_t width = q->shape->width;
    const c2_words three = {.parts = PARTS};
    packer uncrossed = *q;
    uncrossed.words = &three;
    make_words(&uncrossed, first, m, at, HALF, words);
    for (int word = 0; word < WORDS; word++)
        for (int part = 0; part < 2; part++, to += width)
            memcpy(to, words + (word % HALF * PARTS + turn[part][word / HALF]) * width,
                   (size_t)width * sizeof *to);
}

/* The same of bfloat16, word k0 + i of the tile. */
static void make_word(const packer *q, int64_t first, int64_t m, const int64_t at[2], int64_t i,
                      uint32_t *to)
{
    const c2_problem *p = q->problem;
    const int64_t unit = q->words->by_rows ? q->words->unit : 1, width = q->shape->width;
    uint32_t *block = to + i / unit * width * unit + i % unit;
    for (int64_t o = 0; o < width; o++) {
        float weight[2] = {0, 0};
        if (o < m)
            gather(q, first + o * p->weight_stride[0], at, 2, weight, 1);
        c2_part_words(weight[0], weight[1], 1, block + o * unit, 0);
    }
}

/* Words [k0, k0 + length) of m output channels, of which the first one's weights begin at `first`;
 * to: all the tile's of the chunk. */
static void pack_tile(const packer *q, int64_t first, int64_t m, int64_t k0, int64_t length,
                      uint32_t *to)
{
    const int64_t parts = q->words->parts, most = parts > 1 ? WORDS : 1;
    for (int64_t i = 0, n; i < length; i += n) {
        n = c2_min(most, length - i);
        int64_t at[2 * WORDS];
        for (int64_t j = 0; j < n; j++)
            find_word(q, k0 + i + j, at + 2 * j);
        if (q->words->crossed)
            cross_words(q, first, m, at, to + i * parts * q->shape->width);
        else if (parts > 1)
            make_words(q, first, m, at, (int)n, to + i * parts * q->shape->width);
        else
            make_word(q, first, m, at, i, to);
    }
}

void c2_pack_words(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                   const c2_words *words, const c2_pack_shape *shape, const c2_weight_view *view,
                   void *packed)
{
    if (!words->parts) {
        c2_pack_weights(p, shape, view, packed);
        return;
    }
    const c2_family family = words->by_rows ? C2_FAMILY_PARTS : C2_FAMILY_PAIR;
    const packer q = {p, words, shape, view->weight,
                      words->parts > 1
                          ? c2_packing_helper(device, kernel, family,
                                              words->crossed ? C2_MAX_PARTS : words->parts)
                          : NULL};
    const int64_t k_all = words->tap * c2_words_rows(p, words) * c2_words_row(p, words);
    uint32_t *to = packed;
    for (int64_t g = 0; g < p->groups; g++) {
        for (int64_t k0 = 0, length; k0 < k_all; k0 += length) {
            length = c2_pack_chunk(shape, k0, k_all);
            for (int64_t tile = 0; tile < shape->tiles.n; tile++) {
                const int64_t begin = c2_split_begin(&shape->tiles, tile);
                const int64_t m = c2_min(p->ocg, c2_split_begin(&shape->tiles, tile + 1)) - begin;
                pack_tile(&q, (g * p->ocg + begin) * p->weight_stride[0], m, k0, length, to);
                to += length * shape->width * words->parts;
            }
        }
    }
}
