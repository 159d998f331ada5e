/* SPDX-License-Identifier: BSD-2-Clause
 * NEON: direct convolution, 6 pixels by 16 output channels. */
#include "cpu/simd/vec_neon.h"

#define C2_MR 6
#define C2_NR 16
#include "cpu/body/direct_ch.h"
