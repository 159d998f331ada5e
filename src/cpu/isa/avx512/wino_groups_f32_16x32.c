/* SPDX-License-Identifier: BSD-2-Clause
 * AVX-512: Winograd products of groups, 16 tiles by 32 output channels. */
#include "cpu/simd/vec_avx512.h"

#define C2_MR 16
#define C2_NR 32
#include "cpu/body/wino_groups.h"
