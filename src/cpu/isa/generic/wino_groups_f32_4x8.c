/* SPDX-License-Identifier: BSD-2-Clause
 * Portable: Winograd products of groups, 4 tiles by 8 output channels. */
#include "cpu/simd/vec_generic.h"

#define C2_MR 4
#define C2_NR 8
#include "cpu/body/wino_groups.h"
