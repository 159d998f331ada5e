/* SPDX-License-Identifier: BSD-2-Clause
 * Measuring candidates: which runs when, and which one wins. What a run is, the caller says, so
 * that tests can bring a clock and candidates of their own. */
#ifndef C2_PLAN_TUNE_H
#define C2_PLAN_TUNE_H

#include "plan/plan.h"

enum { C2_TUNE_STEPS = 1000 }; /* `total` of progress */

typedef struct c2_tuning {
    const c2_choice *choice; /* refused candidates are left out */
    double budget;           /* seconds to spend, about */
    /* One run of candidate i, complete when it returns. */
    conv2d_status (*run)(void *user, int i);
    double (*now)(void *user); /* seconds, never falling */
    void *user;
    void (*progress)(void *user, int done, int total, const char *text); /* may be NULL */
    void *progress_user;
    const char *(*name)(void *user, int i);
    const conv2d_cancel *cancel; /* may be NULL */
    double *seconds;             /* out: the least of each candidate's runs; 0 = not measured */
} c2_tuning;

/* Measure in turns until the budget is spent. CONV2D_OK, CONV2D_E_CANCELLED, or what run said. */
conv2d_status c2_tune_measure(const c2_tuning *tuning);

/* The candidate that wisdom should name: the fastest, or the estimate's if it is as good as that.
 */
int c2_tune_winner(const c2_choice *choice, const double *seconds);

#endif
