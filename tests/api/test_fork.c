/* SPDX-License-Identifier: BSD-2-Clause
 * fork(): a child has none of the parent's threads and any of its locks. It runs the parent's
 * context and plan, makes devices of its own with threads, and frees everything; the parent goes
 * on. With other threads running at the moment of the fork the child makes its own objects. */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helpers.h"

typedef struct fixture {
    conv2d_device *device;
    conv2d_context *context;
    conv2d_plan *plan;
    box input, weight, output;
    conv2d_params params;
} fixture;

/* Large enough for the pool's threads to take part. */
static fixture fixture_make(void)
{
    fixture f = {.params = CONV2D_PARAMS_INIT};
    f.device = open_cpu(3);
    f.input = box4(CONV2D_NCHW, 3, 8, 18, 18, 1);
    f.weight = box4(CONV2D_NCHW, 8, 8, 3, 3, 2);
    f.output = box4(CONV2D_NCHW, 3, 8, 16, 16, 3);
    assert_ok(conv2d_prepack(f.device, &f.weight.t, NULL, &f.params, &f.context));
    assert_ok(conv2d_plan_create(f.context, &f.input.t, NULL, &f.output.t, &f.plan));
    return f;
}

static void fixture_free(fixture *f)
{
    conv2d_plan_destroy(f->plan);
    conv2d_context_destroy(f->context);
    conv2d_device_close(f->device);
    box_free(&f->input);
    box_free(&f->weight);
    box_free(&f->output);
}

/* 0, or the number of the step that failed: a child reports it as its exit code. */
static int run_and_compare(fixture *f, conv2d_context *context, conv2d_plan *plan, const box *want)
{
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    args.input = &f->input.t;
    args.output = &f->output.t;
    box_poison(&f->output);
    if (plan ? conv2d_plan_run(plan, &args) : conv2d_run(context, &args))
        return 1;
    return memcmp(f->output.memory, want->memory, want->bytes) == 0 ? 0 : 2;
}

static int own_device(fixture *f, const box *want)
{
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    conv2d_device *device = NULL;
    conv2d_context *context = NULL;
    options.n_threads = 3;
    if (conv2d_device_open("cpu", &options, &device) ||
        conv2d_prepack(device, &f->weight.t, NULL, &f->params, &context))
        return 10;
    int step = 0;
    for (int i = 0; i < 3 && !step; i++)
        step = run_and_compare(f, context, NULL, want);
    conv2d_context_destroy(context);
    conv2d_device_close(device);
    return step ? 10 + step : 0;
}

/* Wait for a child; a hang is a failure too. */
static void assert_child_well(pid_t child)
{
    int status = 0;
    assert_true(child > 0);
    for (int i = 0; i < 6000; i++) {
        const pid_t got = waitpid(child, &status, WNOHANG);
        if (got == child) {
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                fail_msg("the child ended with status %#x", (unsigned)status);
            return;
        }
        usleep(10000);
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    fail_msg("the child hung for a minute");
}

static box expected_of(fixture *f)
{
    box want = box4(CONV2D_NCHW, 3, 8, 16, 16, 3);
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    args.input = &f->input.t;
    args.output = &want.t;
    assert_ok(conv2d_run(f->context, &args));
    assert_oracle(&want.t, &f->input.t, &f->weight.t, NULL, NULL, &f->params);
    return want;
}

static void test_child_uses_and_makes(void **state)
{
    fixture f = fixture_make();
    box want = expected_of(&f);
    (void)state;
    for (int round = 0; round < 3; round++) {
        assert_int_equal(run_and_compare(&f, f.context, NULL, &want), 0);
        const pid_t child = fork();
        if (child == 0) {
            int step = run_and_compare(&f, f.context, NULL, &want);
            step = step ? step : run_and_compare(&f, NULL, f.plan, &want);
            step = step ? step : own_device(&f, &want);
            if (!step)
                step = conv2d_context_release_resources(f.context) ? 30 : 0;
            step = step ? step : run_and_compare(&f, f.context, NULL, &want);
            fixture_free(&f); /* the parent's objects, in the child's copy */
            _exit(step);
        }
        assert_int_equal(run_and_compare(&f, NULL, f.plan, &want), 0); /* meanwhile */
        assert_child_well(child);
    }
    assert_int_equal(own_device(&f, &want), 0);
    box_free(&want);
    fixture_free(&f);
}

/* A child that destroys without ever running, and a grandchild. */
static void test_child_only_destroys_and_grandchild_runs(void **state)
{
    fixture f = fixture_make();
    box want = expected_of(&f);
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        fixture_free(&f);
        _exit(0);
    }
    assert_child_well(child);
    child = fork();
    if (child == 0) {
        int step = run_and_compare(&f, f.context, NULL, &want);
        const pid_t grandchild = fork();
        if (grandchild == 0)
            _exit(run_and_compare(&f, f.context, NULL, &want));
        int status = 0;
        if (waitpid(grandchild, &status, 0) != grandchild || status)
            step = 40;
        _exit(step);
    }
    assert_child_well(child);
    assert_int_equal(run_and_compare(&f, f.context, NULL, &want), 0);
    box_free(&want);
    fixture_free(&f);
}

/* ---- fork while another thread runs ---- */

typedef struct runner {
    fixture *f;
    const box *want;
    atomic_bool stop;
    atomic_int runs;
    int step;
} runner;

static void *keep_running(void *arg)
{
    runner *r = arg;
    while (!atomic_load(&r->stop) && !r->step) {
        r->step = run_and_compare(r->f, r->f->context, NULL, r->want);
        atomic_fetch_add(&r->runs, 1);
    }
    return NULL;
}

static void test_fork_while_another_thread_runs(void **state)
{
    fixture busy = fixture_make(), mine = fixture_make();
    box want = expected_of(&mine);
    runner r = {.f = &busy, .want = &want};
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, keep_running, &r), 0);
    for (int round = 0; round < 20; round++) {
        const int before = atomic_load(&r.runs);
        while (atomic_load(&r.runs) < before + 2 && !atomic_load(&r.stop))
            usleep(100);
        const pid_t child = fork();
        if (child == 0) {
            int step = own_device(&mine, &want);
            /* objects that no other thread was using are the child's to use */
            step = step ? step : run_and_compare(&mine, mine.context, NULL, &want);
            _exit(step);
        }
        assert_child_well(child);
    }
    atomic_store(&r.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(r.step, 0);
    assert_int_equal(run_and_compare(&busy, busy.context, NULL, &want), 0);
    box_free(&want);
    fixture_free(&busy);
    fixture_free(&mine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_child_uses_and_makes),
        cmocka_unit_test(test_child_only_destroys_and_grandchild_runs),
        cmocka_unit_test(test_fork_while_another_thread_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
