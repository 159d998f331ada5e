/* SPDX-License-Identifier: BSD-2-Clause
 * portable: direct convolution, 4 pixels by 8 output channels. */
#include "cpu/simd/vec_generic.h"

#define C2_MR 4
#define C2_NR 8
#include "cpu/body/direct_ch.h"
