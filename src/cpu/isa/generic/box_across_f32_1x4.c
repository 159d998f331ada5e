/* SPDX-License-Identifier: BSD-2-Clause
 * portable: box filters, sums of columns. */
#include "cpu/simd/vec_generic.h"

#define C2_MR 1
#define C2_NR 4
#include "cpu/body/box_across.h"
