/* SPDX-License-Identifier: BSD-2-Clause
 * The order in which the CPU backend runs tasks: each once, whatever the number of workers and
 * tasks, and on one thread there and back, each phase and each run beginning where the one before
 * it ended. */
#include <string.h>

#include "core/cmocka_all.h"
#include "cpu/driver.h"

enum { MOST_TASKS = 64 };

/* What is seen of one run; tasks of a run on one thread follow each other. */
typedef struct seen {
    atomic_int times[MOST_TASKS];
    size_t order[3 * MOST_TASKS];
    size_t n;
    bool one_thread, ahead;
    c2_cpu_turn last[5]; /* of each worker */
} seen;

static void task(const c2_state *state, const c2_run_args *args, size_t i, int worker)
{
    seen *s = (seen *)args->owner;
    (void)state;
    assert_true(worker >= 0 && worker < args->n_workers);
    assert_true(i < MOST_TASKS);
    atomic_fetch_add(&s->times[i], 1);
    if (s->one_thread)
        s->order[s->n++] = i;
}

/* Each worker's turns hang together: the next one is the task that was told, if one was. */
static void turn_task(const c2_state *state, const c2_run_args *args, c2_cpu_turn *turn)
{
    seen *s = (seen *)args->owner;
    (void)state;
    assert_true(turn->worker >= 0 && turn->worker < args->n_workers);
    assert_true(turn->task >= 0 && turn->task < MOST_TASKS);
    atomic_fetch_add(&s->times[turn->task], 1);
    c2_cpu_turn *last = &s->last[turn->worker];
    assert_int_equal(turn->prepared, last->stack && last->next != C2_CPU_NO_TASK);
    if (turn->prepared)
        assert_int_equal(turn->task, last->next);
    assert_int_equal(turn->side, last->side);
    if (last->stack)
        assert_ptr_equal(turn->stack, last->stack);
    if (!s->ahead)
        assert_int_equal(turn->next, C2_CPU_NO_TASK);
    turn->stack[C2_STACK_BYTES - 1] = 1;
    turn->side += 3;
    *last = *turn;
    if (s->one_thread)
        s->order[s->n++] = (size_t)turn->task;
}

static void done(void *owner) { (void)owner; }

/* Above the work that one thread does alone. */
static const c2_problem large = {
    .n = 1, .oc = 64, .icg = 64, .kh = 1, .kw = 1, .oh = 64, .ow = 64};

static void run_phases(conv2d_device *device, int n_workers, const c2_cpu_phase *phases, int n,
                       seen *s)
{
    memset(s, 0, sizeof *s);
    s->one_thread = n_workers == 1;
    s->ahead = phases->ahead;
    const c2_run_args args = {
        .problem = &large, .device = device, .n_workers = n_workers, .done = done, .owner = s};
    assert_int_equal(c2_cpu_parallel_phases(NULL, &args, phases, n), CONV2D_OK);
}

static conv2d_device *open_cpu(int n_threads)
{
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    options.n_threads = n_threads;
    conv2d_device *device;
    assert_int_equal(conv2d_device_open("cpu", &options, &device), CONV2D_OK);
    return device;
}

static void each_once(void **state)
{
    (void)state;
    seen s;
    for (int workers = 1; workers <= 5; workers++) {
        conv2d_device *device = open_cpu(workers);
        for (size_t n = 0; n <= 17; n++)
            for (int way = 0; way < 4; way++) { /* dealt in turn or in runs, there and back */
                run_phases(device, workers,
                           &(c2_cpu_phase){.n = n, .task = task, .runs = way / 2 > 0}, 1, &s);
                for (size_t i = 0; i < MOST_TASKS; i++)
                    assert_int_equal(atomic_load(&s.times[i]), i < n);
            }
        conv2d_device_close(device);
    }
}

static void turns_each_once(void **state)
{
    (void)state;
    seen s;
    for (int workers = 1; workers <= 5; workers++) {
        conv2d_device *device = open_cpu(workers);
        for (size_t n = 0; n <= 17; n++)
            for (int way = 0; way < 8; way++) { /* and told the next one or not */
                const c2_cpu_phase phase = {
                    .n = n, .turn = turn_task, .runs = way / 4 > 0, .ahead = way / 2 % 2 > 0};
                run_phases(device, workers, &phase, 1, &s);
                for (size_t i = 0; i < MOST_TASKS; i++)
                    assert_int_equal(atomic_load(&s.times[i]), i < n);
            }
        conv2d_device_close(device);
    }
}

/* n tasks from the first to the last, or back. */
static void expect_way(const seen *s, size_t from, size_t n, bool back)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(s->order[from + i], back ? n - 1 - i : i);
}

static void there_and_back(void **state)
{
    (void)state;
    conv2d_device *device = open_cpu(1);
    const c2_cpu_phase phases[] = {{.n = 5, .turn = turn_task, .ahead = true},
                                   {.n = 7, .task = task, .runs = true},
                                   {.n = 6, .task = task}};
    seen s;
    for (int run = 0; run < 4; run++) {
        const bool back = run % 2 > 0;
        run_phases(device, 1, phases, 3, &s);
        assert_int_equal(s.n, 18);
        expect_way(&s, 0, 5, back);
        expect_way(&s, 5, 7, !back);
        expect_way(&s, 12, 6, back);
    }
    conv2d_device_close(device);
}

/* A task alone has no way: what follows it goes on as if it had not been. */
static void alone(void **state)
{
    (void)state;
    conv2d_device *device = open_cpu(1);
    const c2_cpu_phase one = {.n = 1, .task = task}, four = {.n = 4, .task = task};
    seen s;
    for (int run = 0; run < 4; run++) {
        run_phases(device, 1, &four, 1, &s);
        expect_way(&s, 0, 4, run % 2 > 0);
        run_phases(device, 1, &one, 1, &s);
        assert_int_equal(s.n, 1);
    }
    conv2d_device_close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_once),
        cmocka_unit_test(turns_each_once),
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
