/* SPDX-License-Identifier: BSD-2-Clause
 * One family of kernels: how to check one random case of it, and how to time it. main.c reads the
 * library's kernel table and calls these; a new kernel needs no test code. */
#ifndef TEST_KERNEL_CHECK_H
#define TEST_KERNEL_CHECK_H

#include <stdbool.h>

#include "core/half.h"
#include "core/mem.h"
#include "cpu/kernels.h"
#include "support/guard.h"
#include "support/rng.h"

typedef struct check {
    const c2_kernel *kernel;
    rng *random;
    bool integers; /* small integers: every result is exact */
    bool at_end;   /* buffers end at a guard page, else begin after one */
    char *why;     /* of a failure */
    size_t why_bytes;
} check;

/* A case passes, or false and a sentence in check->why. */
typedef bool (*check_case)(check *c);
/* Call the kernel once on its largest tile, data in the L1 cache; products done, 0 = no figure. */
typedef double (*bench_call)(const c2_kernel *kernel);

typedef struct check_family {
    c2_family family;
    check_case one;
    bench_call bench;
} check_family;
extern const check_family check_gemm_ch, check_gemm_px, check_dw_ch, check_dw_px, check_grouped_ch,
    check_grouped_px, check_epilogue, check_peak, check_widen, check_dwrow_ch, check_dwrow_px,
    check_dwimg_px;
extern const check_family check_dot_ch, check_dot_px, check_dot2_px, check_dot3_px, check_pair,
    check_dot2_ch, check_dot3_ch, check_parts, check_crossed,
    check_tiles;
/* Those of dot_ch and dot_px for kernels of tile registers. */
bool tiles_case(check *c);
double tiles_bench(const c2_kernel *kernel);
extern const check_family check_direct_px, check_direct_rows, check_direct_ch, check_direct_sum,
    check_box_down, check_box_across, check_apart;
extern const check_family check_wino_in, check_wino_gemm, check_wino_groups, check_wino_out;

/* 1, limit, or near a multiple of step, or anything between: sizes at which tails begin. */
int check_size(rng *r, int limit, int step);
/* A guard buffer of n floats: random values, read-only. integers: -8 .. 8. */
guard_buffer check_values(check *c, size_t n);
/* The same of n pixels, in the type of the kernel; an element of it; and its size. */
guard_buffer check_pixels(check *c, size_t n);
float check_pixel(const c2_kernel *kernel, const void *pixels, ptrdiff_t i);
size_t check_pixel_bytes(const c2_kernel *kernel);
/* One product added the way the kernel's ISA does it: one rounding (FMA) or two; in families
 * dot_... without denormals. */
float check_add_product(const c2_kernel *kernel, float a, float b, float sum);
/* Whether rows of lanes, `pitch` apart, hold what is expected of each lane, stored as dtype, bit by
 * bit, and between them what they were filled with, CHECK_FILL. */
enum { CHECK_FILL = 0x5a };
typedef struct check_rows {
    const void *out;
    int32_t dtype;
    ptrdiff_t rows, lanes, pitch;
    float (*expected)(const void *context, ptrdiff_t row, ptrdiff_t lane);
    const void *context;
} check_rows;
bool check_rows_are(check *c, const check_rows *rows);
/* Vector lanes of the kernel's ISA. */
int check_lanes(const c2_kernel *kernel);
/* sums[i * nr + j] before the call (accumulate) or not set, and what the kernel must leave: exactly
 * `expected`, and nothing written from row m on. */
bool check_tile(check *c, const float *acc, const float *expected, int m, int n);

/* Accumulators of a case: mr rows of nr, then a line of canaries. */
typedef struct check_acc {
    guard_buffer buffer;
    float *acc;
} check_acc;
check_acc check_acc_make(check *c, const float *initial);

#endif
