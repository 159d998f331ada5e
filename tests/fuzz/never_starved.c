/* SPDX-License-Identifier: BSD-2-Clause
 * Under libFuzzer no allocation is made to fail: the replays do that (starve.c). */
#include "fuzz.h"

bool fuzz_starved(void)
{
    return false;
}
