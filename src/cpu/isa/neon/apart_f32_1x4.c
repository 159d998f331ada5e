/* SPDX-License-Identifier: BSD-2-Clause
 * NEON: every second or fourth float of a row. */
#include "cpu/simd/vec_neon.h"

#define C2_MR 1
#define C2_NR 4
#include "cpu/body/apart.h"
