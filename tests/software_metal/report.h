/* SPDX-License-Identifier: BSD-2-Clause
 * Violations of Metal's and Objective-C's rules, the options of a run (environment variables), and
 * failures to order. A violation is written down and ends the process, unless it is told not to. */
#ifndef SM_REPORT_H
#define SM_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum sm_order {
    SM_FORWARD,
    SM_REVERSE,
    SM_GREEDY, /* who opens a barrier goes on first, the others follow backwards */
    SM_GREEDY_FORWARD,
    SM_RANDOM,
    SM_N_ORDERS
} sm_order;

typedef struct sm_options {
    bool continue_after, ignore_leaks;
    const char *report_path; /* NULL: stderr only */
    bool all_orders;         /* run each dispatch in every order and compare the bits */
    sm_order order;
    uint64_t seed;
    int n_threads;
} sm_options;

const sm_options *sm_get_options(void);

/* kind: a word or two of README.md's list, "leak"; then a sentence. */
void sm_violation(const char *kind, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Operations that can be told to fail. */
typedef enum sm_failure {
    SM_FAIL_DEVICE,
    SM_FAIL_QUEUE,
    SM_FAIL_BUFFER,
    SM_FAIL_LIBRARY,
    SM_FAIL_FUNCTION,
    SM_FAIL_PIPELINE,
    SM_FAIL_ENCODER,
    SM_FAIL_COMMAND,
    SM_FAIL_DATA,
    SM_FAIL_ARCHIVE,
    SM_FAIL_ARCHIVE_ADD,
    SM_FAIL_ARCHIVE_WRITE,
    SM_N_FAILURES
} sm_failure;
/* Whether this one is to fail; the code ordered for it if so. */
bool sm_must_fail(sm_failure what, long *code_out);
long sm_get_delay(void);

#endif
