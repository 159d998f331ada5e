// SPDX-License-Identifier: BSD-2-Clause
// One input channel a group, any number of output channels: a thread computes a strip of outputs
// along x of one channel, and keeps the row of input under it in registers while it goes through
// the kernel's columns. Kernel and stride are function constants, so the loops are unrolled.
// Padded zeros are multiplied, so the host refuses them together with weights that are not finite.
#include "common.metal"

constant bool channels_last [[function_constant(C2_GPU_CHANNELS_LAST)]];
constant int kernel_h [[function_constant(C2_GPU_KERNEL_H)]];
constant int kernel_w [[function_constant(C2_GPU_KERNEL_W)]];
constant int stride_y [[function_constant(C2_GPU_STRIDE_Y)]];
constant int stride_x [[function_constant(C2_GPU_STRIDE_X)]];

// Values under a strip at most.
enum { line_length = (C2_GPU_STRIP - 1) * C2_GPU_DEPTHWISE_STRIDE + C2_GPU_DEPTHWISE_KERNEL };

struct strip_position {
    int n, c, y, x; // x: the first output
};

// Thread i of all: neighbouring threads read and write neighbouring memory.
inline strip_position locate(int i, constant c2_gpu_depthwise &a)
{
    strip_position at;
    if (channels_last) {
        at.c = i % a.oc;
        i /= a.oc;
        at.x = i % a.strips * C2_GPU_STRIP;
        i /= a.strips;
        at.y = i % a.oh;
        at.n = i / a.oh;
    } else {
        at.x = i % a.strips * C2_GPU_STRIP;
        i /= a.strips;
        at.y = i % a.oh;
        i /= a.oh;
        at.c = i % a.oc;
        at.n = i / a.oc;
    }
    return at;
}

template <typename T>
[[kernel]] void depthwise(const device T *input [[buffer(C2_GPU_INPUT)]],
                          const device T *weight [[buffer(C2_GPU_WEIGHT)]],
                          const device float *bias
                          [[buffer(C2_GPU_BIAS), function_constant(has_bias)]],
                          const device T *residual
                          [[buffer(C2_GPU_RESIDUAL), function_constant(has_residual)]],
                          device T *output [[buffer(C2_GPU_OUTPUT)]],
                          constant c2_gpu_depthwise &a [[buffer(C2_GPU_ARGS)]],
                          uint thread_at [[thread_position_in_grid]])
{
    if (thread_at >= uint(a.count))
        return;
    const strip_position at = locate(int(thread_at), a);
    const device T *filter = weight + long(at.c) * (kernel_h * kernel_w);
    const device T *channel = input + a.input_at + long(at.n) * a.input_stride[0] +
                              long(at.c / a.ocg) * a.input_stride[1];
    const int corner_y = at.y * stride_y - a.pad[0], corner_x = at.x * stride_x - a.pad[1];
    // Beyond the last window nothing is read: a strip may be longer than what is left of its row.
    const int end_x = (a.ow - 1) * stride_x - a.pad[1] + kernel_w;
    float sums[C2_GPU_STRIP];
#pragma clang loop unroll(full)
    for (int o = 0; o < C2_GPU_STRIP; o++)
        sums[o] = 0.0f;
    for (int ky = 0; ky < kernel_h; ky++) {
        const int y = pad_index(corner_y + ky, a.h);
        float line[line_length];
#pragma clang loop unroll(full)
        for (int j = 0; j < line_length; j++) {
            line[j] = 0.0f;
            if (j < (C2_GPU_STRIP - 1) * stride_x + kernel_w && corner_x + j < end_x) {
                const int x = pad_index(corner_x + j, a.w);
                if (y >= 0 && x >= 0)
                    line[j] = float(channel[y * a.input_stride[2] + x * a.input_stride[3]]);
            }
        }
#pragma clang loop unroll(full)
        for (int kx = 0; kx < C2_GPU_DEPTHWISE_KERNEL; kx++) {
            if (kx >= kernel_w)
                break;
            const float w = float(filter[ky * kernel_w + kx]);
#pragma clang loop unroll(full)
            for (int o = 0; o < C2_GPU_STRIP; o++)
                sums[o] = fma(w, line[o * stride_x + kx], sums[o]);
        }
    }
#pragma clang loop unroll(full)
    for (int o = 0; o < C2_GPU_STRIP; o++) {
        if (at.x + o >= a.ow)
            break;
        float y = sums[o];
        if (has_bias)
            y += bias[at.c];
        if (has_residual)
            y += float(residual[a.residual_at + at.n * a.residual_stride[0] +
                                at.c * a.residual_stride[1] + at.y * a.residual_stride[2] +
                                (at.x + o) * a.residual_stride[3]]);
        output[a.output_at + at.n * a.output_stride[0] + at.c * a.output_stride[1] +
               at.y * a.output_stride[2] + (at.x + o) * a.output_stride[3]] =
            T(activate(y, a.epilogue));
    }
}

template [[host_name("depthwise_f32")]] [[kernel]] decltype(depthwise<float>) depthwise<float>;
template [[host_name("depthwise_f16")]] [[kernel]] decltype(depthwise<half>) depthwise<half>;
