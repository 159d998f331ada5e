/* SPDX-License-Identifier: BSD-2-Clause
 * Outputs that tile registers' kernels store among the products of the next tile: those of the
 * kernel's own order, without a residual. Others are stored at once, and have the same bits. No
 * random problem has so many tiles. */
#include <string.h>

#include "whole_layer.h"

/* Both outputs, element by element. */
static bool same(const conv2d_tensor *a, const conv2d_tensor *b)
{
    for (int64_t n = 0; n < a->sizes[0]; n++)
        for (int64_t c = 0; c < a->sizes[1]; c++)
            for (int64_t y = 0; y < a->sizes[2]; y++)
                for (int64_t x = 0; x < a->sizes[3]; x++) {
                    const int64_t at[4] = {n, c, y, x};
                    int64_t i = 0, j = 0;
                    for (int axis = 0; axis < 4; axis++) {
                        i += at[axis] * a->strides[axis];
                        j += at[axis] * b->strides[axis];
                    }
                    if (memcmp((const float *)a->data + i, (const float *)b->data + j,
                               sizeof(float)) != 0)
                        return false;
                }
    return true;
}

/* order: in which outputs are stored late. */
static void check(const char *text, const char *algorithm, conv2d_order order, int32_t activation)
{
    conv2d_problem p;
    expect(conv2d_problem_parse(text, &p) == CONV2D_OK, "problem", text);
    p.params.algorithm = algorithm;
    p.params.activation = activation;
    conv2d_tensor_set_order(&p.input, order);
    conv2d_tensor_set_order(&p.output, order == CONV2D_NHWC ? CONV2D_NCHW : CONV2D_NHWC);
    const size_t n_out = elements(&p.output);
    float *input = filled(elements(&p.input)), *weight = filled(elements(&p.weight));
    float *bias = filled((size_t)p.weight.sizes[0]);
    float *at_once = filled(n_out), *late = filled(n_out);
    p.input.data = input;
    p.weight.data = weight;
    p.bias = conv2d_vector_f32(bias, p.weight.sizes[0]);
    p.output.data = at_once;
    run(text, &p, 1);
    const conv2d_tensor first = p.output;
    conv2d_tensor_set_order(&p.output, order);
    p.output.data = late;
    for (int threads = 1; threads <= 3; threads++) {
        memset(late, 0xff, n_out * sizeof *late);
        run(text, &p, threads);
        expect(same(&first, &p.output), algorithm, text);
    }
    free(input);
    free(weight);
    free(bias);
    free(at_once);
    free(late);
}

int main(void)
{
    check("ic40ih10iw11oc100kh1", "split3_ch", CONV2D_NHWC, CONV2D_ACT_RELU);
    check("ic300ih9iw15oc70kh1", "split3_ch", CONV2D_NHWC, CONV2D_ACT_NONE);
    check("mb2ic64ih8iw9oc65kh3ph1", "split3_ch", CONV2D_NHWC, CONV2D_ACT_RELU6);
    check("ic2100ih7oc97kh1", "split3_ch", CONV2D_NHWC, CONV2D_ACT_NONE);
    check("g3ic96ih9iw11oc96kh3ph1", "split3_groups", CONV2D_NHWC, CONV2D_ACT_RELU);
    check("mb2g2ic40ih9iw20oc90kh3sh2ph1", "split3_groups", CONV2D_NHWC, CONV2D_ACT_NONE);
    check("mb2g5ic80ih13oc80kh3ph1", "split3_crossed", CONV2D_NHWC, CONV2D_ACT_RELU);
    check("ic40ih10iw11oc100kh1", "split3_px", CONV2D_NCHW, CONV2D_ACT_RELU);
    check("ic300ih17iw15oc70kh1", "split3_px", CONV2D_NCHW, CONV2D_ACT_NONE);
    check("mb3ic64ih18iw19oc65kh3ph1", "split3_px", CONV2D_NCHW, CONV2D_ACT_RELU6);
    check("ic2100ih6oc40kh1", "split3_px", CONV2D_NCHW, CONV2D_ACT_NONE);
    check("mb2g2ic300ih20oc80kh3", "split3_px", CONV2D_NCHW, CONV2D_ACT_NONE);
    printf("late_outputs: %d failures\n", failures);
    return failures ? 1 : 0;
}
