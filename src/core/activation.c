/* SPDX-License-Identifier: BSD-2-Clause
 * Activations in plain C, one function an activation and precision, found through one table.
 * Written so that no step overflows or cancels where the result would not; at infinities each gives
 * what its formula gives in IEEE 754 (silu, hardswish, gelu, mish of -inf are -inf * 0 = NaN, as in
 * PyTorch). The error columns are checked by tests/core/test_activation.c. */
#include "core/activation.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* max and min in the operand order of x86 maxps(bound, x): NaN and -0 of x survive. */
static float max_f32(float bound, float x) { return bound > x ? bound : x; }
static float min_f32(float bound, float x) { return bound < x ? bound : x; }
static double max_f64(double bound, double x) { return bound > x ? bound : x; }
static double min_f64(double bound, double x) { return bound < x ? bound : x; }

/* 1 / (1 + exp(-x)); exp of a positive number, which may overflow, is avoided. */
static float logistic_f32(float x)
{
    const float e = expf(-fabsf(x));
    return (x >= 0 ? 1.0f : e) / (1.0f + e);
}
static double logistic_f64(double x)
{
    const double e = exp(-fabs(x));
    return (x >= 0 ? 1.0 : e) / (1.0 + e);
}

static float none_f32(const c2_post *p, float x) { return (void)p, x; }
static double none_f64(const c2_post *p, double x) { return (void)p, x; }

static float relu_f32(const c2_post *p, float x) { return (void)p, max_f32(0, x); }
static double relu_f64(const c2_post *p, double x) { return (void)p, max_f64(0, x); }

static float relu6_f32(const c2_post *p, float x) { return (void)p, min_f32(6, max_f32(0, x)); }
static double relu6_f64(const c2_post *p, double x) { return (void)p, min_f64(6, max_f64(0, x)); }

static float clamp_f32(const c2_post *p, float x)
{
    return min_f32((float)p->max, max_f32((float)p->min, x));
}
static double clamp_f64(const c2_post *p, double x) { return min_f64(p->max, max_f64(p->min, x)); }

static float leaky_relu_f32(const c2_post *p, float x) { return x > 0 ? x : (float)p->alpha * x; }
static double leaky_relu_f64(const c2_post *p, double x) { return x > 0 ? x : p->alpha * x; }

static float sigmoid_f32(const c2_post *p, float x) { return (void)p, logistic_f32(x); }
static double sigmoid_f64(const c2_post *p, double x) { return (void)p, logistic_f64(x); }

static float tanh_f32(const c2_post *p, float x) { return (void)p, tanhf(x); }
static double tanh_f64(const c2_post *p, double x) { return (void)p, tanh(x); }

static float silu_f32(const c2_post *p, float x) { return (void)p, x * logistic_f32(x); }
static double silu_f64(const c2_post *p, double x) { return (void)p, x * logistic_f64(x); }

static float hardsigmoid_f32(const c2_post *p, float x)
{
    (void)p;
    return min_f32(6, max_f32(0, x + 3)) / 6;
}
static double hardsigmoid_f64(const c2_post *p, double x)
{
    (void)p;
    return min_f64(6, max_f64(0, x + 3)) / 6;
}

/* The division first: x * 6 may overflow. */
static float hardswish_f32(const c2_post *p, float x) { return x * hardsigmoid_f32(p, x); }
static double hardswish_f64(const c2_post *p, double x) { return x * hardsigmoid_f64(p, x); }

/* 1 + erf(z) = erfc(-z), which does not cancel for negative z. */
static float gelu_f32(const c2_post *p, float x)
{
    (void)p;
    return 0.5f * x * erfcf(x * -0.70710678118654752f);
}
static double gelu_f64(const c2_post *p, double x)
{
    (void)p;
    return 0.5 * x * erfc(x * -0.70710678118654752440);
}

/* (1 + tanh(u)) / 2 = logistic(2 u), which does not cancel either. */
static float gelu_tanh_f32(const c2_post *p, float x)
{
    (void)p;
    return x * logistic_f32(1.5957691216057308f * (x + 0.044715f * x * x * x));
}
static double gelu_tanh_f64(const c2_post *p, double x)
{
    (void)p;
    return x * logistic_f64(1.5957691216057307117598 * (x + 0.044715 * x * x * x));
}

/* With e = exp(x): tanh(log(1 + e)) = w / (w + 2), w = e (e + 2); beyond the limit that is 1. */
static float mish_f32(const c2_post *p, float x)
{
    (void)p;
    if (x > 20)
        return x;
    const float e = expf(x), w = e * (e + 2);
    return x * (w / (w + 2));
}
static double mish_f64(const c2_post *p, double x)
{
    (void)p;
    if (x > 40)
        return x;
    const double e = exp(x), w = e * (e + 2);
    return x * (w / (w + 2));
}

typedef struct evaluation {
    c2_activation_info info;
    float (*f32)(const c2_post *post, float x);
    double (*f64)(const c2_post *post, double x);
} evaluation;

/* In the order of conv2d_activation, so that a value is its index. The errors hold with glibc's
 * expf, tanhf and erfcf, with room: measured on every 1021st float (glibc 2.36 on an x86-64 with
 * AVX-512, 2026-11-22) sigmoid 2.0, tanh 2.2, silu 2.7, hardswish 1.9, hardsigmoid 1.0, gelu 3.7,
 * gelu_tanh 4.7, mish 3.7 units after the absolute part. gelu's is for its tail, where the rounding
 * of erfc's argument counts: -1.7e-37 there may be 180 units off. */
static const evaluation table[] = {
    {{CONV2D_ACT_NONE, "none", 1, 0, 0}, none_f32, none_f64},
    {{CONV2D_ACT_RELU, "relu", 1, 0, 0}, relu_f32, relu_f64},
    {{CONV2D_ACT_RELU6, "relu6", 1, 0, 0}, relu6_f32, relu6_f64},
    {{CONV2D_ACT_CLAMP, "clamp", 1, 0, 0}, clamp_f32, clamp_f64},
    {{CONV2D_ACT_LEAKY_RELU, "leaky_relu", 1, 1, 0}, leaky_relu_f32, leaky_relu_f64},
    {{CONV2D_ACT_SIGMOID, "sigmoid", 0.25, 3, 0}, sigmoid_f32, sigmoid_f64},
    {{CONV2D_ACT_TANH, "tanh", 1, 4, 0}, tanh_f32, tanh_f64},
    {{CONV2D_ACT_SILU, "silu", 1.1, 4, 2e-43}, silu_f32, silu_f64},
    {{CONV2D_ACT_HARDSWISH, "hardswish", 1.5, 3, 0}, hardswish_f32, hardswish_f64},
    {{CONV2D_ACT_HARDSIGMOID, "hardsigmoid", 0.17, 2, 0}, hardsigmoid_f32, hardsigmoid_f64},
    {{CONV2D_ACT_GELU, "gelu", 1.13, 5, 1e-8}, gelu_f32, gelu_f64},
    {{CONV2D_ACT_GELU_TANH, "gelu_tanh", 1.13, 6, 1e-8}, gelu_tanh_f32, gelu_tanh_f64},
    {{CONV2D_ACT_MISH, "mish", 1.09, 5, 2e-43}, mish_f32, mish_f64},
};
enum { N_TABLE = sizeof table / sizeof table[0] };

static const evaluation *find(int32_t activation)
{
    return activation >= 0 && activation < (int32_t)N_TABLE ? &table[activation] : NULL;
}

const c2_activation_info *c2_activation_by_id(int32_t activation)
{
    const evaluation *e = find(activation);
    return e ? &e->info : NULL;
}

const c2_activation_info *c2_activation_by_name(const char *name)
{
    for (size_t i = 0; i < N_TABLE; i++)
        if (strcmp(table[i].info.name, name) == 0)
            return &table[i].info;
    return NULL;
}

float c2_activate_f32(const c2_post *post, float x)
{
    const evaluation *e = find(post->activation);
    return e ? e->f32(post, x) : x;
}

double c2_activate_f64(const c2_post *post, double x)
{
    const evaluation *e = find(post->activation);
    return e ? e->f64(post, x) : x;
}
