/* SPDX-License-Identifier: BSD-2-Clause
 * AVX2: independent FMAs, the attainable peak. */
#include "cpu/simd/vec_avx2.h"

#define C2_MR 6
#define C2_NR 16
#include "cpu/body/peak.h"
