/* SPDX-License-Identifier: BSD-2-Clause
 * The data of Metal's objects and what the files of the framework call of each other. */
#ifndef SM_METAL_H
#define SM_METAL_H

#include <pthread.h>

#include "compile.h"
#include "objc.h"
#include "threads.h"

extern const sm_class sm_device_class, sm_queue_class, sm_buffer_class, sm_options_class,
    sm_constants_class, sm_library_class, sm_function_class, sm_pipeline_class, sm_url_class,
    sm_archive_descriptor_class, sm_pipeline_descriptor_class, sm_archive_class, sm_data_class,
    sm_command_buffer_class, sm_encoder_class, sm_event_class, sm_shared_event_class;

typedef struct sm_mtl_size {
    sm_uint width, height, depth;
} sm_mtl_size;

/* A block as compilers lay it out. */
typedef struct sm_block {
    void *isa;
    int flags, reserved;
    void (*invoke)(struct sm_block *, sm_id);
    const struct sm_block_descriptor {
        unsigned long reserved, size;
        void (*copy)(void *to, const void *from);
        void (*dispose)(const void *block);
    } *descriptor;
} sm_block;
sm_block *sm_block_copy(const sm_block *block);
void sm_block_release(sm_block *block);

typedef struct sm_buffer {
    unsigned char *bytes;     /* as the host sees it */
    unsigned char *gpu_bytes; /* as kernels do: the same, unless it is guarded */
    size_t n;
    struct sm_buffer *_Atomic next_guarded;
    int n_writers; /* of those in flight */
    sm_id device;
    bool is_owned;
    sm_block *deallocator; /* of (pointer, length) */
    atomic_int in_flight;  /* command buffers that use it and are not completed */
} sm_buffer;

typedef struct sm_options_data {
    sm_uint language; /* MTLLanguageVersion */
    sm_bool fast_math;
    sm_int math_mode;
    bool has_math_mode;
} sm_options_data;

typedef struct sm_library {
    const sm_image *image;
    sm_id device;
} sm_library;

typedef struct sm_function {
    sm_kernel kernel;
    uint64_t identity; /* of the kernel with its constants */
    sm_id name, device;
} sm_function;

typedef struct sm_pipeline {
    sm_kernel kernel;
    sm_id device;
} sm_pipeline;

typedef struct sm_event {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t value;
} sm_event;

/* What a queue's thread works on; it outlives the queue object while work is left. */
typedef struct sm_line sm_line;
sm_line *sm_line_create(void);
void sm_line_close(sm_line *line);
void sm_line_add(sm_line *line, sm_id command_buffer); /* retains it until it is done */

typedef struct sm_queue {
    sm_line *line;
    sm_id device;
} sm_queue;

/* A piece of a command buffer: a dispatch, or a signal to or wait for an event. */
typedef enum sm_command_kind { SM_DISPATCH, SM_SIGNAL, SM_WAIT } sm_command_kind;
typedef struct sm_command {
    struct sm_command *next;
    sm_command_kind kind;
    sm_dispatch dispatch;
    sm_id pipeline, buffers[MSL_MAX_ARGUMENTS], event;
    void *bytes[MSL_MAX_ARGUMENTS]; /* copies of setBytes */
    uint64_t value;
} sm_command;

/* MTLCommandBufferStatus */
enum { SM_NOT_ENQUEUED = 0, SM_ENQUEUED = 1, SM_COMMITTED = 2, SM_COMPLETED = 4, SM_ERROR = 5 };

typedef struct sm_command_buffer {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    sm_command *first, **last;
    sm_id queue, error;
    sm_block **handlers;
    size_t n_handlers;
    atomic_int status;
    bool has_open_encoder, handlers_done;
} sm_command_buffer;
/* Carry a committed command buffer out: called by the queue's thread. */
void sm_command_buffer_run(sm_id object);

sm_id sm_command_buffer_of(sm_id queue, sm_sel name); /* -[MTLCommandQueue commandBuffer] */
sm_id sm_encoder_new(sm_id command_buffer);
void sm_command_free(sm_command *command);

/* guard.c: memory of a buffer; false if there is none. Count it in and out of command buffers. */
bool sm_buffer_allocate(sm_buffer *b, size_t n);
void sm_buffer_free(sm_buffer *b);
void sm_buffer_count(sm_buffer *b, int by, bool is_written);
sm_id sm_library_new(sm_id device, sm_id source, sm_id options, sm_id *error_out);
sm_id sm_pipeline_new(sm_id device, sm_id function, sm_id *error_out);
sm_id sm_library_of_data(sm_id device, sm_id data, sm_id *error_out);
sm_id sm_archive_new(sm_id device, sm_id descriptor, sm_id *error_out);
sm_id sm_pipeline_of_descriptor(sm_id device, sm_id descriptor, sm_uint options, sm_id *error_out);
sm_id sm_event_new(const sm_class *isa);
void sm_event_signal(sm_id event, uint64_t value);
void sm_event_wait(sm_id event, uint64_t value);

/* Names of NSError's domains. */
#define SM_LIBRARY_DOMAIN "MTLLibraryErrorDomain"
#define SM_COMMAND_DOMAIN "MTLCommandBufferErrorDomain"
#define SM_PIPELINE_DOMAIN "AGXMetalSoftware"

#endif
