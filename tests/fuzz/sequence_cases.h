/* SPDX-License-Identifier: BSD-2-Clause
 * The convolutions of the sequence fuzzer: small ones over whole numbers, so that every algorithm
 * but Winograd's must give the same exact result, which is computed here once by the formula of
 * conv2d.h. */
#ifndef TEST_FUZZ_SEQUENCE_CASES_H
#define TEST_FUZZ_SEQUENCE_CASES_H

#include "conv2d/conv2d.h"

/* Each case with its own activation and two others over the same weights. */
enum { N_CASES = 12, N_VARIANTS = 3 };

typedef struct seq_case {
    conv2d_problem problem; /* data pointers set, but the output's */
    conv2d_params params[N_VARIANTS];
    void *expected[N_VARIANTS]; /* as the output lies in memory */
    size_t output_bytes;
    bool has_bias, has_residual;
} seq_case;

extern seq_case seq_cases[N_CASES];

/* Ends the program if a text does not parse or there is no memory. */
void seq_cases_make(void);
void seq_cases_free(void);

/* True if output (output_bytes of the case) is right: the same numbers (a zero may have either
 * sign), or where Winograd may compute, nearly. */
bool seq_case_equal(const seq_case *c, int variant, const void *output);

#endif
