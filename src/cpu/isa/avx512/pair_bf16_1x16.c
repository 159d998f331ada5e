/* SPDX-License-Identifier: BSD-2-Clause
 * AVX-512: bfloat16 pixels of two channels as pairs. */
#include "cpu/simd/parts_avx512.h"

#define C2_TYPE bf16
#define C2_PARTS 1
#include "cpu/body/pair_vectors.h"
