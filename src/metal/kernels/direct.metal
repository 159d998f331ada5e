// SPDX-License-Identifier: BSD-2-Clause
// Any problem of 32-bit positions on every GPU: a thread computes a strip of 4 outputs along x of 4
// output channels of one group, so that each value it reads serves 4 products. Made for groups of
// few channels. Padded zeros are multiplied, so the host refuses them together with weights that
// are not finite. No threadgroup memory, no barriers.
#include "common.metal"

constant bool channels_last [[function_constant(C2_GPU_CHANNELS_LAST)]];

enum { strip = C2_GPU_STRIP, block = C2_GPU_BLOCK };

struct block_position {
    int n, group, o, y, x; // o: the first output channel in its group, x: the first output
};

// Thread i of all: neighbouring threads write neighbouring memory.
inline block_position locate(int i, constant c2_gpu_direct &a)
{
    block_position at;
    int c;
    if (channels_last) {
        c = i % (a.blocks * a.groups);
        i /= a.blocks * a.groups;
        at.x = i % a.strips * strip;
        i /= a.strips;
        at.y = i % a.oh;
        at.n = i / a.oh;
    } else {
        at.x = i % a.strips * strip;
        i /= a.strips;
        at.y = i % a.oh;
        i /= a.oh;
        c = i % (a.blocks * a.groups);
        at.n = i / (a.blocks * a.groups);
    }
    at.group = c / a.blocks;
    at.o = c % a.blocks * block;
    return at;
}

template <typename T>
[[kernel]] void direct(const device T *input [[buffer(C2_GPU_INPUT)]],
                       const device T *weight [[buffer(C2_GPU_WEIGHT)]],
                       const device float *bias
                       [[buffer(C2_GPU_BIAS), function_constant(has_bias)]],
                       const device T *residual
                       [[buffer(C2_GPU_RESIDUAL), function_constant(has_residual)]],
                       device T *output [[buffer(C2_GPU_OUTPUT)]],
                       constant c2_gpu_direct &a [[buffer(C2_GPU_ARGS)]],
                       uint thread_at [[thread_position_in_grid]])
{
    if (thread_at >= uint(a.count))
        return;
    const block_position at = locate(int(thread_at), a);
    const device T *image = input + a.input_at + long(at.n) * a.input_stride[0] +
                            long(at.group * a.icg) * a.input_stride[1];
    const int terms = a.kh * a.kw * a.icg, first_c = at.group * a.ocg + at.o;
    long filter[block]; // rows beyond the group's last channel are read again and not stored
    float sums[block][strip];
#pragma clang loop unroll(full)
    for (int o = 0; o < block; o++) {
        filter[o] = long(first_c + (at.o + o < a.ocg ? o : 0)) * terms;
#pragma clang loop unroll(full)
        for (int j = 0; j < strip; j++)
            sums[o][j] = 0.0f;
    }
    int k = 0;
    for (int ky = 0; ky < a.kh; ky++) {
        const int y = pad_index(at.y * a.stride[0] + ky * a.dilation[0] - a.pad[0], a.h);
        for (int kx = 0; kx < a.kw; kx++) {
            int position[strip];
            bool inside[strip];
#pragma clang loop unroll(full)
            for (int j = 0; j < strip; j++) {
                inside[j] = at.x + j < a.ow;
                const int x = inside[j] ? pad_index((at.x + j) * a.stride[1] +
                                                        kx * a.dilation[1] - a.pad[1],
                                                    a.w)
                                        : 0;
                inside[j] = inside[j] && y >= 0 && x >= 0;
                position[j] = inside[j] ? y * a.input_stride[2] + x * a.input_stride[3] : 0;
            }
            for (int c = 0; c < a.icg; c++, k++) {
                float pixel[strip];
#pragma clang loop unroll(full)
                for (int j = 0; j < strip; j++)
                    pixel[j] = inside[j] ? float(image[position[j] + c * a.input_stride[1]]) : 0.0f;
#pragma clang loop unroll(full)
                for (int o = 0; o < block; o++) {
                    const float w = float(weight[filter[o] + k]);
#pragma clang loop unroll(full)
                    for (int j = 0; j < strip; j++)
                        sums[o][j] = fma(w, pixel[j], sums[o][j]);
                }
            }
        }
    }
#pragma clang loop unroll(full)
    for (int o = 0; o < block; o++) {
        if (at.o + o >= a.ocg)
            break;
        const int c = first_c + o;
#pragma clang loop unroll(full)
        for (int j = 0; j < strip; j++) {
            if (at.x + j >= a.ow)
                break;
            float y = sums[o][j];
            if (has_bias)
                y += bias[c];
            if (has_residual)
                y += float(residual[a.residual_at + at.n * a.residual_stride[0] +
                                    c * a.residual_stride[1] + at.y * a.residual_stride[2] +
                                    (at.x + j) * a.residual_stride[3]]);
            output[a.output_at + at.n * a.output_stride[0] + c * a.output_stride[1] +
                   at.y * a.output_stride[2] + (at.x + j) * a.output_stride[3]] =
                T(activate(y, a.epilogue));
        }
    }
}

template [[host_name("direct_f32")]] [[kernel]] decltype(direct<float>) direct<float>;
template [[host_name("direct_f16")]] [[kernel]] decltype(direct<half>) direct<half>;
