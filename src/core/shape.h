/* SPDX-License-Identifier: BSD-2-Clause
 * Shape arithmetic: pure functions, overflow-checked. */
#ifndef C2_CORE_SHAPE_H
#define C2_CORE_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "conv2d/conv2d.h"

/* Output extent of one axis: floor((size + before + after - dilation*(k-1) - 1) / stride) + 1, all
 * arguments valid (stride, dilation, k >= 1; the others >= 0). False if an intermediate overflows;
 * *out is negative or 0 if the kernel does not fit (never rounded toward zero). */
bool c2_output_extent(int64_t size, int64_t before, int64_t after, int64_t k, int64_t stride,
                      int64_t dilation, int64_t *out);

/* Lowest and highest element offset that sizes/strides reach (empty: 0, -1). False on overflow, in
 * bytes of element_bytes too. */
bool c2_extent(int rank, const int64_t *sizes, const int64_t *strides, int64_t element_bytes,
               int64_t *low_out, int64_t *high_out);

/* True if all elements have distinct addresses (sorted-stride test: sufficient and, for tensors of
 * this library's ranks, what every slice and transposition passes). */
bool c2_strides_distinct(int rank, const int64_t *sizes, const int64_t *strides);

/* Strides of contiguous elements; products that overflow become INT64_MAX. */
void c2_contiguous_strides(int rank, const int64_t *sizes, conv2d_order order, int64_t *strides);

/* "nchw", "nhwc" (unit stride of the innermost axis, dense), both ("nchw" named first when sizes of
 * 1 make them equal), else "strided". */
const char *c2_layout_name(int rank, const int64_t *sizes, const int64_t *strides);

#endif
