/* SPDX-License-Identifier: BSD-2-Clause
 * The portable vector: four floats in the compiler's vector extension (SSE2, NEON, wasm or plain
 * scalars, whatever the baseline has). There may be no FMA instruction, so vf_fma rounds twice;
 * the bound of docs/numerics.md holds for that as well. */
#ifndef C2_CPU_SIMD_VEC_GENERIC_H
#define C2_CPU_SIMD_VEC_GENERIC_H

#include <stdint.h>
#include <string.h>

#include "core/half.h"

#define C2_ISA generic
typedef float vf __attribute__((vector_size(16)));
typedef int32_t vf_mask __attribute__((vector_size(16)));
/* VF: lanes. VF_ROW_POINTERS: rows whose pointers stay in integer registers during a loop. */
enum { VF = 4, VF_ROW_POINTERS = 6 };

static inline vf vf_set1(float x) { return (vf){x, x, x, x}; }
/* Two or four floats again and again. */
static inline vf vf_set2(const float *p) { return (vf){p[0], p[1], p[0], p[1]}; }
static inline vf vf_set4(const float *p) { return (vf){p[0], p[1], p[2], p[3]}; }
static inline vf vf_zero(void) { return (vf){0, 0, 0, 0}; }
static inline vf vf_load(const float *p)
{
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline void vf_store(float *p, vf v) { memcpy(p, &v, sizeof v); }
/* To an address aligned as vectors, past the caches where the ISA can: other threads see it after
 * c2_cpu_parallel. */
static inline void vf_stream(float *p, vf v) { vf_store(p, v); }
/* First n lanes, 1 <= n < VF; the others are 0 and their memory is not touched. */
static inline vf vf_load_n(const float *p, int n)
{
    return (vf){p[0], n > 1 ? p[1] : 0, n > 2 ? p[2] : 0, 0};
}
static inline void vf_store_n(float *p, vf v, int n)
{
    for (int i = 0; i < n; i++)
        p[i] = v[i];
}
/* Which lanes a load reads: bit i of `lanes` for lane i; vf_some_both: lanes of both. */
typedef uint32_t vf_some;
static inline vf_some vf_some_of(uint32_t lanes) { return lanes; }
static inline vf_some vf_some_both(vf_some a, vf_some b) { return a & b; }
/* Those lanes; the others are 0 and their memory is not touched. */
static inline vf vf_load_some(const float *p, vf_some some)
{
    if (some == 15)
        return vf_load(p);
    return (vf){some & 1 ? p[0] : 0, some & 2 ? p[1] : 0, some & 4 ? p[2] : 0, some & 8 ? p[3] : 0};
}
static inline vf vf_add(vf a, vf b) { return a + b; }
static inline vf vf_sub(vf a, vf b) { return a - b; }
static inline vf vf_mul(vf a, vf b) { return a * b; }
static inline vf vf_div(vf a, vf b) { return a / b; }
static inline vf vf_fma(vf a, vf b, vf c) { return a * b + c; }
/* mask ? a : b, lane by lane */
static inline vf vf_select(vf_mask mask, vf a, vf b)
{
    return (vf)(((vf_mask)a & mask) | ((vf_mask)b & ~mask));
}
/* bound > x ? bound : x, and bound < x ? bound : x: NaN in x and the sign of zero stay. */
static inline vf vf_max(vf bound, vf x) { return vf_select(bound > x, bound, x); }
static inline vf vf_min(vf bound, vf x) { return vf_select(bound < x, bound, x); }
/* x > 0 ? a : b */
static inline vf vf_where_positive(vf x, vf a, vf b) { return vf_select(x > vf_zero(), a, b); }
/* Rows to columns: lane j of row i was lane i of row j. */
static inline void vf_transpose(vf r[VF])
{
    const vf a = __builtin_shufflevector(r[0], r[1], 0, 4, 2, 6);
    const vf b = __builtin_shufflevector(r[0], r[1], 1, 5, 3, 7);
    const vf c = __builtin_shufflevector(r[2], r[3], 0, 4, 2, 6);
    const vf d = __builtin_shufflevector(r[2], r[3], 1, 5, 3, 7);
    r[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    r[1] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    r[2] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    r[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}
/* Lane i of the result is lane from[i] of v, 0 <= from[i] < VF. */
typedef vf_mask vf_lanes;
static inline vf_lanes vf_load_lanes(const int32_t *p)
{
    vf_lanes from;
    memcpy(&from, p, sizeof from);
    return from;
}
static inline vf vf_spread(vf v, vf_lanes from)
{
    return (vf){v[from[0]], v[from[1]], v[from[2]], v[from[3]]};
}
/* Lanes 0 2 4 .., 1 3 5 .. of a and then b; the halves of v exchanged. */
static inline vf vf_evens(vf a, vf b) { return (vf){a[0], a[2], b[0], b[2]}; }
static inline vf vf_odds(vf a, vf b) { return (vf){a[1], a[3], b[1], b[3]}; }
static inline vf vf_halves_exchanged(vf v) { return (vf){v[2], v[3], v[0], v[1]}; }
/* The value is in a register here: the compiler may neither fold its load into several uses nor
 * load it again. */
static inline vf vf_keep(vf v)
{
#if defined(__SSE2__)
    __asm__("" : "+x"(v));
#endif
    return v;
}

/* Half types, in storage of 16 bits a lane; NaN and rounding as in core/half.h on every ISA. */
typedef uint32_t vf_bits __attribute__((vector_size(16)));
static inline vf_bits vf_bits_select(vf_mask mask, vf_bits a, vf_bits b)
{
    return (a & (vf_bits)mask) | (b & ~(vf_bits)mask);
}
static inline vf_bits vf_u16(const uint16_t *p) { return (vf_bits){p[0], p[1], p[2], p[3]}; }
static inline vf_bits vf_u16_n(const uint16_t *p, int n)
{
    return (vf_bits){p[0], n > 1 ? p[1] : 0, n > 2 ? p[2] : 0, 0};
}
static inline vf_bits vf_u16_some(const uint16_t *p, vf_some some)
{
    if (some == 15)
        return vf_u16(p);
    return (vf_bits){some & 1 ? p[0] : 0, some & 2 ? p[1] : 0, some & 4 ? p[2] : 0,
                     some & 8 ? p[3] : 0};
}
static inline vf vf_of_f16(vf_bits h)
{
    const vf_bits low = (h & 0x7fff) << 13, m = h & 0x3ff, e = h & 0x7c00;
    const vf_bits special = low | 0x7f800000 | (0x400000 & (vf_bits)(m != 0));
    const vf_bits tiny = (vf_bits)(__builtin_convertvector(m, vf) * 0x1p-24f); /* as in half.h */
    const vf_bits x = vf_bits_select(e == 0, tiny, low + (112 << 23));
    return (vf)(vf_bits_select(e == 0x7c00, special, x) | (h & 0x8000) << 16);
}
static inline vf vf_set1_f16(uint16_t x) { return vf_set1(c2_f16_to_f32(x)); }
static inline vf vf_load_f16(const uint16_t *p) { return vf_of_f16(vf_u16(p)); }
/* Parts of vectors are not inlined: kernels read and store them in dozens of places, and each copy
 * is many instructions, a page of them for a store. */
#define C2_RARE static __attribute__((noinline, unused))
C2_RARE vf vf_load_n_f16(const uint16_t *p, int n) { return vf_of_f16(vf_u16_n(p, n)); }
C2_RARE vf vf_load_some_f16(const uint16_t *p, vf_some some)
{
    return vf_of_f16(vf_u16_some(p, some));
}
C2_RARE void vf_store_n_f16(uint16_t *p, vf v, int n)
{
    for (int i = 0; i < n; i++)
        p[i] = c2_f32_to_f16(v[i]);
}
static inline void vf_store_f16(uint16_t *p, vf v) { vf_store_n_f16(p, v, VF); }

static inline vf vf_of_bf16(vf_bits h)
{
    return (vf)(h << 16 | (0x400000 & (vf_bits)((h & 0x7fff) > 0x7f80)));
}
static inline vf vf_set1_bf16(uint16_t x) { return vf_set1(c2_bf16_to_f32(x)); }
static inline vf vf_load_bf16(const uint16_t *p) { return vf_of_bf16(vf_u16(p)); }
C2_RARE vf vf_load_n_bf16(const uint16_t *p, int n) { return vf_of_bf16(vf_u16_n(p, n)); }
C2_RARE vf vf_load_some_bf16(const uint16_t *p, vf_some some)
{
    return vf_of_bf16(vf_u16_some(p, some));
}
static inline vf_bits vf_to_bf16(vf v)
{
    const vf_bits bits = (vf_bits)v, top = bits >> 16;
    return vf_bits_select((bits & 0x7fffffff) > 0x7f800000, top | 0x40,
                          (bits + 0x7fff + (top & 1)) >> 16);
}
static inline void vf_store_n_bf16(uint16_t *p, vf v, int n)
{
    const vf_bits x = vf_to_bf16(v);
    for (int i = 0; i < n; i++)
        p[i] = (uint16_t)x[i];
}
static inline void vf_store_bf16(uint16_t *p, vf v) { vf_store_n_bf16(p, v, VF); }

#endif
