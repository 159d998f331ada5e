/* SPDX-License-Identifier: BSD-2-Clause
 * Factors of filters: what is one column times one row is found, with products that are exact where
 * weights are integers and close enough otherwise; what is not, is refused. */
#include <float.h>
#include <math.h>

#include "core/cmocka_all.h"
#include "core/factor.h"

static c2_filter filter_of(const float *w, int64_t kh, int64_t kw)
{
    return (c2_filter){w, CONV2D_FLOAT32, kh, kw, {kw, 1}};
}

/* The largest error of column times row, in units of rounding of the weight. */
static double worst(const c2_factors *f, const float *w, int64_t kh, int64_t kw)
{
    double most = 0;
    for (int64_t y = 0; y < kh; y++)
        for (int64_t x = 0; x < kw; x++) {
            const double product =
                (double)c2_factor_column(f, y) * (double)c2_factor_row(f, x);
            const double error = fabs(product - (double)w[y * kw + x]);
            if (error > 0)
                most = fmax(most, error / fabs((double)w[y * kw + x]) * 0x1p24);
        }
    return most;
}

static void known_filters(void **state)
{
    (void)state;
    static const float sobel[] = {-1, 0, 1, -2, 0, 2, -1, 0, 1};
    static const float binomial[] = {1, 2, 1, 2, 4, 2, 1, 2, 1};
    static const float zeros[9];
    static const float *const exact[] = {sobel, binomial, zeros};
    for (int i = 0; i < 3; i++) {
        const c2_filter filter = filter_of(exact[i], 3, 3);
        c2_factors f;
        assert_true(c2_factor(&filter, &f));
        assert_true(worst(&f, exact[i], 3, 3) == 0);
    }
    float box[49];
    for (int i = 0; i < 49; i++)
        box[i] = (float)(1.0 / 49);
    const c2_filter filter = filter_of(box, 7, 7);
    c2_factors f;
    assert_true(c2_factor(&filter, &f));
    assert_true(worst(&f, box, 7, 7) == 0);
    static const float laplacian[] = {0, 1, 0, 1, -4, 1, 0, 1, 0};
    const c2_filter other = filter_of(laplacian, 3, 3);
    assert_false(c2_factor(&other, &f));
}

/* Normal curves of every size, rounded to float32, as the command line makes them. */
static void gaussians(void **state)
{
    (void)state;
    static float w[63 * 63];
    int found = 0;
    for (int64_t k = 5; k < 64; k += 2) {
        double factor[63], sum = 0;
        const double sigma = 0.15 * (double)(k - 1) + 0.35;
        for (int64_t i = 0; i < k; i++)
            sum += factor[i] = exp(-(double)((i - k / 2) * (i - k / 2)) / (2 * sigma * sigma));
        for (int64_t i = 0; i < k * k; i++)
            w[i] = (float)(factor[i / k] / sum * (factor[i % k] / sum));
        const c2_filter filter = filter_of(w, k, k);
        c2_factors f;
        assert_true(c2_factor(&filter, &f));
        assert_true(worst(&f, w, k, k) <= 8);
        float most = 0;
        for (int64_t i = 0; i < k; i++)
            most = fmaxf(most, fabsf(c2_factor_row(&f, i)));
        assert_true(most >= 0.5F && most < 1);
        found++;
        w[k * k / 2] *= 1 + 0x1p-18F;
        assert_false(c2_factor(&filter, &f));
    }
    assert_int_equal(found, 30);
}

/* Products of integers: their factors are integers times powers of two. */
static void integers(void **state)
{
    (void)state;
    uint32_t r = 1;
    for (int n = 0; n < 2000; n++) {
        float column[4], row[5], w[20];
        for (int i = 0; i < 9; i++) {
            r = r * 1664525U + 1013904223U;
            *(i < 4 ? &column[i] : &row[i - 4]) = (float)((int)(r >> 24) % 61 - 30);
        }
        for (int i = 0; i < 20; i++)
            w[i] = column[i / 5] * row[i % 5];
        const c2_filter filter = filter_of(w, 4, 5);
        c2_factors f;
        assert_true(c2_factor(&filter, &f));
        assert_true(worst(&f, w, 4, 5) == 0);
    }
}

static void extremes(void **state)
{
    (void)state;
    const float most = FLT_MAX / 2, least = FLT_MIN;
    float w[9] = {most, most, most, 1, 1, 1, least, least, least};
    const c2_filter filter = filter_of(w, 3, 3);
    c2_factors f;
    assert_true(c2_factor(&filter, &f));
    assert_true(worst(&f, w, 3, 3) == 0);
    w[0] = w[1] = w[2] = FLT_MAX; /* the row is 1/2: the column has no room */
    assert_false(c2_factor(&filter, &f));
    w[0] = w[1] = w[2] = most;
    w[4] = NAN;
    assert_false(c2_factor(&filter, &f));
    w[4] = INFINITY;
    assert_false(c2_factor(&filter, &f));
    for (int i = 0; i < 9; i++)
        w[i] = FLT_TRUE_MIN * (float)(1 + i % 3);
    if (c2_factor(&filter, &f)) { /* denormal weights, perhaps; denormal factors, never */
        for (int i = 0; i < 3; i++) {
            assert_true(fabsf(c2_factor_column(&f, i)) >= FLT_MIN);
            assert_true(fabsf(c2_factor_row(&f, i)) >= FLT_MIN);
        }
    }
}

static conv2d_weights_form form_of(int32_t dtype, void *data, int64_t oc, int64_t icg, int64_t k)
{
    const conv2d_tensor t = conv2d_tensor_of(dtype, data, CONV2D_NCHW, oc, icg, k, k);
    return c2_weights_form_of(&t);
}

static void forms(void **state)
{
    (void)state;
    float w[18] = {1, 2, 1, 2, 4, 2, 1, 2, 1, 1, 2, 1, 2, 4, 2, 1, 2, 1};
    assert_int_equal(form_of(CONV2D_FLOAT32, w, 2, 1, 3), CONV2D_WEIGHTS_ALIKE);
    assert_int_equal(form_of(CONV2D_FLOAT32, w, 1, 2, 3), CONV2D_WEIGHTS_ANY);
    assert_int_equal(form_of(CONV2D_FLOAT32, w, 18, 1, 1), CONV2D_WEIGHTS_ANY);
    assert_int_equal(form_of(CONV2D_FLOAT32, w, 0, 1, 3), CONV2D_WEIGHTS_ANY);
    for (int i = 9; i < 18; i++)
        w[i] *= 3;
    assert_int_equal(form_of(CONV2D_FLOAT32, w, 2, 1, 3), CONV2D_WEIGHTS_SEPARABLE);
    w[17] = 0;
    assert_int_equal(form_of(CONV2D_FLOAT32, w, 2, 1, 3), CONV2D_WEIGHTS_ANY);
    assert_int_equal(form_of(CONV2D_FLOAT32, w, 1, 1, 3), CONV2D_WEIGHTS_ALIKE);
    uint16_t half[9];
    for (int i = 0; i < 9; i++)
        half[i] = 0x3c00; /* 1 in float16 */
    assert_int_equal(form_of(CONV2D_FLOAT16, half, 1, 1, 3), CONV2D_WEIGHTS_BOX);
    double wide[9] = {0};
    assert_int_equal(form_of(CONV2D_FLOAT64, wide, 1, 1, 3), CONV2D_WEIGHTS_ANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_filters), cmocka_unit_test(gaussians), cmocka_unit_test(integers),
        cmocka_unit_test(extremes), cmocka_unit_test(forms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
