/* SPDX-License-Identifier: BSD-2-Clause
 * NEON: implicit GEMM, 12 pixels by 8 output channels; bfloat16. */
#include "cpu/simd/vec_neon.h"
#include "cpu/simd/px_bf16.h"

#define C2_MR 12
#define C2_NR 8
#include "cpu/body/gemm_ch.h"
