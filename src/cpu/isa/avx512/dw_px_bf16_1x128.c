/* SPDX-License-Identifier: BSD-2-Clause
 * AVX-512: depthwise, 1 row of 128 pixels; bfloat16. */
#include "cpu/simd/vec_avx512.h"
#include "cpu/simd/px_bf16.h"

#define C2_MR 1
#define C2_NR 128
#include "cpu/body/dw_px.h"
