/* SPDX-License-Identifier: BSD-2-Clause
 * Activations against their formulas in float64 (float32) and long double (float64) on a dense
 * sample of bit patterns; the stated errors and Lipschitz constants; limits, NaN, infinities. */
#include <float.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/activation.h"
#include "core/cmocka_all.h"
#include "support/rng.h"

enum { N_ACTIVATIONS = CONV2D_ACT_MISH + 1 };

static c2_post post_of(int32_t activation)
{
    return (c2_post){C2_POST_ACTIVATION, activation, -0.75, 2.5, 0.1};
}

static long double logistic_l(long double x) { return 1 / (1 + expl(-x)); }

/* The formulas of conv2d.h, in a precision where their cancellation does not matter. */
static long double formula_l(const c2_post *p, long double x)
{
    switch (p->activation) {
    case CONV2D_ACT_RELU:
        return x > 0 ? x : 0;
    case CONV2D_ACT_RELU6:
        return x > 6 ? 6 : x > 0 ? x : 0;
    case CONV2D_ACT_CLAMP:
        return x > p->max ? p->max : x < p->min ? p->min : x;
    case CONV2D_ACT_LEAKY_RELU:
        return x > 0 ? x : p->alpha * x;
    case CONV2D_ACT_SIGMOID:
        return logistic_l(x);
    case CONV2D_ACT_TANH:
        return tanhl(x);
    case CONV2D_ACT_SILU:
        return x * logistic_l(x);
    case CONV2D_ACT_HARDSWISH:
        return x * (x > 3 ? 6 : x > -3 ? x + 3 : 0) / 6;
    case CONV2D_ACT_HARDSIGMOID:
        return (x > 3 ? 6 : x > -3 ? x + 3 : 0) / 6;
    case CONV2D_ACT_GELU:
        return x / 2 * erfcl(-x * 0.70710678118654752440084436L);
    case CONV2D_ACT_GELU_TANH:
        return x * logistic_l(2 * 0.79788456080286535587989212L * (x + 0.044715L * x * x * x));
    case CONV2D_ACT_MISH:
        return x > 60 ? x : x * tanhl(log1pl(expl(x)));
    default:
        return x;
    }
}

/* The same in double, for the large sample: a float's error is 2^29 times what double leaves. */
static double formula(const c2_post *p, double x)
{
    switch (p->activation) {
    case CONV2D_ACT_SIGMOID:
        return 1 / (1 + exp(-x));
    case CONV2D_ACT_TANH:
        return tanh(x);
    case CONV2D_ACT_SILU:
        return x / (1 + exp(-x));
    case CONV2D_ACT_GELU:
        return x / 2 * erfc(-x * 0.70710678118654752440);
    case CONV2D_ACT_GELU_TANH:
        return x / (1 + exp(-2 * 0.79788456080286535588 * (x + 0.044715 * x * x * x)));
    case CONV2D_ACT_MISH:
        return x > 40 ? x : x * tanh(log1p(exp(x)));
    default:
        return (double)formula_l(p, x);
    }
}

/* Unit in the last place of a result of `digits` bits whose smallest unit is 2^least. */
static long double unit(long double value, int digits, int least)
{
    int exponent = 0;
    (void)frexpl(value, &exponent);
    exponent -= digits;
    return ldexpl(1, value == 0 || exponent < least ? least : exponent);
}

static void float_errors_are_as_stated(void **state)
{
    (void)state;
    for (int32_t id = 0; id < N_ACTIVATIONS; id++) {
        const c2_activation_info *info = c2_activation_by_id(id);
        const c2_post post = post_of(id);
        c2_post rounded = post; /* the bound is against the formula with these */
        rounded.min = (float)post.min;
        rounded.max = (float)post.max;
        rounded.alpha = (float)post.alpha;
        double worst = 0;
        float worst_at = 0;
        for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 1021) {
            const uint32_t pattern = (uint32_t)bits;
            float x;
            memcpy(&x, &pattern, sizeof x);
            if (!isfinite(x))
                continue;
            const double exact = formula(&rounded, x);
            const double error = fabs((double)c2_activate_f32(&post, x) - exact);
            const double units = (error - info->error_abs) / (double)unit(exact, 24, -149);
            if (!(units <= worst)) {
                worst = units;
                worst_at = x;
            }
        }
        print_message("%-12s %.2f units in the last place, at %.9g; stated %g (+ %g)\n",
                      info->name, worst, (double)worst_at, info->error_ulp, info->error_abs);
        assert_true(worst <= info->error_ulp);
    }
}

static void double_errors_are_as_stated(void **state)
{
    (void)state;
    for (int32_t id = 0; id < N_ACTIVATIONS; id++) {
        const c2_activation_info *info = c2_activation_by_id(id);
        const c2_post post = post_of(id);
        double worst = 0, worst_at = 0;
        rng r = {3};
        for (int i = 0; i < 100000; i++) {
            double x = 0;
            const uint64_t bits = rng_u64(&r);
            if (i % 2)
                x = rng_normal(&r) * 8;
            else
                memcpy(&x, &bits, sizeof x);
            if (!isfinite(x))
                continue;
            const long double exact = formula_l(&post, x);
            const long double error = fabsl((long double)c2_activate_f64(&post, x) - exact);
            const double units = (double)((error - (long double)info->error_abs * 0x1p-29L) /
                                          unit(exact, 53, -1074));
            if (!(units <= worst)) {
                worst = units;
                worst_at = x;
            }
        }
        if (worst > info->error_ulp)
            print_message("%s: %.2f units at %.17g\n", info->name, worst, worst_at);
        assert_true(worst <= info->error_ulp);
    }
}

/* Differences of the formula over a fine grid, where slopes are steepest. */
static void lipschitz_constants_hold(void **state)
{
    (void)state;
    for (int32_t id = 0; id < N_ACTIVATIONS; id++) {
        const c2_activation_info *info = c2_activation_by_id(id);
        const c2_post post = post_of(id);
        double steepest = 0;
        for (double x = -12; x < 12; x += 0x1p-10)
            steepest = fmax(steepest,
                            fabs(formula(&post, x + 0x1p-10) - formula(&post, x)) * 0x1p10);
        assert_true(steepest <= info->lipschitz + 1e-9);
        assert_true(steepest >= info->lipschitz * 0.97); /* and say something */
    }
}

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* What PyTorch 2.13 gives in float64 (in float32 its vector code differs from itself: gelu(inf) is
 * NaN there, and hardswish(3e38) inf). */
static void limits_are_those_of_the_formula(void **state)
{
    (void)state;
    const float inf = INFINITY, nan = NAN;
    static const struct {
        int32_t activation;
        float at_inf, at_minus_inf, at_big, at_minus_big, at_minus_zero;
    } rows[] = {
        {CONV2D_ACT_NONE, INFINITY, -INFINITY, 3e38f, -3e38f, -0.0f},
        {CONV2D_ACT_RELU, INFINITY, 0, 3e38f, 0, -0.0f},
        {CONV2D_ACT_RELU6, 6, 0, 6, 0, -0.0f},
        {CONV2D_ACT_CLAMP, 2.5f, -0.75f, 2.5f, -0.75f, -0.0f},
        {CONV2D_ACT_LEAKY_RELU, INFINITY, -INFINITY, 3e38f, -3e37f, -0.0f},
        {CONV2D_ACT_SIGMOID, 1, 0, 1, 0, 0.5f},
        {CONV2D_ACT_TANH, 1, -1, 1, -1, -0.0f},
        {CONV2D_ACT_SILU, INFINITY, NAN, 3e38f, -0.0f, -0.0f},
        {CONV2D_ACT_HARDSWISH, INFINITY, NAN, 3e38f, -0.0f, -0.0f},
        {CONV2D_ACT_HARDSIGMOID, 1, 0, 1, 0, 0.5f},
        {CONV2D_ACT_GELU, INFINITY, NAN, 3e38f, -0.0f, -0.0f},
        {CONV2D_ACT_GELU_TANH, INFINITY, NAN, 3e38f, -0.0f, -0.0f},
        {CONV2D_ACT_MISH, INFINITY, NAN, 3e38f, -0.0f, -0.0f},
    };
    assert_int_equal(sizeof rows / sizeof rows[0], N_ACTIVATIONS);
    for (size_t i = 0; i < N_ACTIVATIONS; i++) {
        const c2_post post = post_of(rows[i].activation);
        const float x[5] = {inf, -inf, 3e38f, -3e38f, -0.0f};
        const float y[5] = {rows[i].at_inf, rows[i].at_minus_inf, rows[i].at_big,
                            rows[i].at_minus_big, rows[i].at_minus_zero};
        for (int k = 0; k < 5; k++) {
            const float got = c2_activate_f32(&post, x[k]);
            const float got64 = (float)c2_activate_f64(&post, (double)x[k]);
            if (isnan(y[k])) {
                assert_true(isnan(got) && isnan(got64));
                continue;
            }
            const bool close = rows[i].activation == CONV2D_ACT_LEAKY_RELU && k == 3;
            assert_true(close ? fabsf(got - y[k]) < 1e32f : bits_of(got) == bits_of(y[k]));
            assert_true(close ? fabsf(got64 - y[k]) < 1e32f : bits_of(got64) == bits_of(y[k]));
        }
        assert_true(isnan(c2_activate_f32(&post, nan)));
        assert_true(isnan(c2_activate_f64(&post, (double)nan)));
    }
}

/* Each bound alone, and bounds beyond a half-precision float's 65504: defects of the system that
 * this replaces. */
static void clamp_bounds_count_alone_and_unrounded(void **state)
{
    (void)state;
    const c2_post low = {C2_POST_ACTIVATION, CONV2D_ACT_CLAMP, 0.5, INFINITY, 0};
    const c2_post high = {C2_POST_ACTIVATION, CONV2D_ACT_CLAMP, -INFINITY, 70000, 0};
    assert_true(c2_activate_f32(&low, 0) == 0.5f);
    assert_true(c2_activate_f32(&low, 1e30f) == 1e30f);
    assert_true(c2_activate_f32(&high, 1e30f) == 70000.0f);
    assert_true(c2_activate_f32(&high, -1e30f) == -1e30f);
    assert_true(c2_activate_f64(&low, 0) == 0.5);
    assert_true(c2_activate_f64(&high, 1e30) == 70000.0);
    const c2_post third = {C2_POST_ACTIVATION, CONV2D_ACT_CLAMP, -INFINITY, 1.0 / 3, 0};
    assert_true(c2_activate_f32(&third, 1) == (float)(1.0 / 3));
    assert_true(c2_activate_f64(&third, 1) == 1.0 / 3);
}

static void table_is_complete(void **state)
{
    (void)state;
    for (int32_t id = 0; id < N_ACTIVATIONS; id++) {
        const c2_activation_info *info = c2_activation_by_id(id);
        assert_non_null(info);
        assert_int_equal(info->activation, id);
        assert_ptr_equal(c2_activation_by_name(info->name), info);
    }
    assert_null(c2_activation_by_id(-1));
    assert_null(c2_activation_by_id(N_ACTIVATIONS));
    assert_null(c2_activation_by_name("reluu"));
    assert_null(c2_activation_by_name(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(float_errors_are_as_stated),
        cmocka_unit_test(double_errors_are_as_stated),
        cmocka_unit_test(lipschitz_constants_hold),
        cmocka_unit_test(limits_are_those_of_the_formula),
        cmocka_unit_test(clamp_bounds_count_alone_and_unrounded),
        cmocka_unit_test(table_is_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
