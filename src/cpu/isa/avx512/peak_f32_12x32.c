/* SPDX-License-Identifier: BSD-2-Clause
 * AVX-512: independent FMAs, the attainable peak. */
#include "cpu/simd/vec_avx512.h"

#define C2_MR 12
#define C2_NR 32
#include "cpu/body/peak.h"
