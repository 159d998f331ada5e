/* SPDX-License-Identifier: BSD-2-Clause
 * The thread pool: every task once, worker numbers apart, nested and concurrent callers, forked
 * children. cmocka's asserts are for the main thread; tasks leave their findings in memory. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cmocka_all.h"
#include "core/mem.h"
#include "core/os.h"
#include "core/pool.h"

enum { MAX_TASKS = 1000, MAX_WORKERS = 16 };

typedef struct record {
    int calls[MAX_TASKS]; /* plain: each task has its own, parallel_for publishes them */
    atomic_int busy[MAX_WORKERS];
    atomic_int errors, workers_seen;
    int worker_limit;
} record;

static void note(void *arg, size_t i, int worker)
{
    record *r = arg;
    if (worker < 0 || worker >= r->worker_limit || atomic_fetch_add(&r->busy[worker], 1) != 0)
        atomic_fetch_add(&r->errors, 1);
    atomic_fetch_or(&r->workers_seen, 1 << worker);
    r->calls[i]++;
    atomic_fetch_sub(&r->busy[worker], 1);
}

static c2_pool *make_pool(int n_threads)
{
    const conv2d_allocator allocator = c2_allocator_or_default(NULL);
    c2_pool *pool = NULL;
    assert_int_equal(c2_pool_create(&allocator, n_threads, &pool), CONV2D_OK);
    return pool;
}

/* True if every task ran once and no worker number was used twice at a time. */
static bool run_noted(c2_pool *pool, size_t n)
{
    const conv2d_pool face = c2_pool_interface(pool);
    record r;
    memset(&r, 0, sizeof r);
    r.worker_limit = face.n_threads;
    face.parallel_for(face.user, n, note, &r);
    bool good = atomic_load(&r.errors) == 0;
    for (size_t i = 0; i < MAX_TASKS; i++)
        good = good && r.calls[i] == (i < n);
    return good;
}

static void every_task_runs_once(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 3, 7, 100, MAX_TASKS};
    for (int n_threads = 1; n_threads <= MAX_WORKERS; n_threads += n_threads < 5 ? 1 : 11) {
        c2_pool *pool = make_pool(n_threads);
        assert_int_equal(c2_pool_interface(pool).n_threads, n_threads);
        for (int round = 0; round < 50; round++)
            for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
                assert_true(run_noted(pool, counts[i]));
        c2_pool_destroy(pool);
    }
}

/* Each task waits until all have begun (but not for ever): only threads can do that. */
static void meet(void *arg, size_t i, int worker)
{
    (void)i;
    (void)worker;
    atomic_int *begun = arg;
    atomic_fetch_add(begun, 1);
    const double deadline = c2_now() + 20;
    while (atomic_load(begun) < 3 && c2_now() < deadline)
        usleep(100);
}

/* True if three tasks were inside at once. */
static bool three_meet(c2_pool *pool)
{
    const conv2d_pool face = c2_pool_interface(pool);
    atomic_int begun = 0;
    const double start = c2_now();
    face.parallel_for(face.user, 3, meet, &begun);
    return atomic_load(&begun) == 3 && c2_now() - start < 20;
}

static void threads_really_run(void **state)
{
    (void)state;
    c2_pool *pool = make_pool(3);
    for (int round = 0; round < 20; round++)
        assert_true(three_meet(pool));
    c2_pool_destroy(pool);
}

typedef struct roll_call {
    atomic_int begun;
    int worker[3];
    pthread_t thread[3];
} roll_call;

static void call_out(void *arg, size_t i, int worker)
{
    roll_call *c = arg;
    c->worker[i] = worker;
    c->thread[i] = pthread_self();
    meet(&c->begun, i, worker);
}

/* And each thread the same one every time, by which its caches know what it did before. */
static void tasks_at_the_same_time_have_different_workers(void **state)
{
    (void)state;
    enum { THREADS = 5 };
    c2_pool *pool = make_pool(THREADS);
    const conv2d_pool face = c2_pool_interface(pool);
    assert_true(run_noted(pool, MAX_TASKS)); /* all threads have begun: not the first alone join */
    bool known[THREADS] = {false};
    pthread_t thread[THREADS];
    for (int round = 0; round < 20; round++) {
        roll_call c = {.worker = {-1, -1, -1}};
        face.parallel_for(face.user, 3, call_out, &c);
        int seen = 0;
        for (int i = 0; i < 3; i++) {
            const int w = c.worker[i];
            assert_in_range(w, 0, THREADS - 1);
            assert_false(seen >> w & 1);
            seen |= 1 << w;
            if (known[w])
                assert_true(pthread_equal(thread[w], c.thread[i]));
            thread[w] = c.thread[i];
            known[w] = true;
        }
    }
    c2_pool_destroy(pool);
}

/* ---- nested calls --------------------------------------------------------------------------- */

typedef struct nest {
    conv2d_pool face;
    int linger; /* microseconds: time for other threads to come, if they may */
    atomic_int wrong, inner_calls;
} nest;

typedef struct inner {
    nest *nest;
    pthread_t thread;
    size_t next;
} inner;

static void inner_task(void *arg, size_t i, int worker)
{
    inner *in = arg;
    atomic_fetch_add(&in->nest->inner_calls, 1);
    if (in->nest->linger)
        usleep((useconds_t)in->nest->linger);
    if (!pthread_equal(in->thread, pthread_self()) || worker != 0 || i != in->next++)
        atomic_fetch_add(&in->nest->wrong, 1);
}

static void outer_task(void *arg, size_t i, int worker)
{
    (void)i;
    (void)worker;
    nest *n = arg;
    inner in = {n, pthread_self(), 0};
    n->face.parallel_for(n->face.user, 10, inner_task, &in);
}

static void nested_calls_run_on_their_thread(void **state)
{
    (void)state;
    c2_pool *pool = make_pool(4);
    nest n = {.face = c2_pool_interface(pool)};
    for (int round = 0; round < 100; round++)
        n.face.parallel_for(n.face.user, 20, outer_task, &n);
    assert_int_equal(atomic_load(&n.wrong), 0);
    assert_int_equal(atomic_load(&n.inner_calls), 100 * 20 * 10);
    /* A serial run counts as inside too, and the mark is taken off afterwards. */
    n.linger = 2000;
    n.face.parallel_for(n.face.user, 1, outer_task, &n);
    assert_int_equal(atomic_load(&n.wrong), 0);
    assert_true(three_meet(pool));
    c2_pool_destroy(pool);
}

/* ---- concurrent callers --------------------------------------------------------------------- */

typedef struct caller {
    pthread_t thread;
    c2_pool *pool;
    bool good;
} caller;

static void *call_often(void *arg)
{
    caller *c = arg;
    c->good = true;
    for (int round = 0; round < 300; round++)
        c->good = run_noted(c->pool, 1 + (size_t)(round % 40)) && c->good;
    return NULL;
}

static void callers_share_a_pool(void **state)
{
    (void)state;
    c2_pool *pool = make_pool(3);
    caller callers[8];
    for (int i = 0; i < 8; i++) {
        callers[i].pool = pool;
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call_often, &callers[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
        assert_true(callers[i].good);
    }
    c2_pool_destroy(pool);
}

/* ---- memory --------------------------------------------------------------------------------- */

static int live, allocations;
static void *count_allocate(void *user, size_t bytes, size_t alignment)
{
    (void)user;
    void *p = NULL;
    if (posix_memalign(&p, alignment, bytes))
        return NULL;
    live++;
    allocations++;
    return p;
}
static void count_release(void *user, void *pointer, size_t bytes)
{
    (void)user;
    (void)bytes;
    live--;
    free(pointer);
}
static void *refuse_allocate(void *user, size_t bytes, size_t alignment)
{
    (void)user, (void)bytes, (void)alignment;
    return NULL;
}

static void memory_is_taken_once_and_given_back(void **state)
{
    (void)state;
    const conv2d_allocator counting = {sizeof counting, NULL, count_allocate, count_release};
    const conv2d_allocator refusing = {sizeof refusing, NULL, refuse_allocate, count_release};
    c2_pool *pool = NULL;
    assert_int_equal(c2_pool_create(&refusing, 4, &pool), CONV2D_E_NOMEM);
    assert_null(pool);
    assert_int_equal(c2_pool_create(&counting, 4, &pool), CONV2D_OK);
    for (int round = 0; round < 10; round++)
        assert_true(run_noted(pool, 100));
    assert_int_equal(allocations, 1);
    c2_pool_destroy(pool);
    assert_int_equal(live, 0);
    c2_pool_destroy(NULL);
    c2_pool_destroy(make_pool(8)); /* never used: no thread was started */
}

/* ---- fork ----------------------------------------------------------------------------------- */

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif

#ifndef UNDER_TSAN /* it ends a forked child that starts a thread */

/* In a child: the pool works, in parallel, from several threads; 0 if so. */
static int use_in_child(c2_pool *pool)
{
    alarm(60); /* a deadlock ends the child by a signal, which the parent reports */
    if (!three_meet(pool) || !run_noted(pool, 100))
        return 1;
    caller callers[3];
    for (int i = 0; i < 3; i++) {
        callers[i].pool = pool;
        if (pthread_create(&callers[i].thread, NULL, call_often, &callers[i]))
            return 2;
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(callers[i].thread, NULL);
        if (!callers[i].good)
            return 3;
    }
    c2_pool_destroy(pool);
    return 0;
}

static void assert_child_succeeds(pid_t child)
{
    int status = -1;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void forked_child_gets_its_own_threads(void **state)
{
    (void)state;
    for (int used_before = 0; used_before < 2; used_before++) {
        c2_pool *pool = make_pool(3);
        if (used_before)
            assert_true(run_noted(pool, 100));
        const pid_t child = fork();
        if (child == 0)
            _exit(use_in_child(pool));
        assert_child_succeeds(child);
        assert_true(run_noted(pool, 100)); /* the parent's is as it was */
        const pid_t second = fork();
        if (second == 0) {
            alarm(60);
            c2_pool_destroy(pool); /* without a use: nothing to join */
            _exit(0);
        }
        assert_child_succeeds(second);
        c2_pool_destroy(pool);
    }
}

typedef struct gate {
    c2_pool *pool;
    atomic_int inside, open;
} gate;

static void wait_at_gate(void *arg, size_t i, int worker)
{
    (void)i;
    (void)worker;
    gate *g = arg;
    atomic_fetch_add(&g->inside, 1);
    while (!atomic_load(&g->open))
        usleep(100);
}

static void *hold_pool(void *arg)
{
    gate *g = arg;
    const conv2d_pool face = c2_pool_interface(g->pool);
    face.parallel_for(face.user, 3, wait_at_gate, g);
    return NULL;
}

/* The worst moment: another thread owns the pool, its workers are inside tasks. */
static void fork_while_another_thread_runs(void **state)
{
    (void)state;
    gate g = {.pool = make_pool(3)};
    pthread_t holder;
    assert_int_equal(pthread_create(&holder, NULL, hold_pool, &g), 0);
    while (atomic_load(&g.inside) < 2)
        usleep(100);
    const pid_t child = fork();
    if (child == 0)
        _exit(use_in_child(g.pool));
    assert_child_succeeds(child);
    atomic_store(&g.open, 1);
    assert_int_equal(pthread_join(holder, NULL), 0);
    assert_true(run_noted(g.pool, 100));
    c2_pool_destroy(g.pool);
}

static void grandchildren_work(void **state)
{
    (void)state;
    c2_pool *pool = make_pool(3);
    assert_true(run_noted(pool, 100));
    const pid_t child = fork();
    if (child == 0) {
        const pid_t grandchild = run_noted(pool, 100) ? fork() : -1;
        if (grandchild == 0)
            _exit(use_in_child(pool));
        int status = -1;
        waitpid(grandchild, &status, 0);
        _exit(grandchild > 0 && status == 0 ? 0 : 1);
    }
    assert_child_succeeds(child);
    c2_pool_destroy(pool);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_once),
        cmocka_unit_test(threads_really_run),
        cmocka_unit_test(tasks_at_the_same_time_have_different_workers),
        cmocka_unit_test(nested_calls_run_on_their_thread),
        cmocka_unit_test(callers_share_a_pool),
        cmocka_unit_test(memory_is_taken_once_and_given_back),
#ifndef UNDER_TSAN
        cmocka_unit_test(forked_child_gets_its_own_threads),
        cmocka_unit_test(fork_while_another_thread_runs),
        cmocka_unit_test(grandchildren_work),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
