/* SPDX-License-Identifier: BSD-2-Clause
 * portable: direct convolution by sums along channels, 4 pixels by 2 output channels. */
#include "cpu/simd/vec_generic.h"

#define C2_MR 4
#define C2_NR 2
#include "cpu/body/direct_sum.h"
