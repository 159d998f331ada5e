/* SPDX-License-Identifier: BSD-2-Clause
 * AVX2: output transform of F(6,3), 16 output channels. */
#include "cpu/simd/vec_avx2.h"

#define C2_MR 6
#define C2_NR 16
#include "cpu/body/wino_out.h"
