/* SPDX-License-Identifier: BSD-2-Clause
 * NEON: depthwise, 1 row of 32 pixels; bfloat16. */
#include "cpu/simd/vec_neon.h"
#include "cpu/simd/px_bf16.h"

#define C2_MR 1
#define C2_NR 32
#include "cpu/body/dw_px.h"
