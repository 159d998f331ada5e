/* SPDX-License-Identifier: BSD-2-Clause
 * Transforms by KissFFT. Its complex numbers are pairs of floats like ours. */
#include <kissfft/kiss_fft.h>

#include "cpu/kiss.h"

_Static_assert(sizeof(kiss_fft_scalar) == sizeof(float), "KissFFT of another scalar type");
_Static_assert(sizeof(kiss_fft_cpx) == sizeof(c2_complex), "two floats");

bool c2_kiss_present(void) { return true; }

size_t c2_kiss_bytes(int n)
{
    size_t bytes = 0;
    kiss_fft_alloc(n, 0, NULL, &bytes); /* NULL: it only says how much */
    return bytes;
}

bool c2_kiss_make(void *state, size_t bytes, int n, bool inverse)
{
    return kiss_fft_alloc(n, inverse, state, &bytes) != NULL;
}

void c2_kiss_run(void *state, const c2_complex *from, int step, c2_complex *to)
{
    kiss_fft_stride(state, (const kiss_fft_cpx *)from, (kiss_fft_cpx *)to, step);
}
