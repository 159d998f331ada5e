/* SPDX-License-Identifier: BSD-2-Clause
 * AVX2: depthwise 3x3, 5x5 and 7x7 from the image, 7 rows of 8 pixels, bfloat16. */
#include "cpu/simd/vec_avx2.h"
#include "cpu/simd/px_bf16.h"

#define C2_MR 7
#define C2_NR 8
#include "cpu/body/dwimg_px.h"
