// SPDX-License-Identifier: BSD-2-Clause
// Functions, variables and attributes as chapters 4 and 5 have them: program-scope constants,
// function constants, templates with host names, positions of several types, arguments of every
// kind, namespaces, preprocessor.
#include <metal_stdlib>
#include <metal_simdgroup>
using namespace metal;

#define TILE 8
constant constexpr int STEP = 3;
constant float table[4] = {0.5f, 1.5f, 2.5f, 3.5f};

constant bool has_scale [[function_constant(0)]];
constant int offset [[function_constant(1)]];
constant float factor [[function_constant(2)]];
constant bool has_factor = is_function_constant_defined(factor);
constant float used_factor = has_factor ? factor : 10.0f;
constant uint unused [[function_constant(9)]];

namespace shapes
{
struct Size {
    uint width, height;
    uint area() const { return width * height; }
};
template <typename T> inline T twice(T v)
{
    return v + v;
}
} // namespace shapes

template <typename T, int N = 2>
[[kernel]] void scaled(const device T *in [[buffer(0)]],
                       const device float *scale [[buffer(1), function_constant(has_scale)]],
                       device T *out [[buffer(TILE - 6)]],
                       uint i [[thread_position_in_grid]])
{
    float v = float(in[i]) * used_factor;
    if (has_scale)
        v *= scale[i];
    for (int k = 0; k < N; k++)
        v += float(offset);
    out[i] = T(shapes::twice(v));
}
template [[host_name("scaled_f32")]] [[kernel]] decltype(scaled<float>) scaled<float>;
template [[host_name("scaled_f16_3")]] [[kernel]] void
scaled<half, 3>(const device half *, const device float *, device half *, uint);

// Does not use has_scale, offset or factor: needs no constants.
kernel void positions(device uint4 *out, constant shapes::Size &size [[buffer(1)]],
                      ushort2 in_group [[thread_position_in_threadgroup]],
                      uint3 group [[threadgroup_position_in_grid]],
                      uint2 grid [[thread_position_in_grid]],
                      uint3 n_groups [[threadgroups_per_grid]],
                      ushort3 group_size [[threads_per_threadgroup]],
                      uint index [[thread_index_in_threadgroup]],
                      uint lane [[thread_index_in_simdgroup]],
                      uint simdgroup [[simdgroup_index_in_threadgroup]],
                      uint n_simdgroups [[simdgroups_per_threadgroup]],
                      uint width [[threads_per_simdgroup]])
{
    if (grid.x >= size.width || grid.y >= size.height)
        return;
    const bool ok = grid.x == group.x * group_size.x + in_group.x &&
                    grid.y == group.y * group_size.y + in_group.y && n_groups.z == 1 &&
                    index == uint(in_group.y) * group_size.x + in_group.x &&
                    lane == index % width && simdgroup == index / width &&
                    n_simdgroups == (group_size.x * group_size.y + width - 1) / width;
    out[grid.y * size.width + grid.x] = uint4(grid, ok ? 1u : 0u, size.area() + uint(STEP));
}

[[host_name("named")]] [[kernel]] void looked_up(device float *out [[buffer(0)]],
                                                 uint i [[thread_position_in_grid]])
{
    out[i] = table[i % 4];
}
