// SPDX-License-Identifier: BSD-2-Clause
// Types as the MSL specification's chapter 2 has them: scalars, vectors and how they are made,
// swizzles, packed vectors, conversions, structures. Each thread writes what it computed.
#include <metal_stdlib>
using namespace metal;

struct Particle {
    packed_float3 position;
    float mass;
    float4 color;
    half2 size;
    uchar4 tag;
};

float total(float4 v)
{
    return v.x + v.y + v.z + v.w;
}

// Elements of out: one a fact, all 1.0f where the fact holds.
kernel void vectors(device float *out [[buffer(0)]], uint i [[thread_position_in_grid]])
{
    float4 pos = float4(1.0f, 2.0f, 3.0f, 4.0f);
    bool ok = false;
    if (i == 0) {
        ok = pos.x == 1.0f && pos.w == 4.0f && pos[2] == 3.0f && pos.b == 3.0f;
    } else if (i == 1) {
        pos.xw = float2(5.0f, 6.0f);
        ok = total(pos) == 5.0f + 2.0f + 3.0f + 6.0f;
    } else if (i == 2) {
        pos.wx = float2(7.0f, 8.0f);
        ok = pos.w == 7.0f && pos.x == 8.0f;
    } else if (i == 3) {
        float2 a = pos.xy, b = pos.zw;
        float4 c = float4(a, b), d(b, a), e = pos.wzyx;
        ok = all(c == pos) && d.x == 3.0f && e.x == 4.0f && all(e.wz == a);
    } else if (i == 4) {
        float3 v = float3(pos.x, pos.yz);
        v.yz += pos.xx;
        v *= 2.0f;
        ok = v.x == 2.0f && v.y == 6.0f && v.z == 8.0f && sizeof(float3) == 16;
    } else if (i == 5) {
        half4 h = half4(pos);
        int4 n = int4(-pos);
        uint2 u = uint2(n.xy + 3);
        ok = float(h.z) == 3.0f && n.w == -4 && u.x == 2u && u.y == 1u && ((half4)pos).x == 1.0h;
    } else if (i == 6) {
        packed_float3 p = packed_float3(pos.xyz);
        float3 q = p;
        q[1] = p[0] + p[2];
        p = q;
        ok = sizeof(packed_float3) == 12 && p[1] == 4.0f && alignof(packed_float3) == 4;
    } else if (i == 7) {
        bool3 less = int3(1, 5, 2) < int3(2, 2, 2);
        ok = less.x && !less.y && !less.z && any(less) && !all(less) && all(!less.yz);
    } else if (i == 8) {
        int2 a(7, -9);
        a >>= 1;
        a ^= int2(1);
        ok = a.x == 2 && a.y == -6 && (-a).x == -2 && (~a).y == 5;
    } else if (i == 9) {
        vec<float, 2> a = vec<float, 2>(3.0f);
        using T4 = vec<half, 4>;
        T4 b = T4(1.5h);
        ok = total(float4(a, static_cast<float4>(b).xy)) == 9.0f;
    } else if (i == 10) {
        ok = as_type<uint>(1.0f) == 0x3f800000u && as_type<float>(0x40000000) == 2.0f &&
             as_type<uint2>(float2(1.0f, -1.0f)).y == 0xbf800000u &&
             as_type<ushort>(half(1.0h)) == 0x3c00;
    } else if (i == 11) {
        Particle p = {packed_float3(1.0f, 2.0f, 3.0f), 4.0f, pos, half2(1.0h, 2.0h), uchar4(1, 2, 3, 4)};
        Particle q = p;
        q.color.yz = p.color.zy;
        ok = sizeof(Particle) == 48 && q.color.y == 3.0f && q.tag.w == 4 && q.position[1] == 2.0f;
    }
    out[i] = ok ? 1.0f : 0.0f;
}

// Copies through each address space.
kernel void spaces(const device Particle *in [[buffer(0)]], constant Particle &one [[buffer(1)]],
                   device Particle *out [[buffer(2)]], uint i [[thread_position_in_grid]])
{
    Particle p = in[i];
    Particle c = one;
    thread Particle &r = p;
    r.mass += c.mass;
    r.color = float4(c.color.xy, p.color.zw);
    device Particle &target = out[i];
    target = r;
    target.position = packed_float3(float3(c.position) + float3(in[i].position));
}
