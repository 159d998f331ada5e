/* SPDX-License-Identifier: BSD-2-Clause
 * The plain kernel: every problem of float32 and float16, on every GPU.
 *
 * Bound: products and sums are fused multiply-adds in float32, one after the other, then bias and
 * residual: |error| <= g(K+2) s, and where the GPU flushes denormals (K+2) 2^-126 more. */
#include "core/copy.h"
#include "core/dtype.h"
#include "core/half.h"
#include "gpu/args.h"
#include "metal/internal.h"

static_assert((int)C2_GPU_PAD_CIRCULAR == CONV2D_PAD_CIRCULAR &&
                  (int)C2_GPU_PAD_REFLECT == CONV2D_PAD_REFLECT &&
                  (int)C2_GPU_PAD_REPLICATE == CONV2D_PAD_REPLICATE,
              "padding modes have one numbering");
static_assert((int)C2_GPU_ACT_MISH == CONV2D_ACT_MISH &&
                  (int)C2_GPU_ACT_CLAMP == CONV2D_ACT_CLAMP &&
                  (int)C2_GPU_ACT_SILU == CONV2D_ACT_SILU &&
                  (int)C2_GPU_ACT_GELU == CONV2D_ACT_GELU,
              "activations have one numbering");

/* Seconds a multiply-add of this kernel, all of the GPU together: a guess from published peaks (an
 * M1 does 1.3e12 a second) at a twentieth of them; nothing has been measured. */
static const double seconds_a_product = 1.5e-11;

/* Outputs of one dispatch: thread positions have 32 bits. */
enum { DISPATCH_OUTPUTS = 1 << 30, THREADS = 256 };

struct c2_state {
    const c2_metal_pipeline *pipeline;
    c2_gpu_plain args; /* but first, count and positions */
    size_t threads;    /* of a threadgroup */
};

static int plain_variants(const conv2d_device *device)
{
    (void)device;
    return 1;
}

static const char *plain_variant_name(const conv2d_device *device, int variant)
{
    (void)device;
    (void)variant;
    return "plain_1x1_metal";
}

static const char *plain_variant_isa(const conv2d_device *device, int variant)
{
    (void)device;
    (void)variant;
    return "metal";
}

static bool plain_supports(const conv2d_device *device, const c2_problem *p, int variant,
                           c2_why *why)
{
    (void)device;
    (void)variant;
    if (p->input_dtype != CONV2D_FLOAT32 && p->input_dtype != CONV2D_FLOAT16)
        return c2_refuse(why, "dtype is %s: Metal kernels have float32 and float16",
                         c2_dtype_name(p->input_dtype));
    return true;
}

static double plain_cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    (void)device;
    (void)variant;
    return c2_problem_flops(p) / 2 * seconds_a_product;
}

static double plain_bound(const c2_problem *p, int variant)
{
    (void)variant;
    const double n = (double)c2_problem_k(p) + 2;
    return n * 0x1p-24 / (1 - n * 0x1p-24);
}

static const char *plain_bound_text(const c2_problem *p, int variant)
{
    (void)p;
    (void)variant;
    return "g(K+2) * s + (K+2) * 2^-126 (a GPU may flush denormals)";
}

/* The packed form: bias as float32, padded to a multiple of 256 bytes, then O KH KW I. */
static size_t weight_offset(const c2_problem *p)
{
    return p->has_bias ? c2_round_up((size_t)p->oc * sizeof(float), 256) : 0;
}

static c2_bytes plain_memory(const conv2d_device *device, const c2_problem *p, int variant)
{
    (void)device;
    (void)variant;
    const size_t n = (size_t)(p->oc * c2_problem_k(p));
    return (c2_bytes){weight_offset(p) + n * c2_dtype_bytes(p->weight_dtype), 0, 0};
}

static void plain_packing(const conv2d_device *device, const c2_problem *p, int variant,
                          c2_text *out)
{
    (void)device;
    (void)variant;
    c2_text_add(out, "v1%s,%s", p->has_bias ? ",bias" : "", c2_dtype_name(p->weight_dtype));
}

static conv2d_status plain_pack(conv2d_device *device, const c2_problem *p, int variant,
                                const c2_weight_view *view, conv2d_buffer *packed)
{
    (void)device;
    (void)variant;
    float *bias = packed->host;
    for (int64_t i = 0; p->has_bias && i < p->oc; i++)
        bias[i] = p->bias_dtype == CONV2D_FLOAT16 ? c2_f16_to_f32(((const uint16_t *)view->bias)[i])
                                                  : ((const float *)view->bias)[i];
    const int64_t sizes[4] = {p->oc, p->icg, p->kh, p->kw};
    const int64_t strides[4] = {p->kh * p->kw * p->icg, 1, p->kw * p->icg, p->icg};
    c2_copy_strided(c2_dtype_bytes(p->weight_dtype), 4, sizes, view->weight, p->weight_stride,
                    (char *)packed->host + weight_offset(p), strides);
    return CONV2D_OK;
}

static void fill_args(const c2_problem *p, c2_gpu_plain *a)
{
    a->oc = p->oc, a->oh = p->oh, a->ow = p->ow;
    a->icg = p->icg, a->ocg = p->ocg;
    a->h = p->h, a->w = p->w, a->kh = p->kh, a->kw = p->kw;
    for (int i = 0; i < 2; i++) {
        a->stride[i] = p->stride[i];
        a->dilation[i] = p->dilation[i];
        a->pad[i] = p->pad[i];
    }
    for (int i = 0; i < 4; i++) {
        a->input_stride[i] = p->input_stride[i];
        a->residual_stride[i] = p->residual_stride[i];
        a->output_stride[i] = p->output_stride[i];
    }
    const c2_post *activation = c2_problem_activation(p);
    if (activation) {
        a->epilogue.low = (float)activation->min;
        a->epilogue.high = (float)activation->max;
        a->epilogue.alpha = (float)activation->alpha;
    }
}

static conv2d_status plain_plan_create(conv2d_device *device, const c2_problem *p, int variant,
                                       c2_state **state_out)
{
    (void)variant;
    const c2_post *activation = c2_problem_activation(p);
    c2_metal_key key = {.family = C2_METAL_PLAIN};
    key.function = p->input_dtype == CONV2D_FLOAT16 ? "plain_f16" : "plain_f32";
    c2_metal_key_bool(&key, C2_GPU_HAS_BIAS, p->has_bias);
    c2_metal_key_bool(&key, C2_GPU_HAS_RESIDUAL, p->has_residual);
    c2_metal_key_int(&key, C2_GPU_ACTIVATION, activation ? activation->activation : 0);
    c2_metal_key_int(&key, C2_GPU_PADDING_MODE, p->padding_mode);
    c2_metal_key_bool(&key, C2_GPU_CHANNELS_LAST, p->oc > 1 && p->output_stride[1] == 1);
    c2_state *state = c2_alloc_zero(&device->allocator, sizeof *state);
    if (!state)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    conv2d_status s = c2_metal_pipeline_get(c2_metal_of(device), &key, &state->pipeline);
    if (s) {
        c2_free(&device->allocator, state, sizeof *state);
        return s;
    }
    fill_args(p, &state->args);
    state->threads =
        state->pipeline->max_threads < THREADS ? state->pipeline->max_threads : (size_t)THREADS;
    *state_out = state;
    return CONV2D_OK;
}

static void plain_plan_destroy(conv2d_device *device, c2_state *state)
{
    c2_free(&device->allocator, state, sizeof *state);
}

static conv2d_status plain_run(const c2_state *state, const c2_run_args *args)
{
    const c2_problem *p = args->problem;
    const uint64_t bytes = c2_dtype_bytes(p->input_dtype);
    c2_gpu_plain a = state->args;
    a.input_at = (int64_t)(args->input.byte_offset / bytes);
    a.residual_at = (int64_t)(args->residual.byte_offset / bytes);
    a.output_at = (int64_t)(args->output.byte_offset / bytes);
    c2_metal_command c;
    conv2d_status s = c2_metal_begin(args, &c);
    if (s)
        return s;
    const c2_objc *rt = &c.device->rt;
    C2_SEND(rt, set_pipeline, c.encoder, state->pipeline->state);
    c2_metal_bind(&c, args->input.buffer, 0, C2_GPU_INPUT);
    c2_metal_bind(&c, args->packed, weight_offset(p), C2_GPU_WEIGHT);
    if (p->has_bias)
        c2_metal_bind(&c, args->packed, 0, C2_GPU_BIAS);
    if (p->has_residual)
        c2_metal_bind(&c, args->residual.buffer, 0, C2_GPU_RESIDUAL);
    c2_metal_bind(&c, args->output.buffer, 0, C2_GPU_OUTPUT);
    const int64_t total = p->n * p->oc * p->oh * p->ow;
    for (a.first = 0; a.first < total; a.first += DISPATCH_OUTPUTS) {
        a.count = c2_min(total - a.first, DISPATCH_OUTPUTS);
        c2_metal_bind_bytes(&c, &a, sizeof a, C2_GPU_ARGS);
        const c2_mtl_size groups = {((size_t)a.count + state->threads - 1) / state->threads, 1, 1};
        const c2_mtl_size threads = {state->threads, 1, 1};
        C2_SEND(rt, dispatch, c.encoder, groups, threads);
    }
    c2_metal_commit(&c);
    return CONV2D_OK;
}

const c2_algorithm c2_metal_algo_plain = {
    .name = "plain",
    .variants = plain_variants,
    .variant_name = plain_variant_name,
    .variant_isa = plain_variant_isa,
    .supports = plain_supports,
    .cost = plain_cost,
    .bound = plain_bound,
    .bound_text = plain_bound_text,
    .memory = plain_memory,
    .packing = plain_packing,
    .pack = plain_pack,
    .plan_create = plain_plan_create,
    .plan_destroy = plain_plan_destroy,
    .run = plain_run,
};
