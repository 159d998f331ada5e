/* SPDX-License-Identifier: BSD-2-Clause
 * The oracle: convolution by its definition in conv2d.h, in long double, over public tensor
 * descriptions. It shares no code with the library. */
#ifndef TEST_ORACLE_H
#define TEST_ORACLE_H

#include <stdbool.h>

#include "conv2d/conv2d.h"

/* What the oracle knows of one output element before the activation. */
typedef struct oracle_value {
    long double y; /* bias + residual + sum weight * input */
    long double s; /* |bias| + |residual| + sum |weight| |input| */
    long double d; /* sum of |weight| + |input| of all products */
} oracle_value;

/* Fill values[], one an output element, in logical order N C H W. The problem's tensors are read
 * through its descriptions, whose data is set (output: sizes only; absent ones: rank 0). */
void oracle_run(const conv2d_problem *problem, oracle_value *values);

/* The activation by its formula in conv2d.h (params' bounds, alpha); NaN gives NaN. */
long double oracle_activate(const conv2d_params *params, long double x);

/* Element at an offset, as a number. */
long double oracle_load(const conv2d_tensor *tensor, int64_t offset);

/* gamma_{K+2} s + (K+2) eta: STRICT's bound before activation, K products a sum, in the unit
 * roundoff and least denormal of the type that sums have: float64, or float32 for all others. */
long double oracle_bound(int32_t dtype, int64_t k, long double s);

/* The same of algorithms of pairs of bfloat16, whose instructions flush denormals. */
long double oracle_dot_bound(int32_t dtype, int64_t k, oracle_value v);

/* True if they take such problems, but for the values of the weights and the layout; and of an
 * algorithm's name ("dot_ch", perhaps "/ISA"), whether it is one. */
bool oracle_has_pairs(const conv2d_problem *problem);
bool oracle_is_dot(const char *algorithm);

/* The same of algorithms that split float32 into parts: how many, by the name ("split3_px"; 1 of
 * "split" alone), or 0; whether they take such problems; and their bound. */
int oracle_parts(const char *algorithm);
bool oracle_has_parts(const conv2d_problem *problem, int parts);
long double oracle_parts_bound(const conv2d_problem *problem, int parts, oracle_value v);

/* m of the Winograd algorithm of that name ("winograd_f4x3" or "split3_f4x3", perhaps "/ISA"), or
 * 0. */
int oracle_tile(const char *algorithm);

/* True if Winograd algorithms take such problems, but for the values of the weights. */
bool oracle_has_tiles(const conv2d_problem *problem);

/* What docs/numerics.md says of Winograd F(m,3): S of every output element before the activation,
 * in logical order, bias and residual aside; infinite where a value that is not finite is in
 * reach, or where a transform may overflow. flushes: its products flush denormals. */
void oracle_tile_sums(const conv2d_problem *problem, int m, bool flushes, long double *sums);

/* Its bound before the activation; s: S with |bias| + |residual|. And with products of parts. */
long double oracle_tile_bound(const conv2d_problem *problem, int m, long double s);
long double oracle_tile_parts_bound(const conv2d_problem *problem, int m, long double s);

/* True of the algorithm fft; if it takes such problems, but for the weights' values and memory. */
bool oracle_is_fft(const char *algorithm);
bool oracle_has_fft(const conv2d_problem *problem);

/* What docs/numerics.md says of fft: S of every output element as in oracle_tile_sums(), and its
 * bound. */
void oracle_fft_sums(const conv2d_problem *problem, long double *sums);
long double oracle_fft_bound(const conv2d_problem *problem, long double s);

/* Largest |result - f(y)| the documentation allows after the activation, given the bound on its
 * argument. */
long double oracle_bound_after(const conv2d_problem *problem, long double y, long double bound);

/* Spacing of the dtype's numbers at |x|. */
long double oracle_ulp(int32_t dtype, long double x);

/* x rounded to the nearest number of the dtype, ties to even; infinity beyond the largest one. */
long double oracle_round(int32_t dtype, long double x);

/* The largest finite number of the dtype. */
long double oracle_max(int32_t dtype);

#endif
