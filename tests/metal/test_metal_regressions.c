/* SPDX-License-Identifier: BSD-2-Clause
 * Defects of the system that this library replaces (at::native::metal of PyTorch), one named test
 * each, on the backend that replaces it; tests/api/test_regressions.c has them on the CPU. Data are
 * whole numbers, so every algorithm must give exactly the oracle's values. */
#include <math.h>
#include <pthread.h>

#include "metal_helpers.h"

static conv2d_device *device;

static const char *const algorithms[] = {
    "plain",         "depthwise",     "direct",     "grouped",    "gemm1x1/32x32", "gemm1x1/64x32",
    "gemm1x1/64x64", "gemm/32x32",    "gemm/64x32", "gemm/64x64", "winograd_f2x3", NULL};

/* One convolution by every algorithm that takes it (the plain one takes all) and by the planner's
 * choice, against the oracle. */
static void check(const box *input, const box *weight, const box *bias, const conv2d_params *params,
                  box *output)
{
    for (int i = 0; i < (int)(sizeof algorithms / sizeof *algorithms); i++) {
        conv2d_params p = *params;
        p.algorithm = algorithms[i];
        box_poison(output);
        const conv2d_status s = convolve_on(device, input, weight, bias, NULL, &p, output);
        if (s == CONV2D_E_UNSUPPORTED && i > 0)
            continue;
        check_ok(s, algorithms[i] ? algorithms[i] : "planner's choice", __FILE__, __LINE__);
        assert_oracle(&output->t, &input->t, &weight->t, bias ? &bias->t : NULL, NULL, params);
    }
}

static void check_shapes(int order, const int64_t in[4], const int64_t w[4], const int64_t out[4],
                         const conv2d_params *params)
{
    box input = box4(order, in[0], in[1], in[2], in[3], 1);
    box weight = box4(order, w[0], w[1], w[2], w[3], 2), bias = box1(w[0], 3);
    box output = box4(order, out[0], out[1], out[2], out[3], 4);
    check(&input, &weight, NULL, params, &output);
    check(&input, &weight, &bias, params, &output);
    box_free(&input);
    box_free(&weight);
    box_free(&bias);
    box_free(&output);
}

/* There: the check `DX == DY == 1` lets dilation (2, 2) through and computes dilation 1. */
static void test_dilation_2_2_is_computed(void **state)
{
    (void)state;
    conv2d_params params = CONV2D_PARAMS_INIT;
    params.dilation[0] = params.dilation[1] = 2;
    for (int order = 0; order < 2; order++)
        check_shapes(order, (int64_t[]){1, 16, 9, 8}, (int64_t[]){8, 16, 3, 3},
                     (int64_t[]){1, 8, 5, 4}, &params);
}

/* There: a clamp with only one finite bound is dropped. */
static void test_one_sided_clamp_is_applied(void **state)
{
    (void)state;
    for (int side = 0; side < 2; side++) {
        conv2d_params params = CONV2D_PARAMS_INIT;
        *(side ? &params.output_max : &params.output_min) = side ? 3 : -2;
        check_shapes(CONV2D_NCHW, (int64_t[]){1, 3, 6, 6}, (int64_t[]){5, 3, 3, 3},
                     (int64_t[]){1, 5, 4, 4}, &params);
    }
}

/* There: (2 - 3) / 2 + 1 rounds toward zero and gives OH = 1 for a kernel that does not fit. */
static void test_output_size_is_not_rounded_toward_zero(void **state)
{
    (void)state;
    box input = box4(CONV2D_NCHW, 1, 1, 2, 5, 1), weight = box4(CONV2D_NCHW, 1, 1, 3, 3, 2);
    box output = box4(CONV2D_NCHW, 1, 1, 1, 2, 3);
    conv2d_params params = CONV2D_PARAMS_INIT;
    params.stride[0] = params.stride[1] = 2;
    box_poison(&output);
    assert_refused(convolve_on(device, &input, &weight, NULL, NULL, &params, &output),
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
    (void)state;
    for (int order = 0; order < 2; order++)
        for (int32_t weights = CONV2D_WEIGHTS_COPY; weights <= CONV2D_WEIGHTS_BORROW; weights++) {
            box input = box4(order, 1, 5, 6, 7, 1), weight = box4(order, 7, 5, 3, 2, 2);
            box output = box4(order, 1, 7, 4, 6, 3);
            conv2d_params params = CONV2D_PARAMS_INIT;
            for (size_t i = 0; i < weight.bytes / sizeof(float); i++)
                ((float *)weight.memory)[i] = (float)i;
            params.weights = weights;
            check(&input, &weight, NULL, &params, &output);
            box_free(&input);
            box_free(&weight);
            box_free(&output);
        }
}

/* There: the second release_resources frees what the first freed, and a later run uses it. */
static void test_resources_released_twice(void **state)
{
    (void)state;
    box input = box4(CONV2D_NCHW, 1, 3, 6, 6, 1), weight = box4(CONV2D_NCHW, 4, 3, 3, 3, 2);
    box output = box4(CONV2D_NCHW, 1, 4, 4, 4, 3);
    conv2d_context *context = NULL;
    assert_ok(conv2d_prepack(device, &weight.t, NULL, NULL, &context));
    for (int i = 0; i < 3; i++) {
        box_poison(&output);
        assert_ok(run_on(device, context, &input, NULL, &output));
        assert_oracle(&output.t, &input.t, &weight.t, NULL, NULL, NULL);
        assert_ok(conv2d_context_release_resources(context));
        assert_ok(conv2d_context_release_resources(context));
    }
    conv2d_context_destroy(context);
    box_free(&input);
    box_free(&weight);
    box_free(&output);
}

/* There: only the first input is checked; a later one with other channels reads past its end. */
static void test_later_inputs_channel_count_is_checked(void **state)
{
    (void)state;
    box good = box4(CONV2D_NCHW, 1, 4, 6, 6, 1), bad = box4(CONV2D_NCHW, 1, 3, 6, 6, 1);
    box weight = box4(CONV2D_NCHW, 4, 4, 3, 3, 2), output = box4(CONV2D_NCHW, 1, 4, 4, 4, 3);
    conv2d_context *context = NULL;
    assert_ok(conv2d_prepack(device, &weight.t, NULL, NULL, &context));
    assert_ok(run_on(device, context, &good, NULL, &output));
    box_poison(&output);
    assert_refused(run_on(device, context, &bad, NULL, &output), CONV2D_E_SHAPE, "3", "4");
    assert_true(box_is_poisoned(&output));
    conv2d_context_destroy(context);
    box_free(&good);
    box_free(&bad);
    box_free(&weight);
    box_free(&output);
}

typedef struct racer {
    pthread_t thread;
    conv2d_context *context;
    box *input, output;
} racer;

static void *race(void *arg)
{
    racer *r = arg;
    assert_ok(run_on(device, r->context, r->input, NULL, &r->output));
    return NULL;
}

/* There: two first runs at once build the operator twice, one over the other. */
static void test_first_runs_at_once(void **state)
{
    (void)state;
    enum { RACERS = 4 };
    box input = box4(CONV2D_NHWC, 1, 6, 7, 7, 1), weight = box4(CONV2D_NHWC, 9, 6, 3, 3, 2);
    conv2d_context *context = NULL;
    racer racers[RACERS];
    assert_ok(conv2d_prepack(device, &weight.t, NULL, NULL, &context));
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (racer){.context = context, .input = &input};
        racers[i].output = box4(CONV2D_NHWC, 1, 9, 5, 5, 3);
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    for (int i = 0; i < RACERS; i++) {
        pthread_join(racers[i].thread, NULL);
        assert_oracle(&racers[i].output.t, &input.t, &weight.t, NULL, NULL, NULL);
        box_free(&racers[i].output);
    }
    conv2d_context_destroy(context);
    box_free(&input);
    box_free(&weight);
}

/* There: clamp bounds become float16, where 65504 is the largest number. */
static void test_clamp_bounds_above_65504(void **state)
{
    (void)state;
    box input = box4(CONV2D_NCHW, 1, 1, 1, 3, 1), weight = box4(CONV2D_NCHW, 1, 1, 1, 1, 2);
    box output = box4(CONV2D_NCHW, 1, 1, 1, 3, 3);
    const float values[3] = {1e6f, 70000.0f, -1e6f}, clamped[3] = {1e5f, 70000.0f, -1e5f};
    conv2d_params params = CONV2D_PARAMS_INIT;
    memcpy(input.memory, values, sizeof values);
    *(float *)weight.memory = 1;
    params.output_min = -1e5;
    params.output_max = 1e5;
    assert_ok(convolve_on(device, &input, &weight, NULL, NULL, &params, &output));
    assert_memory_equal(output.memory, clamped, sizeof clamped);
    box_free(&input);
    box_free(&weight);
    box_free(&output);
}

/* There: groups need a multiple of 4 input channels; a depthwise multiplier above 1 is refused. */
static void test_groups_of_any_size(void **state)
{
    (void)state;
    static const int64_t shapes[][3] = {/* groups, in and out of each */
                                        {3, 1, 1},
                                        {3, 1, 2},
                                        {2, 3, 5},
                                        {5, 2, 1},
                                        {2, 16, 33}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int order = 0; order < 2; order++) {
            const int64_t g = shapes[i][0], icg = shapes[i][1], oc = g * shapes[i][2];
            conv2d_params params = CONV2D_PARAMS_INIT;
            params.groups = g;
            check_shapes(order, (int64_t[]){2, g * icg, 5, 6}, (int64_t[]){oc, icg, 3, 2},
                         (int64_t[]){2, oc, 3, 5}, &params);
        }
}

/* There: padding is one number for both sides of an axis, and of zeros only. */
static void test_padding_a_side_in_every_mode(void **state)
{
    (void)state;
    for (int32_t mode = CONV2D_PAD_ZEROS; mode <= CONV2D_PAD_CIRCULAR; mode++) {
        conv2d_params params = CONV2D_PARAMS_INIT;
        const int64_t padding[4] = {2, 0, 1, 3};
        memcpy(params.padding, padding, sizeof padding);
        params.padding_mode = mode;
        check_shapes(CONV2D_NCHW, (int64_t[]){1, 3, 4, 5}, (int64_t[]){4, 3, 3, 3},
                     (int64_t[]){1, 4, 5, 6}, &params);
    }
}

static int open_device_once(void **state)
{
    (void)state;
    device = open_metal(NULL);
    return 0;
}

static int close_device(void **state)
{
    (void)state;
    conv2d_device_close(device);
    assert_nothing_alive();
    return 0;
}

int main(void)
{
    software_open();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dilation_2_2_is_computed),
        cmocka_unit_test(test_one_sided_clamp_is_applied),
        cmocka_unit_test(test_output_size_is_not_rounded_toward_zero),
        cmocka_unit_test(test_prepacked_weights_are_converted_without_reload),
        cmocka_unit_test(test_resources_released_twice),
        cmocka_unit_test(test_later_inputs_channel_count_is_checked),
        cmocka_unit_test(test_first_runs_at_once),
        cmocka_unit_test(test_clamp_bounds_above_65504),
        cmocka_unit_test(test_groups_of_any_size),
        cmocka_unit_test(test_padding_a_side_in_every_mode),
    };
    return cmocka_run_group_tests(tests, open_device_once, close_device);
}
