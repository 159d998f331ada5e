/* SPDX-License-Identifier: BSD-2-Clause
 * AMX: implicit GEMM of float32 in two parts, 32 output channels by 32 pixels. */
#include "cpu/simd/tiles_amx.h"

#define C2_FAMILY dot2_px
#define C2_TILES_KERNEL c2_dot2_px_kernel
#define C2_TYPE f32
#define C2_PARTS 2
#include "cpu/body/tiles_px.h"
