/* SPDX-License-Identifier: BSD-2-Clause
 * portable: independent FMAs, the attainable peak. */
#include "cpu/simd/vec_generic.h"

#define C2_MR 6
#define C2_NR 8
#include "cpu/body/peak.h"
