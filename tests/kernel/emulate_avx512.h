/* SPDX-License-Identifier: BSD-2-Clause
 * AVX-512 on a machine without it: put in front of the stubs of src/cpu/isa/avx512, so that
 * kernel_emulated checks the very same sources anywhere. SIMDe has most of the intrinsics in plain
 * C; the masked loads and stores and the conversions it lacks, and an FMA that rounds once, are
 * here. Empty asm statements, which only order registers, go away: SIMDe's vectors are structs. */
#ifndef TEST_KERNEL_EMULATE_AVX512_H
#define TEST_KERNEL_EMULATE_AVX512_H

#include <immintrin.h>
#include <math.h>

#define SIMDE_ENABLE_NATIVE_ALIASES
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wpsabi"
#include <simde/x86/avx512.h>
#pragma GCC diagnostic pop

#include "core/half.h"
#include "emulate_bf16.h"

static inline simde__m512 emulate_maskz_loadu(simde__mmask16 mask, const float *p)
{
    simde__m512_private v = simde__m512_to_private(simde_mm512_setzero_ps());
    for (int i = 0; i < 16; i++)
        if (mask >> i & 1)
            v.f32[i] = p[i];
    return simde__m512_from_private(v);
}

static inline void emulate_mask_storeu(float *p, simde__mmask16 mask, simde__m512 x)
{
    const simde__m512_private v = simde__m512_to_private(x);
    for (int i = 0; i < 16; i++)
        if (mask >> i & 1)
            p[i] = v.f32[i];
}

/* The instruction faults where the address is not aligned. */
static inline void emulate_stream(float *p, simde__m512 x)
{
    if ((uintptr_t)p % 64)
        __builtin_trap();
    simde_mm512_storeu_ps(p, x);
}

static inline simde__m512 emulate_fmadd(simde__m512 a, simde__m512 b, simde__m512 c)
{
    const simde__m512_private x = simde__m512_to_private(a), y = simde__m512_to_private(b);
    simde__m512_private z = simde__m512_to_private(c);
    for (int i = 0; i < 16; i++)
        z.f32[i] = fmaf(x.f32[i], y.f32[i], z.f32[i]);
    return simde__m512_from_private(z);
}

/* The first operand's maximum or minimum, the second where one is NaN or both are zero. */
static inline simde__m512 emulate_select(simde__m512 a, simde__m512 b, int want_greater)
{
    const simde__m512_private x = simde__m512_to_private(a);
    simde__m512_private y = simde__m512_to_private(b);
    for (int i = 0; i < 16; i++)
        if (want_greater ? x.f32[i] > y.f32[i] : x.f32[i] < y.f32[i])
            y.f32[i] = x.f32[i];
    return simde__m512_from_private(y);
}

static inline simde__m256i emulate_maskz_loadu_16(simde__mmask16 mask, const uint16_t *p)
{
    simde__m256i_private v = simde__m256i_to_private(simde_mm256_setzero_si256());
    for (int i = 0; i < 16; i++)
        if (mask >> i & 1)
            v.u16[i] = p[i];
    return simde__m256i_from_private(v);
}

static inline void emulate_mask_storeu_16(uint16_t *p, simde__mmask16 mask, simde__m256i x)
{
    const simde__m256i_private v = simde__m256i_to_private(x);
    for (int i = 0; i < 16; i++)
        if (mask >> i & 1)
            p[i] = v.u16[i];
}

static inline simde__m512 emulate_cvtph(simde__m256i x)
{
    const simde__m256i_private h = simde__m256i_to_private(x);
    simde__m512_private v = simde__m512_to_private(simde_mm512_setzero_ps());
    for (int i = 0; i < 16; i++)
        v.f32[i] = c2_f16_to_f32(h.u16[i]);
    return simde__m512_from_private(v);
}

/* Rounds to nearest even, whatever is asked for: the kernels ask for nothing else. */
static inline simde__m256i emulate_cvtps(simde__m512 x)
{
    const simde__m512_private v = simde__m512_to_private(x);
    simde__m256i_private h = simde__m256i_to_private(simde_mm256_setzero_si256());
    for (int i = 0; i < 16; i++)
        h.u16[i] = c2_f32_to_f16(v.f32[i]);
    return simde__m256i_from_private(h);
}

static inline simde__m512i emulate_cvtepu16(simde__m256i x)
{
    const simde__m256i_private h = simde__m256i_to_private(x);
    simde__m512i_private v = simde__m512i_to_private(simde_mm512_setzero_si512());
    for (int i = 0; i < 16; i++)
        v.u32[i] = h.u16[i];
    return simde__m512i_from_private(v);
}

static inline simde__m256i emulate_cvtepi32_16(simde__m512i x)
{
    const simde__m512i_private v = simde__m512i_to_private(x);
    simde__m256i_private h = simde__m256i_to_private(simde_mm256_setzero_si256());
    for (int i = 0; i < 16; i++)
        h.u16[i] = (uint16_t)v.u32[i];
    return simde__m256i_from_private(h);
}

/* Four quarters of four floats: two of a, then two of b, chosen by two bits of imm each. */
static inline simde__m512 emulate_shuffle_f32x4(simde__m512 a, simde__m512 b, int imm)
{
    const simde__m512_private x = simde__m512_to_private(a), y = simde__m512_to_private(b);
    simde__m512_private v = x;
    for (int i = 0; i < 16; i++)
        v.f32[i] = (i < 8 ? x : y).f32[(imm >> (i / 4 * 2) & 3) * 4 + i % 4];
    return simde__m512_from_private(v);
}

/* VDPBF16PS; its operands of pairs are moved by memcpy alone. */
static inline simde__m512 emulate_mm512_dpbf16(simde__m512 sum, simde__m512 a, simde__m512 b)
{
    const simde__m512_private x = simde__m512_to_private(a), y = simde__m512_to_private(b);
    simde__m512_private z = simde__m512_to_private(sum);
    for (int i = 0; i < 16; i++)
        z.f32[i] = emulate_dpbf16(z.f32[i], x.u32[i], y.u32[i]);
    return simde__m512_from_private(z);
}

#undef __m512bh
#define __m512bh simde__m512
#undef _mm512_dpbf16_ps
#define _mm512_dpbf16_ps(sum, a, b) emulate_mm512_dpbf16(sum, a, b)
#undef _mm512_shuffle_f32x4
#define _mm512_shuffle_f32x4(a, b, imm) emulate_shuffle_f32x4(a, b, imm)
#undef _mm256_maskz_loadu_epi16
#undef _mm256_mask_storeu_epi16
#undef _mm512_cvtph_ps
#undef _mm512_cvtps_ph
#undef _mm512_cvtepu16_epi32
#undef _mm512_cvtepi32_epi16
#define _mm256_maskz_loadu_epi16(mask, p) emulate_maskz_loadu_16(mask, p)
#define _mm256_mask_storeu_epi16(p, mask, v) emulate_mask_storeu_16(p, mask, v)
#define _mm512_cvtph_ps(v) emulate_cvtph(v)
#define _mm512_cvtps_ph(v, rounding) emulate_cvtps(v)
#define _mm512_cvtepu16_epi32(v) emulate_cvtepu16(v)
#define _mm512_cvtepi32_epi16(v) emulate_cvtepi32_16(v)
#undef _mm512_maskz_loadu_ps
#undef _mm512_mask_storeu_ps
#undef _mm512_stream_ps
#undef _mm512_fmadd_ps
#undef _mm512_max_ps
#undef _mm512_shuffle_f32x4
#undef _mm512_min_ps
#define _mm512_maskz_loadu_ps(mask, p) emulate_maskz_loadu(mask, p)
#define _mm512_mask_storeu_ps(p, mask, v) emulate_mask_storeu(p, mask, v)
#define _mm512_stream_ps(p, v) emulate_stream(p, v)
#define _mm512_fmadd_ps(a, b, c) emulate_fmadd(a, b, c)
#define _mm512_shuffle_f32x4(a, b, imm8) simde_mm512_shuffle_f32x4(a, b, imm8)
#define _mm512_max_ps(a, b) emulate_select(a, b, 1)
#define _mm512_min_ps(a, b) emulate_select(a, b, 0)
#define __asm__(...) (void)0

#endif
