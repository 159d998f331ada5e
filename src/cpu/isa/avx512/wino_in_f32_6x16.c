/* SPDX-License-Identifier: BSD-2-Clause
 * AVX-512: input transform of F(6,3), 16 channels. */
#include "cpu/simd/vec_avx512.h"

#define C2_MR 6
#define C2_NR 16
#include "cpu/body/wino_in.h"
