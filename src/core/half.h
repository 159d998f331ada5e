/* SPDX-License-Identifier: BSD-2-Clause
 * float16 and bfloat16: storage in uint16_t, values by the bits (IEEE 754 binary16; the upper half
 * of binary32). Rounding is to nearest even and happens once; beyond the largest number lies
 * infinity; a NaN stays one: its quiet bit is set, the payload's upper bits are kept. Denormals are
 * numbers like others. All of it is integer arithmetic or exact, so the thread's rounding mode and
 * its flushing of denormals do not matter.
 * Only static inline functions: kernels of all instruction sets include this header. */
#ifndef C2_CORE_HALF_H
#define C2_CORE_HALF_H

#include <stdint.h>
#include <string.h>

#include "conv2d/conv2d.h"

static inline uint32_t c2_bits_of_f32(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float c2_f32_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline float c2_f16_to_f32(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, e = h >> 10 & 31, m = h & 0x3ff;
    if (e == 31)
        return c2_f32_of_bits(sign | 0x7f800000 | (m ? 0x400000 | m << 13 : 0));
    if (e)
        return c2_f32_of_bits(sign | (e + 112) << 23 | m << 13);
    const float tiny = (float)m * 0x1p-24f; /* exact, and 0 or a normal float32 */
    return sign ? -tiny : tiny;
}

static inline uint16_t c2_f32_to_f16(float x)
{
    const uint32_t bits = c2_bits_of_f32(x), sign = bits >> 16 & 0x8000;
    uint32_t a = bits & 0x7fffffff;
    if (a > 0x7f800000)
        return (uint16_t)(sign | 0x7e00 | (a >> 13 & 0x3ff));
    if (a >= 0x477ff000) /* 65520 lies halfway between the largest number and 2^16 */
        return (uint16_t)(sign | 0x7c00);
    if (a >= 0x38800000) { /* 2^-14: a carry of the rounding runs into the exponent */
        a -= 0x38000000;
        return (uint16_t)(sign | (a + 0xfff + (a >> 13 & 1)) >> 13);
    }
    if (a < 0x33000000) /* 2^-25, half of the least denormal */
        return (uint16_t)sign;
    const uint32_t m = (a & 0x7fffff) | 0x800000, shift = 126 - (a >> 23); /* 14 .. 24 */
    const uint32_t q = m >> shift, rest = m & ((1u << shift) - 1), half = 1u << (shift - 1);
    return (uint16_t)(sign | (q + (rest > half || (rest == half && (q & 1)))));
}

static inline float c2_bf16_to_f32(uint16_t h)
{
    const uint32_t bits = (uint32_t)h << 16;
    return c2_f32_of_bits((bits & 0x7fffffff) > 0x7f800000 ? bits | 0x400000 : bits);
}

static inline uint16_t c2_f32_to_bf16(float x)
{
    const uint32_t bits = c2_bits_of_f32(x);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* float64 rounded to odd: the float32 next to x toward 0, with its last bit set unless x is exact.
 * Rounding that to at most 22 bits gives what rounding x itself gives. */
static inline float c2_f64_to_odd_f32(double x)
{
    const float f = (float)x;
    const double back = (double)f;
    if (!(back < x || back > x)) /* exact, or NaN */
        return f;
    uint32_t bits = c2_bits_of_f32(f);
    if (x < 0 ? back < x : back > x)
        bits--;
    return c2_f32_of_bits(bits | 1);
}

/* Element i of float32, float16 or bfloat16, exactly. */
static inline float c2_load_f32(const void *data, int32_t dtype, int64_t i)
{
    if (dtype == CONV2D_FLOAT32)
        return ((const float *)data)[i];
    const uint16_t half = ((const uint16_t *)data)[i];
    return dtype == CONV2D_FLOAT16 ? c2_f16_to_f32(half) : c2_bf16_to_f32(half);
}

/* Element i of data: float32, float64, float16 or bfloat16. Storing rounds once. */
static inline double c2_load_f64(const void *data, int32_t dtype, int64_t i)
{
    if (dtype == CONV2D_FLOAT32)
        return (double)((const float *)data)[i];
    if (dtype == CONV2D_FLOAT64)
        return ((const double *)data)[i];
    const uint16_t half = ((const uint16_t *)data)[i];
    return (double)(dtype == CONV2D_FLOAT16 ? c2_f16_to_f32(half) : c2_bf16_to_f32(half));
}

static inline void c2_store_f64(void *data, int32_t dtype, int64_t i, double x)
{
    if (dtype == CONV2D_FLOAT32)
        ((float *)data)[i] = (float)x;
    else if (dtype == CONV2D_FLOAT64)
        ((double *)data)[i] = x;
    else if (dtype == CONV2D_FLOAT16)
        ((uint16_t *)data)[i] = c2_f32_to_f16(c2_f64_to_odd_f32(x));
    else
        ((uint16_t *)data)[i] = c2_f32_to_bf16(c2_f64_to_odd_f32(x));
}

#endif
