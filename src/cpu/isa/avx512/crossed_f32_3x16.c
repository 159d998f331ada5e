/* SPDX-License-Identifier: BSD-2-Clause
 * AVX-512: pixels of few float32 channels as crossed words of their three parts. */
#include "cpu/simd/words_avx512.h"

#include "cpu/body/crossed.h"
