/* SPDX-License-Identifier: BSD-2-Clause
 * Portable C: input transform of F(6,3), 4 channels; float16. */
#include "cpu/simd/vec_generic.h"
#include "cpu/simd/px_f16.h"

#define C2_MR 6
#define C2_NR 4
#include "cpu/body/wino_in.h"
