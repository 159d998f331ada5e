/* SPDX-License-Identifier: BSD-2-Clause
 * NEON: depthwise 3x3, 5x5 and 7x7 from the image, 14 rows of 4 pixels, float16. */
#include "cpu/simd/vec_neon.h"
#include "cpu/simd/px_f16.h"

#define C2_MR 14
#define C2_NR 4
#include "cpu/body/dwimg_px.h"
