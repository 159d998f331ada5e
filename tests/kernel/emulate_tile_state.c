/* SPDX-License-Identifier: BSD-2-Clause
 * What the system says to a program that asks for AMX: in place of src/cpu/tile_state.c, the error
 * number that the build wants, or 0. */
#include "cpu/tile_state.h"

int c2_tile_state_request(void) { return EMULATED_TILE_STATE; }
