/* SPDX-License-Identifier: BSD-2-Clause
 * One dispatch on the CPU: threadgroups on a few CPU threads, a threadgroup's threads as fibers
 * that change places where they meet, or as a plain loop if they never do. */
#ifndef SM_THREADS_H
#define SM_THREADS_H

#include "compile.h"
#include "report.h"

typedef struct sm_dispatch {
    sm_kernel kernel;
    msl_arguments arguments;                     /* buffers; threadgroup memory is made for each */
    size_t threadgroup_bytes[MSL_MAX_ARGUMENTS]; /* lengths of setThreadgroupMemoryLength */
    uint32_t n_threadgroups[3], threads[3];
} sm_dispatch;

/* Carry it out in that order; returns when all of it is done. false if threads diverged. */
bool sm_run_dispatch(const sm_dispatch *dispatch, sm_order order, uint64_t seed);

/* ---- inside: one CPU thread's fibers, fibers.c */
typedef struct sm_worker sm_worker;
/* One that nobody uses; their stacks and fibers are kept for the next. */
sm_worker *sm_worker_take(void);
/* Threadgroup number `at` of the dispatch. false if threads diverged. */
bool sm_run_threadgroup(sm_worker *worker, const sm_dispatch *dispatch, const uint32_t at[3],
                        sm_order order, uint64_t seed);
/* After the worker's last threadgroup of a dispatch. */
void sm_worker_give_back(sm_worker *worker);

#endif
