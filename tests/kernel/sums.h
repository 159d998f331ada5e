/* SPDX-License-Identifier: BSD-2-Clause
 * Sums of products of one case of the GEMM families: what a kernel must make of them, exactly and
 * within the bound, and the finished results of those that store them. */
#ifndef TEST_KERNEL_SUMS_H
#define TEST_KERNEL_SUMS_H

#include "check.h"

enum { SUMS_MR = 16, SUMS_TILE = 1024 };

/* As the kernel must make them and in float64. */
typedef struct sums {
    float expected[SUMS_TILE];
    double exact[SUMS_TILE], magnitude[SUMS_TILE];
    double slack[SUMS_TILE]; /* of the bound, beside what roundings may do */
    size_t n_products;
} sums;

/* The tile's sums before the call, if it adds to them. */
void sums_begin(check *c, sums *s, bool accumulate);
/* Add a product in the kernel's order. */
void sums_add(check *c, sums *s, int at, float a, float b);
/* before: all of acc before the call. Rows from m on keep what they had; without accumulate that is
 * a canary of the buffer. */
bool sums_check(check *c, sums *s, const float *before, const float *acc, int m, int n);
/* Repeat a call of a ..._ch kernel, finished: pixels of n channels forward or backward, gaps
 * between them that must stay as they were, the last one at the guard page. */
bool sums_finished(check *c, const c2_gemm_ch_args *plain, const float *expected);

#endif
