/* SPDX-License-Identifier: BSD-2-Clause
 * AVX2: grouped, three segments of 4 pixels by 8 output channels; bfloat16. */
#include "cpu/simd/vec_avx2.h"
#include "cpu/simd/px_bf16.h"

#define C2_MR 12
#define C2_NR 8
#include "cpu/body/grouped_ch.h"
