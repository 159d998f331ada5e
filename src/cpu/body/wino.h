/* SPDX-License-Identifier: BSD-2-Clause
 * What the two transforms of Winograd convolution share. The loop over the lines of an F(6,3) tile
 * is not unrolled: its 64 vectors fit no ISA's registers. */
#include "cpu/body/body.h"

enum { C2_EDGE = C2_MR + 2 }; /* of an input tile */

#if C2_MR == 6
#define C2_UNROLL_LINES
#else
#define C2_UNROLL_LINES C2_UNROLL
#endif

/* The step of a point along an axis on which the tile has `size` outputs. */
C2_ALWAYS_INLINE int step_of(const int size, const int point)
{
    return point <= size ? point : C2_EDGE - 1;
}

enum { C2_HAS_SHORT = C2_MR < 6 }; /* whether tiles may be short */

/* pass(size, taps, ...) for both as the compiler knows them. C2_BY_TAPS is the including file's. */
#if C2_MR == 4
#define C2_BY_SIZE(size, taps, pass, ...) \
    switch (size) { \
    case 1: C2_BY_TAPS(1, taps, pass, __VA_ARGS__) break; \
    case 2: C2_BY_TAPS(2, taps, pass, __VA_ARGS__) break; \
    case 3: C2_BY_TAPS(3, taps, pass, __VA_ARGS__) break; \
    default: C2_BY_TAPS(C2_MR, taps, pass, __VA_ARGS__) break; \
    }
#else
#define C2_BY_SIZE(size, taps, pass, ...) \
    switch (size) { \
    case 1: C2_BY_TAPS(C2_HAS_SHORT ? 1 : C2_MR, taps, pass, __VA_ARGS__) break; \
    default: C2_BY_TAPS(C2_MR, taps, pass, __VA_ARGS__) break; \
    }
#endif
