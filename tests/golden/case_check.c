/* SPDX-License-Identifier: BSD-2-Clause
 * Compares what the library did with what a case expects: status, shape, every element within
 * tolerance, nothing written beside the output, and after an error nothing written at all.
 * Tolerance of an element: the case's (docs/numerics.md, before activation) times the activation's
 * Lipschitz constant, plus the activation's stated error, plus half an ulp of the result. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/activation.h"
#include "core/half.h"
#include "golden/case.h"
#include "support/guard.h"

enum { WHY_BYTES = 256 };

static double value_at(const unsigned char *values, size_t i)
{
    double v;
    memcpy(&v, values + 8 * i, sizeof v);
    return v;
}

/* Distance between v and the next number of the dtype away from 0. */
static double ulp_of(double v, int32_t dtype)
{
    if (dtype == CONV2D_FLOAT64) {
        const double a = fabs(v);
        return nextafter(a, INFINITY) - a;
    }
    if (dtype == CONV2D_FLOAT16 || dtype == CONV2D_BFLOAT16) {
        const bool wide = dtype == CONV2D_BFLOAT16; /* bits of the significand, least exponent */
        int exponent;
        frexp(v, &exponent);
        return ldexp(1, (int)fmax(exponent - (wide ? 8 : 11), wide ? -133 : -24));
    }
    const float a = (float)fmin(fabs(v), 0x1p127);
    return (double)nextafterf(a, INFINITY) - (double)a;
}

static double allowed(const test_case *c, double expected, double tolerance)
{
    const int32_t dtype = c->input.dtype;
    const double ulp = ulp_of(expected, dtype);
    const bool bounded = isfinite(c->params.output_min) || isfinite(c->params.output_max);
    const int32_t id = c->params.activation == CONV2D_ACT_NONE && bounded ? CONV2D_ACT_CLAMP
                                                                          : c->params.activation;
    const c2_activation_info *info = c2_activation_by_id(id);
    if (!info || id == CONV2D_ACT_NONE)
        return tolerance + (tolerance > 0 ? ulp / 2 : 0);
    double lipschitz = info->lipschitz;
    if (id == CONV2D_ACT_LEAKY_RELU)
        lipschitz = fmax(1.0, fabs(c->params.alpha));
    /* Stated for float32; float64 is evaluated with the same formulas in 29 more bits. */
    const double scale = dtype == CONV2D_FLOAT64 ? 0x1p-29 : 1.0;
    const double own = dtype == CONV2D_FLOAT64 ? ulp : ulp_of(expected, CONV2D_FLOAT32);
    return lipschitz * tolerance + info->error_ulp * own + info->error_abs * scale + ulp / 2;
}

static bool agrees(const test_case *c, double got, double expected, double tolerance)
{
    if (tolerance > 0 && isinf(tolerance))
        return true;
    if (isnan(expected))
        return isnan(got);
    if (isinf(expected))
        return got == expected;
    return fabs(got - expected) <= allowed(c, expected, tolerance);
}

/* Address of the output element with C-order number i, and its indices. */
static unsigned char *element(const conv2d_tensor *t, size_t i, int64_t index[4])
{
    ptrdiff_t offset = 0;
    for (int a = t->rank - 1; a >= 0; a--) {
        index[a] = (int64_t)(i % (size_t)t->sizes[a]);
        i /= (size_t)t->sizes[a];
        offset += (ptrdiff_t)(index[a] * t->strides[a]);
    }
    return (unsigned char *)t->data + offset * (ptrdiff_t)conv2d_dtype_bytes(t->dtype);
}

static bool check_values(const test_case *c, const case_result *r, char *why)
{
    const guard_buffer *guard = r->guard;
    const size_t bytes = conv2d_dtype_bytes(r->output.dtype);
    for (size_t i = 0; i < c->n_values; i++) {
        int64_t x[4] = {0, 0, 0, 0};
        unsigned char *p = element(&r->output, i, x);
        const double got = c2_load_f64(p, r->output.dtype, 0);
        /* Undone, so that what is left of the difference lies between the elements. */
        memcpy(p, r->before + (p - (unsigned char *)guard->data), bytes);
        const double expected = value_at(c->values, i);
        const double tolerance = value_at(c->tolerances, i);
        if (!agrees(c, got, expected, tolerance)) {
            snprintf(why, WHY_BYTES,
                     "output[%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 "] = %.17g, expected "
                     "%.17g, difference %.3g, allowed %.3g",
                     x[0], x[1], x[2], x[3], got, expected, got - expected,
                     allowed(c, expected, tolerance));
            return false;
        }
    }
    return true;
}

static bool untouched(const case_result *r)
{
    const guard_buffer *guard = r->guard;
    return !guard->bytes || !memcmp(guard->data, r->before, guard->bytes);
}

/* One of the words in "a|b|c" is in text (no words: true). */
static bool names_one(const char *text, const char *words)
{
    char copy[64];
    snprintf(copy, sizeof copy, "%s", words);
    if (!copy[0])
        return true;
    for (char *state = NULL, *w = strtok_r(copy, "|", &state); w; w = strtok_r(NULL, "|", &state))
        if (strstr(text, w))
            return true;
    return false;
}

static bool check_error(const test_case *c, const case_result *r, char *why)
{
    if (!r->status)
        snprintf(why, WHY_BYTES, "computed without an error, one was expected (%s)", c->words);
    else if (c->sizes_error && !r->sizes_status)
        snprintf(why, WHY_BYTES, "conv2d_output_sizes() found no error (%.150s)", r->sentence);
    else if (!r->sentence[0])
        snprintf(why, WHY_BYTES, "%s without a sentence", conv2d_status_name(r->status));
    else if (!names_one(r->sentence, c->words))
        snprintf(why, WHY_BYTES, "\"%.120s\" names none of %s", r->sentence, c->words);
    else if (!untouched(r))
        snprintf(why, WHY_BYTES, "%s, but the output was written", conv2d_status_name(r->status));
    else
        return true;
    return false;
}

bool case_check(const test_case *c, case_result *r, char *why)
{
    if (c->error)
        return check_error(c, r, why);
    if (r->sizes_status || r->status) {
        snprintf(why, WHY_BYTES, "%s: %.200s",
                 conv2d_status_name(r->sizes_status ? r->sizes_status : r->status), r->sentence);
        return false;
    }
    for (int i = 0; i < c->rank; i++)
        if (r->sizes[i] != c->sizes[i]) {
            snprintf(why, WHY_BYTES, "output size %d is %" PRId64 ", expected %" PRId64, i,
                     r->sizes[i], c->sizes[i]);
            return false;
        }
    if (!check_values(c, r, why))
        return false;
    if (!untouched(r)) {
        snprintf(why, WHY_BYTES, "bytes between the output's elements were written");
        return false;
    }
    return true;
}
