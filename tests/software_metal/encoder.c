/* SPDX-License-Identifier: BSD-2-Clause
 * MTLComputeCommandEncoder: what is bound, and everything that can be wrong with a dispatch,
 * checked when it is encoded. */
#include <stdlib.h>
#include <string.h>

#include "metal.h"

enum { MAX_BYTES = 4096, MAX_THREADS = 1024 };

/* One entry of the argument table: a buffer from an offset on, or bytes. */
typedef struct binding {
    sm_id buffer;
    size_t offset;
    void *bytes;
    size_t n_bytes;
} binding;

typedef struct encoder {
    sm_id command_buffer, pipeline;
    binding bound[MSL_MAX_ARGUMENTS];
    size_t threadgroup_bytes[MSL_MAX_ARGUMENTS];
    bool has_ended;
} encoder;

static void clear(binding *b)
{
    sm_release(b->buffer);
    free(b->bytes);
    memset(b, 0, sizeof *b);
}

static void encoder_dealloc(void *data)
{
    encoder *e = data;
    if (!e->has_ended)
        sm_violation("encoding", "a compute command encoder is destroyed without endEncoding");
    for (int i = 0; i < MSL_MAX_ARGUMENTS; i++)
        clear(&e->bound[i]);
    sm_release(e->pipeline);
    sm_release(e->command_buffer);
}

sm_id sm_encoder_new(sm_id command_buffer)
{
    sm_id object = sm_new(&sm_encoder_class);
    ((encoder *)object->data)->command_buffer = sm_retain(command_buffer);
    return object;
}

/* The encoder if it may still encode; reported if not. */
static encoder *open_encoder(sm_id self, sm_sel name)
{
    encoder *e = self->data;
    if (e->has_ended) {
        sm_violation("encoding", "-[MTLComputeCommandEncoder %s] after endEncoding", name);
        return NULL;
    }
    return e;
}

static bool check_index(sm_uint index, sm_sel name)
{
    if (index < MSL_MAX_ARGUMENTS)
        return true;
    sm_violation("argument", "-[MTLComputeCommandEncoder %s] of index %lu, the last is %d", name,
                 index, MSL_MAX_ARGUMENTS - 1);
    return false;
}

static void set_pipeline(sm_id self, sm_sel name, sm_id pipeline)
{
    encoder *e = open_encoder(self, name);
    if (!e || !sm_data(pipeline, &sm_pipeline_class, "pipeline state"))
        return;
    sm_retain(pipeline);
    sm_release(e->pipeline);
    e->pipeline = pipeline;
}

static void set_buffer(sm_id self, sm_sel name, sm_id buffer, sm_uint offset, sm_uint index)
{
    encoder *e = open_encoder(self, name);
    if (!e || !check_index(index, name))
        return;
    const sm_buffer *b = sm_data_or_null(buffer, &sm_buffer_class, "buffer");
    if (b && offset >= b->n)
        sm_violation("argument", "buffer %lu of %zu bytes is bound from byte %lu on", index, b->n,
                     offset);
    sm_retain(b ? buffer : NULL);
    clear(&e->bound[index]);
    e->bound[index] = (binding){b ? buffer : NULL, offset, NULL, 0};
}

static void set_offset(sm_id self, sm_sel name, sm_uint offset, sm_uint index)
{
    encoder *e = open_encoder(self, name);
    if (!e || !check_index(index, name))
        return;
    if (!e->bound[index].buffer)
        sm_violation("argument", "setBufferOffset of index %lu, where no buffer is bound", index);
    e->bound[index].offset = offset;
}

static void set_bytes(sm_id self, sm_sel name, const void *bytes, sm_uint n, sm_uint index)
{
    encoder *e = open_encoder(self, name);
    if (!e || !check_index(index, name))
        return;
    if (!bytes || n < 1 || n > MAX_BYTES) {
        sm_violation("setBytes", "%lu bytes at index %lu; 1 to %d are allowed", n, index,
                     MAX_BYTES);
        return;
    }
    clear(&e->bound[index]);
    e->bound[index].bytes = malloc(n);
    e->bound[index].n_bytes = n;
    memcpy(e->bound[index].bytes, bytes, n);
}

static void set_threadgroup_memory(sm_id self, sm_sel name, sm_uint n, sm_uint index)
{
    encoder *e = open_encoder(self, name);
    if (!e || !check_index(index, name))
        return;
    if (n % 16)
        sm_violation("threadgroup memory", "length %lu at index %lu is no multiple of 16", n,
                     index);
    size_t total = n;
    for (sm_uint i = 0; i < MSL_MAX_ARGUMENTS; i++)
        total += i == index ? 0 : e->threadgroup_bytes[i];
    if (total > MSL_THREADGROUP_BYTES) {
        sm_violation("threadgroup memory", "%zu bytes in all, a threadgroup has %d", total,
                     MSL_THREADGROUP_BYTES);
        return;
    }
    e->threadgroup_bytes[index] = n;
}

/* ---- dispatching */

/* A kernel's parameter against what is bound at its index. */
static bool check_buffer(const encoder *e, const msl_kernel *k, const msl_parameter *p)
{
    const binding *b = &e->bound[p->index];
    if (!b->buffer && !b->bytes) {
        sm_violation("unbound argument",
                     "kernel %s: nothing is bound to parameter %s at buffer "
                     "index %d",
                     k->name, p->name, p->index);
        return false;
    }
    const sm_buffer *buffer = b->buffer ? b->buffer->data : NULL;
    const size_t n = buffer ? (b->offset < buffer->n ? buffer->n - b->offset : 0) : b->n_bytes;
    if (n < p->bytes) {
        sm_violation("mistyped argument",
                     "kernel %s: %zu bytes are bound to parameter %s at "
                     "buffer index %d, its type has %zu",
                     k->name, n, p->name, p->index, p->bytes);
        return false;
    }
    if (b->bytes && p->is_reference && n != p->bytes) {
        sm_violation("mistyped argument",
                     "kernel %s: setBytes gave %zu bytes to parameter %s at "
                     "buffer index %d, its type has %zu",
                     k->name, n, p->name, p->index, p->bytes);
        return false;
    }
    if (b->bytes && !p->is_const) {
        sm_violation("mistyped argument",
                     "kernel %s may write to parameter %s at buffer index %d, "
                     "which has bytes and no buffer",
                     k->name, p->name, p->index);
        return false;
    }
    if (b->offset % p->alignment) {
        sm_violation("mistyped argument",
                     "kernel %s: offset %zu of parameter %s at buffer index %d "
                     "is no multiple of %zu",
                     k->name, b->offset, p->name, p->index, p->alignment);
        return false;
    }
    return true;
}

static bool check_parameters(const encoder *e, const msl_kernel *k)
{
    for (int i = 0; i < k->n_parameters; i++) {
        const msl_parameter *p = &k->parameters[i];
        if (!p->is_present)
            continue;
        if (p->index < 0 || p->index >= MSL_MAX_ARGUMENTS) {
            sm_violation("argument", "parameter %s of kernel %s has index %d", p->name, k->name,
                         p->index);
            return false;
        }
        if (p->kind == MSL_PARAMETER_BUFFER && !check_buffer(e, k, p))
            return false;
        if (p->kind == MSL_PARAMETER_THREADGROUP && e->threadgroup_bytes[p->index] < p->bytes) {
            sm_violation("unbound argument",
                         "kernel %s: %zu bytes of threadgroup memory for "
                         "parameter %s at index %d",
                         k->name, e->threadgroup_bytes[p->index], p->name, p->index);
            return false;
        }
    }
    return true;
}

static bool check_sizes(const msl_kernel *k, sm_mtl_size n, sm_mtl_size threads)
{
    const sm_uint total = threads.width * threads.height * threads.depth;
    const sm_uint most = k->max_threads > 0 ? (sm_uint)k->max_threads : MAX_THREADS;
    const sm_uint sides[6] = {n.width,       n.height,       n.depth,
                              threads.width, threads.height, threads.depth};
    for (int i = 0; i < 6; i++) {
        if (sides[i] >= 1 && sides[i] <= UINT32_MAX)
            continue;
        sm_violation("dispatch",
                     "kernel %s: %lu x %lu x %lu threadgroups of %lu x %lu x %lu threads", k->name,
                     n.width, n.height, n.depth, threads.width, threads.height, threads.depth);
        return false;
    }
    if (total <= most)
        return true;
    sm_violation("dispatch", "kernel %s: %lu threads in a threadgroup, at most %lu", k->name, total,
                 most);
    return false;
}

static void dispatch(sm_id self, sm_sel name, sm_mtl_size n, sm_mtl_size threads)
{
    encoder *e = open_encoder(self, name);
    if (!e)
        return;
    if (!e->pipeline) {
        sm_violation("encoding", "a dispatch without a pipeline state");
        return;
    }
    const sm_pipeline *p = e->pipeline->data;
    const msl_kernel *k = p->kernel.table;
    if (!check_sizes(k, n, threads) || !check_parameters(e, k))
        return;
    sm_command *c = calloc(1, sizeof *c);
    c->kind = SM_DISPATCH;
    c->pipeline = sm_retain(e->pipeline);
    c->dispatch.kernel = p->kernel;
    const sm_uint sides[6] = {n.width,       n.height,       n.depth,
                              threads.width, threads.height, threads.depth};
    for (int i = 0; i < 3; i++) {
        c->dispatch.n_threadgroups[i] = (uint32_t)sides[i];
        c->dispatch.threads[i] = (uint32_t)sides[3 + i];
    }
    for (int i = 0; i < MSL_MAX_ARGUMENTS; i++) {
        const binding *b = &e->bound[i];
        c->dispatch.threadgroup_bytes[i] = e->threadgroup_bytes[i];
        if (b->buffer) {
            c->buffers[i] = sm_retain(b->buffer);
            c->dispatch.arguments.buffer[i] = ((sm_buffer *)b->buffer->data)->gpu_bytes + b->offset;
        } else if (b->bytes) {
            c->bytes[i] = malloc(b->n_bytes);
            memcpy(c->bytes[i], b->bytes, b->n_bytes);
            c->dispatch.arguments.buffer[i] = c->bytes[i];
        }
    }
    sm_command_buffer *buffer = e->command_buffer->data;
    *buffer->last = c;
    buffer->last = &c->next;
}

void sm_command_free(sm_command *c)
{
    for (int i = 0; i < MSL_MAX_ARGUMENTS; i++) {
        sm_release(c->buffers[i]);
        free(c->bytes[i]);
    }
    sm_release(c->pipeline);
    sm_release(c->event);
    free(c);
}

static void memory_barrier(sm_id self, sm_sel name, sm_uint scope)
{
    (void)scope; /* dispatches of an encoder are carried out one after the other */
    open_encoder(self, name);
}

static void end_encoding(sm_id self, sm_sel name)
{
    encoder *e = open_encoder(self, name);
    if (!e)
        return;
    e->has_ended = true;
    ((sm_command_buffer *)e->command_buffer->data)->has_open_encoder = false;
}

static const sm_method encoder_methods[] = {
    SM_METHOD("setComputePipelineState:", set_pipeline),
    SM_METHOD("setBuffer:offset:atIndex:", set_buffer),
    SM_METHOD("setBufferOffset:atIndex:", set_offset),
    SM_METHOD("setBytes:length:atIndex:", set_bytes),
    SM_METHOD("setThreadgroupMemoryLength:atIndex:", set_threadgroup_memory),
    SM_METHOD("dispatchThreadgroups:threadsPerThreadgroup:", dispatch),
    SM_METHOD("memoryBarrierWithScope:", memory_barrier),
    SM_METHOD("endEncoding", end_encoding),
    {NULL, NULL},
};
const sm_class sm_encoder_class = {
    "MTLComputeCommandEncoder", encoder_methods, sizeof(encoder), encoder_dealloc, NULL, false};
