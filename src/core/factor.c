/* SPDX-License-Identifier: BSD-2-Clause
 * Finding the factors of filters of rank 1; see factor.h. */
#include "core/factor.h"

#include <float.h>
#include <math.h>

#include "core/dtype.h"
#include "core/half.h"
#include "core/mem.h"

/* Larger filters are nobody's pictures, and would take long to look at. */
enum { MOST_TAPS = 4096 };

/* What the error bound has room for (docs/numerics.md), in units of rounding. */
static double tolerance_of(const c2_filter *f)
{
    return (double)c2_min(8, (f->kh - 1) * (f->kw - 1) - 1) * 0x1p-24;
}

static double weight_at(const c2_filter *f, int64_t y, int64_t x)
{
    return c2_load_f64(f->data, f->dtype, y * f->stride[0] + x * f->stride[1]);
}

/* The largest number that a and b are integer multiples of; each has at most 24 bits. */
static double common_divisor(double a, double b)
{
    a = fabs(a);
    b = fabs(b);
    while (b > 0) {
        const double r = fmod(a, b); /* exact */
        a = b;
        b = r;
    }
    return a;
}

/* The largest weight of all. */
static void find_pivot(const c2_filter *f, int64_t *y_out, int64_t *x_out)
{
    double most = -1;
    for (int64_t y = 0; y < f->kh; y++)
        for (int64_t x = 0; x < f->kw; x++)
            if (fabs(weight_at(f, y, x)) > most) {
                most = fabs(weight_at(f, y, x));
                *y_out = y;
                *x_out = x;
            }
}

float c2_factor_column(const c2_factors *f, int64_t y)
{
    if (f->zero)
        return 0;
    return (float)ldexp(weight_at(&f->filter, y, f->x) / f->divisor, f->exponent);
}

float c2_factor_row(const c2_factors *f, int64_t x)
{
    if (f->zero)
        return 0;
    const double pivot = weight_at(&f->filter, f->y, f->x) / f->divisor;
    return (float)ldexp(weight_at(&f->filter, f->y, x) / pivot, -f->exponent);
}

static bool is_normal_or_zero(float x)
{
    return x == 0 || (fabsf(x) >= FLT_MIN && fabsf(x) <= FLT_MAX);
}

static bool factors_fit(const c2_factors *f)
{
    const double tolerance = tolerance_of(&f->filter);
    for (int64_t x = 0; x < f->filter.kw; x++)
        if (!is_normal_or_zero(c2_factor_row(f, x)))
            return false;
    for (int64_t y = 0; y < f->filter.kh; y++) {
        const float column = c2_factor_column(f, y);
        if (!is_normal_or_zero(column))
            return false;
        for (int64_t x = 0; x < f->filter.kw; x++) {
            const double w = weight_at(&f->filter, y, x);
            const double product = (double)column * (double)c2_factor_row(f, x); /* exact */
            if (!(fabs(product - w) <= tolerance * fabs(w)))
                return false;
        }
    }
    return true;
}

bool c2_factor(const c2_filter *filter, c2_factors *factors_out)
{
    c2_factors f = {.filter = *filter, .divisor = 0};
    find_pivot(filter, &f.y, &f.x);
    const double pivot = weight_at(filter, f.y, f.x);
    if (!isfinite(pivot))
        return false;
    f.zero = pivot == 0;
    for (int64_t y = 0; y < filter->kh && !f.zero; y++) {
        const double w = weight_at(filter, y, f.x);
        if (!isfinite(w))
            return false;
        f.divisor = common_divisor(f.divisor, w);
    }
    if (!f.zero)
        frexp(f.divisor, &f.exponent); /* |row| is at most the divisor */
    if (!factors_fit(&f))
        return false;
    *factors_out = f;
    return true;
}

static bool equal_filters(const c2_filter *a, const c2_filter *b)
{
    for (int64_t y = 0; y < a->kh; y++)
        for (int64_t x = 0; x < a->kw; x++)
            if (weight_at(a, y, x) != weight_at(b, y, x))
                return false;
    return true;
}

conv2d_weights_form c2_weights_form_of(const conv2d_tensor *t)
{
    const int64_t kh = t->sizes[2], kw = t->sizes[3];
    if (t->sizes[0] < 1 || t->sizes[1] != 1 || t->dtype == CONV2D_FLOAT64 || kh < 2 || kw < 2 ||
        kh > MOST_TAPS / kw)
        return CONV2D_WEIGHTS_ANY;
    bool alike = true;
    const c2_filter first = {t->data, t->dtype, kh, kw, {t->strides[2], t->strides[3]}};
    const int64_t n = t->strides[0] ? t->sizes[0] : 1; /* an expanded axis has one filter */
    for (int64_t o = 0; o < n; o++) {
        c2_filter filter = first;
        c2_factors ignored;
        filter.data = (const char *)t->data +
                      o * t->strides[0] * (int64_t)c2_dtype_bytes(t->dtype);
        if (o > 0 && alike && equal_filters(&first, &filter))
            continue;
        alike = o == 0;
        if (!c2_factor(&filter, &ignored))
            return CONV2D_WEIGHTS_ANY;
    }
    if (!alike)
        return CONV2D_WEIGHTS_SEPARABLE;
    for (int64_t i = 1; i < kh * kw; i++)
        if (weight_at(&first, i / kw, i % kw) != weight_at(&first, 0, 0))
            return CONV2D_WEIGHTS_ALIKE;
    return CONV2D_WEIGHTS_BOX;
}
