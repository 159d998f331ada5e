/* SPDX-License-Identifier: BSD-2-Clause
 * Filters that are a column times a row: finding the factors, and what is so found out about the
 * weights of a convolution. */
#ifndef C2_CORE_FACTOR_H
#define C2_CORE_FACTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "conv2d/conv2d.h"

/* One filter: weight(y, x) lies at data + y * stride[0] + x * stride[1] elements. */
typedef struct c2_filter {
    const void *data;
    int32_t dtype; /* any but float64 */
    int64_t kh, kw;
    int64_t stride[2];
} c2_filter;

/* Factors of a filter, each element computed when it is asked for. */
typedef struct c2_factors {
    c2_filter filter;
    int64_t y, x;   /* the largest weight's */
    double divisor; /* the weights of column x are multiples of it, exactly */
    int exponent;   /* of the power of two that goes from the row to the column */
    bool zero;      /* all weights are 0 */
} c2_factors;

/* True if both factors, rounded to float32, multiply to each weight within t * 2^-24 of it (0 where
 * it is 0), t = min(8, (kh - 1) * (kw - 1) - 1), and hold no denormals. The largest of |row| is at
 * least 1/2 and less than 1; the column times a power of two is integers without a common divisor,
 * so that integer weights give factors whose products are exact. */
bool c2_factor(const c2_filter *filter, c2_factors *factors_out);
float c2_factor_column(const c2_factors *f, int64_t y);
float c2_factor_row(const c2_factors *f, int64_t x);

/* The form of weights [oc, ic / groups, kh, kw] that the host can read. */
conv2d_weights_form c2_weights_form_of(const conv2d_tensor *weight);

#endif
