/* SPDX-License-Identifier: BSD-2-Clause
 * The sequence fuzzer: threads that do random steps on one pool of objects. What a step may do with
 * an object follows the header's rules about threads: a slot is locked for reading while its object
 * is used, for writing while it is made or destroyed, and a step that does not get its locks at
 * once is no step. */
#ifndef TEST_FUZZ_SEQUENCE_H
#define TEST_FUZZ_SEQUENCE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conv2d/conv2d.h"

enum { N_DEVICES = 3, N_CONTEXTS = 8, N_PLANS = 6, N_FILES = 4, N_PATHS = 4, N_BLOBS = 8 };

typedef struct slot {
    pthread_rwlock_t lock;
    void *object;    /* NULL = empty */
    int id, variant; /* of contexts and plans: case and variant */
} slot;

/* Bytes of a file in memory; once there they stay until the end, because mapped objects keep them.
 */
typedef struct blob {
    unsigned char *bytes;
    size_t n;
} blob;

typedef struct pool {
    slot devices[N_DEVICES], contexts[N_CONTEXTS], plans[N_PLANS], files[N_FILES];
    char paths[N_PATHS][160];
    atomic_bool is_saved[N_PATHS]; /* from then on the path leads to a whole file */
    pthread_mutex_t blobs_mutex;
    blob blobs[N_BLOBS];
    int n_blobs;
    bool inject;
    atomic_long live; /* allocations of the devices' own allocator */
} pool;
extern pool seq_pool;

enum { N_STEPS_MAX = 32 };

typedef struct worker {
    pthread_t thread;
    int number;
    uint64_t seed, random;
    long step, n_steps, n_busy;
    const char *name;      /* of the step */
    uint32_t failed;       /* faults that fired in the last call */
    uint32_t seen;         /* faults that ever fired */
    unsigned char *output; /* room for any output, with canaries around it */
    long n_ok[N_STEPS_MAX], n_refused[N_STEPS_MAX];
    int current; /* index of the step */
} worker;

typedef struct seq_step {
    const char *name;
    int weight;
    uint32_t faults; /* kinds that its calls can meet, as bits */
    void (*run)(worker *w);
} seq_step;
extern const seq_step seq_steps[];
extern const int seq_n_steps;

uint64_t seq_random(worker *w);
int seq_below(worker *w, int below);
_Noreturn void seq_fail(const worker *w, const char *file, int line, const char *what);
#define seq_check(w, condition, what) \
    ((condition) ? (void)0 : seq_fail((w), __FILE__, __LINE__, (what)))

/* Around a call of the library: s = seq_end(w, call...) after seq_begin(w), which may arm a fault.
 */
void seq_begin(worker *w);
/* Judge a status: true for CONV2D_OK. A failure must be one of `allowed` (bits 1 << status), or a
 * consequence of a fault, and must have a sentence of its own. */
bool seq_end(worker *w, conv2d_status s, uint32_t allowed);

/* A slot locked for reading that has an object, or NULL; and one for writing, empty or full. */
slot *seq_use(worker *w, slot *slots, int n);
slot *seq_take(worker *w, slot *slots, int n, bool full);
void seq_put(slot *s);

#endif
