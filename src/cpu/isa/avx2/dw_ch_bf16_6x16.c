/* SPDX-License-Identifier: BSD-2-Clause
 * AVX2: depthwise, 6 pixels by 16 channels; bfloat16. */
#include "cpu/simd/vec_avx2.h"
#include "cpu/simd/px_bf16.h"

#define C2_MR 6
#define C2_NR 16
#include "cpu/body/dw_ch.h"
