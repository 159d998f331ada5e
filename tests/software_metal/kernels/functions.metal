// SPDX-License-Identifier: BSD-2-Clause
// The standard library's functions of chapter 6, in float and half, scalars and vectors: the host
// compares with its own.
#include <metal_stdlib>
#include <metal_math>
using namespace metal;

kernel void unary(const device float *x [[buffer(0)]], device float *out [[buffer(1)]],
                  uint i [[thread_position_in_grid]])
{
    const float v = x[i];
    device float *o = out + 16 * i;
    o[0] = exp(v);
    o[1] = precise::exp(v);
    o[2] = log(fabs(v));
    o[3] = sqrt(fabs(v));
    o[4] = tanh(v);
    o[5] = floor(v) + ceil(v) + trunc(v) + rint(v) + round(v);
    o[6] = rsqrt(fabs(v) + 1.0f);
    o[7] = fma(v, v, 1.0f);
    o[8] = clamp(v, -1.0f, 1.0f) + max(v, 0.5f) + min(v, 0.5f);
    o[9] = mix(v, 2.0f, 0.25f);
    o[10] = sign(v) + step(0.0f, v) + saturate(v);
    o[11] = pow(fabs(v), 1.5f);
    o[12] = select(v, -v, v < 0.0f);
    o[13] = isnan(v) ? 1.0f : isinf(v) ? 2.0f : isfinite(v) ? 3.0f : 4.0f;
    o[14] = float(half(v) * half(2.0h));
    o[15] = copysign(2.0f, v);
}

kernel void vectors(const device float4 *x [[buffer(0)]], device float *out [[buffer(1)]],
                    uint i [[thread_position_in_grid]])
{
    const float4 v = x[i];
    out[4 * i] = dot(v, v.wzyx);
    out[4 * i + 1] = length(max(v, 0.0f)) + float(dot(half4(v).xy, half2(1.0h)));
    out[4 * i + 2] = all(isfinite(v)) ? fma(v, v, v).y : -1.0f;
    out[4 * i + 3] = cross(v.xyz, v.yzx).z + abs(v).x + clamp(v, 0.0f, 1.0f).w;
}

kernel void integers(device int *out [[buffer(0)]])
{
    out[0] = int(popcount(0xf0f0u)) + int(clz(1u)) + int(ctz(8u));
    out[1] = abs(-5) + max(3, 4) + min(-3, 4) + clamp(9, 0, 7);
    out[2] = int(mulhi(0x80000000u, 6u));
    out[3] = int(rotate(0x80000001u, 4u));
    out[4] = int(reverse_bits(1u) >> 31);
    out[5] = int(extract_bits(0xabcdu, 4u, 8u));
    out[6] = int(absdiff(-3, 4)) + int(addsat(0xffffffffu, 1u) == 0xffffffffu);
    out[7] = int(numeric_limits<int>::max() == INT_MAX) + int(numeric_limits<float>::max() == FLT_MAX);
}

// Where products and sums are not fused, a product less itself is nothing; fused, its rounding error.
inline float separate(float a, float b, float product)
{
#pragma METAL fp contract(off)
    return a * b - product;
}
kernel void contracted(const device float *x [[buffer(0)]], device float *out [[buffer(1)]],
                       uint i [[thread_position_in_grid]])
{
    const float a = x[2 * i], b = x[2 * i + 1], product = x[2 * i + 2];
    out[2 * i] = separate(a, b, product);
    out[2 * i + 1] = fma(a, b, -product);
}
