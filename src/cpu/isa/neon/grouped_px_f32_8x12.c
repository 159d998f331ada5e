/* SPDX-License-Identifier: BSD-2-Clause
 * NEON: grouped, 8 output channels by 12 pixels. */
#include "cpu/simd/vec_neon.h"

#define C2_MR 8
#define C2_NR 12
#include "cpu/body/grouped_px.h"
