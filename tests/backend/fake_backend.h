/* SPDX-License-Identifier: BSD-2-Clause
 * A complete asynchronous backend for tests, "fake": memory the host cannot address, a thread a
 * queue that executes runs later, failures on demand, every object counted. It stands where a GPU
 * backend would and is the worked example of docs/add-a-backend.md. */
#ifndef TEST_FAKE_BACKEND_H
#define TEST_FAKE_BACKEND_H

#include <stdatomic.h>

#include "backend/backend.h"

extern const c2_backend c2_fake_backend;

/* Live objects and finished work, over all fake devices. */
typedef struct fake_counts {
    atomic_int devices, buffers, queues, events, states;
    atomic_int runs;   /* executed, failed ones included */
    atomic_int copies; /* uploads and downloads */
} fake_counts;
extern fake_counts fake_count;

/* What goes wrong, and when. 0 = never, 1 = the next one, ... */
typedef struct fake_faults {
    atomic_int open;   /* the driver refuses */
    atomic_int run;    /* the device is lost while it executes this run */
    atomic_int upload; /* the copy fails */
    atomic_int pack;   /* the upload of packed weights fails */
} fake_faults;
extern fake_faults fake_fault;

/* While held, queues accept work and execute none. */
void fake_hold(void);
void fake_go(void);

#endif
