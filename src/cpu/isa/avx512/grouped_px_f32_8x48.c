/* SPDX-License-Identifier: BSD-2-Clause
 * AVX-512: grouped, 8 output channels by 48 pixels. */
#include "cpu/simd/vec_avx512.h"

#define C2_MR 8
#define C2_NR 48
#include "cpu/body/grouped_px.h"
