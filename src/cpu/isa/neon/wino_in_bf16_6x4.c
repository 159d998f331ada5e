/* SPDX-License-Identifier: BSD-2-Clause
 * NEON: input transform of F(6,3), 4 channels; bfloat16. */
#include "cpu/simd/vec_neon.h"
#include "cpu/simd/px_bf16.h"

#define C2_MR 6
#define C2_NR 4
#include "cpu/body/wino_in.h"
