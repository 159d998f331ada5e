/* SPDX-License-Identifier: BSD-2-Clause
 * The CPU backend: device, buffers in host memory, queues and events that are always done. */
#include <string.h>

#include "core/copy.h"
#include "core/dtype.h"
#include "core/error.h"
#include "core/os.h"
#include "cpu/cpu.h"

static void serial_for(void *user, size_t n, conv2d_task task, void *arg)
{
    (void)user;
    for (size_t i = 0; i < n; i++)
        task(arg, i, 0);
}

static conv2d_status choose_pool(const conv2d_device_options *options, conv2d_device *device)
{
    const conv2d_pool serial = {sizeof serial, 1, NULL, serial_for};
    if (options->pool) {
        device->pool = *options->pool;
        return CONV2D_OK;
    }
    const int n = options->n_threads ? options->n_threads : c2_cpu_count();
    if (n == 1) {
        device->pool = serial;
        return CONV2D_OK;
    }
    conv2d_status s = c2_pool_create(&device->allocator, n, &device->own_pool);
    if (!s)
        device->pool = c2_pool_interface(device->own_pool);
    return s;
}

static void list_kernels(c2_cpu_device *d)
{
    for (int i = 0; i < c2_n_kernels; i++) {
        const c2_kernel *k = &c2_kernels[i];
        /* Of those that the system refuses, plans say so. */
        const uint32_t shown =
            d->machine.features | (c2_kernel_parts(k) ? d->machine.refused : 0);
        if ((k->dtype == CONV2D_FLOAT32 || c2_kernel_parts(k)) && (k->need & ~shown) == 0)
            d->family[k->family][d->n_family[k->family]++] = i;
    }
}

static void cpu_close(conv2d_device *device)
{
    c2_pool_destroy(device->own_pool);
    const conv2d_allocator allocator = device->allocator;
    c2_free(&allocator, device, sizeof(c2_cpu_device));
}

static conv2d_status open_machine(const c2_machine *machine, const conv2d_device_options *options,
                                  const conv2d_allocator *allocator, conv2d_device **device_out)
{
    c2_cpu_device *d = c2_alloc_zero(allocator, sizeof *d);
    if (!d)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a device");
    d->base.backend = &c2_cpu_backend;
    d->base.allocator = *allocator;
    d->base.log = options->log;
    d->base.log_user = options->log_user;
    atomic_init(&d->base.refs, 1);
    atomic_init(&d->forwards, false);
    d->machine = *machine;
    list_kernels(d);
    const conv2d_status s = choose_pool(options, &d->base);
    if (s) {
        cpu_close(&d->base);
        return s;
    }
    *device_out = &d->base;
    return CONV2D_OK;
}

static conv2d_status cpu_open(const conv2d_device_options *options,
                              const conv2d_allocator *allocator, conv2d_device **device_out)
{
    if (options->native_device || options->native_queue)
        return c2_fail(CONV2D_E_ARGUMENT, "options.native_%s is not NULL: a CPU has none",
                       options->native_device ? "device" : "queue");
    c2_machine machine;
    conv2d_status s = c2_machine_init(options->isa, &machine);
    return s ? s : open_machine(&machine, options, allocator, device_out);
}

static conv2d_status cpu_open_level(const char *isa, const conv2d_allocator *allocator,
                                    conv2d_device **device_out)
{
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    options.n_threads = 1;
    c2_machine machine;
    conv2d_status s = c2_machine_init_foreign(isa, &machine);
    return s ? s : open_machine(&machine, &options, allocator, device_out);
}

static conv2d_status cpu_info(const conv2d_device *device, conv2d_device_info *info)
{
    const c2_machine *m = &((const c2_cpu_device *)device)->machine;
    info->isa = m->isa;
    info->isa_detected = m->isa_detected;
    info->features = m->feature_text;
    info->model = m->model;
    info->l1d_bytes = m->l1d_bytes;
    info->l2_bytes = m->l2_bytes;
    info->l3_bytes = m->l3_bytes;
    return CONV2D_OK;
}

static int cpu_kernel_count(const conv2d_device *device)
{
    (void)device;
    return c2_n_kernels;
}

static void cpu_kernel(const conv2d_device *device, int index, conv2d_kernel_info *info)
{
    const c2_kernel *k = &c2_kernels[index];
    info->available = (k->need & ~((const c2_cpu_device *)device)->machine.features) == 0;
    info->name = k->name;
    info->family = k->family_name;
    info->isa = k->isa;
    info->mr = k->mr;
    info->nr = k->nr;
}

const c2_kernel *c2_cpu_kernel(const conv2d_device *device, c2_family family, int variant)
{
    const c2_cpu_device *d = (const c2_cpu_device *)device;
    return variant < d->n_family[family] ? &c2_kernels[d->family[family][variant]] : NULL;
}

int c2_cpu_kernel_count(const conv2d_device *device, c2_family family)
{
    return ((const c2_cpu_device *)device)->n_family[family];
}

const c2_kernel *c2_cpu_kernel_of(const c2_kernel *kernel, int32_t dtype)
{
    for (int i = 0; i < c2_n_kernels; i++)
        if (c2_kernels[i].dtype == dtype && !strcmp(c2_kernels[i].variant, kernel->variant))
            return &c2_kernels[i];
    return NULL;
}

static c2_any_fn helper_of_isa(const char *isa, c2_family family, int32_t dtype)
{
    for (int i = 0; i < c2_n_kernels; i++)
        if (c2_kernels[i].family == family && c2_kernels[i].dtype == dtype &&
            !strcmp(c2_kernels[i].isa, isa))
            return c2_kernels[i].fn;
    return NULL;
}

c2_any_fn c2_cpu_helper(const c2_kernel *kernel, c2_family family, int32_t dtype)
{
    const c2_any_fn own = helper_of_isa(kernel->isa, family, dtype);
    return own ? own : helper_of_isa(c2_kernel_base(kernel), family, dtype);
}

c2_epilogue_fn c2_cpu_epilogue(const c2_kernel *kernel, int32_t dtype)
{
    return (c2_epilogue_fn)c2_cpu_helper(kernel, C2_FAMILY_EPILOGUE, dtype);
}

static conv2d_status cpu_measure_peak(conv2d_device *device, double seconds, double *flops_out)
{
    const c2_kernel *k = c2_cpu_kernel(device, C2_FAMILY_PEAK, 0);
    const c2_peak_fn peak = (c2_peak_fn)k->fn;
    const double flops_a_round = 2.0 * k->mr * k->nr;
    size_t rounds = 1000;
    double best = 0, start = c2_now(), now = start;
    while (now - start < seconds) {
        const double before = now;
        peak(rounds);
        now = c2_now();
        const double rate = flops_a_round * (double)rounds / (now - before);
        if (now - before < 1e-4) /* too short for the clock */
            rounds *= 2;
        else if (rate > best)
            best = rate;
    }
    if (best == 0)
        return c2_fail(CONV2D_E_ARGUMENT, "seconds is %g: too short to measure", seconds);
    *flops_out = best;
    return CONV2D_OK;
}

typedef struct cpu_buffer {
    conv2d_buffer base;
    void *own; /* base.host, or NULL: used in place */
} cpu_buffer;

static conv2d_status make_buffer(conv2d_device *device, void *host, size_t bytes,
                                 conv2d_buffer **buffer_out)
{
    cpu_buffer *b = c2_alloc_zero(&device->allocator, sizeof *b);
    if (!b)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a buffer object");
    if (!host && !(b->own = c2_alloc(&device->allocator, bytes))) {
        c2_free(&device->allocator, b, sizeof *b);
        return c2_fail(CONV2D_E_NOMEM, "no memory for a buffer of %zu bytes", bytes);
    }
    b->base.host = host ? host : b->own;
    b->base.bytes = bytes;
    b->base.device = device;
    c2_device_retain(device);
    *buffer_out = &b->base;
    return CONV2D_OK;
}

static conv2d_status cpu_buffer_create(conv2d_device *device, size_t bytes,
                                       conv2d_buffer **buffer_out)
{
    return make_buffer(device, NULL, bytes, buffer_out);
}

static conv2d_status cpu_buffer_from_host(conv2d_device *device, const void *bytes, size_t n,
                                          conv2d_buffer **buffer_out)
{
    return make_buffer(device, (void *)(uintptr_t)bytes, n, buffer_out);
}

static conv2d_status cpu_buffer_wrap(conv2d_device *device, void *memory, size_t bytes,
                                     conv2d_buffer **buffer_out)
{
    if ((uintptr_t)memory % sizeof(double))
        return c2_fail(CONV2D_E_ARGUMENT, "memory is %p: expected a multiple of %zu bytes", memory,
                       sizeof(double));
    return make_buffer(device, memory, bytes, buffer_out);
}

static conv2d_status cpu_buffer_import(conv2d_device *device, void *native,
                                       conv2d_buffer **buffer_out)
{
    (void)device;
    (void)buffer_out;
    return c2_fail(CONV2D_E_UNSUPPORTED,
                   "native is %p: a CPU has no such buffers, conv2d_buffer_wrap() takes memory",
                   native);
}

static void cpu_buffer_destroy(conv2d_buffer *buffer)
{
    conv2d_device *device = buffer->device;
    c2_free(&device->allocator, ((cpu_buffer *)buffer)->own, buffer->bytes);
    c2_free(&device->allocator, buffer, sizeof(cpu_buffer));
    c2_device_release(device);
}

static void *address(const conv2d_tensor *t)
{
    return t->buffer ? (char *)t->buffer->host + t->byte_offset : t->data;
}

static conv2d_status cpu_upload(const conv2d_tensor *host, conv2d_tensor *device)
{
    c2_copy_strided(c2_dtype_bytes(host->dtype), host->rank, host->sizes, host->data, host->strides,
                    address(device), device->strides);
    return CONV2D_OK;
}

static conv2d_status cpu_download(const conv2d_tensor *device, conv2d_tensor *host)
{
    c2_copy_strided(c2_dtype_bytes(host->dtype), host->rank, host->sizes, address(device),
                    device->strides, host->data, host->strides);
    return CONV2D_OK;
}

/* Queues and events: runs are done when they return, so these only hold the device. */
static conv2d_status cpu_queue_create(conv2d_device *device, conv2d_queue **queue_out)
{
    conv2d_queue *q = c2_alloc_zero(&device->allocator, sizeof *q);
    if (!q)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a queue");
    q->device = device;
    c2_device_retain(device);
    *queue_out = q;
    return CONV2D_OK;
}

static conv2d_status cpu_queue_sync(conv2d_queue *queue)
{
    (void)queue;
    return CONV2D_OK;
}

static void cpu_queue_destroy(conv2d_queue *queue)
{
    conv2d_device *device = queue->device;
    c2_free(&device->allocator, queue, sizeof *queue);
    c2_device_release(device);
}

typedef struct cpu_event {
    conv2d_event base;
    atomic_int status; /* of the run last recorded */
} cpu_event;

static conv2d_status cpu_event_create(conv2d_device *device, conv2d_event **event_out)
{
    cpu_event *e = c2_alloc_zero(&device->allocator, sizeof *e);
    if (!e)
        return c2_fail(CONV2D_E_NOMEM, "no memory for an event");
    e->base.device = device;
    atomic_init(&e->status, CONV2D_OK);
    c2_device_retain(device);
    *event_out = &e->base;
    return CONV2D_OK;
}

static conv2d_status cpu_event_wait(conv2d_event *event)
{
    const conv2d_status s = (conv2d_status)atomic_load(&((cpu_event *)event)->status);
    return s ? c2_fail(s, "the run recorded in the event failed: %s", conv2d_status_text(s)) : s;
}

static conv2d_status cpu_event_query(conv2d_event *event, int *done_out)
{
    (void)event;
    *done_out = 1;
    return CONV2D_OK;
}

static void cpu_event_destroy(conv2d_event *event)
{
    conv2d_device *device = event->device;
    c2_free(&device->allocator, event, sizeof(cpu_event));
    c2_device_release(device);
}

void c2_cpu_event_record(conv2d_event *event, conv2d_status status)
{
    if (event)
        atomic_store(&((cpu_event *)event)->status, (int)status);
}

static conv2d_status cpu_sync(conv2d_device *device)
{
    (void)device;
    return CONV2D_OK;
}

static const c2_algorithm *const algorithms[] = {&c2_algo_dot_ch,
                                                 &c2_algo_dot_px,
                                                 &c2_algo_split3_ch,
                                                 &c2_algo_split3_rows,
                                                 &c2_algo_split3_groups,
                                                 &c2_algo_split3_crossed,
                                                 &c2_algo_split3_px,
                                                 &c2_algo_split2_ch,
                                                 &c2_algo_split2_px,
                                                 &c2_algo_gemm1x1_ch,
                                                 &c2_algo_gemm1x1_px,
                                                 &c2_algo_depthwise_rows_ch,
                                                 &c2_algo_depthwise_image_px,
                                                 &c2_algo_depthwise_rows_px,
                                                 &c2_algo_depthwise_ch,
                                                 &c2_algo_depthwise_px,
                                                 &c2_algo_grouped_ch,
                                                 &c2_algo_grouped_px,
                                                 &c2_algo_split3_f4x3,
                                                 &c2_algo_split3_f2x3,
                                                 &c2_algo_winograd_f6x3,
                                                 &c2_algo_winograd_f4x3,
                                                 &c2_algo_winograd_f2x3,
                                                 &c2_algo_igemm_ch,
                                                 &c2_algo_igemm_px,
                                                 &c2_algo_direct_ch,
                                                 &c2_algo_direct_sum,
                                                 &c2_algo_direct_px,
                                                 &c2_algo_direct_rows,
                                                 &c2_algo_separable,
                                                 &c2_algo_fft,
                                                 &c2_algo_ref,
                                                 NULL};

const c2_backend c2_cpu_backend = {
    .abi = C2_BACKEND_ABI,
    .name = "cpu",
    .proven = "",
    .host_memory = true,
    .open = cpu_open,
    .close = cpu_close,
    .level = c2_machine_level,
    .open_level = cpu_open_level,
    .info = cpu_info,
    .kernel_count = cpu_kernel_count,
    .kernel = cpu_kernel,
    .measure_peak = cpu_measure_peak,
    .buffer_create = cpu_buffer_create,
    .buffer_from_host = cpu_buffer_from_host,
    .buffer_wrap = cpu_buffer_wrap,
    .buffer_import = cpu_buffer_import,
    .buffer_destroy = cpu_buffer_destroy,
    .upload = cpu_upload,
    .download = cpu_download,
    .queue_create = cpu_queue_create,
    .queue_sync = cpu_queue_sync,
    .queue_destroy = cpu_queue_destroy,
    .event_create = cpu_event_create,
    .event_wait = cpu_event_wait,
    .event_query = cpu_event_query,
    .event_destroy = cpu_event_destroy,
    .sync = cpu_sync,
    .algorithms = algorithms,
};
