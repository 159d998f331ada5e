/* SPDX-License-Identifier: BSD-2-Clause
 * AVX-512: direct convolution, 6 pixels by 64 output channels; float16. */
#include "cpu/simd/vec_avx512.h"
#include "cpu/simd/px_f16.h"

#define C2_MR 6
#define C2_NR 64
#include "cpu/body/direct_ch.h"
