/* SPDX-License-Identifier: BSD-2-Clause
 * Software Metal's controls and tensors in buffers; see metal_helpers.h. */
#include "metal_helpers.h"

#include <dlfcn.h>
#include <unistd.h>

software soft;

static void find(const char *name, void *function)
{
    void *address = dlsym(soft.handle, name);
    if (!address) {
        fprintf(stderr, "software Metal lacks %s\n", name);
        exit(2);
    }
    memcpy(function, &address, sizeof address);
}

void software_open(void)
{
    const char *path = getenv("CONV2D_METAL_LIBRARY");
    if (!path || !*path)
        exit(77);
    soft.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!soft.handle) {
        fprintf(stderr, "%s\n", dlerror());
        exit(2);
    }
    find("software_metal_live_objects", &soft.live_objects);
    find("software_metal_fail", &soft.fail_nth);
    find("software_metal_delay", &soft.delay);
    find("software_metal_archive_hits", &soft.archive_hits);
}

void assert_nothing_alive(void)
{
    for (int i = 0; i < 2000 && soft.live_objects(); i++)
        usleep(1000);
    assert_int_equal(soft.live_objects(), 0);
}

conv2d_device *open_metal(const conv2d_allocator *allocator)
{
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    conv2d_device *device = NULL;
    options.allocator = allocator;
    assert_ok(conv2d_device_open("metal", &options, &device));
    return device;
}

static void add_line(void *user, const char *line)
{
    log_text *log = user;
    const size_t n = strlen(log->text);
    snprintf(log->text + n, sizeof log->text - n, "%s\n", line);
    log->lines++;
}

conv2d_device *open_logging(log_text *log)
{
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    conv2d_device *device = NULL;
    options.log = add_line;
    options.log_user = log;
    assert_ok(conv2d_device_open("metal", &options, &device));
    return device;
}

void check_one(conv2d_device *device, int32_t activation)
{
    conv2d_params params = CONV2D_PARAMS_INIT;
    params.activation = activation;
    box input = box4(CONV2D_NCHW, 1, 3, 6, 6, 1);
    box weight = box4(CONV2D_NCHW, 4, 3, 3, 3, 2);
    box output = box4(CONV2D_NCHW, 1, 4, 4, 4, 3);
    assert_ok(convolve_on(device, &input, &weight, NULL, NULL, &params, &output));
    assert_oracle(&output.t, &input.t, &weight.t, NULL, NULL, &params);
    box_free(&input);
    box_free(&weight);
    box_free(&output);
}

device_box device_box_of(conv2d_device *device, const box *b)
{
    device_box d = {b->t, NULL};
    assert_ok(conv2d_buffer_create(device, b->bytes, &d.buffer));
    d.t.data = NULL;
    d.t.buffer = d.buffer;
    assert_ok(conv2d_copy_to_device(&b->t, &d.t));
    return d;
}

void device_box_read(const device_box *d, box *b)
{
    assert_ok(conv2d_copy_to_host(&d->t, &b->t));
}

void device_box_free(device_box *d)
{
    conv2d_buffer_destroy(d->buffer);
}

conv2d_status run_on(conv2d_device *device, conv2d_context *context, const box *input,
                     const box *residual, box *output)
{
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    device_box in = device_box_of(device, input), out = device_box_of(device, output);
    device_box add = {.buffer = NULL};
    if (residual)
        add = device_box_of(device, residual);
    args.input = &in.t;
    args.output = &out.t;
    args.residual = residual ? &add.t : NULL;
    const conv2d_status s = conv2d_run(context, &args);
    if (!s)
        device_box_read(&out, output);
    device_box_free(&in);
    device_box_free(&out);
    device_box_free(&add);
    return s;
}

conv2d_status convolve_on(conv2d_device *device, const box *input, const box *weight,
                          const box *bias, const box *residual, const conv2d_params *params,
                          box *output)
{
    conv2d_context *context = NULL;
    conv2d_status s = conv2d_prepack(device, &weight->t, bias ? &bias->t : NULL, params, &context);
    if (!s)
        s = run_on(device, context, input, residual, output);
    conv2d_context_destroy(context);
    return s;
}
