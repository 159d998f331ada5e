/* SPDX-License-Identifier: BSD-2-Clause
 * AVX-512: box filters, sums of rows. */
#include "cpu/simd/vec_avx512.h"

#define C2_MR 8
#define C2_NR 16
#include "cpu/body/box_down.h"
