/* SPDX-License-Identifier: BSD-2-Clause
 * Refusals around the convolution itself: device options, NULL and unsized arguments of every
 * public call, absent backends, and the list of status texts. The arguments of a convolution are
 * in test_bad_arguments.c. */
#include <math.h>

#include "helpers.h"

static void test_device_options(void **state)
{
    conv2d_device *device = NULL;
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    conv2d_pool pool = CONV2D_POOL_INIT;
    conv2d_allocator allocator = CONV2D_ALLOCATOR_INIT;
    (void)state;
    assert_refused(conv2d_device_open(NULL, NULL, &device), CONV2D_E_ARGUMENT, "name", "NULL");
    assert_refused(conv2d_device_open("abacus", NULL, &device), CONV2D_E_ARGUMENT, "abacus", NULL);
    assert_refused(conv2d_device_open("", NULL, &device), CONV2D_E_ARGUMENT, "name", NULL);
    assert_refused(conv2d_device_open("cpu", NULL, NULL), CONV2D_E_ARGUMENT, "device_out", "NULL");
    options.struct_size = 0;
    assert_refused(conv2d_device_open("cpu", &options, &device), CONV2D_E_ARGUMENT, "options",
                   "struct_size");
    options.struct_size = sizeof options;
    options.n_threads = -2;
    assert_refused(conv2d_device_open("cpu", &options, &device), CONV2D_E_ARGUMENT, "n_threads",
                   "-2");
    options.n_threads = 0;
    options.isa = "mmx";
    assert_refused(conv2d_device_open("cpu", &options, &device), CONV2D_E_ARGUMENT, "isa", "mmx");
    options.isa = NULL;
    options.pool = &pool; /* without parallel_for */
    assert_refused(conv2d_device_open("cpu", &options, &device), CONV2D_E_ARGUMENT, "pool",
                   "parallel_for");
    pool.struct_size = 0;
    assert_refused(conv2d_device_open("cpu", &options, &device), CONV2D_E_ARGUMENT, "pool",
                   "struct_size");
    options.pool = NULL;
    options.allocator = &allocator;
    assert_refused(conv2d_device_open("cpu", &options, &device), CONV2D_E_ARGUMENT, "allocator",
                   NULL);
    allocator.struct_size = 0;
    assert_refused(conv2d_device_open("cpu", &options, &device), CONV2D_E_ARGUMENT, "allocator",
                   "struct_size");
    assert_null(device);
}

static void serial_for(void *user, size_t n, conv2d_task task, void *arg)
{
    (void)user;
    for (size_t i = 0; i < n; i++)
        task(arg, i, 0);
}

static void test_pool_contradicts_n_threads(void **state)
{
    conv2d_device *device = NULL;
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    conv2d_pool pool = CONV2D_POOL_INIT;
    (void)state;
    pool.parallel_for = serial_for;
    options.pool = &pool;
    options.n_threads = 3;
    assert_refused(conv2d_device_open("cpu", &options, &device), CONV2D_E_ARGUMENT, "n_threads",
                   "3");
    options.n_threads = 0;
    pool.n_threads = 0;
    assert_refused(conv2d_device_open("cpu", &options, &device), CONV2D_E_ARGUMENT, "pool", "0");
    pool.n_threads = 1;
    assert_ok(conv2d_device_open("cpu", &options, &device));
    conv2d_device_close(device);
}

/* An absent backend refuses with a reason, and names itself. */
static void test_absent_backends(void **state)
{
    static const char *const names[] = {"metal", "cuda", "vulkan"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        conv2d_device *device = NULL;
        assert_refused(conv2d_device_open(names[i], NULL, &device), CONV2D_E_DEVICE, names[i],
                       NULL);
        assert_null(device);
    }
}

static void test_null_and_unsized_out_parameters(void **state)
{
    conv2d_device *device = open_cpu(1);
    box input = box4(CONV2D_NCHW, 2, 6, 8, 9, 1), weight = box4(CONV2D_NCHW, 4, 6, 3, 3, 2);
    box bias = box1(4, 3), output = box4(CONV2D_NCHW, 2, 4, 6, 7, 4);
    conv2d_context *context = NULL;
    conv2d_plan *plan = NULL;
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    conv2d_candidate_info candidate = CONV2D_CANDIDATE_INFO_INIT;
    conv2d_device_info device_info = CONV2D_DEVICE_INFO_INIT;
    conv2d_kernel_info kernel = CONV2D_KERNEL_INFO_INIT;
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    conv2d_problem problem = {.struct_size = 0};
    size_t bytes;
    double flops;
    int done;
    int64_t sizes[4];
    const conv2d_status bad = CONV2D_E_ARGUMENT;
    (void)state;

    box_poison(&output);
    assert_refused(conv2d(device, NULL, NULL, NULL, NULL, NULL, NULL), bad, "NULL", NULL);
    assert_refused(conv2d_output_sizes(NULL, &weight.t, NULL, sizes), bad, "input", "NULL");
    assert_refused(conv2d_output_sizes(&input.t, NULL, NULL, sizes), bad, "weight", "NULL");
    assert_refused(conv2d_output_sizes(&input.t, &weight.t, NULL, NULL), bad, "sizes_out", "NULL");
    assert_refused(conv2d_prepack(NULL, &weight.t, NULL, NULL, &context), bad, "device", "NULL");
    assert_refused(conv2d_prepack(device, NULL, NULL, NULL, &context), bad, "weight", "NULL");
    assert_refused(conv2d_prepack(device, &weight.t, NULL, NULL, NULL), bad, "context_out", "NULL");
    assert_null(context);
    assert_ok(conv2d_prepack(device, &weight.t, &bias.t, NULL, &context));
    assert_refused(conv2d_plan_create(NULL, &input.t, NULL, &output.t, &plan), bad, "context",
                   "NULL");
    assert_refused(conv2d_plan_create(context, &input.t, NULL, &output.t, NULL), bad, "plan_out",
                   "NULL");
    assert_ok(conv2d_plan_create(context, &input.t, NULL, &output.t, &plan));

    assert_refused(conv2d_run(NULL, &args), bad, "context", "NULL");
    assert_refused(conv2d_run(context, NULL), bad, "args", "NULL");
    assert_refused(conv2d_plan_run(NULL, &args), bad, "plan", "NULL");
    assert_refused(conv2d_plan_run(plan, NULL), bad, "args", "NULL");
    assert_refused(conv2d_plan_run(plan, &args), bad, "input", "NULL");
    args.input = &input.t;
    assert_refused(conv2d_run(context, &args), bad, "output", "NULL");
    args.output = &output.t;
    args.struct_size = 0;
    assert_refused(conv2d_run(context, &args), bad, "args", "struct_size");
    assert_refused(conv2d_plan_run(plan, &args), bad, "args", "struct_size");
    args.struct_size = sizeof args;
    args.reserved = 3;
    assert_refused(conv2d_run(context, &args), bad, "reserved", "3");
    assert_refused(conv2d_plan_run(plan, &args), bad, "reserved", "3");
    assert_true(box_is_poisoned(&output));

    assert_refused(conv2d_context_release_resources(NULL), bad, "context", "NULL");
    assert_refused(conv2d_workspace_bytes(NULL, &bytes), bad, "plan", "NULL");
    assert_refused(conv2d_workspace_bytes(plan, NULL), bad, "bytes_out", "NULL");
    assert_refused(conv2d_plan_describe(NULL, &info), bad, "plan", "NULL");
    assert_refused(conv2d_plan_describe(plan, NULL), bad, "info_out", "NULL");
    info.struct_size = 0;
    assert_refused(conv2d_plan_describe(plan, &info), bad, "struct_size", "0");
    assert_refused(conv2d_plan_candidate(NULL, 0, &candidate), bad, "plan", "NULL");
    assert_refused(conv2d_plan_candidate(plan, -1, &candidate), bad, "index", "-1");
    assert_refused(conv2d_plan_candidate(plan, 100000, &candidate), bad, "index", "100000");
    candidate.struct_size = 0;
    assert_refused(conv2d_plan_candidate(plan, 0, &candidate), bad, "struct_size", "0");
    assert_refused(conv2d_plan_text(NULL, 0, NULL, 0, &bytes), bad, "plan", "NULL");
    assert_refused(conv2d_plan_text(plan, 0, NULL, 5, &bytes), bad, "text", "NULL");

    assert_refused(conv2d_device_sync(NULL), bad, "device", "NULL");
    assert_refused(conv2d_device_get_info(NULL, &device_info), bad, "device", "NULL");
    assert_refused(conv2d_device_get_info(device, NULL), bad, "info_out", "NULL");
    device_info.struct_size = 0;
    assert_refused(conv2d_device_get_info(device, &device_info), bad, "struct_size", "0");
    assert_refused(conv2d_device_kernel(device, -1, &kernel), bad, "index", "-1");
    assert_refused(conv2d_device_kernel(device, 100000, &kernel), bad, "index", "100000");
    assert_refused(conv2d_device_measure_peak(NULL, 0.01, &flops), bad, "device", "NULL");
    assert_refused(conv2d_device_measure_peak(device, NAN, &flops), bad, "seconds", "nan");
    assert_refused(conv2d_device_measure_peak(device, -1, &flops), bad, "seconds", "-1");
    assert_refused(conv2d_buffer_create(NULL, 1, NULL), bad, "NULL", NULL);
    assert_refused(conv2d_buffer_create(device, 1, NULL), bad, "buffer_out", "NULL");
    assert_refused(conv2d_queue_create(device, NULL), bad, "queue_out", "NULL");
    assert_refused(conv2d_event_create(device, NULL), bad, "event_out", "NULL");
    assert_refused(conv2d_cancel_create(NULL), bad, "cancel_out", "NULL");
    assert_refused(conv2d_queue_sync(NULL), bad, "queue", "NULL");
    assert_refused(conv2d_event_wait(NULL), bad, "event", "NULL");
    assert_refused(conv2d_event_query(NULL, &done), bad, "event", "NULL");
    assert_refused(conv2d_problem_parse(NULL, &problem), bad, "text", "NULL");
    assert_refused(conv2d_problem_parse("ic1ih3oc1kh3", NULL), bad, "problem_out", "NULL");
    assert_refused(conv2d_problem_format(NULL, NULL, 0, &bytes), bad, "problem", "NULL");
    assert_refused(conv2d_problem_format(&problem, NULL, 0, &bytes), bad, "problem", "struct_size");
    conv2d_plan_destroy(plan);
    plan = NULL;
    assert_refused(conv2d_explain(device, NULL, &plan), bad, "problem", "NULL");
    assert_refused(conv2d_explain(device, &problem, &plan), bad, "problem", "struct_size");
    assert_ok(conv2d_problem_parse("ic1ih3oc1kh3", &problem));
    assert_refused(conv2d_explain(device, &problem, NULL), bad, "plan_out", "NULL");
    assert_null(plan);

    conv2d_context_destroy(context);
    box_free(&input);
    box_free(&weight);
    box_free(&bias);
    box_free(&output);
    conv2d_device_close(device);
}

/* Destroying nothing is allowed everywhere. */
static void test_destroy_null(void **state)
{
    (void)state;
    conv2d_device_close(NULL);
    conv2d_context_destroy(NULL);
    conv2d_plan_destroy(NULL);
    conv2d_buffer_destroy(NULL);
    conv2d_queue_destroy(NULL);
    conv2d_event_destroy(NULL);
    conv2d_cancel_destroy(NULL);
}

/* Status names and texts cover their list and nothing else. */
static void test_status_texts(void **state)
{
    (void)state;
#define CHECK(name, value, text)                          \
    assert_string_equal(conv2d_status_name(name), #name); \
    assert_string_equal(conv2d_status_text((conv2d_status)value), text);
    CONV2D_STATUS_LIST(CHECK)
    assert_string_equal(conv2d_status_name((conv2d_status)77), "?");
    assert_string_equal(conv2d_status_text((conv2d_status)77), "unknown status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_device_options),
        cmocka_unit_test(test_pool_contradicts_n_threads),
        cmocka_unit_test(test_absent_backends),
        cmocka_unit_test(test_null_and_unsized_out_parameters),
        cmocka_unit_test(test_destroy_null),
        cmocka_unit_test(test_status_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
