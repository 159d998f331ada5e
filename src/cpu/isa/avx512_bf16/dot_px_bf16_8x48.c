/* SPDX-License-Identifier: BSD-2-Clause
 * AVX-512 BF16: implicit GEMM on pairs of channels, 8 output channels by 48 pixels. */
#include "cpu/simd/vec_avx512_bf16.h"
#include "cpu/simd/px_pairs.h"

#define C2_PAIRS
#define C2_MR 8
#define C2_NR 48
#include "cpu/body/gemm_px.h"
