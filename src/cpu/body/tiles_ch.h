/* SPDX-License-Identifier: BSD-2-Clause
 * dot_ch on tile registers: rows = 16 pixels, lanes = 64 output channels in four registers. Pixels
 * an equal distance apart are loaded where they lie; others, and channels that do not fill a
 * register, from a copy. */
#include <string.h>

#include "cpu/kernels.h"

#define C2_PASTE_(isa) c2_dot_ch_bf16_16x64_##isa
#define C2_PASTE(isa) C2_PASTE_(isa)

enum {
    TILES_NR = 4 * TILE_WORDS,
    TILE_CHANNELS = 2 * TILE_WORDS,
    SUM_BYTES = TILES_NR * (int)sizeof(float),
    WORDS_BYTES = TILES_NR * (int)sizeof(uint32_t),
    COPIES = 4 /* in turn, so that a load need not wait for the next copy's stores */
};

/* The distance of a tap's pixels in bytes, or 0 where it is not one, or there are fewer than a
 * register has rows. */
static inline ptrdiff_t distance_of(const void *const *rows, int m)
{
    const ptrdiff_t d = (const char *)rows[1] - (const char *)rows[0];
    if (m < TILE_ROWS)
        return 0;
    for (int i = 2; i < TILE_ROWS; i++)
        if ((const char *)rows[i] - (const char *)rows[i - 1] != d)
            return 0;
    return d;
}

static inline void copy_rows(const void *const *rows, int m, size_t k, size_t channels,
                             uint16_t *to)
{
    for (int i = 0; i < m; i++) {
        memcpy(to + i * TILE_CHANNELS, (const uint16_t *)rows[i] + k,
               channels * sizeof(uint16_t));
        memset(to + i * TILE_CHANNELS + channels, 0,
               (TILE_CHANNELS - channels) * sizeof(uint16_t));
    }
    memset(to + m * TILE_CHANNELS, 0, (size_t)((TILE_ROWS - m) * TILE_BYTES));
}

static inline void multiply_lanes(int n, const char *w)
{
    tile_load(5, w, WORDS_BYTES);
    tile_multiply(0, 4, 5);
    if (n > TILE_WORDS) {
        tile_load(6, w + TILE_BYTES, WORDS_BYTES);
        tile_multiply(1, 4, 6);
    }
    if (n > 2 * TILE_WORDS) {
        tile_load(7, w + 2 * TILE_BYTES, WORDS_BYTES);
        tile_multiply(2, 4, 7);
    }
    if (n > 3 * TILE_WORDS) {
        tile_load(5, w + 3 * TILE_BYTES, WORDS_BYTES);
        tile_multiply(3, 4, 5);
    }
}

static inline void tile(const c2_gemm_ch_args *a, const void *const *rows, float *sums)
{
    _Alignas(64) uint16_t copies[COPIES][TILE_ROWS * TILE_CHANNELS];
    _Alignas(64) float room[TILE_ROWS * TILES_NR];
    float *acc = a->m < TILE_ROWS ? room : sums;
    const size_t acc_bytes = (size_t)(a->m * TILES_NR) * sizeof(float);
    const char *w = a->weight;
    int copy = 0;
    if (a->accumulate) {
        if (acc == room) {
            memset(room, 0, sizeof room);
            memcpy(room, sums, acc_bytes);
        }
        tile_load(0, acc, SUM_BYTES);
        tile_load(1, acc + TILE_WORDS, SUM_BYTES);
        tile_load(2, acc + 2 * TILE_WORDS, SUM_BYTES);
        tile_load(3, acc + 3 * TILE_WORDS, SUM_BYTES);
    } else {
        tile_zero(0);
        tile_zero(1);
        tile_zero(2);
        tile_zero(3);
    }
    for (size_t t = 0; t < a->n_taps; t++, rows += TILE_ROWS) {
        const ptrdiff_t distance = distance_of(rows, a->m);
        for (size_t k = 0; k < a->klen; k += TILE_CHANNELS, w += TILE_ROWS * WORDS_BYTES) {
            const size_t left = a->klen - k;
            tile_awake();
            if (distance && left >= TILE_CHANNELS) {
                tile_load(4, (const uint16_t *)rows[0] + k, distance);
            } else {
                uint16_t *to = copies[copy++ % COPIES];
                copy_rows(rows, a->m, k, left < TILE_CHANNELS ? left : TILE_CHANNELS, to);
                tile_load(4, to, TILE_BYTES);
            }
            multiply_lanes(a->n, w);
        }
    }
    tile_store(0, acc, SUM_BYTES);
    tile_store(1, acc + TILE_WORDS, SUM_BYTES);
    tile_store(2, acc + 2 * TILE_WORDS, SUM_BYTES);
    tile_store(3, acc + 3 * TILE_WORDS, SUM_BYTES);
    if (acc == room)
        memcpy(sums, room, acc_bytes);
}

c2_dot_ch_kernel C2_PASTE(C2_ISA);
void C2_PASTE(C2_ISA)(const c2_gemm_ch_args *a)
{
    for (int i = 0; i < a->n_tiles; i++)
        tile(a, a->rows + (size_t)i * a->tile_rows, a->acc + i * a->m * TILES_NR);
}
