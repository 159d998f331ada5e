/* SPDX-License-Identifier: BSD-2-Clause
 * portable: pixels as rows of float32 channels; float16. */
#include "cpu/simd/vec_generic.h"
#include "cpu/simd/px_f16.h"

#define C2_MR 1
#define C2_NR 4
#include "cpu/body/widen.h"
