/* SPDX-License-Identifier: BSD-2-Clause
 * Portable: rows of float32 channels as words of their two parts. */
#include "cpu/simd/words_generic.h"

#define C2_PARTS 2
#include "cpu/body/parts.h"
