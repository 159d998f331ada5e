/* SPDX-License-Identifier: BSD-2-Clause
 * NumPy's .npy format, versions 1 to 3, float32, float64 and float16, over memory: no file is
 * touched here, and nothing is believed that the size of the buffer does not support. */
#ifndef CLI_NPY_H
#define CLI_NPY_H

#include <stddef.h>

#include "cli.h"

enum { NPY_MAX_RANK = 4, NPY_HEADER_MAX = 256 };

typedef struct npy_view {
    int32_t dtype; /* CONV2D_FLOAT32, CONV2D_FLOAT64 or CONV2D_FLOAT16 */
    bool fortran;  /* first axis varies fastest */
    bool swapped;  /* elements are in the other byte order */
    int rank;      /* 0..NPY_MAX_RANK */
    int64_t sizes[NPY_MAX_RANK];
    size_t data_offset; /* of the first element in the buffer */
    size_t data_bytes;  /* exactly what the shape needs, and what the buffer has left */
} npy_view;

/* True if the buffer begins as an .npy file does. */
bool npy_is(const unsigned char *bytes, size_t n);

bool npy_parse(const unsigned char *bytes, size_t n, npy_view *view_out, cli_error *error);

/* Write, for any of these dtypes, the version 1 header of a C-order array in this machine's byte
 * order; returns its length, a multiple of 64. rank <= NPY_MAX_RANK. */
size_t npy_header(int32_t dtype, int rank, const int64_t *sizes, char header[NPY_HEADER_MAX]);

#endif
