/* SPDX-License-Identifier: BSD-2-Clause
 * AVX2: direct convolution, 4 pixels by 24 output channels; bfloat16. */
#include "cpu/simd/vec_avx2.h"
#include "cpu/simd/px_bf16.h"

#define C2_MR 4
#define C2_NR 24
#include "cpu/body/direct_ch.h"
