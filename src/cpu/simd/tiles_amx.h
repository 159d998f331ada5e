/* SPDX-License-Identifier: BSD-2-Clause
 * AMX: eight registers of 16 rows of 64 bytes. What bodies of tile kernels use, which are plain C
 * over these; a register is named by a literal number. */
#ifndef C2_CPU_SIMD_TILES_AMX_H
#define C2_CPU_SIMD_TILES_AMX_H

#include <immintrin.h>
#include <stdint.h>

#ifdef __AVX512F__
#include "cpu/simd/vec_avx512.h"
#else /* emulated */
#include "cpu/simd/vec_generic.h"
#endif
#undef C2_ISA
#define C2_ISA amx

enum { TILE_ROWS = 16, TILE_WORDS = 16, TILE_BYTES = 64 };

/* GCC 12's intrinsics do not say that they read or write memory: nothing may be moved past them. */
#define tile_memory(p) __asm__ volatile("" ::"r"(p) : "memory")

#define tile_zero(t) _tile_zero(t)
/* Rows `bytes` apart. */
#define tile_load(t, p, bytes)                                                                     \
    do {                                                                                           \
        tile_memory(p);                                                                            \
        _tile_loadd(t, p, (long)(bytes));                                                          \
    } while (0)
#define tile_store(t, p, bytes)                                                                    \
    do {                                                                                           \
        _tile_stored(t, p, (long)(bytes));                                                         \
        tile_memory(p);                                                                            \
    } while (0)
/* sum[i][j] += a[i][k] . b[k][j] over 16 words k: the products of the words' lower and of their
 * upper halves are summed apart, in order of k, and the two sums added. */
#define tile_multiply(sum, a, b) _tile_dpbf16ps(sum, a, b)

/* Once a step. After some 2,000 cycles without floating-point arithmetic or multiplications of
 * vectors, the next store of a register waits for 1,000 more, as if their unit had been switched
 * off: 36 products of two by two registers and their stores took 3,680 cycles, with these 2,600
 * (Granite Rapids). */
#ifdef __AVX__
#define tile_awake() __asm__ volatile("vpmuludq %%xmm0, %%xmm0, %%xmm0" ::: "xmm0")
#else
#define tile_awake() ((void)0)
#endif

/* Every register at its full size: palette 1. */
static inline void tiles_begin(void)
{
    static const struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } config = {.palette = 1,
                .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
                .rows = {16, 16, 16, 16, 16, 16, 16, 16}};
    _Static_assert(sizeof config == 64, "as the instruction reads it");
    _tile_loadconfig(&config);
}
static inline void tiles_end(void) { _tile_release(); }

#endif
