/* SPDX-License-Identifier: BSD-2-Clause
 * NEON: depthwise, rows of 3 taps or more, 14 pixels by 4 channels, float16. */
#include "cpu/simd/vec_neon.h"
#include "cpu/simd/px_f16.h"

#define C2_MR 14
#define C2_NR 4
#include "cpu/body/dwrow_ch.h"
