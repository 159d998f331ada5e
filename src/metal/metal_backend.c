/* SPDX-License-Identifier: BSD-2-Clause
 * The Metal backend's vtable: opening and closing devices, facts about them. Opening finds the GPU
 * and makes a queue; kernels are compiled by the first plan that needs them. */
#include <stdio.h>
#include <string.h>

#include "gpu/args.h"
#include "metal/internal.h"

/* The host's part of a run is short and serial. */
static void serial_for(void *user, size_t n, conv2d_task task, void *arg)
{
    (void)user;
    for (size_t i = 0; i < n; i++)
        task(arg, i, 0);
}

/* Without windows or on a Mac with several GPUs there may be no default: then the first of all. */
static c2_id find_device(const c2_objc *rt)
{
    const c2_id device = rt->default_device();
    if (device || !rt->all_devices)
        return device;
    const c2_id all = rt->all_devices();
    const c2_id first = all && C2_SEND0(rt, count, all) ? C2_SEND(rt, object_at, all, 0) : NULL;
    if (first)
        C2_SEND0(rt, retain, first);
    c2_objc_release(rt, all);
    return first;
}

/* The device and queue the caller gave, or the system's. */
static conv2d_status choose_device(c2_metal_device *d, const conv2d_device_options *options)
{
    const c2_objc *rt = &d->rt;
    const c2_id queue = options->native_queue;
    c2_id device = options->native_device;
    if (queue) {
        const c2_id owner = C2_SEND0(rt, device, queue);
        if (device && device != owner)
            return c2_fail(CONV2D_E_ARGUMENT,
                           "options.native_queue belongs to another device than native_device");
        device = owner;
    }
    d->device = device ? C2_SEND0(rt, retain, device) : find_device(rt);
    if (!d->device)
        return c2_fail(CONV2D_E_DEVICE, "Metal finds no GPU on this system");
    d->queue.queue = queue ? C2_SEND0(rt, retain, queue) : C2_SEND0(rt, new_queue, d->device);
    if (!d->queue.queue)
        return c2_fail(CONV2D_E_DEVICE, "Metal gives no command queue");
    return CONV2D_OK;
}

static void read_facts(c2_metal_device *d)
{
    static const struct {
        c2_int family;
        const char *name;
    } families[] = {{C2_MTL_FAMILY_MAC2, "mac2"}, {C2_MTL_FAMILY_METAL3, "metal3"}};
    enum { NEWEST_APPLE = 20 }; /* families are numbered; those to come are answered with no */
    const c2_objc *rt = &d->rt;
    snprintf(d->model, sizeof d->model, "%s", c2_objc_text(rt, C2_SEND0(rt, name, d->device)));
    int apple = 0;
    for (int i = 1; i <= NEWEST_APPLE; i++)
        if (C2_SEND(rt, supports_family, d->device, C2_MTL_FAMILY_APPLE1 + i - 1))
            apple = i;
    d->simdgroup_matrix = C2_SEND(rt, supports_family, d->device, C2_MTL_FAMILY_APPLE7) != 0;
    c2_text text = {d->features, sizeof d->features, 0};
    if (apple)
        c2_text_add(&text, "apple%d", apple);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (C2_SEND(rt, supports_family, d->device, families[i].family))
            c2_text_add(&text, "%s%s", text.length ? " " : "", families[i].name);
    if (C2_SEND0(rt, has_unified_memory, d->device))
        c2_text_add(&text, "%sunified_memory", text.length ? " " : "");
    d->threadgroup_bytes = C2_SEND0(rt, max_threadgroup_memory, d->device);
    d->max_buffer_bytes = C2_SEND0(rt, max_buffer_length, d->device);
}

/* Called with the last reference, so no run is queued: each holds its plan, and that the device.
 * Takes a half-opened device too. */
static void metal_close(conv2d_device *device)
{
    c2_metal_device *d = c2_metal_of(device);
    const conv2d_allocator allocator = device->allocator;
    void *pool = d->rt.pool_push();
    c2_metal_pipelines_free(d);
    c2_objc_release(&d->rt, d->queue.queue);
    c2_objc_release(&d->rt, d->device);
    d->rt.pool_pop(pool);
    c2_mutex_destroy(&d->compiling);
    c2_cond_destroy(&d->changed);
    c2_mutex_destroy(&d->lock);
    c2_free(&allocator, d, sizeof *d);
}

static bool make_locks(c2_metal_device *d)
{
    if (!c2_mutex_init(&d->lock))
        return false;
    if (c2_cond_init(&d->changed)) {
        if (c2_mutex_init(&d->compiling))
            return true;
        c2_cond_destroy(&d->changed);
    }
    c2_mutex_destroy(&d->lock);
    return false;
}

static conv2d_status metal_open(const conv2d_device_options *options,
                                const conv2d_allocator *allocator, conv2d_device **device_out)
{
    if (options->isa)
        return c2_fail(CONV2D_E_ARGUMENT, "options.isa is \"%.40s\": a Metal device has none",
                       options->isa);
    c2_objc rt;
    conv2d_status s = c2_objc_open(&rt);
    if (s)
        return s;
    c2_metal_device *d = c2_alloc_zero(allocator, sizeof *d);
    if (!d)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a device");
    if (!make_locks(d)) {
        c2_free(allocator, d, sizeof *d);
        return c2_fail(CONV2D_E_NOMEM, "the system has no more locks");
    }
    d->base.backend = &c2_metal_backend;
    d->base.allocator = *allocator;
    d->base.pool = (conv2d_pool){sizeof d->base.pool, 1, NULL, serial_for};
    d->base.log = options->log;
    d->base.log_user = options->log_user;
    atomic_init(&d->base.refs, 1);
    d->rt = rt;
    d->queue.base.device = &d->base;
    for (int i = 0; i < C2_METAL_JOBS; i++) {
        d->jobs[i].device = d;
        d->jobs[i].next = d->free_jobs;
        d->free_jobs = &d->jobs[i];
    }
    void *pool = rt.pool_push();
    s = choose_device(d, options);
    if (!s)
        read_facts(d);
    rt.pool_pop(pool);
    if (s) {
        metal_close(&d->base);
        return s;
    }
    *device_out = &d->base;
    return CONV2D_OK;
}

static const char *metal_level(int index)
{
    (void)index;
    return NULL;
}

static conv2d_status metal_open_level(const char *isa, const conv2d_allocator *allocator,
                                      conv2d_device **device_out)
{
    (void)allocator;
    (void)device_out;
    return c2_fail(CONV2D_E_ARGUMENT, "\"%.40s\" is no level of a Metal device: it has one", isa);
}

static conv2d_status metal_info(const conv2d_device *device, conv2d_device_info *info)
{
    const c2_metal_device *d = (const c2_metal_device *)device;
    info->isa = info->isa_detected = "metal";
    info->features = d->features;
    info->model = d->model;
    info->threadgroup_bytes = d->threadgroup_bytes;
    info->max_buffer_bytes = d->max_buffer_bytes;
    return CONV2D_OK;
}

typedef struct kernel_line {
    const char *name, *family;
    int mr, nr;
    bool matrix; /* needs simdgroup_matrix */
} kernel_line;

static const kernel_line kernels[] = {
    {"depthwise_f32", "depthwise", C2_GPU_STRIP, 1, false},
    {"depthwise_f16", "depthwise", C2_GPU_STRIP, 1, false},
    {"direct_f32", "direct", C2_GPU_STRIP, C2_GPU_BLOCK, false},
    {"direct_f16", "direct", C2_GPU_STRIP, C2_GPU_BLOCK, false},
    {"grouped_f32_32x8", "grouped", C2_GPU_GROUPED_ROWS, C2_GPU_GROUPED_COLUMNS, true},
    {"grouped_f16_32x8", "grouped", C2_GPU_GROUPED_ROWS, C2_GPU_GROUPED_COLUMNS, true},
    {"gemm1x1_f32_32x32", "gemm1x1", 32, 32, true},
    {"gemm1x1_f32_64x32", "gemm1x1", 64, 32, true},
    {"gemm1x1_f32_64x64", "gemm1x1", 64, 64, true},
    {"gemm1x1_f16_32x32", "gemm1x1", 32, 32, true},
    {"gemm1x1_f16_64x32", "gemm1x1", 64, 32, true},
    {"gemm1x1_f16_64x64", "gemm1x1", 64, 64, true},
    {"winograd_input_f32_2", "winograd", 2, 1, false},
    {"winograd_input_f32_4", "winograd", 4, 1, false},
    {"winograd_input_f16_2", "winograd", 2, 1, false},
    {"winograd_input_f16_4", "winograd", 4, 1, false},
    {"winograd_product_32x32", "winograd", 32, 32, true},
    {"winograd_product_64x32", "winograd", 64, 32, true},
    {"winograd_product_64x64", "winograd", 64, 64, true},
    {"winograd_output_f32_2", "winograd", 2, 1, false},
    {"winograd_output_f32_4", "winograd", 4, 1, false},
    {"winograd_output_f16_2", "winograd", 2, 1, false},
    {"winograd_output_f16_4", "winograd", 4, 1, false},
    {"gemm_f32_32x32", "gemm", 32, 32, true},
    {"gemm_f32_64x32", "gemm", 64, 32, true},
    {"gemm_f32_64x64", "gemm", 64, 64, true},
    {"gemm_f16_32x32", "gemm", 32, 32, true},
    {"gemm_f16_64x32", "gemm", 64, 32, true},
    {"gemm_f16_64x64", "gemm", 64, 64, true},
    {"plain_f32", "plain", 1, 1, false},
    {"plain_f16", "plain", 1, 1, false},
};

static int metal_kernel_count(const conv2d_device *device)
{
    (void)device;
    return (int)(sizeof kernels / sizeof *kernels);
}

static void metal_kernel(const conv2d_device *device, int index, conv2d_kernel_info *info)
{
    const kernel_line *k = &kernels[index];
    info->available = !k->matrix || ((const c2_metal_device *)device)->simdgroup_matrix;
    info->name = k->name;
    info->family = k->family;
    info->isa = "metal";
    info->mr = k->mr;
    info->nr = k->nr;
}

static conv2d_status metal_measure_peak(conv2d_device *device, double seconds, double *flops_out)
{
    (void)device;
    (void)seconds;
    (void)flops_out;
    return c2_fail(CONV2D_E_UNSUPPORTED, "the peak of a Metal device is not measured");
}

const c2_algorithm *const c2_metal_algorithms[] = {
    &c2_metal_algo_depthwise, &c2_metal_algo_gemm1x1, &c2_metal_algo_winograd_f4x3,
    &c2_metal_algo_winograd_f2x3, &c2_metal_algo_gemm, &c2_metal_algo_grouped,
    &c2_metal_algo_direct, &c2_metal_algo_plain, NULL};

const c2_backend c2_metal_backend = {
    .abi = C2_BACKEND_ABI,
    .name = "metal",
    .proven = "never run on Apple hardware yet: tested with software Metal on Linux",
    .host_memory = false,
    .may_flush = true,
    .open = metal_open,
    .close = metal_close,
    .level = metal_level,
    .open_level = metal_open_level,
    .info = metal_info,
    .kernel_count = metal_kernel_count,
    .kernel = metal_kernel,
    .measure_peak = metal_measure_peak,
    .buffer_create = c2_metal_buffer_create,
    .buffer_from_host = c2_metal_buffer_from_host,
    .buffer_wrap = c2_metal_buffer_wrap,
    .buffer_import = c2_metal_buffer_import,
    .buffer_destroy = c2_metal_buffer_destroy,
    .upload = c2_metal_upload,
    .download = c2_metal_download,
    .queue_create = c2_metal_queue_create,
    .queue_sync = c2_metal_queue_sync,
    .queue_destroy = c2_metal_queue_destroy,
    .event_create = c2_metal_event_create,
    .event_wait = c2_metal_event_wait,
    .event_query = c2_metal_event_query,
    .event_destroy = c2_metal_event_destroy,
    .sync = c2_metal_sync,
    .algorithms = c2_metal_algorithms,
};
