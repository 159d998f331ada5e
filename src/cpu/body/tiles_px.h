/* SPDX-License-Identifier: BSD-2-Clause
 * dot_px, dot2_px and dot3_px on tile registers: rows = output channels, lanes = pixels. Two by two
 * registers of sums, two of weights, two of pixels; a step is 16 words of k for 32 x 32 sums. Where
 * numbers are parts, a step has a product for each two parts whose sizes together matter, the
 * smallest first, and from one product to the next one side stays loaded. */
#include <string.h>

#include "cpu/kernels.h"

#define C2_PASTE_(family, type, isa) c2_##family##_##type##_32x32_##isa
#define C2_PASTE(family, type, isa) C2_PASTE_(family, type, isa)
#define C2_K(family) C2_PASTE(family, C2_TYPE, C2_ISA)

enum {
    TILES_MR = 2 * TILE_ROWS,
    TILES_NR = 2 * TILE_WORDS,
    TILES_BLOCK = TILES_MR * TILE_WORDS /* words of weights of a step and a part */
};

typedef struct tile_call {
    const c2_gemm_px_args *args;
    bool rows, lanes;  /* whether there is a second register of them */
    int whole, rest;   /* registers of 16 lanes, and lanes after them */
    ptrdiff_t pitch;   /* bytes between the words of a lane */
    const char *pixels;
    const uint32_t *weight;
} tile_call;

static inline void load_weights(const tile_call *c, int part)
{
    const uint32_t *w = c->weight + part * TILES_BLOCK;
    tile_load(4, w, TILE_BYTES);
    if (c->rows)
        tile_load(5, w + TILES_BLOCK / 2, TILE_BYTES);
}

/* Lanes that the caller does not have are read from nowhere. */
static inline void copy_lanes(const tile_call *c, const char *from, uint32_t *to)
{
    memset(to, 0, TILE_ROWS * TILE_BYTES);
    for (int k = 0; k < TILE_ROWS; k++)
        memcpy(to + k * TILE_WORDS, from + k * c->pitch, (size_t)c->rest * sizeof *to);
}

static inline void load_pixels(const tile_call *c, int part)
{
    _Alignas(64) uint32_t copy[TILE_ROWS * TILE_WORDS];
    const char *p = c->pixels + part * c->args->part_pitch * (ptrdiff_t)sizeof(uint32_t);
    if (c->whole > 0) {
        tile_load(6, p, c->pitch);
    } else {
        copy_lanes(c, p, copy);
        tile_load(6, copy, TILE_BYTES);
    }
    if (!c->lanes)
        return;
    if (c->whole > 1) {
        tile_load(7, p + TILE_BYTES, c->pitch);
    } else {
        copy_lanes(c, p + TILE_BYTES, copy);
        tile_load(7, copy, TILE_BYTES);
    }
}

static inline void multiply(const tile_call *c)
{
    tile_multiply(0, 4, 6);
    if (c->lanes)
        tile_multiply(1, 4, 7);
    if (c->rows) {
        tile_multiply(2, 5, 6);
        if (c->lanes)
            tile_multiply(3, 5, 7);
    }
}

static inline void step(const tile_call *c)
{
    /* Which parts of weights and pixels, one of the two another than before. */
    static const int8_t parts[][2] = {
#if C2_PARTS == 3
        {0, 2}, {0, 1}, {1, 1}, {1, 0}, {2, 0}, {0, 0}
#elif C2_PARTS == 2
        {1, 0}, {0, 0}, {0, 1}
#else
        {0, 0}
#endif
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (i == 0 || parts[i][0] != parts[i - 1][0])
            load_weights(c, parts[i][0]);
        if (i == 0 || parts[i][1] != parts[i - 1][1])
            load_pixels(c, parts[i][1]);
        multiply(c);
    }
}

static inline void load_sums(const tile_call *c, const float *acc)
{
    enum { ROW = TILES_NR * (int)sizeof(float) };
    tile_load(0, acc, ROW);
    if (c->lanes)
        tile_load(1, acc + TILE_WORDS, ROW);
    if (c->rows) {
        tile_load(2, acc + TILE_ROWS * TILES_NR, ROW);
        if (c->lanes)
            tile_load(3, acc + TILE_ROWS * TILES_NR + TILE_WORDS, ROW);
    }
}

static inline void store_sums(const tile_call *c, float *acc)
{
    enum { ROW = TILES_NR * (int)sizeof(float) };
    tile_store(0, acc, ROW);
    if (c->lanes)
        tile_store(1, acc + TILE_WORDS, ROW);
    if (c->rows) {
        tile_store(2, acc + TILE_ROWS * TILES_NR, ROW);
        if (c->lanes)
            tile_store(3, acc + TILE_ROWS * TILES_NR + TILE_WORDS, ROW);
    }
}

C2_TILES_KERNEL C2_K(C2_FAMILY);
void C2_K(C2_FAMILY)(const c2_gemm_px_args *a)
{
    /* Registers have all rows of a multiple of 16; acc may have fewer. */
    _Alignas(64) float room[TILES_MR * TILES_NR];
    float *acc = a->m % TILE_ROWS ? room : a->acc;
    const size_t acc_bytes = (size_t)(a->m * TILES_NR) * sizeof(float);
    tile_call c = {.args = a,
                   .rows = a->m > TILE_ROWS,
                   .lanes = a->n > TILE_WORDS,
                   .whole = a->n / TILE_WORDS,
                   .rest = a->n % TILE_WORDS,
                   .weight = a->weight};
    if (a->accumulate) {
        if (acc == room) {
            memset(room, 0, sizeof room);
            memcpy(room, a->acc, acc_bytes);
        }
        load_sums(&c, acc);
    } else {
        tile_zero(0);
        tile_zero(1);
        tile_zero(2);
        tile_zero(3);
    }
    for (size_t t = 0; t < a->n_taps; t++) {
        c.pixels = a->taps[t].pixels;
        c.pitch = a->taps[t].pitch * (ptrdiff_t)sizeof(uint32_t);
        for (size_t k = 0; k < a->klen; k += TILE_ROWS) {
            step(&c);
            c.pixels += TILE_ROWS * c.pitch;
            c.weight += C2_PARTS * TILES_BLOCK;
        }
    }
    store_sums(&c, acc);
    if (acc == room)
        memcpy(a->acc, room, acc_bytes);
}
