/* SPDX-License-Identifier: BSD-2-Clause
 * Buffers in storage that host and GPU share, and copies. A copy waits for the queued runs that use
 * the buffer and then goes element by element through the buffer's contents. */
#include <string.h>
#include <unistd.h>

#include "core/copy.h"
#include "core/dtype.h"
#include "metal/internal.h"

/* How a buffer comes to be. */
typedef enum source { SOURCE_NEW, SOURCE_MEMORY, SOURCE_NATIVE } source;

/* A reference to Metal's buffer; NULL if the GPU has no memory. */
static c2_id get_native(const c2_metal_device *d, source from, void *given, size_t bytes)
{
    switch (from) {
    case SOURCE_MEMORY:
        return C2_SEND(&d->rt, new_buffer_no_copy, d->device, given, bytes, C2_MTL_STORAGE_SHARED,
                       NULL);
    case SOURCE_NATIVE:
        return C2_SEND0(&d->rt, retain, (c2_id)given);
    default: /* Metal makes none of 0 bytes */
        return C2_SEND(&d->rt, new_buffer, d->device, bytes ? bytes : 1, C2_MTL_STORAGE_SHARED);
    }
}

static conv2d_status make_buffer(conv2d_device *device, source from, void *given, size_t bytes,
                                 conv2d_buffer **buffer_out)
{
    c2_metal_device *d = c2_metal_of(device);
    if (from != SOURCE_NATIVE && bytes > d->max_buffer_bytes)
        return c2_fail(CONV2D_E_NOMEM, "a buffer of %zu bytes: this GPU's largest is %zu", bytes,
                       d->max_buffer_bytes);
    c2_metal_buffer *b = c2_alloc_zero(&device->allocator, sizeof *b);
    if (!b)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a buffer object");
    void *pool = d->rt.pool_push();
    b->buffer = get_native(d, from, given, bytes);
    b->base.host = b->buffer ? C2_SEND0(&d->rt, contents, b->buffer) : NULL;
    d->rt.pool_pop(pool);
    if (!b->buffer) {
        c2_free(&device->allocator, b, sizeof *b);
        return c2_fail(CONV2D_E_NOMEM, "the GPU has no memory for a buffer of %zu bytes", bytes);
    }
    b->base.bytes = bytes;
    b->base.device = device;
    c2_device_retain(device);
    *buffer_out = &b->base;
    return CONV2D_OK;
}

conv2d_status c2_metal_buffer_create(conv2d_device *device, size_t bytes,
                                     conv2d_buffer **buffer_out)
{
    return make_buffer(device, SOURCE_NEW, NULL, bytes, buffer_out);
}

conv2d_status c2_metal_buffer_wrap(conv2d_device *device, void *memory, size_t bytes,
                                   conv2d_buffer **buffer_out)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (!bytes || bytes % page || (uintptr_t)memory % page)
        return c2_fail(CONV2D_E_ARGUMENT,
                       "memory is %p and bytes %zu: Metal uses whole pages of %zu bytes in place",
                       memory, bytes, page);
    return make_buffer(device, SOURCE_MEMORY, memory, bytes, buffer_out);
}

conv2d_status c2_metal_buffer_import(conv2d_device *device, void *native,
                                     conv2d_buffer **buffer_out)
{
    c2_metal_device *d = c2_metal_of(device);
    void *pool = d->rt.pool_push();
    const bool ours = C2_SEND0(&d->rt, device, (c2_id)native) == d->device;
    const size_t bytes = ours ? C2_SEND0(&d->rt, length, (c2_id)native) : 0;
    d->rt.pool_pop(pool);
    if (!ours)
        return c2_fail(CONV2D_E_ARGUMENT, "native is %p: a buffer of another MTLDevice", native);
    return make_buffer(device, SOURCE_NATIVE, native, bytes, buffer_out);
}

conv2d_status c2_metal_buffer_from_host(conv2d_device *device, const void *bytes, size_t n,
                                        conv2d_buffer **buffer_out)
{
    conv2d_status s = c2_metal_buffer_create(device, n, buffer_out);
    if (!s && n)
        memcpy((*buffer_out)->host, bytes, n);
    return s;
}

/* Waits for runs that use it. Packed weights are freed from a completion handler, where the run was
 * counted out before: the handler does not wait for itself. */
void c2_metal_buffer_destroy(conv2d_buffer *buffer)
{
    c2_metal_buffer *b = (c2_metal_buffer *)buffer;
    conv2d_device *device = buffer->device;
    c2_metal_device *d = c2_metal_of(device);
    c2_metal_wait(d, &b->pending);
    void *pool = d->rt.pool_push();
    c2_objc_release(&d->rt, b->buffer);
    d->rt.pool_pop(pool);
    c2_free(&device->allocator, b, sizeof *b);
    c2_device_release(device);
}

/* Where the host finds a tensor of a buffer, after the runs that use it. */
static conv2d_status contents(const conv2d_tensor *t, void **address_out)
{
    c2_metal_buffer *b = (c2_metal_buffer *)t->buffer;
    if (!b->base.host)
        return c2_fail(CONV2D_E_DEVICE,
                       "the buffer's storage is private to the GPU: the host cannot copy it");
    c2_metal_wait(c2_metal_of(b->base.device), &b->pending);
    *address_out = (char *)b->base.host + t->byte_offset;
    return CONV2D_OK;
}

conv2d_status c2_metal_upload(const conv2d_tensor *host, conv2d_tensor *device)
{
    void *to = NULL;
    conv2d_status s = contents(device, &to);
    if (!s)
        c2_copy_strided(c2_dtype_bytes(host->dtype), host->rank, host->sizes, host->data,
                        host->strides, to, device->strides);
    return s;
}

conv2d_status c2_metal_download(const conv2d_tensor *device, conv2d_tensor *host)
{
    void *from = NULL;
    conv2d_status s = contents(device, &from);
    if (s || (s = c2_metal_take_failure(c2_metal_of(device->buffer->device))))
        return s;
    c2_copy_strided(c2_dtype_bytes(host->dtype), host->rank, host->sizes, from, device->strides,
                    host->data, host->strides);
    return CONV2D_OK;
}
