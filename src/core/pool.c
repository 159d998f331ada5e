/* SPDX-License-Identifier: BSD-2-Clause
 * The built-in thread pool. One caller at a time owns the threads (a flag, never waited for); a
 * caller that finds them taken, or is itself inside a task, runs its tasks alone. The owner never
 * depends on a thread: it posts a job, works on it like the others, takes back the places nobody
 * took, and waits only for those who joined. So a thread that did not start, or does not exist in
 * a forked child, costs time and nothing else. */
#include "core/pool.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/error.h"
#include "core/mem.h"
#include "core/os.h"

enum {
    /* Pauses before sleeping: 30 to 90 microseconds on x86, about what it takes to wake a sleeper
     * in a virtual machine; the layers of a network follow each other sooner. */
    SPIN_ROUNDS = 2048,
    LONGEST_RETRY_GAP = 1024 /* calls between attempts to start threads the system refused */
};

typedef struct job {
    conv2d_task task;
    void *arg;
    size_t n;
} job;

struct c2_pool {
    conv2d_allocator allocator;
    int n_threads;          /* callers' wish, the calling thread included */
    atomic_long owner;      /* process the threads belong to; -pid while it makes itself at home */
    atomic_bool taken;      /* some caller has the threads */
    int n_started;          /* written by that caller only */
    int retry_gap, retry_in; /* calls until the next attempt after a refused start */

    c2_mutex mutex;               /* guards what follows up to `next` */
    c2_cond posted, left;         /* a job is there, or stop; the last one who joined has left */
    atomic_uint generation;       /* counts jobs; read without the lock while spinning */
    job current;
    int places;                   /* threads that may still join the current job */
    atomic_int numbered;          /* threads that have begun, each of which keeps its number */
    atomic_int working;           /* those that have not left yet */
    bool stop;

    _Alignas(C2_ALIGN) atomic_size_t next; /* next task; on a line of its own, all hit it */
    _Alignas(C2_ALIGN) c2_thread threads[]; /* n_threads - 1 */
};

/* The pool whose task this thread is running. */
static _Thread_local const c2_pool *inside;

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void run_serial(const c2_pool *pool, const job *j)
{
    const c2_pool *const outer = inside;
    inside = pool;
    for (size_t i = 0; i < j->n; i++)
        j->task(j->arg, i, 0);
    inside = outer;
}

/* Take tasks until none is left. */
static void run_shared(c2_pool *pool, const job *j, int worker)
{
    const c2_pool *const outer = inside;
    inside = pool;
    for (;;) {
        /* What tasks read was published, and what they wrote is, by the mutex and `working`. */
        const size_t i = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (i >= j->n)
            break;
        j->task(j->arg, i, worker);
    }
    inside = outer;
}

/* Wait for a job beyond *seen that has a place, and join it; false to stop. */
static bool join_job(c2_pool *pool, unsigned *seen, job *out)
{
    for (;;) {
        for (int i = 0; i < SPIN_ROUNDS; i++) {
            if (atomic_load_explicit(&pool->generation, memory_order_relaxed) != *seen)
                break;
            relax();
        }
        c2_mutex_lock(&pool->mutex);
        while (!pool->stop && atomic_load(&pool->generation) == *seen)
            c2_cond_wait(&pool->posted, &pool->mutex);
        *seen = atomic_load(&pool->generation);
        const bool stop = pool->stop, joins = !stop && pool->places > 0;
        if (joins) {
            pool->places--;
            atomic_fetch_add(&pool->working, 1);
            *out = pool->current;
        }
        c2_mutex_unlock(&pool->mutex);
        if (stop || joins)
            return joins;
    }
}

static void leave_job(c2_pool *pool)
{
    c2_mutex_lock(&pool->mutex);
    if (atomic_fetch_sub(&pool->working, 1) == 1)
        c2_cond_signal(&pool->left);
    c2_mutex_unlock(&pool->mutex);
}

static void thread_main(void *arg)
{
    c2_pool *pool = arg;
    const int worker = atomic_fetch_add(&pool->numbered, 1) + 1;
    unsigned seen = 0;
    job j;
    while (join_job(pool, &seen, &j)) {
        run_shared(pool, &j, worker);
        leave_job(pool);
    }
}

/* Have up to `wanted` threads; called by the owner. */
static void start_threads(c2_pool *pool, int wanted)
{
    if (pool->n_started >= wanted || (pool->retry_in > 0 && pool->retry_in-- > 0))
        return;
    while (pool->n_started < wanted) {
        if (!c2_thread_start(&pool->threads[pool->n_started], thread_main, pool)) {
            /* Limits may pass; asking on every call would cost more than it gives. */
            pool->retry_gap = (int)c2_min(2 * pool->retry_gap + 1, LONGEST_RETRY_GAP);
            pool->retry_in = pool->retry_gap;
            return;
        }
        pool->n_started++;
    }
    pool->retry_gap = 0;
}

static void post(c2_pool *pool, const job *j, int helpers)
{
    c2_mutex_lock(&pool->mutex);
    pool->current = *j;
    pool->places = helpers;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    atomic_fetch_add(&pool->generation, 1);
    c2_mutex_unlock(&pool->mutex);
    if (helpers == pool->n_started)
        c2_cond_broadcast(&pool->posted);
    else
        for (int i = 0; i < helpers; i++)
            c2_cond_signal(&pool->posted);
}

/* Close the job to those who did not come, wait for those who did. */
static void finish(c2_pool *pool)
{
    c2_mutex_lock(&pool->mutex);
    pool->places = 0;
    c2_mutex_unlock(&pool->mutex);
    for (int i = 0; i < SPIN_ROUNDS; i++) {
        if (atomic_load(&pool->working) == 0)
            return;
        relax();
    }
    c2_mutex_lock(&pool->mutex);
    while (atomic_load(&pool->working) > 0)
        c2_cond_wait(&pool->left, &pool->mutex);
    c2_mutex_unlock(&pool->mutex);
}

static bool init_sync(c2_pool *pool)
{
    if (!c2_mutex_init(&pool->mutex))
        return false;
    if (c2_cond_init(&pool->posted)) {
        if (c2_cond_init(&pool->left))
            return true;
        c2_cond_destroy(&pool->posted);
    }
    c2_mutex_destroy(&pool->mutex);
    return false;
}

/* True if the pool's threads and locks are this process's. In a forked child they are the parent's:
 * the threads do not exist, the locks may be held by one of them for ever. The first caller there
 * makes new ones over them, others run serially meanwhile. */
static bool at_home(c2_pool *pool)
{
    const long me = c2_process_id();
    long owner = atomic_load(&pool->owner);
    if (owner == me)
        return true;
    if (owner == -me || !atomic_compare_exchange_strong(&pool->owner, &owner, -me))
        return false;
    pool->n_started = 0;
    pool->retry_gap = pool->retry_in = 0;
    pool->places = 0;
    atomic_store(&pool->numbered, 0);
    atomic_store(&pool->generation, 0);
    atomic_store(&pool->working, 0);
    atomic_store(&pool->taken, false);
    if (!init_sync(pool))
        return atomic_store(&pool->owner, owner), false;
    atomic_store(&pool->owner, me);
    return true;
}

static void parallel_for(void *user, size_t n, conv2d_task task, void *arg)
{
    c2_pool *pool = user;
    const job j = {task, arg, n};
    if (n <= 1 || pool->n_threads == 1 || inside == pool || !at_home(pool) ||
        atomic_exchange(&pool->taken, true)) {
        run_serial(pool, &j);
        return;
    }
    const int wanted = n < (size_t)pool->n_threads ? (int)n - 1 : pool->n_threads - 1;
    start_threads(pool, wanted);
    const int helpers = (int)c2_min(wanted, pool->n_started);
    if (helpers == 0) {
        run_serial(pool, &j);
    } else {
        post(pool, &j, helpers);
        run_shared(pool, &j, 0);
        finish(pool);
    }
    atomic_store(&pool->taken, false);
}

/* Bytes of a pool; n_threads is an int, so this fits where size_t has 64 bits. */
static size_t pool_bytes(int n_threads)
{
    return sizeof(c2_pool) + (size_t)(n_threads - 1) * sizeof(c2_thread);
}

conv2d_status c2_pool_create(const conv2d_allocator *allocator, int n_threads, c2_pool **pool_out)
{
    c2_pool *pool = c2_alloc(allocator, pool_bytes(n_threads));
    if (pool == NULL)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a pool of %d threads", n_threads);
    memset(pool, 0, sizeof *pool); /* the threads' part is written when they start */
    pool->allocator = *allocator;
    pool->n_threads = n_threads;
    atomic_init(&pool->owner, c2_process_id());
    atomic_init(&pool->taken, false);
    atomic_init(&pool->generation, 0);
    atomic_init(&pool->working, 0);
    atomic_init(&pool->next, 0);
    atomic_init(&pool->numbered, 0);
    if (!init_sync(pool)) {
        c2_free(allocator, pool, pool_bytes(n_threads));
        return c2_fail(CONV2D_E_NOMEM, "the system refuses a lock for the thread pool");
    }
    *pool_out = pool;
    return CONV2D_OK;
}

void c2_pool_destroy(c2_pool *pool)
{
    if (pool == NULL)
        return;
    /* In a forked child that never ran the pool the locks are the parent's: left as they are. */
    if (atomic_load(&pool->owner) == c2_process_id()) {
        c2_mutex_lock(&pool->mutex);
        pool->stop = true;
        c2_cond_broadcast(&pool->posted);
        c2_mutex_unlock(&pool->mutex);
        for (int i = 0; i < pool->n_started; i++)
            c2_thread_join(&pool->threads[i]);
        c2_cond_destroy(&pool->left);
        c2_cond_destroy(&pool->posted);
        c2_mutex_destroy(&pool->mutex);
    }
    const conv2d_allocator allocator = pool->allocator;
    c2_free(&allocator, pool, pool_bytes(pool->n_threads));
}

conv2d_pool c2_pool_interface(c2_pool *pool)
{
    return (conv2d_pool){sizeof(conv2d_pool), pool->n_threads, pool, parallel_for};
}
