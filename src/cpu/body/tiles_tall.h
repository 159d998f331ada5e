/* SPDX-License-Identifier: BSD-2-Clause
 * dot2_tall on tile registers: rows = pixels, lanes = 16 output channels or fewer. Four registers
 * of sums below each other, for one multiplication waits for the sums of the last but three: two,
 * as dot2_ch has of so few channels, would take 1.6 times as long. Pixels are loaded for each
 * product of parts, weights once for two. */
#include "cpu/kernels.h"

#define C2_TALL_(isa) c2_dot2_tall_f32_64x16_##isa
#define C2_TALL(isa) C2_TALL_(isa)

enum {
    TALL_NR = TILE_WORDS,
    TALL_PART = TALL_NR,                          /* of a part of a word's weights */
    TALL_STEP = TILE_ROWS * C2_PARTS * TALL_NR, /* of a step's weights */
    TALL_WORD_BYTES = C2_PARTS * TALL_NR * 4,
    TALL_ROW_BYTES = TALL_NR * (int)sizeof(float)
};

/* One product of parts of n registers of pixels, `at` bytes behind their first words; the weights
 * are in register 6 or 7. */
#define TALL_PRODUCT(n, x, at, row, weight)                                                        \
    do {                                                                                           \
        tile_load(4, (x)[0] + (at), row);                                                          \
        tile_multiply(0, 4, weight);                                                               \
        if ((n) > 1) {                                                                             \
            tile_load(5, (x)[1] + (at), row);                                                      \
            tile_multiply(1, 5, weight);                                                           \
        }                                                                                          \
        if ((n) > 2) {                                                                             \
            tile_load(4, (x)[2] + (at), row);                                                      \
            tile_multiply(2, 4, weight);                                                           \
        }                                                                                          \
        if ((n) > 3) {                                                                             \
            tile_load(5, (x)[3] + (at), row);                                                      \
            tile_multiply(3, 5, weight);                                                           \
        }                                                                                          \
    } while (0)

static inline __attribute__((always_inline)) void fetch(uintptr_t *at, size_t lines)
{
    for (size_t i = 0; i < lines; i++, *at += 64)
        __builtin_prefetch((const void *)*at, 0, 2);
}

static inline __attribute__((always_inline)) void steps(const int n, const c2_panel_args *a)
{
    const char *const x[4] = {a->pixels[0], n > 1 ? a->pixels[1] : NULL,
                              n > 2 ? a->pixels[2] : NULL, n > 3 ? a->pixels[3] : NULL};
    const uint32_t *w = a->weight;
    const ptrdiff_t row = a->row, part = a->part;
    uintptr_t next = a->next;
    for (size_t s = 0; s < a->n_steps; s++, w += TALL_STEP) {
        const ptrdiff_t at = a->steps ? a->steps[s] : (ptrdiff_t)s * a->step;
        tile_load(6, w, TALL_WORD_BYTES);
        fetch(&next, a->next_lines);
        TALL_PRODUCT(n, x, at + part, row, 6);
        fetch(&next, a->next_lines);
        TALL_PRODUCT(n, x, at, row, 6);
        tile_load(7, w + TALL_PART, TALL_WORD_BYTES);
        fetch(&next, a->next_lines);
        TALL_PRODUCT(n, x, at, row, 7);
    }
}

c2_dot2_tall_kernel C2_TALL(C2_ISA);
void C2_TALL(C2_ISA)(const c2_panel_args *a)
{
    float *acc = a->acc;
    const int n = a->m / TILE_ROWS;
    tile_zero(0);
    tile_zero(1);
    tile_zero(2);
    tile_zero(3);
    if (a->accumulate) {
        tile_load(0, acc, TALL_ROW_BYTES);
        if (n > 1)
            tile_load(1, acc + TILE_ROWS * TALL_NR, TALL_ROW_BYTES);
        if (n > 2)
            tile_load(2, acc + 2 * TILE_ROWS * TALL_NR, TALL_ROW_BYTES);
        if (n > 3)
            tile_load(3, acc + 3 * TILE_ROWS * TALL_NR, TALL_ROW_BYTES);
    }
    switch (n) {
    case 1: steps(1, a); break;
    case 2: steps(2, a); break;
    case 3: steps(3, a); break;
    default: steps(4, a); break;
    }
    tile_store(0, acc, TALL_ROW_BYTES);
    if (n > 1)
        tile_store(1, acc + TILE_ROWS * TALL_NR, TALL_ROW_BYTES);
    if (n > 2)
        tile_store(2, acc + 2 * TILE_ROWS * TALL_NR, TALL_ROW_BYTES);
    if (n > 3)
        tile_store(3, acc + 3 * TILE_ROWS * TALL_NR, TALL_ROW_BYTES);
}
