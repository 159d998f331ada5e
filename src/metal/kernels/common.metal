// SPDX-License-Identifier: BSD-2-Clause
// What every kernel needs: function constants, padding, activations. MSL in its C++14 dialect,
// compiled with fast math off. exp, tanh and erfc are our own, to a known error on every GPU
// (Metal's exp may be 4 units off, and it has no erf).
#include <metal_stdlib>
#include "gpu/args.h"
using namespace metal;

constant bool has_bias [[function_constant(C2_GPU_HAS_BIAS)]];
constant bool has_residual [[function_constant(C2_GPU_HAS_RESIDUAL)]];
constant int activation [[function_constant(C2_GPU_ACTIVATION)]];
constant int padding_mode [[function_constant(C2_GPU_PADDING_MODE)]];

// Where coordinate i of the padded axis lies: in [0, size), or -1 for a padded zero. Paddings are
// checked, so one reflection or lap is enough.
template <typename I>
inline I pad_index(I i, I size)
{
    if (i >= 0 && i < size)
        return i;
    if (padding_mode == C2_GPU_PAD_REFLECT)
        return i < 0 ? -i : 2 * (size - 1) - i;
    if (padding_mode == C2_GPU_PAD_REPLICATE)
        return i < 0 ? I(0) : size - 1;
    if (padding_mode == C2_GPU_PAD_CIRCULAR)
        return i < 0 ? i + size : i - size;
    return I(-1);
}

// exp(x), x <= 88 or NaN: x = n ln 2 + r, a polynomial in r, and 2^n in two factors so that
// denormal results come out where the GPU has them.
inline float exp_unit(float x)
{
    if (!(x > -110.0f))
        return x < 0.0f ? 0.0f : x;
    const float n = rint(x * 1.44269502f);
    float r = fma(n, -0.693145752f, x);
    r = fma(n, -1.42860677e-06f, r);
    float p = 0.00139517034f;
    p = fma(p, r, 0.00836959016f);
    p = fma(p, r, 0.0416661873f);
    p = fma(p, r, 0.166665137f);
    p = fma(p, r, 0.5f);
    const float e = fma(p * r, r, r) + 1.0f;
    const int whole = int(n), half_n = whole / 2;
    return e * as_type<float>((half_n + 127) << 23) * as_type<float>((whole - half_n + 127) << 23);
}

// 1 / (1 + exp(-x))
inline float logistic(float x)
{
    const float e = exp_unit(x < 0.0f ? x : -x);
    return (x >= 0.0f ? 1.0f : e) / (1.0f + e);
}

inline float tanh_unit(float x)
{
    const float a = x < 0.0f ? -x : x;
    if (a < 0.625f) {
        const float s = x * x;
        float p = -0.00571703678f;
        p = fma(p, s, 0.0206505787f);
        p = fma(p, s, -0.0537434965f);
        p = fma(p, s, 0.133314908f);
        p = fma(p, s, -0.333332837f);
        return fma(p * s, x, x);
    }
    const float t = 1.0f - 2.0f / (exp_unit(a > 10.0f ? 20.0f : 2.0f * a) + 1.0f);
    return x < 0.0f ? -t : t;
}

// erfc(z), z >= 0 or NaN: exp(-z^2) / (1 + 2z) times a polynomial in (z - 2) / (z + 2); the part of
// z^2 that its float lacks is put back.
inline float erfc_positive(float z)
{
    if (z > 10.1f)
        return 0.0f;
    const float t = (z - 2.0f) / (z + 2.0f);
    float p = -0.000399715354f;
    p = fma(p, t, -0.00122885837f);
    p = fma(p, t, 0.00131306949f);
    p = fma(p, t, 0.00863095932f);
    p = fma(p, t, -0.00805980619f);
    p = fma(p, t, -0.0542041808f);
    p = fma(p, t, 0.164055333f);
    p = fma(p, t, -0.16603142f);
    p = fma(p, t, -0.0927639827f);
    p = fma(p, t, 1.27697837f);
    const float square = z * z, rest = fma(z, z, -square);
    float e = exp_unit(-square);
    e = fma(-e, rest, e);
    return p / fma(2.0f, z, 1.0f) * e;
}

// max(0, x) and min(6, x) that keep NaN and -0, as everywhere in the library.
inline float max_with(float bound, float x)
{
    return bound > x ? bound : x;
}
inline float min_with(float bound, float x)
{
    return bound < x ? bound : x;
}

inline float hardsigmoid(float x)
{
    return min_with(6.0f, max_with(0.0f, x + 3.0f)) / 6.0f;
}

inline float gelu(float x)
{
    const float q = erfc_positive(0.707106769f * (x < 0.0f ? -x : x));
    return 0.5f * x * (x < 0.0f ? q : 2.0f - q);
}

inline float mish(float x)
{
    if (x > 20.0f)
        return x;
    const float e = exp_unit(x), w = e * (e + 2.0f);
    return x * (w / (w + 2.0f));
}

inline float activate(float x, constant c2_gpu_epilogue &e)
{
    if (activation == C2_GPU_ACT_RELU)
        return max_with(0.0f, x);
    if (activation == C2_GPU_ACT_RELU6)
        return min_with(6.0f, max_with(0.0f, x));
    if (activation == C2_GPU_ACT_CLAMP)
        return min_with(e.high, max_with(e.low, x));
    if (activation == C2_GPU_ACT_LEAKY_RELU)
        return x > 0.0f ? x : e.alpha * x;
    if (activation == C2_GPU_ACT_SIGMOID)
        return logistic(x);
    if (activation == C2_GPU_ACT_TANH)
        return tanh_unit(x);
    if (activation == C2_GPU_ACT_SILU)
        return x * logistic(x);
    if (activation == C2_GPU_ACT_HARDSWISH)
        return x * hardsigmoid(x);
    if (activation == C2_GPU_ACT_HARDSIGMOID)
        return hardsigmoid(x);
    if (activation == C2_GPU_ACT_GELU)
        return gelu(x);
    if (activation == C2_GPU_ACT_GELU_TANH)
        return x * logistic(1.59576912f * (x + 0.044715f * x * x * x));
    if (activation == C2_GPU_ACT_MISH)
        return mish(x);
    return x;
}
