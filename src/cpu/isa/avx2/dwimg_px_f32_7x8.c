/* SPDX-License-Identifier: BSD-2-Clause
 * AVX2: depthwise 3x3, 5x5 and 7x7 from the image, 7 rows of 8 pixels. */
#include "cpu/simd/vec_avx2.h"

#define C2_MR 7
#define C2_NR 8
#include "cpu/body/dwimg_px.h"
