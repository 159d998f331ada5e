/* SPDX-License-Identifier: BSD-2-Clause
 * What all backends share: reference counts of devices, and refusals in words. */
#include <stdarg.h>
#include <stdio.h>

#include "backend/backend.h"

bool c2_refuse(c2_why *why, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(why->text, sizeof why->text, format, list);
    va_end(list);
    return false;
}

void c2_device_retain(conv2d_device *device)
{
    atomic_fetch_add_explicit(&device->refs, 1, memory_order_relaxed);
}

void c2_device_release(conv2d_device *device)
{
    if (atomic_fetch_sub_explicit(&device->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (device->free_wisdom)
        device->free_wisdom(device);
    device->backend->close(device);
}
