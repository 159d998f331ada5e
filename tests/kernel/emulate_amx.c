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

/* emulate_fma() of two halves; without the call where their product is exact in float32. */
static float add_product(float a, float b, float sum)
{
    const float product = a * b, size = fabsf(product);
    if (size > 0x1p-100f && size < 0x1p120f && fabsf(a) >= FLT_MIN && fabsf(b) >= FLT_MIN)
        return emulate_flush(product + sum);
    return emulate_fma(a, b, sum);
}

void emulate_tile_dpbf16ps(int sum, int a, int b)
{
    check_register(sum);
    check_register(a);
    check_register(b);
    for (int i = 0; i < state.rows[sum]; i++)
        for (int j = 0; j < state.bytes[sum] / 4; j++) {
            float low = 0, high = 0, old;
            for (int k = 0; k < state.bytes[a] / 4; k++) {
                const uint32_t x = state.words[a][i][k], y = state.words[b][k][j];
                low = add_product(emulate_half(x, 0), emulate_half(y, 0), low);
                high = add_product(emulate_half(x, 1), emulate_half(y, 1), high);
            }
            memcpy(&old, &state.words[sum][i][j], sizeof old);
            old = emulate_flush(emulate_flush(old) + emulate_flush(low + high));
            memcpy(&state.words[sum][i][j], &old, sizeof old);
        }
}
