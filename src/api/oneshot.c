/* SPDX-License-Identifier: BSD-2-Clause
 * conv2d() and conv2d_output_sizes(): a context over borrowed weights, one run, nothing kept. */
#include "api/check.h"
#include "api/object.h"

static conv2d_status run_once(conv2d_device *device, const conv2d_tensor *weight,
                              const conv2d_tensor *bias, const conv2d_params *params,
                              const conv2d_run_args *args)
{
    conv2d_params p;
    conv2d_status s = c2_check_params(params, &p);
    conv2d_run_args checked;
    if (s || (s = c2_check_run_args(args, &checked)))
        return s;
    p.weights = CONV2D_WEIGHTS_BORROW;
    conv2d_context *context;
    if ((s = conv2d_prepack(device, weight, bias, &p, &context)))
        return s;
    s = conv2d_run(context, &checked);
    if (!s)
        s = device->backend->sync(device);
    conv2d_context_destroy(context);
    return s;
}

/* The bias is copied before the output is written, but sharing memory is a mistake all the same. */
static conv2d_status check_bias_apart(const conv2d_tensor *bias, const conv2d_tensor *output)
{
    conv2d_status s;
    bias = c2_optional(bias);
    if (!bias || (s = c2_check_tensor("bias", bias, 1u << 1)) ||
        (s = c2_check_tensor("output", output, 1u << 3 | 1u << 4)))
        return bias ? s : CONV2D_OK;
    const c2_data b = {bias->data, bias->buffer, bias->byte_offset};
    const c2_data o = {output->data, output->buffer, output->byte_offset};
    return c2_check_apart("output", output, &o, "bias", bias, &b);
}

conv2d_status conv2d(conv2d_device *device, const conv2d_tensor *input,
                     const conv2d_tensor *weight, const conv2d_tensor *bias,
                     const conv2d_tensor *residual, const conv2d_params *params,
                     conv2d_tensor *output)
{
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    args.input = input;
    args.residual = residual;
    args.output = output;
    conv2d_status s = check_bias_apart(bias, output);
    if (s)
        return s;
    if (device)
        return run_once(device, weight, bias, params, &args);
    conv2d_device *own;
    if ((s = conv2d_device_open("cpu", NULL, &own)))
        return s;
    s = run_once(own, weight, bias, params, &args);
    conv2d_device_close(own);
    return s;
}

conv2d_status conv2d_output_sizes(const conv2d_tensor *input, const conv2d_tensor *weight,
                                  const conv2d_params *params, int64_t sizes_out[4])
{
    if (!sizes_out)
        return c2_fail(CONV2D_E_ARGUMENT, "sizes_out is NULL");
    return c2_check_output_sizes(input, weight, params, sizes_out);
}
