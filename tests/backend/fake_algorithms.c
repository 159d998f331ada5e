/* SPDX-License-Identifier: BSD-2-Clause
 * The algorithms of the fake device, written for reading: fake_direct computes float32 with zero
 * padding from weights packed as one dense OC x IC/G x KH x KW block; fake_pointwise takes 1x1
 * kernels only, so that most problems show a refusal. Both need 256 bytes of workspace: each sum
 * is kept there, which a run that outlives its workspace would notice. */
#include <inttypes.h>
#include <string.h>

#include "core/activation.h"
#include "fake_internal.h"

struct c2_state {
    int variant; /* variant 1 sums in float64, to have two */
};

static int two_variants(const conv2d_device *device)
{
    (void)device;
    return 2;
}

static int one_variant(const conv2d_device *device)
{
    (void)device;
    return 1;
}

static const char *variant_name(const conv2d_device *device, int variant)
{
    (void)device;
    return variant ? "fake_f64_sum" : "fake_f32_sum";
}

static const char *variant_isa(const conv2d_device *device, int variant)
{
    (void)device;
    return variant ? "f64" : "f32";
}

static bool direct_supports(const conv2d_device *device, const c2_problem *p, int variant,
                            c2_why *why)
{
    (void)device;
    (void)variant;
    if (p->input_dtype != CONV2D_FLOAT32)
        return c2_refuse(why, "dtype %" PRId32 ": float32 only", p->input_dtype);
    if (p->padding_mode != CONV2D_PAD_ZEROS && c2_problem_is_padded(p))
        return c2_refuse(why, "padding_mode = %" PRId32 ": zeros only", p->padding_mode);
    return true;
}

static bool pointwise_supports(const conv2d_device *device, const c2_problem *p, int variant,
                               c2_why *why)
{
    if (p->kh != 1 || p->kw != 1)
        return c2_refuse(why, "kernel is %" PRId64 " x %" PRId64 ": 1 x 1 only", p->kh, p->kw);
    return direct_supports(device, p, variant, why);
}

static double direct_cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    (void)device;
    return c2_problem_flops(p) * (variant ? 2e-9 : 1e-9) + 1e-6;
}

static double pointwise_cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    return direct_cost(device, p, variant) / 2;
}

static double bound(const c2_problem *p, int variant)
{
    return variant ? 0x1p-23 : (double)(c2_problem_k(p) + 2) * 0x1p-24;
}

static const char *bound_text(const c2_problem *p, int variant)
{
    (void)p;
    return variant ? "2u" : "(K + 2) u";
}

static size_t packed_bytes(const c2_problem *p)
{
    return (size_t)p->oc * (size_t)c2_problem_k(p) * sizeof(float);
}

static c2_bytes memory(const conv2d_device *device, const c2_problem *p, int variant)
{
    (void)device;
    (void)variant;
    return (c2_bytes){packed_bytes(p), p->workspace_limit >= 256 ? 256 : 0, 0};
}

/* One dense block, whatever the problem; fake_direct and fake_pointwise keep one each all the same,
 * for the name of the algorithm is part of what tells packed forms apart. */
static void packing(const conv2d_device *device, const c2_problem *p, int variant, c2_text *out)
{
    (void)device;
    (void)p;
    (void)variant;
    c2_text_add(out, "v1");
}

static conv2d_status pack(conv2d_device *device, const c2_problem *p, int variant,
                          const c2_weight_view *weights, conv2d_buffer *packed)
{
    float *out = (float *)(void *)((fake_buffer *)packed)->memory;
    const int64_t *s = p->weight_stride;
    (void)device;
    (void)variant;
    if (fake_due(&fake_fault.pack))
        return c2_fail(CONV2D_E_DEVICE, "the fake device takes no weights (%zu bytes)",
                       packed->bytes);
    for (int64_t o = 0; o < p->oc; o++)
        for (int64_t c = 0; c < p->icg; c++)
            for (int64_t y = 0; y < p->kh; y++)
                for (int64_t x = 0; x < p->kw; x++)
                    *out++ =
                        ((const float *)weights->weight)[o * s[0] + c * s[1] + y * s[2] + x * s[3]];
    return CONV2D_OK;
}

static conv2d_status plan_create(conv2d_device *device, const c2_problem *p, int variant,
                                 c2_state **state_out)
{
    (void)p;
    c2_state *state = c2_alloc(&device->allocator, sizeof *state);
    if (!state)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a fake plan");
    state->variant = variant;
    atomic_fetch_add(&fake_count.states, 1);
    *state_out = state;
    return CONV2D_OK;
}

static void plan_destroy(conv2d_device *device, c2_state *state)
{
    if (!state)
        return;
    c2_free(&device->allocator, state, sizeof *state);
    atomic_fetch_sub(&fake_count.states, 1);
}

/* ---- execution ---- */

static const float *floats(const c2_data *d)
{
    return (const float *)(void *)(((fake_buffer *)d->buffer)->memory + d->byte_offset);
}

static float sum_window(const c2_run_args *args, int variant, const int64_t at[4])
{
    const c2_problem *p = args->problem;
    const float *in = floats(&args->input),
                *w = (float *)(void *)((fake_buffer *)args->packed)->memory;
    double here = 0, *sum = args->workspace ? args->workspace : &here;
    *sum = args->bias ? ((const float *)args->bias)[at[1]] : 0;
    w += at[1] * c2_problem_k(p);
    for (int64_t c = 0; c < p->icg; c++)
        for (int64_t ky = 0; ky < p->kh; ky++)
            for (int64_t kx = 0; kx < p->kw; kx++, w++) {
                const int64_t y = at[2] * p->stride[0] + ky * p->dilation[0] - p->pad[0];
                const int64_t x = at[3] * p->stride[1] + kx * p->dilation[1] - p->pad[1];
                if (y < 0 || y >= p->h || x < 0 || x >= p->w)
                    continue;
                const int64_t channel = at[1] / p->ocg * p->icg + c;
                const double product =
                    (double)*w *
                    (double)in[at[0] * p->input_stride[0] + channel * p->input_stride[1] +
                               y * p->input_stride[2] + x * p->input_stride[3]];
                *sum = variant ? *sum + product : (double)(float)(*sum + product);
            }
    return (float)*sum;
}

static int64_t offset(const int64_t strides[4], const int64_t at[4])
{
    return at[0] * strides[0] + at[1] * strides[1] + at[2] * strides[2] + at[3] * strides[3];
}

void fake_execute(const c2_state *state, const c2_run_args *args)
{
    const c2_problem *p = args->problem;
    const c2_post *activation = c2_problem_activation(p);
    float *out =
        (float *)(void *)(((fake_buffer *)args->output.buffer)->memory + args->output.byte_offset);
    int64_t at[4];
    for (at[0] = 0; at[0] < p->n; at[0]++)
        for (at[1] = 0; at[1] < p->oc; at[1]++)
            for (at[2] = 0; at[2] < p->oh; at[2]++)
                for (at[3] = 0; at[3] < p->ow; at[3]++) {
                    float y = sum_window(args, state->variant, at);
                    if (p->has_residual)
                        y += floats(&args->residual)[offset(p->residual_stride, at)];
                    if (activation)
                        y = c2_activate_f32(activation, y);
                    out[offset(p->output_stride, at)] = y;
                }
}

static const c2_algorithm direct = {
    .name = "fake_direct",
    .variants = two_variants,
    .variant_name = variant_name,
    .variant_isa = variant_isa,
    .supports = direct_supports,
    .cost = direct_cost,
    .bound = bound,
    .bound_text = bound_text,
    .memory = memory,
    .packing = packing,
    .pack = pack,
    .plan_create = plan_create,
    .plan_destroy = plan_destroy,
    .run = fake_enqueue,
};

static const c2_algorithm pointwise = {
    .name = "fake_pointwise",
    .variants = one_variant,
    .variant_name = variant_name,
    .variant_isa = variant_isa,
    .supports = pointwise_supports,
    .cost = pointwise_cost,
    .bound = bound,
    .bound_text = bound_text,
    .memory = memory,
    .packing = packing,
    .pack = pack,
    .plan_create = plan_create,
    .plan_destroy = plan_destroy,
    .run = fake_enqueue,
};

const c2_algorithm *const fake_algorithms[] = {&pointwise, &direct, NULL};
