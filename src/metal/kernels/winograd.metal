// SPDX-License-Identifier: BSD-2-Clause
// Winograd convolution F(2,3) and F(4,3): 3x3 kernels with stride 1. A tile is M x M outputs, d
// (the dilation) apart, and E x E inputs, E = M + 2; tiles are numbered picture by picture, in a
// picture phase by phase of the dilation. Three dispatches, with float32 in between:
//
//   winograd_input    V[E E][tiles][IC]  = B' d B
//   winograd_product  P[E E][tiles][OC]  = V U', for each of E E points a product of matrices
//   winograd_output   y                  = A' P A, then bias, residual, activation
//
// U [E E][OC][IC/G] is made of the weights when they are packed (gpu/winograd.c). Points are 0, 1,
// -1, infinity and 0, 1, -1, 1/2, -2, infinity. Roundings of each step: docs/numerics.md.
#include "tile.metal"

struct tile_position {
    int n, y, x; // the picture, and its first output
};

template <int M>
inline tile_position locate_tile(int i, constant c2_gpu_winograd &a)
{
    tile_position at;
    const int tx = i % a.tiles[1], rest = i / a.tiles[1];
    const int px = rest % a.dilation[1], rows = rest / a.dilation[1];
    const int ty = rows % a.tiles[0], top = rows / a.tiles[0];
    at.y = ty * M * a.dilation[0] + top % a.dilation[0];
    at.x = tx * M * a.dilation[1] + px;
    at.n = top / a.dilation[0];
    return at;
}

// B' d of one row or column; at most 3 roundings, 1 in F(2,3).
inline void to_points(thread const float (&d)[6], thread float (&v)[6])
{
    const float p = d[4] - d[2], q = d[3] - d[1];
    v[0] = fma(1.5f, q, (d[0] - d[2]) + p);
    v[1] = fma(1.5f, d[2] + d[3], p + q);
    v[2] = fma(1.5f, d[3] - d[2], p - q);
    v[3] = fma(2.0f, q, p);
    v[4] = fma(-0.5f, q, p);
    v[5] = fma(1.5f, p, (d[5] - d[3]) - q);
}
inline void to_points(thread const float (&d)[4], thread float (&v)[4])
{
    v[0] = d[0] - d[2];
    v[1] = d[1] + d[2];
    v[2] = d[2] - d[1];
    v[3] = d[3] - d[1];
}

// A' m of one row or column; at most 4 roundings, 2 in F(2,3).
inline void to_pixels(thread const float (&m)[6], thread float (&y)[4])
{
    const float s = m[1] + m[2], d = m[1] - m[2];
    y[0] = (m[0] + s) + (m[3] + m[4]);
    y[1] = fma(0.5f, m[3], fma(-2.0f, m[4], d));
    y[2] = fma(0.25f, m[3], fma(4.0f, m[4], s));
    y[3] = fma(0.125f, m[3], fma(-8.0f, m[4], d + m[5]));
}
inline void to_pixels(thread const float (&m)[4], thread float (&y)[2])
{
    y[0] = m[0] + (m[1] + m[2]);
    y[1] = (m[1] - m[2]) + m[3];
}

// One thread a tile and channel. Inputs under no window of the output count as zeros and are not
// read.
template <typename T, int M>
[[kernel]] void winograd_input(const device T *input [[buffer(C2_GPU_INPUT)]],
                               device float *points [[buffer(C2_GPU_OUTPUT)]],
                               constant c2_gpu_winograd &a [[buffer(C2_GPU_ARGS)]],
                               uint thread_at [[thread_position_in_grid]])
{
    enum { E = M + 2 };
    if (thread_at >= uint(a.count) * uint(a.ic))
        return;
    const int i = int(thread_at);
    const int tile = pixels_first ? i % a.count : i / a.ic;
    const int c = pixels_first ? i / a.count : i % a.ic;
    const tile_position at = locate_tile<M>(a.first + tile, a);
    const device T *channel = input + a.input_at + long(at.n) * a.input_stride[0] +
                              long(c) * a.input_stride[1];
    int x[E];
#pragma clang loop unroll(full)
    for (int j = 0; j < E; j++) {
        const int step = at.x + j * a.dilation[1];
        x[j] = step < a.ow + 2 * a.dilation[1] ? pad_index(step - a.pad[1], a.w) : -1;
    }
    float rows[E][E]; // [point along y][x]
    float line[E], out[E];
    float d[E][E];
#pragma clang loop unroll(full)
    for (int r = 0; r < E; r++) {
        const int step = at.y + r * a.dilation[0];
        const int y = step < a.oh + 2 * a.dilation[0] ? pad_index(step - a.pad[0], a.h) : -1;
#pragma clang loop unroll(full)
        for (int j = 0; j < E; j++)
            d[r][j] = y >= 0 && x[j] >= 0
                          ? float(channel[y * a.input_stride[2] + x[j] * a.input_stride[3]])
                          : 0.0f;
    }
#pragma clang loop unroll(full)
    for (int j = 0; j < E; j++) {
#pragma clang loop unroll(full)
        for (int r = 0; r < E; r++)
            line[r] = d[r][j];
        to_points(line, out);
#pragma clang loop unroll(full)
        for (int r = 0; r < E; r++)
            rows[r][j] = out[r];
    }
    device float *to = points + long(tile) * a.ic + c;
    const long step = long(a.count) * a.ic;
#pragma clang loop unroll(full)
    for (int r = 0; r < E; r++) {
        to_points(rows[r], out);
#pragma clang loop unroll(full)
        for (int j = 0; j < E; j++)
            to[(r * E + j) * step] = out[j];
    }
}

// What a thread brings in: E channels of one tile's point, F of one output channel's.
template <int E, int F>
struct point_loader {
    const device float *row_m, *row_n;
    int terms;
    bool whole, row_inside, column_inside;

    void pixels(thread float *values, int k)
    {
        if (row_inside)
            load_row<float, E>(values, row_m, k, terms, whole);
        else
            clear_row<E>(values);
    }

    void filter(thread float *values, int k)
    {
        if (column_inside)
            load_row<float, F>(values, row_n, k, terms, whole);
        else
            clear_row<F>(values);
    }
};

struct product_output {
    device float *to;
    int first_m, first_n, rows, columns, pitch;

    void put(float y, int row, int column)
    {
        if (first_m + row < rows && first_n + column < columns)
            to[long(first_m + row) * pitch + first_n + column] = y;
    }
};

// Sums of at most C2_GPU_WINOGRAD_TERMS channels are added to the sum of those before, which keeps
// the roundings that a product goes through few. That is an even number of chunks: the next sum
// goes on in the other buffer, as accumulate() would.
template <int BM, int BN>
[[kernel, max_total_threads_per_threadgroup(C2_GPU_GEMM_THREADS)]] void
winograd_product(const device float *points [[buffer(C2_GPU_INPUT)]],
                 const device float *weight [[buffer(C2_GPU_WEIGHT)]],
                 device float *products [[buffer(C2_GPU_OUTPUT)]],
                 constant c2_gpu_winograd &a [[buffer(C2_GPU_ARGS)]],
                 uint3 tile [[threadgroup_position_in_grid]],
                 uint thread_at [[thread_index_in_threadgroup]],
                 uint simdgroup_at [[simdgroup_index_in_threadgroup]],
                 uint lane_at [[thread_index_in_simdgroup]])
{
    typedef tile_part<BM, BN> part;
    enum { R = BM / 16, C = BN / 16 };
    threadgroup float pixels[2 * BM * pitch];
    threadgroup float filters[2 * BN * pitch];
    threadgroup float results[4 * store_block<C>::floats];

    const tile_part<BM, BN> me = part_of<BM, BN>(int(thread_at), int(simdgroup_at));
    const int group = int(tile.z) % a.groups, point = int(tile.z) / a.groups;
    const int icg = a.ic / a.groups, ocg = a.oc / a.groups;
    const int first_m = int(tile.x) * BM, first_n = int(tile.y) * BN;
    const int m = first_m + me.row_m, n = first_n + me.row_n;
    point_loader<part::values_m, part::values_n> from;
    from.row_inside = m < a.count;
    from.column_inside = n < ocg;
    const device float *row_m =
        points + (long(point) * a.count + (from.row_inside ? m : 0)) * a.ic + group * icg;
    const device float *row_n =
        weight + (long(point) * a.oc + group * ocg + (from.column_inside ? n : 0)) * icg;

    tile_sums<R, C> total;
    clear(total);
    for (int k = 0; k < icg; k += C2_GPU_WINOGRAD_TERMS) {
        tile_sums<R, C> sums;
        clear(sums);
        from.row_m = row_m + k;
        from.row_n = row_n + k;
        from.terms = icg - k < C2_GPU_WINOGRAD_TERMS ? icg - k : int(C2_GPU_WINOGRAD_TERMS);
        from.whole = from.terms % chunk == 0;
        accumulate<BM, BN>(sums, from, from.terms, me, pixels, filters);
        add(total, sums);
    }
    product_output to;
    to.to = products + long(point) * a.count * a.oc + group * ocg;
    to.first_m = first_m + me.simd_m;
    to.first_n = first_n + me.simd_n;
    to.rows = a.count;
    to.columns = ocg;
    to.pitch = a.oc;
    store(total, results + int(simdgroup_at) * store_block<C>::floats, int(lane_at), to);
}

// One thread a tile and output channel.
template <typename T, int M>
[[kernel]] void winograd_output(const device float *products [[buffer(C2_GPU_INPUT)]],
                                const device float *bias
                                [[buffer(C2_GPU_BIAS), function_constant(has_bias)]],
                                const device T *residual
                                [[buffer(C2_GPU_RESIDUAL), function_constant(has_residual)]],
                                device T *output [[buffer(C2_GPU_OUTPUT)]],
                                constant c2_gpu_winograd &a [[buffer(C2_GPU_ARGS)]],
                                uint thread_at [[thread_position_in_grid]])
{
    enum { E = M + 2 };
    if (thread_at >= uint(a.count) * uint(a.oc))
        return;
    const int i = int(thread_at);
    const int tile = channels_last ? i / a.oc : i % a.count;
    const int c = channels_last ? i % a.oc : i / a.count;
    const tile_position at = locate_tile<M>(a.first + tile, a);
    const device float *from = products + long(tile) * a.oc + c;
    const long step = long(a.count) * a.oc;
    float lines[M][E]; // [y][point along x]
    float line[E], out[M];
#pragma clang loop unroll(full)
    for (int j = 0; j < E; j++) {
#pragma clang loop unroll(full)
        for (int r = 0; r < E; r++)
            line[r] = from[(r * E + j) * step];
        to_pixels(line, out);
#pragma clang loop unroll(full)
        for (int r = 0; r < M; r++)
            lines[r][j] = out[r];
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < M; r++) {
        const int row = at.y + r * a.dilation[0];
        if (row >= a.oh)
            break;
        to_pixels(lines[r], out);
#pragma clang loop unroll(full)
        for (int j = 0; j < M; j++) {
            const int x = at.x + j * a.dilation[1];
            if (x >= a.ow)
                break;
            float y = out[j];
            if (has_bias)
                y += bias[c];
            if (has_residual)
                y += float(residual[a.residual_at + at.n * a.residual_stride[0] +
                                    c * a.residual_stride[1] + row * a.residual_stride[2] +
                                    x * a.residual_stride[3]]);
            output[a.output_at + at.n * a.output_stride[0] + c * a.output_stride[1] +
                   row * a.output_stride[2] + x * a.output_stride[3]] = T(activate(y, a.epilogue));
        }
    }
}

template [[host_name("winograd_input_f32_2")]] [[kernel]] decltype(winograd_input<float, 2>)
    winograd_input<float, 2>;
template [[host_name("winograd_input_f32_4")]] [[kernel]] decltype(winograd_input<float, 4>)
    winograd_input<float, 4>;
template [[host_name("winograd_input_f16_2")]] [[kernel]] decltype(winograd_input<half, 2>)
    winograd_input<half, 2>;
template [[host_name("winograd_input_f16_4")]] [[kernel]] decltype(winograd_input<half, 4>)
    winograd_input<half, 4>;
template [[host_name("winograd_product_32x32")]] [[kernel]] decltype(winograd_product<32, 32>)
    winograd_product<32, 32>;
template [[host_name("winograd_product_64x32")]] [[kernel]] decltype(winograd_product<64, 32>)
    winograd_product<64, 32>;
template [[host_name("winograd_product_64x64")]] [[kernel]] decltype(winograd_product<64, 64>)
    winograd_product<64, 64>;
template [[host_name("winograd_output_f32_2")]] [[kernel]] decltype(winograd_output<float, 2>)
    winograd_output<float, 2>;
template [[host_name("winograd_output_f32_4")]] [[kernel]] decltype(winograd_output<float, 4>)
    winograd_output<float, 4>;
template [[host_name("winograd_output_f16_2")]] [[kernel]] decltype(winograd_output<half, 2>)
    winograd_output<half, 2>;
template [[host_name("winograd_output_f16_4")]] [[kernel]] decltype(winograd_output<half, 4>)
    winograd_output<half, 4>;
