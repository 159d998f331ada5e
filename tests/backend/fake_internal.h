/* SPDX-License-Identifier: BSD-2-Clause
 * The structs of the fake device: each begins with the common head of backend.h. One lock and one
 * condition a device guard everything below; nothing here is tuned for speed. */
#ifndef TEST_FAKE_INTERNAL_H
#define TEST_FAKE_INTERNAL_H

#include <pthread.h>

#include "fake_backend.h"

enum { FAKE_RING = 32 }; /* runs a queue holds; a fuller one makes run() wait, never allocate */

typedef struct fake_queue fake_queue;

typedef struct fake_buffer {
    conv2d_buffer base; /* host stays NULL */
    unsigned char *memory;
    int pending; /* queued runs that use it */
} fake_buffer;

typedef struct fake_event {
    conv2d_event base;
    int pending;          /* queued runs that record into it */
    conv2d_status status; /* of the last one that finished */
} fake_event;

typedef struct fake_job {
    const c2_state *state;
    c2_run_args args; /* a copy; what it points to lives until args.done() */
} fake_job;

struct fake_queue {
    conv2d_queue base;
    pthread_t thread;
    bool started; /* with the first run: opening a device starts no thread */
    bool stop;
    bool closes_device; /* the device was released by this thread: free it on the way out */
    fake_job ring[FAKE_RING];
    unsigned head, count; /* count includes the one that is executing */
};

typedef struct fake_device {
    conv2d_device base;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool lost;             /* nothing runs any more */
    conv2d_status failure; /* of queued work, until sync or a copy reports it */
    int pending;           /* runs queued on all queues */
    fake_queue queue;      /* the default one; base.device is not counted as a reference */
} fake_device;

static inline fake_device *fake_of(const conv2d_device *device)
{
    return (fake_device *)device;
}

/* fake_queue.c */
conv2d_status fake_enqueue(const c2_state *state, const c2_run_args *args);
/* Stop and join the thread; false if it is the calling one, which then ends by itself. */
bool fake_queue_stop(fake_device *device, fake_queue *queue);
/* Take the failure of queued work and make it this thread's: CONV2D_OK if there was none. Called
 * with the lock. */
conv2d_status fake_take_failure(fake_device *device);
/* True if a countdown of fake_fault reaches its end with this call. */
bool fake_due(atomic_int *countdown);
/* fake_backend.c: give back the memory of a device whose threads have ended. */
void fake_device_free(fake_device *device);

/* fake_algorithms.c */
extern const c2_algorithm *const fake_algorithms[];
/* Execute a run on the calling thread. */
void fake_execute(const c2_state *state, const c2_run_args *args);

#endif
