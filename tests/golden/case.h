/* SPDX-License-Identifier: BSD-2-Clause
 * One convolution with its data and what PyTorch says about it, read from a case file.
 * tests/golden/README.md has the format; tests/torch/cases.py writes it; case_file.c reads,
 * case_run.c runs a case through the public API, case_candidates.c lists what can, case_check.c
 * compares. */
#ifndef TEST_CASE_H
#define TEST_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conv2d/conv2d.h"

typedef enum case_entry {
    CASE_ENTRY_ONESHOT = 0, /* conv2d() */
    CASE_ENTRY_CONTEXT = 1, /* conv2d_prepack(), conv2d_run() twice */
    CASE_ENTRY_PLAN = 2,    /* conv2d_plan_create(), conv2d_plan_run() */
    CASE_N_ENTRIES = 3
} case_entry;

enum { CASE_RESIDUAL_IS_OUTPUT = -1 }; /* rank of such a residual; its values lie in the output */

/* A tensor as the file describes it: element (0, ..., 0) is at storage + offset elements. */
typedef struct case_tensor {
    int32_t dtype, rank; /* rank 0: absent */
    int64_t sizes[4], strides[4], offset;
    size_t storage_bytes;
    const unsigned char *storage; /* into the record */
} case_tensor;

typedef struct test_case {
    int64_t id;
    char category[32];
    char words[64]; /* of an error: words of which the sentence must have one, "bias|weight" */
    case_entry entry;
    conv2d_params params;
    case_tensor input, weight, bias, residual, output;
    /* What is expected: an error, or values of this shape. */
    bool error;
    bool sizes_error; /* conv2d_output_sizes() must find it too */
    int32_t rank;
    int64_t sizes[4];
    size_t n_values;
    const unsigned char *values;     /* n_values float64: the result, in C order */
    const unsigned char *tolerances; /* of each, before activation; infinite: any value */
} test_case;

/* A reader over a whole file in memory. */
typedef struct case_reader {
    unsigned char *bytes;
    size_t size, at;
} case_reader;

/* Read path ("-": standard input). False with a message in why (128 bytes). */
bool case_open(const char *path, case_reader *reader, char *why);
void case_close(case_reader *reader);
/* 1: the next record is in *c; 0: end of file; -1: the record is damaged, why says how. */
int case_next(case_reader *reader, test_case *c, char *why);

/* What the library said to a case. */
typedef struct case_result {
    conv2d_status sizes_status; /* of conv2d_output_sizes() */
    conv2d_status status;       /* of the call that computes */
    int64_t sizes[4];
    char sentence[512]; /* of the first of the two that failed */
    conv2d_tensor output;
    unsigned char *before; /* the output's storage before the call, malloc */
    void *guard;           /* guard_buffer of the storage */
} case_result;

/* Run on device through entry; inputs are read-only memory beside guard pages. Ends the program
 * only if the machine has no memory. */
void case_run(conv2d_device *device, const test_case *c, case_entry entry,
              const char *algorithm, case_result *result);
void case_result_free(case_result *result);

/* Names of the candidates that can compute a case ("igemm_ch/avx2"); none for an error or an empty
 * result. */
enum { CASE_MAX_NAMES = 32 };
typedef struct case_names {
    int n;
    char name[CASE_MAX_NAMES][56];
} case_names;
void case_candidates(conv2d_device *device, const test_case *c, case_names *names);

/* True if the result is what the case expects; else why (256 bytes) has the first difference.
 * Undoes the output's elements in its storage (to find writes between them): call once. */
bool case_check(const test_case *c, case_result *result, char *why);

#endif
