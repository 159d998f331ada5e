/* SPDX-License-Identifier: BSD-2-Clause
 * Memory: the allocator every object carries, and checked size arithmetic.
 * All memory of the library comes from c2_alloc(); sizes are given back at release. */
#ifndef C2_CORE_MEM_H
#define C2_CORE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conv2d/conv2d.h"

enum { C2_ALIGN = 64 }; /* bytes: a cache line, and the widest vector */

/* Copy the caller's allocator, or the malloc family for NULL. */
conv2d_allocator c2_allocator_or_default(const conv2d_allocator *allocator);

/* bytes aligned to C2_ALIGN, or NULL (the caller reports CONV2D_E_NOMEM). bytes 0 gives NULL only
 * on failure too: at least one line is allocated. */
void *c2_alloc(const conv2d_allocator *allocator, size_t bytes);
/* c2_alloc, zeroed. */
void *c2_alloc_zero(const conv2d_allocator *allocator, size_t bytes);
/* pointer may be NULL; bytes as allocated. */
void c2_free(const conv2d_allocator *allocator, void *pointer, size_t bytes);

/* out = a * b, a + b; false (out untouched) if the exact result does not fit int64_t. */
bool c2_mul_ok(int64_t a, int64_t b, int64_t *out);
bool c2_add_ok(int64_t a, int64_t b, int64_t *out);
/* Likewise for size_t. */
bool c2_size_mul_ok(size_t a, size_t b, size_t *out);

/* x rounded up to a multiple of m > 0; x + m must fit. */
static inline size_t c2_round_up(size_t x, size_t m) { return (x + m - 1) / m * m; }
static inline int64_t c2_div_up(int64_t x, int64_t m) { return (x + m - 1) / m; }
static inline int64_t c2_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t c2_max(int64_t a, int64_t b) { return a > b ? a : b; }
/* Greatest common divisor of a, b > 0. */
static inline int64_t c2_gcd(int64_t a, int64_t b)
{
    while (b) {
        const int64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

#endif
