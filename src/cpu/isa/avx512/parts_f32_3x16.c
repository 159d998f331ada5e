/* SPDX-License-Identifier: BSD-2-Clause
 * AVX-512: rows of float32 channels as words of their three parts. */
#include "cpu/simd/words_avx512.h"

#define C2_PARTS 3
#include "cpu/body/parts.h"
