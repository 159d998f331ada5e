// SPDX-License-Identifier: BSD-2-Clause
// Bringing in windows of the input for the kernels on tiles: a row of the left matrix is a pixel's
// window, taps outside and channels inside. Padded zeros are multiplied, so the host refuses them
// together with weights that are not finite.
#include "tile.metal"

constant int channel_kind [[function_constant(C2_GPU_CHANNEL_KIND)]];
constant int few_channels [[function_constant(C2_GPU_FEW_CHANNELS)]];

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
    m = row.inside ? m : 0;
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
inline bool locate_tap(pixel_row row, sum_position at, constant c2_gpu_gemm &a,
                       thread int &position)
{
    const int y = pad_index(row.y + at.ky * a.dilation[0], a.h);
    const int x = pad_index(row.x + at.kx * a.dilation[1], a.w);
    position = row.base + y * a.input_stride[2] + x * a.input_stride[3];
    return row.inside && y >= 0 && x >= 0;
}

// What a thread brings in: E values of one pixel's row, F of one channel's filter. k rises by
// chunks.
template <typename T, int E, int F>
struct window_loader {
    const device T *input, *row_n;
    constant c2_gpu_gemm *a;
    pixel_row row;
    sum_position at; // of the last values, to go on from
    int at_k;
    bool column_inside;

    void pixels(thread float *values, int k)
    {
        at = advance(at, k - at_k, *a);
        at_k = k;
        sum_position here = at;
        const int channels = channels_of(*a);
        int position = 0;
        bool inside = k < a->sum && locate_tap(row, here, *a, position);
#pragma clang loop unroll(full)
        for (int e = 0; e < E; e++) {
            values[e] = inside ? float(input[position + here.c * a->input_stride[1]]) : 0.0f;
            here.c += 1;
            if (channel_kind != C2_GPU_CHANNELS_ALIGNED && here.c == channels) {
                here = advance(here, 0, *a);
                inside = k + e + 1 < a->sum && locate_tap(row, here, *a, position);
            }
        }
    }

    void filter(thread float *values, int k)
    {
        if (column_inside)
            load_row<T, F>(values, row_n, k, a->sum, channel_kind == C2_GPU_CHANNELS_ALIGNED);
        else
            clear_row<F>(values);
    }
};

// The loader of pixel m of all and of an output channel of a group.
template <typename T, int E, int F>
inline window_loader<T, E, F> window_at(const device T *input, const device T *weight,
                                        constant c2_gpu_gemm &a, int group, int m, int column)
{
    window_loader<T, E, F> from;
    from.input = input + a.input_at;
    from.a = &a;
    from.row = locate_row(m, group, a);
    from.at.ky = 0;
    from.at.kx = 0;
    from.at.c = 0;
    from.at_k = 0;
    from.column_inside = column < a.ocg;
    from.row_n =
        weight + long(group * a.ocg + (from.column_inside ? column : 0)) * long(a.sum);
    return from;
}
