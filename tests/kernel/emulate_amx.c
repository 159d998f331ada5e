/* SPDX-License-Identifier: BSD-2-Clause
 * The instructions of emulate_amx.h, by the pseudo-code of Intel's manual: TDPBF16PS sums the
 * products of lower and of upper halves apart, each rounded to nearest even, adds the two sums, and
 * then the result to the register; denormals are zeros at each step. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "emulate_amx.h"
#include "emulate_bf16.h"

enum { REGISTERS = 8, ROWS = 16, ROW_BYTES = 64, WORDS = ROW_BYTES / 4 };

static _Thread_local struct {
    bool configured;
    int rows[REGISTERS], bytes[REGISTERS];
    uint32_t words[REGISTERS][ROWS][WORDS];
} state;

static void stop(const char *what)
{
    fprintf(stderr, "emulated AMX: %s\n", what);
    abort();
}

static void check_register(int t)
{
    if (!state.configured || t < 0 || t >= REGISTERS || state.rows[t] == 0)
        stop("a tile register is used that is not configured");
}

void emulate_tile_loadconfig(const void *config)
{
    const uint8_t *c = config;
    if (c[0] != 1 || c[1] != 0)
        stop("only palette 1, from row 0");
    memset(&state, 0, sizeof state);
    state.configured = true;
    for (int t = 0; t < REGISTERS; t++) {
        uint16_t bytes;
        memcpy(&bytes, c + 16 + 2 * t, sizeof bytes);
        state.bytes[t] = bytes;
        state.rows[t] = c[48 + t];
        if (state.bytes[t] > ROW_BYTES || state.rows[t] > ROWS)
            stop("a tile register is configured too large");
    }
}

void emulate_tile_release(void) { memset(&state, 0, sizeof state); }

void emulate_tile_zero(int t)
{
    check_register(t);
    memset(state.words[t], 0, sizeof state.words[t]);
}

void emulate_tile_loadd(int t, const void *from, long stride)
{
    emulate_tile_zero(t);
    for (int i = 0; i < state.rows[t]; i++)
        memcpy(state.words[t][i], (const char *)from + i * stride, (size_t)state.bytes[t]);
}

void emulate_tile_stored(int t, void *to, long stride)
{
    check_register(t);
    for (int i = 0; i < state.rows[t]; i++)
        memcpy((char *)to + i * stride, state.words[t][i], (size_t)state.bytes[t]);
}

/* A register's row of one half each, four at a time: whatever instructions the compiler has. */
enum { LANES = 4, VECTORS = WORDS / LANES };
typedef float four __attribute__((vector_size(4 * LANES)));
typedef uint32_t four_bits __attribute__((vector_size(4 * LANES)));
typedef struct row {
    four half[2][VECTORS];
    bool plain;
} row;

/* The product of two of these is exact in float32 and far from its bounds, or a zero. */
static bool is_plain(float x)
{
    const float size = fabsf(x);
    return size == 0 || (size > 0x1p-50f && size < 0x1p60f);
}

static row row_of(const uint32_t words[WORDS])
{
    row r = {.plain = true};
    for (int j = 0; j < WORDS; j++)
        for (int h = 0; h < 2; h++) {
            const float x = emulate_half(words[j], h);
            r.half[h][j / LANES][j % LANES] = x;
            r.plain = r.plain && is_plain(x);
        }
    return r;
}

static four flush(four x)
{
    const four_bits bits = (four_bits)x, size = bits & 0x7fffffff;
    return (four)(bits & ((four_bits)(size >= 0x00800000) | 0x80000000));
}

/* sums[j] = emulate_fma(x, y[j], sums[j]) */
static void add_products(float x, bool plain, const four y[VECTORS], four sums[VECTORS])
{
    for (int v = 0; v < VECTORS && plain; v++)
        sums[v] = flush(x * y[v] + sums[v]);
    for (int j = 0; j < WORDS && !plain; j++)
        sums[j / LANES][j % LANES] =
            emulate_fma(x, y[j / LANES][j % LANES], sums[j / LANES][j % LANES]);
}

void emulate_tile_dpbf16ps(int sum, int a, int b)
{
    check_register(sum);
    check_register(a);
    check_register(b);
    row rows[ROWS];
    for (int k = 0; k < state.bytes[a] / 4; k++)
        rows[k] = row_of(state.words[b][k]);
    for (int i = 0; i < state.rows[sum]; i++) {
        four sums[2][VECTORS] = {{{0}}};
        for (int k = 0; k < state.bytes[a] / 4; k++)
            for (int h = 0; h < 2; h++) {
                const float x = emulate_half(state.words[a][i][k], h);
                add_products(x, rows[k].plain && is_plain(x), rows[k].half[h], sums[h]);
            }
        for (int j = 0; j < state.bytes[sum] / 4; j++) {
            const four both = sums[0][j / LANES] + sums[1][j / LANES];
            float old;
            memcpy(&old, &state.words[sum][i][j], sizeof old);
            old = emulate_flush(emulate_flush(old) + emulate_flush(both[j % LANES]));
            memcpy(&state.words[sum][i][j], &old, sizeof old);
        }
    }
}
