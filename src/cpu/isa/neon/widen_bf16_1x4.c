/* SPDX-License-Identifier: BSD-2-Clause
 * NEON: pixels as rows of float32 channels; bfloat16. */
#include "cpu/simd/vec_neon.h"
#include "cpu/simd/px_bf16.h"

#define C2_MR 1
#define C2_NR 4
#include "cpu/body/widen.h"
