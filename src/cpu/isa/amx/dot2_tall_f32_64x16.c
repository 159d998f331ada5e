/* SPDX-License-Identifier: BSD-2-Clause
 * AMX: implicit GEMM of float32 in two parts, 64 pixels by 16 output channels. */
#include "cpu/simd/tiles_amx.h"

#define C2_PARTS 2
#include "cpu/body/tiles_tall.h"
