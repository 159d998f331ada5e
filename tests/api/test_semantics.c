/* SPDX-License-Identifier: BSD-2-Clause
 * What a convolution means: shapes as PyTorch 2.13 gives them (values noted here were read off
 * torch.nn.functional.conv2d), unbatched, empty and "same" inputs, strides of every kind, padding
 * modes, epilogues, in-place residual; results compared bit for bit with the oracle. */
#include <math.h>

#include "helpers.h"

typedef struct shape_row {
    const char *what;
    int rank;
    int64_t input[4], weight[4];
    int64_t stride[2], padding[4], dilation[2], groups;
    int32_t auto_pad;
    conv2d_status status;
    int64_t want[4];
} shape_row;

#define NO_PAD {0, 0, 0, 0}
#define PAD(n) {n, n, n, n}
#define SHAPE CONV2D_E_SHAPE
enum { NONE = CONV2D_AUTO_PAD_NONE, SAME = CONV2D_AUTO_PAD_SAME, VALID = CONV2D_AUTO_PAD_VALID };

/* A row is one or two lines. */
/* clang-format off */
static const shape_row shapes[] = {
    {"plain", 4, {2, 3, 9, 8}, {5, 3, 3, 3}, {1, 1}, NO_PAD, {1, 1}, 1, NONE, 0, {2, 5, 7, 6}},
    {"unbatched", 3, {3, 5, 5}, {2, 3, 3, 3}, {1, 1}, NO_PAD, {1, 1}, 1, NONE, 0, {2, 3, 3}},
    {"stride", 4, {1, 1, 9, 8}, {1, 1, 3, 3}, {2, 3}, NO_PAD, {1, 1}, 1, NONE, 0, {1, 1, 4, 2}},
    {"dilation", 4, {1, 1, 9, 8}, {1, 1, 3, 3}, {1, 1}, NO_PAD, {4, 2}, 1, NONE, 0, {1, 1, 1, 4}},
    {"four pads", 4, {1, 1, 4, 4}, {1, 1, 3, 3}, {1, 1}, {1, 2, 3, 4}, {1, 1}, 1, NONE, 0,
     {1, 1, 6, 8}},
    {"even", 4, {1, 1, 5, 5}, {1, 1, 2, 2}, {1, 1}, NO_PAD, {1, 1}, 1, SAME, 0, {1, 1, 5, 5}},
    {"same d", 4, {1, 1, 5, 5}, {1, 1, 2, 4}, {1, 1}, NO_PAD, {3, 1}, 1, SAME, 0, {1, 1, 5, 5}},
    {"valid", 4, {1, 1, 5, 5}, {1, 1, 3, 3}, {2, 2}, NO_PAD, {1, 1}, 1, VALID, 0, {1, 1, 2, 2}},
    {"empty batch", 4, {0, 3, 5, 5}, {2, 3, 3, 3}, {1, 1}, NO_PAD, {1, 1}, 1, NONE, 0,
     {0, 2, 3, 3}},
    {"empty batch same", 4, {0, 1, 5, 5}, {1, 1, 3, 3}, {1, 1}, NO_PAD, {1, 1}, 1, SAME, 0,
     {0, 1, 5, 5}},
    {"no channels", 4, {1, 0, 5, 5}, {2, 0, 3, 3}, {1, 1}, NO_PAD, {1, 1}, 1, NONE, 0,
     {1, 0, 3, 3}},
    {"no channels, unbatched", 3, {0, 5, 5}, {2, 0, 3, 3}, {1, 1}, NO_PAD, {1, 1}, 1, NONE, 0,
     {0, 3, 3}},
    {"no channels, 2 groups", 4, {1, 0, 5, 5}, {2, 0, 1, 1}, {1, 1}, NO_PAD, {1, 1}, 2, NONE, 0,
     {1, 0, 5, 5}},
    {"empty batch, no rows, padded", 4, {0, 3, 0, 5}, {2, 3, 3, 3}, {1, 1}, PAD(2), {1, 1}, 1,
     NONE, 0, {0, 2, 2, 7}},
    {"no channels, no rows, padded", 4, {1, 0, 0, 5}, {2, 0, 3, 3}, {1, 1}, PAD(2), {1, 1}, 1,
     NONE, 0, {1, 0, 2, 7}},
    {"no rows", 4, {1, 3, 0, 5}, {2, 3, 3, 3}, {1, 1}, NO_PAD, {1, 1}, 1, NONE, SHAPE, {0}},
    {"no rows, padded", 4, {1, 3, 0, 5}, {2, 3, 3, 3}, {1, 1}, PAD(2), {1, 1}, 1, NONE, SHAPE,
     {0}},
    {"empty batch, no rows", 4, {0, 3, 0, 5}, {2, 3, 3, 3}, {1, 1}, NO_PAD, {1, 1}, 1, NONE,
     SHAPE, {0}},
    {"no rows, same", 4, {2, 3, 0, 5}, {2, 3, 3, 3}, {1, 1}, NO_PAD, {1, 1}, 1, SAME, SHAPE, {0}},
    {"no output channels", 4, {1, 3, 5, 5}, {0, 3, 3, 3}, {1, 1}, NO_PAD, {1, 1}, 1, NONE, SHAPE,
     {0}},
    {"no kernel rows", 4, {1, 3, 5, 5}, {2, 3, 0, 3}, {1, 1}, PAD(1), {1, 1}, 1, NONE, SHAPE, {0}},
    {"empty batch, wide kernel", 4, {0, 3, 2, 2}, {2, 3, 3, 3}, {1, 1}, NO_PAD, {1, 1}, 1, NONE,
     SHAPE, {0}},
    {"empty batch, channels differ", 4, {0, 2, 5, 5}, {1, 1, 3, 3}, {1, 1}, NO_PAD, {1, 1}, 1,
     NONE, SHAPE, {0}},
    {"no channels, weight has 3", 4, {1, 0, 5, 5}, {2, 3, 3, 3}, {1, 1}, NO_PAD, {1, 1}, 1, NONE,
     SHAPE, {0}},
};
/* clang-format on */

static void apply(const shape_row *r, conv2d_params *params)
{
    memcpy(params->stride, r->stride, sizeof r->stride);
    memcpy(params->padding, r->padding, sizeof r->padding);
    memcpy(params->dilation, r->dilation, sizeof r->dilation);
    params->groups = r->groups;
    params->auto_pad = r->auto_pad;
}

static void test_shapes_as_pytorch(void **state)
{
    conv2d_device *device = open_cpu(1);
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const shape_row *r = &shapes[i];
        conv2d_params params = CONV2D_PARAMS_INIT;
        int64_t sizes[4] = {-5, -5, -5, -5};
        apply(r, &params);
        box input = box_of(CONV2D_FLOAT32, CONV2D_NCHW, r->rank, r->input, 1);
        box weight = box_of(CONV2D_FLOAT32, CONV2D_NCHW, 4, r->weight, 2);
        box bias = box1(r->weight[0], 3);
        const conv2d_status status = conv2d_output_sizes(&input.t, &weight.t, &params, sizes);
        if (status != r->status)
            fail_msg("%s: %s \"%s\"", r->what, conv2d_status_name(status), conv2d_last_error());
        for (int a = 0; a < 4; a++) {
            const int64_t want = status == CONV2D_OK && a < r->rank ? r->want[a] : -5;
            if (sizes[a] != want)
                fail_msg("%s: sizes_out[%d] is %d, expected %d", r->what, a, (int)sizes[a],
                         (int)want);
        }
        if (status == CONV2D_OK) { /* and the run agrees with the shape */
            box output = box_of(CONV2D_FLOAT32, CONV2D_NCHW, r->rank, sizes, 4);
            box_poison(&output);
            assert_ok(conv2d(device, &input.t, &weight.t, &bias.t, NULL, &params, &output.t));
            if (r->auto_pad == SAME) {
                for (int a = 0; a < 2; a++) {
                    const int64_t total = r->dilation[a] * (r->weight[2 + a] - 1);
                    params.padding[a] = total / 2;
                    params.padding[a + 2] = total - total / 2;
                }
            }
            assert_oracle(&output.t, &input.t, &weight.t, &bias.t, NULL, &params);
            box_free(&output);
        }
        box_free(&input);
        box_free(&weight);
        box_free(&bias);
    }
    conv2d_device_close(device);
}

/* ---- strides ---- */

/* Run on the views and compare; the caller set up anything it likes. */
static void run_views(const conv2d_tensor *input, const conv2d_tensor *weight,
                      const conv2d_tensor *bias, const conv2d_tensor *residual,
                      const conv2d_params *params, conv2d_tensor *output)
{
    conv2d_device *device = open_cpu(2);
    assert_ok(conv2d(device, input, weight, bias, residual, params, output));
    assert_oracle(output, input, weight, bias, residual, params);
    conv2d_device_close(device);
}

static void test_every_combination_of_layouts(void **state)
{
    (void)state;
    for (int bits = 0; bits < 16; bits++) {
        box input = box4(bits & 1, 2, 5, 7, 6, 1), weight = box4(bits >> 1 & 1, 9, 5, 3, 2, 2);
        box residual = box4(bits >> 2 & 1, 2, 9, 7, 7, 3), output = box4(bits >> 3, 2, 9, 7, 7, 4);
        conv2d_params params = CONV2D_PARAMS_INIT;
        for (int i = 0; i < 4; i++)
            params.padding[i] = 1;
        box_poison(&output);
        run_views(&input.t, &weight.t, NULL, &residual.t, &params, &output.t);
        box_free(&input);
        box_free(&weight);
        box_free(&residual);
        box_free(&output);
    }
}

static void test_slices_transposes_and_reversals(void **state)
{
    box input = box4(CONV2D_NCHW, 2, 8, 20, 18, 1), weight = box4(CONV2D_NCHW, 6, 8, 3, 5, 2);
    box output = box4(CONV2D_NCHW, 2, 12, 16, 16, 3), bias = box1(12, 4);
    const conv2d_params params = CONV2D_PARAMS_INIT;
    (void)state;

    /* every second column of a window inside the picture, upside down, axes H and W exchanged */
    input.t.data = (float *)input.t.data + 19 * 18 + 1;
    input.t.sizes[2] = 10;
    input.t.strides[2] *= -1;
    input.t.sizes[3] = 8;
    input.t.strides[3] = 2;
    swap_axes(&input.t, 2, 3);
    /* weights reversed along both kernel axes and along input channels */
    weight.t.data = (float *)weight.t.data + 7 * 15 + 14;
    weight.t.strides[1] *= -1;
    weight.t.strides[2] *= -1;
    weight.t.strides[3] *= -1;
    bias.t.sizes[0] = 6;
    bias.t.strides[0] = 2;
    /* a transposed slice of the output: every second channel, rows reversed */
    output.t.data = (float *)output.t.data + 11 * 16;
    output.t.sizes[1] = 6;
    output.t.strides[1] *= 2;
    output.t.sizes[2] = 6;
    output.t.strides[2] *= -1;
    output.t.sizes[3] = 6;
    output.t.strides[3] = 2;
    box_poison(&output);
    run_views(&input.t, &weight.t, &bias.t, NULL, &params, &output.t);

    /* between the strides nothing was written */
    const conv2d_tensor *o = &output.t;
    size_t written = 0;
    for (size_t i = 0; i < output.bytes / sizeof(float); i++)
        written += memcmp((float *)output.memory + i, "\xA5\xA5\xA5\xA5", 4) != 0;
    assert_int_equal(written, o->sizes[0] * o->sizes[1] * o->sizes[2] * o->sizes[3]);
    box_free(&input);
    box_free(&weight);
    box_free(&output);
    box_free(&bias);
}

static void test_expanded_operands(void **state)
{
    box input = box4(CONV2D_NCHW, 1, 1, 1, 6, 1), weight = box4(CONV2D_NCHW, 3, 1, 1, 1, 2);
    box bias = box1(1, 3), residual = box4(CONV2D_NCHW, 1, 1, 1, 1, 4);
    box output = box4(CONV2D_NHWC, 3, 3, 6, 4, 5);
    const conv2d_params params = CONV2D_PARAMS_INIT;
    (void)state;
    input.t.sizes[0] = 3; /* one row of pixels as 3 pictures of 4 channels of 8 rows */
    input.t.sizes[1] = 4;
    input.t.sizes[2] = 8;
    input.t.strides[0] = input.t.strides[1] = input.t.strides[2] = 0;
    weight.t.sizes[1] = 4; /* one number a 4x3x3 kernel */
    weight.t.sizes[2] = weight.t.sizes[3] = 3;
    weight.t.strides[1] = weight.t.strides[2] = weight.t.strides[3] = 0;
    bias.t.sizes[0] = 3;
    bias.t.strides[0] = 0;
    memcpy(residual.t.sizes, output.t.sizes, sizeof residual.t.sizes);
    memset(residual.t.strides, 0, sizeof residual.t.strides);
    run_views(&input.t, &weight.t, &bias.t, &residual.t, &params, &output.t);
    box_free(&input);
    box_free(&weight);
    box_free(&bias);
    box_free(&residual);
    box_free(&output);
}

/* ---- padding modes and epilogues ---- */

static void test_padding_modes_per_side(void **state)
{
    static const int64_t paddings[][4] = {{1, 2, 3, 0}, {0, 4, 0, 3}, {4, 4, 4, 4}, {2, 0, 1, 4}};
    (void)state;
    for (int32_t mode = CONV2D_PAD_ZEROS; mode <= CONV2D_PAD_CIRCULAR; mode++) {
        for (size_t i = 0; i < 4; i++) {
            for (int order = 0; order < 2; order++) {
                conv2d_params params = CONV2D_PARAMS_INIT;
                params.padding_mode = mode;
                memcpy(params.padding, paddings[i], sizeof params.padding);
                params.stride[1] = 2;
                params.dilation[0] = 2;
                box input = box4(order, 2, 4, 5, 6, 1), weight = box4(order, 4, 2, 3, 3, 2);
                params.groups = 2;
                int64_t sizes[4];
                assert_ok(conv2d_output_sizes(&input.t, &weight.t, &params, sizes));
                box output = box_of(CONV2D_FLOAT32, order, 4, sizes, 3);
                box_poison(&output);
                run_views(&input.t, &weight.t, NULL, NULL, &params, &output.t);
                box_free(&input);
                box_free(&weight);
                box_free(&output);
            }
        }
    }
}

/* Circular padding of exactly the size of the axis, replicate far beyond it. */
static void test_padding_extremes(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        conv2d_params params = CONV2D_PARAMS_INIT;
        params.padding_mode = i ? CONV2D_PAD_CIRCULAR : CONV2D_PAD_REPLICATE;
        for (int side = 0; side < 4; side++)
            params.padding[side] = i ? 3 : 40;
        box input = box4(CONV2D_NCHW, 1, 2, 3, 3, 1), weight = box4(CONV2D_NCHW, 2, 2, 3, 3, 2);
        box output = box4(CONV2D_NCHW, 1, 2, i ? 7 : 81, i ? 7 : 81, 3);
        run_views(&input.t, &weight.t, NULL, NULL, &params, &output.t);
        box_free(&input);
        box_free(&weight);
        box_free(&output);
    }
}

typedef struct epilogue_row {
    int32_t activation;
    double min, max, alpha;
} epilogue_row;

static void test_epilogues(void **state)
{
    static const epilogue_row rows[] = {
        {CONV2D_ACT_NONE, -HUGE_VAL, HUGE_VAL, 0},
        {CONV2D_ACT_RELU, -HUGE_VAL, HUGE_VAL, 0},
        {CONV2D_ACT_RELU6, -HUGE_VAL, HUGE_VAL, 0},
        {CONV2D_ACT_CLAMP, -2, 3, 0},
        {CONV2D_ACT_CLAMP, -HUGE_VAL, HUGE_VAL, 0},
        {CONV2D_ACT_NONE, -4, HUGE_VAL, 0},
        {CONV2D_ACT_NONE, -HUGE_VAL, -1, 0},
        {CONV2D_ACT_CLAMP, 2, 2, 0},
        {CONV2D_ACT_LEAKY_RELU, -HUGE_VAL, HUGE_VAL, 0.5},
        {CONV2D_ACT_LEAKY_RELU, -HUGE_VAL, HUGE_VAL, -2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int parts = 0; parts < 4; parts++) {
            conv2d_params params = CONV2D_PARAMS_INIT;
            params.activation = rows[i].activation;
            params.output_min = rows[i].min;
            params.output_max = rows[i].max;
            params.alpha = rows[i].alpha;
            box input = box4(CONV2D_NCHW, 2, 3, 6, 7, 1), weight = box4(CONV2D_NCHW, 5, 3, 3, 3, 2);
            box bias = box1(5, 3), residual = box4(CONV2D_NHWC, 2, 5, 4, 5, 4);
            box output = box4(CONV2D_NCHW, 2, 5, 4, 5, 5);
            run_views(&input.t, &weight.t, parts & 1 ? &bias.t : NULL,
                      parts & 2 ? &residual.t : NULL, &params, &output.t);
            box_free(&input);
            box_free(&weight);
            box_free(&bias);
            box_free(&residual);
            box_free(&output);
        }
    }
}

static void test_residual_in_place(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        conv2d_device *device = open_cpu(2);
        conv2d_params params = CONV2D_PARAMS_INIT;
        params.activation = CONV2D_ACT_RELU;
        box input = box4(order, 2, 3, 6, 7, 1), weight = box4(order, 5, 3, 3, 3, 2);
        box residual = box4(order, 2, 5, 4, 5, 4), output = box4(order, 2, 5, 4, 5, 4);
        assert_ok(conv2d(device, &input.t, &weight.t, NULL, &output.t, &params, &output.t));
        assert_oracle(&output.t, &input.t, &weight.t, NULL, &residual.t, &params);
        box_free(&input);
        box_free(&weight);
        box_free(&residual);
        box_free(&output);
        conv2d_device_close(device);
    }
}

/* Input and output may be slices of one tensor that interleave in memory, along any axis, as long
 * as they share no element. */
static void test_slices_of_one_tensor(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        for (int axis = 0; axis < 4; axis++) {
            for (int gap = 0; gap < 2; gap++) { /* gap 1: they share one slice */
                const int64_t sizes[4] = {axis == 0 ? 4 : 2, axis == 1 ? 6 : 3, axis == 2 ? 8 : 4,
                                          axis == 3 ? 10 : 5};
                box both = box_of(CONV2D_FLOAT32, order, 4, sizes, 1);
                box before = box_of(CONV2D_FLOAT32, order, 4, sizes, 1);
                box weight = box4(CONV2D_NCHW, 3, 3, 1, 1, 2);
                conv2d_tensor in = both.t, out = both.t, old = before.t;
                const int64_t half = sizes[axis] / 2;
                in.sizes[axis] = out.sizes[axis] = old.sizes[axis] = half;
                out.data = (float *)both.memory + (half - gap) * both.t.strides[axis];
                const conv2d_status s = conv2d(NULL, &in, &weight.t, NULL, NULL, NULL, &out);
                if (gap) {
                    assert_refused(s, CONV2D_E_STRIDE, "output", "input");
                    assert_memory_equal(both.memory, before.memory, both.bytes);
                } else {
                    assert_ok(s);
                    assert_oracle(&out, &old, &weight.t, NULL, NULL, NULL);
                }
                box_free(&both);
                box_free(&before);
                box_free(&weight);
            }
        }
    }
}

/* ---- dtypes, devices, helpers of the header ---- */

static void test_float64(void **state)
{
    box input = box_of(CONV2D_FLOAT64, CONV2D_NCHW, 4, (const int64_t[]){2, 4, 6, 6}, 1);
    box weight = box_of(CONV2D_FLOAT64, CONV2D_NCHW, 4, (const int64_t[]){6, 2, 3, 3}, 2);
    box bias = box_of(CONV2D_FLOAT64, CONV2D_NCHW, 1, (const int64_t[]){6}, 3);
    box output = box_of(CONV2D_FLOAT64, CONV2D_NHWC, 4, (const int64_t[]){2, 6, 4, 4}, 4);
    conv2d_params params = CONV2D_PARAMS_INIT;
    (void)state;
    params.groups = 2;
    ((double *)bias.memory)[0] = 0x1p-40; /* lost in float32 */
    run_views(&input.t, &weight.t, &bias.t, NULL, &params, &output.t);
    box_free(&input);
    box_free(&weight);
    box_free(&bias);
    box_free(&output);
}

static void test_oneshot_without_device(void **state)
{
    box input = box3(CONV2D_NHWC, 3, 5, 5, 1), weight = box4(CONV2D_NCHW, 2, 3, 3, 3, 2);
    box output = box3(CONV2D_NHWC, 2, 3, 3, 3);
    (void)state;
    assert_ok(conv2d(NULL, &input.t, &weight.t, NULL, NULL, NULL, &output.t));
    assert_oracle(&output.t, &input.t, &weight.t, NULL, NULL, NULL);
    box_free(&input);
    box_free(&weight);
    box_free(&output);
}

/* An absent tensor may be NULL or have rank 0. */
static void test_absent_bias_of_rank_0(void **state)
{
    box input = box4(CONV2D_NCHW, 1, 1, 4, 4, 1), weight = box4(CONV2D_NCHW, 1, 1, 3, 3, 2);
    box output = box4(CONV2D_NCHW, 1, 1, 2, 2, 3);
    const conv2d_tensor none = CONV2D_TENSOR_INIT;
    (void)state;
    assert_ok(conv2d(NULL, &input.t, &weight.t, &none, &none, NULL, &output.t));
    assert_oracle(&output.t, &input.t, &weight.t, NULL, NULL, NULL);
    box_free(&input);
    box_free(&weight);
    box_free(&output);
}

static void test_tensor_helpers(void **state)
{
    float data[4];
    conv2d_tensor t = conv2d_tensor_f32(data, CONV2D_NHWC, 2, 3, 4, 5);
    const int64_t nhwc[4] = {60, 1, 15, 3}, nchw[4] = {60, 20, 5, 1}, chw[3] = {12, 4, 1};
    (void)state;
    assert_ptr_equal(t.data, data);
    assert_int_equal(t.rank, 4);
    assert_memory_equal(t.strides, nhwc, sizeof nhwc);
    conv2d_tensor_set_order(&t, CONV2D_NCHW);
    assert_memory_equal(t.strides, nchw, sizeof nchw);
    t.rank = 3; /* sizes 2, 3, 4 */
    conv2d_tensor_set_order(&t, CONV2D_NCHW);
    assert_memory_equal(t.strides, chw, sizeof chw);
    t = conv2d_vector_f32(data, 4);
    assert_int_equal(t.rank, 1);
    assert_int_equal(t.sizes[0], 4);
    assert_int_equal(t.strides[0], 1);
    t = conv2d_tensor_of(CONV2D_BFLOAT16, data, CONV2D_NHWC, 2, 3, 4, 5);
    assert_int_equal(t.dtype, CONV2D_BFLOAT16);
    assert_ptr_equal(t.data, data);
    assert_int_equal(t.rank, 4);
    assert_memory_equal(t.strides, nhwc, sizeof nhwc);
    t = conv2d_vector_of(CONV2D_FLOAT16, data, 4);
    assert_int_equal(t.dtype, CONV2D_FLOAT16);
    assert_int_equal(t.rank, 1);
    assert_int_equal(t.sizes[0], 4);
    assert_int_equal(t.strides[0], 1);
    assert_int_equal(conv2d_dtype_bytes(CONV2D_FLOAT64), 8);
    assert_int_equal(conv2d_dtype_bytes(CONV2D_BFLOAT16), 2);
    assert_int_equal(conv2d_dtype_bytes(CONV2D_UINT8), 1);
    assert_int_equal(conv2d_dtype_bytes(0), 0);
    assert_int_equal(conv2d_dtype_bytes(8), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes_as_pytorch),
        cmocka_unit_test(test_every_combination_of_layouts),
        cmocka_unit_test(test_slices_transposes_and_reversals),
        cmocka_unit_test(test_expanded_operands),
        cmocka_unit_test(test_padding_modes_per_side),
        cmocka_unit_test(test_padding_extremes),
        cmocka_unit_test(test_epilogues),
        cmocka_unit_test(test_residual_in_place),
        cmocka_unit_test(test_slices_of_one_tensor),
        cmocka_unit_test(test_float64),
        cmocka_unit_test(test_oneshot_without_device),
        cmocka_unit_test(test_absent_bias_of_rank_0),
        cmocka_unit_test(test_tensor_helpers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
