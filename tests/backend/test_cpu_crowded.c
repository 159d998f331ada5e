/* SPDX-License-Identifier: BSD-2-Clause
 * depthwise_rows_ch on pixels a power of two apart: copied together on the machines whose row of
 * the cost model says that loads wait for crowded sets of the L1 cache, in place on others, with
 * exact results in both. The device claims to be either, so that one machine tests both. */
#include "cpu/driver.h"
#include "helpers.h"

typedef struct layer {
    int64_t n, channels, h, w, kh, kw, multiplier, stride, dilation;
    bool crowded;    /* enough to be copied */
    bool activation; /* one that kernels do not finish */
    uint64_t limit;  /* of the workspace */
} layer;

enum { LARGE = 1 << 20 };
static const layer layers[] = {
    {1, 512, 24, 24, 7, 7, 1, 1, 1, true, false, LARGE},
    {2, 256, 24, 23, 7, 7, 1, 1, 1, true, false, LARGE},
    {1, 1024, 24, 24, 3, 3, 1, 2, 1, true, true, LARGE},
    {1, 512, 24, 24, 3, 3, 1, 1, 1, false, false, LARGE},  /* few enough under a tile */
    {1, 1000, 24, 24, 7, 7, 1, 2, 1, false, false, LARGE}, /* 4,000 bytes, no whole lines */
    {1, 528, 24, 24, 7, 7, 1, 1, 1, false, false, LARGE},  /* 33 lines: every set in turn, */
    {1, 528, 24, 24, 7, 7, 1, 1, 16, true, false, LARGE},  /* but not 16 times 33 */
    {1, 512, 24, 24, 5, 5, 2, 1, 1, true, true, LARGE},
    {1, 1024, 7, 6, 3, 9, 1, 1, 1, true, false, 0},       /* the copy fits a task's stack, */
    {1, 512, 24, 24, 7, 7, 1, 1, 1, false, false, 0},     /* or does not */
    {1, 512, 40, 40, 7, 7, 1, 1, 1, false, false, LARGE}, /* more than the last cache keeps */
};

static void check(conv2d_device *device, const layer *l, bool copies)
{
    const int nhwc = CONV2D_NHWC;
    box input = box4(nhwc, l->n, l->channels, l->h, l->w, 1);
    box weight = box4(CONV2D_NCHW, l->channels * l->multiplier, 1, l->kh, l->kw, 2);
    box bias = box1(l->channels * l->multiplier, 3);
    conv2d_params params = CONV2D_PARAMS_INIT;
    params.groups = l->channels;
    params.algorithm = "depthwise_rows_ch";
    params.workspace_limit = l->limit;
    params.activation = l->activation ? CONV2D_ACT_LEAKY_RELU : CONV2D_ACT_RELU;
    for (int a = 0; a < 2; a++) {
        params.stride[a] = l->stride;
        params.dilation[a] = l->dilation;
        params.padding[a] = params.padding[a + 2] =
            l->dilation * ((a ? l->kw : l->kh) - 1) / 2;
    }
    int64_t sizes[4];
    assert_ok(conv2d_output_sizes(&input.t, &weight.t, &params, sizes));
    box output = box4(nhwc, sizes[0], sizes[1], sizes[2], sizes[3], 4);
    box_poison(&output);
    conv2d_context *context;
    conv2d_plan *plan;
    assert_ok(conv2d_prepack(device, &weight.t, &bias.t, &params, &context));
    assert_ok(conv2d_plan_create(context, &input.t, NULL, &output.t, &plan));
    size_t bytes;
    assert_ok(conv2d_workspace_bytes(plan, &bytes));
    if (l->h * l->w * 64 > C2_STACK_BYTES) /* or else the copy is on a task's stack */
        assert_true((bytes > 0) == copies);
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    args.input = &input.t;
    args.output = &output.t;
    assert_ok(conv2d_plan_run(plan, &args));
    assert_oracle(&output.t, &input.t, &weight.t, &bias.t, NULL, &params);
    conv2d_plan_destroy(plan);
    conv2d_context_destroy(context);
    box_free(&input);
    box_free(&weight);
    box_free(&bias);
    box_free(&output);
}

static void crowded(void **state)
{
    (void)state;
    static const char *const cores[] = {"amd", "intel"};
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    options.n_threads = 3;
    options.isa = "avx2";
    conv2d_device *device;
    if (conv2d_device_open("cpu", &options, &device)) /* not on this machine */
        skip();
    for (size_t v = 0; v < 2; v++) {
        ((c2_cpu_device *)device)->machine.cores = cores[v];
        for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
            check(device, &layers[i], v == 0 && layers[i].crowded);
    }
    conv2d_device_close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(crowded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
