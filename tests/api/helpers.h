/* SPDX-License-Identifier: BSD-2-Clause
 * What the tests of the public API share: tensors that own their memory, an oracle written as the
 * formula in conv2d.h reads, exact comparison, and an allocator that counts and fails on demand.
 * Nothing here calls the library, so a defect there cannot hide in an expected value. */
#ifndef TEST_API_HELPERS_H
#define TEST_API_HELPERS_H

#include <setjmp.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conv2d/conv2d.h"

/* A tensor that owns its memory. t may be changed into any view of it. */
typedef struct box {
    conv2d_tensor t;
    void *memory;
    size_t bytes;
} box;

/* order is a conv2d_order. Contiguous tensors filled with whole numbers -3 .. 3 that depend on
 * seed: sums of products are then exact in float32 and comparison needs no tolerance. Rank 4, rank
 * 3, rank 1. */
box box4(int order, int64_t n, int64_t c, int64_t h, int64_t w, unsigned seed);
box box3(int order, int64_t c, int64_t h, int64_t w, unsigned seed);
box box1(int64_t n, unsigned seed);
/* The same of any dtype that is computed, and any rank. */
box box_of(int32_t dtype, int order, int rank, const int64_t *sizes, unsigned seed);
/* All bytes 0xA5: a run must overwrite them, a refusal must not. */
void box_poison(box *b);
bool box_is_poisoned(const box *b);
void box_free(box *b);
/* Exchange axes a and b of a view. */
void swap_axes(conv2d_tensor *t, int a, int b);

/* Element of a rank 3 or 4 tensor (n ignored for rank 3) or, with n = c = h = 0, of a vector. */
double element(const conv2d_tensor *t, int64_t n, int64_t c, int64_t h, int64_t w);

/* The value of one output element by the formula of conv2d.h, in float64; bias, residual NULL =
 * absent. params must be resolved (padding[] says it all, no auto_pad). Activations: none, relu,
 * relu6, clamp, leaky_relu. */
double oracle_element(const conv2d_tensor *input, const conv2d_tensor *weight,
                      const conv2d_tensor *bias, const conv2d_tensor *residual,
                      const conv2d_params *params, const int64_t at[4]);

/* Fail the test unless every element of output is exactly the oracle's. */
void assert_oracle(const conv2d_tensor *output, const conv2d_tensor *input,
                   const conv2d_tensor *weight, const conv2d_tensor *bias,
                   const conv2d_tensor *residual, const conv2d_params *params);

/* Fail the test, with the library's sentence, unless status is CONV2D_OK. */
#define assert_ok(status) check_ok((status), #status, __FILE__, __LINE__)
void check_ok(conv2d_status status, const char *what, const char *file, int line);

/* Fail unless status is `expected` and conv2d_last_error() contains every needle (NULL = none). */
#define assert_refused(status, expected, needle1, needle2) \
    check_refused((status), (expected), (needle1), (needle2), __FILE__, __LINE__)
void check_refused(conv2d_status status, conv2d_status expected, const char *needle1,
                   const char *needle2, const char *file, int line);

/* A device with n_threads workers; fails the test if it cannot be opened. */
conv2d_device *open_cpu(int n_threads);

/* Counts what is live and fails the n-th request. Thread-safe. */
typedef struct counter {
    _Atomic size_t calls;      /* requests so far */
    _Atomic size_t live_bytes; /* allocated and not yet released */
    _Atomic size_t live;
    _Atomic size_t fail_at; /* 1 = the next request since counter_arm(); 0 = never */
} counter;
conv2d_allocator counter_allocator(counter *c);
/* Let request number n from now on fail (0: none). */
void counter_arm(counter *c, size_t n);

#endif
