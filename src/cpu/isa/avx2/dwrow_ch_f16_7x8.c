/* SPDX-License-Identifier: BSD-2-Clause
 * AVX2: depthwise, rows of 3 taps or more, 7 pixels by 8 channels, float16. */
#include "cpu/simd/vec_avx2.h"
#include "cpu/simd/px_f16.h"

#define C2_MR 7
#define C2_NR 8
#include "cpu/body/dwrow_ch.h"
