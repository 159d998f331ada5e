/* SPDX-License-Identifier: BSD-2-Clause
 * NEON: Winograd products of groups, 12 tiles by 8 output channels. */
#include "cpu/simd/vec_neon.h"

#define C2_MR 12
#define C2_NR 8
#include "cpu/body/wino_groups.h"
