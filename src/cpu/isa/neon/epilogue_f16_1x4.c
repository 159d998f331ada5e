/* SPDX-License-Identifier: BSD-2-Clause
 * NEON: bias, residual, activation and store; float16. */
#include "cpu/simd/vec_neon.h"
#include "cpu/simd/px_f16.h"

#define C2_MR 1
#define C2_NR 4
#include "cpu/body/epilogue.h"
