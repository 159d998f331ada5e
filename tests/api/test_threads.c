/* SPDX-License-Identifier: BSD-2-Clause
 * Many threads: on one context with the same and with different shapes, one plan at once, with
 * resources released meanwhile, creating and destroying everything at the same time. Results are
 * compared bit for bit; run under ThreadSanitizer too. */
#include <pthread.h>

#include "helpers.h"

enum { THREADS = 8, SHAPES = 20, ROUNDS = 8 };

/* What all threads share, and the expected outputs of every shape. */
typedef struct shared {
    conv2d_device *device;
    conv2d_context *context;
    conv2d_plan *plan; /* of shape 0 */
    conv2d_params params;
    box weight, bias;
    box input[SHAPES], expected[SHAPES];
    pthread_barrier_t barrier;
} shared;

typedef struct worker {
    shared *all;
    int number;
    const char *failed; /* NULL = all was well */
} worker;

static void make_shape(shared *all, int i)
{
    /* every third or so is large enough to be shared among threads */
    const int64_t h = 4 + 5 * (i % 7), w = 3 + 6 * (i % 5), n = 1 + i % 3;
    all->input[i] = box4(i & 1, n, 4, h, w, (unsigned)i);
    all->expected[i] = box4(i & 1, n, 6, h, w, 0);
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    args.input = &all->input[i].t;
    args.output = &all->expected[i].t;
    assert_ok(conv2d_run(all->context, &args));
    assert_oracle(&all->expected[i].t, &all->input[i].t, &all->weight.t, &all->bias.t, NULL,
                  &all->params);
}

static void shared_make(shared *all, int n_threads)
{
    *all = (shared){.params = CONV2D_PARAMS_INIT};
    all->device = open_cpu(n_threads);
    all->weight = box4(CONV2D_NCHW, 6, 4, 3, 3, 2);
    all->bias = box1(6, 3);
    for (int i = 0; i < 4; i++)
        all->params.padding[i] = 1;
    assert_ok(
        conv2d_prepack(all->device, &all->weight.t, &all->bias.t, &all->params, &all->context));
    for (int i = 0; i < SHAPES; i++)
        make_shape(all, i);
    assert_ok(
        conv2d_plan_create(all->context, &all->input[0].t, NULL, &all->expected[0].t, &all->plan));
    assert_ok(conv2d_context_release_resources(all->context)); /* threads build all anew */
    assert_int_equal(pthread_barrier_init(&all->barrier, NULL, THREADS), 0);
}

static void shared_free(shared *all)
{
    conv2d_plan_destroy(all->plan);
    conv2d_context_destroy(all->context);
    conv2d_device_close(all->device);
    for (int i = 0; i < SHAPES; i++) {
        box_free(&all->input[i]);
        box_free(&all->expected[i]);
    }
    box_free(&all->weight);
    box_free(&all->bias);
    pthread_barrier_destroy(&all->barrier);
}

/* Run THREADS copies of main at once; none may report a failure. */
static void together(shared *all, void *(*main_of)(void *))
{
    pthread_t threads[THREADS];
    worker workers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){all, i, NULL};
        assert_int_equal(pthread_create(&threads[i], NULL, main_of, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < THREADS; i++)
        if (workers[i].failed)
            fail_msg("thread %d: %s", i, workers[i].failed);
}

/* cmocka's assertions are for the main thread only, so workers keep a sentence instead. */
static bool run_and_compare(worker *w, conv2d_context *context, conv2d_plan *plan, int shape)
{
    shared *all = w->all;
    box output = all->expected[shape];
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    output.memory = malloc(output.bytes);
    output.t.data = output.memory;
    args.input = &all->input[shape].t;
    args.output = &output.t;
    if (!output.memory)
        w->failed = "no memory";
    else if (plan ? conv2d_plan_run(plan, &args) : conv2d_run(context, &args))
        w->failed = conv2d_last_error();
    else if (memcmp(output.memory, all->expected[shape].memory, output.bytes) != 0)
        w->failed = "other bits than a single thread got";
    free(output.memory);
    return !w->failed;
}

static void *many_shapes(void *arg)
{
    worker *w = arg;
    pthread_barrier_wait(&w->all->barrier);
    for (int i = 0; i < ROUNDS * SHAPES; i++)
        if (!run_and_compare(w, w->all->context, NULL, (i + w->number * 3) % SHAPES))
            break;
    return NULL;
}

static void *one_plan(void *arg)
{
    worker *w = arg;
    pthread_barrier_wait(&w->all->barrier);
    for (int i = 0; i < ROUNDS * 10; i++)
        if (!run_and_compare(w, NULL, w->all->plan, 0))
            break;
    return NULL;
}

/* Two threads keep releasing what the six others run with. */
static void *with_releases(void *arg)
{
    worker *w = arg;
    pthread_barrier_wait(&w->all->barrier);
    for (int i = 0; i < ROUNDS * 10; i++) {
        if (w->number < 2) {
            if (conv2d_context_release_resources(w->all->context))
                w->failed = conv2d_last_error();
        } else if (!run_and_compare(w, w->all->context, NULL, i % 5)) {
            break;
        }
    }
    return NULL;
}

/* Each thread makes contexts and plans of its own on the shared device, and drops them. */
static void *own_objects(void *arg)
{
    worker *w = arg;
    shared *all = w->all;
    pthread_barrier_wait(&all->barrier);
    for (int i = 0; i < ROUNDS && !w->failed; i++) {
        const int shape = (i + w->number) % SHAPES;
        conv2d_context *context = NULL;
        conv2d_plan *plan = NULL;
        if (conv2d_prepack(all->device, &all->weight.t, &all->bias.t, &all->params, &context) ||
            conv2d_plan_create(context, &all->input[shape].t, NULL, &all->expected[shape].t, &plan))
            w->failed = conv2d_last_error();
        conv2d_context_destroy(context);
        if (!w->failed)
            run_and_compare(w, NULL, plan, shape);
        conv2d_plan_destroy(plan);
    }
    return NULL;
}

/* And devices of its own, each with its own threads. */
static void *own_devices(void *arg)
{
    worker *w = arg;
    shared *all = w->all;
    pthread_barrier_wait(&all->barrier);
    for (int i = 0; i < ROUNDS && !w->failed; i++) {
        conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
        conv2d_device *device = NULL;
        conv2d_context *context = NULL;
        options.n_threads = 1 + (i + w->number) % 3;
        if (conv2d_device_open("cpu", &options, &device) ||
            conv2d_prepack(device, &all->weight.t, &all->bias.t, &all->params, &context))
            w->failed = conv2d_last_error();
        conv2d_device_close(device);
        if (!w->failed)
            run_and_compare(w, context, NULL, (i + w->number) % SHAPES);
        conv2d_context_destroy(context);
    }
    return NULL;
}

/* The sentence of a failure is this thread's own. */
static void *own_errors(void *arg)
{
    worker *w = arg;
    char want[32];
    pthread_barrier_wait(&w->all->barrier);
    for (int i = 0; i < 200 && !w->failed; i++) {
        conv2d_params params = CONV2D_PARAMS_INIT;
        int64_t sizes[4];
        params.groups = 1000 + w->number;
        snprintf(want, sizeof want, "%d", (int)params.groups);
        if (!conv2d_output_sizes(&w->all->input[0].t, &w->all->weight.t, &params, sizes) ||
            !strstr(conv2d_last_error(), want))
            w->failed = "not this thread's sentence";
    }
    return NULL;
}

static void in_all_pools(void *(*main_of)(void *))
{
    for (int n_threads = 1; n_threads <= 3; n_threads += 2) {
        shared all;
        shared_make(&all, n_threads);
        together(&all, main_of);
        shared_free(&all);
    }
}

static void test_one_context_different_shapes(void **state)
{
    (void)state;
    in_all_pools(many_shapes);
}

static void test_one_plan(void **state)
{
    (void)state;
    in_all_pools(one_plan);
}

static void test_release_resources_meanwhile(void **state)
{
    (void)state;
    in_all_pools(with_releases);
}

static void test_objects_made_and_dropped(void **state)
{
    (void)state;
    in_all_pools(own_objects);
}

static void test_devices_made_and_dropped(void **state)
{
    (void)state;
    in_all_pools(own_devices);
}

static void test_last_error_is_thread_local(void **state)
{
    (void)state;
    in_all_pools(own_errors);
}

/* A cancel flag triggered from another thread while runs are under way: each run ends with a
 * result or says it was cancelled, and the context goes on. */
typedef struct canceller {
    conv2d_cancel *cancel;
    atomic_bool stop;
} canceller;

static void *keep_triggering(void *arg)
{
    canceller *c = arg;
    while (!atomic_load(&c->stop)) {
        conv2d_cancel_trigger(c->cancel);
        conv2d_cancel_reset(c->cancel);
    }
    return NULL;
}

static void test_cancel_from_another_thread(void **state)
{
    shared all;
    canceller c = {NULL, false};
    pthread_t thread;
    int cancelled = 0;
    (void)state;
    shared_make(&all, 2);
    box input = box4(CONV2D_NCHW, 2, 4, 40, 40, 1), output = box4(CONV2D_NCHW, 2, 6, 40, 40, 2);
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    assert_ok(conv2d_cancel_create(&c.cancel));
    args.input = &input.t;
    args.output = &output.t;
    args.cancel = c.cancel;
    assert_int_equal(pthread_create(&thread, NULL, keep_triggering, &c), 0);
    for (int i = 0; i < 300; i++) {
        const conv2d_status s = conv2d_run(all.context, &args);
        cancelled += s == CONV2D_E_CANCELLED;
        if (s != CONV2D_E_CANCELLED)
            assert_ok(s);
    }
    atomic_store(&c.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    print_message("%d of 300 runs were cancelled\n", cancelled);
    conv2d_cancel_reset(c.cancel);
    assert_ok(conv2d_run(all.context, &args));
    assert_oracle(&output.t, &input.t, &all.weight.t, &all.bias.t, NULL, &all.params);
    conv2d_cancel_destroy(c.cancel);
    box_free(&input);
    box_free(&output);
    shared_free(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_context_different_shapes),
        cmocka_unit_test(test_one_plan),
        cmocka_unit_test(test_release_resources_meanwhile),
        cmocka_unit_test(test_objects_made_and_dropped),
        cmocka_unit_test(test_devices_made_and_dropped),
        cmocka_unit_test(test_last_error_is_thread_local),
        cmocka_unit_test(test_cancel_from_another_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
