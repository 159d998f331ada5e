/* SPDX-License-Identifier: BSD-2-Clause
 * AMX: implicit GEMM of bfloat16, 16 pixels by 64 output channels. */
#include "cpu/simd/tiles_amx.h"

#include "cpu/body/tiles_ch.h"
