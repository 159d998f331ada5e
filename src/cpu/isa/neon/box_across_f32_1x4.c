/* SPDX-License-Identifier: BSD-2-Clause
 * NEON: box filters, sums of columns. */
#include "cpu/simd/vec_neon.h"

#define C2_MR 1
#define C2_NR 4
#include "cpu/body/box_across.h"
