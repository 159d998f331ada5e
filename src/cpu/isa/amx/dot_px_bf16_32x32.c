/* SPDX-License-Identifier: BSD-2-Clause
 * AMX: implicit GEMM of bfloat16, 32 output channels by 32 pixels. */
#include "cpu/simd/tiles_amx.h"

#define C2_FAMILY dot_px
#define C2_TILES_KERNEL c2_dot_px_kernel
#define C2_TYPE bf16
#define C2_PARTS 1
#include "cpu/body/tiles_px.h"
