/* SPDX-License-Identifier: BSD-2-Clause
 * AVX2: every second or fourth float of a row. */
#include "cpu/simd/vec_avx2.h"

#define C2_MR 1
#define C2_NR 8
#include "cpu/body/apart.h"
