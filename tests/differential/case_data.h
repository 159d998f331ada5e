/* SPDX-License-Identifier: BSD-2-Clause
 * The memory of a random case: an image of every tensor's bytes with what lies between its
 * elements, copies of the images flush against guard pages, and the oracle's values. */
#ifndef TEST_CASE_DATA_H
#define TEST_CASE_DATA_H

#include <stddef.h>

#include "oracle.h"
#include "random_problem.h"
#include "support/guard.h"

enum { CASE_INPUT, CASE_WEIGHT, CASE_BIAS, CASE_RESIDUAL, CASE_OUTPUT, CASE_TENSORS };

/* All bytes from the lowest to the highest element; what lies between elements is NaN, so that
 * using it shows, and in the output it must stay as it is. */
typedef struct case_image {
    unsigned char *bytes;
    size_t n_bytes;
    int64_t origin; /* index of element (0, ..., 0) in the image */
} case_image;

/* What a result may be: want, within allowed of it; NaN where want is NaN; the infinity of want's
 * sign where that is so close to the largest number that a half type may overflow. */
typedef struct expected_value {
    long double want, allowed;
    bool may_overflow;
    bool may_be_any;      /* a value that is not finite may have spread here, or an overflow */
    bool is_never_finite; /* before the activation: NaN or an infinity of either sign */
} expected_value;

/* Results of algorithms that bound each element by its own window, of winograd_f2x3, of
 * winograd_f4x3, of winograd_f6x3, of those of pairs of bfloat16, which flush denormals, of
 * separable, of fft, of split2_px, of split3_px, of split3_f2x3 and of split3_f4x3. */
enum {
    EXPECTED_WINDOW,
    EXPECTED_TILE_2,
    EXPECTED_TILE_4,
    EXPECTED_TILE_6,
    EXPECTED_DOT,
    EXPECTED_FACTORS,
    EXPECTED_FFT,
    EXPECTED_SPLIT_2,
    EXPECTED_SPLIT_3,
    EXPECTED_SPLIT_TILE_2,
    EXPECTED_SPLIT_TILE_4,
    EXPECTED_KINDS
};

typedef struct case_data {
    const random_case *source;
    conv2d_problem problem; /* tensors with data in the images; the oracle reads these */
    case_image images[CASE_TENSORS];
    int64_t n_values;
    int64_t *offsets; /* offset of output element i */
    oracle_value *values;
    /* After the activation; NULL of algorithms that do not take such problems. */
    expected_value *expected[EXPECTED_KINDS];
} case_data;

/* Images with the case's values; values[] and expected[] are empty until case_data_solve() fills
 * them, so that a test may first put special values into the images. Ends the program without
 * memory. */
void case_data_make(const random_case *source, case_data *data_out);
void case_data_solve(case_data *data);
void case_data_free(case_data *data);

/* The description in a problem of one of the five tensors. */
conv2d_tensor *case_tensor(conv2d_problem *problem, int which);

/* Copies of the images between guard pages, inputs read-only. */
typedef struct case_place {
    const case_data *data;
    guard_buffer buffers[CASE_TENSORS];
    conv2d_problem problem; /* tensors with data in the buffers */
    int expected;           /* which kind of results the last run has */
} case_place;

/* at_end: the byte after each buffer is in a guard page, else the byte before it. */
void case_place_make(const case_data *data, bool at_end, case_place *place_out);
void case_place_free(case_place *place);
/* Output (and in-place residual) as before any run. */
void case_place_reset(case_place *place);

/* True if no byte between the output's elements has changed; else which. */
bool case_place_intact(const case_place *place, char *why, size_t capacity);
/* True if no byte of the output has changed at all. */
bool case_place_untouched(const case_place *place);

/* Write x, rounded, as the tensor's element at an offset. */
void case_store(const conv2d_tensor *tensor, int64_t offset, double x);

/* Bits that fill what lies between the elements of a tensor; a NaN in its type. */
uint32_t case_filler(int32_t dtype);

/* Output element i of the place. */
long double case_place_value(const case_place *place, int64_t i);

#endif
