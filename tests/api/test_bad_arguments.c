/* SPDX-License-Identifier: BSD-2-Clause
 * Every refusal of the public header, one row each: the status, the argument's name and its value
 * in the sentence, and no byte of the output touched. Each row goes through conv2d(), through
 * conv2d_prepack() + conv2d_run() and through conv2d_prepack() + conv2d_plan_create(). */
#include <math.h>

#include "helpers.h"

/* A valid convolution: 2x6x8x9 by 4x3x3x3 in two groups, padding 1. Rows spoil one thing. */
typedef struct call {
    conv2d_device *device;
    box input, weight, bias, residual, output;
    conv2d_tensor *in, *wt, *bs, *rs, *out;
    conv2d_params params;
} call;

typedef struct row {
    const char *what;
    void (*spoil)(call *, double value, size_t offset, size_t size);
    size_t offset, size; /* of a params or tensor field, for the generic spoilers */
    double value;
    conv2d_status status;
    const char *name, *shown; /* both in the sentence */
} row;

static call call_make(conv2d_device *device)
{
    call c = {.device = device, .params = CONV2D_PARAMS_INIT};
    c.input = box4(CONV2D_NCHW, 2, 6, 8, 9, 1);
    c.weight = box4(CONV2D_NCHW, 4, 3, 3, 3, 2);
    c.bias = box1(4, 3);
    c.residual = box4(CONV2D_NCHW, 2, 4, 8, 9, 4);
    c.output = box4(CONV2D_NCHW, 2, 4, 8, 9, 5);
    box_poison(&c.output);
    c.params.groups = 2;
    for (int i = 0; i < 4; i++)
        c.params.padding[i] = 1;
    return c;
}

static void call_free(call *c)
{
    box_free(&c->input);
    box_free(&c->weight);
    box_free(&c->bias);
    box_free(&c->residual);
    box_free(&c->output);
}

/* ---- spoilers ---- */

static void store(void *field, size_t size, double value)
{
    const int64_t wide = (int64_t)value;
    const int32_t narrow = (int32_t)wide;
    memcpy(field, size == sizeof narrow ? (const void *)&narrow : (const void *)&wide, size);
}

static void params_int(call *c, double value, size_t offset, size_t size)
{
    store((char *)&c->params + offset, size, value);
}

static void params_double(call *c, double value, size_t offset, size_t size)
{
    memcpy((char *)&c->params + offset, &value, size);
}

static void input_int(call *c, double value, size_t offset, size_t size)
{
    store((char *)c->in + offset, size, value);
}

static void weight_int(call *c, double value, size_t offset, size_t size)
{
    store((char *)c->wt + offset, size, value);
}

static void bias_int(call *c, double value, size_t offset, size_t size)
{
    store((char *)c->bs + offset, size, value);
}

static void residual_int(call *c, double value, size_t offset, size_t size)
{
    store((char *)c->rs + offset, size, value);
}

static void output_int(call *c, double value, size_t offset, size_t size)
{
    store((char *)c->out + offset, size, value);
}

static void reflect_wide(call *c, double value, size_t offset, size_t size)
{
    (void)size;
    c->params.padding_mode = CONV2D_PAD_REFLECT;
    c->params.padding[offset] = (int64_t)value;
}

static void circular_wide(call *c, double value, size_t offset, size_t size)
{
    (void)size;
    c->params.padding_mode = CONV2D_PAD_CIRCULAR;
    c->params.padding[offset] = (int64_t)value;
}

static void auto_pad(call *c, double value, size_t offset, size_t size)
{
    (void)size;
    memset(c->params.padding, 0, sizeof c->params.padding);
    c->params.auto_pad = CONV2D_AUTO_PAD_SAME;
    c->params.stride[offset] = (int64_t)value;
}

static void bounds_crossed(call *c, double value, size_t offset, size_t size)
{
    (void)offset;
    (void)size;
    c->params.output_min = value;
    c->params.output_max = 1;
}

static void leaky(call *c, double value, size_t offset, size_t size)
{
    (void)offset;
    (void)size;
    c->params.activation = CONV2D_ACT_LEAKY_RELU;
    c->params.alpha = value;
}

static void bound_with_relu(call *c, double value, size_t offset, size_t size)
{
    (void)size;
    c->params.activation = (int32_t)value;
    if (offset)
        c->params.output_max = 7.5;
    else
        c->params.output_min = -7.5;
}

static void misaligned(call *c, double value, size_t offset, size_t size)
{
    conv2d_tensor *const tensors[] = {c->in, c->wt, c->bs, c->rs, c->out};
    (void)size;
    tensors[offset]->data = (char *)tensors[offset]->data + (int)value;
}

static void drop(call *c, double value, size_t offset, size_t size)
{
    (void)size;
    switch (offset) {
    case 0:
        c->in = value > 0 ? c->in : NULL;
        break;
    case 1:
        c->wt = value > 0 ? c->wt : NULL;
        break;
    default:
        c->out = value > 0 ? c->out : NULL;
        break;
    }
}

static void no_data(call *c, double value, size_t offset, size_t size)
{
    conv2d_tensor *const tensors[] = {c->in, c->wt, c->bs, c->rs, c->out};
    (void)value;
    (void)size;
    tensors[offset]->data = NULL;
}

static void quant_set(call *c, double value, size_t offset, size_t size)
{
    (void)value;
    (void)offset;
    (void)size;
    c->in->quant = (const conv2d_quant *)c->in->data;
}

/* The output lies on top of another tensor, `value` bytes further on. */
static void output_over(call *c, double value, size_t offset, size_t size)
{
    conv2d_tensor *const tensors[] = {c->in, c->wt, c->bs, c->rs};
    (void)size;
    c->out->data = (char *)tensors[offset]->data + (int)value;
}

/* In memory of their own: an output is longer than they are, and would reach their neighbours. */
static void output_and_tensor(call *c, double value, size_t offset, size_t size)
{
    static float room[2 * 4 * 8 * 9]; /* an output */
    conv2d_tensor *const tensors[] = {c->in, c->wt, c->bs, c->rs};
    (void)value;
    (void)size;
    tensors[offset]->data = room;
    c->out->data = room;
}

static void algorithm_named(call *c, double value, size_t offset, size_t size)
{
    static const char *const names[] = {"winograd_f99", "reference/avx9", ""};
    (void)value;
    (void)size;
    c->params.algorithm = names[offset];
}

/* ---- the table ---- */

#define P(field) offsetof(conv2d_params, field), sizeof(((conv2d_params *)0)->field)
#define T(field) offsetof(conv2d_tensor, field), sizeof(((conv2d_tensor *)0)->field)
#define ARG CONV2D_E_ARGUMENT
#define SHAPE CONV2D_E_SHAPE
#define DTYPE CONV2D_E_DTYPE
#define STRIDE CONV2D_E_STRIDE

static const row rows[] = {
    {"stride y 0", params_int, P(stride[0]), 0, ARG, "stride", "0"},
    {"stride x 0", params_int, P(stride[1]), 0, ARG, "stride", "0"},
    {"stride y -2", params_int, P(stride[0]), -2, ARG, "stride", "-2"},
    {"stride x -2", params_int, P(stride[1]), -2, ARG, "stride", "-2"},
    {"dilation y 0", params_int, P(dilation[0]), 0, ARG, "dilation", "0"},
    {"dilation x 0", params_int, P(dilation[1]), 0, ARG, "dilation", "0"},
    {"dilation y -3", params_int, P(dilation[0]), -3, ARG, "dilation", "-3"},
    {"dilation x -3", params_int, P(dilation[1]), -3, ARG, "dilation", "-3"},
    {"padding top -1", params_int, P(padding[0]), -1, ARG, "padding", "-1"},
    {"padding left -1", params_int, P(padding[1]), -1, ARG, "padding", "-1"},
    {"padding bottom -1", params_int, P(padding[2]), -1, ARG, "padding", "-1"},
    {"padding right -1", params_int, P(padding[3]), -1, ARG, "padding", "-1"},
    {"groups 0", params_int, P(groups), 0, ARG, "groups", "0"},
    {"groups -1", params_int, P(groups), -1, ARG, "groups", "-1"},
    {"groups 5", params_int, P(groups), 5, SHAPE, "groups", "5"},
    {"groups 3", params_int, P(groups), 3, SHAPE, "groups", "3"},
    {"groups 2^40", params_int, P(groups), 0x1p40, SHAPE, "groups", "1099511627776"},
    {"params struct_size 0", params_int, P(struct_size), 0, ARG, "params", "struct_size"},
    {"params struct_size 8", params_int, P(struct_size), 8, ARG, "params", "8"},
    {"params reserved", params_int, P(reserved), 9, ARG, "reserved", "9"},
    {"padding_mode", params_int, P(padding_mode), 4, ARG, "padding_mode", "4"},
    {"padding_mode -1", params_int, P(padding_mode), -1, ARG, "padding_mode", "-1"},
    {"auto_pad", params_int, P(auto_pad), 3, ARG, "auto_pad", "3"},
    {"auto_pad with padding", params_int, P(auto_pad), CONV2D_AUTO_PAD_SAME, ARG, "padding", "1"},
    {"valid with padding", params_int, P(auto_pad), CONV2D_AUTO_PAD_VALID, ARG, "padding", "1"},
    {"activation", params_int, P(activation), 13, ARG, "activation", "13"},
    {"activation -1", params_int, P(activation), -1, ARG, "activation", "-1"},
    {"accuracy", params_int, P(accuracy), 4, ARG, "accuracy", "4"},
    {"flush_denormals", params_int, P(flush_denormals), 2, ARG, "flush_denormals", "2"},
    {"weights", params_int, P(weights), 2, ARG, "weights", "2"},
    {"output_min NaN", params_double, P(output_min), NAN, ARG, "output_min", "nan"},
    {"output_max NaN", params_double, P(output_max), NAN, ARG, "output_max", "nan"},
    {"alpha NaN", leaky, 0, 0, NAN, ARG, "alpha", "nan"},
    {"alpha inf", leaky, 0, 0, INFINITY, ARG, "alpha", "inf"},
    {"bounds crossed", bounds_crossed, 0, 0, 2, ARG, "output_min", "2"},
    {"relu with output_min", bound_with_relu, 0, 0, CONV2D_ACT_RELU, ARG, "output_min", "-7.5"},
    {"relu6 with output_max", bound_with_relu, 1, 0, CONV2D_ACT_RELU6, ARG, "output_max", "7.5"},
    {"gelu with output_max", bound_with_relu, 1, 0, CONV2D_ACT_GELU, ARG, "gelu", "7.5"},
    {"algorithm unknown", algorithm_named, 0, 0, 0, ARG, "algorithm", "winograd_f99"},
    {"algorithm variant unknown", algorithm_named, 1, 0, 0, ARG, "algorithm", "reference/avx9"},
    {"algorithm empty", algorithm_named, 2, 0, 0, ARG, "algorithm", ""},
    {"reflect top 8 of 8", reflect_wide, 0, 0, 8, SHAPE, "padding", "8"},
    {"reflect left 9 of 9", reflect_wide, 1, 0, 9, SHAPE, "padding", "9"},
    {"reflect bottom 12 of 8", reflect_wide, 2, 0, 12, SHAPE, "padding", "12"},
    {"reflect right 10 of 9", reflect_wide, 3, 0, 10, SHAPE, "padding", "10"},
    {"circular top 9 of 8", circular_wide, 0, 0, 9, SHAPE, "padding", "9"},
    {"circular right 10 of 9", circular_wide, 3, 0, 10, SHAPE, "padding", "10"},
    {"same with stride y 2", auto_pad, 0, 0, 2, ARG, "stride", "2"},
    {"same with stride x 3", auto_pad, 1, 0, 3, ARG, "stride", "3"},

    {"input NULL", drop, 0, 0, 0, ARG, "input", "NULL"},
    {"weight NULL", drop, 1, 0, 0, ARG, "weight", "NULL"},
    {"output NULL", drop, 2, 0, 0, ARG, "output", "NULL"},
    {"input without data", no_data, 0, 0, 0, ARG, "input", "NULL"},
    {"weight without data", no_data, 1, 0, 0, ARG, "weight", "NULL"},
    {"bias without data", no_data, 2, 0, 0, ARG, "bias", "NULL"},
    {"residual without data", no_data, 3, 0, 0, ARG, "residual", "NULL"},
    {"output without data", no_data, 4, 0, 0, ARG, "output", "NULL"},
    {"input struct_size 0", input_int, T(struct_size), 0, ARG, "input", "struct_size"},
    {"weight struct_size 0", weight_int, T(struct_size), 0, ARG, "weight", "struct_size"},
    {"bias struct_size 16", bias_int, T(struct_size), 16, ARG, "bias", "16"},
    {"residual struct_size 0", residual_int, T(struct_size), 0, ARG, "residual", "struct_size"},
    {"output struct_size 0", output_int, T(struct_size), 0, ARG, "output", "struct_size"},
    {"input dtype 0", input_int, T(dtype), 0, DTYPE, "input", "0"},
    {"input dtype 99", input_int, T(dtype), 99, DTYPE, "input", "99"},
    {"input float16", input_int, T(dtype), CONV2D_FLOAT16, DTYPE, "input", "float16"},
    {"input int8", input_int, T(dtype), CONV2D_INT8, DTYPE, "input", "int8"},
    {"input float64 alone", input_int, T(dtype), CONV2D_FLOAT64, DTYPE, "float64", "float32"},
    {"weight dtype 99", weight_int, T(dtype), 99, DTYPE, "weight", "99"},
    {"weight bfloat16", weight_int, T(dtype), CONV2D_BFLOAT16, DTYPE, "weight", "bfloat16"},
    {"bias float64", bias_int, T(dtype), CONV2D_FLOAT64, DTYPE, "bias", "float64"},
    {"residual float64", residual_int, T(dtype), CONV2D_FLOAT64, DTYPE, "residual", "float64"},
    {"output float64", output_int, T(dtype), CONV2D_FLOAT64, DTYPE, "output", "float64"},
    {"input rank 2", input_int, T(rank), 2, SHAPE, "input", "2"},
    {"input rank 5", input_int, T(rank), 5, SHAPE, "input", "5"},
    {"input rank 0", input_int, T(rank), 0, SHAPE, "input", "0"},
    {"input rank -1", input_int, T(rank), -1, SHAPE, "input", "-1"},
    {"weight rank 3", weight_int, T(rank), 3, SHAPE, "weight", "3"},
    {"bias rank 2", bias_int, T(rank), 2, SHAPE, "bias", "2"},
    {"residual rank 3", residual_int, T(rank), 3, SHAPE, "residual", "3"},
    {"output rank 3", output_int, T(rank), 3, SHAPE, "output", "3"},
    {"output rank 0", output_int, T(rank), 0, SHAPE, "output", "0"},
    {"input layout 1", input_int, T(layout), 1, ARG, "input", "1"},
    {"output layout 7", output_int, T(layout), 7, ARG, "output", "7"},
    {"input quant", quant_set, 0, 0, 0, ARG, "input", "quant"},
    {"input size -1", input_int, T(sizes[2]), -1, SHAPE, "input", "-1"},
    {"weight size -4", weight_int, T(sizes[0]), -4, SHAPE, "weight", "-4"},
    {"input 5 channels", input_int, T(sizes[1]), 5, SHAPE, "input", "5"},
    {"input 8 channels", input_int, T(sizes[1]), 8, SHAPE, "input", "8"},
    {"weight 2 channels", weight_int, T(sizes[1]), 2, SHAPE, "weight", "2"},
    {"weight oc 3", weight_int, T(sizes[0]), 3, SHAPE, "groups", "3"},
    {"weight oc 0", weight_int, T(sizes[0]), 0, SHAPE, "weight", "0"},
    {"weight kh 0", weight_int, T(sizes[2]), 0, SHAPE, "weight", "0"},
    {"input h 0", input_int, T(sizes[2]), 0, SHAPE, "input", "0"},
    {"bias 5", bias_int, T(sizes[0]), 5, SHAPE, "bias", "5"},
    {"residual n 1", residual_int, T(sizes[0]), 1, SHAPE, "residual", "1"},
    {"residual c 1", residual_int, T(sizes[1]), 1, SHAPE, "residual", "1"},
    {"residual h 7", residual_int, T(sizes[2]), 7, SHAPE, "residual", "7"},
    {"output n 3", output_int, T(sizes[0]), 3, SHAPE, "output", "3"},
    {"output c 6", output_int, T(sizes[1]), 6, SHAPE, "output", "6"},
    {"output h 7", output_int, T(sizes[2]), 7, SHAPE, "output", "7"},
    {"output w 1", output_int, T(sizes[3]), 1, SHAPE, "output", "1"},
    {"output h stride 0", output_int, T(strides[2]), 0, STRIDE, "output", "0"},
    {"output h stride 8 of 9", output_int, T(strides[2]), 8, STRIDE, "output", "8"},
    {"output n stride 1", output_int, T(strides[0]), 1, STRIDE, "output", "1"},
    {"input misaligned", misaligned, 0, 0, 2, STRIDE, "input", "multiple of 4"},
    {"weight misaligned", misaligned, 1, 0, 1, STRIDE, "weight", "multiple of 4"},
    {"bias misaligned", misaligned, 2, 0, 3, STRIDE, "bias", "multiple of 4"},
    {"residual misaligned", misaligned, 3, 0, 1, STRIDE, "residual", "multiple of 4"},
    {"output misaligned", misaligned, 4, 0, 2, STRIDE, "output", "multiple of 4"},
    {"output over input", output_over, 0, 0, 0, STRIDE, "output", "input"},
    {"output over input + 4", output_over, 0, 0, 4, STRIDE, "output", "input"},
    {"output over end of residual", output_over, 3, 0, 8, STRIDE, "output", "residual"},
};

/* Only for conv2d(): a context has copied its weights, so the caller's may be overwritten. */
static const row oneshot_rows[] = {
    {"output over weight", output_and_tensor, 1, 0, 0, STRIDE, "output", "weight"},
    {"output over bias", output_and_tensor, 2, 0, 0, STRIDE, "output", "bias"},
};

/* ---- the three ways in ---- */

static conv2d_status way_oneshot(call *c)
{
    return conv2d(c->device, c->in, c->wt, c->bs, c->rs, &c->params, c->out);
}

static conv2d_status way_run(call *c)
{
    conv2d_context *context = NULL;
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    conv2d_status status = conv2d_prepack(c->device, c->wt, c->bs, &c->params, &context);
    if (status)
        return status;
    args.input = c->in;
    args.residual = c->rs;
    args.output = c->out;
    status = conv2d_run(context, &args);
    conv2d_context_destroy(context);
    return status;
}

static conv2d_status way_plan(call *c)
{
    conv2d_context *context = NULL;
    conv2d_plan *plan = NULL;
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    conv2d_status status = conv2d_prepack(c->device, c->wt, c->bs, &c->params, &context);
    if (status)
        return status;
    status = conv2d_plan_create(context, c->in, c->rs, c->out, &plan);
    conv2d_context_destroy(context);
    if (status) {
        assert_null(plan);
        return status;
    }
    args.input = c->in;
    args.residual = c->rs;
    args.output = c->out;
    status = conv2d_plan_run(plan, &args);
    conv2d_plan_destroy(plan);
    return status;
}

static int check_row(const row *r, const char *way_name, conv2d_status (*way)(call *),
                     conv2d_device *device)
{
    call c = call_make(device);
    const conv2d_tensor untouched = c.output.t;
    int wrong = 0;
    c.in = &c.input.t;
    c.wt = &c.weight.t;
    c.bs = &c.bias.t;
    c.rs = &c.residual.t;
    c.out = &c.output.t;
    conv2d_params before = c.params;
    if (r) {
        r->spoil(&c, r->value, r->offset, r->size);
        before = c.params;
        const conv2d_status status = way(&c);
        const char *sentence = conv2d_last_error();
        if (status != r->status || !strstr(sentence, r->name) || !strstr(sentence, r->shown)) {
            print_error("%s, %s: %s \"%s\"\n   expected %s with \"%s\" and \"%s\"\n", r->what,
                        way_name, conv2d_status_name(status), sentence,
                        conv2d_status_name(r->status), r->name, r->shown);
            wrong = 1;
        }
        if (!box_is_poisoned(&c.output)) {
            print_error("%s, %s: the output was touched\n", r->what, way_name);
            wrong = 1;
        }
        assert_memory_equal(&before, &c.params, sizeof before);
    } else { /* the unspoiled call works, or the table proves nothing */
        assert_ok(way(&c));
        assert_oracle(&untouched, &c.input.t, &c.weight.t, &c.bias.t, &c.residual.t, &c.params);
    }
    call_free(&c);
    return wrong;
}

static const struct {
    const char *name;
    conv2d_status (*way)(call *);
} ways[] = {{"conv2d", way_oneshot}, {"run", way_run}, {"plan", way_plan}};

static void test_table(void **state)
{
    conv2d_device *device = open_cpu(1);
    int wrong = 0;
    (void)state;
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        wrong += check_row(NULL, ways[w].name, ways[w].way, device);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            wrong += check_row(&rows[i], ways[w].name, ways[w].way, device);
    }
    for (size_t i = 0; i < sizeof oneshot_rows / sizeof *oneshot_rows; i++)
        wrong += check_row(&oneshot_rows[i], "conv2d", way_oneshot, device);
    conv2d_device_close(device);
    assert_int_equal(wrong, 0);
}

/* The sentence the header and the manual quote, word for word in its facts. */
static void test_sentence_states_the_arithmetic(void **state)
{
    conv2d_device *device = open_cpu(1);
    box input = box4(CONV2D_NCHW, 1, 48, 4, 4, 1), weight = box4(CONV2D_NCHW, 6, 12, 3, 3, 2);
    conv2d_params params = CONV2D_PARAMS_INIT;
    int64_t sizes[4];
    (void)state;
    params.groups = 3;
    const conv2d_status status = conv2d_output_sizes(&input.t, &weight.t, &params, sizes);
    assert_refused(status, CONV2D_E_SHAPE, "weight has 12 input channels per group",
                   "input has 48 channels and groups = 3: expected 16");
    box_free(&input);
    box_free(&weight);
    conv2d_device_close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_sentence_states_the_arithmetic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
