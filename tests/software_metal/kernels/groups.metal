// SPDX-License-Identifier: BSD-2-Clause
// Threads together: threadgroup memory and barriers, simdgroup functions, simdgroup matrices,
// atomics (sections 4.4, 6.7, 6.9, 6.15).
#include <metal_stdlib>
#include <metal_atomic>
#include <metal_simdgroup>
#include <metal_simdgroup_matrix>
using namespace metal;

// Reverses each threadgroup's part by way of threadgroup memory, ROUNDS times.
kernel void reversed(const device float *in [[buffer(0)]], device float *out [[buffer(1)]],
                     uint i [[thread_position_in_grid]], uint t [[thread_index_in_threadgroup]],
                     uint n [[threads_per_threadgroup]])
{
    threadgroup float part[256];
    float v = in[i];
    for (int round = 0; round < 3; round++) {
        part[t] = v;
        threadgroup_barrier(mem_flags::mem_threadgroup);
        v = part[n - 1 - t];
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
    out[i] = v;
}

kernel void sum_of_squares(const device float *x [[buffer(0)]], device float *out [[buffer(1)]],
                           constant uint &n [[buffer(2)]], threadgroup float *part [[threadgroup(0)]],
                           uint t [[thread_index_in_threadgroup]],
                           uint n_threads [[threads_per_threadgroup]],
                           uint simdgroup [[simdgroup_index_in_threadgroup]],
                           uint lane [[thread_index_in_simdgroup]],
                           uint n_simdgroups [[simdgroups_per_threadgroup]])
{
    float sum = 0.0f;
    for (uint i = t; i < n; i += n_threads)
        sum = fma(x[i], x[i], sum);
    sum = simd_sum(sum);
    if (lane == 0)
        part[simdgroup] = sum;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (simdgroup == 0) {
        sum = simd_sum(lane < n_simdgroups ? part[lane] : 0.0f);
        if (lane == 0)
            out[0] = sum;
    }
}

kernel void lanes(device uint *out [[buffer(0)]], uint lane [[thread_index_in_simdgroup]])
{
    device uint *o = out + 8 * lane;
    o[0] = simd_shuffle(lane * 3, ushort((lane + 1) % 32));
    o[1] = simd_shuffle_xor(lane, 5);
    o[2] = simd_shuffle_down(lane, 4);
    o[3] = simd_prefix_exclusive_sum(lane);
    o[4] = simd_max(lane ^ 21u) + simd_min(lane);
    o[5] = simd_broadcast(lane, 7);
    o[6] = uint(ulong(simd_ballot((lane & 3) == 0)));
    o[7] = (simd_all(lane < 32) ? 1u : 0u) + (simd_any(lane == 9) ? 2u : 0u) +
           (simd_is_first() ? 4u : 0u) + quad_sum(lane) * 8u;
}

// C[16][16] = A[16][24] B[24][16]: two by two tiles of 8x8, one simdgroup each, B transposed once.
template <typename T>
[[kernel]] void product(const device T *a [[buffer(0)]], const device T *b [[buffer(1)]],
                        device float *c [[buffer(2)]],
                        uint simdgroup [[simdgroup_index_in_threadgroup]],
                        uint t [[thread_index_in_threadgroup]])
{
    threadgroup T across[16 * 24];
    for (uint i = t; i < 16 * 24; i += 128)
        across[i] = b[i % 24 * 16 + i / 24];
    threadgroup_barrier(mem_flags::mem_threadgroup);
    const uint row = simdgroup / 2 * 8, column = simdgroup % 2 * 8;
    simdgroup_matrix<float, 8, 8> sum = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
    for (uint k = 0; k < 24; k += 8) {
        simdgroup_matrix<T, 8, 8> left, right;
        simdgroup_load(left, a + row * 24 + k, 24);
        simdgroup_load(right, across, 24, ulong2(k, column), true);
        simdgroup_multiply_accumulate(sum, left, right, sum);
    }
    simdgroup_store(sum, c + row * 16 + column, 16);
}
template [[host_name("product_f32")]] [[kernel]] decltype(product<float>) product<float>;
template [[host_name("product_f16")]] [[kernel]] decltype(product<half>) product<half>;

kernel void histogram(const device uchar *in [[buffer(0)]], device atomic_uint *bins [[buffer(1)]],
                      uint i [[thread_position_in_grid]], uint t [[thread_index_in_threadgroup]])
{
    threadgroup atomic_uint own[16];
    if (t < 16)
        atomic_store_explicit(&own[t], 0u, memory_order_relaxed);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    atomic_fetch_add_explicit(&own[in[i] % 16], 1u, memory_order_relaxed);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (t < 16)
        atomic_fetch_add_explicit(&bins[t], atomic_load_explicit(&own[t], memory_order_relaxed),
                                  memory_order_relaxed);
}
