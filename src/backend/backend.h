/* SPDX-License-Identifier: BSD-2-Clause
 * The two vtables of the library. A backend is one static const c2_backend; an algorithm one static
 * const c2_algorithm. No member is NULL: what cannot be done is refused with a reason.
 * docs/add-a-backend.md walks through one. */
#ifndef C2_BACKEND_BACKEND_H
#define C2_BACKEND_BACKEND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conv2d/conv2d.h"
#include "core/error.h"
#include "core/mem.h"
#include "core/pool.h"
#include "core/problem.h"
#include "core/text.h"

enum { C2_BACKEND_ABI = 4, C2_WHY_BYTES = 160 };

typedef struct c2_backend c2_backend;
typedef struct c2_algorithm c2_algorithm;
typedef struct c2_state c2_state; /* an algorithm's private part of a plan */

/* A refusal in words, with the values that caused it. */
typedef struct c2_why {
    char text[C2_WHY_BYTES];
} c2_why;
/* Write the reason and return false: `return c2_refuse(why, "groups = %d: ...", g);` */
bool c2_refuse(c2_why *why, const char *format, ...) C2_PRINTF(2, 3);

/* The part of a device that all backends share; a backend's own struct begins with it. */
struct conv2d_device {
    const c2_backend *backend;
    atomic_int refs; /* the handle, and every object made on the device */
    conv2d_allocator allocator;
    conv2d_pool pool;
    c2_pool *own_pool; /* NULL if the pool is the caller's */
    void (*log)(void *user, const char *line);
    void *log_user;
    struct c2_wisdom *wisdom; /* plan/wisdom.h; made by conv2d_device_open(), not by the backend */
    void (*free_wisdom)(conv2d_device *); /* NULL without it */
};
void c2_device_retain(conv2d_device *device);
void c2_device_release(conv2d_device *device); /* calls backend->close at the last one */

/* Common heads; a backend's own structs begin with them. */
struct conv2d_buffer {
    conv2d_device *device;
    size_t bytes;
    void *host; /* NULL if the host cannot address it */
};
struct conv2d_queue {
    conv2d_device *device;
};
struct conv2d_event {
    conv2d_device *device;
};
struct conv2d_cancel {
    atomic_int triggered;
};

/* Weights of a context: dense or strided host memory, plus a dense bias. */
typedef struct c2_weight_view {
    const void *weight; /* element (0,0,0,0); strides in c2_problem.weight_stride */
    const void *bias;   /* dense, OC elements, or NULL */
} c2_weight_view;

typedef struct c2_bytes {
    size_t packed;     /* packed weights of this candidate */
    size_t shared;     /* workspace used by all workers together */
    size_t per_worker; /* workspace of each worker, a multiple of C2_ALIGN */
} c2_bytes;

/* A tensor's storage in a run: host pointer, or buffer and byte offset (then data is the host
 * address if the buffer has one, else NULL). */
typedef struct c2_data {
    void *data;
    conv2d_buffer *buffer;
    uint64_t byte_offset;
} c2_data;

typedef struct c2_run_args {
    const c2_problem *problem;
    conv2d_device *device;
    conv2d_buffer *packed;
    const void *bias; /* dense host copy, or NULL */
    c2_data input, residual, output;
    void *workspace; /* shared part first, then n_workers parts; 64-byte aligned; NULL if 0 bytes */
    int n_workers;   /* >= 1: workspace holds this many parts; at most that many may run at once */
    conv2d_queue *queue;         /* NULL = default */
    conv2d_event *event;         /* NULL = none */
    const conv2d_cancel *cancel; /* NULL = none */
    /* Call once when the work is finished (before return on the CPU); not if run fails. */
    void (*done)(void *owner);
    void *owner;
} c2_run_args;

struct c2_algorithm {
    const char *name; /* stable: wisdom and problem text store it */
    bool flushes;     /* its instructions flush denormals whatever is asked; plans say so */
    /* Number of variants on this device, and one's name ("gemm_ch_12x32_avx512") and short
     * name ("avx512"); indices are only meaningful on the same device. */
    int (*variants)(const conv2d_device *);
    const char *(*variant_name)(const conv2d_device *, int variant);
    const char *(*variant_isa)(const conv2d_device *, int variant);
    /* Pure; a reason on false. */
    bool (*supports)(const conv2d_device *, const c2_problem *, int variant, c2_why *why);
    /* Model: seconds on one thread; pure; no timing, no thread count, no batch-size dependence of
     * the order between candidates. */
    double (*cost)(const conv2d_device *, const c2_problem *, int variant);
    /* Factor in front of s (docs/numerics.md), and the bound as a formula. */
    double (*bound)(const c2_problem *, int variant);
    const char *(*bound_text)(const c2_problem *, int variant);
    /* Memory under problem->workspace_limit (an algorithm that can do with less returns less). */
    c2_bytes (*memory)(const conv2d_device *, const c2_problem *, int variant);
    /* Name the packed form: a version that is raised whenever `pack` would write other bytes, and
     * everything of problem and variant that its bytes depend on ("v1,g1,w32,t4x32+0,p576,c576").
     * Pure. Plans whose backend, ISA, algorithm and packing are equal share one packed form, and
     * files keep it under these names. No '/', no space; the key made of all four has at most 191
     * characters. */
    void (*packing)(const conv2d_device *, const c2_problem *, int variant, c2_text *out);
    /* Write the packed form of the weights into packed (memory().packed bytes). */
    conv2d_status (*pack)(conv2d_device *, const c2_problem *, int variant, const c2_weight_view *,
                          conv2d_buffer *packed);
    conv2d_status (*plan_create)(conv2d_device *, const c2_problem *, int variant,
                                 c2_state **state_out);
    void (*plan_destroy)(conv2d_device *, c2_state *); /* NULL state allowed */
    /* Enqueue; no allocation. Problems with no output elements never get here. */
    conv2d_status (*run)(const c2_state *, const c2_run_args *);
};

struct c2_backend {
    uint32_t abi; /* C2_BACKEND_ABI; the registry refuses others */
    const char *name;
    const char *proven; /* "" or why unproven on hardware */
    bool host_memory;   /* runs read and write plain host pointers (CPU); else buffers only */
    bool may_flush;     /* the hardware may flush denormals whatever is asked; plans say so */
    /* allocator and log are already resolved by the caller (api/device.c); the backend allocates
     * its struct, fills the common head and returns it with refs = 1. Absent driver = status +
     * sentence by c2_fail(), never a crash. */
    conv2d_status (*open)(const conv2d_device_options *options, const conv2d_allocator *allocator,
                          conv2d_device **device_out);
    void (*close)(conv2d_device *);
    /* Instruction sets of this build, lowest first, NULL past the last; and a device of one of
     * them, whether this machine has it or not, that plans and packs but never runs. */
    const char *(*level)(int index);
    conv2d_status (*open_level)(const char *isa, const conv2d_allocator *allocator,
                                conv2d_device **device_out);
    conv2d_status (*info)(const conv2d_device *, conv2d_device_info *);
    int (*kernel_count)(const conv2d_device *);
    void (*kernel)(const conv2d_device *, int index, conv2d_kernel_info *);
    conv2d_status (*measure_peak)(conv2d_device *, double seconds, double *flops_out);
    conv2d_status (*buffer_create)(conv2d_device *, size_t bytes, conv2d_buffer **);
    /* A buffer to be read only, of n bytes at a multiple of C2_ALIGN that stay as they are until it
     * is destroyed: used in place where the device can, else copied. */
    conv2d_status (*buffer_from_host)(conv2d_device *, const void *bytes, size_t n,
                                      conv2d_buffer **);
    /* Buffers over the caller's host memory, and over a native buffer of the GPU's interface; both
     * used in place or refused. */
    conv2d_status (*buffer_wrap)(conv2d_device *, void *memory, size_t bytes, conv2d_buffer **);
    conv2d_status (*buffer_import)(conv2d_device *, void *native, conv2d_buffer **);
    void (*buffer_destroy)(conv2d_buffer *);
    /* Copies between a host tensor and a tensor in a buffer; ordered after queued work. */
    conv2d_status (*upload)(const conv2d_tensor *host, conv2d_tensor *device);
    conv2d_status (*download)(const conv2d_tensor *device, conv2d_tensor *host);
    conv2d_status (*queue_create)(conv2d_device *, conv2d_queue **);
    conv2d_status (*queue_sync)(conv2d_queue *);
    void (*queue_destroy)(conv2d_queue *);
    conv2d_status (*event_create)(conv2d_device *, conv2d_event **);
    conv2d_status (*event_wait)(conv2d_event *);
    conv2d_status (*event_query)(conv2d_event *, int *done_out);
    void (*event_destroy)(conv2d_event *);
    conv2d_status (*sync)(conv2d_device *);
    const c2_algorithm *const *algorithms; /* NULL-terminated, preference order, reference last */
};

/* registry.c: built-in backends in order of preference, NULL-terminated; and by name. */
extern const c2_backend *const c2_backends[];
const c2_backend *c2_backend_by_name(const char *name);

#endif
