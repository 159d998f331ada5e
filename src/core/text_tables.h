/* SPDX-License-Identifier: BSD-2-Clause
 * What the reader and the writer of problem text share: the words, the sizes' keys, and the output
 * size that a parameter set gives. */
#ifndef C2_CORE_TEXT_TABLES_H
#define C2_CORE_TEXT_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "conv2d/conv2d.h"

typedef struct c2_word {
    const char *word; /* NULL ends a table */
    int32_t value;
} c2_word;

extern const c2_word c2_words_mode[], c2_words_dtype[], c2_words_accuracy[], c2_words_form[];
extern const c2_word c2_words_order[];        /* of input, residual, output */
extern const c2_word c2_words_weight_order[]; /* oihw, ohwi */

/* The word of a value, or NULL. */
const char *c2_word_of(const c2_word *table, int32_t value);

/* Output size of axis 0 = y, 1 = x: false on overflow; 0 or negative if the kernel does not fit.
 * auto_pad "same" is taken to have stride 1. */
bool c2_text_output_size(const conv2d_params *params, int axis, int64_t size, int64_t k,
                         int64_t *out);

/* A number in the C locale's notation whatever the locale is. write: text of at most 32 bytes that
 * reads back as the same value. read: false unless all of text[length] is one finite number in
 * double's range, or "inf" or "-inf". */
enum { C2_NUMBER_BYTES = 32 };
void c2_number_write(double value, char text[C2_NUMBER_BYTES]);
bool c2_number_read(const char *text, size_t length, double *out);

/* Characters of an algorithm's name, and of a layer's. */
bool c2_is_algorithm_char(char c);
bool c2_is_name_char(char c);

#endif
