/* SPDX-License-Identifier: BSD-2-Clause
 * AVX2: Winograd products of groups, 6 tiles by 16 output channels. */
#include "cpu/simd/vec_avx2.h"

#define C2_MR 6
#define C2_NR 16
#include "cpu/body/wino_groups.h"
