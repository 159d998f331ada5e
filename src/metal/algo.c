/* SPDX-License-Identifier: BSD-2-Clause
 * What the algorithms share. All of them read one packed form and finish in one way. */
#include "metal/algo.h"

#include "core/copy.h"
#include "core/dtype.h"
#include "core/half.h"
#include "core/shape.h"

static_assert((int)C2_GPU_PAD_CIRCULAR == CONV2D_PAD_CIRCULAR &&
                  (int)C2_GPU_PAD_REFLECT == CONV2D_PAD_REFLECT &&
                  (int)C2_GPU_PAD_REPLICATE == CONV2D_PAD_REPLICATE,
              "padding modes have one numbering");
static_assert((int)C2_GPU_ACT_MISH == CONV2D_ACT_MISH &&
                  (int)C2_GPU_ACT_CLAMP == CONV2D_ACT_CLAMP &&
                  (int)C2_GPU_ACT_SILU == CONV2D_ACT_SILU &&
                  (int)C2_GPU_ACT_GELU == CONV2D_ACT_GELU,
              "activations have one numbering");

enum { BIAS_ALIGN = 256 }; /* bytes: what any GPU asks of a buffer's offset */

bool c2_metal_dtype_ok(const c2_problem *p, c2_why *why)
{
    if (p->input_dtype != CONV2D_FLOAT32 && p->input_dtype != CONV2D_FLOAT16)
        return c2_refuse(why, "dtype is %s: Metal kernels have float32 and float16",
                         c2_dtype_name(p->input_dtype));
    return true;
}

const char *c2_metal_dtype_name(const c2_problem *p)
{
    return p->input_dtype == CONV2D_FLOAT16 ? "f16" : "f32";
}

static bool reaches_far(const int64_t sizes[4], const int64_t strides[4])
{
    int64_t low, high;
    return !c2_extent(4, sizes, strides, 8, &low, &high) || low < INT32_MIN || high > INT32_MAX;
}

bool c2_metal_positions_ok(const c2_problem *p, c2_why *why)
{
    const int64_t in[4] = {p->n, p->ic, p->h, p->w}, out[4] = {p->n, p->oc, p->oh, p->ow};
    if (reaches_far(in, p->input_stride) || reaches_far(out, p->output_stride) ||
        (p->has_residual && reaches_far(out, p->residual_stride)))
        return c2_refuse(why, "a tensor reaches 2^31 elements far");
    /* A quarter of the range, so that sums of two cannot leave it; last taps lie inside the padded
     * input. */
    const int64_t counts[] = {p->n,  p->oc, p->ic,     p->oh,     p->ow,     p->h,     p->w,
                              p->kh, p->kw, p->pad[0], p->pad[1], p->pad[2], p->pad[3]};
    const int64_t steps[] = {p->stride[0], p->stride[1], p->dilation[0], p->dilation[1]};
    int64_t pixels, sum, outputs;
    bool small = c2_mul_ok(p->oh, p->ow, &pixels) && c2_mul_ok(pixels, p->n, &pixels) &&
                 pixels < INT32_MAX / 4 && c2_mul_ok(pixels, p->oc, &outputs) &&
                 outputs < INT32_MAX && c2_mul_ok(p->kh, p->kw, &sum) &&
                 c2_mul_ok(sum, p->icg, &sum) && sum < INT32_MAX / 4;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        small = small && counts[i] < INT32_MAX / 4;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        small = small && steps[i] < INT32_MAX / 4;
    return small || c2_refuse(why, "sizes of 2^29 and more do not fit 32-bit positions");
}

bool c2_metal_zeros_ok(const c2_problem *p, c2_why *why)
{
    if (!p->weights_finite && p->padding_mode == CONV2D_PAD_ZEROS && c2_problem_is_padded(p))
        return c2_refuse(why, "a weight is not finite: padded zeros are multiplied by the weights");
    return true;
}

double c2_metal_bound(const c2_problem *p, int variant)
{
    (void)variant;
    const double n = (double)c2_problem_k(p) + 2;
    return n * 0x1p-24 / (1 - n * 0x1p-24);
}

const char *c2_metal_bound_text(const c2_problem *p, int variant)
{
    (void)p;
    (void)variant;
    return "g(K+2) * s + (K+2) * 2^-126 (a GPU may flush denormals)";
}

size_t c2_metal_bias_bytes(const c2_problem *p)
{
    return p->has_bias ? c2_round_up((size_t)p->oc * sizeof(float), BIAS_ALIGN) : 0;
}

c2_bytes c2_metal_memory(const conv2d_device *device, const c2_problem *p, int variant)
{
    (void)device;
    (void)variant;
    const size_t n = (size_t)(p->oc * c2_problem_k(p));
    return (c2_bytes){c2_metal_bias_bytes(p) + n * c2_dtype_bytes(p->weight_dtype), 0, 0};
}

void c2_metal_packing(const conv2d_device *device, const c2_problem *p, int variant, c2_text *out)
{
    (void)device;
    (void)variant;
    c2_text_add(out, "v1%s,%s", p->has_bias ? ",bias" : "", c2_dtype_name(p->weight_dtype));
}

void c2_metal_pack_bias(const c2_problem *p, const c2_weight_view *view, conv2d_buffer *packed)
{
    float *bias = packed->host;
    for (int64_t i = 0; p->has_bias && i < p->oc; i++)
        bias[i] = p->bias_dtype == CONV2D_FLOAT16 ? c2_f16_to_f32(((const uint16_t *)view->bias)[i])
                                                  : ((const float *)view->bias)[i];
}

conv2d_status c2_metal_pack(conv2d_device *device, const c2_problem *p, int variant,
                            const c2_weight_view *view, conv2d_buffer *packed)
{
    (void)device;
    (void)variant;
    c2_metal_pack_bias(p, view, packed);
    const int64_t sizes[4] = {p->oc, p->icg, p->kh, p->kw};
    const int64_t strides[4] = {p->kh * p->kw * p->icg, 1, p->kw * p->icg, p->icg};
    c2_copy_strided(c2_dtype_bytes(p->weight_dtype), 4, sizes, view->weight, p->weight_stride,
                    (char *)packed->host + c2_metal_bias_bytes(p), strides);
    return CONV2D_OK;
}

double c2_metal_seconds(c2_gpu_way way, int variant, const c2_problem *p)
{
    const int64_t n = p->accuracy == CONV2D_ACCURACY_STRICT ? 1 : p->n;
    const c2_gpu_shape shape = {n, p->oh, p->ow, p->groups, p->icg, p->ocg, p->kh * p->kw};
    return c2_gpu_seconds(way, variant, &shape) * (double)(p->n / n);
}

void c2_metal_key_epilogue(c2_metal_key *key, const c2_problem *p)
{
    const c2_post *activation = c2_problem_activation(p);
    c2_metal_key_bool(key, C2_GPU_HAS_BIAS, p->has_bias);
    c2_metal_key_bool(key, C2_GPU_HAS_RESIDUAL, p->has_residual);
    c2_metal_key_int(key, C2_GPU_ACTIVATION, activation ? activation->activation : 0);
    c2_metal_key_bool(key, C2_GPU_CHANNELS_LAST, p->oc > 1 && p->output_stride[1] == 1);
}

void c2_metal_key_problem(c2_metal_key *key, const c2_problem *p)
{
    c2_metal_key_epilogue(key, p);
    c2_metal_key_int(key, C2_GPU_PADDING_MODE, p->padding_mode);
}

void c2_metal_fill_epilogue(const c2_problem *p, c2_gpu_epilogue *epilogue)
{
    const c2_post *activation = c2_problem_activation(p);
    if (!activation)
        return;
    epilogue->low = (float)activation->min;
    epilogue->high = (float)activation->max;
    epilogue->alpha = (float)activation->alpha;
}

conv2d_status c2_metal_begin_bound(const c2_run_args *args, const c2_metal_pipeline *pipeline,
                                   c2_metal_command *c)
{
    const c2_problem *p = args->problem;
    conv2d_status s = c2_metal_begin(args, c);
    if (s)
        return s;
    c2_metal_set_pipeline(c, pipeline);
    c2_metal_bind(c, args->input.buffer, 0, C2_GPU_INPUT);
    c2_metal_bind(c, args->packed, c2_metal_bias_bytes(p), C2_GPU_WEIGHT);
    if (p->has_bias)
        c2_metal_bind(c, args->packed, 0, C2_GPU_BIAS);
    if (p->has_residual)
        c2_metal_bind(c, args->residual.buffer, 0, C2_GPU_RESIDUAL);
    c2_metal_bind(c, args->output.buffer, 0, C2_GPU_OUTPUT);
    return CONV2D_OK;
}

int64_t c2_metal_element(const c2_problem *p, const c2_data *data)
{
    return (int64_t)(data->byte_offset / c2_dtype_bytes(p->input_dtype));
}

void c2_metal_dispatch(const c2_metal_command *c, const void *args, size_t n, c2_mtl_size groups,
                       size_t threads)
{
    c2_metal_bind_bytes(c, args, n, C2_GPU_ARGS);
    const c2_mtl_size size = {threads, 1, 1};
    C2_SEND(&c->device->rt, dispatch, c->encoder, groups, size);
}
