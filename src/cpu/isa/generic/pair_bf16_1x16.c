/* SPDX-License-Identifier: BSD-2-Clause
 * Portable: bfloat16 pixels of two channels as pairs. */
#define C2_ISA generic
#define C2_TYPE bf16
#define C2_PARTS 1
#include "cpu/body/pair.h"
