/* SPDX-License-Identifier: BSD-2-Clause
 * The planner: problem -> candidates -> refusals and costs -> choice. Pure: the same problem on the
 * same device and build always gives the same choice, whatever the thread count. */
#ifndef C2_PLAN_PLAN_H
#define C2_PLAN_PLAN_H

#include "backend/backend.h"
#include "core/text.h"

typedef struct c2_candidate {
    const c2_algorithm *algorithm;
    int variant;
    c2_why refusal; /* "" = usable */
    double cost, bound;
    c2_bytes bytes;
} c2_candidate;

typedef struct c2_choice {
    int n, chosen; /* chosen = -1: no candidate was made (output without elements) */
    c2_candidate *candidates;
} c2_choice;

/* Fill choice_out; candidates from allocator, freed by c2_choice_free().
 * CONV2D_E_ARGUMENT for an unknown problem->algorithm; CONV2D_E_UNSUPPORTED with the reason if no
 * candidate is left; CONV2D_E_NOMEM. */
conv2d_status c2_choose(const conv2d_device *device, const c2_problem *problem,
                        c2_choice *choice_out);
void c2_choice_free(const conv2d_device *device, c2_choice *choice);

/* Workers that fit: min(pool threads, (limit - shared) / per worker), at least 1. */
int c2_choice_workers(const conv2d_device *device, const c2_problem *problem,
                      const c2_bytes *bytes);

/* The text of conv2d_plan_text(). problem_text is the problem's; choice->chosen may be -1. */
void c2_describe(const conv2d_device *device, const c2_problem *problem, const char *problem_text,
                 const c2_choice *choice, bool verbose, c2_text *out);

#endif
