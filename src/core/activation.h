/* SPDX-License-Identifier: BSD-2-Clause
 * Activations in plain C: the formulas of conv2d_activation, their names, and their stated error.
 * Vector code for the cheap ones is in cpu/body/epilogue.h; the others call these per element, so
 * every kernel gives the same bits. */
#ifndef C2_CORE_ACTIVATION_H
#define C2_CORE_ACTIVATION_H

#include "core/problem.h"

typedef struct c2_activation_info {
    int32_t activation;
    const char *name;  /* as on the command line: "leaky_relu" */
    /* |f(a) - f(b)| <= lipschitz * |a - b|; of leaky_relu: max(1, |alpha|) */
    double lipschitz;
    /* Error of the float32 evaluation: so many units in the last place of the result, plus
     * error_abs, plus 2^-126 where denormals are flushed. In float64 the same number of its own
     * units, plus error_abs * 2^-29. */
    double error_ulp, error_abs;
} c2_activation_info;

/* NULL for an unknown value or name. */
const c2_activation_info *c2_activation_by_id(int32_t activation);
const c2_activation_info *c2_activation_by_name(const char *name);

/* Evaluate in float32 / float64; NaN passes through, and -0 does where the formula keeps it. In
 * float32 the clamp bounds and alpha are rounded to float first, and the stated error is against
 * the formula with those. Vector code gives the same bits if it does the same steps:
 *   max(lo, x) = lo > x ? lo : x, min(hi, x) = hi < x ? hi : x (x86 maxps(lo, x), minps(hi, x));
 *   clamp = min(max_, max(min_, x)), relu = max(0, x), relu6 = min(6, max(0, x));
 *   leaky_relu = x > 0 ? x : alpha * x;
 *   hardsigmoid = min(6, max(0, x + 3)) / 6, hardswish = x * hardsigmoid(x). */
float c2_activate_f32(const c2_post *post, float x);
double c2_activate_f64(const c2_post *post, double x);

#endif
