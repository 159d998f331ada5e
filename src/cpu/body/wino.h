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
