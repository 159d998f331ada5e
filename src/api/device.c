/* SPDX-License-Identifier: BSD-2-Clause
 * Devices, buffers, queues, events, cancel flags: argument checks in front of the backend. */
#include <inttypes.h>
#include <string.h>

#include "api/check.h"
#include "core/error.h"
#include "plan/wisdom.h"

static conv2d_status null_argument(const char *name)
{
    return c2_fail(CONV2D_E_ARGUMENT, "%s is NULL", name);
}

static conv2d_status check_pool(const conv2d_device_options *o)
{
    const conv2d_pool *p = o->pool;
    if (!p)
        return CONV2D_OK;
    if (p->struct_size < sizeof *p)
        return c2_fail(CONV2D_E_ARGUMENT, "options.pool.struct_size is %" PRIu32 ": expected %zu",
                       p->struct_size, sizeof *p);
    if (p->n_threads < 1)
        return c2_fail(CONV2D_E_ARGUMENT,
                       "options.pool.n_threads is %" PRId32 ": expected at least 1", p->n_threads);
    if (!p->parallel_for)
        return null_argument("options.pool.parallel_for");
    if (o->n_threads)
        return c2_fail(CONV2D_E_ARGUMENT,
                       "options.n_threads is %" PRId32 " and options.pool is given: expected 0",
                       o->n_threads);
    return CONV2D_OK;
}

static conv2d_status check_options(const conv2d_device_options *o)
{
    if (o->struct_size < sizeof *o)
        return c2_fail(CONV2D_E_ARGUMENT,
                       "options.struct_size is %" PRIu32
                       ": expected %zu (use CONV2D_DEVICE_OPTIONS_INIT)",
                       o->struct_size, sizeof *o);
    if (o->n_threads < 0 || o->n_threads > 1024)
        return c2_fail(CONV2D_E_ARGUMENT, "options.n_threads is %" PRId32 ": expected 0 to 1024",
                       o->n_threads);
    const conv2d_allocator *a = o->allocator;
    if (a && a->struct_size < sizeof *a)
        return c2_fail(CONV2D_E_ARGUMENT,
                       "options.allocator.struct_size is %" PRIu32 ": expected %zu", a->struct_size,
                       sizeof *a);
    if (a && (!a->allocate || !a->release))
        return null_argument(a->allocate ? "options.allocator.release"
                                         : "options.allocator.allocate");
    return check_pool(o);
}

conv2d_status conv2d_device_open(const char *name, const conv2d_device_options *options,
                                 conv2d_device **device_out)
{
    static const conv2d_device_options defaults = CONV2D_DEVICE_OPTIONS_INIT;
    const conv2d_device_options *o = options ? options : &defaults;
    if (!name || !device_out)
        return null_argument(name ? "device_out" : "name");
    conv2d_status s = check_options(o);
    if (s)
        return s;
    static const char *const known[] = {"cpu", "metal", "cuda", "vulkan"};
    const c2_backend *backend = c2_backend_by_name(strcmp(name, "auto") ? name : "cpu");
    if (!backend) {
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            if (!strcmp(name, known[i]))
                return c2_fail(CONV2D_E_DEVICE, "device \"%s\" is not built into this library",
                               name);
        return c2_fail(CONV2D_E_ARGUMENT,
                       "name is \"%.60s\": expected auto, cpu, metal, cuda or vulkan", name);
    }
    const conv2d_allocator allocator = c2_allocator_or_default(o->allocator);
    conv2d_device *device = NULL;
    if ((s = backend->open(o, &allocator, &device)))
        return s;
    if ((s = c2_wisdom_create(device))) {
        c2_device_release(device);
        return s;
    }
    *device_out = device;
    return CONV2D_OK;
}

void conv2d_device_close(conv2d_device *device)
{
    if (device)
        c2_device_release(device);
}

conv2d_status conv2d_device_sync(conv2d_device *device)
{
    return device ? device->backend->sync(device) : null_argument("device");
}

const char *conv2d_device_name(const conv2d_device *device)
{
    return device ? device->backend->name : "";
}

conv2d_status conv2d_device_get_info(const conv2d_device *device, conv2d_device_info *info_out)
{
    if (!device || !info_out)
        return null_argument(device ? "info_out" : "device");
    const size_t before = offsetof(conv2d_device_info, threadgroup_bytes);
    conv2d_status s =
        c2_check_info_size("info_out", info_out->struct_size, before, sizeof *info_out);
    if (s)
        return s;
    conv2d_device_info info = CONV2D_DEVICE_INFO_INIT;
    info.backend = device->backend->name;
    info.n_threads = device->pool.n_threads;
    info.isa = info.isa_detected = info.features = info.model = "";
    info.proven = device->backend->proven;
    s = device->backend->info(device, &info);
    info.struct_size = info_out->struct_size;
    if (!s)
        memcpy(info_out, &info, info.struct_size < sizeof info ? before : sizeof info);
    return s;
}

int conv2d_device_kernel_count(const conv2d_device *device)
{
    return device ? device->backend->kernel_count(device) : 0;
}

conv2d_status conv2d_device_kernel(const conv2d_device *device, int index,
                                   conv2d_kernel_info *info_out)
{
    if (!device || !info_out)
        return null_argument(device ? "info_out" : "device");
    if (info_out->struct_size < sizeof *info_out)
        return c2_fail(CONV2D_E_ARGUMENT, "info_out.struct_size is %" PRIu32 ": expected %zu",
                       info_out->struct_size, sizeof *info_out);
    const int count = device->backend->kernel_count(device);
    if (index < 0 || index >= count)
        return c2_fail(CONV2D_E_ARGUMENT, "index is %d: the device has %d kernels", index, count);
    conv2d_kernel_info info = CONV2D_KERNEL_INFO_INIT;
    device->backend->kernel(device, index, &info);
    *info_out = info;
    return CONV2D_OK;
}

conv2d_status conv2d_device_measure_peak(conv2d_device *device, double seconds, double *flops_out)
{
    if (!device || !flops_out)
        return null_argument(device ? "flops_out" : "device");
    if (!(seconds > 0) || seconds > 60)
        return c2_fail(CONV2D_E_ARGUMENT, "seconds is %g: expected above 0, at most 60", seconds);
    return device->backend->measure_peak(device, seconds, flops_out);
}

conv2d_status conv2d_buffer_create(conv2d_device *device, size_t bytes, conv2d_buffer **buffer_out)
{
    if (!device || !buffer_out)
        return null_argument(device ? "buffer_out" : "device");
    return device->backend->buffer_create(device, bytes, buffer_out);
}

conv2d_status conv2d_buffer_wrap(conv2d_device *device, void *memory, size_t bytes,
                                 conv2d_buffer **buffer_out)
{
    if (!device || !memory || !buffer_out)
        return null_argument(!device ? "device" : memory ? "buffer_out" : "memory");
    return device->backend->buffer_wrap(device, memory, bytes, buffer_out);
}

conv2d_status conv2d_buffer_import(conv2d_device *device, void *native,
                                   conv2d_buffer **buffer_out)
{
    if (!device || !native || !buffer_out)
        return null_argument(!device ? "device" : native ? "buffer_out" : "native");
    return device->backend->buffer_import(device, native, buffer_out);
}

void conv2d_buffer_destroy(conv2d_buffer *buffer)
{
    if (buffer)
        buffer->device->backend->buffer_destroy(buffer);
}

size_t conv2d_buffer_bytes(const conv2d_buffer *buffer) { return buffer ? buffer->bytes : 0; }

void *conv2d_buffer_host_pointer(conv2d_buffer *buffer) { return buffer ? buffer->host : NULL; }

conv2d_status conv2d_queue_create(conv2d_device *device, conv2d_queue **queue_out)
{
    if (!device || !queue_out)
        return null_argument(device ? "queue_out" : "device");
    return device->backend->queue_create(device, queue_out);
}

conv2d_status conv2d_queue_sync(conv2d_queue *queue)
{
    return queue ? queue->device->backend->queue_sync(queue) : null_argument("queue");
}

void conv2d_queue_destroy(conv2d_queue *queue)
{
    if (queue)
        queue->device->backend->queue_destroy(queue);
}

conv2d_status conv2d_event_create(conv2d_device *device, conv2d_event **event_out)
{
    if (!device || !event_out)
        return null_argument(device ? "event_out" : "device");
    return device->backend->event_create(device, event_out);
}

conv2d_status conv2d_event_wait(conv2d_event *event)
{
    return event ? event->device->backend->event_wait(event) : null_argument("event");
}

conv2d_status conv2d_event_query(conv2d_event *event, int *done_out)
{
    if (!event || !done_out)
        return null_argument(event ? "done_out" : "event");
    return event->device->backend->event_query(event, done_out);
}

void conv2d_event_destroy(conv2d_event *event)
{
    if (event)
        event->device->backend->event_destroy(event);
}

conv2d_status conv2d_cancel_create(conv2d_cancel **cancel_out)
{
    if (!cancel_out)
        return null_argument("cancel_out");
    const conv2d_allocator allocator = c2_allocator_or_default(NULL);
    conv2d_cancel *cancel = c2_alloc_zero(&allocator, sizeof *cancel);
    if (!cancel)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a cancel flag");
    atomic_init(&cancel->triggered, 0);
    *cancel_out = cancel;
    return CONV2D_OK;
}

void conv2d_cancel_trigger(conv2d_cancel *cancel)
{
    if (cancel)
        atomic_store(&cancel->triggered, 1);
}

void conv2d_cancel_reset(conv2d_cancel *cancel)
{
    if (cancel)
        atomic_store(&cancel->triggered, 0);
}

void conv2d_cancel_destroy(conv2d_cancel *cancel)
{
    const conv2d_allocator allocator = c2_allocator_or_default(NULL);
    c2_free(&allocator, cancel, sizeof *cancel);
}
