/* SPDX-License-Identifier: BSD-2-Clause
 * portable: grouped, three segments of 3 pixels by 4 output channels; bfloat16. */
#include "cpu/simd/vec_generic.h"
#include "cpu/simd/px_bf16.h"

#define C2_MR 9
#define C2_NR 4
#include "cpu/body/grouped_ch.h"
