/* SPDX-License-Identifier: BSD-2-Clause
 * Argument checks: parameters and shapes. Memory checks are in check_memory.c. Each refusal names
 * the argument, its value and what was expected; semantics as torch.nn.functional.conv2d 2.13. */
#include "api/check.h"

#include <inttypes.h>
#include <string.h>

#include "core/activation.h"
#include "core/dtype.h"
#include "core/error.h"
#include "core/shape.h"

static const char *const side_names[4] = {"top", "left", "bottom", "right"};
static const char *const axis_names[2] = {"y", "x"};

static conv2d_status check_enum(const char *name, int32_t value, int32_t last)
{
    if (value < 0 || value > last)
        return c2_fail(CONV2D_E_ARGUMENT, "params.%s is %" PRId32 ": expected 0 to %" PRId32, name,
                       value, last);
    return CONV2D_OK;
}

static conv2d_status check_bounds(const conv2d_params *p)
{
    if (isnan(p->output_min) || isnan(p->output_max))
        return c2_fail(CONV2D_E_ARGUMENT,
                       "params.output_min is %g, params.output_max is %g: NaN is no bound",
                       p->output_min, p->output_max);
    if (p->output_min > p->output_max)
        return c2_fail(CONV2D_E_ARGUMENT,
                       "params.output_min is %g, greater than params.output_max = %g",
                       p->output_min, p->output_max);
    const bool bounded = p->output_min != -HUGE_VAL || p->output_max != HUGE_VAL;
    if (bounded && p->activation != CONV2D_ACT_NONE && p->activation != CONV2D_ACT_CLAMP)
        return c2_fail(CONV2D_E_ARGUMENT,
                       "params.activation is %s and params.output_min/output_max are %g, %g: "
                       "bounds go with none or clamp",
                       c2_activation_by_id(p->activation)->name, p->output_min, p->output_max);
    if (p->activation == CONV2D_ACT_LEAKY_RELU && !isfinite(p->alpha))
        return c2_fail(CONV2D_E_ARGUMENT, "params.alpha is %g: expected a finite slope", p->alpha);
    return CONV2D_OK;
}

static conv2d_status check_geometry(const conv2d_params *p)
{
    for (int i = 0; i < 2; i++) {
        if (p->stride[i] < 1)
            return c2_fail(CONV2D_E_ARGUMENT,
                           "params.stride[%d] (%s) is %" PRId64 ": expected at least 1", i,
                           axis_names[i], p->stride[i]);
        if (p->dilation[i] < 1)
            return c2_fail(CONV2D_E_ARGUMENT,
                           "params.dilation[%d] (%s) is %" PRId64 ": expected at least 1", i,
                           axis_names[i], p->dilation[i]);
    }
    for (int i = 0; i < 4; i++) {
        if (p->padding[i] < 0)
            return c2_fail(CONV2D_E_ARGUMENT,
                           "params.padding[%d] (%s) is %" PRId64 ": expected at least 0", i,
                           side_names[i], p->padding[i]);
        if (p->padding[i] && p->auto_pad != CONV2D_AUTO_PAD_NONE)
            return c2_fail(CONV2D_E_ARGUMENT,
                           "params.padding[%d] (%s) is %" PRId64
                           " together with auto_pad: expected 0",
                           i, side_names[i], p->padding[i]);
    }
    if (p->auto_pad == CONV2D_AUTO_PAD_SAME && (p->stride[0] != 1 || p->stride[1] != 1))
        return c2_fail(CONV2D_E_ARGUMENT,
                       "params.stride is %" PRId64 ",%" PRId64
                       " with auto_pad = same: expected 1,1",
                       p->stride[0], p->stride[1]);
    if (p->groups < 1)
        return c2_fail(CONV2D_E_ARGUMENT, "params.groups is %" PRId64 ": expected at least 1",
                       p->groups);
    return CONV2D_OK;
}

conv2d_status c2_check_params(const conv2d_params *params, conv2d_params *params_out)
{
    static const conv2d_params defaults = CONV2D_PARAMS_INIT;
    const conv2d_params *p = params ? params : &defaults;
    if (p->struct_size < sizeof(conv2d_params))
        return c2_fail(CONV2D_E_ARGUMENT,
                       "params.struct_size is %" PRIu32 ": expected %zu (use CONV2D_PARAMS_INIT)",
                       p->struct_size, sizeof(conv2d_params));
    conv2d_status s;
    if ((s = check_enum("padding_mode", p->padding_mode, CONV2D_PAD_CIRCULAR)) ||
        (s = check_enum("auto_pad", p->auto_pad, CONV2D_AUTO_PAD_SAME)) ||
        (s = check_enum("activation", p->activation, CONV2D_ACT_MISH)) ||
        (s = check_enum("accuracy", p->accuracy, CONV2D_ACCURACY_TF32)) ||
        (s = check_enum("flush_denormals", p->flush_denormals, 1)) ||
        (s = check_enum("weights", p->weights, CONV2D_WEIGHTS_BORROW)) ||
        (s = check_enum("reserved", p->reserved, 0)) || (s = check_bounds(p)) ||
        (s = check_geometry(p)))
        return s;
    if (p->algorithm && !p->algorithm[0])
        return c2_fail(CONV2D_E_ARGUMENT, "params.algorithm is \"\": expected a name, or NULL");
    if (p->algorithm && strlen(p->algorithm) >= sizeof((c2_problem *)0)->algorithm)
        return c2_fail(CONV2D_E_ARGUMENT, "params.algorithm is \"%.60s...\": no name is that long",
                       p->algorithm);
    *params_out = *p;
    params_out->struct_size = sizeof(conv2d_params);
    return CONV2D_OK;
}

conv2d_status c2_check_tensor(const char *name, const conv2d_tensor *t, unsigned ranks)
{
    if (!t)
        return c2_fail(CONV2D_E_ARGUMENT, "%s is NULL", name);
    if (t->struct_size < sizeof(conv2d_tensor))
        return c2_fail(CONV2D_E_ARGUMENT,
                       "%s.struct_size is %" PRIu32 ": expected %zu (use CONV2D_TENSOR_INIT)", name,
                       t->struct_size, sizeof(conv2d_tensor));
    if (t->rank < 0 || t->rank > 4 || !(ranks >> t->rank & 1))
        return c2_fail(CONV2D_E_SHAPE, "%s has rank %" PRId32 ": expected %s", name, t->rank,
                       ranks == 1u << 1   ? "1"
                       : ranks == 1u << 4 ? "4"
                                          : "4 (N C H W) or 3 (C H W)");
    if (!c2_dtype_bytes(t->dtype))
        return c2_fail(CONV2D_E_DTYPE, "%s.dtype is %" PRId32 ": not a conv2d_dtype", name,
                       t->dtype);
    if (!c2_dtype_computed(t->dtype))
        return c2_fail(CONV2D_E_DTYPE,
                       "%s has dtype %s: this version computes float32, float64, float16 and "
                       "bfloat16",
                       name, c2_dtype_name(t->dtype));
    if (t->layout != CONV2D_LAYOUT_STRIDED)
        return c2_fail(CONV2D_E_ARGUMENT, "%s.layout is %" PRId32 ": expected 0 (strided)", name,
                       t->layout);
    if (t->quant)
        return c2_fail(CONV2D_E_ARGUMENT, "%s.quant is not NULL: quantisation is reserved", name);
    for (int i = 0; i < t->rank; i++)
        if (t->sizes[i] < 0)
            return c2_fail(CONV2D_E_SHAPE, "%s.sizes[%d] is %" PRId64 ": expected at least 0", name,
                           i, t->sizes[i]);
    int64_t low, high;
    if (!c2_extent(t->rank, t->sizes, t->strides, (int64_t)c2_dtype_bytes(t->dtype), &low, &high))
        return c2_fail(CONV2D_E_OVERFLOW, "%s: sizes and strides reach beyond 2^63 bytes", name);
    return CONV2D_OK;
}

conv2d_status c2_check_weights(const conv2d_tensor *weight, const conv2d_tensor *bias,
                               const conv2d_params *params)
{
    conv2d_status s = c2_check_tensor("weight", weight, 1u << 4);
    if (s || (bias && (s = c2_check_tensor("bias", bias, 1u << 1))))
        return s;
    const int64_t oc = weight->sizes[0];
    if (oc < params->groups)
        return c2_fail(CONV2D_E_SHAPE,
                       "weight has %" PRId64 " output channels and groups = %" PRId64
                       ": expected at least one a group",
                       oc, params->groups);
    if (oc % params->groups)
        return c2_fail(CONV2D_E_SHAPE,
                       "weight has %" PRId64 " output channels, not divisible by groups = %" PRId64,
                       oc, params->groups);
    for (int i = 2; i < 4; i++)
        if (weight->sizes[i] < 1)
            return c2_fail(CONV2D_E_SHAPE, "weight has kernel size %" PRId64 " x %" PRId64
                           ": expected at least 1 x 1", weight->sizes[2], weight->sizes[3]);
    if (bias && bias->dtype != weight->dtype)
        return c2_fail(CONV2D_E_DTYPE, "bias has dtype %s, weight has %s: expected the same",
                       c2_dtype_name(bias->dtype), c2_dtype_name(weight->dtype));
    if (bias && bias->sizes[0] != oc)
        return c2_fail(CONV2D_E_SHAPE,
                       "bias has %" PRId64 " elements, weight has %" PRId64
                       " output channels: expected the same",
                       bias->sizes[0], oc);
    return CONV2D_OK;
}

/* "same": d*(k-1) in total, the odd one at the end, as PyTorch. */
static bool resolve_padding(const conv2d_params *params, const conv2d_tensor *weight,
                            int64_t pad[4])
{
    memcpy(pad, params->padding, 4 * sizeof *pad);
    if (params->auto_pad != CONV2D_AUTO_PAD_SAME)
        return true;
    for (int a = 0; a < 2; a++) {
        int64_t total;
        if (!c2_mul_ok(params->dilation[a], weight->sizes[2 + a] - 1, &total))
            return false;
        pad[a] = total / 2;
        pad[a + 2] = total - total / 2;
    }
    return true;
}

static conv2d_status check_pad_mode(const conv2d_params *params, const int64_t pad[4],
                                    const int64_t size[2])
{
    for (int i = 0; i < 4; i++) {
        const int64_t extent = size[i % 2];
        if (params->padding_mode == CONV2D_PAD_REFLECT && pad[i] >= extent)
            return c2_fail(CONV2D_E_SHAPE,
                           "padding of %" PRId64 " at the %s with mode reflect, input has %" PRId64
                           " %s: expected less than that",
                           pad[i], side_names[i], extent, i % 2 ? "columns" : "rows");
        if (params->padding_mode == CONV2D_PAD_CIRCULAR && pad[i] > extent)
            return c2_fail(CONV2D_E_SHAPE,
                           "padding of %" PRId64 " at the %s with mode circular, input has %" PRId64
                           " %s: expected at most that",
                           pad[i], side_names[i], extent, i % 2 ? "columns" : "rows");
    }
    return CONV2D_OK;
}

/* Channels and spatial sizes of input against weight; sizes_out has input->rank entries. */
static conv2d_status output_sizes(const conv2d_tensor *input, const conv2d_tensor *weight,
                                  const conv2d_params *params, int64_t pad_out[4],
                                  int64_t sizes_out[4])
{
    const int batch = input->rank - 3; /* 1 if there is a batch axis */
    const int64_t ic = input->sizes[batch], *hw = input->sizes + batch + 1;
    if (input->dtype != weight->dtype)
        return c2_fail(CONV2D_E_DTYPE, "input has dtype %s, weight has %s: expected the same",
                       c2_dtype_name(input->dtype), c2_dtype_name(weight->dtype));
    if (ic % params->groups)
        return c2_fail(CONV2D_E_SHAPE,
                       "input has %" PRId64 " channels, not divisible by groups = %" PRId64, ic,
                       params->groups);
    if (weight->sizes[1] != ic / params->groups)
        return c2_fail(CONV2D_E_SHAPE,
                       "weight has %" PRId64 " input channels per group, input has %" PRId64
                       " channels and groups = %" PRId64 ": expected %" PRId64,
                       weight->sizes[1], ic, params->groups, ic / params->groups);
    /* As PyTorch: where the result is empty anyway, padding may stand in for the picture. */
    const bool empty = ic == 0 || (batch && input->sizes[0] == 0);
    if ((hw[0] < 1 || hw[1] < 1) && !(empty && params->padding_mode == CONV2D_PAD_ZEROS))
        return c2_fail(CONV2D_E_SHAPE,
                       "input has %" PRId64 " rows and %" PRId64
                       " columns: only the batch or the channels may be 0",
                       hw[0], hw[1]);
    if (!resolve_padding(params, weight, pad_out))
        return c2_fail(CONV2D_E_OVERFLOW, "dilation %" PRId64 ",%" PRId64
                       " times the kernel size does not fit 63 bits", params->dilation[0],
                       params->dilation[1]);
    conv2d_status s = check_pad_mode(params, pad_out, hw);
    if (s)
        return s;
    int64_t out[2];
    for (int a = 0; a < 2; a++) {
        const int64_t k = weight->sizes[2 + a];
        if (!c2_output_extent(hw[a], pad_out[a], pad_out[a + 2], k, params->stride[a],
                              params->dilation[a], &out[a]))
            return c2_fail(CONV2D_E_OVERFLOW,
                           "input of %" PRId64 " %s with padding %" PRId64 " + %" PRId64
                           ", kernel %" PRId64 ", dilation %" PRId64 ": does not fit 63 bits",
                           hw[a], a ? "columns" : "rows", pad_out[a], pad_out[a + 2], k,
                           params->dilation[a]);
        if (out[a] < 1)
            return c2_fail(CONV2D_E_SHAPE,
                           "kernel of %" PRId64 " %s (dilation %" PRId64
                           ") is larger than the padded input of %" PRId64,
                           k, a ? "columns" : "rows", params->dilation[a],
                           hw[a] + pad_out[a] + pad_out[a + 2]);
    }
    if (batch)
        sizes_out[0] = input->sizes[0];
    sizes_out[batch] = ic ? weight->sizes[0] : 0; /* PyTorch: no input channels, no output */
    sizes_out[batch + 1] = out[0];
    sizes_out[batch + 2] = out[1];
    return CONV2D_OK;
}

conv2d_status c2_check_output_sizes(const conv2d_tensor *input, const conv2d_tensor *weight,
                                    const conv2d_params *params, int64_t sizes_out[4])
{
    conv2d_params p;
    int64_t pad[4], sizes[4] = {0};
    conv2d_status s = c2_check_params(params, &p);
    if (s || (s = c2_check_tensor("input", input, 1u << 3 | 1u << 4)) ||
        (s = c2_check_weights(weight, NULL, &p)) ||
        (s = output_sizes(input, weight, &p, pad, sizes)))
        return s;
    memcpy(sizes_out, sizes, (size_t)input->rank * sizeof *sizes);
    return CONV2D_OK;
}

/* output or residual: rank, dtype and sizes as computed. */
static conv2d_status check_result(const char *name, const conv2d_tensor *t,
                                  const conv2d_tensor *input, const int64_t sizes[4])
{
    conv2d_status s = c2_check_tensor(name, t, 1u << 3 | 1u << 4);
    if (s)
        return s;
    if (t->rank != input->rank)
        return c2_fail(CONV2D_E_SHAPE, "%s has rank %" PRId32 ", input has %" PRId32
                       ": expected the same", name, t->rank, input->rank);
    if (t->dtype != input->dtype)
        return c2_fail(CONV2D_E_DTYPE, "%s has dtype %s, input has %s: expected the same", name,
                       c2_dtype_name(t->dtype), c2_dtype_name(input->dtype));
    static const char *const axes[4] = {"batch", "channels", "rows", "columns"};
    for (int i = 0; i < t->rank; i++)
        if (t->sizes[i] != sizes[i])
            return c2_fail(CONV2D_E_SHAPE,
                           "%s.sizes[%d] (%s) is %" PRId64 ": expected %" PRId64, name, i,
                           axes[i + 4 - t->rank], t->sizes[i], sizes[i]);
    return CONV2D_OK;
}

/* Strides as four axes; an axis of one element or fewer gets stride 0, so that equal problems are
 * equal structs. */
static void four_strides(const conv2d_tensor *t, int64_t out[4])
{
    for (int i = 0; i < 4; i++) {
        const int j = i - (4 - t->rank);
        out[i] = j >= 0 && t->sizes[j] > 1 ? t->strides[j] : 0;
    }
}

static void add_posts(const conv2d_params *params, c2_problem *p)
{
    if (p->has_bias)
        p->posts[p->n_posts++].kind = C2_POST_BIAS;
    if (p->has_residual)
        p->posts[p->n_posts++].kind = C2_POST_RESIDUAL;
    int32_t activation = params->activation;
    const bool bounded = params->output_min != -HUGE_VAL || params->output_max != HUGE_VAL;
    if (activation == CONV2D_ACT_NONE && bounded)
        activation = CONV2D_ACT_CLAMP;
    if (activation == CONV2D_ACT_CLAMP && !bounded)
        activation = CONV2D_ACT_NONE;
    if (activation == CONV2D_ACT_NONE)
        return;
    c2_post *post = &p->posts[p->n_posts++];
    post->kind = C2_POST_ACTIVATION;
    post->activation = activation;
    post->min = activation == CONV2D_ACT_CLAMP ? params->output_min : 0;
    post->max = activation == CONV2D_ACT_CLAMP ? params->output_max : 0;
    post->alpha = activation == CONV2D_ACT_LEAKY_RELU ? params->alpha : 0;
}

conv2d_status c2_check_problem(const conv2d_problem *d, c2_problem *problem_out)
{
    conv2d_params params;
    conv2d_status s = c2_check_params(&d->params, &params);
    const bool has_bias = d->bias.rank != 0, has_residual = d->residual.rank != 0;
    int64_t pad[4], sizes[4] = {0};
    if (d->weights_form > CONV2D_WEIGHTS_BOX)
        return c2_fail(CONV2D_E_ARGUMENT, "weights_form is %" PRIu32 ": unknown", d->weights_form);
    if (s || (s = c2_check_tensor("input", &d->input, 1u << 3 | 1u << 4)) ||
        (s = c2_check_weights(&d->weight, has_bias ? &d->bias : NULL, &params)) ||
        (s = output_sizes(&d->input, &d->weight, &params, pad, sizes)))
        return s;
    const int rank = d->input.rank, batch = rank - 3;
    conv2d_tensor output = d->output;
    if (!output.rank) {
        output = d->input;
        memcpy(output.sizes, sizes, sizeof sizes);
        const char *layout = c2_layout_name(rank, d->input.sizes, d->input.strides);
        c2_contiguous_strides(rank, sizes, strcmp(layout, "nhwc") ? CONV2D_NCHW : CONV2D_NHWC,
                              output.strides);
    }
    if ((s = check_result("output", &output, &d->input, sizes)) ||
        (has_residual && (s = check_result("residual", &d->residual, &d->input, sizes))))
        return s;
    if ((s = c2_check_distinct("output", &output)))
        return s;
    int64_t elements = (int64_t)c2_dtype_bytes(output.dtype);
    for (int i = 0; i < rank; i++)
        if (!c2_mul_ok(elements, c2_max(sizes[i], 1), &elements))
            return c2_fail(CONV2D_E_OVERFLOW, "output has more than 2^63 bytes");
    int64_t k = d->weight.sizes[1];
    if (!c2_mul_ok(k, d->weight.sizes[2], &k) || !c2_mul_ok(k, d->weight.sizes[3], &k) ||
        !c2_mul_ok(k, d->weight.sizes[0], &k) ||
        !c2_mul_ok(k, (int64_t)c2_dtype_bytes(d->weight.dtype), &k))
        return c2_fail(CONV2D_E_OVERFLOW, "weight has more than 2^63 bytes");

    c2_problem p;
    memset(&p, 0, sizeof p);
    p.op = C2_OP_FORWARD;
    p.n = batch ? d->input.sizes[0] : 1;
    p.groups = params.groups;
    p.ic = d->input.sizes[batch];
    p.oc = sizes[batch];
    p.icg = p.ic / p.groups;
    p.ocg = p.oc / p.groups;
    p.h = d->input.sizes[batch + 1];
    p.w = d->input.sizes[batch + 2];
    p.kh = d->weight.sizes[2];
    p.kw = d->weight.sizes[3];
    p.oh = sizes[batch + 1];
    p.ow = sizes[batch + 2];
    memcpy(p.stride, params.stride, sizeof p.stride);
    memcpy(p.dilation, params.dilation, sizeof p.dilation);
    /* Steps that are never taken do not count: equal problems are equal structs, and kernels see no
     * needlessly large numbers. */
    for (int a = 0; a < 2; a++) {
        p.stride[a] = (a ? p.ow : p.oh) > 1 ? p.stride[a] : 1;
        p.dilation[a] = (a ? p.kw : p.kh) > 1 ? p.dilation[a] : 1;
    }
    memcpy(p.pad, pad, sizeof p.pad);
    p.padding_mode = params.padding_mode;
    p.input_dtype = d->input.dtype;
    p.weight_dtype = d->weight.dtype;
    p.output_dtype = output.dtype;
    four_strides(&d->input, p.input_stride);
    four_strides(&d->weight, p.weight_stride);
    four_strides(&output, p.output_stride);
    p.has_bias = has_bias;
    p.has_residual = has_residual;
    if (has_bias)
        p.bias_dtype = d->bias.dtype;
    if (has_residual) {
        p.residual_dtype = d->residual.dtype;
        four_strides(&d->residual, p.residual_stride);
    }
    add_posts(&params, &p);
    p.accuracy = params.accuracy;
    p.flush_denormals = params.flush_denormals != 0;
    p.weights_finite = true;
    p.weights_form = (int32_t)d->weights_form;
    p.workspace_limit = params.workspace_limit;
    if (params.algorithm)
        memcpy(p.algorithm, params.algorithm, strlen(params.algorithm));
    memcpy(problem_out, &p, sizeof p); /* padding included: problems are compared by memcmp */
    return CONV2D_OK;
}

conv2d_status c2_check_info_size(const char *name, uint32_t size, size_t before, size_t now)
{
    if (size < now && size != before)
        return c2_fail(CONV2D_E_ARGUMENT, "%s.struct_size is %" PRIu32 ": expected %zu", name, size,
                       now);
    return CONV2D_OK;
}
