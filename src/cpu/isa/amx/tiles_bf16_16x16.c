/* SPDX-License-Identifier: BSD-2-Clause
 * AMX: the state of tile registers, which a thread loads before it multiplies, then gives up. */
#include "cpu/simd/tiles_amx.h"

#include "cpu/kernels.h"

c2_tiles_kernel c2_tiles_bf16_16x16_amx;
void c2_tiles_bf16_16x16_amx(bool begin)
{
    if (begin)
        tiles_begin();
    else
        tiles_end();
}
