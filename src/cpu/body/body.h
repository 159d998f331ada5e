/* SPDX-License-Identifier: BSD-2-Clause
 * What all kernel bodies share. A stub in isa/<isa>/ includes simd/vec_<isa>.h, for half types
 * simd/px_<type>.h as well, sets C2_MR and C2_NR (rows and lanes of its tile) and includes one
 * body; the body defines one kernel, c2_<family>_<type>_<mr>x<nr>_<isa>. Bodies are plain C over vf
 * (what is computed) and px (what is stored), and never include intrinsics. */
#ifndef C2_CPU_BODY_BODY_H
#define C2_CPU_BODY_BODY_H

#include "cpu/kernels.h"
#ifndef C2_TYPE
#include "cpu/simd/px_f32.h"
#endif

/* Plain functions and loops for builds with sanitizers, which should see them so, and for planted
 * faults: inlined and unrolled for each constant, with checks, a file of two seconds compiles for a
 * minute. */
#if defined(C2_PLAIN_BODIES)
#define C2_ALWAYS_INLINE static inline
#else
#define C2_ALWAYS_INLINE static inline __attribute__((always_inline))
#endif
#define C2_PASTE_(family, type, mr, nr, isa) c2_##family##_##type##_##mr##x##nr##_##isa
#define C2_PASTE(family, type, mr, nr, isa) C2_PASTE_(family, type, mr, nr, isa)
#define C2_K(family) C2_PASTE(family, C2_TYPE, C2_MR, C2_NR, C2_ISA)
/* In front of loops whose bounds are constants after inlining: without it GCC -O2 keeps the
 * accumulators in memory. */
#if defined(C2_PLAIN_BODIES)
#define C2_UNROLL
#elif defined(__clang__)
#define C2_UNROLL _Pragma("clang loop unroll(full)")
#else
#define C2_UNROLL _Pragma("GCC unroll 64")
#endif

enum { C2_NV = C2_NR / VF };

/* Tiles with fewer rows or vectors are copies of the same code with smaller constants; copies
 * beyond the tile's size are never called, and the minimum keeps their indices in range. */
#define C2_AT_MOST(x, limit) ((x) < (limit) ? (x) : (limit))

#endif
