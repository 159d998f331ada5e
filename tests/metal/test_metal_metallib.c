/* SPDX-License-Identifier: BSD-2-Clause
 * A library that was built where Apple's tools are: the metallib is used, and the text where Metal
 * refuses it. This program's own objects have the metallibs, made by fake_xcrun.py. */
#include "metal_helpers.h"

static void test_the_metallib_is_used(void **state)
{
    (void)state;
    log_text log = {"", 0};
    conv2d_device *device = open_logging(&log);
    assert_int_equal(soft.fail_nth("library", 1, 0), 0); /* of text: it is not asked for */
    check_one(device, CONV2D_ACT_NONE);
    soft.fail_nth("library", 0, 0);
    assert_null(strstr(log.text, "metallib"));
    conv2d_device_close(device);
    assert_nothing_alive();
}

static void test_the_text_is_used_where_it_is_refused(void **state)
{
    (void)state;
    log_text log = {"", 0};
    conv2d_device *device = open_logging(&log);
    assert_int_equal(soft.fail_nth("data", 1, 0), 0);
    check_one(device, CONV2D_ACT_NONE);
    assert_non_null(strstr(log.text, "the metallib is refused: told to fail"));
    conv2d_device_close(device);
    assert_nothing_alive();
}

static void test_both_are_refused(void **state)
{
    (void)state;
    conv2d_device *device = open_metal(NULL);
    box input = box4(CONV2D_NCHW, 1, 3, 6, 6, 1), weight = box4(CONV2D_NCHW, 4, 3, 3, 3, 2);
    box output = box4(CONV2D_NCHW, 1, 4, 4, 4, 3);
    assert_int_equal(soft.fail_nth("data", 1, 0), 0);
    assert_int_equal(soft.fail_nth("library", 1, 0), 0);
    assert_refused(convolve_on(device, &input, &weight, NULL, NULL, NULL, &output), CONV2D_E_DEVICE,
                   "does not compile", "told to fail");
    box_free(&input);
    box_free(&weight);
    box_free(&output);
    conv2d_device_close(device);
    assert_nothing_alive();
}

int main(void)
{
    software_open();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_metallib_is_used),
        cmocka_unit_test(test_the_text_is_used_where_it_is_refused),
        cmocka_unit_test(test_both_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
