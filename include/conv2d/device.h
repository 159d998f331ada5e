/* SPDX-License-Identifier: BSD-2-Clause
 * Devices, thread pools, allocators, buffers, queues, events, cancellation.
 * Included by conv2d.h; a program includes that one. */
#ifndef CONV2D_DEVICE_H
#define CONV2D_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"

#ifndef CONV2D_API
#if defined(_WIN32)
#define CONV2D_API
#else
#define CONV2D_API __attribute__((visibility("default")))
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct conv2d_device conv2d_device;
typedef struct conv2d_buffer conv2d_buffer;
typedef struct conv2d_queue conv2d_queue;
typedef struct conv2d_event conv2d_event;
typedef struct conv2d_cancel conv2d_cancel;

/** A thread pool of the caller's. The library calls parallel_for(user, n, task, arg), which must
 *  call task(arg, i, worker) exactly once for every i in [0, n), in any order and on any threads,
 *  and return when all calls have returned. worker is in [0, n_threads) and no two calls that run
 *  at the same time may have the same one: it selects scratch memory, and what the worker begins
 *  with. A thread that keeps its number from call to call finds in its caches what it wrote before.
 *  Tasks never block on each other, so serial execution is allowed. */
typedef void (*conv2d_task)(void *arg, size_t i, int worker);
typedef struct conv2d_pool {
    uint32_t struct_size; /**< sizeof(conv2d_pool) */
    int32_t n_threads;    /**< workers that may run at once, at least 1 */
    void *user;           /**< handed to parallel_for */
    void (*parallel_for)(void *user, size_t n, conv2d_task task, void *arg);
} conv2d_pool;
#define CONV2D_POOL_INIT {sizeof(conv2d_pool), 1, NULL, NULL}

/** Memory functions. allocate returns bytes aligned to alignment (a power of two, 64 or more), or
 *  NULL; release takes what allocate returned, never NULL. Both may be called from any thread. */
typedef struct conv2d_allocator {
    uint32_t struct_size; /**< sizeof(conv2d_allocator) */
    void *user;
    void *(*allocate)(void *user, size_t bytes, size_t alignment);
    void (*release)(void *user, void *pointer, size_t bytes);
} conv2d_allocator;
#define CONV2D_ALLOCATOR_INIT {sizeof(conv2d_allocator), NULL, NULL, NULL}

/** Options of conv2d_device_open(). Zero or NULL in a member means its default. */
typedef struct conv2d_device_options {
    uint32_t struct_size; /**< sizeof(conv2d_device_options) */
    int32_t n_threads;    /**< built-in pool: workers, the calling thread included; 0 = as many as
                               the process may use (affinity and cgroup limits); 1 = serial, no
                               thread is ever started. Must be 0 if pool is given. */
    const conv2d_pool *pool;           /**< kept by value; its user must outlive the device */
    const conv2d_allocator *allocator; /**< kept by value; NULL = malloc family */
    const char *isa;                   /**< CPU: highest instruction set to use, "generic", "avx2",
                                            "avx512", "avx512_bf16", "amx", "neon"; NULL = best,
                                            or what the environment variable CONV2D_CPU says */
    void (*log)(void *user, const char *line); /**< one line, without a newline, for each plan
                                                    made, and what a backend could not use (a cache
                                                    of compiled kernels); NULL = silent; called from
                                                    any thread, line valid during the call; makes no
                                                    plan itself */
    void *log_user;
    void *native_device; /**< GPU backends: an existing device handle, borrowed; else NULL */
    void *native_queue;  /**< GPU backends: an existing queue handle, borrowed; else NULL */
} conv2d_device_options;
#define CONV2D_DEVICE_OPTIONS_INIT                                                                 \
    {sizeof(conv2d_device_options), 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL}

/** Open a device.
 *  name     borrowed; "cpu", "metal", "cuda", "vulkan", or "auto" (= "cpu" until another backend
 *           has a committed report from real hardware).
 *  options  borrowed or NULL for all defaults.
 *  device_out  given; free with conv2d_device_close(). No thread is started before the first run
 *           that can use one.
 *  Returns  CONV2D_OK; CONV2D_E_ARGUMENT for an unknown name or option; CONV2D_E_DEVICE if the
 *           backend is absent or refuses, with the reason in conv2d_last_error(); CONV2D_E_NOMEM.
 *  Threads  any. Since 0.1 */
CONV2D_API conv2d_status conv2d_device_open(const char *name, const conv2d_device_options *options,
                                            conv2d_device **device_out);

/** Close a device. Contexts, plans, buffers, queues and events made on it keep what they need and
 *  may be destroyed later; no new object may be made on it. NULL is allowed.
 *  Threads  not while another thread uses the same handle. Since 0.1 */
CONV2D_API void conv2d_device_close(conv2d_device *device);

/** Wait until all work queued on the device is done, on every queue.
 *  Returns  CONV2D_OK, or the first failure of queued work since the last call (outputs of failed
 *           work are undefined). On the CPU, work is done when run returns: always CONV2D_OK.
 *  Threads  any. Since 0.1 */
CONV2D_API conv2d_status conv2d_device_sync(conv2d_device *device);

/** Name of the backend that serves the device: "cpu", "metal", ... Valid as long as the device.
 *  Since 0.1 */
CONV2D_API const char *conv2d_device_name(const conv2d_device *device);

/** Facts about a device. Strings are static or live as long as the device. */
typedef struct conv2d_device_info {
    uint32_t struct_size;     /**< sizeof(conv2d_device_info), set by the caller */
    int32_t n_threads;        /**< workers of its pool */
    const char *backend;      /**< "cpu", ... */
    const char *isa;          /**< instruction set in use: "generic", "avx2", "avx512",
                                   "avx512_bf16", "amx", "neon" */
    const char *isa_detected; /**< best one the machine has */
    const char *features;     /**< detected CPU features of interest, space separated */
    const char *model;        /**< processor or GPU name, "" if unknown */
    size_t l1d_bytes;         /**< data caches, 0 if unknown */
    size_t l2_bytes;
    size_t l3_bytes;
    const char *proven; /**< "" or why results of this backend are unproven on real hardware */
    size_t threadgroup_bytes; /**< GPUs: memory of a threadgroup, and of the largest buffer */
    size_t max_buffer_bytes;  /**< 0 on a CPU */
} conv2d_device_info;
#define CONV2D_DEVICE_INFO_INIT                                                                    \
    {sizeof(conv2d_device_info), 0, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL, 0, 0}

/** Fill info_out. Returns CONV2D_OK or CONV2D_E_ARGUMENT. Threads: any. Since 0.1 */
CONV2D_API conv2d_status conv2d_device_get_info(const conv2d_device *device,
                                                conv2d_device_info *info_out);

/** One compiled kernel; the list is the same on every machine for one build of the library. */
typedef struct conv2d_kernel_info {
    uint32_t struct_size; /**< sizeof(conv2d_kernel_info), set by the caller */
    int32_t available;    /**< 1 if this device may use it, else 0 */
    const char *name;     /**< "gemm_ch_f32_12x32_avx512" */
    const char *family;   /**< "gemm_ch" */
    const char *isa;      /**< "avx512" */
    int32_t mr;           /**< rows of a tile */
    int32_t nr;           /**< columns (vector lanes) of a tile */
} conv2d_kernel_info;
#define CONV2D_KERNEL_INFO_INIT {sizeof(conv2d_kernel_info), 0, NULL, NULL, NULL, 0, 0}

/** Number of kernels built into the device's backend. Since 0.1 */
CONV2D_API int conv2d_device_kernel_count(const conv2d_device *device);

/** Fill info_out with kernel index. Returns CONV2D_OK, or CONV2D_E_ARGUMENT if there is none.
 *  Threads: any. Since 0.1 */
CONV2D_API conv2d_status conv2d_device_kernel(const conv2d_device *device, int index,
                                              conv2d_kernel_info *info_out);

/** Attainable peak of the device's isa on this machine now: a register-only loop of independent
 *  fused multiply-adds on one thread, minimum time of many rounds within about `seconds`.
 *  flops_out  operations a second, a multiply-add counted as two.
 *  Returns  CONV2D_OK, CONV2D_E_ARGUMENT, or CONV2D_E_UNSUPPORTED on a GPU. Since 0.1 */
CONV2D_API conv2d_status conv2d_device_measure_peak(conv2d_device *device, double seconds,
                                                    double *flops_out);

/** Allocate device memory (on the CPU: host memory, 64-byte aligned, from the device's allocator).
 *  buffer_out  given; free with conv2d_buffer_destroy(). bytes may be 0.
 *  Returns  CONV2D_OK, CONV2D_E_ARGUMENT, CONV2D_E_NOMEM, CONV2D_E_DEVICE.
 *  Threads  any. Since 0.1 */
CONV2D_API conv2d_status conv2d_buffer_create(conv2d_device *device, size_t bytes,
                                              conv2d_buffer **buffer_out);

/** Free a buffer; work queued on it is finished first. NULL is allowed. Since 0.1 */
CONV2D_API void conv2d_buffer_destroy(conv2d_buffer *buffer);

/** Make a buffer of host memory, used in place without a copy.
 *  memory   kept: valid until conv2d_buffer_destroy() has returned. On the CPU a multiple of 8
 *           bytes; "metal" wants whole pages: memory and bytes multiples of the system's page size.
 *  buffer_out  given; free with conv2d_buffer_destroy(), which does not free the memory.
 *  Returns  CONV2D_OK, CONV2D_E_ARGUMENT, CONV2D_E_NOMEM; CONV2D_E_UNSUPPORTED if the device cannot
 *           use host memory. Threads any. Since 0.1 */
CONV2D_API conv2d_status conv2d_buffer_wrap(conv2d_device *device, void *memory, size_t bytes,
                                            conv2d_buffer **buffer_out);

/** Make a buffer of one that the GPU's own interface made, used in place without a copy.
 *  native   "metal": an id<MTLBuffer> of the same MTLDevice, retained until the buffer is
 *           destroyed; of private storage, it cannot be copied to or from the host here.
 *  buffer_out  given; free with conv2d_buffer_destroy().
 *  Returns  CONV2D_OK, CONV2D_E_ARGUMENT, CONV2D_E_NOMEM; CONV2D_E_UNSUPPORTED on a CPU.
 *  Threads  any. Work queued elsewhere on the buffer must be done. Since 0.1 */
CONV2D_API conv2d_status conv2d_buffer_import(conv2d_device *device, void *native,
                                              conv2d_buffer **buffer_out);

/** Size in bytes. Since 0.1 */
CONV2D_API size_t conv2d_buffer_bytes(const conv2d_buffer *buffer);

/** Host address of a buffer if the host can use it directly (CPU), else NULL. Since 0.1 */
CONV2D_API void *conv2d_buffer_host_pointer(conv2d_buffer *buffer);

/** Create an ordered queue of work on the device. queue_out given; free with
 *  conv2d_queue_destroy(). Returns CONV2D_OK, CONV2D_E_ARGUMENT, CONV2D_E_NOMEM, CONV2D_E_DEVICE.
 *  Threads: any; one queue may be used by one thread at a time. Since 0.1 */
CONV2D_API conv2d_status conv2d_queue_create(conv2d_device *device, conv2d_queue **queue_out);

/** Wait for the work of one queue. Returns as conv2d_device_sync(). Since 0.1 */
CONV2D_API conv2d_status conv2d_queue_sync(conv2d_queue *queue);

/** Destroy a queue after its work is done. NULL is allowed. Since 0.1 */
CONV2D_API void conv2d_queue_destroy(conv2d_queue *queue);

/** Create an event; conv2d_run_args.event records the end of a run in it. An event is reusable.
 *  event_out given; free with conv2d_event_destroy(). Since 0.1 */
CONV2D_API conv2d_status conv2d_event_create(conv2d_device *device, conv2d_event **event_out);

/** Wait until the run last recorded is done. Returns CONV2D_OK at once if none was recorded, else
 *  the status of that run. Since 0.1 */
CONV2D_API conv2d_status conv2d_event_wait(conv2d_event *event);

/** done_out = 1 if the run last recorded is done (or none was recorded), else 0. Since 0.1 */
CONV2D_API conv2d_status conv2d_event_query(conv2d_event *event, int *done_out);

/** Destroy an event; a run that records into it is finished first. NULL is allowed. Since 0.1 */
CONV2D_API void conv2d_event_destroy(conv2d_event *event);

/** Create a cancel flag. cancel_out given; free with conv2d_cancel_destroy() when no run uses it.
 *  Since 0.1 */
CONV2D_API conv2d_status conv2d_cancel_create(conv2d_cancel **cancel_out);

/** Ask every run that was given this flag to stop: each returns CONV2D_E_CANCELLED soon, its
 *  output undefined. Threads: any, at any time. Since 0.1 */
CONV2D_API void conv2d_cancel_trigger(conv2d_cancel *cancel);

/** Clear the flag, so that it can be used again. Since 0.1 */
CONV2D_API void conv2d_cancel_reset(conv2d_cancel *cancel);

/** Free a cancel flag. NULL is allowed. Since 0.1 */
CONV2D_API void conv2d_cancel_destroy(conv2d_cancel *cancel);

#ifdef __cplusplus
}
#endif
#endif
