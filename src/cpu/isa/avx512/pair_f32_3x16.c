/* SPDX-License-Identifier: BSD-2-Clause
 * AVX-512: float32 pixels of two channels as pairs of their three parts. */
#include "cpu/simd/parts_avx512.h"

#define C2_TYPE f32
#define C2_PARTS 3
#include "cpu/body/pair_vectors.h"
