/* SPDX-License-Identifier: BSD-2-Clause
 * The public API over an asynchronous device: runs return before the work is done, objects live
 * until it is, failures surface where somebody waits, refusals are kept in words, nothing leaks. */
#include <pthread.h>
#include <unistd.h>

#include "fake_backend.h"
#include "helpers.h"

/* A convolution with all tensors in device memory and their host copies. */
typedef struct job {
    conv2d_device *device;
    conv2d_context *context;
    box input, weight, bias, residual, output;
    conv2d_buffer *in_buffer, *res_buffer, *out_buffer;
    conv2d_tensor in, res, out;
    conv2d_params params;
} job;

static conv2d_tensor on_device(conv2d_device *device, const box *b, conv2d_buffer **buffer)
{
    conv2d_tensor t = b->t;
    assert_ok(conv2d_buffer_create(device, b->bytes, buffer));
    t.data = NULL;
    t.buffer = *buffer;
    return t;
}

static job job_make(const char *device)
{
    job j = {.params = CONV2D_PARAMS_INIT};
    assert_ok(conv2d_device_open(device, NULL, &j.device));
    j.input = box4(CONV2D_NCHW, 2, 4, 6, 7, 1);
    j.weight = box4(CONV2D_NHWC, 6, 2, 3, 3, 2);
    j.bias = box1(6, 3);
    j.residual = box4(CONV2D_NHWC, 2, 6, 6, 7, 4);
    j.output = box4(CONV2D_NCHW, 2, 6, 6, 7, 5);
    for (int i = 0; i < 4; i++)
        j.params.padding[i] = 1;
    j.params.groups = 2;
    j.params.activation = CONV2D_ACT_RELU6;
    j.in = on_device(j.device, &j.input, &j.in_buffer);
    j.res = on_device(j.device, &j.residual, &j.res_buffer);
    j.out = on_device(j.device, &j.output, &j.out_buffer);
    box_poison(&j.output);
    assert_ok(conv2d_copy_to_device(&j.input.t, &j.in));
    assert_ok(conv2d_copy_to_device(&j.residual.t, &j.res));
    assert_ok(conv2d_copy_to_device(&j.output.t, &j.out));
    assert_ok(conv2d_prepack(j.device, &j.weight.t, &j.bias.t, &j.params, &j.context));
    return j;
}

static conv2d_run_args job_args(job *j)
{
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    args.input = &j->in;
    args.residual = &j->res;
    args.output = &j->out;
    return args;
}

static void job_check(job *j)
{
    box_poison(&j->output);
    assert_ok(conv2d_copy_to_host(&j->out, &j->output.t));
    assert_oracle(&j->output.t, &j->input.t, &j->weight.t, &j->bias.t, &j->residual.t, &j->params);
}

static void job_free(job *j)
{
    conv2d_context_destroy(j->context);
    conv2d_buffer_destroy(j->in_buffer);
    conv2d_buffer_destroy(j->res_buffer);
    conv2d_buffer_destroy(j->out_buffer);
    conv2d_device_close(j->device);
    box_free(&j->input);
    box_free(&j->weight);
    box_free(&j->bias);
    box_free(&j->residual);
    box_free(&j->output);
}

/* Everything is freed soon: the last release may happen on a queue's thread. */
static void assert_all_freed(void)
{
    for (int i = 0; i < 5000 && fake_count.devices; i++)
        usleep(1000);
    assert_int_equal(fake_count.devices, 0);
    assert_int_equal(fake_count.buffers, 0);
    assert_int_equal(fake_count.queues, 0);
    assert_int_equal(fake_count.events, 0);
    assert_int_equal(fake_count.states, 0);
}

static int reset(void **state)
{
    (void)state;
    fake_go();
    atomic_store(&fake_fault.open, 0);
    atomic_store(&fake_fault.run, 0);
    atomic_store(&fake_fault.upload, 0);
    atomic_store(&fake_fault.pack, 0);
    return 0;
}

/* ---- the same calls on every device ---- */

/* One scenario with nothing in it about the device: what a user of the API writes. */
static void scenario(const char *device)
{
    job j = job_make(device);
    conv2d_run_args args = job_args(&j);
    conv2d_queue *queue = NULL;
    conv2d_event *event = NULL;
    conv2d_plan *plan = NULL;
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    conv2d_device_info facts = CONV2D_DEVICE_INFO_INIT;
    char text[2048];

    assert_string_equal(conv2d_device_name(j.device), device);
    assert_ok(conv2d_device_get_info(j.device, &facts));
    assert_string_equal(facts.backend, device);
    assert_ok(conv2d_run(j.context, &args)); /* context, default queue */
    assert_ok(conv2d_device_sync(j.device));
    job_check(&j);
    assert_ok(conv2d_context_release_resources(j.context));
    assert_ok(conv2d_context_release_resources(j.context));

    assert_ok(conv2d_queue_create(j.device, &queue)); /* plan, own queue, event */
    assert_ok(conv2d_event_create(j.device, &event));
    assert_ok(conv2d_plan_create(j.context, &j.in, &j.res, &j.out, &plan));
    assert_ok(conv2d_plan_describe(plan, &info));
    assert_string_equal(info.backend, device);
    assert_ok(conv2d_plan_text(plan, 1, text, sizeof text, NULL));
    assert_non_null(strstr(text, info.algorithm));
    args.queue = queue;
    args.event = event;
    for (int i = 0; i < 3; i++) {
        assert_ok(conv2d_plan_run(plan, &args));
        assert_ok(conv2d_event_wait(event));
        job_check(&j);
    }
    assert_ok(conv2d_queue_sync(queue));
    conv2d_plan_destroy(plan);
    conv2d_event_destroy(event);
    conv2d_queue_destroy(queue);

    /* one-shot: complete when it returns */
    assert_ok(conv2d(j.device, &j.in, &j.weight.t, &j.bias.t, &j.res, &j.params, &j.out));
    job_check(&j);

    j.in.sizes[1] = 3; /* and a refusal, found before the device sees anything */
    assert_refused(conv2d(j.device, &j.in, &j.weight.t, &j.bias.t, &j.res, &j.params, &j.out),
                   CONV2D_E_SHAPE, "input has 3 channels", "groups = 2");
    job_free(&j);
}

static void test_same_calls_on_cpu(void **state)
{
    (void)state;
    scenario("cpu");
}

static void test_same_calls_on_fake(void **state)
{
    (void)state;
    scenario("fake");
    assert_all_freed();
}

/* ---- asynchrony ---- */

static void test_run_returns_before_the_work(void **state)
{
    job j = job_make("fake");
    conv2d_run_args args = job_args(&j);
    conv2d_event *event = NULL;
    int done = -1;
    (void)state;
    assert_ok(conv2d_event_create(j.device, &event));
    args.event = event;
    const int runs = fake_count.runs;
    fake_hold();
    assert_ok(conv2d_run(j.context, &args));
    assert_ok(conv2d_event_query(event, &done));
    assert_int_equal(done, 0);
    assert_int_equal(fake_count.runs, runs);
    fake_go();
    assert_ok(conv2d_event_wait(event));
    assert_ok(conv2d_event_query(event, &done));
    assert_int_equal(done, 1);
    assert_int_equal(fake_count.runs, runs + 1);
    job_check(&j);
    conv2d_event_destroy(event);
    job_free(&j);
    assert_all_freed();
}

/* Release the held queues a little later, from another thread. */
static void *go_later(void *arg)
{
    (void)arg;
    usleep(30000);
    fake_go();
    return NULL;
}

/* Reading back waits for the run that writes, without any other call. */
static void test_copy_to_host_comes_after_queued_runs(void **state)
{
    job j = job_make("fake");
    conv2d_run_args args = job_args(&j);
    pthread_t thread;
    (void)state;
    fake_hold();
    assert_ok(conv2d_run(j.context, &args));
    assert_int_equal(pthread_create(&thread, NULL, go_later, NULL), 0);
    job_check(&j);
    assert_int_equal(pthread_join(thread, NULL), 0);
    job_free(&j);
    assert_all_freed();
}

/* So does writing: an upload does not change the input of a run that is queued. */
static void test_copy_to_device_comes_after_queued_runs(void **state)
{
    job j = job_make("fake");
    conv2d_run_args args = job_args(&j);
    box other = box4(CONV2D_NCHW, 2, 4, 6, 7, 99);
    pthread_t thread;
    (void)state;
    fake_hold();
    assert_ok(conv2d_run(j.context, &args));
    assert_int_equal(pthread_create(&thread, NULL, go_later, NULL), 0);
    assert_ok(conv2d_copy_to_device(&other.t, &j.in));
    assert_int_equal(pthread_join(thread, NULL), 0);
    job_check(&j); /* of the old input */
    box_free(&other);
    job_free(&j);
    assert_all_freed();
}

/* More runs than a queue holds, each with its own workspace while they wait; two queues, each with
 * its own output. */
static void test_many_queued_runs(void **state)
{
    job j = job_make("fake");
    conv2d_run_args args = job_args(&j), there = job_args(&j);
    conv2d_buffer *second_buffer = NULL;
    conv2d_tensor second = on_device(j.device, &j.output, &second_buffer);
    conv2d_queue *queue = NULL;
    pthread_t thread;
    (void)state;
    assert_ok(conv2d_queue_create(j.device, &queue));
    there.queue = queue;
    there.output = &second;
    const int runs = fake_count.runs;
    fake_hold();
    assert_int_equal(pthread_create(&thread, NULL, go_later, NULL), 0);
    for (int i = 0; i < 100; i++)
        assert_ok(conv2d_run(j.context, i % 2 ? &there : &args));
    assert_ok(conv2d_queue_sync(queue));
    assert_ok(conv2d_device_sync(j.device));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(fake_count.runs, runs + 100);
    job_check(&j);
    assert_ok(conv2d_copy_to_host(&second, &j.output.t));
    assert_oracle(&j.output.t, &j.input.t, &j.weight.t, &j.bias.t, &j.residual.t, &j.params);
    conv2d_queue_destroy(queue);
    conv2d_buffer_destroy(second_buffer);
    job_free(&j);
    assert_all_freed();
}

/* ---- who keeps what alive ---- */

static void test_context_destroyed_with_work_queued(void **state)
{
    job j = job_make("fake");
    conv2d_run_args args = job_args(&j);
    (void)state;
    fake_hold();
    assert_ok(conv2d_run(j.context, &args));
    assert_ok(conv2d_context_release_resources(j.context));
    conv2d_context_destroy(j.context);
    j.context = NULL;
    assert_true(fake_count.states == 1); /* the plan of the queued run is still there */
    fake_go();
    assert_ok(conv2d_device_sync(j.device));
    job_check(&j);
    job_free(&j);
    assert_all_freed();
}

/* Every handle but the buffers is dropped while the run is queued; the last reference to the device
 * then goes on the queue's own thread. */
static void test_plan_and_device_dropped_with_work_queued(void **state)
{
    job j = job_make("fake");
    conv2d_run_args args = job_args(&j);
    conv2d_plan *plan = NULL;
    pthread_t thread;
    (void)state;
    assert_ok(conv2d_plan_create(j.context, &j.in, &j.res, &j.out, &plan));
    const int runs = fake_count.runs;
    fake_hold();
    assert_ok(conv2d_plan_run(plan, &args));
    conv2d_plan_destroy(plan);
    conv2d_context_destroy(j.context);
    conv2d_device_close(j.device);
    j.context = NULL;
    j.device = NULL;
    assert_int_equal(pthread_create(&thread, NULL, go_later, NULL), 0);
    conv2d_buffer_destroy(j.out_buffer); /* waits for the run that writes it */
    assert_int_equal(fake_count.runs, runs + 1);
    j.out_buffer = NULL;
    assert_int_equal(pthread_join(thread, NULL), 0);
    job_free(&j);
    assert_all_freed();
}

static void test_event_and_queue_destroyed_with_work_queued(void **state)
{
    job j = job_make("fake");
    conv2d_run_args args = job_args(&j);
    (void)state;
    for (int which = 0; which < 2; which++) {
        conv2d_queue *queue = NULL;
        conv2d_event *event = NULL;
        pthread_t thread;
        assert_ok(conv2d_queue_create(j.device, &queue));
        assert_ok(conv2d_event_create(j.device, &event));
        args.queue = queue;
        args.event = event;
        const int runs = fake_count.runs;
        fake_hold();
        assert_ok(conv2d_run(j.context, &args));
        assert_int_equal(pthread_create(&thread, NULL, go_later, NULL), 0);
        if (which)
            conv2d_event_destroy(event);
        conv2d_queue_destroy(queue);
        assert_int_equal(fake_count.runs, runs + 1);
        if (!which)
            conv2d_event_destroy(event);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    job_check(&j);
    job_free(&j);
    assert_all_freed();
}

/* ---- failures ---- */

static void test_open_refused(void **state)
{
    conv2d_device *device = NULL;
    (void)state;
    atomic_store(&fake_fault.open, 1);
    assert_refused(conv2d_device_open("fake", NULL, &device), CONV2D_E_DEVICE, "driver",
                   "version 3");
    assert_null(device);
    assert_ok(conv2d_device_open("fake", NULL, &device));
    conv2d_device_close(device);
    assert_all_freed();
}

/* Lost while it executes the k-th run: whoever waits hears of it once, with a sentence; later runs
 * are refused at once; everything can still be destroyed. */
static void test_device_lost(void **state)
{
    (void)state;
    for (int k = 1; k <= 3; k++) {
        job j = job_make("fake");
        conv2d_run_args args = job_args(&j);
        conv2d_event *event = NULL;
        conv2d_plan *plan = NULL;
        assert_ok(conv2d_event_create(j.device, &event));
        assert_ok(conv2d_plan_create(j.context, &j.in, &j.res, &j.out, &plan));
        args.event = event;
        atomic_store(&fake_fault.run, k);
        fake_hold();
        for (int i = 0; i < 4; i++)
            assert_ok(conv2d_plan_run(plan, &args));
        fake_go();
        assert_refused(conv2d_event_wait(event), CONV2D_E_DEVICE, "run", "lost");
        switch (k) {
        case 1:
            assert_refused(conv2d_device_sync(j.device), CONV2D_E_DEVICE, "queued work", "lost");
            break;
        case 2:
            assert_refused(conv2d_copy_to_host(&j.out, &j.output.t), CONV2D_E_DEVICE, "queued work",
                           "lost");
            break;
        default:
            assert_refused(conv2d_copy_to_device(&j.input.t, &j.in), CONV2D_E_DEVICE, "queued work",
                           "lost");
        }
        assert_ok(conv2d_device_sync(j.device)); /* reported once */
        assert_refused(conv2d_plan_run(plan, &args), CONV2D_E_DEVICE, "lost", NULL);
        assert_refused(conv2d_run(j.context, &args), CONV2D_E_DEVICE, "lost", NULL);
        conv2d_plan_destroy(plan);
        conv2d_event_destroy(event);
        job_free(&j);
        assert_all_freed();
    }
}

/* A one-shot call has nobody else to tell. */
static void test_device_lost_in_oneshot(void **state)
{
    job j = job_make("fake");
    (void)state;
    atomic_store(&fake_fault.run, 1);
    assert_refused(conv2d(j.device, &j.in, &j.weight.t, NULL, NULL, &j.params, &j.out),
                   CONV2D_E_DEVICE, "queued work", "lost");
    job_free(&j);
    assert_all_freed();
}

static void test_upload_fails(void **state)
{
    job j = job_make("fake");
    conv2d_run_args args = job_args(&j);
    conv2d_plan *plan = NULL;
    (void)state;
    atomic_store(&fake_fault.upload, 1);
    assert_refused(conv2d_copy_to_device(&j.input.t, &j.in), CONV2D_E_DEVICE, "failed to take",
                   NULL);
    atomic_store(&fake_fault.pack, 1);
    assert_refused(conv2d_run(j.context, &args), CONV2D_E_DEVICE, "takes no weights", NULL);
    atomic_store(&fake_fault.pack, 1);
    assert_refused(conv2d_plan_create(j.context, &j.in, &j.res, &j.out, &plan), CONV2D_E_DEVICE,
                   "takes no weights", NULL);
    assert_null(plan);
    assert_ok(conv2d_run(j.context, &args)); /* the context is usable */
    job_check(&j);
    job_free(&j);
    assert_all_freed();
}

/* A run cancelled while it waits in the queue. */
static void test_cancelled_in_the_queue(void **state)
{
    job j = job_make("fake");
    conv2d_run_args args = job_args(&j);
    conv2d_cancel *cancel = NULL;
    conv2d_event *event = NULL;
    (void)state;
    assert_ok(conv2d_cancel_create(&cancel));
    assert_ok(conv2d_event_create(j.device, &event));
    args.cancel = cancel;
    args.event = event;
    fake_hold();
    assert_ok(conv2d_run(j.context, &args));
    conv2d_cancel_trigger(cancel);
    fake_go();
    assert_refused(conv2d_event_wait(event), CONV2D_E_CANCELLED, "cancelled", NULL);
    assert_refused(conv2d_device_sync(j.device), CONV2D_E_CANCELLED, "cancelled", NULL);
    conv2d_cancel_reset(cancel);
    assert_ok(conv2d_run(j.context, &args));
    assert_ok(conv2d_event_wait(event));
    job_check(&j);
    conv2d_cancel_destroy(cancel);
    conv2d_event_destroy(event);
    job_free(&j);
    assert_all_freed();
}

/* ---- refusals ---- */

static void test_refusals_are_kept_in_the_plan(void **state)
{
    job j = job_make("fake");
    conv2d_plan *plan = NULL;
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    conv2d_candidate_info c = CONV2D_CANDIDATE_INFO_INIT;
    char text[2048];
    (void)state;
    assert_ok(conv2d_plan_create(j.context, &j.in, &j.res, &j.out, &plan));
    assert_ok(conv2d_plan_describe(plan, &info));
    assert_string_equal(info.algorithm, "fake_direct");
    assert_string_equal(info.variant, "fake_f32_sum");
    assert_int_equal(info.n_candidates, 3);
    assert_int_equal(info.workspace_shared_bytes, 256);
    assert_ok(conv2d_plan_candidate(plan, 0, &c));
    assert_string_equal(c.algorithm, "fake_pointwise");
    assert_string_equal(c.refusal, "kernel is 3 x 3: 1 x 1 only");
    assert_int_equal(c.chosen, 0);
    assert_ok(conv2d_plan_candidate(plan, 2, &c));
    assert_string_equal(c.variant, "fake_f64_sum");
    assert_string_equal(c.refusal, "");
    assert_ok(conv2d_plan_text(plan, 1, text, sizeof text, NULL));
    assert_non_null(strstr(text, "kernel is 3 x 3: 1 x 1 only"));
    conv2d_plan_destroy(plan);

    /* nobody can: the reason is in the sentence */
    conv2d_context_destroy(j.context);
    j.params.padding_mode = CONV2D_PAD_REFLECT;
    assert_ok(conv2d_prepack(j.device, &j.weight.t, &j.bias.t, &j.params, &j.context));
    plan = NULL;
    assert_refused(conv2d_plan_create(j.context, &j.in, &j.res, &j.out, &plan),
                   CONV2D_E_UNSUPPORTED, "fake", "padding_mode");
    assert_null(plan);
    job_free(&j);
    assert_all_freed();
}

static void test_variant_is_forced_by_name(void **state)
{
    job j = job_make("fake");
    conv2d_run_args args = job_args(&j);
    conv2d_plan *plan = NULL;
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    (void)state;
    conv2d_context_destroy(j.context);
    j.params.algorithm = "fake_direct/f64";
    assert_ok(conv2d_prepack(j.device, &j.weight.t, &j.bias.t, &j.params, &j.context));
    assert_ok(conv2d_plan_create(j.context, &j.in, &j.res, &j.out, &plan));
    assert_ok(conv2d_plan_describe(plan, &info));
    assert_string_equal(info.variant, "fake_f64_sum");
    assert_ok(conv2d_plan_run(plan, &args));
    job_check(&j);
    conv2d_plan_destroy(plan);
    job_free(&j);
    assert_all_freed();
}

/* Host memory where only buffers will do. */
static void test_host_tensors_refused(void **state)
{
    job j = job_make("fake");
    conv2d_run_args args = job_args(&j);
    (void)state;
    args.input = &j.input.t;
    assert_refused(conv2d_run(j.context, &args), CONV2D_E_ARGUMENT, "input", "buffer");
    args.input = &j.in;
    args.output = &j.output.t;
    assert_refused(conv2d_run(j.context, &args), CONV2D_E_ARGUMENT, "output", "buffer");
    assert_null(conv2d_buffer_host_pointer(j.in_buffer));
    job_free(&j);
    assert_all_freed();
}

/* ---- the tables ---- */

/* A struct of pointers and functions has no padding that could hold a NULL by accident: each member
 * after the scalars is looked at where it lies. */
static void assert_no_null(const char *table /* its name */, const void *first, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += sizeof(void *)) {
        void *member;
        memcpy(&member, (const char *)first + i, sizeof member);
        if (!member)
            fail_msg("%s: the member %zu bytes on is NULL", table ? table : "nameless", i);
    }
}

static void test_no_member_is_null(void **state)
{
    (void)state;
    for (const c2_backend *const *b = c2_backends; *b; b++) {
        const size_t from = offsetof(c2_backend, open);
        assert_int_equal((*b)->abi, C2_BACKEND_ABI);
        assert_non_null((*b)->name);
        assert_non_null((*b)->proven);
        assert_no_null((*b)->name, (const char *)*b + from, sizeof **b - from);
        for (const c2_algorithm *const *a = (*b)->algorithms; *a; a++) {
            const size_t members = offsetof(c2_algorithm, variants);
            assert_non_null((*a)->name);
            assert_no_null((*a)->name, (const char *)*a + members, sizeof **a - members);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_member_is_null),
        cmocka_unit_test_setup(test_same_calls_on_cpu, reset),
        cmocka_unit_test_setup(test_same_calls_on_fake, reset),
        cmocka_unit_test_setup(test_run_returns_before_the_work, reset),
        cmocka_unit_test_setup(test_copy_to_host_comes_after_queued_runs, reset),
        cmocka_unit_test_setup(test_copy_to_device_comes_after_queued_runs, reset),
        cmocka_unit_test_setup(test_many_queued_runs, reset),
        cmocka_unit_test_setup(test_context_destroyed_with_work_queued, reset),
        cmocka_unit_test_setup(test_plan_and_device_dropped_with_work_queued, reset),
        cmocka_unit_test_setup(test_event_and_queue_destroyed_with_work_queued, reset),
        cmocka_unit_test_setup(test_open_refused, reset),
        cmocka_unit_test_setup(test_device_lost, reset),
        cmocka_unit_test_setup(test_device_lost_in_oneshot, reset),
        cmocka_unit_test_setup(test_upload_fails, reset),
        cmocka_unit_test_setup(test_cancelled_in_the_queue, reset),
        cmocka_unit_test_setup(test_refusals_are_kept_in_the_plan, reset),
        cmocka_unit_test_setup(test_variant_is_forced_by_name, reset),
        cmocka_unit_test_setup(test_host_tensors_refused, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
