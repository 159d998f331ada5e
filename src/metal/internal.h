/* SPDX-License-Identifier: BSD-2-Clause
 * Structs of the Metal backend; each begins with the common head of backend.h. One lock and one
 * condition a device guard all that queued work changes; compiling has a lock of its own, because
 * it takes long. Calls into Metal are made without the first lock: its completion handlers take
 * it. */
#ifndef C2_METAL_INTERNAL_H
#define C2_METAL_INTERNAL_H

#include "core/os.h"
#include "metal/metal.h"
#include "metal/objc.h"

/* Runs under way at once on one device. Metal lets a queue have 64 command buffers and then makes
 * the caller wait inside Metal; here they wait in c2_metal_begin(). */
enum { C2_METAL_JOBS = 32, C2_METAL_FAILURE_BYTES = 256 };

typedef struct c2_metal_device c2_metal_device;

typedef struct c2_metal_buffer {
    conv2d_buffer base; /* host: the contents, or NULL for private storage */
    c2_id buffer;       /* +1 */
    int pending;        /* queued runs that use it */
} c2_metal_buffer;

typedef struct c2_metal_queue {
    conv2d_queue base;
    c2_id queue; /* +1 */
    int pending; /* its queued runs */
} c2_metal_queue;

typedef struct c2_metal_event {
    conv2d_event base;
    int pending;          /* queued runs that record into it */
    conv2d_status status; /* of the last one that finished */
} c2_metal_event;

/* A run from its start until its completion handler. */
typedef struct c2_metal_job {
    struct c2_metal_job *next; /* in the list of free ones */
    c2_metal_device *device;
    c2_metal_buffer *buffers[5]; /* input, residual, output, packed, workspace; NULL: none */
    c2_metal_queue *queue;
    c2_metal_event *event;
    void (*done)(void *owner);
    void *owner;
} c2_metal_job;

/* The families of kernels, one text each: X(index, name). */
#define C2_METAL_FAMILY_LIST(X)      \
    X(C2_METAL_PLAIN, plain)         \
    X(C2_METAL_DIRECT, direct)       \
    X(C2_METAL_DEPTHWISE, depthwise) \
    X(C2_METAL_GROUPED, grouped)     \
    X(C2_METAL_GEMM, gemm)           \
    X(C2_METAL_GEMM1X1, gemm1x1)     \
    X(C2_METAL_WINOGRAD, winograd)
enum {
#define C2_METAL_FAMILY_INDEX(index, name) index,
    C2_METAL_FAMILY_LIST(C2_METAL_FAMILY_INDEX)
#undef C2_METAL_FAMILY_INDEX
        C2_METAL_FAMILIES
};
typedef struct c2_metal_family {
    const char *name, *text;
    const unsigned char *metallib;
    const unsigned *metallib_bytes; /* 0 without a metallib */
} c2_metal_family;
extern const c2_metal_family c2_metal_families[C2_METAL_FAMILIES];

/* A function constant: bool or int. */
typedef struct c2_metal_constant {
    int32_t index, type, value; /* type: C2_MTL_TYPE_BOOL or _INT */
} c2_metal_constant;
enum { C2_METAL_CONSTANTS = 12 };

/* What one compiled kernel is looked up by; unused constants are all 0. */
typedef struct c2_metal_key {
    int32_t family, n_constants;
    char function[32];
    c2_metal_constant constants[C2_METAL_CONSTANTS];
} c2_metal_key;

typedef struct c2_metal_pipeline {
    struct c2_metal_pipeline *next;
    c2_metal_key key;
    c2_id state; /* +1 */
    size_t max_threads, simd_width;
} c2_metal_pipeline;

/* Pipelines on disk; see archive.c. */
enum { C2_METAL_PATH_BYTES = 1024 };
typedef struct c2_metal_archive {
    bool is_opened; /* or looked for in vain */
    c2_id archive;  /* +1, NULL: none is used */
    char path[C2_METAL_PATH_BYTES];
} c2_metal_archive;

struct c2_metal_device {
    conv2d_device base;
    c2_objc rt;
    c2_id device; /* +1 */
    char model[128], features[128];
    bool simdgroup_matrix; /* Apple7 and later */
    size_t threadgroup_bytes, max_buffer_bytes;

    c2_mutex lock;
    c2_cond changed;
    bool lost;             /* nothing runs any more */
    conv2d_status failure; /* of queued work, until sync or a copy reports it; and Metal's words */
    char failure_text[C2_METAL_FAILURE_BYTES];
    int pending;          /* runs queued on all queues */
    c2_metal_queue queue; /* the default one; base.device is not counted as a reference */
    c2_metal_job jobs[C2_METAL_JOBS];
    c2_metal_job *free_jobs;

    c2_mutex compiling; /* guards the rest */
    c2_id libraries[C2_METAL_FAMILIES];
    c2_metal_pipeline *pipelines;
    c2_metal_archive archive;
};

static inline c2_metal_device *c2_metal_of(const conv2d_device *device)
{
    return (c2_metal_device *)device;
}

/* pipeline.c: find or compile a kernel; it lives as long as the device. */
conv2d_status c2_metal_pipeline_get(c2_metal_device *device, const c2_metal_key *key,
                                    const c2_metal_pipeline **pipeline_out);
void c2_metal_pipelines_free(c2_metal_device *device);
/* Name the function of a key; add a constant to it. */
void c2_metal_key_function(c2_metal_key *key, const char *format, ...) C2_PRINTF(2, 3);
void c2_metal_key_bool(c2_metal_key *key, int index, bool value);
void c2_metal_key_int(c2_metal_key *key, int index, int32_t value);

/* library.c */
conv2d_status c2_metal_library_get(c2_metal_device *device, int family, c2_id *library_out);

/* archive.c: a pipeline of the archive on disk (+1), NULL if it has none or there is no archive;
 * and adding what was compiled. */
c2_id c2_metal_archive_find(c2_metal_device *device, c2_id function);
void c2_metal_archive_add(c2_metal_device *device, c2_id function);
void c2_metal_archive_free(c2_metal_device *device);

/* buffer.c */
conv2d_status c2_metal_buffer_create(conv2d_device *device, size_t bytes,
                                     conv2d_buffer **buffer_out);
conv2d_status c2_metal_buffer_from_host(conv2d_device *device, const void *bytes, size_t n,
                                        conv2d_buffer **buffer_out);
conv2d_status c2_metal_buffer_wrap(conv2d_device *device, void *memory, size_t bytes,
                                   conv2d_buffer **buffer_out);
conv2d_status c2_metal_buffer_import(conv2d_device *device, void *native,
                                     conv2d_buffer **buffer_out);
void c2_metal_buffer_destroy(conv2d_buffer *buffer);
conv2d_status c2_metal_upload(const conv2d_tensor *host, conv2d_tensor *device);
conv2d_status c2_metal_download(const conv2d_tensor *device, conv2d_tensor *host);

/* queue.c: a run is begun, gets its dispatches, and is committed. Between begin and commit there
 * is an autorelease pool; if begin fails, nothing is left behind. */
typedef struct c2_metal_command {
    c2_metal_device *device;
    c2_metal_job *job;
    void *pool;
    c2_id buffer, encoder; /* of the pool */
    int *borrowed;         /* counts the run until commit does, NULL: nothing does */
} c2_metal_command;
conv2d_status c2_metal_begin(const c2_run_args *args, c2_metal_command *command_out);
/* bytes: at most C2_MTL_SET_BYTES_LIMIT. */
void c2_metal_bind_bytes(const c2_metal_command *command, const void *bytes, size_t n, int index);
void c2_metal_bind(const c2_metal_command *command, const conv2d_buffer *buffer, size_t offset,
                   int index);
void c2_metal_set_pipeline(const c2_metal_command *command, const c2_metal_pipeline *pipeline);
/* The run uses one more buffer; *borrowed is lowered when it is committed. */
void c2_metal_use(c2_metal_command *command, conv2d_buffer *buffer, int *borrowed);
void c2_metal_commit(c2_metal_command *command);

conv2d_status c2_metal_queue_create(conv2d_device *device, conv2d_queue **queue_out);
conv2d_status c2_metal_queue_sync(conv2d_queue *queue);
void c2_metal_queue_destroy(conv2d_queue *queue);
conv2d_status c2_metal_event_create(conv2d_device *device, conv2d_event **event_out);
conv2d_status c2_metal_event_wait(conv2d_event *event);
conv2d_status c2_metal_event_query(conv2d_event *event, int *done_out);
void c2_metal_event_destroy(conv2d_event *event);
conv2d_status c2_metal_sync(conv2d_device *device);
/* Wait until *pending is 0 (a counter that the device's lock guards). */
void c2_metal_wait(c2_metal_device *device, const int *pending);
/* Take the failure of queued work and make it this thread's; CONV2D_OK if there was none. */
conv2d_status c2_metal_take_failure(c2_metal_device *device);

/* The algorithms, best first, the plain one last. */
extern const c2_algorithm *const c2_metal_algorithms[];
extern const c2_algorithm c2_metal_algo_depthwise, c2_metal_algo_gemm1x1,
    c2_metal_algo_winograd_f4x3, c2_metal_algo_winograd_f2x3, c2_metal_algo_gemm,
    c2_metal_algo_grouped, c2_metal_algo_direct, c2_metal_algo_plain;

#endif
