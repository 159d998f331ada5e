/* SPDX-License-Identifier: BSD-2-Clause
 * Portable: float32 pixels of two channels as pairs of their two parts. */
#define C2_ISA generic
#define C2_TYPE f32
#define C2_PARTS 2
#include "cpu/body/pair.h"
