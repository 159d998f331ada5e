/* SPDX-License-Identifier: BSD-2-Clause
 * Threadgroups on CPU threads. The helpers start with the first dispatch that is worth them and
 * wait for ever after; the caller of a dispatch works as well. See threads.h. */
#include "threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef struct work {
    const sm_dispatch *dispatch;
    sm_order order;
    uint64_t seed, n, stride; /* stride: coprime to n, for the random order of threadgroups */
    atomic_ullong next;
    atomic_bool failed;
} work;

static struct {
    pthread_mutex_t busy, lock;
    pthread_cond_t start, end;
    work *work;
    unsigned round;
    int n_helpers, n_running;
} pool = {.busy = PTHREAD_MUTEX_INITIALIZER,
          .lock = PTHREAD_MUTEX_INITIALIZER,
          .start = PTHREAD_COND_INITIALIZER,
          .end = PTHREAD_COND_INITIALIZER};

static uint64_t divisor(uint64_t a, uint64_t b)
{
    while (b) {
        const uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static uint64_t place(const work *w, uint64_t i)
{
    switch (w->order) {
    case SM_REVERSE:
    case SM_GREEDY:
        return w->n - 1 - i;
    case SM_RANDOM:
        return (i * w->stride + w->seed) % w->n;
    default:
        return i;
    }
}

static void do_work(work *w)
{
    sm_worker *worker = sm_worker_take();
    const uint32_t *n = w->dispatch->n_threadgroups;
    for (;;) {
        const uint64_t i = atomic_fetch_add(&w->next, 1);
        if (i >= w->n || w->failed)
            break;
        const uint64_t p = place(w, i);
        const uint32_t at[3] = {(uint32_t)(p % n[0]), (uint32_t)(p / n[0] % n[1]),
                                (uint32_t)(p / n[0] / n[1])};
        if (!sm_run_threadgroup(worker, w->dispatch, at, w->order, w->seed + p))
            w->failed = true;
    }
    sm_worker_give_back(worker);
}

static void *helper(void *unused)
{
    (void)unused;
    unsigned round = 0;
    pthread_mutex_lock(&pool.lock);
    for (;;) {
        while (pool.round == round || !pool.work)
            pthread_cond_wait(&pool.start, &pool.lock);
        round = pool.round;
        work *w = pool.work;
        pool.n_running++;
        pthread_mutex_unlock(&pool.lock);
        do_work(w);
        pthread_mutex_lock(&pool.lock);
        if (--pool.n_running == 0)
            pthread_cond_signal(&pool.end);
    }
    return NULL;
}

static void start_helpers(void)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    while (pool.n_helpers < sm_get_options()->n_threads - 1) {
        pthread_t thread;
        if (pthread_create(&thread, &attributes, helper, NULL))
            break;
        pool.n_helpers++;
    }
    pthread_attr_destroy(&attributes);
}

/* With the helpers, if nobody else has them. */
static bool with_helpers(work *w)
{
    if (sm_get_options()->n_threads < 2 || pthread_mutex_trylock(&pool.busy))
        return false;
    pthread_mutex_lock(&pool.lock);
    start_helpers();
    pool.work = w;
    pool.round++;
    pthread_cond_broadcast(&pool.start);
    pthread_mutex_unlock(&pool.lock);
    do_work(w);
    pthread_mutex_lock(&pool.lock);
    pool.work = NULL;
    while (pool.n_running)
        pthread_cond_wait(&pool.end, &pool.lock);
    pthread_mutex_unlock(&pool.lock);
    pthread_mutex_unlock(&pool.busy);
    return true;
}

bool sm_run_dispatch(const sm_dispatch *d, sm_order order, uint64_t seed)
{
    enum { WORTH_HELPERS = 2048 }; /* threads; below, waking helpers takes longer than the work */
    work w = {.dispatch = d, .order = order, .seed = seed};
    w.n = (uint64_t)d->n_threadgroups[0] * d->n_threadgroups[1] * d->n_threadgroups[2];
    for (w.stride = seed * 2654435761u % w.n; divisor(w.stride, w.n) != 1;)
        w.stride = (w.stride + 1) % w.n;
    const uint64_t n_threads = w.n * d->threads[0] * d->threads[1] * d->threads[2];
    if (w.n < 2 || n_threads < WORTH_HELPERS || !with_helpers(&w))
        do_work(&w);
    return !w.failed;
}
