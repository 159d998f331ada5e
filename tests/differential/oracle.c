/* SPDX-License-Identifier: BSD-2-Clause
 * The oracle. Long double (64 or more bits of significand) makes its own error at most 2^-11 of the
 * bound for float64 and 2^-40 of it for float32; each product of two float32 is exact. */
#include "oracle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/activation.h"

/* What a storage type holds: bits of its significand, the leading one included, and the exponents
 * of its least denormal and of the power of two behind its largest number. */
typedef struct number_format {
    int digits, least, end;
} number_format;

static number_format format_of(int32_t dtype)
{
    switch (dtype) {
    case CONV2D_FLOAT64:
        return (number_format){53, -1074, 1024};
    case CONV2D_FLOAT16:
        return (number_format){11, -24, 16};
    case CONV2D_BFLOAT16:
        return (number_format){8, -133, 128};
    default:
        return (number_format){24, -149, 128};
    }
}

/* A number of 16 bits by its fields. */
static long double half_value(uint16_t bits, int mantissa)
{
    const int e = (bits & 0x7fff) >> mantissa, top = (1 << (15 - mantissa)) - 1;
    const int m = bits & ((1 << mantissa) - 1), bias = top / 2;
    long double x;
    if (e == top)
        x = m ? (long double)NAN : (long double)INFINITY;
    else
        x = ldexpl(e ? m + (1 << mantissa) : m, (e ? e : 1) - bias - mantissa);
    return bits & 0x8000 ? -x : x;
}

long double oracle_load(const conv2d_tensor *t, int64_t offset)
{
    switch (t->dtype) {
    case CONV2D_FLOAT64:
        return (long double)((const double *)t->data)[offset];
    case CONV2D_FLOAT16:
        return half_value(((const uint16_t *)t->data)[offset], 10);
    case CONV2D_BFLOAT16:
        return half_value(((const uint16_t *)t->data)[offset], 7);
    default:
        return (long double)((const float *)t->data)[offset];
    }
}

/* Index in [0, size) of padded coordinate i, or -1 for a padded zero; found by walking, one
 * reflection or lap at a time. */
static int64_t source_index(int32_t mode, int64_t i, int64_t size)
{
    while (i < 0 || i >= size) {
        switch (mode) {
        case CONV2D_PAD_REFLECT:
            i = i < 0 ? -i : 2 * (size - 1) - i;
            break;
        case CONV2D_PAD_REPLICATE:
            i = i < 0 ? 0 : size - 1;
            break;
        case CONV2D_PAD_CIRCULAR:
            i += i < 0 ? size : -size;
            break;
        default:
            return -1;
        }
    }
    return i;
}

/* Paddings before y and x, with auto_pad resolved: "same" puts the odd one after. */
static void leading_pads(const conv2d_problem *p, int64_t pads[2])
{
    for (int a = 0; a < 2; ++a) {
        pads[a] = p->params.padding[a];
        if (p->params.auto_pad == CONV2D_AUTO_PAD_SAME)
            pads[a] = p->params.dilation[a] * (p->weight.sizes[2 + a] - 1) / 2;
    }
}

/* The output element (n, o, y, x) of a problem whose tensors all have rank 4. */
static oracle_value one_value(const conv2d_problem *p, const int64_t at[4], const int64_t pads[2])
{
    const conv2d_tensor *input = &p->input, *weight = &p->weight;
    const conv2d_params *q = &p->params;
    const int64_t icg = weight->sizes[1];
    const int64_t group = at[1] / (weight->sizes[0] / q->groups);
    oracle_value v = {0, 0, 0};
    for (int64_t ky = 0; ky < weight->sizes[2]; ++ky) {
        const int64_t iy = source_index(
            q->padding_mode, at[2] * q->stride[0] + ky * q->dilation[0] - pads[0], input->sizes[2]);
        for (int64_t kx = 0; iy >= 0 && kx < weight->sizes[3]; ++kx) {
            const int64_t ix =
                source_index(q->padding_mode, at[3] * q->stride[1] + kx * q->dilation[1] - pads[1],
                             input->sizes[3]);
            if (ix < 0)
                continue;
            int64_t i = at[0] * input->strides[0] + group * icg * input->strides[1] +
                        iy * input->strides[2] + ix * input->strides[3];
            int64_t w =
                at[1] * weight->strides[0] + ky * weight->strides[2] + kx * weight->strides[3];
            for (int64_t c = 0; c < icg; ++c) {
                const long double a = oracle_load(input, i), b = oracle_load(weight, w);
                v.y += a * b;
                v.s += fabsl(a * b);
                v.d += fabsl(a) + fabsl(b);
                i += input->strides[1];
                w += weight->strides[1];
            }
        }
    }
    if (p->bias.rank) {
        const long double b = oracle_load(&p->bias, at[1] * p->bias.strides[0]);
        v.y += b;
        v.s += fabsl(b);
    }
    if (p->residual.rank) {
        int64_t offset = 0;
        for (int a = 0; a < 4; ++a)
            offset += at[a] * p->residual.strides[a];
        const long double r = oracle_load(&p->residual, offset);
        v.y += r;
        v.s += fabsl(r);
    }
    return v;
}

/* A tensor of rank 3 seen with a batch of 1. */
static conv2d_tensor batched(conv2d_tensor t)
{
    if (t.rank != 3)
        return t;
    for (int a = 3; a > 0; --a) {
        t.sizes[a] = t.sizes[a - 1];
        t.strides[a] = t.strides[a - 1];
    }
    t.rank = 4;
    t.sizes[0] = 1;
    t.strides[0] = 0;
    return t;
}

void oracle_run(const conv2d_problem *problem, oracle_value *values)
{
    conv2d_problem p = *problem;
    p.input = batched(p.input);
    p.residual = batched(p.residual);
    p.output = batched(p.output);
    int64_t pads[2], at[4];
    leading_pads(&p, pads);
    for (at[0] = 0; at[0] < p.output.sizes[0]; ++at[0])
        for (at[1] = 0; at[1] < p.output.sizes[1]; ++at[1])
            for (at[2] = 0; at[2] < p.output.sizes[2]; ++at[2])
                for (at[3] = 0; at[3] < p.output.sizes[3]; ++at[3])
                    *values++ = one_value(&p, at, pads);
}

bool oracle_has_pairs(const conv2d_problem *p)
{
    return p->input.dtype == CONV2D_BFLOAT16 && p->weight.sizes[1] > 1 &&
           p->params.accuracy != CONV2D_ACCURACY_STRICT;
}

bool oracle_is_dot(const char *algorithm)
{
    return algorithm && strncmp(algorithm, "dot_", 4) == 0;
}

int oracle_parts(const char *algorithm)
{
    if (!algorithm || strncmp(algorithm, "split", 5) != 0)
        return 0;
    return algorithm[5] ? algorithm[5] - '0' : 1;
}

bool oracle_has_parts(const conv2d_problem *p, int parts)
{
    return p->input.dtype == CONV2D_FLOAT32 &&
           p->weight.sizes[1] * p->weight.sizes[2] * p->weight.sizes[3] > 1 &&
           (parts == 2 ? p->params.accuracy == CONV2D_ACCURACY_FAST
                       : p->params.accuracy != CONV2D_ACCURACY_STRICT);
}

long double oracle_parts_bound(const conv2d_problem *p, int parts, oracle_value v)
{
    const int64_t c = p->weight.sizes[1], taps = p->weight.sizes[2] * p->weight.sizes[3];
    const long double n = 6 * (long double)(taps * ((c + 31) / 32)) + 20, nu = n * 0x1p-24L;
    return 1.01L * (nu / (1 - nu) + (parts == 2 ? 0x1p-15L : 0x1p-24L)) * v.s +
           0x1p-126L * (12 * (long double)(c * taps) + 4 + 4 * v.d);
}

int oracle_tile(const char *algorithm)
{
    static const char *const prefixes[] = {"winograd_f", "split3_f"};
    for (int i = 0; algorithm && i < 2; ++i)
        if (strncmp(algorithm, prefixes[i], strlen(prefixes[i])) == 0)
            return algorithm[strlen(prefixes[i])] - '0';
    return 0;
}

/* Between two windows; there may be one alone. */
static int64_t stride(const conv2d_problem *p, int a)
{
    return p->output.sizes[p->output.rank - 2 + a] == 1 ? 1 : p->params.stride[a];
}

/* Pieces of three taps, every stride-th, along axis a of the kernel. */
static int64_t pieces(const conv2d_problem *p, int a)
{
    const int64_t taps = p->weight.sizes[2 + a], s = stride(p, a), rest = taps % (3 * s);
    return taps / (3 * s) * s + (rest < s ? rest : s);
}

/* Taps along axis a with those that fill the last pieces. */
static int64_t filled_taps(const conv2d_problem *p, int a)
{
    const int64_t taps = p->weight.sizes[2 + a], s = stride(p, a), rest = taps % (3 * s);
    if (taps == 1 || rest == 0)
        return taps;
    return taps - rest + 2 * s + (rest < s ? rest : s);
}

bool oracle_has_tiles(const conv2d_problem *p)
{
    for (int a = 0; a < 2; ++a) {
        const int64_t taps = p->weight.sizes[2 + a], s = stride(p, a);
        if (taps > 1 && (s >= taps || (s > 1 && p->params.dilation[a] > 1) || pieces(p, a) > 4))
            return false;
    }
    return p->weight.sizes[2] * p->weight.sizes[3] > 1 && p->weight.sizes[1] > 1 &&
           p->params.accuracy != CONV2D_ACCURACY_STRICT && p->input.dtype != CONV2D_FLOAT64;
}

/* The largest |input| of a channel in the tiles that may hold output (y, x): m - 1 windows around
 * that of the pieces. Infinite if one is not finite or beyond 2^120. */
static long double reach(const conv2d_problem *p, int m, int64_t channel, const int64_t at[4],
                         const int64_t pads[2])
{
    const conv2d_tensor *t = &p->input;
    const int32_t mode = p->params.padding_mode;
    const int64_t sy = stride(p, 0), sx = stride(p, 1);
    const int64_t more_y = p->weight.sizes[2] > 1 ? (m - 1) * sy : 0;
    const int64_t more_x = p->weight.sizes[3] > 1 ? (m - 1) * sx : 0;
    long double most = 0;
    for (int64_t ky = -more_y; ky < filled_taps(p, 0) + more_y; ++ky) {
        const int64_t y =
            source_index(mode, at[2] * sy + ky * p->params.dilation[0] - pads[0], t->sizes[2]);
        for (int64_t kx = -more_x; y >= 0 && kx < filled_taps(p, 1) + more_x; ++kx) {
            const int64_t x =
                source_index(mode, at[3] * sx + kx * p->params.dilation[1] - pads[1], t->sizes[3]);
            if (x < 0)
                continue;
            const long double value =
                fabsl(oracle_load(t, at[0] * t->strides[0] + channel * t->strides[1] +
                                         y * t->strides[2] + x * t->strides[3]));
            if (!(value <= 0x1p120L))
                return INFINITY;
            most = value > most ? value : most;
        }
    }
    return most;
}

static bool in_piece(const conv2d_problem *p, int a, int64_t k)
{
    const int64_t s = stride(p, a);
    return k / (3 * s) * 3 * s + k % s < p->weight.sizes[2 + a];
}

/* r of tap k along axis a: its place in its piece counts. */
static long double tap_factor(const conv2d_problem *p, int m, int a, int64_t k)
{
    static const long double outer[] = {[2] = 4, [4] = 18.3L, [6] = 39.6L};
    static const long double inner[] = {[2] = 2, [4] = 8.3L, [6] = 16.6L};
    if (p->weight.sizes[2 + a] == 1)
        return 1;
    return k / stride(p, a) % 3 == 1 ? inner[m] : outer[m];
}

/* sum over the pieces' taps of r(ky) r(kx) |w|; each |w| and |x| is counted as `least` more than it
 * is. */
static long double tap_sum(const conv2d_problem *p, int m, int64_t o, int64_t c, long double least)
{
    const conv2d_tensor *t = &p->weight;
    long double sum = 0;
    for (int64_t ky = 0; ky < filled_taps(p, 0); ++ky)
        for (int64_t kx = 0; kx < filled_taps(p, 1); ++kx) {
            if (!in_piece(p, 0, ky) || !in_piece(p, 1, kx))
                continue;
            const bool is_tap = ky < t->sizes[2] && kx < t->sizes[3];
            const long double w =
                is_tap ? fabsl(oracle_load(t, o * t->strides[0] + c * t->strides[1] +
                                                  ky * t->strides[2] + kx * t->strides[3]))
                       : 0;
            /* One that is not finite must have been refused: it excuses nothing. */
            sum += tap_factor(p, m, 0, ky) * tap_factor(p, m, 1, kx) *
                   ((isfinite(w) ? w : 0) + least);
        }
    return sum;
}

void oracle_tile_sums(const conv2d_problem *problem, int m, bool flushes, long double *sums)
{
    conv2d_problem p = *problem;
    p.input = batched(p.input);
    p.output = batched(p.output);
    const int64_t *size = p.output.sizes, icg = p.weight.sizes[1], ocg = size[1] / p.params.groups;
    const long double least = flushes || p.params.flush_denormals ? 0x1p-100L : 0x1p-124L;
    int64_t pads[2];
    leading_pads(&p, pads);
    const int64_t pixels = size[2] * size[3];
    for (int64_t i = 0; i < size[0] * size[1] * pixels; ++i)
        sums[i] = 0;
    long double *taps = malloc((size_t)ocg * sizeof *taps);
    if (!taps)
        abort();
    for (int64_t channel = 0; channel < p.input.sizes[1]; ++channel) {
        const int64_t first = channel / icg * ocg;
        for (int64_t o = 0; o < ocg; ++o)
            taps[o] = tap_sum(&p, m, first + o, channel % icg, least);
        for (int64_t i = 0; i < size[0] * pixels; ++i) {
            const int64_t at[4] = {i / pixels, 0, i % pixels / size[3], i % size[3]};
            const long double most = reach(&p, m, channel, at, pads) + least;
            for (int64_t o = 0; o < ocg; ++o)
                sums[(at[0] * size[1] + first + o) * pixels + i % pixels] += taps[o] * most;
        }
    }
    free(taps);
}

long double oracle_tile_parts_bound(const conv2d_problem *p, int m, long double s)
{
    const int64_t c = p->weight.sizes[1], q = pieces(p, 0) * pieces(p, 1);
    const long double n = 6 * (long double)(q * ((c + 31) / 32)) + 50, nu = n * 0x1p-24L;
    return 1.01L * (nu / (1 - nu) + 0x1p-24L) * s +
           (12 * (long double)(q * c) + n) * (m == 2 ? 16 : 128) * 0x1p-125L;
}

long double oracle_tile_bound(const conv2d_problem *p, int m, long double s)
{
    const int64_t c = p->weight.sizes[1], q = pieces(p, 0) * pieces(p, 1);
    const int64_t in_a_row = c < 16 ? q * c : c, blocks = q * ((c + 63) / 64);
    const long double n = (long double)((in_a_row < 64 ? in_a_row : 64) + blocks + 20);
    const long double nu = n * 0x1p-24L;
    const long double least = p->params.flush_denormals ? 0x1p-125L : 0x1p-149L;
    return nu / (1 - nu) * s + n * (m == 2 ? 16 : 128) * least;
}

bool oracle_is_fft(const char *algorithm)
{
    return algorithm && strncmp(algorithm, "fft", 3) == 0;
}

bool oracle_has_fft(const conv2d_problem *p)
{
    const int y = p->output.rank - 2;
    for (int a = 0; a < 2; ++a)
        if (p->params.stride[a] != 1 && p->output.sizes[y + a] != 1)
            return false;
    return p->params.accuracy == CONV2D_ACCURACY_FAST && p->input.dtype != CONV2D_FLOAT64;
}

/* The norm of a channel of a padded image; infinite if a number is not finite or beyond 2^100. */
static long double padded_norm(const conv2d_problem *p, const int64_t at[2], const int64_t pads[2])
{
    const conv2d_tensor *t = &p->input;
    long double squares = 0;
    int64_t end[2];
    for (int a = 0; a < 2; ++a) /* of what windows read */
        end[a] = (p->output.sizes[2 + a] - 1) * p->params.stride[a] +
                 (p->weight.sizes[2 + a] - 1) * p->params.dilation[a] + 1;
    for (int64_t i = 0; i < end[0] * end[1]; ++i) {
        const int32_t mode = p->params.padding_mode;
        const int64_t y = source_index(mode, i / end[1] - pads[0], t->sizes[2]);
        const int64_t x = source_index(mode, i % end[1] - pads[1], t->sizes[3]);
        if (y < 0 || x < 0)
            continue;
        const long double v = oracle_load(t, at[0] * t->strides[0] + at[1] * t->strides[1] +
                                                 y * t->strides[2] + x * t->strides[3]);
        squares += fabsl(v) <= 0x1p100L ? v * v : (long double)INFINITY;
    }
    return sqrtl(squares);
}

/* The sum of a filter's absolute values; infinite if one is beyond 2^100. */
static long double filter_sum(const conv2d_tensor *t, int64_t o, int64_t c)
{
    long double sum = 0;
    for (int64_t i = 0; i < t->sizes[2] * t->sizes[3]; ++i) {
        const long double w =
            fabsl(oracle_load(t, o * t->strides[0] + c * t->strides[1] +
                                     i / t->sizes[3] * t->strides[2] +
                                     i % t->sizes[3] * t->strides[3]));
        if (isfinite(w)) /* else it must have been refused: it excuses nothing */
            sum += w <= 0x1p100L ? w : (long double)INFINITY;
    }
    return sum;
}

void oracle_fft_sums(const conv2d_problem *problem, long double *sums)
{
    conv2d_problem p = *problem;
    p.input = batched(p.input);
    p.output = batched(p.output);
    const int64_t *size = p.output.sizes, icg = p.weight.sizes[1], ocg = size[1] / p.params.groups;
    const long double least = p.params.flush_denormals ? 0x1p-76L : 0x1p-100L;
    int64_t pads[2];
    leading_pads(&p, pads);
    const int64_t pixels = size[2] * size[3];
    for (int64_t i = 0; i < size[0] * size[1] * pixels; ++i)
        sums[i] = 0;
    for (int64_t i = 0; pixels > 0 && i < size[0] * p.input.sizes[1]; ++i) {
        const int64_t at[2] = {i / p.input.sizes[1], i % p.input.sizes[1]};
        const long double norm = padded_norm(&p, at, pads) + least;
        for (int64_t o = at[1] / icg * ocg; o < (at[1] / icg + 1) * ocg; ++o) {
            const long double term = 1.5L * (filter_sum(&p.weight, o, at[1] % icg) + least) * norm;
            for (int64_t j = 0; j < pixels; ++j)
                sums[(at[0] * size[1] + o) * pixels + j] += term;
        }
    }
}

long double oracle_fft_bound(const conv2d_problem *p, long double s)
{
    const long double n = 290 + 3 * (long double)p->weight.sizes[1], nu = n * 0x1p-24L;
    return nu / (1 - nu) * s + n * (p->params.flush_denormals ? 0x1p-96L : 0x1p-120L);
}

static long double clamp(long double x, long double low, long double high)
{
    x = x < low ? low : x;
    return x > high ? high : x;
}

/* The formulas of conv2d_activation, in forms that do not cancel. */
long double oracle_activate(const conv2d_params *p, long double x)
{
    static const long double root_half = 0.70710678118654752440084436210485L;
    static const long double root_2_pi = 0.79788456080286535587989211986876L;
    if (isnan(x))
        return x;
    switch (p->activation) {
    case CONV2D_ACT_NONE:
    case CONV2D_ACT_CLAMP:
        return clamp(x, (long double)p->output_min, (long double)p->output_max);
    case CONV2D_ACT_RELU:
        return x < 0 ? 0 : x;
    case CONV2D_ACT_RELU6:
        return clamp(x, 0, 6);
    case CONV2D_ACT_LEAKY_RELU:
        return x > 0 ? x : (long double)p->alpha * x;
    case CONV2D_ACT_SIGMOID:
        return 1 / (1 + expl(-x));
    case CONV2D_ACT_TANH:
        return tanhl(x);
    case CONV2D_ACT_SILU:
        return x / (1 + expl(-x));
    case CONV2D_ACT_HARDSWISH:
        return x * clamp(x + 3, 0, 6) / 6;
    case CONV2D_ACT_HARDSIGMOID:
        return clamp(x + 3, 0, 6) / 6;
    case CONV2D_ACT_GELU:
        return x / 2 * erfcl(-x * root_half);
    case CONV2D_ACT_GELU_TANH: /* (1 + tanh u) / 2 = 1 / (1 + exp(-2u)) */
        return x / (1 + expl(-2 * root_2_pi * (x + 0.044715L * x * x * x)));
    case CONV2D_ACT_MISH: { /* tanh(log(1 + e)) = e (e + 2) / (e (e + 2) + 2), e = exp(x) */
        const long double e = expl(x > 100 ? 100 : x), t = e * (e + 2);
        return x * (t / (t + 2));
    }
    default:
        abort();
    }
}

long double oracle_bound(int32_t dtype, int64_t k, long double s)
{
    const bool wide = dtype == CONV2D_FLOAT64;
    const long double n = (long double)(k + 2), nu = n * (wide ? 0x1p-53L : 0x1p-24L);
    return nu / (1 - nu) * s + n * (wide ? 0x1p-1074L : 0x1p-149L);
}

long double oracle_dot_bound(int32_t dtype, int64_t k, oracle_value v)
{
    const long double d = isfinite(v.d) ? v.d : 0;
    return oracle_bound(dtype, k, v.s) + 0x1p-126L * (2 * (long double)k + 4 + d);
}

long double oracle_ulp(int32_t dtype, long double x)
{
    const number_format f = format_of(dtype);
    int exponent;
    (void)frexpl(fabsl(x), &exponent); /* |x| in [2^(exponent-1), 2^exponent) */
    return ldexpl(1, x == 0 || exponent - f.digits < f.least ? f.least : exponent - f.digits);
}

long double oracle_max(int32_t dtype)
{
    const number_format f = format_of(dtype);
    return ldexpl(1, f.end) - ldexpl(1, f.end - f.digits);
}

long double oracle_round(int32_t dtype, long double x)
{
    if (isnan(x) || isinf(x))
        return x;
    const long double ulp = oracle_ulp(dtype, x), y = rintl(x / ulp) * ulp;
    return fabsl(y) > oracle_max(dtype) ? copysignl(INFINITY, x) : y;
}

long double oracle_bound_after(const conv2d_problem *p, long double y, long double bound)
{
    const conv2d_params *q = &p->params;
    const bool clamps =
        q->activation == CONV2D_ACT_NONE && (q->output_min > -HUGE_VAL || q->output_max < HUGE_VAL);
    /* Half types are rounded once more, from float32. */
    const int32_t dtype = p->output.dtype;
    const bool half = dtype == CONV2D_FLOAT16 || dtype == CONV2D_BFLOAT16;
    if (q->activation == CONV2D_ACT_NONE && !clamps)
        return half ? bound + oracle_ulp(dtype, fabsl(y) + bound) / 2 : bound;
    const c2_activation_info *info = c2_activation_by_id(clamps ? CONV2D_ACT_CLAMP : q->activation);
    long double moved = (long double)info->lipschitz * bound;
    if (q->activation == CONV2D_ACT_LEAKY_RELU && fabs(q->alpha) > 1)
        moved = (long double)fabs(q->alpha) * bound;
    /* The stated error counts ulps of the value computed, which may lie `moved` further out; then
     * the rounding to the output's dtype. */
    const long double far = fabsl(oracle_activate(q, y)) + moved;
    const long double ulp = oracle_ulp(half ? CONV2D_FLOAT32 : dtype, far);
    const long double own = (long double)info->error_ulp * ulp + (long double)info->error_abs;
    return moved + own + (half ? oracle_ulp(dtype, far + own) : ulp) / 2;
}
