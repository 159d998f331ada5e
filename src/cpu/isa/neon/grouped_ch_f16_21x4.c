/* SPDX-License-Identifier: BSD-2-Clause
 * NEON: grouped, three segments of 7 pixels by 4 output channels; float16. */
#include "cpu/simd/vec_neon.h"
#include "cpu/simd/px_f16.h"

#define C2_MR 21
#define C2_NR 4
#include "cpu/body/grouped_ch.h"
