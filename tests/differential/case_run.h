/* SPDX-License-Identifier: BSD-2-Clause
 * Running a case through the public API by each of its three ways, and judging the result. */
#ifndef TEST_CASE_RUN_H
#define TEST_CASE_RUN_H

#include "case_data.h"

typedef enum call_path {
    CALL_ONESHOT, /* conv2d() */
    CALL_CONTEXT, /* conv2d_prepack(), conv2d_run() twice */
    CALL_PLAN,    /* conv2d_plan_create(), conv2d_plan_run() in a guarded workspace */
    CALL_PATHS
} call_path;

enum { WHY_BYTES = 512 };

typedef struct run_how {
    conv2d_device *device;
    const char *algorithm; /* "igemm_ch/avx2", or NULL */
    call_path path;
    bool borrow;           /* CONV2D_WEIGHTS_BORROW */
    bool workspace_at_end; /* CALL_PLAN: which side of the workspace has the guard page */
} run_how;

/* Reset the output and run. CONV2D_OK, or the status of the call that failed; a broken promise on
 * the way (workspace above its limit, say) is CONV2D_E_STATE with a sentence in why. */
conv2d_status case_run(case_place *place, const run_how *how, char why[WHY_BYTES]);

/* True if the output is what the documentation promises: every element within the bound (integer
 * data: equal; NaN and infinity where the oracle has them), nothing between elements touched. */
bool case_judge(const case_place *place, char why[WHY_BYTES]);

/* A candidate of a device: an algorithm and one of its variants. */
typedef struct candidate {
    const char *algorithm, *variant, *isa;
    char force[56]; /* for params.algorithm */
    bool shadowed;  /* cannot be forced: an earlier variant has the same algorithm and isa, or this
                       build lacks its library */
} candidate;
enum { MAX_CANDIDATES = 80 };

/* All candidates of the device, in the order of its algorithms; how many. */
int list_candidates(const conv2d_device *device, candidate list[MAX_CANDIDATES]);

/* Ask the planner which candidates accept the case, without forcing one: accepted[i] for list[i].
 * refusal may be NULL. False and a sentence if conv2d_explain() fails or its list differs. */
bool ask_candidates(conv2d_device *device, const random_case *c, const candidate *list, int n,
                    bool accepted[MAX_CANDIDATES], char why[WHY_BYTES]);

/* True if the device has nothing for the case: a GPU may lack its dtype, a CPU takes every case. */
bool case_unsupported(const case_data *data, const bool *accepted, int n);

/* Open a device of n threads, at most the given isa (NULL = best). On failure the program ends with
 * the library's sentence; exit code 77 (skipped) if the machine lacks the device or the isa. */
conv2d_device *open_device(const char *name, int n_threads, const char *isa);

#endif
