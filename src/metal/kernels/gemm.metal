// SPDX-License-Identifier: BSD-2-Clause
// Implicit GEMM: rows are output pixels, columns the output channels of one group. A threadgroup of
// four simdgroups computes a tile.
#include "window.metal"

template <typename T, int BM, int BN>
[[kernel, max_total_threads_per_threadgroup(C2_GPU_GEMM_THREADS)]] void
gemm(const device T *input [[buffer(C2_GPU_INPUT)]],
     const device T *weight [[buffer(C2_GPU_WEIGHT)]],
     const device float *bias [[buffer(C2_GPU_BIAS), function_constant(has_bias)]],
     const device T *residual [[buffer(C2_GPU_RESIDUAL), function_constant(has_residual)]],
     device T *output [[buffer(C2_GPU_OUTPUT)]], constant c2_gpu_gemm &a [[buffer(C2_GPU_ARGS)]],
     uint3 tile [[threadgroup_position_in_grid]], uint thread_at [[thread_index_in_threadgroup]],
     uint simdgroup_at [[simdgroup_index_in_threadgroup]],
     uint lane_at [[thread_index_in_simdgroup]])
{
    typedef tile_part<BM, BN> part;
    threadgroup float pixels[2 * BM * pitch];
    threadgroup float filters[2 * BN * pitch];
    threadgroup float results[4 * store_block<BN / 16>::floats];

    const tile_part<BM, BN> me = part_of<BM, BN>(int(thread_at), int(simdgroup_at));
    const int group = int(tile.z), first_m = int(tile.x) * BM, first_n = int(tile.y) * BN;
    window_loader<T, part::values_m, part::values_n> from =
        window_at<T, part::values_m, part::values_n>(input, weight, a, group, first_m + me.row_m,
                                                     first_n + me.row_n);

    tile_sums<BM / 16, BN / 16> sums;
    clear(sums);
    accumulate<BM, BN>(sums, from, a.sum, me, pixels, filters);
    tile_output<T> to = output_of<T>(bias, residual, output, a);
    to.group = group;
    to.first_m = first_m + me.simd_m;
    to.first_n = first_n + me.simd_n;
    store(sums, results + int(simdgroup_at) * store_block<BN / 16>::floats, int(lane_at), to);
}

template [[host_name("gemm_f32_32x32")]] [[kernel]] decltype(gemm<float, 32, 32>)
    gemm<float, 32, 32>;
template [[host_name("gemm_f32_64x32")]] [[kernel]] decltype(gemm<float, 64, 32>)
    gemm<float, 64, 32>;
template [[host_name("gemm_f32_64x64")]] [[kernel]] decltype(gemm<float, 64, 64>)
    gemm<float, 64, 64>;
template [[host_name("gemm_f16_32x32")]] [[kernel]] decltype(gemm<half, 32, 32>) gemm<half, 32, 32>;
template [[host_name("gemm_f16_64x32")]] [[kernel]] decltype(gemm<half, 64, 32>) gemm<half, 64, 32>;
template [[host_name("gemm_f16_64x64")]] [[kernel]] decltype(gemm<half, 64, 64>) gemm<half, 64, 64>;
