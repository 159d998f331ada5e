/* SPDX-License-Identifier: BSD-2-Clause
 * dot_px, dot2_px and dot3_px on tile registers: rows = output channels, lanes = pixels. Two by two
 * registers of sums, two of weights, two of pixels; a step is 16 words of k for 32 x 32 sums. Where
 * numbers are parts, a step has a product for each two parts whose sizes together matter, the
 * smallest first, and from one product to the next one side stays loaded. Loads stand among the
 * multiplications, as in tiles_panel.h. */
#include <string.h>

#include "cpu/body/late.h"
#include "cpu/body/meanwhile.h"

#define C2_PASTE_(family, type, isa) c2_##family##_##type##_32x32_##isa
#define C2_PASTE(family, type, isa) C2_PASTE_(family, type, isa)
#define C2_K(family) C2_PASTE(family, C2_TYPE, C2_ISA)

enum {
    TILES_MR = 2 * TILE_ROWS,
    TILES_NR = 2 * TILE_WORDS,
    STEP_PRODUCTS = C2_PARTS * (C2_PARTS + 1) / 2,
    TILES_BLOCK = TILES_MR * TILE_WORDS /* words of weights of a step and a part */
};

typedef struct tile_call {
    const c2_gemm_px_args *args;
    bool rows, lanes;  /* whether there is a second register of them */
    int whole, rest;   /* registers of 16 lanes, and lanes after them */
    ptrdiff_t pitch;   /* bytes between the words of a lane */
    const char *pixels;
    const uint32_t *weight;
    uintptr_t next; /* what is fetched, */
    spread pieces;  /* done, */
    late_rows late; /* and stored meanwhile */
} tile_call;

/* What is constant in most calls must be seen. */
#define TILES_INLINE static inline __attribute__((always_inline))

/* 16 words of the lanes from `from` on; those that the caller does not have are read from
 * nowhere. */
static inline void copy_lanes(const tile_call *c, const char *from, uint32_t *to)
{
    memset(to, 0, TILE_ROWS * TILE_BYTES);
    for (int k = 0; k < TILE_ROWS; k++)
        memcpy(to + k * TILE_WORDS, from + k * c->pitch, (size_t)c->rest * sizeof *to);
}

/* One product of parts: registers 4, 5 hold part `w` of weights, 6, 7 part `x` of pixels, which are
 * loaded if they are new. */
TILES_INLINE void product(const bool rows, const bool lanes, const bool rest, const bool busy,
                          tile_call *c, const int w, const bool new_w, const int x,
                          const bool new_x)
{
    _Alignas(64) uint32_t copy[TILE_ROWS * TILE_WORDS];
    const uint32_t *weight = c->weight + w * TILES_BLOCK;
    const char *pixels = c->pixels + x * c->args->part_pitch * (ptrdiff_t)sizeof(uint32_t);
    for (size_t i = 0; i < c->args->next_lines; i++, c->next += TILE_BYTES)
        __builtin_prefetch((const void *)c->next, 0, 2);
    if (busy) {
        late_product(&c->late, TILES_NR, true);
        meanwhile(&c->pieces);
    }
    if (new_w)
        tile_load(4, weight, TILE_BYTES);
    if (new_x && rest && c->whole == 0) {
        copy_lanes(c, pixels, copy);
        tile_load(6, copy, TILE_BYTES);
    } else if (new_x) {
        tile_load(6, pixels, c->pitch);
    }
    tile_multiply(0, 4, 6);
    if (lanes) {
        if (new_x && rest) {
            copy_lanes(c, pixels + TILE_BYTES, copy);
            tile_load(7, copy, TILE_BYTES);
        } else if (new_x) {
            tile_load(7, pixels + TILE_BYTES, c->pitch);
        }
        tile_multiply(1, 4, 7);
    }
    if (rows) {
        if (new_w)
            tile_load(5, weight + TILES_BLOCK / 2, TILE_BYTES);
        tile_multiply(2, 5, 6);
        if (lanes)
            tile_multiply(3, 5, 7);
    }
}

TILES_INLINE void steps(const bool rows, const bool lanes, const bool rest, const bool busy,
                        tile_call *c)
{
    for (size_t k = 0; k < c->args->klen; k += TILE_ROWS) {
        tile_awake();
#if C2_PARTS == 3
        product(rows, lanes, rest, busy, c, 0, true, 2, true);
        product(rows, lanes, rest, busy, c, 0, false, 1, true);
        product(rows, lanes, rest, busy, c, 1, true, 1, false);
        product(rows, lanes, rest, busy, c, 1, false, 0, true);
        product(rows, lanes, rest, busy, c, 2, true, 0, false);
        product(rows, lanes, rest, busy, c, 0, true, 0, false);
#elif C2_PARTS == 2
        product(rows, lanes, rest, busy, c, 1, true, 0, true);
        product(rows, lanes, rest, busy, c, 0, true, 0, false);
        product(rows, lanes, rest, busy, c, 0, false, 1, true);
#else
        product(rows, lanes, rest, busy, c, 0, true, 0, true);
#endif
        c->pixels += TILE_ROWS * c->pitch;
        c->weight += C2_PARTS * TILES_BLOCK;
    }
}

TILES_INLINE void tap_steps(const bool busy, tile_call *c)
{
    if (c->rest > 0)
        steps(c->rows, c->lanes, true, busy, c);
    else if (c->rows && c->lanes)
        steps(true, true, false, busy, c);
    else if (c->rows)
        steps(true, false, false, busy, c);
    else if (c->lanes)
        steps(false, true, false, busy, c);
    else
        steps(false, false, false, busy, c);
}

TILES_INLINE void load_sums(const tile_call *c, const float *acc)
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

TILES_INLINE void store_sums(const tile_call *c, float *acc)
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

/* A tile of lanes from `first` on; registers have all rows of a multiple of 16, acc may have
 * fewer. */
TILES_INLINE void tile(const bool busy, tile_call *c, int first, size_t products)
{
    _Alignas(64) float room[TILES_MR * TILES_NR];
    const c2_gemm_px_args *a = c->args;
    float *acc = a->m % TILE_ROWS ? room : a->acc;
    const size_t acc_bytes = (size_t)(a->m * TILES_NR) * sizeof(float);
    const int n = a->n - first < TILES_NR ? a->n - first : TILES_NR;
    c->lanes = n > TILE_WORDS;
    c->whole = n / TILE_WORDS;
    c->rest = n % TILE_WORDS;
    c->weight = a->weight;
    if (a->accumulate) {
        if (acc == room) {
            memset(room, 0, sizeof room);
            memcpy(room, a->acc, acc_bytes);
        }
        load_sums(c, acc);
    } else {
        tile_zero(0);
        tile_zero(1);
        tile_zero(2);
        tile_zero(3);
    }
    for (size_t t = 0; t < a->n_taps; t++) {
        c->pixels = (const char *)a->taps[t].pixels +
                    first / TILES_NR * a->tile_words * (ptrdiff_t)sizeof(uint32_t);
        c->pitch = a->taps[t].pitch * (ptrdiff_t)sizeof(uint32_t);
        tap_steps(busy, c);
    }
    if (busy)
        late_finish(&c->late, TILES_NR, true);
    store_sums(c, acc);
    if (acc == room)
        memcpy(a->acc, room, acc_bytes);
    if (busy)
        c->late = late_begin(a->own, a->acc, first, TILES_NR, products);
}

TILES_INLINE void tiles(const bool busy, const c2_gemm_px_args *a)
{
    const size_t products = a->n_taps * a->klen / TILE_ROWS * STEP_PRODUCTS;
    const size_t n_tiles = (size_t)((a->n + TILES_NR - 1) / TILES_NR);
    tile_call c = {.args = a,
                   .rows = a->m > TILE_ROWS,
                   .next = a->next,
                   .pieces = {a->meanwhile, n_tiles * products, 0}};
    if (busy && a->late)
        c.late = late_begin(a->late, a->late->acc, a->late->first, TILES_NR, products);
    for (int first = 0; first < a->n; first += TILES_NR)
        tile(busy, &c, first, products);
}

/* Apart, as in tiles_panel.h. */
static __attribute__((noinline)) void busy_tiles(const c2_gemm_px_args *a) { tiles(true, a); }

C2_TILES_KERNEL C2_K(C2_FAMILY);
void C2_K(C2_FAMILY)(const c2_gemm_px_args *a)
{
    if (a->meanwhile.pieces > 0 || a->late || a->own)
        busy_tiles(a);
    else
        tiles(false, a);
}
