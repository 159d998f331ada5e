/* SPDX-License-Identifier: BSD-2-Clause
 * Float64 results by the library's reference algorithm, and the error bound of each element
 * (oracle.h). With K products a sum, u half an ulp of 1, L the activation's Lipschitz constant:
 *     |value - f(y)| <= L (g(K+2) s + (K+2) tiny) + stated error of f,  g(n) = n u / (1 - n u).
 * float16 and bfloat16 are computed in float32 and rounded once: half an ulp of theirs is added. */
#include "oracle.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report.h"

/* ---- activations in float64 ----------------------------------------------------------------- */

typedef struct activation_row {
    double (*f)(const conv2d_params *params, double x);
    double lipschitz;
    double ulps, absolute; /* stated error in float32 (docs/numerics.md) */
    bool is_exact;         /* no rounding: the result is the argument or a constant */
} activation_row;

static double act_none(const conv2d_params *p, double x)
{
    (void)p;
    return x;
}

/* Written so that NaN passes. */
static double bounded(double low, double high, double x)
{
    return x < low ? low : x > high ? high : x;
}

static double act_relu(const conv2d_params *p, double x)
{
    (void)p;
    return bounded(0, HUGE_VAL, x);
}

static double act_relu6(const conv2d_params *p, double x)
{
    (void)p;
    return bounded(0, 6, x);
}

static double act_clamp(const conv2d_params *p, double x)
{
    return bounded(p->output_min, p->output_max, x);
}

static double act_leaky_relu(const conv2d_params *p, double x)
{
    return x > 0 ? x : p->alpha * x;
}

static double act_sigmoid(const conv2d_params *p, double x)
{
    (void)p;
    double e = exp(-fabs(x));
    return (x < 0 ? e : 1) / (1 + e);
}

static double act_tanh(const conv2d_params *p, double x)
{
    (void)p;
    return tanh(x);
}

static double act_silu(const conv2d_params *p, double x)
{
    return x * act_sigmoid(p, x);
}

static double act_hardsigmoid(const conv2d_params *p, double x)
{
    (void)p;
    return bounded(0, 6, x + 3) / 6;
}

static double act_hardswish(const conv2d_params *p, double x)
{
    return x * act_hardsigmoid(p, x);
}

static double act_gelu(const conv2d_params *p, double x)
{
    (void)p;
    return 0.5 * x * erfc(-x * sqrt(0.5));
}

static double act_gelu_tanh(const conv2d_params *p, double x)
{
    /* (1 + tanh(v)) / 2 = sigmoid(2 v) keeps the digits where tanh(v) is near -1. */
    const double sqrt_2_over_pi = 0.79788456080286535588;
    return x * act_sigmoid(p, 2 * sqrt_2_over_pi * (x + 0.044715 * x * x * x));
}

static double act_mish(const conv2d_params *p, double x)
{
    (void)p;
    if (x > 40)
        return x; /* tanh(log(1 + exp(x))) is 1 to the last bit */
    double e = exp(x), w = e * (e + 2);
    return x * (w / (w + 2));
}

static const activation_row activations[] = {
    [CONV2D_ACT_NONE] = {act_none, 1, 0, 0, true},
    [CONV2D_ACT_RELU] = {act_relu, 1, 0, 0, true},
    [CONV2D_ACT_RELU6] = {act_relu6, 1, 0, 0, true},
    [CONV2D_ACT_CLAMP] = {act_clamp, 1, 0, 0, true},
    [CONV2D_ACT_LEAKY_RELU] = {act_leaky_relu, 1, 2, 0, false}, /* slope above 1: see below */
    [CONV2D_ACT_SIGMOID] = {act_sigmoid, 0.25, 4, 0, false},
    [CONV2D_ACT_TANH] = {act_tanh, 1, 4, 0, false},
    [CONV2D_ACT_SILU] = {act_silu, 1.1, 4, 2e-43, false},
    [CONV2D_ACT_HARDSWISH] = {act_hardswish, 1.5, 4, 1e-6, false},
    [CONV2D_ACT_HARDSIGMOID] = {act_hardsigmoid, 0.17, 2, 1e-6, false},
    [CONV2D_ACT_GELU] = {act_gelu, 1.13, 8, 1e-7, false},
    [CONV2D_ACT_GELU_TANH] = {act_gelu_tanh, 1.13, 8, 1e-7, false},
    [CONV2D_ACT_MISH] = {act_mish, 1.09, 6, 2e-43, false},
};

/* ---- the exact result ----------------------------------------------------------------------- */

void oracle_free(cli_oracle *oracle)
{
    tensor_free(&oracle->exact);
    tensor_free(&oracle->scale);
    tensor_free(&oracle->tiles);
}

/* A contiguous float64 copy of the convolution's tensors (absolute values if absolute). */
static bool copy_arguments(const cli_convolution *c, bool absolute, cli_convolution *to,
                           cli_error *error)
{
    struct {
        const cli_tensor *from;
        cli_tensor *to;
    } parts[] = {{&c->input, &to->input},
                 {&c->weight, &to->weight},
                 {&c->bias, &to->bias},
                 {&c->residual, &to->residual}};
    for (size_t i = 0; i < 4; i++) {
        if (parts[i].from->t.rank && !tensor_copy(&parts[i].from->t, CONV2D_FLOAT64, CONV2D_NCHW,
                                                  absolute, "float64 copy", parts[i].to, error))
            return false;
    }
    conv2d_tensor output = c->output.t;
    output.dtype = CONV2D_FLOAT64;
    return tensor_make(&output, CONV2D_NCHW, "float64 output", &to->output, error);
}

bool oracle_reference(conv2d_device *device, cli_convolution *c, cli_error *error)
{
    c->params.accuracy = CONV2D_ACCURACY_STRICT;
    c->params.workspace_limit = CONV2D_WORKSPACE_UNLIMITED;
    c->params.flush_denormals = 0;
    c->params.algorithm = "reference";
    /* GPUs have no float64: a CPU device of its own then */
    const bool on_cpu = device && strcmp(conv2d_device_name(device), "cpu") == 0;
    conv2d_status status =
        conv2d(on_cpu ? device : NULL, &c->input.t, &c->weight.t, tensor_or_null(&c->bias),
               tensor_or_null(&c->residual), &c->params, &c->output.t);
    return !status || cli_fail_library(error, status, "the float64 reference");
}

static bool compute(conv2d_device *device, const cli_convolution *c, bool absolute,
                    cli_tensor *out, cli_error *error)
{
    cli_convolution copy = CLI_CONVOLUTION_INIT;
    copy.params = c->params;
    copy.params.activation = CONV2D_ACT_NONE;
    copy.params.output_min = -HUGE_VAL;
    copy.params.output_max = HUGE_VAL;
    bool ok = copy_arguments(c, absolute, &copy, error) && oracle_reference(device, &copy, error);
    if (ok) {
        *out = copy.output;
        copy.output = (cli_tensor)CLI_TENSOR_INIT;
    }
    convolution_free(&copy);
    return ok;
}

bool oracle_make(conv2d_device *device, const cli_convolution *c, cli_oracle *out,
                 cli_error *error)
{
    cli_oracle oracle = CLI_ORACLE_INIT;
    if (!compute(device, c, false, &oracle.exact, error) ||
        !compute(device, c, true, &oracle.scale, error)) {
        oracle_free(&oracle);
        return false;
    }
    *out = oracle;
    return true;
}

/* ---- comparing ------------------------------------------------------------------------------ */

/* What the bound of an element is made of, the same for all elements. */
typedef struct bounds {
    conv2d_params params; /* with constants rounded as the computing type has them */
    const activation_row *activation;
    double lipschitz, absolute;
    double factor;   /* g(K + 2) */
    double floor;    /* (K + 2) tiny */
    double limit;    /* of s: beyond it only sanity is promised */
    bool spreads;    /* beyond it nothing is: tiles */
    int digits;      /* of the computing type's significand */
    double tiny;     /* its least denormal */
    int32_t stored;  /* dtype of the output */
    int stored_digits;              /* of its significand; 0 = it is the computing type */
    double stored_tiny, stored_max; /* its least denormal; the least number that becomes infinite */
} bounds;

/* Flushing loses up to the least normal number of each product, and of each factor. */
static double flushed_floor(const cli_convolution *c, double terms, double least_normal)
{
    double weight = 0, input = 0;
    for (tensor_walk w = tensor_begin(&c->weight.t); w.more; tensor_next(&w))
        weight = fmax(weight, fabs(tensor_load(w.at, c->weight.t.dtype)));
    for (tensor_walk w = tensor_begin(&c->input.t); w.more; tensor_next(&w))
        input = fmax(input, fabs(tensor_load(w.at, c->input.t.dtype)));
    return terms * least_normal * (1 + weight + input);
}

/* The bound of a Winograd algorithm, of fft or of separable, in place of the strict one. */
static void use_tiles(const cli_oracle *oracle, const cli_convolution *c, bounds *b)
{
    if (oracle->separable)
        b->factor = oracle->factor;
    if (!oracle->tile)
        return;
    const double n = oracle->factor / (1 + oracle->factor) * 0x1p24; /* factor = g(n) */
    b->factor = oracle->factor;
    b->spreads = true;
    /* In units of the least denormal: 2^-120 of fft. */
    const double units = oracle->tile == ORACLE_FFT ? 0x1p29 : oracle->tile == 2 ? 16 : 128;
    const double terms = oracle->parts ? 12 * (double)c->weight.t.sizes[1] + n : n;
    const bool flushes = oracle->parts || c->params.flush_denormals;
    b->floor = terms * units * (flushes ? (double)FLT_MIN * 2 : b->tiny);
}

static bounds make_bounds(const cli_convolution *c)
{
    bool is_double = c->output.t.dtype == CONV2D_FLOAT64;
    const int64_t *w = c->weight.t.sizes;
    double terms = (double)w[1] * (double)w[2] * (double)w[3] + 2;
    double unit = is_double ? 0x1p-53 : 0x1p-24;
    bounds b = {.params = c->params};
    b.stored = c->output.t.dtype;
    b.stored_max = HUGE_VAL;
    if (b.stored == CONV2D_FLOAT16) {
        b.stored_digits = 11;
        b.stored_tiny = 0x1p-24;
        b.stored_max = 65520;
    } else if (b.stored == CONV2D_BFLOAT16) {
        b.stored_digits = 8;
        b.stored_tiny = 0x1p-133;
        b.stored_max = 0x1.ffp127;
    }
    b.digits = is_double ? DBL_MANT_DIG : FLT_MANT_DIG;
    b.tiny = is_double ? DBL_TRUE_MIN : FLT_TRUE_MIN;
    b.limit = is_double ? DBL_MAX / 2 : FLT_MAX / 2.0;
    /* In float64 both sides are rounded alike, so they may differ by twice the bound. */
    b.factor = (is_double ? 2 : 1) * terms * unit / (1 - terms * unit);
    b.floor = c->params.flush_denormals ? flushed_floor(c, terms, is_double ? DBL_MIN : FLT_MIN)
                                        : terms * b.tiny;
    if (!is_double) {
        b.params.output_min = (float)c->params.output_min;
        b.params.output_max = (float)c->params.output_max;
        b.params.alpha = (float)c->params.alpha;
    }
    int32_t id = c->params.activation;
    if (id == CONV2D_ACT_NONE)
        id = CONV2D_ACT_CLAMP; /* bounds count there too; absent ones are infinite */
    b.activation = &activations[id];
    b.lipschitz = b.activation->lipschitz;
    if (id == CONV2D_ACT_LEAKY_RELU)
        b.lipschitz = fmax(1, fabs(c->params.alpha));
    b.absolute = b.activation->absolute * (is_double ? 0x1p-29 : 1);
    return b;
}

/* Distance of neighbouring numbers at value, of a type with so many digits. */
static double ulp_of(double value, int digits, double tiny)
{
    int exponent;
    if (value == 0)
        return tiny;
    frexp(value, &exponent);
    return fmax(ldexp(1, exponent - digits), tiny);
}

/* What storing in the output's type makes of a value. */
static double stored_as(int32_t dtype, double value)
{
    char element[sizeof(double)];
    tensor_store(element, dtype, value);
    return tensor_load(element, dtype);
}

static bool same_class(double a, double b)
{
    return isnan(a) ? isnan(b) : a == b;
}

/* One element; returns false if it is beyond its bound. */
static bool compare_element(const bounds *b, double exact, double scale, double value,
                            bool integers, cli_check *check)
{
    double wanted = b->activation->f(&b->params, exact);
    if (b->spreads && !(scale <= b->limit))
        return true; /* a value that is not finite in reach, or maybe an overflow */
    if (!isfinite(exact) || !isfinite(scale)) {
        check->bound = 0;
        return same_class(wanted, value);
    }
    double before = b->lipschitz * (b->factor * scale + b->floor);
    double bound = before + b->absolute +
                   b->activation->ulps * ulp_of(fabs(wanted) + before, b->digits, b->tiny);
    if (integers && b->activation->is_exact) {
        bound = 0; /* up to the rounding to a half type, which is known */
        wanted = stored_as(b->stored, wanted);
    } else if (b->stored_digits) {
        if (isinf(value) && value * wanted > 0 && fabs(wanted) + bound >= b->stored_max)
            return true;
        bound += 0.5 * ulp_of(fabs(wanted) + bound, b->stored_digits, b->stored_tiny);
    }
    double error = value == wanted ? 0 : fabs(value - wanted);
    check->bound = bound;
    if (scale > b->limit)
        return true;
    if (error > check->max_error)
        check->max_error = error;
    if (bound > 0 && error / bound > check->max_ratio)
        check->max_ratio = error / bound;
    return error <= bound; /* false for NaN */
}

cli_check oracle_compare(const cli_oracle *oracle, const cli_convolution *c, bool integers)
{
    cli_check check = {0}, first = {0};
    bounds b = make_bounds(c);
    use_tiles(oracle, c, &b);
    const bool all_exact = integers && !oracle->tile; /* those of tiles are rounded */
    tensor_walk exact = tensor_begin(&oracle->exact.t);
    tensor_walk scale = tensor_begin(oracle->tile ? &oracle->tiles.t : &oracle->scale.t);
    for (tensor_walk w = tensor_begin(&c->output.t); w.more;
         tensor_next(&w), tensor_next(&exact), tensor_next(&scale)) {
        double y = tensor_load(exact.at, CONV2D_FLOAT64);
        double value = tensor_load(w.at, c->output.t.dtype);
        bool good = compare_element(&b, y, tensor_load(scale.at, CONV2D_FLOAT64), value, all_exact,
                                    &check);
        check.n++;
        if (!good && check.n_bad++ == 0) {
            first.value = value;
            first.exact = b.activation->f(&b.params, y);
            first.bound = check.bound;
            for (int i = 0; i < 4; i++)
                first.at[i] = w.index[i];
        }
    }
    first.n = check.n;
    first.n_bad = check.n_bad;
    first.max_error = check.max_error;
    first.max_ratio = check.max_ratio;
    return first;
}

void oracle_describe(const cli_check *k, char text[ORACLE_TEXT_BYTES])
{
    snprintf(text, ORACLE_TEXT_BYTES,
             "element (%" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 ") is %.9g, exact %.17g: "
             "error %.3g, bound %.3g; %" PRIu64 " of %" PRIu64 " elements are beyond their bound",
             k->at[0], k->at[1], k->at[2], k->at[3], k->value, k->exact,
             fabs(k->value - k->exact), k->bound, k->n_bad, k->n);
}

json_t *oracle_report(const cli_check *k)
{
    json_t *report = json_object();
    report_set(report, "passed", json_boolean(k->n_bad == 0));
    report_set(report, "elements", json_integer((json_int_t)k->n));
    report_set(report, "beyond_bound", json_integer((json_int_t)k->n_bad));
    report_set(report, "max_error", report_number(k->max_error));
    report_set(report, "max_error_over_bound", report_number(k->max_ratio));
    return report;
}
