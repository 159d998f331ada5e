/* SPDX-License-Identifier: BSD-2-Clause
 * AVX-512: every second or fourth float of a row. */
#include "cpu/simd/vec_avx512.h"

#define C2_MR 1
#define C2_NR 16
#include "cpu/body/apart.h"
