/* SPDX-License-Identifier: BSD-2-Clause
 * AVX2: pixels as rows of float32 channels; bfloat16. */
#include "cpu/simd/vec_avx2.h"
#include "cpu/simd/px_bf16.h"

#define C2_MR 1
#define C2_NR 8
#include "cpu/body/widen.h"
