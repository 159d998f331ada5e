/* SPDX-License-Identifier: BSD-2-Clause
 * Lives and rules of objects on the CPU: contexts and their plan cache, plans that outlive them,
 * workspaces, cancelling, problem text and explained plans. Buffers, queues, events and copies are
 * in test_buffers.c. */
#include <math.h>

#include "helpers.h"

/* A context of 6x4x3x3 weights, padding 1, with its operands. */
typedef struct fixture {
    conv2d_device *device;
    conv2d_context *context;
    box weight, bias;
    conv2d_params params;
} fixture;

static fixture fixture_make(int n_threads, int32_t weights)
{
    fixture f = {.params = CONV2D_PARAMS_INIT};
    f.device = open_cpu(n_threads);
    f.weight = box4(CONV2D_NCHW, 6, 4, 3, 3, 2);
    f.bias = box1(6, 3);
    f.params.weights = weights;
    for (int i = 0; i < 4; i++)
        f.params.padding[i] = 1;
    assert_ok(conv2d_prepack(f.device, &f.weight.t, &f.bias.t, &f.params, &f.context));
    return f;
}

static void fixture_free(fixture *f)
{
    conv2d_context_destroy(f->context);
    conv2d_device_close(f->device);
    box_free(&f->weight);
    box_free(&f->bias);
}

/* Run the context on a fresh input of n x 4 x h x w and compare. */
static void run_shape(fixture *f, int order, int64_t n, int64_t h, int64_t w)
{
    box input = box4(order, n, 4, h, w, (unsigned)(n + h + w)), output = box4(order, n, 6, h, w, 1);
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    args.input = &input.t;
    args.output = &output.t;
    box_poison(&output);
    assert_ok(conv2d_run(f->context, &args));
    assert_oracle(&output.t, &input.t, &f->weight.t, &f->bias.t, NULL, &f->params);
    box_free(&input);
    box_free(&output);
}

static void test_one_context_many_shapes(void **state)
{
    fixture f = fixture_make(2, CONV2D_WEIGHTS_COPY);
    (void)state;
    for (int round = 0; round < 2; round++) { /* far more shapes than any cache keeps */
        for (int64_t size = 1; size <= 40; size++)
            run_shape(&f, size & 1, 1 + size % 3, size, 41 - size);
    }
    fixture_free(&f);
}

/* The blocks of igemm_px follow the input's shape, and the packed weights follow the blocks: a tall
 * narrow image reads them in another order than one of equal sides. */
static void test_shapes_with_other_packed_forms(void **state)
{
    static const int64_t sizes[][2] = {{56, 56}, {40, 3}, {3, 40}, {4, 4}};
    conv2d_device *device = open_cpu(1);
    conv2d_context *context;
    box weight = box4(CONV2D_NCHW, 64, 64, 3, 3, 5);
    conv2d_params params = CONV2D_PARAMS_INIT;
    (void)state;
    params.algorithm = "igemm_px";
    assert_ok(conv2d_prepack(device, &weight.t, NULL, &params, &context));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int64_t h = sizes[i][0], w = sizes[i][1];
        box input = box4(CONV2D_NCHW, 1, 64, h, w, 6);
        box output = box4(CONV2D_NCHW, 1, 64, h - 2, w - 2, 7);
        conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
        args.input = &input.t;
        args.output = &output.t;
        box_poison(&output);
        assert_ok(conv2d_run(context, &args));
        assert_oracle(&output.t, &input.t, &weight.t, NULL, NULL, &params);
        box_free(&input);
        box_free(&output);
    }
    conv2d_context_destroy(context);
    conv2d_device_close(device);
    box_free(&weight);
}

static void test_wrong_input_leaves_context_usable(void **state)
{
    fixture f = fixture_make(1, CONV2D_WEIGHTS_COPY);
    box input = box4(CONV2D_NCHW, 1, 5, 6, 6, 1), output = box4(CONV2D_NCHW, 1, 6, 6, 6, 2);
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    (void)state;
    run_shape(&f, CONV2D_NCHW, 1, 6, 6);
    args.input = &input.t;
    args.output = &output.t;
    box_poison(&output);
    assert_refused(conv2d_run(f.context, &args), CONV2D_E_SHAPE, "input has 5 channels", "4");
    assert_true(box_is_poisoned(&output));
    run_shape(&f, CONV2D_NCHW, 1, 6, 6);
    box_free(&input);
    box_free(&output);
    fixture_free(&f);
}

static void test_copied_weights_may_go_away(void **state)
{
    fixture f = fixture_make(1, CONV2D_WEIGHTS_COPY);
    box input = box4(CONV2D_NCHW, 1, 4, 5, 5, 1), output = box4(CONV2D_NCHW, 1, 6, 5, 5, 2);
    box weight = box4(CONV2D_NCHW, 6, 4, 3, 3, 2), bias = box1(6, 3);
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    (void)state;
    box_poison(&f.weight);
    box_poison(&f.bias);
    args.input = &input.t;
    args.output = &output.t;
    assert_ok(conv2d_run(f.context, &args));
    assert_oracle(&output.t, &input.t, &weight.t, &bias.t, NULL, &f.params);
    assert_int_equal(conv2d_context_release_resources(f.context), CONV2D_OK);
    assert_ok(conv2d_run(f.context, &args)); /* packs again, from the copy */
    assert_oracle(&output.t, &input.t, &weight.t, &bias.t, NULL, &f.params);
    box_free(&weight);
    box_free(&bias);
    box_free(&input);
    box_free(&output);
    fixture_free(&f);
}

/* Borrowed weights, bias with a stride: read where they lie, whenever packing happens. */
static void test_borrowed_weights(void **state)
{
    fixture f = fixture_make(1, CONV2D_WEIGHTS_BORROW);
    (void)state;
    run_shape(&f, CONV2D_NCHW, 1, 5, 5);
    assert_ok(conv2d_context_release_resources(f.context));
    run_shape(&f, CONV2D_NHWC, 2, 7, 5);
    fixture_free(&f);

    box weight = box4(CONV2D_NHWC, 6, 4, 3, 3, 7), bias = box1(12, 8);
    box input = box4(CONV2D_NCHW, 1, 4, 5, 5, 1), output = box4(CONV2D_NCHW, 1, 6, 3, 3, 2);
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    conv2d_context *context = NULL;
    conv2d_device *device = open_cpu(1);
    conv2d_params params = CONV2D_PARAMS_INIT;
    params.weights = CONV2D_WEIGHTS_BORROW;
    bias.t.sizes[0] = 6;
    bias.t.strides[0] = -2;
    bias.t.data = (float *)bias.t.data + 11;
    assert_ok(conv2d_prepack(device, &weight.t, &bias.t, &params, &context));
    args.input = &input.t;
    args.output = &output.t;
    assert_ok(conv2d_run(context, &args));
    assert_oracle(&output.t, &input.t, &weight.t, &bias.t, NULL, &params);
    conv2d_context_destroy(context);
    conv2d_device_close(device);
    box_free(&weight);
    box_free(&bias);
    box_free(&input);
    box_free(&output);
}

/* A plan keeps all it needs after context, device handle and descriptions are gone. */
static void test_plan_outlives_context_and_device(void **state)
{
    fixture f = fixture_make(2, CONV2D_WEIGHTS_COPY);
    box input = box4(CONV2D_NHWC, 2, 4, 6, 5, 1), output = box4(CONV2D_NHWC, 2, 6, 6, 5, 2);
    conv2d_tensor shape_in = input.t, shape_out = output.t;
    conv2d_plan *plan = NULL;
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    (void)state;
    shape_in.data = shape_out.data = NULL;
    assert_ok(conv2d_plan_create(f.context, &shape_in, NULL, &shape_out, &plan));
    memset(&shape_in, 0, sizeof shape_in);
    memset(&shape_out, 0, sizeof shape_out);
    assert_ok(conv2d_context_release_resources(f.context));
    conv2d_context_destroy(f.context);
    conv2d_device_close(f.device);
    f.context = NULL;
    f.device = NULL;
    args.input = &input.t;
    args.output = &output.t;
    for (int i = 0; i < 2; i++) {
        box_poison(&output);
        assert_ok(conv2d_plan_run(plan, &args));
        assert_oracle(&output.t, &input.t, &f.weight.t, &f.bias.t, NULL, &f.params);
    }
    assert_ok(conv2d_plan_describe(plan, &info));
    assert_string_equal(info.backend, "cpu");
    assert_true(strlen(info.problem) > 0 && strlen(info.algorithm) > 0);
    conv2d_plan_destroy(plan);
    box_free(&input);
    box_free(&output);
    fixture_free(&f);
}

/* A plan runs only what it was made for. */
static void test_plan_refuses_other_tensors(void **state)
{
    fixture f = fixture_make(1, CONV2D_WEIGHTS_COPY);
    box input = box4(CONV2D_NCHW, 1, 4, 6, 5, 1), output = box4(CONV2D_NCHW, 1, 6, 6, 5, 2);
    box tall = box4(CONV2D_NCHW, 1, 4, 7, 5, 1), last = box4(CONV2D_NHWC, 1, 4, 6, 5, 1);
    conv2d_plan *plan = NULL;
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    (void)state;
    assert_ok(conv2d_plan_create(f.context, &input.t, NULL, &output.t, &plan));
    box_poison(&output);
    args.output = &output.t;
    args.input = &tall.t;
    assert_refused(conv2d_plan_run(plan, &args), CONV2D_E_SHAPE, "input", "7");
    args.input = &last.t;
    assert_refused(conv2d_plan_run(plan, &args), CONV2D_E_STRIDE, "input", "stride");
    args.input = &input.t;
    args.residual = &output.t;
    assert_refused(conv2d_plan_run(plan, &args), CONV2D_E_ARGUMENT, "residual", NULL);
    args.residual = NULL;
    args.output = &tall.t;
    assert_refused(conv2d_plan_run(plan, &args), CONV2D_E_SHAPE, "output", NULL);
    assert_true(box_is_poisoned(&output));
    args.output = &output.t;
    assert_ok(conv2d_plan_run(plan, &args));
    conv2d_plan_destroy(plan);
    assert_ok(conv2d_plan_create(f.context, &input.t, &output.t, &output.t, &plan));
    assert_refused(conv2d_plan_run(plan, &args), CONV2D_E_ARGUMENT, "residual", NULL);
    conv2d_plan_destroy(plan);
    box_free(&input);
    box_free(&output);
    box_free(&tall);
    box_free(&last);
    fixture_free(&f);
}

static void test_release_resources(void **state)
{
    fixture f = fixture_make(2, CONV2D_WEIGHTS_COPY);
    (void)state;
    assert_ok(conv2d_context_release_resources(f.context)); /* before the first run */
    run_shape(&f, CONV2D_NCHW, 1, 9, 9);
    assert_ok(conv2d_context_release_resources(f.context));
    assert_ok(conv2d_context_release_resources(f.context)); /* twice */
    run_shape(&f, CONV2D_NCHW, 1, 9, 9);
    fixture_free(&f);
}

/* What a context holds after release_resources is what it held before its first run. */
static void test_release_resources_frees_memory(void **state)
{
    counter memory = {0};
    const conv2d_allocator allocator = counter_allocator(&memory);
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    fixture f = fixture_make(1, CONV2D_WEIGHTS_COPY);
    (void)state;
    conv2d_context_destroy(f.context);
    conv2d_device_close(f.device);
    options.allocator = &allocator;
    options.n_threads = 1;
    assert_ok(conv2d_device_open("cpu", &options, &f.device));
    assert_ok(conv2d_prepack(f.device, &f.weight.t, &f.bias.t, &f.params, &f.context));
    const size_t before = memory.live_bytes;
    assert_true(before > 0);
    for (int i = 0; i < 3; i++) {
        run_shape(&f, CONV2D_NCHW, 1, 8 + i, 8);
        assert_true(memory.live_bytes > before);
        assert_ok(conv2d_context_release_resources(f.context));
        assert_int_equal(memory.live_bytes, before);
    }
    fixture_free(&f);
    assert_int_equal(memory.live, 0);
    assert_int_equal(memory.live_bytes, 0);
}

/* ---- workspace, cancel ---- */

/* A plan that needs a workspace, given by the caller: all of it may be dirty, too little and
 * misaligned ones are refused. Under a limit there is less or none, and the result is the same. */
static void run_in_workspace(conv2d_device *device, uint64_t limit, conv2d_tensor *output)
{
    box input = box4(CONV2D_NCHW, 1, 64, 20, 20, 1), weight = box4(CONV2D_NCHW, 4, 64, 3, 3, 2);
    conv2d_params params = CONV2D_PARAMS_INIT;
    conv2d_context *context = NULL;
    conv2d_plan *plan = NULL;
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    size_t bytes = (size_t)-1;
    params.workspace_limit = limit;
    params.algorithm = "igemm_px"; /* padded: it copies windows into its workspace */
    for (int i = 0; i < 4; i++)
        params.padding[i] = 1;
    assert_ok(conv2d_prepack(device, &weight.t, NULL, &params, &context));
    assert_ok(conv2d_plan_create(context, &input.t, NULL, output, &plan));
    conv2d_context_destroy(context);
    assert_ok(conv2d_workspace_bytes(plan, &bytes));
    assert_ok(conv2d_plan_describe(plan, &info));
    assert_int_equal(bytes, info.workspace_shared_bytes +
                                (size_t)info.n_workers * info.workspace_worker_bytes);
    assert_true(bytes <= limit);
    assert_true(bytes > 0 || limit != CONV2D_WORKSPACE_UNLIMITED);
    unsigned char *workspace = aligned_alloc(64, (bytes + 127) / 64 * 64);
    assert_non_null(workspace);
    memset(workspace, 0xFF, bytes); /* NaN wherever it is read unwritten */
    workspace[bytes] = 0x5A;
    args.input = &input.t;
    args.output = output;
    args.workspace = workspace;
    if (bytes > 0) {
        char needle[32];
        args.workspace_bytes = bytes - 1;
        snprintf(needle, sizeof needle, "%zu", bytes - 1);
        assert_refused(conv2d_plan_run(plan, &args), CONV2D_E_ARGUMENT, "workspace", needle);
        args.workspace_bytes = bytes;
        args.workspace = workspace + 4;
        assert_refused(conv2d_plan_run(plan, &args), CONV2D_E_ARGUMENT, "workspace", "64");
        for (int i = 0; i < 4 * 20 * 20; i++) /* untouched */
            assert_true(((float *)output->data)[i] == 77);
    }
    args.workspace_bytes = bytes;
    args.workspace = workspace;
    assert_ok(conv2d_plan_run(plan, &args));
    assert_int_equal(workspace[bytes], 0x5A);
    assert_oracle(output, &input.t, &weight.t, NULL, NULL, &params);
    free(workspace);
    conv2d_plan_destroy(plan);
    box_free(&input);
    box_free(&weight);
}

static void test_workspace(void **state)
{
    static const uint64_t limits[] = {CONV2D_WORKSPACE_UNLIMITED, 1 << 17, 0};
    conv2d_device *device = open_cpu(2);
    box output = box4(CONV2D_NCHW, 1, 4, 20, 20, 3);
    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        for (size_t k = 0; k < output.bytes / sizeof(float); k++)
            ((float *)output.memory)[k] = 77;
        run_in_workspace(device, limits[i], &output.t);
    }
    box_free(&output);
    conv2d_device_close(device);
}

static void test_cancel(void **state)
{
    fixture f = fixture_make(2, CONV2D_WEIGHTS_COPY);
    box input = box4(CONV2D_NCHW, 4, 4, 30, 30, 1), output = box4(CONV2D_NCHW, 4, 6, 30, 30, 2);
    conv2d_cancel *cancel = NULL;
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    (void)state;
    assert_ok(conv2d_cancel_create(&cancel));
    args.input = &input.t;
    args.output = &output.t;
    args.cancel = cancel;
    assert_ok(conv2d_run(f.context, &args));
    assert_oracle(&output.t, &input.t, &f.weight.t, &f.bias.t, NULL, &f.params);
    conv2d_cancel_trigger(cancel);
    assert_int_equal(conv2d_run(f.context, &args), CONV2D_E_CANCELLED);
    assert_true(strlen(conv2d_last_error()) > 0);
    args.cancel = NULL; /* another run does not see the flag */
    assert_ok(conv2d_run(f.context, &args));
    args.cancel = cancel;
    conv2d_cancel_reset(cancel);
    box_poison(&output);
    assert_ok(conv2d_run(f.context, &args));
    assert_oracle(&output.t, &input.t, &f.weight.t, &f.bias.t, NULL, &f.params);
    conv2d_cancel_destroy(cancel);
    box_free(&input);
    box_free(&output);
    fixture_free(&f);
}

/* ---- problems and explained plans ---- */

static void test_problem_text_round_trip(void **state)
{
    static const char *const texts[] = {
        "mb2ic64ih56oc64oh56kh3ph1",
        "g32mb1ic128ih56oc128oh56kh3ph1dh0:in=nhwc:out=nhwc:act=clamp,0,6",
    };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        conv2d_problem problem = {.struct_size = 0}, again = {.struct_size = 0};
        char text[256], second[256];
        size_t length = 0;
        int64_t sizes[4];
        assert_ok(conv2d_problem_parse(texts[i], &problem));
        assert_ok(conv2d_output_sizes(&problem.input, &problem.weight, &problem.params, sizes));
        assert_memory_equal(sizes, problem.output.sizes, sizeof sizes);
        assert_ok(conv2d_problem_format(&problem, text, sizeof text, &length));
        assert_int_equal(length, strlen(text));
        assert_ok(conv2d_problem_parse(text, &again));
        assert_ok(conv2d_problem_format(&again, second, sizeof second, NULL));
        assert_string_equal(text, second);
        char cut[9]; /* cut as snprintf does, the length still whole */
        size_t whole = 0;
        assert_ok(conv2d_problem_format(&problem, cut, sizeof cut, &whole));
        assert_int_equal(whole, length);
        assert_int_equal(strlen(cut), 8);
        assert_memory_equal(cut, text, 8);
    }
}

static void test_problem_text_refused(void **state)
{
    static const struct {
        const char *text;
        conv2d_status status;
    } rows[] = {
        {"", CONV2D_E_SYNTAX},
        {"banana", CONV2D_E_SYNTAX},
        {"mb1ic3ih8oc4oh6kh3q7", CONV2D_E_SYNTAX},
        {"mb1ic3ih8oc4oh6kh3:act=", CONV2D_E_SYNTAX},
        {"mb1ic3ih8oc4oh6kh3:mode=sideways", CONV2D_E_SYNTAX},
        {"mb1ic99999999999999999999ih8oc4oh6kh3", CONV2D_E_OVERFLOW},
        {"mb1ic3ih8oc4oh5kh3", CONV2D_E_SHAPE},
        {"mb1ic3ih2oc4kh3", CONV2D_E_SHAPE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        conv2d_problem problem, before;
        memset(&problem, 0x3C, sizeof problem);
        before = problem;
        const conv2d_status status = conv2d_problem_parse(rows[i].text, &problem);
        if (status != rows[i].status)
            fail_msg("\"%s\": %s \"%s\"", rows[i].text, conv2d_status_name(status),
                     conv2d_last_error());
        assert_true(strlen(conv2d_last_error()) > 0);
        assert_memory_equal(&problem, &before, sizeof problem);
    }
}

static void test_explained_plan(void **state)
{
    conv2d_problem problem = {.struct_size = 0};
    conv2d_plan *plan = NULL;
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    box input = box4(CONV2D_NCHW, 1, 3, 8, 8, 1), output = box4(CONV2D_NCHW, 1, 4, 6, 6, 2);
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    size_t brief = 0, verbose = 0;
    char text[4096];
    int chosen = 0;
    (void)state;
    assert_ok(conv2d_problem_parse("mb1ic3ih8oc4oh6kh3", &problem));
    assert_ok(conv2d_explain(NULL, &problem, &plan));
    assert_ok(conv2d_plan_describe(plan, &info));
    assert_true(info.n_candidates >= 1);
    for (int i = 0; i < info.n_candidates; i++) {
        conv2d_candidate_info c = CONV2D_CANDIDATE_INFO_INIT;
        assert_ok(conv2d_plan_candidate(plan, i, &c));
        assert_true(strlen(c.algorithm) > 0);
        chosen += c.chosen;
        if (c.chosen) {
            assert_string_equal(c.algorithm, info.algorithm);
            assert_string_equal(c.refusal, "");
            assert_true(c.cost_seconds > 0 && c.bound > 0);
        }
    }
    assert_int_equal(chosen, 1);
    assert_ok(conv2d_plan_text(plan, 0, NULL, 0, &brief));
    assert_ok(conv2d_plan_text(plan, 1, text, sizeof text, &verbose));
    assert_true(brief > 0 && verbose > brief);
    assert_non_null(strstr(text, info.algorithm));

    args.input = &input.t;
    args.output = &output.t;
    box_poison(&output);
    assert_refused(conv2d_plan_run(plan, &args), CONV2D_E_STATE, "plan", "weights");
    assert_true(box_is_poisoned(&output));
    conv2d_plan_destroy(plan);
    box_free(&input);
    box_free(&output);
}

/* Each candidate has a cost or a refusal in words, never both, whatever is asked. */
static void test_every_refusal_has_words(void **state)
{
    static const char *const texts[] = {
        "mb1ic3ih8oc4oh6kh3",
        "mb2ic64ih56oc64oh56kh3ph1",
        "mb1ic64ih7oc64oh7kh1",
        "g8mb1ic8ih9oc8oh9kh3ph1",
        "g8mb1ic8ih9oc16oh9kh3ph1",
        "mb1ic4ih9oc4oh9kh3ph1:mode=reflect",
        "g2mb1ic8ih9oc8oh7kh3:in=nhwc:out=nhwc",
        "mb1ic4ih9oc4oh5kh3sh2ph1:act=relu",
        "mb1ic4ih9oc4oh7kh3:dtype=f64",
        "mb1ic4ih30oc4oh20kh6dh1:acc=strict",
    };
    int usable = 0, refused = 0;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        conv2d_problem problem = {.struct_size = 0};
        conv2d_plan *plan = NULL;
        conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
        assert_ok(conv2d_problem_parse(texts[i], &problem));
        assert_ok(conv2d_explain(NULL, &problem, &plan));
        assert_ok(conv2d_plan_describe(plan, &info));
        for (int c = 0; c < info.n_candidates; c++) {
            conv2d_candidate_info candidate = CONV2D_CANDIDATE_INFO_INIT;
            assert_ok(conv2d_plan_candidate(plan, c, &candidate));
            const bool has_words = strlen(candidate.refusal) > 10;
            const bool has_cost = candidate.cost_seconds > 0 && candidate.bound > 0;
            if (has_words == has_cost || (!has_words && candidate.refusal[0]))
                fail_msg("%s, %s: refusal \"%s\", cost %g", texts[i], candidate.variant,
                         candidate.refusal, candidate.cost_seconds);
            usable += has_cost;
            refused += has_words;
        }
        conv2d_plan_destroy(plan);
    }
    assert_true(usable >= 10 && refused >= 10);
}

/* Forcing a candidate by algorithm and by algorithm/isa, and a forced one that cannot. */
static void test_forced_algorithm(void **state)
{
    fixture f = fixture_make(1, CONV2D_WEIGHTS_COPY);
    box input = box4(CONV2D_NCHW, 1, 4, 6, 5, 1), output = box4(CONV2D_NCHW, 1, 6, 6, 5, 2);
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    conv2d_plan *plan = NULL;
    (void)state;
    conv2d_context_destroy(f.context);
    f.params.algorithm = "reference";
    assert_ok(conv2d_prepack(f.device, &f.weight.t, &f.bias.t, &f.params, &f.context));
    assert_ok(conv2d_plan_create(f.context, &input.t, NULL, &output.t, &plan));
    assert_ok(conv2d_plan_describe(plan, &info));
    assert_string_equal(info.algorithm, "reference");
    conv2d_plan_destroy(plan);
    run_shape(&f, CONV2D_NCHW, 1, 5, 5);

    conv2d_context_destroy(f.context);
    f.params.algorithm = "depthwise_ch"; /* these weights are not depthwise */
    plan = NULL;
    assert_ok(conv2d_prepack(f.device, &f.weight.t, &f.bias.t, &f.params, &f.context));
    assert_refused(conv2d_plan_create(f.context, &input.t, NULL, &output.t, &plan),
                   CONV2D_E_UNSUPPORTED, "depthwise_ch", NULL);
    assert_null(plan);
    box_free(&input);
    box_free(&output);
    fixture_free(&f);
}

/* F(6,3) is for accuracy fast alone. */
static void test_f6x3_needs_accuracy_fast(void **state)
{
    static const char *const names[] = {"default", "strict", "fast", "tf32"};
    fixture f = fixture_make(1, CONV2D_WEIGHTS_COPY);
    (void)state;
    f.params.algorithm = "winograd_f6x3";
    for (int32_t accuracy = 0; accuracy < 4; accuracy++) {
        box input = box4(CONV2D_NCHW, 1, 4, 13, 9, 1), output = box4(CONV2D_NCHW, 1, 6, 13, 9, 2);
        conv2d_plan *plan = NULL;
        char sentence[64];
        snprintf(sentence, sizeof sentence, "accuracy = %s: only fast", names[accuracy]);
        conv2d_context_destroy(f.context);
        f.params.accuracy = accuracy;
        assert_ok(conv2d_prepack(f.device, &f.weight.t, &f.bias.t, &f.params, &f.context));
        const conv2d_status s = conv2d_plan_create(f.context, &input.t, NULL, &output.t, &plan);
        if (accuracy == CONV2D_ACCURACY_FAST)
            run_shape(&f, CONV2D_NCHW, 1, 13, 9);
        else
            assert_refused(s, CONV2D_E_UNSUPPORTED, "winograd_f6x3", sentence);
        assert_true((plan != NULL) == (accuracy == CONV2D_ACCURACY_FAST));
        conv2d_plan_destroy(plan);
        box_free(&input);
        box_free(&output);
    }
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_context_many_shapes),
        cmocka_unit_test(test_shapes_with_other_packed_forms),
        cmocka_unit_test(test_wrong_input_leaves_context_usable),
        cmocka_unit_test(test_copied_weights_may_go_away),
        cmocka_unit_test(test_borrowed_weights),
        cmocka_unit_test(test_plan_outlives_context_and_device),
        cmocka_unit_test(test_plan_refuses_other_tensors),
        cmocka_unit_test(test_release_resources),
        cmocka_unit_test(test_release_resources_frees_memory),
        cmocka_unit_test(test_workspace),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_problem_text_round_trip),
        cmocka_unit_test(test_problem_text_refused),
        cmocka_unit_test(test_explained_plan),
        cmocka_unit_test(test_every_refusal_has_words),
        cmocka_unit_test(test_forced_algorithm),
        cmocka_unit_test(test_f6x3_needs_accuracy_fast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
