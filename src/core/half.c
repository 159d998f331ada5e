/* SPDX-License-Identifier: BSD-2-Clause
 * Arrays of float16 and bfloat16 to and from float32; the rules are in half.h. Plain loops over its
 * inline functions: the kernels convert in registers and do not come here. */
#include "core/half.h"

void conv2d_float16_to_float32(size_t n, const uint16_t *from, float *to)
{
    for (size_t i = 0; i < n; i++)
        to[i] = c2_f16_to_f32(from[i]);
}

void conv2d_float32_to_float16(size_t n, const float *from, uint16_t *to)
{
    for (size_t i = 0; i < n; i++)
        to[i] = c2_f32_to_f16(from[i]);
}

void conv2d_bfloat16_to_float32(size_t n, const uint16_t *from, float *to)
{
    for (size_t i = 0; i < n; i++)
        to[i] = c2_bf16_to_f32(from[i]);
}

void conv2d_float32_to_bfloat16(size_t n, const float *from, uint16_t *to)
{
    for (size_t i = 0; i < n; i++)
        to[i] = c2_f32_to_bf16(from[i]);
}
