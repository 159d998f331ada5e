// SPDX-License-Identifier: BSD-2-Clause
// Every problem on every GPU: one thread computes one output element, channels inner, one fused
// multiply-add a product, and skips padded zeros. Positions have 64 bits. No threadgroup memory,
// no barriers.
#include "common.metal"

constant bool channels_last [[function_constant(C2_GPU_CHANNELS_LAST)]];

struct output_position {
    long n, c, y, x;
};

// Output i of all: neighbouring threads write neighbouring elements.
inline output_position locate(long i, constant c2_gpu_plain &a)
{
    output_position at;
    if (channels_last) {
        at.c = i % a.oc;
        i /= a.oc;
        at.x = i % a.ow;
        i /= a.ow;
        at.y = i % a.oh;
        at.n = i / a.oh;
    } else {
        at.x = i % a.ow;
        i /= a.ow;
        at.y = i % a.oh;
        i /= a.oh;
        at.c = i % a.oc;
        at.n = i / a.oc;
    }
    return at;
}

// Sum over one window; weight is that output channel's filter, KH KW I.
template <typename T>
inline float window(const device T *input, const device T *weight, output_position at,
                    constant c2_gpu_plain &a)
{
    const long first =
        a.input_at + at.n * a.input_stride[0] + at.c / a.ocg * a.icg * a.input_stride[1];
    float sum = 0.0f;
    for (long ky = 0; ky < a.kh; ky++) {
        const long y = pad_index(at.y * a.stride[0] + ky * a.dilation[0] - a.pad[0], a.h);
        if (y < 0)
            continue;
        for (long kx = 0; kx < a.kw; kx++) {
            const long x = pad_index(at.x * a.stride[1] + kx * a.dilation[1] - a.pad[1], a.w);
            if (x < 0)
                continue;
            long i = first + y * a.input_stride[2] + x * a.input_stride[3];
            long w = (ky * a.kw + kx) * a.icg;
            for (long c = 0; c < a.icg; c++) {
                sum = fma(float(weight[w]), float(input[i]), sum);
                i += a.input_stride[1];
                w += 1;
            }
        }
    }
    return sum;
}

template <typename T>
[[kernel]] void plain(const device T *input [[buffer(C2_GPU_INPUT)]],
                      const device T *weight [[buffer(C2_GPU_WEIGHT)]],
                      const device float *bias [[buffer(C2_GPU_BIAS), function_constant(has_bias)]],
                      const device T *residual
                      [[buffer(C2_GPU_RESIDUAL), function_constant(has_residual)]],
                      device T *output [[buffer(C2_GPU_OUTPUT)]],
                      constant c2_gpu_plain &a [[buffer(C2_GPU_ARGS)]],
                      uint thread_at [[thread_position_in_grid]])
{
    if (long(thread_at) >= a.count)
        return;
    const output_position at = locate(a.first + long(thread_at), a);
    float y = window(input, weight + at.c * a.kh * a.kw * a.icg, at, a);
    if (has_bias)
        y += bias[at.c];
    if (has_residual)
        y += float(residual[a.residual_at + at.n * a.residual_stride[0] +
                            at.c * a.residual_stride[1] + at.y * a.residual_stride[2] +
                            at.x * a.residual_stride[3]]);
    output[a.output_at + at.n * a.output_stride[0] + at.c * a.output_stride[1] +
           at.y * a.output_stride[2] + at.x * a.output_stride[3]] = T(activate(y, a.epilogue));
}

template [[host_name("plain_f32")]] [[kernel]] decltype(plain<float>) plain<float>;
template [[host_name("plain_f16")]] [[kernel]] decltype(plain<half>) plain<half>;
