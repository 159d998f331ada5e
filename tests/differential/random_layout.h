/* SPDX-License-Identifier: BSD-2-Clause
 * Random strides: how a tensor of given sizes may lie in memory. */
#ifndef TEST_RANDOM_LAYOUT_H
#define TEST_RANDOM_LAYOUT_H

#include "conv2d/conv2d.h"
#include "support/rng.h"

typedef enum memory_form {
    FORM_FIRST,       /* contiguous, channels first */
    FORM_LAST,        /* contiguous, channels last */
    FORM_FIRST_SLICE, /* a slice (gaps, steps) of a larger tensor, channels first */
    FORM_LAST_SLICE,
    FORM_TRANSPOSED, /* some other order of the axes, perhaps sliced */
    FORM_EXPANDED,   /* stride 0 on some axis */
    FORM_NEGATIVE    /* some axis runs backwards */
} memory_form;

/* Set tensor->strides from its rank (3 or 4) and sizes. */
void random_strides(rng *r, memory_form form, conv2d_tensor *tensor);

#endif
