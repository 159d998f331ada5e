/* SPDX-License-Identifier: BSD-2-Clause
 * The discrete Fourier transform of n complex numbers, sum over j of from[j] exp(-+2 pi i jk / n),
 * by KissFFT: kiss.c in builds that have it, else no_kiss.c. kiss.c is the only file that includes
 * its header. Lengths are products of 2, 3, 4 and 5: transforms of these allocate nothing, and a
 * state is only read, by any number of threads. */
#ifndef C2_CPU_KISS_H
#define C2_CPU_KISS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct c2_complex {
    float re, im;
} c2_complex;

/* This build has KissFFT; without it nothing below is called. */
bool c2_kiss_present(void);
/* Bytes of the state for transforms of length n. */
size_t c2_kiss_bytes(int n);
/* Make the state in place; false if it does not fit the bytes. */
bool c2_kiss_make(void *state, size_t bytes, int n, bool inverse);
/* Transform from[0], from[step], ...; neither may overlap the other. */
void c2_kiss_run(void *state, const c2_complex *from, int step, c2_complex *to);

#endif
