/* SPDX-License-Identifier: BSD-2-Clause
 * AVX-512: bfloat16 pixels of two channels as pairs. */
#define C2_ISA avx512
#define C2_TYPE bf16
#define C2_PARTS 1
#include "cpu/body/pair.h"
