/* SPDX-License-Identifier: BSD-2-Clause
 * AVX-512 BF16: implicit GEMM on pairs of channels, 12 pixels by 32 output channels. */
#include "cpu/simd/vec_avx512_bf16.h"
#include "cpu/simd/px_bf16.h"

#define C2_PAIRS
#define C2_MR 12
#define C2_NR 32
#include "cpu/body/gemm_ch.h"
