/* SPDX-License-Identifier: BSD-2-Clause
 * Failing allocations for the replays: every malloc of the process, those of its libraries too,
 * passes through starve.c where the C library and the build allow it. */
#ifndef TEST_FUZZ_STARVE_H
#define TEST_FUZZ_STARVE_H

#include <stdbool.h>
#include <stddef.h>

/* False where allocations cannot be made to fail: a sanitizer owns malloc, or another libc. */
bool starve_possible(void);
/* The n-th allocation from now on fails (1 = the next), and with `all` every later one too. */
void starve_arm(size_t n, bool all);
/* True if one failed; ends the failing. */
bool starve_disarm(void);

#endif
