/* SPDX-License-Identifier: BSD-2-Clause
 * A fault for tests: linked with --wrap=conv2d_plan_run, every run of a float32 plan leaves its
 * last element wrong by a thousandth and a little. The float64 reference stays right. */
#include "conv2d/conv2d.h"

conv2d_status __real_conv2d_plan_run(conv2d_plan *plan, const conv2d_run_args *args);
conv2d_status __wrap_conv2d_plan_run(conv2d_plan *plan, const conv2d_run_args *args);

conv2d_status __wrap_conv2d_plan_run(conv2d_plan *plan, const conv2d_run_args *args)
{
    conv2d_status status = __real_conv2d_plan_run(plan, args);
    const conv2d_tensor *output = args->output;
    int64_t offset = 0;
    for (int i = 0; i < output->rank; i++)
        offset += (output->sizes[i] - 1) * output->strides[i];
    if (status == CONV2D_OK && output->dtype == CONV2D_FLOAT32 && output->data) {
        float *last = (float *)output->data + offset;
        *last += 0.001f + 0.001f * *last;
    }
    return status;
}
