/* SPDX-License-Identifier: BSD-2-Clause
 * Defects of the system that this library replaces (at::native::metal of PyTorch), one named test
 * each. Expected values are worked out by hand where they fit on a line, else by the oracle. */
#include <math.h>
#include <pthread.h>

#include "helpers.h"

static void run(const box *input, const box *weight, const box *bias, const conv2d_params *params,
                box *output)
{
    box_poison(output);
    assert_ok(
        conv2d(NULL, &input->t, &weight->t, bias ? &bias->t : NULL, NULL, params, &output->t));
}

/* There: the check `DX == DY == 1` lets dilation (2, 2) through and computes dilation 1. */
static void test_dilation_2_2_is_computed(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        box input = box4(order, 1, 1, 5, 5, 1), weight = box4(order, 1, 1, 3, 3, 2);
        box output = box4(order, 1, 1, 1, 1, 3);
        conv2d_params params = CONV2D_PARAMS_INIT;
        params.dilation[0] = params.dilation[1] = 2;
        float *in = input.memory, *w = weight.memory;
        for (int i = 0; i < 25; i++)
            in[i] = (float)(i + 1);
        for (int i = 0; i < 9; i++)
            w[i] = (float)(i + 1);
        run(&input, &weight, NULL, &params, &output);
        /* rows 0, 2, 4, columns 0, 2, 4: 1 3 5 | 11 13 15 | 21 23 25 by 1 .. 9 */
        assert_true(*(float *)output.memory ==
                    1 * 1 + 3 * 2 + 5 * 3 + 11 * 4 + 13 * 5 + 15 * 6 + 21 * 7 + 23 * 8 + 25 * 9);
        box_free(&input);
        box_free(&weight);
        box_free(&output);
    }
}

/* There: a clamp with only one finite bound is dropped. */
static void test_one_sided_clamp_is_applied(void **state)
{
    box input = box4(CONV2D_NCHW, 1, 1, 1, 4, 1), weight = box4(CONV2D_NCHW, 1, 1, 1, 1, 2);
    box output = box4(CONV2D_NCHW, 1, 1, 1, 4, 3);
    conv2d_params params = CONV2D_PARAMS_INIT;
    const float values[4] = {-5, -1, 2, 9}, above[4] = {-2, -1, 2, 9}, below[4] = {-5, -1, 2, 3};
    (void)state;
    memcpy(input.memory, values, sizeof values);
    *(float *)weight.memory = 1;
    params.output_min = -2;
    run(&input, &weight, NULL, &params, &output);
    assert_memory_equal(output.memory, above, sizeof above);
    params.output_min = -HUGE_VAL;
    params.output_max = 3;
    run(&input, &weight, NULL, &params, &output);
    assert_memory_equal(output.memory, below, sizeof below);
    params.activation = CONV2D_ACT_CLAMP;
    run(&input, &weight, NULL, &params, &output);
    assert_memory_equal(output.memory, below, sizeof below);
    box_free(&input);
    box_free(&weight);
    box_free(&output);
}

/* There: (2 - 3) / 2 + 1 rounds toward zero and gives OH = 1 for a kernel that does not fit. */
static void test_output_size_is_not_rounded_toward_zero(void **state)
{
    box input = box4(CONV2D_NCHW, 1, 1, 2, 5, 1), weight = box4(CONV2D_NCHW, 1, 1, 3, 3, 2);
    box output = box4(CONV2D_NCHW, 1, 1, 1, 2, 3);
    conv2d_params params = CONV2D_PARAMS_INIT;
    int64_t sizes[4] = {-7, -7, -7, -7};
    (void)state;
    params.stride[0] = params.stride[1] = 2;
    assert_refused(conv2d_output_sizes(&input.t, &weight.t, &params, sizes), CONV2D_E_SHAPE,
                   "kernel", "3");
    assert_int_equal(sizes[2], -7);
    box_poison(&output);
    assert_refused(conv2d(NULL, &input.t, &weight.t, NULL, NULL, &params, &output.t),
                   CONV2D_E_SHAPE, "kernel", "2");
    assert_true(box_is_poisoned(&output));
    box_free(&input);
    box_free(&weight);
    box_free(&output);
}

/* There: a context that was not saved and loaded reads its weights before they were converted to
 * the packed order. Weights that differ in every position show any wrong order. */
static void test_prepacked_weights_are_converted_without_reload(void **state)
{
    conv2d_device *device = open_cpu(1);
    (void)state;
    for (int order = 0; order < 2; order++) {
        for (int32_t weights = CONV2D_WEIGHTS_COPY; weights <= CONV2D_WEIGHTS_BORROW; weights++) {
            box input = box4(order, 1, 5, 6, 7, 1), weight = box4(order, 7, 5, 3, 2, 2);
            box output = box4(order, 1, 7, 4, 6, 3);
            conv2d_params params = CONV2D_PARAMS_INIT;
            conv2d_context *context = NULL;
            conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
            for (size_t i = 0; i < weight.bytes / sizeof(float); i++)
                ((float *)weight.memory)[i] = (float)i;
            params.weights = weights;
            assert_ok(conv2d_prepack(device, &weight.t, NULL, &params, &context));
            args.input = &input.t;
            args.output = &output.t;
            for (int i = 0; i < 2; i++) {
                box_poison(&output);
                assert_ok(conv2d_run(context, &args));
                assert_oracle(&output.t, &input.t, &weight.t, NULL, NULL, NULL);
            }
            conv2d_context_destroy(context);
            box_free(&input);
            box_free(&weight);
            box_free(&output);
        }
    }
    conv2d_device_close(device);
}

/* There: the second release_resources frees what the first freed, and a later run uses it. */
static void test_resources_released_twice(void **state)
{
    conv2d_device *device = open_cpu(1);
    box input = box4(CONV2D_NCHW, 1, 3, 6, 6, 1), weight = box4(CONV2D_NCHW, 4, 3, 3, 3, 2);
    box output = box4(CONV2D_NCHW, 1, 4, 4, 4, 3);
    conv2d_context *context = NULL;
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    (void)state;
    assert_ok(conv2d_prepack(device, &weight.t, NULL, NULL, &context));
    args.input = &input.t;
    args.output = &output.t;
    for (int i = 0; i < 3; i++) {
        box_poison(&output);
        assert_ok(conv2d_run(context, &args));
        assert_oracle(&output.t, &input.t, &weight.t, NULL, NULL, NULL);
        assert_ok(conv2d_context_release_resources(context));
        assert_ok(conv2d_context_release_resources(context));
    }
    conv2d_context_destroy(context);
    conv2d_device_close(device);
    box_free(&input);
    box_free(&weight);
    box_free(&output);
}

/* There: only the first input is checked; a later one with other channels reads past its end. */
static void test_later_inputs_channel_count_is_checked(void **state)
{
    conv2d_device *device = open_cpu(1);
    box good = box4(CONV2D_NCHW, 1, 4, 6, 6, 1), weight = box4(CONV2D_NCHW, 4, 4, 3, 3, 2);
    box few = box4(CONV2D_NCHW, 1, 3, 6, 6, 1), many = box4(CONV2D_NCHW, 1, 8, 6, 6, 1);
    box output = box4(CONV2D_NCHW, 1, 4, 4, 4, 3);
    conv2d_context *context = NULL;
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    (void)state;
    assert_ok(conv2d_prepack(device, &weight.t, NULL, NULL, &context));
    args.input = &good.t;
    args.output = &output.t;
    assert_ok(conv2d_run(context, &args));
    box_poison(&output);
    args.input = &few.t;
    assert_refused(conv2d_run(context, &args), CONV2D_E_SHAPE, "input has 3 channels",
                   "weight has 4 input channels");
    args.input = &many.t;
    assert_refused(conv2d_run(context, &args), CONV2D_E_SHAPE, "input has 8 channels",
                   "weight has 4 input channels");
    assert_true(box_is_poisoned(&output));
    args.input = &good.t;
    assert_ok(conv2d_run(context, &args));
    assert_oracle(&output.t, &good.t, &weight.t, NULL, NULL, NULL);
    conv2d_context_destroy(context);
    conv2d_device_close(device);
    box_free(&good);
    box_free(&few);
    box_free(&many);
    box_free(&weight);
    box_free(&output);
}

/* There: the operator is built at the first run without a lock. Eight threads make the first run
 * of one context at once, released together by a barrier. */
typedef struct first_run {
    pthread_barrier_t *barrier;
    conv2d_context *context;
    box input, output;
    conv2d_status status;
} first_run;

static void *first_run_main(void *arg)
{
    first_run *r = arg;
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    args.input = &r->input.t;
    args.output = &r->output.t;
    pthread_barrier_wait(r->barrier);
    r->status = conv2d_run(r->context, &args);
    return NULL;
}

static void test_lazy_build_does_not_race(void **state)
{
    enum { THREADS = TEST_THREADED ? 8 : 1, ROUNDS = 20 };
    conv2d_device *device = open_cpu(2);
    box weight = box4(CONV2D_NCHW, 6, 4, 3, 3, 2);
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_t barrier;
        pthread_t threads[THREADS];
        first_run runs[THREADS];
        conv2d_context *context = NULL;
        assert_ok(conv2d_prepack(device, &weight.t, NULL, NULL, &context));
        assert_int_equal(pthread_barrier_init(&barrier, NULL, THREADS), 0);
        for (int i = 0; i < THREADS; i++) {
            runs[i].barrier = &barrier;
            runs[i].context = context;
            runs[i].input = box4(CONV2D_NCHW, 1, 4, 8, 8, (unsigned)i);
            runs[i].output = box4(CONV2D_NCHW, 1, 6, 6, 6, 1);
            assert_int_equal(pthread_create(&threads[i], NULL, first_run_main, &runs[i]), 0);
        }
        for (int i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_int_equal(runs[i].status, CONV2D_OK);
            assert_oracle(&runs[i].output.t, &runs[i].input.t, &weight.t, NULL, NULL, NULL);
            box_free(&runs[i].input);
            box_free(&runs[i].output);
        }
        pthread_barrier_destroy(&barrier);
        conv2d_context_destroy(context);
    }
    box_free(&weight);
    conv2d_device_close(device);
}

/* There: bounds are kept in half precision, so one above 65504 becomes infinite. */
static void test_clamp_bounds_above_65504(void **state)
{
    box input = box4(CONV2D_NCHW, 1, 1, 1, 4, 1), weight = box4(CONV2D_NCHW, 1, 1, 1, 1, 2);
    box output = box4(CONV2D_NCHW, 1, 1, 1, 4, 3);
    conv2d_params params = CONV2D_PARAMS_INIT;
    const float values[4] = {-1e6f, -70001, 70001, 1e30f};
    const float want[4] = {-70000, -70000, 70000, 70000};
    (void)state;
    memcpy(input.memory, values, sizeof values);
    *(float *)weight.memory = 1;
    params.activation = CONV2D_ACT_CLAMP;
    params.output_min = -70000;
    params.output_max = 70000;
    run(&input, &weight, NULL, &params, &output);
    assert_memory_equal(output.memory, want, sizeof want);
    box_free(&input);
    box_free(&weight);
    box_free(&output);
}

static void grouped(int64_t groups, int64_t icg, int64_t ocg, int64_t k)
{
    for (int order = 0; order < 2; order++) {
        box input = box4(order, 2, groups * icg, 9, 10, 1);
        box weight = box4(order, groups * ocg, icg, k, k, 2), bias = box1(groups * ocg, 3);
        box output = box4(order, 2, groups * ocg, 10 - k, 11 - k, 4);
        conv2d_params params = CONV2D_PARAMS_INIT;
        params.groups = groups;
        run(&input, &weight, &bias, &params, &output);
        assert_oracle(&output.t, &input.t, &weight.t, &bias.t, NULL, &params);
        box_free(&input);
        box_free(&weight);
        box_free(&bias);
        box_free(&output);
    }
}

/* There: groups need IC % 4 == 0. */
static void test_groups_of_any_channel_count(void **state)
{
    (void)state;
    grouped(3, 1, 2, 3);
    grouped(3, 2, 1, 3);
    grouped(2, 3, 5, 3);
    grouped(5, 7, 3, 1);
    grouped(7, 5, 17, 2);
}

/* There: a depthwise convolution with more than one output channel a channel is refused. */
static void test_depthwise_multiplier(void **state)
{
    (void)state;
    grouped(4, 1, 2, 3);
    grouped(9, 1, 3, 3);
    grouped(33, 1, 4, 5);
}

/* There: one padding for both sides of an axis. */
static void test_padding_differs_per_side(void **state)
{
    box input = box4(CONV2D_NCHW, 1, 1, 1, 3, 1), weight = box4(CONV2D_NCHW, 1, 1, 1, 3, 2);
    box output = box4(CONV2D_NCHW, 1, 1, 3, 4, 3);
    conv2d_params params = CONV2D_PARAMS_INIT;
    const float in[3] = {1, 10, 100}, w[3] = {1, 2, 3};
    const float want[12] = {0, 0, 0, 0, 0, 0, 0, 0, 32, 321, 210, 100};
    (void)state;
    memcpy(input.memory, in, sizeof in);
    memcpy(weight.memory, w, sizeof w);
    params.padding[0] = 2; /* top: two rows of zeros above the picture */
    params.padding[1] = 1; /* left */
    params.padding[3] = 2; /* right; none at the bottom */
    run(&input, &weight, NULL, &params, &output);
    assert_memory_equal(output.memory, want, sizeof want);
    box_free(&input);
    box_free(&weight);
    box_free(&output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dilation_2_2_is_computed),
        cmocka_unit_test(test_one_sided_clamp_is_applied),
        cmocka_unit_test(test_output_size_is_not_rounded_toward_zero),
        cmocka_unit_test(test_prepacked_weights_are_converted_without_reload),
        cmocka_unit_test(test_resources_released_twice),
        cmocka_unit_test(test_later_inputs_channel_count_is_checked),
        cmocka_unit_test(test_lazy_build_does_not_race),
        cmocka_unit_test(test_clamp_bounds_above_65504),
        cmocka_unit_test(test_groups_of_any_channel_count),
        cmocka_unit_test(test_depthwise_multiplier),
        cmocka_unit_test(test_padding_differs_per_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
