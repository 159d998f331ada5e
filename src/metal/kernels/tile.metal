// SPDX-License-Identifier: BSD-2-Clause
// What the kernels on 8x8 matrices of a simdgroup share (Apple7 and later). A tile has BM rows
// (pixels) and BN columns (output channels); the sum under it goes in chunks of 16 through
// threadgroup memory, where 4 of padding keep rows in other banks:
//
//   pixels  [BM][20]   row = pixel, 16 values of the sum
//   filters [BN][20]   row = output channel
//
// float16 becomes float32 on the way in: products and sums are those of float32.
#include "common.metal"
#include <metal_simdgroup_matrix>

constant bool channels_last [[function_constant(C2_GPU_CHANNELS_LAST)]];
constant bool pixels_first [[function_constant(C2_GPU_PIXELS_FIRST)]];

enum { chunk = C2_GPU_CHUNK, pitch = C2_GPU_CHUNK + 4, lanes = 32 };

// 4 neighbours in memory, which are aligned to one element only.
inline float4 load4(const device float *from)
{
    return float4(*reinterpret_cast<const device packed_float4 *>(from));
}
inline float4 load4(const device half *from)
{
    return float4(half4(*reinterpret_cast<const device packed_half4 *>(from)));
}

// E values of a row of `length` terms, from term k on; E is a multiple of 4.
template <typename T, int E>
inline void load_row(thread float *values, const device T *row, int k, int length, bool whole)
{
#pragma clang loop unroll(full)
    for (int e = 0; e < E; e += 4) {
        if (whole || k + e + 4 <= length) {
            const float4 four = load4(row + k + e);
            values[e] = four.x;
            values[e + 1] = four.y;
            values[e + 2] = four.z;
            values[e + 3] = four.w;
            continue;
        }
#pragma clang loop unroll(full)
        for (int i = e; i < e + 4; i++)
            values[i] = k + i < length ? float(row[k + i]) : 0.0f;
    }
}

template <int E>
inline void clear_row(thread float *values)
{
#pragma clang loop unroll(full)
    for (int e = 0; e < E; e++)
        values[e] = 0.0f;
}

// The matrices of a simdgroup, 8 R x 8 C sums.
template <int R, int C>
struct tile_sums {
    simdgroup_float8x8 at[R][C];
};

template <int R, int C>
inline void clear(thread tile_sums<R, C> &sums)
{
    for (int r = 0; r < R; r++)
        for (int c = 0; c < C; c++)
            sums.at[r][c] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
}

// total += sums, element by element.
template <int R, int C>
inline void add(thread tile_sums<R, C> &total, thread tile_sums<R, C> &sums)
{
    for (int r = 0; r < R; r++)
        for (int c = 0; c < C; c++)
            total.at[r][c].thread_elements() += sums.at[r][c].thread_elements();
}

// One chunk: the simdgroup's first row of pixels, its first row of filters.
template <int R, int C>
inline void add_chunk(thread tile_sums<R, C> &sums, const threadgroup float *pixels,
                      const threadgroup float *filters)
{
#pragma clang loop unroll(full)
    for (int i = 0; i < chunk; i += 8) {
        simdgroup_float8x8 left[R], right[C];
#pragma clang loop unroll(full)
        for (int r = 0; r < R; r++)
            simdgroup_load(left[r], pixels + r * 8 * pitch + i, pitch);
#pragma clang loop unroll(full)
        for (int c = 0; c < C; c++)
            simdgroup_load(right[c], filters + c * 8 * pitch + i, pitch, ulong2(0, 0), true);
#pragma clang loop unroll(full)
        for (int r = 0; r < R; r++)
#pragma clang loop unroll(full)
            for (int c = 0; c < C; c++)
                simdgroup_multiply_accumulate(sums.at[r][c], left[r], right[c], sums.at[r][c]);
    }
}

// Which part of a tile of four simdgroups, 2 x 2, is a thread's: the row of pixels and the row of
// filters it brings in, and from which value of a chunk on; its simdgroup's corner.
template <int BM, int BN>
struct tile_part {
    enum {
        parts_m = C2_GPU_GEMM_THREADS / BM,
        parts_n = C2_GPU_GEMM_THREADS / BN,
        values_m = chunk / parts_m,
        values_n = chunk / parts_n,
        rows = BM / 16,
        columns = BN / 16
    };
    int row_m, first_m, row_n, first_n, simd_m, simd_n;
};

template <int BM, int BN>
inline tile_part<BM, BN> part_of(int thread_at, int simdgroup_at)
{
    typedef tile_part<BM, BN> part;
    part p;
    p.row_m = pixels_first ? thread_at % BM : thread_at / part::parts_m;
    p.first_m = (pixels_first ? thread_at / BM : thread_at % part::parts_m) * part::values_m;
    p.row_n = thread_at / part::parts_n;
    p.first_n = thread_at % part::parts_n * part::values_n;
    p.simd_m = simdgroup_at / 2 * (BM / 2);
    p.simd_n = simdgroup_at % 2 * (BN / 2);
    return p;
}

// The whole sum of a tile. Chunks go through two buffers, pixels [2][BM][20] and filters
// [2][BN][20], so that one is filled while the other is used. `from` brings in this thread's
// values: pixels(values, k) and filter(values, k) from term k of the sum on, k rising by chunks.
template <int BM, int BN, typename L>
inline void accumulate(thread tile_sums<BM / 16, BN / 16> &sums, thread L &from, int terms,
                       tile_part<BM, BN> me, threadgroup float *pixels, threadgroup float *filters)
{
    typedef tile_part<BM, BN> part;
    float next_m[part::values_m], next_n[part::values_n];
    from.pixels(next_m, me.first_m);
    from.filter(next_n, me.first_n);
    int turn = 0;
    for (int k = 0; k < terms; k += chunk) {
        threadgroup float *pixel_chunk = pixels + turn * BM * pitch;
        threadgroup float *filter_chunk = filters + turn * BN * pitch;
#pragma clang loop unroll(full)
        for (int e = 0; e < part::values_m; e++)
            pixel_chunk[me.row_m * pitch + me.first_m + e] = next_m[e];
#pragma clang loop unroll(full)
        for (int e = 0; e < part::values_n; e++)
            filter_chunk[me.row_n * pitch + me.first_n + e] = next_n[e];
        // One barrier a chunk: whoever fills this buffer again has passed the next one, and by then
        // everyone has used it.
        threadgroup_barrier(mem_flags::mem_threadgroup);
        if (k + chunk < terms) {
            from.pixels(next_m, k + chunk + me.first_m);
            from.filter(next_n, k + chunk + me.first_n);
        }
        add_chunk(sums, pixel_chunk + me.simd_m * pitch, filter_chunk + me.simd_n * pitch);
        turn = 1 - turn;
    }
}

// Floats of threadgroup memory that store() needs for a simdgroup of C columns of matrices.
template <int C>
struct store_block {
    enum { pitch = C * 8 + 4, floats = 8 * pitch };
};

// Hand out the sums, to.put(value, row, column) counted from the simdgroup's corner: a row of
// matrices at a time through the simdgroup's own block of threadgroup memory.
template <int R, int C, typename S>
inline void store(thread tile_sums<R, C> &sums, threadgroup float *block, int lane, thread S &to)
{
    for (int r = 0; r < R; r++) {
#pragma clang loop unroll(full)
        for (int c = 0; c < C; c++)
            simdgroup_store(sums.at[r][c], block + c * 8, store_block<C>::pitch);
        simdgroup_barrier(mem_flags::mem_threadgroup);
        for (int e = lane; e < 8 * C * 8; e += lanes) {
            const int y = channels_last ? e / (C * 8) : e % 8;
            const int x = channels_last ? e % (C * 8) : e / 8;
            to.put(block[y * store_block<C>::pitch + x], r * 8 + y, x);
        }
        simdgroup_barrier(mem_flags::mem_threadgroup);
    }
}

// Where a convolution's sums go: pixels and channels of one group, with what follows the sum.
template <typename T>
struct tile_output {
    const device float *bias;
    const device T *residual;
    device T *output;
    constant c2_gpu_gemm *a;
    int group, first_m, first_n; // of the simdgroup's corner

    void put(float y, int row, int column)
    {
        const int m = first_m + row, o = first_n + column;
        if (m >= a->pixels || o >= a->ocg)
            return;
        const int c = group * a->ocg + o;
        const int x = m % a->ow, rest = m / a->ow, line = rest % a->oh, n = rest / a->oh;
        if (has_bias)
            y += bias[c];
        if (has_residual)
            y += float(residual[n * a->residual_stride[0] + c * a->residual_stride[1] +
                                line * a->residual_stride[2] + x * a->residual_stride[3]]);
        output[n * a->output_stride[0] + c * a->output_stride[1] + line * a->output_stride[2] +
               x * a->output_stride[3]] = T(activate(y, a->epilogue));
    }
};

template <typename T>
inline tile_output<T> output_of(const device float *bias, const device T *residual,
                                device T *output, constant c2_gpu_gemm &a)
{
    tile_output<T> to;
    to.bias = nullptr;
    to.residual = nullptr;
    if (has_bias)
        to.bias = bias;
    if (has_residual)
        to.residual = residual + a.residual_at;
    to.output = output + a.output_at;
    to.a = &a;
    to.group = 0;
    to.first_m = 0;
    to.first_n = 0;
    return to;
}
