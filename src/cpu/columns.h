/* SPDX-License-Identifier: BSD-2-Clause
 * Columns of an image row as float32 whose channels are neighbours, padding written out: what
 * drivers whose kernels read such rows copy from tensors of other strides and types. */
#ifndef C2_CPU_COLUMNS_H
#define C2_CPU_COLUMNS_H

#include "cpu/driver.h"

typedef struct c2_columns {
    const c2_problem *problem;
    c2_widen_fn widen;
    int64_t first, step, n; /* column i of the copy is column first + i * step of the image */
    int64_t begin, end;     /* those of the copy that lie inside the image */
    int channels;
    ptrdiff_t pitch; /* floats between columns of the copy; at least as many as channels */
} c2_columns;

/* Sets all but channels and pitch, which may change between copies. */
c2_columns c2_columns_make(const c2_problem *p, c2_widen_fn widen, int64_t first, int64_t step,
                           int64_t n);
/* row: column 0 of an image row at the first channel, or NULL: a row of zeros. What lies between
 * the channels of one column and of the next may be written where the row is. */
void c2_columns_copy(const c2_columns *c, const char *row, float *to);

#endif
