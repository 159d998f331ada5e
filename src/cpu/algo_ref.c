/* SPDX-License-Identifier: BSD-2-Clause
 * The reference: plain loops, float64 accumulation, every problem this version accepts.
 *
 * float32, float16, bfloat16: each product and sum in float64, activation in float64, one rounding
 * at the end. float32: |error| <= 2^-24 |y| + (K+2) 2^-52 s before the activation; float16 and
 * bfloat16: (K+2) 2^-52 s, and half a unit in the last place of the output.
 * float64: |error| <= g(K+2) s with u = 2^-53. Taps outer (ky, kx), channels inner; a padded tap
 * is skipped. */
#include "core/activation.h"
#include "core/dtype.h"
#include "core/half.h"
#include "cpu/cpu.h"

/* Cost of one multiply-add of these loops: 1.0 ns (strided loads, one dependent addition).
 * Xeon 2.8 GHz (Ice Lake), November 2026. */
static const double seconds_a_product = 1.0e-9;

static int ref_variants(const conv2d_device *device)
{
    (void)device;
    return 1;
}

static const char *ref_variant_name(const conv2d_device *device, int variant)
{
    (void)device;
    (void)variant;
    return "plain_f64";
}

static const char *ref_variant_isa(const conv2d_device *device, int variant)
{
    (void)device;
    (void)variant;
    return "generic";
}

static bool ref_supports(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    (void)device;
    (void)variant;
    if (!c2_dtype_computed(p->input_dtype))
        return c2_refuse(why, "dtype %s: none but float types", c2_dtype_name(p->input_dtype));
    return true;
}

static double ref_cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    (void)device;
    (void)variant;
    return c2_problem_flops(p) / 2 * seconds_a_product;
}

static double ref_bound(const c2_problem *p, int variant)
{
    (void)variant;
    const double n = (double)c2_problem_k(p) + 2;
    if (p->output_dtype == CONV2D_FLOAT64)
        return n * 0x1p-53 / (1 - n * 0x1p-53);
    return n * 0x1p-52 + (p->output_dtype == CONV2D_FLOAT32 ? 0x1p-24 : 0);
}

static const char *ref_bound_text(const c2_problem *p, int variant)
{
    (void)variant;
    return p->output_dtype == CONV2D_FLOAT64   ? "g(K+2) * s with u = 2^-53"
           : p->output_dtype == CONV2D_FLOAT32 ? "2^-24 * |y| + (K+2) * 2^-52 * s"
                                               : "(K+2) * 2^-52 * s, rounded once";
}

static c2_bytes ref_memory(const conv2d_device *device, const c2_problem *p, int variant)
{
    (void)device;
    (void)variant;
    /* packed: the weights as float64, O KH KW I */
    const size_t n = (size_t)(p->oc * c2_problem_k(p));
    return (c2_bytes){n * sizeof(double), 0, 0};
}

static void ref_packing(const conv2d_device *device, const c2_problem *p, int variant,
                        c2_text *out)
{
    (void)device;
    (void)p;
    (void)variant;
    c2_text_add(out, "v1");
}

static conv2d_status ref_pack(conv2d_device *device, const c2_problem *p, int variant,
                              const c2_weight_view *view, conv2d_buffer *packed)
{
    (void)device;
    (void)variant;
    double *to = packed->host;
    for (int64_t o = 0; o < p->oc; o++)
        for (int64_t ky = 0; ky < p->kh; ky++)
            for (int64_t kx = 0; kx < p->kw; kx++)
                for (int64_t i = 0; i < p->icg; i++) {
                    const int64_t at = o * p->weight_stride[0] + i * p->weight_stride[1] +
                                       ky * p->weight_stride[2] + kx * p->weight_stride[3];
                    *to++ = c2_load_f64(view->weight, p->weight_dtype, at);
                }
    return CONV2D_OK;
}

/* The plan's state: nothing but the problem, which the run brings along. */
static conv2d_status ref_plan_create(conv2d_device *device, const c2_problem *p, int variant,
                                     c2_state **state_out)
{
    (void)device;
    (void)p;
    (void)variant;
    *state_out = NULL;
    return CONV2D_OK;
}

static void ref_plan_destroy(conv2d_device *device, c2_state *state)
{
    (void)device;
    (void)state;
}

/* Sum over one window. in: offset of (n, first channel of the group, 0, 0); w: packed filter. */
static double window(const c2_problem *p, const void *data, int64_t in, const double *w, int64_t oy,
                     int64_t ox)
{
    double sum = 0;
    for (int64_t ky = 0; ky < p->kh; ky++) {
        const int64_t y = c2_pad_index(p->padding_mode,
                                       oy * p->stride[0] + ky * p->dilation[0] - p->pad[0], p->h);
        if (y < 0)
            continue;
        for (int64_t kx = 0; kx < p->kw; kx++) {
            const int64_t x = c2_pad_index(
                p->padding_mode, ox * p->stride[1] + kx * p->dilation[1] - p->pad[1], p->w);
            if (x < 0)
                continue;
            const double *tap = w + (ky * p->kw + kx) * p->icg;
            const int64_t at = in + y * p->input_stride[2] + x * p->input_stride[3];
            for (int64_t i = 0; i < p->icg; i++)
                sum += tap[i] * c2_load_f64(data, p->input_dtype, at + i * p->input_stride[1]);
        }
    }
    return sum;
}

/* Task i: output row (n, oc, oy). */
static void row_task(const c2_state *state, const c2_run_args *args, size_t task, int worker)
{
    (void)state;
    (void)worker;
    const c2_problem *p = args->problem;
    const int64_t i = (int64_t)task;
    const int64_t oy = i % p->oh, oc = i / p->oh % p->oc, n = i / p->oh / p->oc;
    const double *w = (const double *)args->packed->host + oc * c2_problem_k(p);
    const double bias = p->has_bias ? c2_load_f64(args->bias, p->bias_dtype, oc) : 0;
    const c2_post *activation = c2_problem_activation(p);
    const int64_t in = n * p->input_stride[0] + oc / p->ocg * p->icg * p->input_stride[1];
    const int64_t out =
        n * p->output_stride[0] + oc * p->output_stride[1] + oy * p->output_stride[2];
    const int64_t res =
        n * p->residual_stride[0] + oc * p->residual_stride[1] + oy * p->residual_stride[2];
    for (int64_t ox = 0; ox < p->ow; ox++) {
        double y = window(p, args->input.data, in, w, oy, ox) + bias;
        if (p->has_residual)
            y += c2_load_f64(args->residual.data, p->residual_dtype,
                             res + ox * p->residual_stride[3]);
        if (activation)
            y = c2_activate_f64(activation, y);
        c2_store_f64(args->output.data, p->output_dtype, out + ox * p->output_stride[3], y);
    }
}

static conv2d_status ref_run(const c2_state *state, const c2_run_args *args)
{
    const c2_problem *p = args->problem;
    return c2_cpu_parallel(state, args, (size_t)(p->n * p->oc * p->oh), row_task);
}

const c2_algorithm c2_algo_ref = {
    .name = "reference",
    .variants = ref_variants,
    .variant_name = ref_variant_name,
    .variant_isa = ref_variant_isa,
    .supports = ref_supports,
    .cost = ref_cost,
    .bound = ref_bound,
    .bound_text = ref_bound_text,
    .memory = ref_memory,
    .packing = ref_packing,
    .pack = ref_pack,
    .plan_create = ref_plan_create,
    .plan_destroy = ref_plan_destroy,
    .run = ref_run,
};
