/* SPDX-License-Identifier: BSD-2-Clause
 * AMX on a machine without it: put in front of the stubs of src/cpu/isa/amx, whose intrinsics then
 * are functions of emulate_amx.c, portable C that keeps tile registers for each thread. A use of
 * registers that were not configured, or are not there, ends the program. */
#ifndef TEST_KERNEL_EMULATE_AMX_H
#define TEST_KERNEL_EMULATE_AMX_H

#include <immintrin.h>

void emulate_tile_loadconfig(const void *config);
void emulate_tile_release(void);
void emulate_tile_zero(int t);
void emulate_tile_loadd(int t, const void *from, long stride);
void emulate_tile_stored(int t, void *to, long stride);
void emulate_tile_dpbf16ps(int sum, int a, int b);

#undef _tile_loadconfig
#undef _tile_release
#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbf16ps
#define _tile_loadconfig(config) emulate_tile_loadconfig(config)
#define _tile_release() emulate_tile_release()
#define _tile_zero(t) emulate_tile_zero(t)
#define _tile_loadd(t, from, stride) emulate_tile_loadd(t, from, stride)
#define _tile_stored(t, to, stride) emulate_tile_stored(t, to, stride)
#define _tile_dpbf16ps(sum, a, b) emulate_tile_dpbf16ps(sum, a, b)

#endif
