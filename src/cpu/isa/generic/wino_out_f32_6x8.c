/* SPDX-License-Identifier: BSD-2-Clause
 * Portable C: output transform of F(6,3), 8 output channels. */
#include "cpu/simd/vec_generic.h"

#define C2_MR 6
#define C2_NR 8
#include "cpu/body/wino_out.h"
