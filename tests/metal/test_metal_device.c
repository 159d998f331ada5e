/* SPDX-License-Identifier: BSD-2-Clause
 * Metal devices: opening with and without Metal, the caller's own device and queue, facts, kernels,
 * buffers, and that "auto" stays the CPU. */
#include "metal_helpers.h"

static void test_auto_is_the_cpu(void **state)
{
    (void)state;
    conv2d_device *device = NULL;
    assert_ok(conv2d_device_open("auto", NULL, &device));
    assert_string_equal(conv2d_device_name(device), "cpu");
    conv2d_device_close(device);
    assert_nothing_alive();
}

static void test_facts(void **state)
{
    (void)state;
    conv2d_device *device = open_metal(NULL);
    conv2d_device_info info = CONV2D_DEVICE_INFO_INIT;
    assert_string_equal(conv2d_device_name(device), "metal");
    assert_ok(conv2d_device_get_info(device, &info));
    assert_string_equal(info.backend, "metal");
    assert_true(strlen(info.model) > 0);
    assert_non_null(strstr(info.features, "apple7"));
    assert_non_null(strstr(info.proven, "never run on Apple hardware"));
    double flops = -1;
    assert_refused(conv2d_device_measure_peak(device, 0.1, &flops), CONV2D_E_UNSUPPORTED, "peak",
                   NULL);
    conv2d_device_close(device);
    assert_nothing_alive();
}

static void test_kernels_are_listed(void **state)
{
    (void)state;
    conv2d_device *device = open_metal(NULL);
    const int n = conv2d_device_kernel_count(device);
    int plain = 0;
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        conv2d_kernel_info info = CONV2D_KERNEL_INFO_INIT;
        assert_ok(conv2d_device_kernel(device, i, &info));
        assert_int_equal(info.available, 1);
        plain += strncmp(info.name, "plain_", 6) == 0;
    }
    assert_int_equal(plain, 2);
    conv2d_device_close(device);
    assert_nothing_alive();
}

static void test_bad_options(void **state)
{
    (void)state;
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    conv2d_device *device = NULL;
    options.isa = "avx2";
    assert_refused(conv2d_device_open("metal", &options, &device), CONV2D_E_ARGUMENT, "isa",
                   "avx2");
    assert_null(device);
}

static void test_absent_library(void **state)
{
    (void)state;
    char *path = strdup(getenv("CONV2D_METAL_LIBRARY"));
    conv2d_device *device = NULL;
    setenv("CONV2D_METAL_LIBRARY", "/nonexistent/metal.so", 1);
    assert_refused(conv2d_device_open("metal", NULL, &device), CONV2D_E_DEVICE, "metal",
                   "/nonexistent/metal.so");
    setenv("CONV2D_METAL_LIBRARY", "libm.so.6", 1);
    assert_refused(conv2d_device_open("metal", NULL, &device), CONV2D_E_DEVICE, "metal",
                   "objc_msgSend");
    unsetenv("CONV2D_METAL_LIBRARY");
    assert_refused(conv2d_device_open("metal", NULL, &device), CONV2D_E_DEVICE, "metal", "libobjc");
    assert_null(device);
    setenv("CONV2D_METAL_LIBRARY", path, 1);
    free(path);
}

static void test_buffers(void **state)
{
    (void)state;
    conv2d_device *device = open_metal(NULL);
    conv2d_buffer *buffer = NULL, *empty = NULL;
    assert_ok(conv2d_buffer_create(device, 1000, &buffer));
    assert_int_equal(conv2d_buffer_bytes(buffer), 1000);
    assert_non_null(conv2d_buffer_host_pointer(buffer));
    assert_ok(conv2d_buffer_create(device, 0, &empty));
    assert_int_equal(conv2d_buffer_bytes(empty), 0);
    conv2d_buffer *huge = NULL;
    assert_refused(conv2d_buffer_create(device, SIZE_MAX / 2, &huge), CONV2D_E_NOMEM, "bytes",
                   NULL);
    assert_null(huge);
    conv2d_device_close(device); /* buffers keep what they need */
    conv2d_buffer_destroy(buffer);
    conv2d_buffer_destroy(empty);
    assert_nothing_alive();
}

/* Tensors in host memory are refused, in words. */
static void test_host_tensors_are_refused(void **state)
{
    (void)state;
    conv2d_device *device = open_metal(NULL);
    box input = box4(CONV2D_NCHW, 1, 1, 4, 4, 1), weight = box4(CONV2D_NCHW, 1, 1, 3, 3, 2);
    box output = box4(CONV2D_NCHW, 1, 1, 2, 2, 3);
    box_poison(&output);
    assert_refused(conv2d(device, &input.t, &weight.t, NULL, NULL, NULL, &output.t),
                   CONV2D_E_ARGUMENT, "input", "buffer");
    assert_true(box_is_poisoned(&output));
    box_free(&input);
    box_free(&weight);
    box_free(&output);
    conv2d_device_close(device);
    assert_nothing_alive();
}

static void test_float64_is_refused(void **state)
{
    (void)state;
    conv2d_device *device = open_metal(NULL);
    conv2d_problem problem;
    conv2d_plan *plan = NULL;
    assert_ok(conv2d_problem_parse("g1mb1ic3ih8oc4oh6kh3:dtype=f64", &problem));
    assert_refused(conv2d_explain(device, &problem, &plan), CONV2D_E_UNSUPPORTED, "float64",
                   "float16");
    assert_null(plan);
    conv2d_device_close(device);
    assert_nothing_alive();
}

int main(void)
{
    software_open();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_auto_is_the_cpu),          cmocka_unit_test(test_facts),
        cmocka_unit_test(test_kernels_are_listed),       cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_absent_library),           cmocka_unit_test(test_buffers),
        cmocka_unit_test(test_host_tensors_are_refused), cmocka_unit_test(test_float64_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
