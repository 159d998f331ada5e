/* SPDX-License-Identifier: BSD-2-Clause
 * portable: grouped, 4 output channels by 8 pixels. */
#include "cpu/simd/vec_generic.h"

#define C2_MR 4
#define C2_NR 8
#include "cpu/body/grouped_px.h"
