/* SPDX-License-Identifier: BSD-2-Clause
 * Queued work on Metal: that runs return before they are done, who waits for whom, objects that are
 * destroyed with work queued, and failures that nobody was waiting for. */
#include <pthread.h>

#include "metal_helpers.h"

enum { LOST = 11, TIMED_OUT = 2, DELAY = 50000 /* microseconds */ };

typedef struct scene {
    conv2d_device *device;
    conv2d_context *context;
    box input, weight, output;
    device_box in, out;
    conv2d_run_args args;
} scene;

/* A convolution that is ready to run, by an algorithm (NULL: the planner's choice); everything is a
 * few kilobytes. */
static void scene_make_by(scene *s, const char *algorithm)
{
    *s = (scene){.device = open_metal(NULL), .args = CONV2D_RUN_ARGS_INIT};
    s->input = box4(CONV2D_NCHW, 1, 5, 8, 8, 1);
    s->weight = box4(CONV2D_NCHW, 6, 5, 3, 3, 2);
    s->output = box4(CONV2D_NCHW, 1, 6, 6, 6, 3);
    box_poison(&s->output);
    s->in = device_box_of(s->device, &s->input);
    s->out = device_box_of(s->device, &s->output);
    s->args.input = &s->in.t;
    s->args.output = &s->out.t;
    conv2d_params params = CONV2D_PARAMS_INIT;
    params.algorithm = algorithm;
    assert_ok(conv2d_prepack(s->device, &s->weight.t, NULL, &params, &s->context));
    assert_ok(conv2d_run(s->context, &s->args)); /* compiles */
    assert_ok(conv2d_device_sync(s->device));
}

static void scene_make(scene *s)
{
    scene_make_by(s, NULL);
}

/* One dispatch a run, and three through a workspace. */
static const char *const algorithms[] = {NULL, "winograd_f2x3"};
enum { ALGORITHMS = sizeof algorithms / sizeof *algorithms };

static void assert_right(scene *s)
{
    device_box_read(&s->out, &s->output);
    assert_oracle(&s->output.t, &s->input.t, &s->weight.t, NULL, NULL, NULL);
}

static void scene_free(scene *s)
{
    soft.delay(0);
    device_box_free(&s->in);
    device_box_free(&s->out);
    conv2d_context_destroy(s->context);
    conv2d_device_close(s->device);
    box_free(&s->input);
    box_free(&s->weight);
    box_free(&s->output);
    assert_nothing_alive();
}

static void test_run_returns_before_it_is_done(void **state)
{
    (void)state;
    scene s;
    scene_make(&s);
    conv2d_event *event = NULL;
    assert_ok(conv2d_event_create(s.device, &event));
    s.args.event = event;
    int done = 0;
    assert_ok(conv2d_event_query(event, &done));
    assert_int_equal(done, 1); /* nothing was recorded yet */
    soft.delay(DELAY);
    assert_ok(conv2d_run(s.context, &s.args));
    assert_ok(conv2d_event_query(event, &done));
    assert_int_equal(done, 0);
    assert_ok(conv2d_event_wait(event));
    assert_ok(conv2d_event_query(event, &done));
    assert_int_equal(done, 1);
    assert_right(&s);
    conv2d_event_destroy(event);
    scene_free(&s);
}

static void test_copies_wait_for_the_runs_before_them(void **state)
{
    (void)state;
    scene s;
    scene_make(&s);
    soft.delay(DELAY);
    assert_ok(conv2d_run(s.context, &s.args));
    box other = box4(CONV2D_NCHW, 1, 5, 8, 8, 9);
    assert_ok(conv2d_copy_to_device(&other.t, &s.in.t)); /* after the run has read its input */
    assert_right(&s);
    box_free(&other);
    scene_free(&s);
}

static void destroy_with_work_queued(const char *algorithm)
{
    scene s;
    scene_make_by(&s, algorithm);
    conv2d_queue *queue = NULL;
    conv2d_event *event = NULL;
    conv2d_plan *plan = NULL;
    assert_ok(conv2d_queue_create(s.device, &queue));
    assert_ok(conv2d_event_create(s.device, &event));
    conv2d_tensor in = s.in.t, out = s.out.t;
    in.buffer = out.buffer = NULL;
    assert_ok(conv2d_plan_create(s.context, &in, NULL, &out, &plan));
    s.args.queue = queue;
    s.args.event = event;
    soft.delay(DELAY);
    for (int i = 0; i < 3; i++)
        assert_ok(conv2d_plan_run(plan, &s.args));
    conv2d_plan_destroy(plan);
    conv2d_context_destroy(s.context);
    s.context = NULL;
    conv2d_device_close(s.device);
    s.device = NULL;
    box_poison(&s.weight); /* the context's copy went into the packed form */
    conv2d_queue_destroy(queue);
    conv2d_event_destroy(event);
    scene_free(&s); /* buffers wait for what uses them */
}

static void test_everything_destroyed_with_work_queued(void **state)
{
    (void)state;
    for (int i = 0; i < ALGORITHMS; i++)
        destroy_with_work_queued(algorithms[i]);
}

typedef struct worker {
    pthread_t thread;
    scene *s;
    box output;
    conv2d_status status;
} worker;

static void *work(void *arg)
{
    worker *w = arg;
    conv2d_queue *queue = NULL;
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    device_box out = device_box_of(w->s->device, &w->output);
    args.input = &w->s->in.t;
    args.output = &out.t;
    w->status = conv2d_queue_create(w->s->device, &queue);
    args.queue = queue;
    for (int i = 0; i < 40 && !w->status; i++) { /* more than may be under way at once */
        w->status = conv2d_run(w->s->context, &args);
        if (i % 16 == 7 && !w->status)
            w->status = conv2d_context_release_resources(w->s->context);
    }
    if (!w->status)
        w->status = conv2d_queue_sync(queue);
    device_box_read(&out, &w->output);
    conv2d_queue_destroy(queue);
    device_box_free(&out);
    return NULL;
}

static void run_threads_with_a_queue_each(const char *algorithm)
{
    enum { WORKERS = 3 };
    scene s;
    scene_make_by(&s, algorithm);
    worker workers[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (worker){.s = &s, .output = box4(CONV2D_NHWC, 1, 6, 6, 6, 3)};
        box_poison(&workers[i].output);
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_ok(workers[i].status);
        assert_oracle(&workers[i].output.t, &s.input.t, &s.weight.t, NULL, NULL, NULL);
        box_free(&workers[i].output);
    }
    scene_free(&s);
}

static void test_threads_with_a_queue_each(void **state)
{
    (void)state;
    for (int i = 0; i < ALGORITHMS; i++)
        run_threads_with_a_queue_each(algorithms[i]);
}

/* A run that fails is reported once, where somebody waits; the device goes on. */
static void test_failed_run_is_reported_where_somebody_waits(void **state)
{
    (void)state;
    scene s;
    scene_make(&s);
    conv2d_event *event = NULL;
    assert_ok(conv2d_event_create(s.device, &event));
    s.args.event = event;
    assert_int_equal(soft.fail_nth("command", 1, TIMED_OUT), 0);
    assert_ok(conv2d_run(s.context, &s.args));
    assert_refused(conv2d_event_wait(event), CONV2D_E_DEVICE, "event", NULL);
    assert_refused(conv2d_device_sync(s.device), CONV2D_E_DEVICE, "queued work failed", NULL);
    assert_ok(conv2d_device_sync(s.device));
    assert_ok(conv2d_run(s.context, &s.args));
    assert_ok(conv2d_event_wait(event));
    assert_right(&s);

    assert_int_equal(soft.fail_nth("command", 1, TIMED_OUT), 0);
    assert_ok(conv2d_run(s.context, &s.args));
    box_poison(&s.output);
    assert_refused(conv2d_copy_to_host(&s.out.t, &s.output.t), CONV2D_E_DEVICE, "failed", NULL);
    assert_true(box_is_poisoned(&s.output));
    conv2d_event_destroy(event);
    scene_free(&s);
}

/* After the GPU is gone runs are refused at once, and every object can still be destroyed. */
static void test_lost_device(void **state)
{
    (void)state;
    scene s;
    scene_make(&s);
    assert_int_equal(soft.fail_nth("command", 1, LOST), 0);
    assert_ok(conv2d_run(s.context, &s.args));
    assert_refused(conv2d_device_sync(s.device), CONV2D_E_DEVICE, "lost", "open the device");
    assert_refused(conv2d_run(s.context, &s.args), CONV2D_E_DEVICE, "lost", "open the device");
    assert_ok(conv2d_device_sync(s.device));
    scene_free(&s);
}

int main(void)
{
    software_open();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_returns_before_it_is_done),
        cmocka_unit_test(test_copies_wait_for_the_runs_before_them),
        cmocka_unit_test(test_everything_destroyed_with_work_queued),
        cmocka_unit_test(test_threads_with_a_queue_each),
        cmocka_unit_test(test_failed_run_is_reported_where_somebody_waits),
        cmocka_unit_test(test_lost_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
