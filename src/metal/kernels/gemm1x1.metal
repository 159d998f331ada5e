// SPDX-License-Identifier: BSD-2-Clause
// 1x1 kernels without padding, at any stride: a product of matrices, output pixels x channels, in
// the tiles of the implicit GEMM. There are no taps: a pixel is found once and its channels follow.
// Where they are neighbours in memory a thread reads 4 at a time, else neighbouring threads read
// neighbouring pixels.
#include "tile.metal"

constant bool whole_chunks [[function_constant(C2_GPU_WHOLE_CHUNKS)]];

// What a thread brings in: E channels of one pixel, F of one output channel's filter.
template <typename T, int E, int F>
struct point_loader {
    const device T *row_m, *row_n;
    int sum, step; // of the sum; between channels of the input
    bool row_inside, column_inside;

    void pixels(thread float *values, int k)
    {
        if (!row_inside) {
            clear_row<E>(values);
        } else if (!pixels_first) {
            load_row<T, E>(values, row_m, k, sum, whole_chunks);
        } else {
#pragma clang loop unroll(full)
            for (int e = 0; e < E; e++)
                values[e] = whole_chunks || k + e < sum ? float(row_m[(k + e) * step]) : 0.0f;
        }
    }

    void filter(thread float *values, int k)
    {
        if (column_inside)
            load_row<T, F>(values, row_n, k, sum, whole_chunks);
        else
            clear_row<F>(values);
    }
};

template <typename T, int BM, int BN>
[[kernel, max_total_threads_per_threadgroup(C2_GPU_GEMM_THREADS)]] void
gemm1x1(const device T *input [[buffer(C2_GPU_INPUT)]],
        const device T *weight [[buffer(C2_GPU_WEIGHT)]],
        const device float *bias [[buffer(C2_GPU_BIAS), function_constant(has_bias)]],
        const device T *residual [[buffer(C2_GPU_RESIDUAL), function_constant(has_residual)]],
        device T *output [[buffer(C2_GPU_OUTPUT)]],
        constant c2_gpu_gemm &a [[buffer(C2_GPU_ARGS)]],
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
    const int m = first_m + me.row_m, n = first_n + me.row_n;
    const int pixel = m < a.pixels ? m : 0, x = pixel % a.ow, rest = pixel / a.ow;
    point_loader<T, part::values_m, part::values_n> from;
    from.sum = a.sum;
    from.step = a.input_stride[1];
    from.row_inside = m < a.pixels;
    from.column_inside = n < a.ocg;
    from.row_m = input + a.input_at + rest / a.oh * a.input_stride[0] +
                 group * a.icg * a.input_stride[1] +
                 rest % a.oh * a.stride[0] * a.input_stride[2] +
                 x * a.stride[1] * a.input_stride[3];
    from.row_n = weight + long(group * a.ocg + (from.column_inside ? n : 0)) * long(a.sum);

    tile_sums<BM / 16, BN / 16> sums;
    clear(sums);
    accumulate<BM, BN>(sums, from, a.sum, me, pixels, filters);
    tile_output<T> to = output_of<T>(bias, residual, output, a);
    to.group = group;
    to.first_m = first_m + me.simd_m;
    to.first_n = first_n + me.simd_n;
    store(sums, results + int(simdgroup_at) * store_block<BN / 16>::floats, int(lane_at), to);
}

template [[host_name("gemm1x1_f32_32x32")]] [[kernel]] decltype(gemm1x1<float, 32, 32>)
    gemm1x1<float, 32, 32>;
template [[host_name("gemm1x1_f32_64x32")]] [[kernel]] decltype(gemm1x1<float, 64, 32>)
    gemm1x1<float, 64, 32>;
template [[host_name("gemm1x1_f32_64x64")]] [[kernel]] decltype(gemm1x1<float, 64, 64>)
    gemm1x1<float, 64, 64>;
template [[host_name("gemm1x1_f16_32x32")]] [[kernel]] decltype(gemm1x1<half, 32, 32>)
    gemm1x1<half, 32, 32>;
template [[host_name("gemm1x1_f16_64x32")]] [[kernel]] decltype(gemm1x1<half, 64, 32>)
    gemm1x1<half, 64, 32>;
template [[host_name("gemm1x1_f16_64x64")]] [[kernel]] decltype(gemm1x1<half, 64, 64>)
    gemm1x1<half, 64, 64>;
