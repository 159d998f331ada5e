// SPDX-License-Identifier: BSD-2-Clause
// Kernels with one fault each, that a compiler does not find; faults.c says what is to be reported.
#include <metal_stdlib>
#include <metal_simdgroup_matrix>
using namespace metal;

constant int chosen [[function_constant(0)]];

// As `reversed` of groups.metal, with one barrier too few.
kernel void removed_barrier(const device float *in [[buffer(0)]], device float *out [[buffer(1)]],
                            uint i [[thread_position_in_grid]],
                            uint t [[thread_index_in_threadgroup]],
                            uint n [[threads_per_threadgroup]])
{
    threadgroup float part[64];
    float v = in[i];
    for (int round = 0; round < 3; round++) {
        part[t] = v;
        threadgroup_barrier(mem_flags::mem_threadgroup);
        v = part[n - 1 - t];
    }
    out[i] = v;
}

// Reads threadgroup memory that nobody wrote.
kernel void unwritten(device float *out [[buffer(0)]], uint t [[thread_index_in_threadgroup]])
{
    threadgroup float part[64];
    if (t < 63)
        part[t] = 1.0f;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    out[t] = part[t];
}

kernel void beyond_array(device float *out [[buffer(0)]], uint t [[thread_index_in_threadgroup]])
{
    threadgroup float part[64];
    part[t + (out[0] == 0.0f ? 1u : 0u)] = 1.0f;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    out[t] = part[t];
}

kernel void beyond_argument(device float *out [[buffer(0)]],
                            threadgroup float *part [[threadgroup(0)]],
                            uint t [[thread_index_in_threadgroup]])
{
    part[t + 1] = 1.0f;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    out[t] = part[t];
}

kernel void barrier_in_branch(device float *out [[buffer(0)]],
                              uint t [[thread_index_in_threadgroup]])
{
    if (t < 40)
        threadgroup_barrier(mem_flags::mem_threadgroup);
    out[t] = 1.0f;
}

kernel void two_barriers(device float *out [[buffer(0)]], uint t [[thread_index_in_threadgroup]])
{
    if (t < 32)
        threadgroup_barrier(mem_flags::mem_threadgroup);
    else
        threadgroup_barrier(mem_flags::mem_threadgroup);
    out[t] = 1.0f;
}

kernel void lanes_apart(device float *out [[buffer(0)]], uint t [[thread_index_in_threadgroup]])
{
    float v = float(t);
    if (t % 2 == 0)
        v = simd_sum(v);
    else
        threadgroup_barrier(mem_flags::mem_threadgroup);
    out[t] = v;
}

kernel void half_a_simdgroup(device float *out [[buffer(0)]],
                             uint t [[thread_index_in_threadgroup]])
{
    simdgroup_matrix<float, 8, 8> m = make_filled_simdgroup_matrix<float, 8, 8>(1.0f);
    simdgroup_store(m, out, 8);
}

kernel void constant_wanted(device int *out [[buffer(0)]], constant int2 &pair [[buffer(1)]],
                            uint t [[thread_index_in_threadgroup]])
{
    out[t] = chosen + pair.x;
}

kernel void too_much_memory(device float *out [[buffer(0)]],
                            uint t [[thread_index_in_threadgroup]])
{
    threadgroup float a[8192], b[4];
    a[t] = 1.0f;
    b[t % 4] = 1.0f;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    out[t] = a[t] + b[0];
}

// Every thread writes the same element, each another value.
kernel void race(device float *out [[buffer(0)]], uint t [[thread_position_in_grid]])
{
    out[0] = float(t);
}

// Threads of different threadgroups write the same elements.
kernel void race_of_groups(device float *out [[buffer(0)]], uint t [[thread_index_in_threadgroup]],
                           uint g [[threadgroup_position_in_grid]])
{
    out[(t + g) % 64] = float(g);
}

kernel void ones(device float *out [[buffer(0)]], uint t [[thread_position_in_grid]])
{
    out[t] = 1.0f;
}

[[kernel, max_total_threads_per_threadgroup(4 * 8)]] void at_most_32(
    device float *out [[buffer(0)]], uint t [[thread_position_in_grid]])
{
    out[t] = 1.0f;
}
