/* SPDX-License-Identifier: BSD-2-Clause
 * NEON: direct convolution, 6 output rows by 16 pixels; bfloat16. */
#include "cpu/simd/vec_neon.h"
#include "cpu/simd/px_bf16.h"

#define C2_MR 6
#define C2_NR 16
#include "cpu/body/direct_rows.h"
