/* SPDX-License-Identifier: BSD-2-Clause
 * A build without KissFFT: nothing asks for more once it knows. */
#include "cpu/kiss.h"

bool c2_kiss_present(void) { return false; }

size_t c2_kiss_bytes(int n)
{
    (void)n;
    return 0;
}

bool c2_kiss_make(void *state, size_t bytes, int n, bool inverse)
{
    (void)state;
    (void)bytes;
    (void)n;
    (void)inverse;
    return false;
}

void c2_kiss_run(void *state, const c2_complex *from, int step, c2_complex *to)
{
    (void)state;
    (void)from;
    (void)step;
    (void)to;
}
