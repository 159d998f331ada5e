/* SPDX-License-Identifier: BSD-2-Clause
 * NEON: pixels as rows of float32 channels. */
#include "cpu/simd/vec_neon.h"

#define C2_MR 1
#define C2_NR 4
#include "cpu/body/widen.h"
