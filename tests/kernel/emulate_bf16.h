/* SPDX-License-Identifier: BSD-2-Clause
 * Products of bfloat16 pairs as the instructions' descriptions have them, in plain C: what the
 * kernel test expects of the hardware, and what stands in for it where it is missing. */
#ifndef TEST_KERNEL_EMULATE_BF16_H
#define TEST_KERNEL_EMULATE_BF16_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* A denormal is the zero of its sign. */
static inline float emulate_flush(float x)
{
    return fabsf(x) < FLT_MIN ? copysignf(0, x) : x;
}

/* Half h (0 the lower, 1 the upper) of a word as a number. */
static inline float emulate_half(uint32_t word, int h)
{
    const uint32_t bits = h ? word & 0xffff0000u : word << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* sum + a b, rounded once to nearest even. */
static inline float emulate_fma(float a, float b, float sum)
{
    return emulate_flush(fmaf(emulate_flush(a), emulate_flush(b), emulate_flush(sum)));
}

/* VDPBF16PS, one lane: the upper halves' product is added first. */
static inline float emulate_dpbf16(float sum, uint32_t a, uint32_t b)
{
    sum = emulate_fma(emulate_half(a, 1), emulate_half(b, 1), sum);
    return emulate_fma(emulate_half(a, 0), emulate_half(b, 0), sum);
}

#endif
