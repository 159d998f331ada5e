/* SPDX-License-Identifier: BSD-2-Clause
 * Threads that tune, plan, import, export and forget on one device at once: every call succeeds,
 * every export is a whole text, every plan is one or the other. Run under ThreadSanitizer too. */
#include <pthread.h>

#include "helpers.h"

enum { THREADS = 5, ROUNDS = 40, TEXT = 8000 };

typedef struct worker {
    conv2d_device *device;
    int number;
    char failed[400]; /* "" = all was well */
} worker;

static const char *const problems[] = {"ic4ih6oc4oh6kh3ph1", "ic8ih4oc8oh4kh1",
                                       "g4ic4ih6oc4oh6kh3ph1"};

static bool fail_worker(worker *w, const char *what)
{
    snprintf(w->failed, sizeof w->failed, "%s: %s", what, conv2d_last_error());
    return false;
}

static bool tune_one(worker *w, int round)
{
    conv2d_problem p;
    conv2d_tune_options o = CONV2D_TUNE_OPTIONS_INIT;
    o.seconds = 1e-4;
    if (round % 4)
        return true; /* the slow one: fewer rounds */
    return (!conv2d_problem_parse(problems[round % 3], &p) &&
            !conv2d_tune(w->device, &p, &o, NULL)) ||
           fail_worker(w, "tune");
}

static bool plan_one(worker *w, int round)
{
    conv2d_problem p;
    conv2d_plan *plan = NULL;
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    if (conv2d_problem_parse(problems[round % 3], &p) || conv2d_explain(w->device, &p, &plan) ||
        conv2d_plan_describe(plan, &info))
        return fail_worker(w, "plan");
    const bool known = !strcmp(info.choice, "wisdom") || !strcmp(info.choice, "estimate");
    conv2d_plan_destroy(plan);
    return known || fail_worker(w, "another choice");
}

static bool carry(worker *w, int round)
{
    char text[TEXT];
    size_t n;
    (void)round;
    if (conv2d_wisdom_export(w->device, text, sizeof text, &n) || n >= sizeof text)
        return fail_worker(w, "export");
    return !conv2d_wisdom_import(w->device, text, n) || fail_worker(w, "import");
}

static bool forget(worker *w, int round)
{
    if (round % 8 == 0)
        conv2d_wisdom_forget(w->device);
    return plan_one(w, round);
}

static void *work(void *arg)
{
    static bool (*const jobs[THREADS])(worker *, int) = {tune_one, plan_one, carry, carry, forget};
    worker *w = arg;
    for (int i = 0; i < ROUNDS; i++)
        if (!jobs[w->number](w, i))
            break;
    return NULL;
}

static void test_all_at_once(void **state)
{
    conv2d_device *device = open_cpu(2);
    pthread_t threads[THREADS];
    worker workers[THREADS];
    (void)state;
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){.device = device, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++)
        if (workers[i].failed[0])
            fail_msg("thread %d: %s", i, workers[i].failed);
    conv2d_device_close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_at_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
