/* SPDX-License-Identifier: BSD-2-Clause
 * AVX2: implicit GEMM, 6 output channels by 16 pixels; bfloat16. */
#include "cpu/simd/vec_avx2.h"
#include "cpu/simd/px_bf16.h"

#define C2_MR 6
#define C2_NR 16
#include "cpu/body/gemm_px.h"
