/* SPDX-License-Identifier: BSD-2-Clause
 * Splitting and joining channels in blocks of four pixels by four channels, transposed in vectors
 * of the compiler's baseline. Three or fewer channels at the end of a pixel are moved as four where
 * the fourth is the next pixel's; only the last pixels of a row then go one by one. */
#include "cpu/planes.h"

#include <string.h>

#include "core/mem.h"

/* In front of functions that become a copy for each number of channels moved together. */
#define C2_FOR_EACH_COUNT static inline __attribute__((always_inline))

typedef float four __attribute__((vector_size(16)));

static inline four load(const float *p)
{
    four v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void store(float *p, four v)
{
    memcpy(p, &v, sizeof v);
}

static inline void transpose(four v[4])
{
    const four a = __builtin_shufflevector(v[0], v[1], 0, 4, 1, 5);
    const four b = __builtin_shufflevector(v[0], v[1], 2, 6, 3, 7);
    const four c = __builtin_shufflevector(v[2], v[3], 0, 4, 1, 5);
    const four d = __builtin_shufflevector(v[2], v[3], 2, 6, 3, 7);
    v[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    v[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    v[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    v[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

/* Pixels of n that may be moved in blocks of four, `some` channels each as four: if that is more
 * than there are, another pixel of the row follows each and holds the rest. */
static inline int64_t blocks_end(int64_t n, int64_t some, int64_t pitch, bool whole)
{
    if (some == 4)
        return n / 4 * 4;
    return whole && pitch >= 4 - some && n > 0 ? (n - 1) / 4 * 4 : 0;
}

/* `some` channels of n pixels, those before `end` in blocks. */
C2_FOR_EACH_COUNT void split(const int some, const float *p, int64_t pitch, int64_t n, int64_t end,
                             float *to, int64_t row_pitch)
{
    for (int64_t x = 0; x < end; x += 4, p += 4 * pitch) {
        four v[4] = {load(p), load(p + pitch), load(p + 2 * pitch), load(p + 3 * pitch)};
        transpose(v);
        for (int j = 0; j < some; j++)
            store(to + j * row_pitch + x, v[j]);
    }
    for (int64_t x = end; x < n; x++, p += pitch) {
        for (int j = 0; j < some; j++)
            to[j * row_pitch + x] = p[j];
    }
}

void c2_planes_split(const float *from, int64_t pitch, int64_t n, int64_t c, bool whole, float *to,
                     int64_t row_pitch)
{
    for (int64_t i = 0; i < c; i += 4) {
        const int64_t some = c2_min(4, c - i), end = blocks_end(n, some, pitch, whole);
        const float *p = from + i;
        float *q = to + i * row_pitch;
        switch (some) {
        case 1:
            split(1, p, pitch, n, end, q, row_pitch);
            break;
        case 2:
            split(2, p, pitch, n, end, q, row_pitch);
            break;
        case 3:
            split(3, p, pitch, n, end, q, row_pitch);
            break;
        default:
            split(4, p, pitch, n, end, q, row_pitch);
            break;
        }
    }
}

/* One block of four pixels, `some` channels. */
C2_FOR_EACH_COUNT void join_block(const int some, const float *from, int64_t row_pitch, float *to,
                                  int64_t pitch)
{
    four v[4] = {load(from)};
    for (int j = 1; j < some; j++)
        v[j] = load(from + j * row_pitch);
    transpose(v);
    for (int j = 0; j < 4; j++)
        store(to + j * pitch, v[j]);
}

/* rest: channels beyond a multiple of four, c of all. */
C2_FOR_EACH_COUNT void join(const int rest, const float *from, int64_t row_pitch, int64_t n,
                            int64_t c, float *to, int64_t pitch)
{
    const int64_t full = c - rest, full_end = n / 4 * 4;
    const int64_t end = blocks_end(n, rest ? rest : 4, pitch, pitch == c);
    for (int64_t x = 0; x < full_end; x += 4) {
        /* The channels left over first: their fourth is overwritten by the next pixel's own. */
        if (rest && x < end)
            join_block(rest, from + full * row_pitch + x, row_pitch, to + x * pitch + full, pitch);
        for (int64_t i = 0; i < full; i += 4)
            join_block(4, from + i * row_pitch + x, row_pitch, to + x * pitch + i, pitch);
    }
    for (int64_t x = end; x < n; x++) {
        for (int64_t i = x < full_end ? full : 0; i < c; i++)
            to[x * pitch + i] = from[i * row_pitch + x];
    }
}

void c2_planes_join(const float *from, int64_t row_pitch, int64_t n, int64_t c, float *to,
                    int64_t pitch)
{
    switch (c % 4) {
    case 0:
        join(0, from, row_pitch, n, c, to, pitch);
        break;
    case 1:
        join(1, from, row_pitch, n, c, to, pitch);
        break;
    case 2:
        join(2, from, row_pitch, n, c, to, pitch);
        break;
    default:
        join(3, from, row_pitch, n, c, to, pitch);
        break;
    }
}
