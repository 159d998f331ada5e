/* SPDX-License-Identifier: BSD-2-Clause
 * AVX-512: output transform of F(6,3), 32 output channels. */
#include "cpu/simd/vec_avx512.h"

#define C2_MR 6
#define C2_NR 32
#include "cpu/body/wino_out.h"
