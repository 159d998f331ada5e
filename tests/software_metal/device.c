/* SPDX-License-Identifier: BSD-2-Clause
 * MTLDevice and MTLBuffer, the functions that give devices, and the list of all classes. The device
 * is one of the Apple7 family with 32 KiB of threadgroup memory and unified memory; the families
 * can be lowered, to be a GPU without simdgroup matrices. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metal.h"
#include "software_metal.h"

enum {
    FAMILY_APPLE1 = 1001,
    FAMILY_APPLE7 = 1007,
    FAMILY_MAC2 = 2002,
    FAMILY_COMMON1 = 3001,
    FAMILY_COMMON3 = 3003,
    FAMILY_METAL3 = 5001,
    MAX_BUFFER_SHIFT = 34, /* 16 GiB */
    STORAGE_MODE_MASK = 0xf0,
    STORAGE_SHARED = 0,
    STORAGE_PRIVATE = 0x20
};

typedef struct device {
    sm_id name;
} device;

const sm_class *const sm_classes[] = {
    &sm_string_class,
    &sm_error_class,
    &sm_array_class,
    &sm_device_class,
    &sm_queue_class,
    &sm_buffer_class,
    &sm_options_class,
    &sm_constants_class,
    &sm_library_class,
    &sm_function_class,
    &sm_pipeline_class,
    &sm_command_buffer_class,
    &sm_encoder_class,
    &sm_event_class,
    &sm_shared_event_class,
    &sm_url_class,
    &sm_archive_descriptor_class,
    &sm_pipeline_descriptor_class,
    &sm_archive_class,
    &sm_data_class,
    NULL,
};

/* ---- buffers */

static void buffer_dealloc(void *data)
{
    sm_buffer *b = data;
    if (b->in_flight)
        sm_violation("use before completion",
                     "a buffer of %zu bytes is destroyed while a command "
                     "buffer that uses it is under way",
                     b->n);
    if (b->is_owned)
        sm_buffer_free(b);
    if (b->deallocator) {
        ((void (*)(sm_block *, void *, sm_uint))(void (*)(void))b->deallocator->invoke)(
            b->deallocator, b->bytes, b->n);
        sm_block_release(b->deallocator);
    }
    sm_release(b->device);
}

static sm_id buffer_new(sm_id owner)
{
    sm_id object = sm_new(&sm_buffer_class);
    ((sm_buffer *)object->data)->device = sm_retain(owner);
    return object;
}

static void *contents(sm_id self, sm_sel name)
{
    const sm_buffer *b = self->data;
    if (b->in_flight)
        sm_violation("use before completion",
                     "-[MTLBuffer %s] of a buffer of %zu bytes while a "
                     "command buffer that uses it is under way",
                     name, b->n);
    return b->bytes;
}

static sm_uint length(sm_id self, sm_sel name)
{
    (void)name;
    return ((sm_buffer *)self->data)->n;
}

static sm_id buffer_device(sm_id self, sm_sel name)
{
    (void)name;
    return ((sm_buffer *)self->data)->device;
}

static sm_uint storage_mode(sm_id self, sm_sel name)
{
    (void)self, (void)name;
    return 0;
}

static const sm_method buffer_methods[] = {
    SM_METHOD("contents", contents),
    SM_METHOD("length", length),
    SM_METHOD("device", buffer_device),
    SM_METHOD("storageMode", storage_mode),
    {NULL, NULL},
};
const sm_class sm_buffer_class = {"MTLBuffer",    buffer_methods, sizeof(sm_buffer),
                                  buffer_dealloc, NULL,           false};

/* Memory of a buffer: NaNs where nobody wrote; Metal promises no zeros. */
static sm_id new_buffer(sm_id self, sm_sel name, sm_uint n, sm_uint options)
{
    if ((options & STORAGE_MODE_MASK) != STORAGE_SHARED)
        sm_violation("argument",
                     "-[MTLDevice %s]: software Metal has shared storage only, options "
                     "are %lu",
                     name, options);
    if (!n) {
        sm_violation("argument", "-[MTLDevice %s] of no bytes", name);
        return NULL;
    }
    if (n > (sm_uint)1 << MAX_BUFFER_SHIFT || sm_must_fail(SM_FAIL_BUFFER, NULL))
        return NULL;
    sm_id object = buffer_new(self);
    sm_buffer *b = object->data;
    b->is_owned = sm_buffer_allocate(b, n);
    if (!b->is_owned) {
        sm_release(object);
        return NULL;
    }
    if (n <= 1 << 26) /* more is left to the system's zeros, to be quick */
        memset(b->bytes, 0xff, n);
    return object;
}

static sm_id new_buffer_with_bytes(sm_id self, sm_sel name, const void *bytes, sm_uint n,
                                   sm_uint options)
{
    sm_id object = new_buffer(self, name, n, options);
    if (object)
        memcpy(((sm_buffer *)object->data)->bytes, bytes, n);
    return object;
}

static sm_id new_buffer_no_copy(sm_id self, sm_sel name, void *bytes, sm_uint n, sm_uint options,
                                sm_block *deallocator)
{
    const sm_uint page = (sm_uint)sysconf(_SC_PAGESIZE);
    (void)options;
    if (!bytes || !n || (uintptr_t)bytes % page || n % page) {
        sm_violation("argument", "-[MTLDevice %s]: %lu bytes at %p are not whole pages", name, n,
                     bytes);
        return NULL;
    }
    if (sm_must_fail(SM_FAIL_BUFFER, NULL))
        return NULL;
    sm_id object = buffer_new(self);
    sm_buffer *b = object->data;
    b->bytes = b->gpu_bytes = bytes;
    b->n = n;
    b->deallocator = deallocator ? sm_block_copy(deallocator) : NULL;
    return object;
}

/* ---- the device */

static void device_dealloc(void *data)
{
    sm_release(((device *)data)->name);
}

static sm_id device_name(sm_id self, sm_sel name)
{
    (void)name;
    return ((device *)self->data)->name;
}

static sm_bool supports_family(sm_id self, sm_sel name, sm_int family)
{
    (void)self, (void)name;
    const char *highest = getenv("CONV2D_SOFTWARE_METAL_FAMILY");
    const sm_int apple = highest ? atol(highest) : FAMILY_APPLE7;
    if (family >= FAMILY_APPLE1 && family < FAMILY_MAC2 - 1)
        return family <= apple;
    return family == FAMILY_MAC2 || family == FAMILY_METAL3 ||
           (family >= FAMILY_COMMON1 && family <= FAMILY_COMMON3);
}

static sm_bool yes(sm_id self, sm_sel name)
{
    (void)self, (void)name;
    return 1;
}

static sm_bool no(sm_id self, sm_sel name)
{
    (void)self, (void)name;
    return 0;
}

static sm_uint max_buffer_length(sm_id self, sm_sel name)
{
    (void)self, (void)name;
    return (sm_uint)1 << MAX_BUFFER_SHIFT;
}

static sm_uint max_threadgroup_memory(sm_id self, sm_sel name)
{
    (void)self, (void)name;
    return MSL_THREADGROUP_BYTES;
}

static sm_mtl_size max_threads(sm_id self, sm_sel name)
{
    (void)self, (void)name;
    return (sm_mtl_size){1024, 1024, 1024};
}

static uint64_t registry_id(sm_id self, sm_sel name)
{
    (void)self, (void)name;
    return 0x50f7; /* one device, one number */
}

static void queue_dealloc(void *data)
{
    sm_queue *q = data;
    sm_line_close(q->line);
    sm_release(q->device);
}

static sm_id new_queue(sm_id self, sm_sel name)
{
    (void)name;
    if (sm_must_fail(SM_FAIL_QUEUE, NULL))
        return NULL;
    sm_id object = sm_new(&sm_queue_class);
    sm_queue *q = object->data;
    q->line = sm_line_create();
    q->device = sm_retain(self);
    return object;
}

static sm_id new_queue_with_count(sm_id self, sm_sel name, sm_uint n)
{
    (void)n;
    return new_queue(self, name);
}

static sm_id new_library(sm_id self, sm_sel name, sm_id source, sm_id options, sm_id *error_out)
{
    (void)name;
    return sm_library_new(self, source, options, error_out);
}

static sm_id new_pipeline(sm_id self, sm_sel name, sm_id function, sm_id *error_out)
{
    (void)name;
    return sm_pipeline_new(self, function, error_out);
}

static sm_id new_library_of_data(sm_id self, sm_sel name, sm_id data, sm_id *error_out)
{
    (void)name;
    return sm_library_of_data(self, data, error_out);
}

static sm_id new_archive(sm_id self, sm_sel name, sm_id descriptor, sm_id *error_out)
{
    (void)name;
    return sm_archive_new(self, descriptor, error_out);
}

static sm_id new_described_pipeline(sm_id self, sm_sel name, sm_id descriptor, sm_uint options,
                                    sm_id *reflection_out, sm_id *error_out)
{
    if (reflection_out)
        sm_violation("argument", "-[MTLDevice %s]: software Metal has no reflection", name);
    return sm_pipeline_of_descriptor(self, descriptor, options, error_out);
}

static sm_id new_event(sm_id self, sm_sel name)
{
    (void)self, (void)name;
    return sm_event_new(&sm_event_class);
}

static sm_id new_shared_event(sm_id self, sm_sel name)
{
    (void)self, (void)name;
    return sm_event_new(&sm_shared_event_class);
}

static const sm_method device_methods[] = {
    SM_METHOD("name", device_name),
    SM_METHOD("registryID", registry_id),
    SM_METHOD("supportsFamily:", supports_family),
    SM_METHOD("hasUnifiedMemory", yes),
    SM_METHOD("isLowPower", no),
    SM_METHOD("isRemovable", no),
    SM_METHOD("isHeadless", no),
    SM_METHOD("maxBufferLength", max_buffer_length),
    SM_METHOD("recommendedMaxWorkingSetSize", max_buffer_length),
    SM_METHOD("maxThreadgroupMemoryLength", max_threadgroup_memory),
    SM_METHOD("maxThreadsPerThreadgroup", max_threads),
    SM_METHOD("newCommandQueue", new_queue),
    SM_METHOD("newCommandQueueWithMaxCommandBufferCount:", new_queue_with_count),
    SM_METHOD("newBufferWithLength:options:", new_buffer),
    SM_METHOD("newBufferWithBytes:length:options:", new_buffer_with_bytes),
    SM_METHOD("newBufferWithBytesNoCopy:length:options:deallocator:", new_buffer_no_copy),
    SM_METHOD("newLibraryWithSource:options:error:", new_library),
    SM_METHOD("newComputePipelineStateWithFunction:error:", new_pipeline),
    SM_METHOD("newLibraryWithData:error:", new_library_of_data),
    SM_METHOD("newBinaryArchiveWithDescriptor:error:", new_archive),
    SM_METHOD("newComputePipelineStateWithDescriptor:options:reflection:error:",
              new_described_pipeline),
    SM_METHOD("newEvent", new_event),
    SM_METHOD("newSharedEvent", new_shared_event),
    {NULL, NULL},
};
const sm_class sm_device_class = {"MTLDevice",    device_methods, sizeof(device),
                                  device_dealloc, NULL,           false};

/* There is one device; each call gives another reference to it, as Apple's does while it lives. */
static pthread_mutex_t device_lock = PTHREAD_MUTEX_INITIALIZER;
static sm_id the_device;

sm_id MTLCreateSystemDefaultDevice(void)
{
    if (sm_must_fail(SM_FAIL_DEVICE, NULL))
        return NULL;
    pthread_mutex_lock(&device_lock);
    if (the_device && the_device->is_alive) {
        sm_retain(the_device);
    } else {
        the_device = sm_new(&sm_device_class);
        ((device *)the_device->data)->name = sm_string("Software Metal (tests only)");
    }
    sm_id object = the_device;
    pthread_mutex_unlock(&device_lock);
    return object;
}

sm_id MTLCopyAllDevices(void)
{
    sm_id one = MTLCreateSystemDefaultDevice();
    sm_id all = sm_array(&one, one ? 1 : 0);
    sm_release(one);
    return all;
}

/* ---- MTLCommandQueue: its command buffers are in command.c */

static sm_id queue_device(sm_id self, sm_sel name)
{
    (void)name;
    return ((sm_queue *)self->data)->device;
}

static const sm_method queue_methods[] = {
    SM_METHOD("commandBuffer", sm_command_buffer_of),
    SM_METHOD("device", queue_device),
    {NULL, NULL},
};
const sm_class sm_queue_class = {"MTLCommandQueue", queue_methods, sizeof(sm_queue),
                                 queue_dealloc,     NULL,          false};
