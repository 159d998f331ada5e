// SPDX-License-Identifier: BSD-2-Clause
// Groups of few channels, and dense layers with few output channels: each simdgroup works alone on
// 32 pixels x 8 output channels of one group, in threadgroup memory of its own. The four of a
// threadgroup take neighbouring blocks of channels, across groups, and then the next pixels; so
// neither small groups nor small pictures leave a tile empty.
#include "window.metal"

enum { rows = C2_GPU_GROUPED_ROWS, columns = C2_GPU_GROUPED_COLUMNS };

template <typename T>
[[kernel, max_total_threads_per_threadgroup(C2_GPU_GEMM_THREADS)]] void
grouped(const device T *input [[buffer(C2_GPU_INPUT)]],
        const device T *weight [[buffer(C2_GPU_WEIGHT)]],
        const device float *bias [[buffer(C2_GPU_BIAS), function_constant(has_bias)]],
        const device T *residual [[buffer(C2_GPU_RESIDUAL), function_constant(has_residual)]],
        device T *output [[buffer(C2_GPU_OUTPUT)]],
        constant c2_gpu_gemm &a [[buffer(C2_GPU_ARGS)]],
        uint3 tile [[threadgroup_position_in_grid]],
        uint simdgroup_at [[simdgroup_index_in_threadgroup]],
        uint lane_at [[thread_index_in_simdgroup]])
{
    enum { values_n = columns * chunk / lanes, floats = (rows + columns) * pitch };
    threadgroup float chunks[4 * floats];
    threadgroup float results[4 * store_block<1>::floats];

    const int lane = int(lane_at), simdgroup = int(simdgroup_at);
    const int i = int(tile.x) * 4 + simdgroup;
    const int blocks = (a.ocg + columns - 1) / columns, all = blocks * a.groups;
    const int group = i % all / blocks, first_n = i % all % blocks * columns;
    const int first_m = i / all * rows;
    if (first_m >= a.pixels) // the whole simdgroup; there are no barriers of the threadgroup
        return;

    const int row_n = lane / (chunk / values_n), k_n = lane % (chunk / values_n) * values_n;
    window_loader<T, chunk, values_n> from = window_at<T, chunk, values_n>(
        input, weight, a, group, first_m + lane, first_n + row_n);
    threadgroup float *pixels = chunks + simdgroup * floats;
    threadgroup float *filters = pixels + rows * pitch;
    tile_sums<rows / 8, 1> sums;
    clear(sums);
    float next_m[chunk], next_n[values_n];
    from.pixels(next_m, 0);
    from.filter(next_n, k_n);
    for (int k = 0; k < a.sum; k += chunk) {
#pragma clang loop unroll(full)
        for (int e = 0; e < chunk; e++)
            pixels[lane * pitch + e] = next_m[e];
#pragma clang loop unroll(full)
        for (int e = 0; e < values_n; e++)
            filters[row_n * pitch + k_n + e] = next_n[e];
        simdgroup_barrier(mem_flags::mem_threadgroup);
        if (k + chunk < a.sum) {
            from.pixels(next_m, k + chunk);
            from.filter(next_n, k + chunk + k_n);
        }
        add_chunk(sums, pixels, filters);
        simdgroup_barrier(mem_flags::mem_threadgroup);
    }
    tile_output<T> to = output_of<T>(bias, residual, output, a);
    to.group = group;
    to.first_m = first_m;
    to.first_n = first_n;
    store(sums, results + simdgroup * store_block<1>::floats, lane, to);
}

template [[host_name("grouped_f32_32x8")]] [[kernel]] decltype(grouped<float>) grouped<float>;
template [[host_name("grouped_f16_32x8")]] [[kernel]] decltype(grouped<half>) grouped<half>;
