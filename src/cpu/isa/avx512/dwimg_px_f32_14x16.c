/* SPDX-License-Identifier: BSD-2-Clause
 * AVX-512: depthwise 3x3, 5x5 and 7x7 from the image, 14 rows of 16 pixels. */
#include "cpu/simd/vec_avx512.h"

#define C2_MR 14
#define C2_NR 16
#include "cpu/body/dwimg_px.h"
