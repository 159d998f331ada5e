/* SPDX-License-Identifier: BSD-2-Clause
 * Portable: pixels of few float32 channels as crossed words of their three parts. */
#include "cpu/simd/words_generic.h"

#include "cpu/body/crossed.h"
