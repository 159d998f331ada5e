/* SPDX-License-Identifier: BSD-2-Clause
 * Devices: instruction sets by option and by environment, facts and kernels, pools of the caller's
 * with any order and placement of tasks, and the floating-point mode that runs leave behind. */
#include <pthread.h>

#include "helpers.h"

static const char *const levels[] = {"generic", "neon", "avx2", "avx512", "avx512_bf16", "amx"};
enum { LEVELS = 6 };

static conv2d_status open_isa(const char *isa, conv2d_device **device)
{
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    options.isa = isa;
    options.n_threads = 1;
    return conv2d_device_open("cpu", &options, device);
}

static conv2d_device_info info_of(const conv2d_device *device)
{
    conv2d_device_info info = CONV2D_DEVICE_INFO_INIT;
    assert_ok(conv2d_device_get_info(device, &info));
    return info;
}

/* Every level the machine has can be asked for; the others are refused by name. */
static void test_instruction_sets(void **state)
{
    int opened = 0;
    (void)state;
    for (int i = 0; i < LEVELS; i++) {
        conv2d_device *device = NULL;
        const conv2d_status s = open_isa(levels[i], &device);
        if (s) {
            assert_refused(s, CONV2D_E_DEVICE, "isa", levels[i]);
            assert_null(device);
            continue;
        }
        opened++;
        assert_string_equal(info_of(device).isa, levels[i]);
        int usable = 0;
        for (int k = 0; k < conv2d_device_kernel_count(device); k++) {
            conv2d_kernel_info kernel = CONV2D_KERNEL_INFO_INIT;
            assert_ok(conv2d_device_kernel(device, k, &kernel));
            assert_true(kernel.mr >= 1 && kernel.nr >= 1);
            assert_non_null(strstr(kernel.name, kernel.family));
            assert_non_null(strstr(kernel.name, kernel.isa));
            if (kernel.available && strcmp(kernel.isa, "generic") != 0 && i == 0)
                fail_msg("%s is available on a generic device", kernel.name);
            usable += kernel.available;
        }
        assert_true(usable >= 1);
        conv2d_device_close(device);
    }
    assert_true(opened >= 1); /* generic is everywhere */
}

/* CONV2D_CPU sets the level of devices that ask for none; the option wins over it. */
static void test_environment(void **state)
{
    char *before = getenv("CONV2D_CPU");
    char *kept = before ? strdup(before) : NULL;
    conv2d_device *device = NULL;
    (void)state;
    assert_int_equal(setenv("CONV2D_CPU", "generic", 1), 0);
    assert_ok(open_isa(NULL, &device));
    assert_string_equal(info_of(device).isa, "generic");
    const char *best = info_of(device).isa_detected;
    conv2d_device *other = NULL;
    assert_ok(open_isa(best, &other));
    assert_string_equal(info_of(other).isa, best);
    conv2d_device_close(device);
    conv2d_device_close(other);
    device = NULL;
    assert_int_equal(setenv("CONV2D_CPU", "abacus", 1), 0);
    assert_refused(open_isa(NULL, &device), CONV2D_E_ARGUMENT, "CONV2D_CPU", "abacus");
    assert_null(device);
    assert_int_equal(unsetenv("CONV2D_CPU"), 0);
    assert_ok(open_isa(NULL, &device));
    assert_string_equal(info_of(device).isa, info_of(device).isa_detected);
    conv2d_device_close(device);
    if (kept)
        assert_int_equal(setenv("CONV2D_CPU", kept, 1), 0);
    free(kept);
}

static void test_facts(void **state)
{
    conv2d_device *device = NULL;
    double flops = 0;
    (void)state;
    assert_ok(conv2d_device_open("auto", NULL, &device));
    const conv2d_device_info info = info_of(device);
    assert_string_equal(conv2d_device_name(device), "cpu");
    assert_string_equal(info.backend, "cpu");
    assert_string_equal(info.proven, "");
    assert_true(info.n_threads >= 1);
    assert_true(strlen(info.isa_detected) > 0);
    assert_non_null(info.features);
    assert_non_null(info.model);
    assert_ok(conv2d_device_measure_peak(device, 0.01, &flops));
    assert_true(flops > 1e6);
    conv2d_device_close(device);
    device = open_cpu(3);
    assert_int_equal(info_of(device).n_threads, 3);
    conv2d_device_close(device);
}

/* A program built before info had the limits of GPUs. */
static void test_facts_of_an_older_size(void **state)
{
    conv2d_device *device = open_cpu(3);
    conv2d_device_info info = CONV2D_DEVICE_INFO_INIT;
    (void)state;
    info.struct_size = (uint32_t)offsetof(conv2d_device_info, threadgroup_bytes);
    info.threadgroup_bytes = info.max_buffer_bytes = 77;
    assert_ok(conv2d_device_get_info(device, &info));
    assert_int_equal(info.struct_size, offsetof(conv2d_device_info, threadgroup_bytes));
    assert_int_equal(info.n_threads, 3);
    assert_true(info.threadgroup_bytes == 77 && info.max_buffer_bytes == 77);
    conv2d_device_close(device);
}

/* ---- pools of the caller's ---- */

typedef struct tally {
    int n_threads;
    atomic_int calls, tasks;
} tally;

static void backwards(void *user, size_t n, conv2d_task task, void *arg)
{
    tally *t = user;
    atomic_fetch_add(&t->calls, 1);
    for (size_t i = n; i-- > 0;) {
        atomic_fetch_add(&t->tasks, 1);
        task(arg, i, t->n_threads - 1); /* any number below n_threads will do for a lone worker */
    }
}

/* A thread a task, n_threads at a time. */
typedef struct one_task {
    conv2d_task task;
    void *arg;
    size_t i;
    int worker;
} one_task;

static void *one_task_main(void *arg)
{
    const one_task *t = arg;
    t->task(t->arg, t->i, t->worker);
    return NULL;
}

static void thread_a_task(void *user, size_t n, conv2d_task task, void *arg)
{
    tally *t = user;
    atomic_fetch_add(&t->calls, 1);
    for (size_t i = 0; i < n;) {
        pthread_t threads[4];
        one_task tasks[4];
        int started = 0;
        while (started < t->n_threads && i < n) {
            tasks[started] = (one_task){task, arg, i, started};
            if (pthread_create(&threads[started], NULL, one_task_main, &tasks[started]))
                break;
            started++;
            i++;
        }
        if (!started) /* the system has no thread: run it here */
            task(arg, i++, 0);
        for (int k = 0; k < started; k++)
            pthread_join(threads[k], NULL);
        atomic_fetch_add(&t->tasks, started);
    }
}

static void with_pool(void (*parallel_for)(void *, size_t, conv2d_task, void *))
{
    for (int order = 0; order < 2; order++) {
        tally t = {.n_threads = 4};
        conv2d_pool pool = {sizeof pool, 4, &t, parallel_for};
        conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
        conv2d_device *device = NULL;
        options.pool = &pool;
        assert_ok(conv2d_device_open("cpu", &options, &device));
        memset(&pool, 0, sizeof pool); /* it was kept by value */
        box input = box4(order, 3, 6, 20, 22, 1), weight = box4(order, 10, 6, 3, 3, 2);
        box output = box4(order, 3, 10, 18, 20, 3);
        for (int i = 0; i < 3; i++) {
            box_poison(&output);
            assert_ok(conv2d(device, &input.t, &weight.t, NULL, NULL, NULL, &output.t));
            assert_oracle(&output.t, &input.t, &weight.t, NULL, NULL, NULL);
        }
        assert_true(t.calls >= 3 && t.tasks >= 6); /* enough work to be shared */
        assert_int_equal(info_of(device).n_threads, 4);
        conv2d_device_close(device);
        box_free(&input);
        box_free(&weight);
        box_free(&output);
    }
}

static void test_pool_that_runs_backwards(void **state)
{
    (void)state;
    with_pool(backwards);
}

static void test_pool_with_a_thread_a_task(void **state)
{
    (void)state;
    with_pool(thread_a_task);
}

/* ---- floating-point mode ---- */

/* 2^-140 * 1: a denormal that flushing turns into 0. Not folded by the compiler. */
static float denormal_product(void)
{
    volatile float tiny = 0x1p-140f, one = 1;
    return tiny * one;
}

static void test_denormal_mode_is_restored(void **state)
{
    (void)state;
    for (int n_threads = 1; n_threads <= 3; n_threads += 2) {
        conv2d_device *device = open_cpu(n_threads);
        box input = box4(CONV2D_NCHW, 2, 4, 30, 30, 1), weight = box4(CONV2D_NCHW, 8, 4, 1, 1, 2);
        box output = box4(CONV2D_NCHW, 2, 8, 30, 30, 3);
        conv2d_params params = CONV2D_PARAMS_INIT;
        for (size_t i = 0; i < input.bytes / sizeof(float); i++)
            ((float *)input.memory)[i] = 0x1p-140f;
        for (size_t i = 0; i < weight.bytes / sizeof(float); i++)
            ((float *)weight.memory)[i] = i % 4 == 0;
        /* computed, as IEEE 754 says: the sum of four products is 2^-140 */
        assert_ok(conv2d(device, &input.t, &weight.t, NULL, NULL, &params, &output.t));
        for (size_t i = 0; i < output.bytes / sizeof(float); i++)
            assert_true(((float *)output.memory)[i] == 0x1p-140f);
        /* asked to be flushed: by the kernels, not for anybody else afterwards */
        params.flush_denormals = 1;
        assert_ok(conv2d(device, &input.t, &weight.t, NULL, NULL, &params, &output.t));
        for (size_t i = 0; i < output.bytes / sizeof(float); i++)
            assert_true(((float *)output.memory)[i] == 0 ||
                        ((float *)output.memory)[i] == 0x1p-140f);
        assert_true(denormal_product() == 0x1p-140f);
        params.flush_denormals = 0; /* nor for later runs on the pool's threads */
        assert_ok(conv2d(device, &input.t, &weight.t, NULL, NULL, &params, &output.t));
        for (size_t i = 0; i < output.bytes / sizeof(float); i++)
            assert_true(((float *)output.memory)[i] == 0x1p-140f);
        conv2d_device_close(device);
        box_free(&input);
        box_free(&weight);
        box_free(&output);
    }
}

typedef struct log_lines {
    int n;
    char last[256];
} log_lines;

static void keep_line(void *user, const char *line)
{
    log_lines *lines = user;
    lines->n++;
    snprintf(lines->last, sizeof lines->last, "%s", line);
}

/* One line a plan, with the problem and the choice; nothing for refusals. */
static void test_log(void **state)
{
    log_lines lines = {0, ""};
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    options.n_threads = 1;
    options.log = keep_line;
    options.log_user = &lines;
    conv2d_device *device = NULL;
    conv2d_plan *plan = NULL;
    conv2d_problem problem;
    (void)state;
    assert_ok(conv2d_device_open("cpu", &options, &device));
    assert_ok(conv2d_problem_parse("ic3ih9oc4oh7kh3:algo=reference", &problem));
    assert_ok(conv2d_explain(device, &problem, &plan));
    conv2d_plan_destroy(plan);
    assert_int_equal(lines.n, 1);
    assert_non_null(strstr(lines.last, "ic3ih9oc4oh7kh3"));
    assert_non_null(strstr(lines.last, ": reference, plain_f64"));
    problem.params.algorithm = "nothing";
    assert_int_not_equal(conv2d_explain(device, &problem, &plan), CONV2D_OK);
    assert_int_equal(lines.n, 1);
    conv2d_device_close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_instruction_sets),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_facts_of_an_older_size),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_pool_that_runs_backwards),
        cmocka_unit_test(test_pool_with_a_thread_a_task),
        cmocka_unit_test(test_denormal_mode_is_restored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
