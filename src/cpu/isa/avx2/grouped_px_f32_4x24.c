/* SPDX-License-Identifier: BSD-2-Clause
 * AVX2: grouped, 4 output channels by 24 pixels. */
#include "cpu/simd/vec_avx2.h"

#define C2_MR 4
#define C2_NR 24
#include "cpu/body/grouped_px.h"
