/* SPDX-License-Identifier: BSD-2-Clause
 * NEON: independent FMAs, the attainable peak. */
#include "cpu/simd/vec_neon.h"

#define C2_MR 12
#define C2_NR 8
#include "cpu/body/peak.h"
