/* SPDX-License-Identifier: BSD-2-Clause
 * The fake backend's vtable: device, buffers, copies, events. No member is NULL; what the device
 * cannot do is refused in words. */
#include <string.h>

#include "core/copy.h"
#include "core/dtype.h"
#include "fake_internal.h"

static void serial_for(void *user, size_t n, conv2d_task task, void *arg)
{
    (void)user;
    for (size_t i = 0; i < n; i++)
        task(arg, i, 0);
}

/* ---- device ---- */

void fake_device_free(fake_device *device)
{
    const conv2d_allocator allocator = device->base.allocator;
    pthread_cond_destroy(&device->changed);
    pthread_mutex_destroy(&device->lock);
    c2_free(&allocator, device, sizeof *device);
    atomic_fetch_sub(&fake_count.devices, 1);
}

static conv2d_status open_device(const conv2d_device_options *options,
                                 const conv2d_allocator *allocator, conv2d_device **device_out)
{
    if (fake_due(&fake_fault.open))
        return c2_fail(CONV2D_E_DEVICE, "fake: the driver is version 3, expected at least 4");
    if (options->isa)
        return c2_fail(CONV2D_E_ARGUMENT, "options.isa is \"%s\": a fake device has none",
                       options->isa);
    fake_device *d = c2_alloc_zero(allocator, sizeof *d);
    if (!d)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a fake device");
    if (pthread_mutex_init(&d->lock, NULL)) {
        c2_free(allocator, d, sizeof *d);
        return c2_fail(CONV2D_E_NOMEM, "the system has no more locks");
    }
    if (pthread_cond_init(&d->changed, NULL)) {
        pthread_mutex_destroy(&d->lock);
        c2_free(allocator, d, sizeof *d);
        return c2_fail(CONV2D_E_NOMEM, "the system has no more conditions");
    }
    d->base.backend = &c2_fake_backend;
    d->base.allocator = *allocator;
    d->base.pool = (conv2d_pool){sizeof d->base.pool, 1, NULL, serial_for};
    d->base.log = options->log;
    d->base.log_user = options->log_user;
    atomic_init(&d->base.refs, 1);
    d->queue.base.device = &d->base;
    atomic_fetch_add(&fake_count.devices, 1);
    *device_out = &d->base;
    return CONV2D_OK;
}

/* Called with the last reference, so no run is queued: each holds its plan, and that the device. */
static void close_device(conv2d_device *device)
{
    if (fake_queue_stop(fake_of(device), &fake_of(device)->queue))
        fake_device_free(fake_of(device));
}

/* A device with one level of nothing. */
static const char *level(int index)
{
    (void)index;
    return NULL;
}

static conv2d_status open_level(const char *isa, const conv2d_allocator *allocator,
                                conv2d_device **device_out)
{
    (void)allocator;
    (void)device_out;
    return c2_fail(CONV2D_E_ARGUMENT, "isa is \"%s\": a fake device has none", isa);
}

static conv2d_status info(const conv2d_device *device, conv2d_device_info *out)
{
    (void)device;
    out->model = "fake accelerator";
    return CONV2D_OK;
}

static int kernel_count(const conv2d_device *device)
{
    (void)device;
    return 0;
}

static void kernel(const conv2d_device *device, int index, conv2d_kernel_info *out)
{
    (void)device;
    (void)index;
    (void)out; /* never called: there are no kernels */
}

static conv2d_status measure_peak(conv2d_device *device, double seconds, double *flops_out)
{
    (void)device;
    (void)seconds;
    (void)flops_out;
    return c2_fail(CONV2D_E_UNSUPPORTED, "a fake device has no peak");
}

static conv2d_status wait_idle(fake_device *d, const int *pending)
{
    pthread_mutex_lock(&d->lock);
    while (*pending)
        pthread_cond_wait(&d->changed, &d->lock);
    const conv2d_status status = fake_take_failure(d);
    pthread_mutex_unlock(&d->lock);
    return status;
}

static conv2d_status sync_device(conv2d_device *device)
{
    return wait_idle(fake_of(device), &fake_of(device)->pending);
}

/* ---- buffers and copies ---- */

static conv2d_status buffer_create(conv2d_device *device, size_t bytes, conv2d_buffer **buffer_out)
{
    fake_buffer *b = c2_alloc_zero(&device->allocator, sizeof *b);
    if (!b)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a buffer object");
    b->memory = c2_alloc(&device->allocator, bytes);
    if (!b->memory) {
        c2_free(&device->allocator, b, sizeof *b);
        return c2_fail(CONV2D_E_NOMEM, "no memory for a buffer of %zu bytes", bytes);
    }
    b->base.bytes = bytes;
    b->base.device = device;
    c2_device_retain(device);
    atomic_fetch_add(&fake_count.buffers, 1);
    *buffer_out = &b->base;
    return CONV2D_OK;
}

/* The host's bytes are out of reach: a copy. */
static conv2d_status buffer_from_host(conv2d_device *device, const void *bytes, size_t n,
                                      conv2d_buffer **buffer_out)
{
    if (fake_due(&fake_fault.upload))
        return c2_fail(CONV2D_E_DEVICE, "the fake device failed to take %zu bytes", n);
    const conv2d_status s = buffer_create(device, n, buffer_out);
    if (!s)
        memcpy(((fake_buffer *)*buffer_out)->memory, bytes, n);
    return s;
}

static conv2d_status buffer_wrap(conv2d_device *device, void *memory, size_t bytes,
                                 conv2d_buffer **buffer_out)
{
    (void)device;
    (void)buffer_out;
    return c2_fail(CONV2D_E_UNSUPPORTED, "%zu bytes at %p: a fake device has its own memory only",
                   bytes, memory);
}

static conv2d_status buffer_import(conv2d_device *device, void *native, conv2d_buffer **buffer_out)
{
    (void)device;
    (void)buffer_out;
    return c2_fail(CONV2D_E_UNSUPPORTED, "native is %p: a fake device knows no other buffers",
                   native);
}

/* Waits for runs that use it. Packed weights are freed by args.done() on a queue's own thread; the
 * run was counted out before, so that thread does not wait for itself. */
static void buffer_destroy(conv2d_buffer *buffer)
{
    fake_buffer *b = (fake_buffer *)buffer;
    conv2d_device *device = buffer->device;
    pthread_mutex_lock(&fake_of(device)->lock);
    while (b->pending)
        pthread_cond_wait(&fake_of(device)->changed, &fake_of(device)->lock);
    pthread_mutex_unlock(&fake_of(device)->lock);
    c2_free(&device->allocator, b->memory, buffer->bytes);
    c2_free(&device->allocator, b, sizeof *b);
    atomic_fetch_sub(&fake_count.buffers, 1);
    c2_device_release(device);
}

static void *address(const conv2d_tensor *t)
{
    return ((fake_buffer *)t->buffer)->memory + t->byte_offset;
}

/* Wait for all queued work, then copy: the simplest order that is right. */
static conv2d_status upload(const conv2d_tensor *host, conv2d_tensor *device)
{
    conv2d_status status = sync_device(device->buffer->device);
    if (status)
        return status;
    if (fake_due(&fake_fault.upload))
        return c2_fail(CONV2D_E_DEVICE, "the fake device failed to take %zu bytes",
                       device->buffer->bytes);
    c2_copy_strided(c2_dtype_bytes(host->dtype), host->rank, host->sizes, host->data, host->strides,
                    address(device), device->strides);
    atomic_fetch_add(&fake_count.copies, 1);
    return CONV2D_OK;
}

static conv2d_status download(const conv2d_tensor *device, conv2d_tensor *host)
{
    conv2d_status status = sync_device(device->buffer->device);
    if (status)
        return status;
    c2_copy_strided(c2_dtype_bytes(host->dtype), host->rank, host->sizes, address(device),
                    device->strides, host->data, host->strides);
    atomic_fetch_add(&fake_count.copies, 1);
    return CONV2D_OK;
}

/* ---- queues and events ---- */

static conv2d_status queue_create(conv2d_device *device, conv2d_queue **queue_out)
{
    fake_queue *q = c2_alloc_zero(&device->allocator, sizeof *q);
    if (!q)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a queue");
    q->base.device = device;
    c2_device_retain(device);
    atomic_fetch_add(&fake_count.queues, 1);
    *queue_out = &q->base;
    return CONV2D_OK;
}

static conv2d_status queue_sync(conv2d_queue *queue)
{
    fake_device *d = fake_of(queue->device);
    pthread_mutex_lock(&d->lock);
    while (((fake_queue *)queue)->count)
        pthread_cond_wait(&d->changed, &d->lock);
    const conv2d_status status = fake_take_failure(d);
    pthread_mutex_unlock(&d->lock);
    return status;
}

static void queue_destroy(conv2d_queue *queue)
{
    conv2d_device *device = queue->device;
    fake_queue_stop(fake_of(device), (fake_queue *)queue); /* the thread empties the ring first */
    c2_free(&device->allocator, queue, sizeof(fake_queue));
    atomic_fetch_sub(&fake_count.queues, 1);
    c2_device_release(device);
}

static conv2d_status event_create(conv2d_device *device, conv2d_event **event_out)
{
    fake_event *e = c2_alloc_zero(&device->allocator, sizeof *e);
    if (!e)
        return c2_fail(CONV2D_E_NOMEM, "no memory for an event");
    e->base.device = device;
    c2_device_retain(device);
    atomic_fetch_add(&fake_count.events, 1);
    *event_out = &e->base;
    return CONV2D_OK;
}

static conv2d_status event_wait(conv2d_event *event)
{
    fake_event *e = (fake_event *)event;
    fake_device *d = fake_of(event->device);
    pthread_mutex_lock(&d->lock);
    while (e->pending)
        pthread_cond_wait(&d->changed, &d->lock);
    const conv2d_status status = e->status;
    pthread_mutex_unlock(&d->lock);
    return status ? c2_fail(status, "the run recorded in the event failed: %s",
                            conv2d_status_text(status))
                  : status;
}

static conv2d_status event_query(conv2d_event *event, int *done_out)
{
    fake_device *d = fake_of(event->device);
    pthread_mutex_lock(&d->lock);
    *done_out = ((fake_event *)event)->pending == 0;
    pthread_mutex_unlock(&d->lock);
    return CONV2D_OK;
}

static void event_destroy(conv2d_event *event)
{
    conv2d_device *device = event->device;
    fake_device *d = fake_of(device);
    pthread_mutex_lock(&d->lock);
    while (((fake_event *)event)->pending)
        pthread_cond_wait(&d->changed, &d->lock);
    pthread_mutex_unlock(&d->lock);
    c2_free(&device->allocator, event, sizeof(fake_event));
    atomic_fetch_sub(&fake_count.events, 1);
    c2_device_release(device);
}

const c2_backend c2_fake_backend = {
    .abi = C2_BACKEND_ABI,
    .name = "fake",
    .proven = "a test double: no hardware behind it",
    .host_memory = false,
    .open = open_device,
    .close = close_device,
    .level = level,
    .open_level = open_level,
    .info = info,
    .kernel_count = kernel_count,
    .kernel = kernel,
    .measure_peak = measure_peak,
    .buffer_create = buffer_create,
    .buffer_from_host = buffer_from_host,
    .buffer_wrap = buffer_wrap,
    .buffer_import = buffer_import,
    .buffer_destroy = buffer_destroy,
    .upload = upload,
    .download = download,
    .queue_create = queue_create,
    .queue_sync = queue_sync,
    .queue_destroy = queue_destroy,
    .event_create = event_create,
    .event_wait = event_wait,
    .event_query = event_query,
    .event_destroy = event_destroy,
    .sync = sync_device,
    .algorithms = fake_algorithms,
};
