/* SPDX-License-Identifier: BSD-2-Clause
 * NEON: grouped, 8 output channels by 12 pixels; bfloat16. */
#include "cpu/simd/vec_neon.h"
#include "cpu/simd/px_bf16.h"

#define C2_MR 8
#define C2_NR 12
#include "cpu/body/grouped_px.h"
