/* SPDX-License-Identifier: BSD-2-Clause
 * AVX-512: depthwise, rows of 3 taps or more, 14 pixels by 16 channels, float16. */
#include "cpu/simd/vec_avx512.h"
#include "cpu/simd/px_f16.h"

#define C2_MR 14
#define C2_NR 16
#include "cpu/body/dwrow_ch.h"
