/* SPDX-License-Identifier: BSD-2-Clause
 * The device that a command's options ask for, with the wisdom it is to choose by. */
#include <stdlib.h>

#include "file.h"
#include "options.h"

static bool read_wisdom(const char *path, conv2d_device *device, cli_error *error)
{
    unsigned char *bytes;
    size_t n;
    if (!file_read(path, &bytes, &n, error))
        return false;
    const conv2d_status status = conv2d_wisdom_import(device, (const char *)bytes, n);
    free(bytes);
    if (!status)
        return true;
    cli_fail_library(error, status, "");
    return cli_prefix(error, "'%s'", path);
}

bool cli_open_device(const cli_options *options, conv2d_device **device_out, cli_error *error)
{
    conv2d_device_options device_options = CONV2D_DEVICE_OPTIONS_INIT;
    device_options.n_threads = options->n_threads;
    device_options.isa = options->isa;
    const char *name = options->device ? options->device : "auto";
    conv2d_device *device;
    conv2d_status status = conv2d_device_open(name, &device_options, &device);
    if (status) {
        cli_fail_library(error, status, "");
        if (status == CONV2D_E_DEVICE)
            error->code = CLI_USAGE; /* nothing has run: another --device is wanted */
        return false;
    }
    if (options->wisdom && !read_wisdom(options->wisdom, device, error)) {
        conv2d_device_close(device);
        return false;
    }
    *device_out = device;
    return true;
}
