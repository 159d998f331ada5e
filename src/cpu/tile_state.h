/* SPDX-License-Identifier: BSD-2-Clause
 * The system's permission to use the registers of AMX, whose state it must keep for each thread. */
#ifndef C2_CPU_TILE_STATE_H
#define C2_CPU_TILE_STATE_H

/* Ask for it, for the process. 0, or the error number of a refusal. */
int c2_tile_state_request(void);

#endif
