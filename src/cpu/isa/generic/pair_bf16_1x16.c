/* SPDX-License-Identifier: BSD-2-Clause
 * Portable: bfloat16 pixels of two channels as pairs. */
#define C2_ISA generic
#include "cpu/body/pair.h"
