/* SPDX-License-Identifier: BSD-2-Clause
 * Seeded random convolutions: one seed is one problem, its data and its labels in the count
 * matrix. Shapes are small and lie around the edges of the kernels' tiles. */
#ifndef TEST_RANDOM_PROBLEM_H
#define TEST_RANDOM_PROBLEM_H

#include <stdbool.h>
#include <stdint.h>

#include "conv2d/conv2d.h"

/* Axes of the count matrix (names of axes and values: matrix.c). */
typedef enum case_axis {
    AXIS_INPUT,  /* how the input lies in memory */
    AXIS_OUTPUT, /* how the output lies */
    AXIS_WEIGHT, /* how the weight lies */
    AXIS_DTYPE,
    AXIS_PADDING,
    AXIS_STRIDE, /* stride and dilation of the convolution */
    AXIS_KERNEL, /* extent of the kernel */
    AXIS_GROUPS,
    AXIS_ADDEND, /* bias and residual */
    AXIS_ACTIVATION,
    AXIS_LIMIT, /* workspace_limit, flush_denormals */
    AXIS_SIZE,  /* of the whole problem */
    N_AXES
} case_axis;

enum {
    INPUT_NCHW,
    INPUT_NHWC,
    INPUT_NCHW_SLICE,
    INPUT_NHWC_SLICE,
    INPUT_TRANSPOSED,
    INPUT_EXPANDED,
    INPUT_NEGATIVE
};
enum { OUTPUT_NCHW, OUTPUT_NHWC, OUTPUT_NCHW_GAPS, OUTPUT_NHWC_GAPS, OUTPUT_TRANSPOSED };
enum {
    WEIGHT_OIHW,
    WEIGHT_OHWI,
    WEIGHT_SLICE,
    WEIGHT_TRANSPOSED,
    WEIGHT_EXPANDED,
    WEIGHT_NEGATIVE
};
enum { DTYPE_F32, DTYPE_F64, DTYPE_F16, DTYPE_BF16 };
enum { PADDING_NONE, PADDING_ZEROS, PADDING_REFLECT, PADDING_REPLICATE, PADDING_CIRCULAR };
enum { STRIDE_1, STRIDE_2, STRIDE_3, STRIDE_UNEQUAL, STRIDE_DILATED, STRIDE_BOTH };
enum {
    KERNEL_1X1,
    KERNEL_3X3,
    KERNEL_SQUARE,
    KERNEL_ROW,
    KERNEL_COLUMN,
    KERNEL_OTHER,
    KERNEL_WIDE
};
enum { GROUPS_DENSE, GROUPS_SOME, GROUPS_DEPTHWISE, GROUPS_MULTIPLIER };
enum { ADDEND_NONE, ADDEND_BIAS, ADDEND_RESIDUAL, ADDEND_BOTH, ADDEND_IN_PLACE };
enum {
    ACTIVATION_CLAMP_LOW = CONV2D_ACT_MISH + 1,
    ACTIVATION_CLAMP_HIGH
}; /* after the enum's own */
enum { LIMIT_NONE, LIMIT_ZERO, LIMIT_SMALL, LIMIT_NONE_FLUSH };
enum { SIZE_SMALL, SIZE_LARGE, SIZE_WEIGHTS }; /* large: RANDOM_LARGE_MACS; weights: > 512 KiB */
enum { MAX_AXIS_VALUES = 16 };

/* The CPU runs problems of fewer multiply-adds on the calling thread. */
enum { RANDOM_LARGE_MACS = 200000 };

typedef enum case_values {
    VALUES_REAL,    /* normal data, scales that now and then reach the denormals */
    VALUES_INTEGER, /* integers with s < 2^24 and no rounding activation */
    VALUES_UNIT     /* normal data of scale 1, no float64 */
} case_values;

typedef struct random_case {
    uint64_t seed;
    case_values values;
    conv2d_problem problem; /* descriptions without data; params.algorithm is NULL */
    bool in_place;          /* the residual is the output's memory */
    bool depthwise_rows;    /* what the kernels of small depthwise filters take */
    double input_scale, weight_scale, zero_share;
    int64_t integer_max; /* VALUES_INTEGER: |input|, |weight| <= this */
    int label[N_AXES];
} random_case;

void random_case_make(uint64_t seed, case_values values, random_case *case_out);

/* Multiply-adds of one run. */
int64_t random_case_macs(const random_case *c);

#endif
