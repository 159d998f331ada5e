/* SPDX-License-Identifier: BSD-2-Clause
 * Copies between host tensors and tensors in device buffers. */
#include <inttypes.h>

#include "api/check.h"
#include "core/dtype.h"
#include "core/error.h"
#include "core/shape.h"

/* Both descriptions and their memory. */
static conv2d_status check_pair(const conv2d_tensor *host, const conv2d_tensor *device)
{
    const unsigned ranks = 1u << 1 | 1u << 3 | 1u << 4;
    conv2d_status s = c2_check_tensor("host", host, ranks);
    if (s || (s = c2_check_tensor("device", device, ranks)))
        return s;
    if (!device->buffer)
        return c2_fail(CONV2D_E_ARGUMENT, "device.buffer is NULL");
    if (host->buffer)
        return c2_fail(CONV2D_E_ARGUMENT, "host.buffer is not NULL: expected data");
    if (host->dtype != device->dtype)
        return c2_fail(CONV2D_E_DTYPE, "host has dtype %s, device has %s: expected the same",
                       c2_dtype_name(host->dtype), c2_dtype_name(device->dtype));
    if (host->rank != device->rank)
        return c2_fail(CONV2D_E_SHAPE,
                       "host has rank %" PRId32 ", device has %" PRId32 ": expected the same",
                       host->rank, device->rank);
    bool empty = false;
    for (int i = 0; i < host->rank; i++) {
        if (host->sizes[i] != device->sizes[i])
            return c2_fail(CONV2D_E_SHAPE,
                           "host.sizes[%d] is %" PRId64 ", device.sizes[%d] is %" PRId64
                           ": expected the same",
                           i, host->sizes[i], i, device->sizes[i]);
        empty |= host->sizes[i] == 0;
    }
    if (!empty && !host->data)
        return c2_fail(CONV2D_E_ARGUMENT, "host.data is NULL");
    if (!empty && (uintptr_t)host->data % c2_dtype_bytes(host->dtype))
        return c2_fail(CONV2D_E_STRIDE, "host.data is %p: expected a multiple of %zu bytes",
                       host->data, c2_dtype_bytes(host->dtype));
    c2_data unused;
    return c2_check_memory("device", device->buffer->device, device, &unused);
}

conv2d_status conv2d_copy_to_device(const conv2d_tensor *host, conv2d_tensor *device)
{
    conv2d_status s = check_pair(host, device);
    if (s || (s = c2_check_distinct("device", device)))
        return s;
    return device->buffer->device->backend->upload(host, device);
}

conv2d_status conv2d_copy_to_host(const conv2d_tensor *device, conv2d_tensor *host)
{
    conv2d_status s = check_pair(host, device);
    if (s || (s = c2_check_distinct("host", host)))
        return s;
    return device->buffer->device->backend->download(device, host);
}
