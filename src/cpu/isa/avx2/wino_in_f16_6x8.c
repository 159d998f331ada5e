/* SPDX-License-Identifier: BSD-2-Clause
 * AVX2: input transform of F(6,3), 8 channels; float16. */
#include "cpu/simd/vec_avx2.h"
#include "cpu/simd/px_f16.h"

#define C2_MR 6
#define C2_NR 8
#include "cpu/body/wino_in.h"
