/* SPDX-License-Identifier: BSD-2-Clause
 * Tuning on the asynchronous fake device: data goes up, runs are waited for on a queue of their
 * own, failures while they execute stop it, and every object is given back. */
#include "fake_backend.h"
#include "helpers.h"

static const char text[] = "mb2ic4ih6oc6oh6kh1:bias:res";

static conv2d_status tune(conv2d_device *device, conv2d_plan **plan_out)
{
    conv2d_problem p;
    conv2d_tune_options o = CONV2D_TUNE_OPTIONS_INIT;
    o.seconds = 0.2; /* 0.005 is over before nine runs where many others run too */
    assert_ok(conv2d_problem_parse(text, &p));
    return conv2d_tune(device, &p, &o, plan_out);
}

static void assert_only_the_device_is_left(void)
{
    assert_int_equal(fake_count.devices, 1);
    assert_int_equal(fake_count.buffers, 0);
    assert_int_equal(fake_count.queues, 0);
    assert_int_equal(fake_count.events, 0);
    assert_int_equal(fake_count.states, 0);
}

static void test_it_waits_and_frees(void **state)
{
    conv2d_device *device;
    conv2d_plan *plan = NULL;
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    (void)state;
    assert_ok(conv2d_device_open("fake", NULL, &device));
    const int runs = fake_count.runs, copies = fake_count.copies;
    assert_ok(tune(device, &plan));
    assert_true(fake_count.runs - runs >= 9);        /* three candidates, three runs each */
    assert_int_equal(fake_count.copies - copies, 2); /* input and residual */
    assert_ok(conv2d_plan_describe(plan, &info));
    assert_string_equal(info.choice, "wisdom");
    assert_string_equal(info.backend, "fake");
    assert_true(info.workspace_shared_bytes == 256);
    conv2d_plan_destroy(plan);
    assert_only_the_device_is_left();
    conv2d_device_close(device);
    assert_int_equal(fake_count.devices, 0);
}

static void test_failures(void **state)
{
    static const struct {
        atomic_int *fault;
        int at;
    } cases[] = {{&fake_fault.run, 1},    {&fake_fault.run, 5},  {&fake_fault.upload, 1},
                 {&fake_fault.upload, 2}, {&fake_fault.pack, 1}, {&fake_fault.pack, 2}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        conv2d_device *device;
        conv2d_plan *plan = NULL;
        size_t before, after;
        assert_ok(conv2d_device_open("fake", NULL, &device));
        assert_ok(conv2d_wisdom_export(device, NULL, 0, &before));
        atomic_store(cases[i].fault, cases[i].at);
        assert_refused(tune(device, &plan), CONV2D_E_DEVICE, "fake", NULL);
        assert_int_equal(atomic_load(cases[i].fault), 0); /* it did happen */
        assert_null(plan);
        assert_ok(conv2d_wisdom_export(device, NULL, 0, &after));
        assert_int_equal(before, after);
        assert_only_the_device_is_left();
        conv2d_device_close(device); /* a device that was lost stays so */
        assert_int_equal(fake_count.devices, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_waits_and_frees),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
