/* SPDX-License-Identifier: BSD-2-Clause
 * AVX2: depthwise, 1 row of 64 pixels; bfloat16. */
#include "cpu/simd/vec_avx2.h"
#include "cpu/simd/px_bf16.h"

#define C2_MR 1
#define C2_NR 64
#include "cpu/body/dw_px.h"
