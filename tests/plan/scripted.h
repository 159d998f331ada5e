/* SPDX-License-Identifier: BSD-2-Clause
 * A device whose candidates say what a test wants them to: two algorithms, "alpha" with kernels a0
 * (instruction set "low") and a1 ("high"), and "beta" with b0 ("low"). Nothing of it can run. */
#ifndef TEST_PLAN_SCRIPTED_H
#define TEST_PLAN_SCRIPTED_H

#include "helpers.h"
#include "plan/wisdom.h"

enum { SCRIPTED = 3 }; /* candidates, in the planner's order: a0, a1, b0 */

typedef struct scripted_candidate {
    const char *refusal; /* NULL = accepts */
    double cost;
    c2_bytes bytes;
} scripted_candidate;

extern scripted_candidate scripted[SCRIPTED]; /* reset by scripted_device() */
extern const char *scripted_model;

/* A device on the stack, with an empty wisdom and the malloc family. */
conv2d_device scripted_device(void);
void scripted_close(conv2d_device *device);

/* The checked form of a problem's text. */
c2_problem problem_of(const char *text);

#endif
