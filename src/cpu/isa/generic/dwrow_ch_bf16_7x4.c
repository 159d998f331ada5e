/* SPDX-License-Identifier: BSD-2-Clause
 * Portable: depthwise, rows of 3 taps or more, 7 pixels by 4 channels, bfloat16. */
#include "cpu/simd/vec_generic.h"
#include "cpu/simd/px_bf16.h"

#define C2_MR 7
#define C2_NR 4
#include "cpu/body/dwrow_ch.h"
