/* SPDX-License-Identifier: BSD-2-Clause
 * The pool when the system refuses threads or locks: pthread_create, pthread_mutex_init and
 * pthread_cond_init are wrapped and fail on demand. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/cmocka_all.h"
#include "core/mem.h"
#include "core/pool.h"

static int create_calls, fail_from, fail_until, fail_with; /* calls [from, until) fail */
static int init_calls, init_fails_at;                      /* the n-th lock or condition */

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *arg)
{
    const int n = create_calls++;
    if (n >= fail_from && n < fail_until)
        return fail_with;
    return __real_pthread_create(thread, attributes, start, arg);
}

int __real_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
    return init_calls++ == init_fails_at ? ENOMEM : __real_pthread_mutex_init(mutex, attributes);
}

int __real_pthread_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attributes);
int __wrap_pthread_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attributes);
int __wrap_pthread_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attributes)
{
    return init_calls++ == init_fails_at ? ENOMEM : __real_pthread_cond_init(cond, attributes);
}

static int live;
static void *count_allocate(void *user, size_t bytes, size_t alignment)
{
    (void)user;
    void *p = NULL;
    if (posix_memalign(&p, alignment, bytes))
        return NULL;
    live++;
    return p;
}
static void count_release(void *user, void *pointer, size_t bytes)
{
    (void)user;
    (void)bytes;
    live--;
    free(pointer);
}
static const conv2d_allocator allocator = {sizeof allocator, NULL, count_allocate, count_release};

static void add(void *arg, size_t i, int worker)
{
    (void)worker;
    atomic_fetch_add((atomic_long *)arg, (long)i);
}

static void assert_works(c2_pool *pool)
{
    const conv2d_pool face = c2_pool_interface(pool);
    atomic_long sum = 0;
    face.parallel_for(face.user, 100, add, &sum);
    assert_int_equal(atomic_load(&sum), 4950);
}

static void arm(int from, int until, int error)
{
    create_calls = 0;
    fail_from = from;
    fail_until = until;
    fail_with = error;
}

static void any_thread_may_fail_to_start(void **state)
{
    (void)state;
    enum { N_THREADS = 6 };
    for (int n = 0; n < N_THREADS; n++) {
        for (int lasting = 0; lasting < 2; lasting++) {
            c2_pool *pool = NULL;
            arm(n, lasting ? 1000000 : n + 1, EAGAIN);
            assert_int_equal(c2_pool_create(&allocator, N_THREADS, &pool), CONV2D_OK);
            assert_int_equal(create_calls, 0); /* nothing starts before it is needed */
            for (int round = 0; round < 20; round++)
                assert_works(pool);
            if (!lasting && n < N_THREADS - 1) /* a refusal that passes is asked again */
                assert_int_equal(create_calls, N_THREADS);
            c2_pool_destroy(pool);
        }
    }
    assert_int_equal(live, 0);
}

static void lasting_refusals_are_asked_rarely(void **state)
{
    (void)state;
    c2_pool *pool = NULL;
    arm(0, 1000000, EAGAIN);
    assert_int_equal(c2_pool_create(&allocator, 4, &pool), CONV2D_OK);
    for (int round = 0; round < 10000; round++)
        assert_works(pool);
    assert_in_range(create_calls, 2, 30);
    c2_pool_destroy(pool);
    assert_int_equal(live, 0);
}

/* Where our stack size is refused, the default one is asked for at once. */
static void refused_stack_size_falls_back_to_the_default(void **state)
{
    (void)state;
    c2_pool *pool = NULL;
    arm(0, 1, EINVAL);
    assert_int_equal(c2_pool_create(&allocator, 2, &pool), CONV2D_OK);
    assert_works(pool);
    assert_int_equal(create_calls, 2);
    assert_works(pool);
    assert_int_equal(create_calls, 2);
    c2_pool_destroy(pool);
    assert_int_equal(live, 0);
}

static void only_as_many_threads_as_tasks(void **state)
{
    (void)state;
    c2_pool *pool = NULL;
    arm(1000000, 1000000, 0);
    assert_int_equal(c2_pool_create(&allocator, 8, &pool), CONV2D_OK);
    const conv2d_pool face = c2_pool_interface(pool);
    static const struct {
        size_t n;
        int threads;
    } steps[] = {{0, 0}, {1, 0}, {2, 1}, {4, 3}, {3, 3}, {100, 7}, {100, 7}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        atomic_long sum = 0;
        face.parallel_for(face.user, steps[i].n, add, &sum);
        assert_int_equal(create_calls, steps[i].threads);
    }
    c2_pool_destroy(pool);
}

static void refused_locks_give_an_error_and_no_leak(void **state)
{
    (void)state;
    for (int n = 0; n < 3; n++) {
        c2_pool *pool = NULL;
        init_calls = 0;
        init_fails_at = n;
        assert_int_equal(c2_pool_create(&allocator, 4, &pool), CONV2D_E_NOMEM);
        assert_null(pool);
        assert_int_equal(live, 0);
    }
    init_fails_at = -1;
}

int main(void)
{
    init_fails_at = -1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_thread_may_fail_to_start),
        cmocka_unit_test(lasting_refusals_are_asked_rarely),
        cmocka_unit_test(refused_stack_size_falls_back_to_the_default),
        cmocka_unit_test(only_as_many_threads_as_tasks),
        cmocka_unit_test(refused_locks_give_an_error_and_no_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
