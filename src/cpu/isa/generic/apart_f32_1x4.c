/* SPDX-License-Identifier: BSD-2-Clause
 * portable: every second or fourth float of a row. */
#include "cpu/simd/vec_generic.h"

#define C2_MR 1
#define C2_NR 4
#include "cpu/body/apart.h"
