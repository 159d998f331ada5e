/* SPDX-License-Identifier: BSD-2-Clause
 * The n-th allocation, lock and thread start fail, for every n, in every public call: the call
 * answers CONV2D_E_NOMEM with a sentence (or succeeds without what it was refused, as with
 * threads), gives nothing, leaks nothing, leaves outputs untouched, and works when called again. */
#include "faults.h"
#include "helpers.h"

/* A device with all that calls need, made anew for each attempt. */
typedef struct world {
    const conv2d_allocator *allocator; /* NULL = malloc */
    conv2d_device *device;
    conv2d_context *context;
    conv2d_plan *plan;
    conv2d_buffer *buffer;
    box input, weight, bias, output;
    conv2d_params params;
    conv2d_problem problem;
} world;

static float *expected; /* of the world's convolution */

static void world_boxes(world *w)
{
    *w = (world){.params = CONV2D_PARAMS_INIT};
    w->input = box4(CONV2D_NCHW, 4, 64, 20, 20, 1); /* enough work for threads to be started */
    w->weight = box4(CONV2D_NCHW, 4, 64, 3, 3, 2);
    w->bias = box1(4, 3);
    w->output = box4(CONV2D_NCHW, 4, 4, 20, 20, 4);
    w->params.algorithm = "igemm_px"; /* needs a workspace here with every kernel */
    for (int i = 0; i < 4; i++)
        w->params.padding[i] = 1;
    assert_ok(conv2d_problem_parse("mb4ic64ih20oc4oh20kh3ph1", &w->problem));
}

static conv2d_status open_device(const world *w, conv2d_device **device_out)
{
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    options.n_threads = 4;
    options.allocator = w->allocator;
    return conv2d_device_open("cpu", &options, device_out);
}

static world world_make(const conv2d_allocator *allocator)
{
    world w;
    world_boxes(&w);
    w.allocator = allocator;
    assert_ok(open_device(&w, &w.device));
    assert_ok(conv2d_prepack(w.device, &w.weight.t, &w.bias.t, &w.params, &w.context));
    assert_ok(conv2d_plan_create(w.context, &w.input.t, NULL, &w.output.t, &w.plan));
    assert_ok(conv2d_buffer_create(w.device, w.input.bytes, &w.buffer));
    return w;
}

static void world_free(world *w)
{
    conv2d_plan_destroy(w->plan);
    conv2d_context_destroy(w->context);
    conv2d_buffer_destroy(w->buffer);
    conv2d_device_close(w->device);
    box_free(&w->input);
    box_free(&w->weight);
    box_free(&w->bias);
    box_free(&w->output);
}

/* ---- every public call that returns a status; each frees what it was given ---- */

static conv2d_status call_open(world *w)
{
    conv2d_device *device = NULL;
    const conv2d_status s = open_device(w, &device);
    assert_true((s == CONV2D_OK) == (device != NULL));
    conv2d_device_close(device);
    return s;
}

static conv2d_status call_oneshot(world *w)
{
    return conv2d(w->device, &w->input.t, &w->weight.t, &w->bias.t, NULL, &w->params, &w->output.t);
}

static conv2d_status call_oneshot_without_device(world *w)
{
    return conv2d(NULL, &w->input.t, &w->weight.t, &w->bias.t, NULL, &w->params, &w->output.t);
}

static conv2d_status prepack(world *w, int32_t weights)
{
    conv2d_context *context = NULL;
    conv2d_params params = w->params;
    params.weights = weights;
    const conv2d_status s = conv2d_prepack(w->device, &w->weight.t, &w->bias.t, &params, &context);
    assert_true((s == CONV2D_OK) == (context != NULL));
    conv2d_context_destroy(context);
    return s;
}

static conv2d_status call_prepack_copy(world *w)
{
    return prepack(w, CONV2D_WEIGHTS_COPY);
}
static conv2d_status call_prepack_borrow(world *w)
{
    return prepack(w, CONV2D_WEIGHTS_BORROW);
}

static conv2d_run_args run_args(world *w)
{
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    args.input = &w->input.t;
    args.output = &w->output.t;
    return args;
}

static conv2d_status call_run(world *w)
{
    const conv2d_run_args args = run_args(w);
    return conv2d_run(w->context, &args);
}

static conv2d_status call_release_resources(world *w)
{
    return conv2d_context_release_resources(w->context);
}

static conv2d_status call_plan_create(world *w)
{
    conv2d_plan *plan = NULL;
    const conv2d_status s = conv2d_plan_create(w->context, &w->input.t, NULL, &w->output.t, &plan);
    assert_true((s == CONV2D_OK) == (plan != NULL));
    conv2d_plan_destroy(plan);
    return s;
}

static conv2d_status call_plan_run(world *w)
{
    const conv2d_run_args args = run_args(w);
    return conv2d_plan_run(w->plan, &args);
}

static conv2d_status explain(conv2d_device *device, const world *w)
{
    conv2d_plan *plan = NULL;
    const conv2d_status s = conv2d_explain(device, &w->problem, &plan);
    assert_true((s == CONV2D_OK) == (plan != NULL));
    conv2d_plan_destroy(plan);
    return s;
}

static conv2d_status call_explain(world *w)
{
    return explain(w->device, w);
}
static conv2d_status call_explain_without_device(world *w)
{
    return explain(NULL, w);
}

static conv2d_status call_describe(world *w)
{
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    conv2d_candidate_info candidate = CONV2D_CANDIDATE_INFO_INIT;
    char text[256];
    size_t bytes;
    conv2d_status s = conv2d_plan_describe(w->plan, &info);
    if (!s)
        s = conv2d_plan_candidate(w->plan, 0, &candidate);
    if (!s)
        s = conv2d_plan_text(w->plan, 1, text, sizeof text, NULL);
    if (!s)
        s = conv2d_workspace_bytes(w->plan, &bytes);
    return s;
}

static conv2d_status call_problem_text(world *w)
{
    conv2d_problem problem = {.struct_size = 0};
    char text[256];
    int64_t sizes[4];
    conv2d_status s = conv2d_problem_format(&w->problem, text, sizeof text, NULL);
    if (!s)
        s = conv2d_problem_parse(text, &problem);
    if (!s)
        s = conv2d_output_sizes(&problem.input, &problem.weight, &problem.params, sizes);
    return s;
}

static conv2d_status call_buffer(world *w)
{
    conv2d_buffer *buffer = NULL;
    const conv2d_status s = conv2d_buffer_create(w->device, 1000, &buffer);
    assert_true((s == CONV2D_OK) == (buffer != NULL));
    conv2d_buffer_destroy(buffer);
    return s;
}

static conv2d_status call_queue(world *w)
{
    conv2d_queue *queue = NULL;
    const conv2d_status s = conv2d_queue_create(w->device, &queue);
    assert_true((s == CONV2D_OK) == (queue != NULL));
    if (!s)
        assert_ok(conv2d_queue_sync(queue));
    conv2d_queue_destroy(queue);
    return s;
}

static conv2d_status call_event(world *w)
{
    conv2d_event *event = NULL;
    const conv2d_status s = conv2d_event_create(w->device, &event);
    assert_true((s == CONV2D_OK) == (event != NULL));
    if (!s)
        assert_ok(conv2d_event_wait(event));
    conv2d_event_destroy(event);
    return s;
}

static conv2d_status call_cancel(world *w)
{
    conv2d_cancel *cancel = NULL;
    (void)w;
    const conv2d_status s = conv2d_cancel_create(&cancel);
    assert_true((s == CONV2D_OK) == (cancel != NULL));
    conv2d_cancel_destroy(cancel);
    return s;
}

static conv2d_status call_copies(world *w)
{
    conv2d_tensor there = w->input.t;
    there.data = NULL;
    there.buffer = w->buffer;
    conv2d_status s = conv2d_copy_to_device(&w->input.t, &there);
    return s ? s : conv2d_copy_to_host(&there, &w->input.t);
}

static conv2d_status call_device_facts(world *w)
{
    conv2d_device_info info = CONV2D_DEVICE_INFO_INIT;
    conv2d_kernel_info kernel = CONV2D_KERNEL_INFO_INIT;
    double flops;
    conv2d_status s = conv2d_device_get_info(w->device, &info);
    if (!s)
        s = conv2d_device_kernel(w->device, 0, &kernel);
    if (!s)
        s = conv2d_device_measure_peak(w->device, 0.002, &flops);
    return s ? s : conv2d_device_sync(w->device);
}

typedef struct call {
    const char *name;
    conv2d_status (*make)(world *);
    bool computes;   /* leaves w->expected in w->output */
    bool own_device; /* with the malloc family, whatever the world's allocator */
} call;

static const call calls[] = {
    {"conv2d_device_open", call_open, false, false},
    {"conv2d", call_oneshot, true, false},
    {"conv2d without device", call_oneshot_without_device, true, true},
    {"conv2d_prepack, copy", call_prepack_copy, false, false},
    {"conv2d_prepack, borrow", call_prepack_borrow, false, false},
    {"conv2d_run", call_run, true, false},
    {"conv2d_context_release_resources", call_release_resources, false, false},
    {"conv2d_plan_create", call_plan_create, false, false},
    {"conv2d_plan_run", call_plan_run, true, false},
    {"conv2d_explain", call_explain, false, false},
    {"conv2d_explain without device", call_explain_without_device, false, true},
    {"conv2d_plan_describe, _candidate, _text", call_describe, false, false},
    {"conv2d_problem_format, _parse", call_problem_text, false, false},
    {"conv2d_buffer_create", call_buffer, false, false},
    {"conv2d_queue_create", call_queue, false, false},
    {"conv2d_event_create", call_event, false, false},
    {"conv2d_cancel_create", call_cancel, false, true},
    {"conv2d_copy_to_device, _to_host", call_copies, false, false},
    {"conv2d_device_get_info, _kernel, _sync", call_device_facts, false, false},
};

/* ---- the driver ---- */

static void check_output(const char *name, world *w, conv2d_status s)
{
    if (s == CONV2D_OK) {
        if (memcmp(w->output.memory, expected, w->output.bytes) != 0)
            fail_msg("%s: wrong result", name);
    } else if (!box_is_poisoned(&w->output)) {
        fail_msg("%s failed and touched the output", name);
    }
}

/* Where a failure comes from: the device's allocator, or one kind of system call. */
typedef struct source {
    const char *name;
    counter *allocator; /* NULL: the system */
    fault_kind kind;
    bool sticky;
    bool tolerated; /* the call may succeed all the same */
} source;

static void arm(const source *f, size_t n)
{
    if (f->allocator)
        counter_arm(f->allocator, n);
    else
        fault_arm(f->kind, n, f->sticky);
}

static bool disarm(const source *f)
{
    if (!f->allocator)
        return fault_disarm(f->kind);
    const bool fired = f->allocator->fail_at == 0;
    counter_arm(f->allocator, 0);
    return fired;
}

/* One attempt; true if there was an n-th request. */
static bool attempt(const call *c, const source *f, size_t n)
{
    const conv2d_allocator allocator =
        f->allocator ? counter_allocator(f->allocator) : (conv2d_allocator){.struct_size = 0};
    world w = world_make(f->allocator ? &allocator : NULL);
    box_poison(&w.output);
    const long live[2] = {fault_live(FAULT_MEMORY), fault_live(FAULT_LOCK)};
    arm(f, n);
    const conv2d_status s = c->make(&w);
    const bool fired = disarm(f);
    if (s != CONV2D_OK && (s != CONV2D_E_NOMEM || !fired))
        fail_msg("%s, request %zu of %s fails: %s \"%s\"", c->name, n, f->name,
                 conv2d_status_name(s), conv2d_last_error());
    if (s == CONV2D_OK && fired && !f->tolerated)
        fail_msg("%s, request %zu of %s fails: the call returned CONV2D_OK", c->name, n, f->name);
    if (s)
        assert_true(strlen(conv2d_last_error()) > 0);
    if (c->computes)
        check_output(c->name, &w, s);
    if (s && (live[0] != fault_live(FAULT_MEMORY) || live[1] != fault_live(FAULT_LOCK)))
        fail_msg("%s, request %zu of %s fails: %ld blocks and %ld locks left", c->name, n, f->name,
                 fault_live(FAULT_MEMORY) - live[0], fault_live(FAULT_LOCK) - live[1]);
    box_poison(&w.output); /* once more, with nothing in the way */
    assert_ok(c->make(&w));
    if (c->computes)
        check_output(c->name, &w, CONV2D_OK);
    assert_ok(call_run(&w)); /* and the context runs */
    check_output("conv2d_run afterwards", &w, CONV2D_OK);
    world_free(&w);
    return fired;
}

static size_t exhaust(const source *f)
{
    size_t total = 0;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        const call *c = &calls[i];
        if (f->allocator && c->own_device)
            continue;
        const long live[2] = {fault_live(FAULT_MEMORY), fault_live(FAULT_LOCK)};
        size_t n = 1;
        while (attempt(c, f, n))
            n++;
        assert_int_equal(fault_live(FAULT_MEMORY), live[0]);
        assert_int_equal(fault_live(FAULT_LOCK), live[1]);
        if (f->allocator) {
            assert_int_equal(f->allocator->live, 0);
            assert_int_equal(f->allocator->live_bytes, 0);
        }
        total += n - 1;
        assert_true(n < 1000);
    }
    print_message("%s%s: %zu failures\n", f->name, f->sticky ? ", all later ones too" : "", total);
    return total;
}

static void test_device_allocator(void **state)
{
    counter memory = {0};
    const source f = {"the device's allocator", &memory, FAULT_MEMORY, false, false};
    (void)state;
    assert_true(exhaust(&f) >= 25);
}

static void test_malloc_family(void **state)
{
    const source once = {"malloc", NULL, FAULT_MEMORY, false, false};
    const source from_there = {"malloc", NULL, FAULT_MEMORY, true, false};
    (void)state;
    assert_true(exhaust(&once) >= 30);
    assert_true(exhaust(&from_there) >= 30);
}

static void test_locks(void **state)
{
    const source once = {"locks", NULL, FAULT_LOCK, false, false};
    const source from_there = {"locks", NULL, FAULT_LOCK, true, false};
    (void)state;
    assert_true(exhaust(&once) >= 10);
    assert_true(exhaust(&from_there) >= 10);
}

/* A run does not need its threads: fewer, or none, and the same bits. */
static void test_thread_starts(void **state)
{
    const source once = {"thread starts", NULL, FAULT_THREAD, false, true};
    const source from_there = {"thread starts", NULL, FAULT_THREAD, true, true};
    (void)state;
    assert_true(exhaust(&once) >= 9); /* three threads in each of three calls */
    assert_true(exhaust(&from_there) >= 9);
}

/* With a workspace given, conv2d_plan_run() asks the system for nothing at all; with the plan's own
 * neither, as it was made with the plan. */
static void test_plan_run_does_not_allocate(void **state)
{
    counter memory = {0};
    const conv2d_allocator allocator = counter_allocator(&memory);
    world w = world_make(&allocator);
    conv2d_run_args args = run_args(&w);
    size_t bytes = 0;
    (void)state;
    assert_ok(conv2d_workspace_bytes(w.plan, &bytes));
    assert_true(bytes > 0); /* or this test proves little */
    void *workspace = aligned_alloc(64, (bytes + 64) / 64 * 64);
    assert_non_null(workspace);
    for (int own = 0; own < 2; own++) {
        args.workspace = own ? NULL : workspace;
        args.workspace_bytes = own ? 0 : bytes;
        assert_ok(conv2d_plan_run(w.plan, &args)); /* threads start here */
        const size_t before[4] = {memory.calls, fault_requests(FAULT_MEMORY),
                                  fault_requests(FAULT_LOCK), fault_requests(FAULT_THREAD)};
        for (int i = 0; i < 10; i++) {
            box_poison(&w.output);
            assert_ok(conv2d_plan_run(w.plan, &args));
        }
        check_output("conv2d_plan_run", &w, CONV2D_OK);
        assert_int_equal(memory.calls, before[0]);
        assert_int_equal(fault_requests(FAULT_MEMORY), before[1]);
        assert_int_equal(fault_requests(FAULT_LOCK), before[2]);
        assert_int_equal(fault_requests(FAULT_THREAD), before[3]);
    }
    free(workspace);
    world_free(&w);
    assert_int_equal(memory.live, 0);
}

static int make_expected(void **state)
{
    world w;
    (void)state;
    world_boxes(&w);
    expected = malloc(w.output.bytes);
    assert_non_null(expected);
    int64_t at[4];
    for (int64_t i = 0; i < (int64_t)(w.output.bytes / sizeof(float)); i++) {
        at[3] = i % 20;
        at[2] = i / 20 % 20;
        at[1] = i / 400 % 4;
        at[0] = i / 1600;
        /* + 0 makes a zero of either sign the sum's +0 */
        expected[i] =
            (float)(oracle_element(&w.input.t, &w.weight.t, &w.bias.t, NULL, &w.params, at) + 0.0);
    }
    w.device = NULL;
    world_free(&w);
    return 0;
}

static int free_expected(void **state)
{
    (void)state;
    free(expected);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_device_allocator),
        cmocka_unit_test(test_malloc_family),
        cmocka_unit_test(test_locks),
        cmocka_unit_test(test_thread_starts),
        cmocka_unit_test(test_plan_run_does_not_allocate),
    };
    return cmocka_run_group_tests(tests, make_expected, free_expected);
}
