/* SPDX-License-Identifier: BSD-2-Clause
 * NEON: direct convolution by sums along channels, 6 pixels by 4 output channels. */
#include "cpu/simd/vec_neon.h"

#define C2_MR 6
#define C2_NR 4
#include "cpu/body/direct_sum.h"
