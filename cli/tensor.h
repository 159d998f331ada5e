/* SPDX-License-Identifier: BSD-2-Clause
 * Tensors that own their memory, and element-wise work on tensors of any strides. */
#ifndef CLI_TENSOR_H
#define CLI_TENSOR_H

#include <stddef.h>

#include "cli.h"

typedef struct cli_tensor {
    conv2d_tensor t; /* t.rank == 0: absent */
    void *block;     /* owned (free); t.data points into it */
} cli_tensor;
#define CLI_TENSOR_INIT {CONV2D_TENSOR_INIT, NULL}

void tensor_free(cli_tensor *tensor);

/* &tensor->t, or NULL if absent: what the library wants for an optional tensor. */
conv2d_tensor *tensor_or_null(cli_tensor *tensor);

/* "float32", "float64", "float16", "bfloat16"; "?" for another. */
const char *tensor_dtype_name(int32_t dtype);

/* Number of elements; false if it does not fit into memory (times dtype). */
bool tensor_count(const conv2d_tensor *t, size_t *n_out);

/* Contiguous tensor of the description's rank, dtype and sizes in order, zeroed. what names it in
 * an error. */
bool tensor_make(const conv2d_tensor *description, conv2d_order order, const char *what,
                 cli_tensor *out, cli_error *error);

/* Storage for a description with whatever strides it has (negative ones included), zeroed. */
bool tensor_make_strided(const conv2d_tensor *description, const char *what, cli_tensor *out,
                         cli_error *error);

/* Contiguous copy in order, converted to dtype; absolute values if absolute. */
bool tensor_copy(const conv2d_tensor *from, int32_t dtype, conv2d_order order, bool absolute,
                 const char *what, cli_tensor *out, cli_error *error);

/* Convert in place to dtype; nothing happens if it has it. */
bool tensor_convert(cli_tensor *tensor, int32_t dtype, conv2d_order order, const char *what,
                    cli_error *error);

/* A walk over all elements in N C H W order:
 *     for (tensor_walk w = tensor_begin(&t); w.more; tensor_next(&w)) use(w.at); */
typedef struct tensor_walk {
    bool more;
    char *at; /* the element */
    int64_t sizes[4], index[4];
    ptrdiff_t step[4]; /* in bytes */
} tensor_walk;
tensor_walk tensor_begin(const conv2d_tensor *t);
void tensor_next(tensor_walk *walk);

double tensor_load(const char *at, int32_t dtype);
void tensor_store(char *at, int32_t dtype, double value);

/* Random data: reproducible from the seed alone. */
typedef struct cli_random {
    uint64_t state;
} cli_random;
uint64_t random_next(cli_random *random);
/* In [low, high]. */
int64_t random_between(cli_random *random, int64_t low, int64_t high);
/* Uniform in [-1, 1), a multiple of 2^-23. */
double random_real(cli_random *random);

/* Fill with random_real(), or with integers in [-limit, limit] if limit > 0. */
void tensor_fill(const conv2d_tensor *t, cli_random *random, int64_t limit);
/* Make each filter of a filled weight its column 0 times a row of 0, 1 and -1, or all of them the
 * first, or all weights the first, as a form other than any says. */
void tensor_separate(const conv2d_tensor *weight, conv2d_weights_form form);

#endif
