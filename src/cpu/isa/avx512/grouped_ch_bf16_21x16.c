/* SPDX-License-Identifier: BSD-2-Clause
 * AVX-512: grouped, three segments of 7 pixels by 16 output channels; bfloat16. */
#include "cpu/simd/vec_avx512.h"
#include "cpu/simd/px_bf16.h"

#define C2_MR 21
#define C2_NR 16
#include "cpu/body/grouped_ch.h"
