/* SPDX-License-Identifier: BSD-2-Clause
 * dot2_ch and dot3_ch on tile registers: rows = pixels, lanes = output channels. Two by
 * two registers of sums, two of pixels, two of weights. A step has a product for each two parts
 * whose sizes together matter; from one product to the next one side stays loaded. Loads stand
 * among the multiplications, which take longer: 6.5 ns of 16 x 16 x 16 words from the L1 cache, 7
 * to 8 from L2 (Granite Rapids). */
#include "cpu/body/late.h"
#include "cpu/body/meanwhile.h"

#define C2_PASTE_(parts, isa) c2_dot##parts##_ch_f32_32x32_##isa
#define C2_PASTE(parts, isa) C2_PASTE_(parts, isa)
#define C2_KERNEL_TYPE_(parts) c2_dot##parts##_ch_kernel
#define C2_KERNEL_TYPE(parts) C2_KERNEL_TYPE_(parts)

enum {
    PANEL_NR = 2 * TILE_WORDS,
    WEIGHT_PART = PANEL_NR,                     /* of a part of a word's weights */
    WEIGHT_STEP = TILE_ROWS * C2_PARTS * PANEL_NR, /* of a step's weights */
    STEP_PRODUCTS = C2_PARTS * (C2_PARTS + 1) / 2,
    WEIGHT_BYTES = C2_PARTS * PANEL_NR * 4,     /* from word to word */
    SUM_BYTES = PANEL_NR * (int)sizeof(float)
};

/* What is fetched and done during a product. */
typedef struct ahead {
    uintptr_t next, out;
    size_t lines, rows;
    ptrdiff_t row;
    spread pieces;
    late_rows late;
} ahead;

/* Words of a step's 16 pixels and of the next 16. */
typedef struct pixels {
    const char *half[2];
    ptrdiff_t row, part; /* bytes */
} pixels;

#define PANEL_INLINE static inline __attribute__((always_inline))

/* One product of parts: registers 4, 5 hold part `part` of pixels, 6, 7 weights; what is new (part
 * >= 0, a weight) is loaded. */
PANEL_INLINE void product(const int rows, const int lanes, const bool busy, ahead *side,
                          const pixels *x, const int part, const uint32_t *weight)
{
    for (size_t i = 0; i < side->lines; i++, side->next += 64)
        __builtin_prefetch((const void *)side->next, 0, 2);
    for (size_t i = 0; busy && i < side->rows; i++, side->out += (uintptr_t)side->row) {
        __builtin_prefetch((const void *)side->out, 1);
        __builtin_prefetch((const void *)(side->out + 64), 1);
    }
    if (busy) {
        late_product(&side->late, PANEL_NR, false);
        meanwhile(&side->pieces);
    }
    if (part >= 0)
        tile_load(4, x->half[0] + part * x->part, x->row);
    if (weight)
        tile_load(6, weight, WEIGHT_BYTES);
    tile_multiply(0, 4, 6);
    if (lanes > 1) {
        if (weight)
            tile_load(7, weight + TILE_WORDS, WEIGHT_BYTES);
        tile_multiply(1, 4, 7);
    }
    if (rows > 1) {
        if (part >= 0)
            tile_load(5, x->half[1] + part * x->part, x->row);
        tile_multiply(2, 5, 6);
        if (lanes > 1)
            tile_multiply(3, 5, 7);
    }
}

PANEL_INLINE void steps(const int rows, const int lanes, const bool busy, const c2_panel_args *a,
                        const uint32_t *w, ahead *side)
{
    for (size_t s = 0; s < a->n_steps; s++, w += WEIGHT_STEP) {
        tile_awake();
        const ptrdiff_t at = a->steps ? a->steps[s] : (ptrdiff_t)s * a->step;
        const pixels x = {{(const char *)a->pixels[0] + at,
                           rows > 1 ? (const char *)a->pixels[1] + at : NULL},
                          a->row,
                          a->part};
#if C2_PARTS == 3
        product(rows, lanes, busy, side, &x, 0, w + 2 * WEIGHT_PART);
        product(rows, lanes, busy, side, &x, -1, w + WEIGHT_PART);
        product(rows, lanes, busy, side, &x, 1, NULL);
        product(rows, lanes, busy, side, &x, -1, w);
        product(rows, lanes, busy, side, &x, 2, NULL);
        product(rows, lanes, busy, side, &x, 0, NULL);
#else
        product(rows, lanes, busy, side, &x, 1, w);
        product(rows, lanes, busy, side, &x, 0, NULL);
        product(rows, lanes, busy, side, &x, -1, w + WEIGHT_PART);
#endif
    }
}

PANEL_INLINE void load_sums(const int rows, const int lanes, const float *acc)
{
    tile_load(0, acc, SUM_BYTES);
    if (lanes > 1)
        tile_load(1, acc + TILE_WORDS, SUM_BYTES);
    if (rows > 1)
        tile_load(2, acc + TILE_ROWS * PANEL_NR, SUM_BYTES);
    if (rows > 1 && lanes > 1)
        tile_load(3, acc + TILE_ROWS * PANEL_NR + TILE_WORDS, SUM_BYTES);
}

PANEL_INLINE void store_sums(const int rows, const int lanes, float *acc)
{
    tile_store(0, acc, SUM_BYTES);
    if (lanes > 1)
        tile_store(1, acc + TILE_WORDS, SUM_BYTES);
    if (rows > 1)
        tile_store(2, acc + TILE_ROWS * PANEL_NR, SUM_BYTES);
    if (rows > 1 && lanes > 1)
        tile_store(3, acc + TILE_ROWS * PANEL_NR + TILE_WORDS, SUM_BYTES);
}

/* Tiles of output channels from channel *first to `end`. */
PANEL_INLINE void tiles(const int rows, const int lanes, const bool busy, const c2_panel_args *a,
                        int *first, int end, ahead *side)
{
    for (; *first < end; *first += PANEL_NR) {
        side->out = a->out + (uintptr_t)*first * sizeof(float);
        tile_zero(0);
        tile_zero(1);
        tile_zero(2);
        tile_zero(3);
        if (a->accumulate)
            load_sums(rows, lanes, a->acc);
        steps(rows, lanes, busy, a, a->weight + *first / PANEL_NR * a->tile_words, side);
        if (busy)
            late_finish(&side->late, PANEL_NR, false);
        store_sums(rows, lanes, a->acc);
        if (busy)
            side->late = late_begin(a->own, a->acc, *first, PANEL_NR, a->n_steps * STEP_PRODUCTS);
    }
}

/* Whole tiles beside which there is more to do than to fetch weights: apart, for the others lose by
 * it 2 to 15 %. */
static __attribute__((noinline)) void busy_tiles(const c2_panel_args *a, int *first, int end,
                                                 ahead *side)
{
    ahead here = *side;
    int at = *first;
    tiles(2, 2, true, a, &at, end, &here);
    *first = at;
    *side = here;
}

C2_KERNEL_TYPE(C2_PARTS) C2_PASTE(C2_PARTS, C2_ISA);
void C2_PASTE(C2_PARTS, C2_ISA)(const c2_panel_args *a)
{
    const size_t products = a->n_steps * STEP_PRODUCTS;
    const bool rows = a->m > TILE_ROWS;
    const bool busy = a->out_rows || a->meanwhile.pieces || a->late || a->own;
    const size_t n_tiles = (size_t)((a->n + PANEL_NR - 1) / PANEL_NR);
    /* Channels of tiles with both registers of lanes. */
    const int both = (a->n + TILE_WORDS - 1) / PANEL_NR * PANEL_NR;
    ahead side = {a->next,
                  a->out,
                  a->next_lines,
                  a->out_rows,
                  a->out_row,
                  {a->meanwhile, n_tiles * products, 0},
                  {0}};
    int first = 0;
    if (a->late)
        side.late = late_begin(a->late, a->late->acc, a->late->first, PANEL_NR, products);
    if (rows && busy)
        busy_tiles(a, &first, both, &side);
    else if (rows)
        tiles(2, 2, false, a, &first, both, &side);
    else
        tiles(1, 2, true, a, &first, both, &side);
    if (rows)
        tiles(2, 1, true, a, &first, a->n, &side);
    else
        tiles(1, 1, true, a, &first, a->n, &side);
}
