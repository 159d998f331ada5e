/* SPDX-License-Identifier: BSD-2-Clause
 * The check behind --verify must be able to fail: results with one wrong element, of every kind,
 * are found, and found at their index; right results and harmless differences pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "oracle.h"

typedef struct trial {
    conv2d_device *device;
    conv2d_problem problem;
    cli_convolution c;
    cli_oracle oracle;
} trial;

static void open_trial(trial *t, const char *text, int64_t integer_limit)
{
    cli_error error = {0};
    cli_plan plan;
    assert_int_equal(conv2d_device_open("cpu", NULL, &t->device), CONV2D_OK);
    assert_int_equal(conv2d_problem_parse(text, &t->problem), CONV2D_OK);
    assert_true(convolution_make(&t->problem, &t->c, &error));
    convolution_fill(&t->c, 1, integer_limit);
    assert_true(plan_open(t->device, &t->c, &plan, &error));
    assert_true(plan_run(&plan, NULL, &error));
    plan_close(&plan);
    assert_true(oracle_make(t->device, &t->c, &t->oracle, &error));
}

static void close_trial(trial *t)
{
    oracle_free(&t->oracle);
    convolution_free(&t->c);
    conv2d_device_close(t->device);
}

/* Element index of the walk over the output. */
static char *element(trial *t, size_t index)
{
    tensor_walk w = tensor_begin(&t->c.output.t);
    for (size_t i = 0; i < index; i++)
        tensor_next(&w);
    return w.at;
}

static void put(trial *t, size_t index, double value)
{
    tensor_store(element(t, index), t->c.output.t.dtype, value);
}

static const char *const texts[] = {
    "mb2ic6ih7iw5oc4oh7ow5kh3kw3ph1pw1",
    "mb2ic6ih7iw5oc4oh7ow5kh3kw3ph1pw1:in=nhwc:act=gelu",
    "mb2ic6ih7iw5oc4oh7ow5kh3kw3ph1pw1:act=clamp,-1,1",
    "mb2ic6ih7iw5oc4oh7ow5kh3kw3ph1pw1:act=leaky_relu,-2.5",
    "mb2ic6ih7iw5oc4oh7ow5kh3kw3ph1pw1:dtype=f64:act=mish",
};
enum { N_TEXTS = sizeof texts / sizeof texts[0], OUTPUTS = 2 * 4 * 7 * 5, WRONG = 97 };

static void right_results_pass(void **state)
{
    (void)state;
    for (int i = 0; i < N_TEXTS; i++) {
        trial t;
        open_trial(&t, texts[i], 0);
        cli_check check = oracle_compare(&t.oracle, &t.c, false);
        assert_int_equal(check.n, OUTPUTS);
        assert_int_equal(check.n_bad, 0);
        assert_true(check.max_ratio < 1);
        /* In float64 the same loops may give the same bits. */
        assert_true(check.max_error > 0 || t.c.output.t.dtype == CONV2D_FLOAT64);
        close_trial(&t);
    }
}

/* Just beyond its bound, one element is found; just within, it is not. */
static void one_wrong_element_is_found(void **state)
{
    (void)state;
    for (int i = 0; i < N_TEXTS; i++) {
        trial t;
        open_trial(&t, texts[i], 0);
        double right = tensor_load(element(&t, WRONG), t.c.output.t.dtype);
        put(&t, WRONG, right + 1);
        cli_check check = oracle_compare(&t.oracle, &t.c, false);
        assert_int_equal(check.n_bad, 1);
        assert_true(check.bound > 0 && check.bound < 1e-3);
        int64_t flat = ((check.at[0] * 4 + check.at[1]) * 7 + check.at[2]) * 5 + check.at[3];
        assert_int_equal(flat, WRONG);
        double exact = check.exact, bound = check.bound;
        put(&t, WRONG, exact + 1.5 * bound);
        assert_int_equal(oracle_compare(&t.oracle, &t.c, false).n_bad, 1);
        put(&t, WRONG, exact - 1.5 * bound);
        assert_int_equal(oracle_compare(&t.oracle, &t.c, false).n_bad, 1);
        put(&t, WRONG, exact + 0.5 * bound);
        assert_int_equal(oracle_compare(&t.oracle, &t.c, false).n_bad, 0);
        close_trial(&t);
    }
}

static void values_that_are_no_numbers_are_found(void **state)
{
    static const double wrong[] = {NAN, INFINITY, -INFINITY};
    (void)state;
    trial t;
    open_trial(&t, texts[0], 0);
    for (int i = 0; i < 3; i++) {
        put(&t, WRONG, wrong[i]);
        assert_int_equal(oracle_compare(&t.oracle, &t.c, false).n_bad, 1);
    }
    close_trial(&t);
}

/* Where the exact result is NaN or infinite, only the same will do. */
static void special_data_must_give_special_results(void **state)
{
    (void)state;
    trial t;
    open_trial(&t, texts[0], 0);
    cli_error error = {0};
    cli_plan plan;
    tensor_store((char *)t.c.input.t.data, CONV2D_FLOAT32, INFINITY);
    oracle_free(&t.oracle);
    assert_true(plan_open(t.device, &t.c, &plan, &error));
    assert_true(plan_run(&plan, NULL, &error));
    plan_close(&plan);
    assert_true(oracle_make(t.device, &t.c, &t.oracle, &error));
    assert_int_equal(oracle_compare(&t.oracle, &t.c, false).n_bad, 0);
    double special = tensor_load(element(&t, 0), CONV2D_FLOAT32);
    assert_true(isinf(special));
    put(&t, 0, 3);
    assert_int_equal(oracle_compare(&t.oracle, &t.c, false).n_bad, 1);
    put(&t, 0, -special);
    assert_int_equal(oracle_compare(&t.oracle, &t.c, false).n_bad, 1);
    put(&t, 0, NAN);
    assert_int_equal(oracle_compare(&t.oracle, &t.c, false).n_bad, 1);
    close_trial(&t);
}

static void integers_must_be_exact(void **state)
{
    enum { N_FLOAT32_WITHOUT_SLOPE = 3 };
    (void)state;
    for (int i = 0; i < N_FLOAT32_WITHOUT_SLOPE; i++) {
        trial t;
        open_trial(&t, texts[i], 4);
        assert_int_equal(oracle_compare(&t.oracle, &t.c, true).n_bad, 0);
        bool is_exact = !strstr(texts[i], "gelu"); /* that one rounds */
        float right = (float)tensor_load(element(&t, WRONG), t.c.output.t.dtype);
        put(&t, WRONG, nextafterf(right, INFINITY));
        assert_int_equal(oracle_compare(&t.oracle, &t.c, true).n_bad, is_exact ? 1 : 0);
        close_trial(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_results_pass),
        cmocka_unit_test(one_wrong_element_is_found),
        cmocka_unit_test(values_that_are_no_numbers_are_found),
        cmocka_unit_test(special_data_must_give_special_results),
        cmocka_unit_test(integers_must_be_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
