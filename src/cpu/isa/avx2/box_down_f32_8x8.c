/* SPDX-License-Identifier: BSD-2-Clause
 * AVX2: box filters, sums of rows. */
#include "cpu/simd/vec_avx2.h"

#define C2_MR 8
#define C2_NR 8
#include "cpu/body/box_down.h"
