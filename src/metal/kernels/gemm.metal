// SPDX-License-Identifier: BSD-2-Clause
// Implicit GEMM on 8x8 matrices of a simdgroup (Apple7 and later): rows are output pixels, columns
// the output channels of one group, the sum runs over taps and, inside them, channels. A
// threadgroup of four simdgroups computes a tile of BM x BN in chunks of 16; chunks go through two
// buffers of threadgroup memory, so that one is filled while the other is used:
//
//   pixels  [2][BM][20]   row = pixel, 16 values of the sum, 4 of padding (other banks)
//   filters [2][BN][20]   row = channel
//
// float16 becomes float32 on the way in: products and sums are those of float32. Padded zeros are
// multiplied, so the host refuses them together with weights that are not finite.
#include "common.metal"
#include <metal_simdgroup_matrix>

constant bool channels_last [[function_constant(C2_GPU_CHANNELS_LAST)]];
constant bool pixels_first [[function_constant(C2_GPU_PIXELS_FIRST)]];
constant int channel_kind [[function_constant(C2_GPU_CHANNEL_KIND)]];
constant int few_channels [[function_constant(C2_GPU_FEW_CHANNELS)]];

// Lengths of a row in threadgroup memory, and of a simdgroup.
enum { chunk = C2_GPU_GEMM_CHUNK, pitch = C2_GPU_GEMM_CHUNK + 4, lanes = 32 };

// Where a thread reads its pixel: its window's corner and the position of batch and group.
struct pixel_row {
    int y, x, base;
    bool inside; // false beyond the last pixel
};

// A position in the sum: tap and channel.
struct sum_position {
    int ky, kx, c;
};

inline pixel_row locate_row(int m, int group, constant c2_gpu_gemm &a)
{
    pixel_row row;
    row.inside = m < a.pixels;
    const int x = m % a.ow, rest = m / a.ow;
    row.y = rest % a.oh * a.stride[0] - a.pad[0];
    row.x = x * a.stride[1] - a.pad[1];
    row.base = rest / a.oh * a.input_stride[0] + group * a.icg * a.input_stride[1];
    return row;
}

inline int channels_of(constant c2_gpu_gemm &a)
{
    return channel_kind == C2_GPU_CHANNELS_FEW ? few_channels : a.icg;
}

inline sum_position advance(sum_position at, int by, constant c2_gpu_gemm &a)
{
    const int channels = channels_of(a);
    at.c += by;
    if (channel_kind == C2_GPU_CHANNELS_FEW) {
        const int taps = at.c / channels;
        at.c -= taps * channels;
        at.kx += taps;
        const int rows = at.kx / a.kw;
        at.kx -= rows * a.kw;
        at.ky += rows;
        return at;
    }
    while (at.c >= channels) {
        at.c -= channels;
        at.kx += 1;
        if (at.kx == a.kw) {
            at.kx = 0;
            at.ky += 1;
        }
    }
    return at;
}

// Position of a tap in the input, or false for a padded zero.
inline bool locate_tap(pixel_row row, sum_position at, constant c2_gpu_gemm &a, thread int &position)
{
    const int y = pad_index(row.y + at.ky * a.dilation[0], a.h);
    const int x = pad_index(row.x + at.kx * a.dilation[1], a.w);
    position = row.base + y * a.input_stride[2] + x * a.input_stride[3];
    return row.inside && y >= 0 && x >= 0;
}

// E values of one pixel's row, from position `at` and index k of the sum on.
template <typename T, int E>
inline void load_pixels(thread float *values, const device T *input, pixel_row row, sum_position at,
                        int k, constant c2_gpu_gemm &a)
{
    const int channels = channels_of(a);
    int position = 0;
    bool inside = k < a.sum && locate_tap(row, at, a, position);
#pragma clang loop unroll(full)
    for (int e = 0; e < E; e++) {
        values[e] = inside ? float(input[position + at.c * a.input_stride[1]]) : 0.0f;
        at.c += 1;
        if (channel_kind != C2_GPU_CHANNELS_ALIGNED && at.c == channels) {
            at = advance(at, 0, a);
            inside = k + e + 1 < a.sum && locate_tap(row, at, a, position);
        }
    }
}

// E values of one channel's filter, from index k of the sum on.
template <typename T, int E>
inline void load_filter(thread float *values, const device T *filter, bool inside, int k,
                        constant c2_gpu_gemm &a)
{
#pragma clang loop unroll(full)
    for (int e = 0; e < E; e++)
        values[e] = inside && (channel_kind == C2_GPU_CHANNELS_ALIGNED || k + e < a.sum)
                        ? float(filter[k + e])
                        : 0.0f;
}

// One output element.
template <typename T>
inline void finish(float y, int m, int group, int column, const device float *bias,
                   const device T *residual, device T *output, constant c2_gpu_gemm &a)
{
    const int c = group * a.ocg + column;
    const int x = m % a.ow, rest = m / a.ow, row = rest % a.oh, n = rest / a.oh;
    if (has_bias)
        y += bias[c];
    if (has_residual)
        y += float(residual[n * a.residual_stride[0] + c * a.residual_stride[1] +
                            row * a.residual_stride[2] + x * a.residual_stride[3]]);
    output[n * a.output_stride[0] + c * a.output_stride[1] + row * a.output_stride[2] +
           x * a.output_stride[3]] = T(activate(y, a.epilogue));
}

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
    // Values a thread brings in each chunk, and 8x8 matrices a simdgroup has; simdgroups are 2 x 2.
    constexpr int parts_m = C2_GPU_GEMM_THREADS / BM, parts_n = C2_GPU_GEMM_THREADS / BN;
    constexpr int values_m = chunk / parts_m, values_n = chunk / parts_n;
    constexpr int rows = BM / 16, columns = BN / 16;
    constexpr int out_pitch = columns * 8 + 4;
    threadgroup float pixels[2 * BM * pitch];
    threadgroup float filters[2 * BN * pitch];
    threadgroup float results[4 * 8 * out_pitch];

    const int id = int(thread_at), group = int(tile.z);
    const int row_m = pixels_first ? id % BM : id / parts_m;
    const int part_m = pixels_first ? id / BM : id % parts_m;
    const int row_n = id / parts_n, part_n = id % parts_n;
    const int first_m = int(tile.x) * BM, first_n = int(tile.y) * BN;
    const pixel_row row = locate_row(first_m + row_m, group, a);
    const bool column_inside = first_n + row_n < a.ocg;
    const device T *filter = weight + long(group * a.ocg + (column_inside ? first_n + row_n : 0)) *
                                          long(a.sum);
    const device T *pixel = input + a.input_at;
    sum_position at;
    at.ky = 0;
    at.kx = 0;
    at.c = 0;
    at = advance(at, part_m * values_m, a);
    const int store_m = row_m * pitch + part_m * values_m;
    const int store_n = row_n * pitch + part_n * values_n;

    simdgroup_float8x8 sums[rows][columns];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++)
            sums[i][j] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
    const int simd_m = int(simdgroup_at) / 2 * (BM / 2), simd_n = int(simdgroup_at) % 2 * (BN / 2);

    float next_m[values_m], next_n[values_n];
    load_pixels<T, values_m>(next_m, pixel, row, at, part_m * values_m, a);
    load_filter<T, values_n>(next_n, filter, column_inside, part_n * values_n, a);
    int turn = 0;
    for (int k = 0; k < a.sum; k += chunk) {
        threadgroup float *pixel_chunk = pixels + turn * BM * pitch;
        threadgroup float *filter_chunk = filters + turn * BN * pitch;
#pragma clang loop unroll(full)
        for (int e = 0; e < values_m; e++)
            pixel_chunk[store_m + e] = next_m[e];
#pragma clang loop unroll(full)
        for (int e = 0; e < values_n; e++)
            filter_chunk[store_n + e] = next_n[e];
        // One barrier a chunk: whoever fills this buffer again has passed the next one, and by then
        // everyone has used it.
        threadgroup_barrier(mem_flags::mem_threadgroup);
        if (k + chunk < a.sum) {
            at = advance(at, chunk, a);
            load_pixels<T, values_m>(next_m, pixel, row, at, k + chunk + part_m * values_m, a);
            load_filter<T, values_n>(next_n, filter, column_inside, k + chunk + part_n * values_n,
                                     a);
        }
#pragma clang loop unroll(full)
        for (int i = 0; i < chunk; i += 8) {
            simdgroup_float8x8 left[rows], right[columns];
#pragma clang loop unroll(full)
            for (int r = 0; r < rows; r++)
                simdgroup_load(left[r], pixel_chunk + (simd_m + r * 8) * pitch + i, pitch);
#pragma clang loop unroll(full)
            for (int c = 0; c < columns; c++)
                simdgroup_load(right[c], filter_chunk + (simd_n + c * 8) * pitch + i, pitch,
                               ulong2(0, 0), true);
#pragma clang loop unroll(full)
            for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
                for (int c = 0; c < columns; c++)
                    simdgroup_multiply_accumulate(sums[r][c], left[r], right[c], sums[r][c]);
        }
        turn = 1 - turn;
    }

    // A row of matrices at a time through the simdgroup's own part of threadgroup memory.
    threadgroup float *block = results + int(simdgroup_at) * 8 * out_pitch;
    const device float *offsets = nullptr;
    const device T *add = nullptr;
    if (has_bias)
        offsets = bias;
    if (has_residual)
        add = residual + a.residual_at;
    device T *to = output + a.output_at;
    for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (int c = 0; c < columns; c++)
            simdgroup_store(sums[r][c], block + c * 8, out_pitch);
        simdgroup_barrier(mem_flags::mem_threadgroup);
        for (int e = int(lane_at); e < 8 * columns * 8; e += lanes) {
            const int y = channels_last ? e / (columns * 8) : e % 8;
            const int x = channels_last ? e % (columns * 8) : e / 8;
            const int m = first_m + simd_m + r * 8 + y, column = first_n + simd_n + x;
            if (m < a.pixels && column < a.ocg)
                finish(block[y * out_pitch + x], m, group, column, offsets, add, to, a);
        }
        simdgroup_barrier(mem_flags::mem_threadgroup);
    }
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
