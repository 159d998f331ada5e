/* SPDX-License-Identifier: BSD-2-Clause
 * AVX-512: pixels as rows of float32 channels; float16. */
#include "cpu/simd/vec_avx512.h"
#include "cpu/simd/px_f16.h"

#define C2_MR 1
#define C2_NR 16
#include "cpu/body/widen.h"
