/* SPDX-License-Identifier: BSD-2-Clause
 * The planner: problem -> candidates -> refusals and costs -> choice. Pure but for the device's
 * wisdom: the same problem, device, build and wisdom always give the same choice, whatever the
 * thread count. */
#ifndef C2_PLAN_PLAN_H
#define C2_PLAN_PLAN_H

#include "backend/backend.h"
#include "core/text.h"

typedef struct c2_candidate {
    const c2_algorithm *algorithm;
    int variant;
    c2_why refusal; /* "" = usable */
    double cost, bound;
    double measured; /* seconds that tuning measured; 0 = not measured */
    c2_bytes bytes;
} c2_candidate;

typedef enum c2_chosen_by {
    C2_CHOSEN_BY_ESTIMATE = 0, /* the model's costs */
    C2_CHOSEN_BY_WISDOM = 1,   /* the device's wisdom has the problem */
    C2_CHOSEN_BY_FORCE = 2     /* params.algorithm */
} c2_chosen_by;

typedef struct c2_choice {
    int n, chosen; /* chosen = -1: no candidate was made (output without elements) */
    c2_candidate *candidates;
    c2_chosen_by by;
    c2_why note; /* why wisdom was not followed; "" = it was, or there is none */
} c2_choice;

/* Fill choice_out; candidates from allocator, freed by c2_choice_free().
 * CONV2D_E_ARGUMENT for an unknown problem->algorithm; CONV2D_E_UNSUPPORTED with the reason if no
 * candidate is left; CONV2D_E_NOMEM. */
conv2d_status c2_choose(const conv2d_device *device, const c2_problem *problem,
                        c2_choice *choice_out);
/* The cheapest candidate by the model among those that do not refuse, the first on a tie; -1 for
 * none. */
int c2_choice_cheapest(const c2_choice *choice);
void c2_choice_free(const conv2d_device *device, c2_choice *choice);

/* "estimate", "wisdom", "forced"; "none" where there is nothing to choose. */
const char *c2_choice_word(const c2_choice *choice);

/* Workers that fit: min(pool threads, (limit - shared) / per worker), at least 1. */
int c2_choice_workers(const conv2d_device *device, const c2_problem *problem,
                      const c2_bytes *bytes);
/* Bytes that so many workers need of the caller: none where the backend keeps workspaces. */
size_t c2_choice_workspace(const conv2d_device *device, const c2_bytes *bytes, int n_workers);

/* The text of conv2d_plan_text(). problem_text is the problem's; choice->chosen may be -1. */
void c2_describe(const conv2d_device *device, const c2_problem *problem, const char *problem_text,
                 const c2_choice *choice, bool verbose, c2_text *out);

#endif
