/* SPDX-License-Identifier: BSD-2-Clause
 * MTLCommandBuffer, the threads of queues that carry them out, events, and blocks. Command buffers
 * of a queue are done in the order of their commits; those of different queues in any. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "metal.h"
#include "sanitizers.h"
#include "software_metal.h"

static atomic_long n_dispatches, n_threads, n_command_buffers;

void software_metal_counts(long *dispatches_out, long *threads_out, long *command_buffers_out)
{
    *dispatches_out = n_dispatches;
    *threads_out = n_threads;
    *command_buffers_out = n_command_buffers;
}

/* ---- blocks: copied to memory of our own, with what they capture */

enum { BLOCK_HAS_HELPERS = 1 << 25 };

sm_block *sm_block_copy(const sm_block *block)
{
    sm_block *copy = malloc(block->descriptor->size);
    memcpy(copy, block, block->descriptor->size);
    if (block->flags & BLOCK_HAS_HELPERS)
        block->descriptor->copy(copy, block);
    return copy;
}

void sm_block_release(sm_block *block)
{
    if (block->flags & BLOCK_HAS_HELPERS)
        block->descriptor->dispose(block);
    free(block);
}

/* ---- MTLEvent and MTLSharedEvent */

static void event_dealloc(void *data)
{
    sm_event *e = data;
    pthread_mutex_destroy(&e->lock);
    pthread_cond_destroy(&e->changed);
}

sm_id sm_event_new(const sm_class *isa)
{
    sm_id object = sm_new(isa);
    sm_event *e = object->data;
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->changed, NULL);
    return object;
}

void sm_event_signal(sm_id event, uint64_t value)
{
    sm_event *e = event->data;
    pthread_mutex_lock(&e->lock);
    e->value = value;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
}

void sm_event_wait(sm_id event, uint64_t value)
{
    sm_event *e = event->data;
    pthread_mutex_lock(&e->lock);
    while (e->value < value)
        pthread_cond_wait(&e->changed, &e->lock);
    pthread_mutex_unlock(&e->lock);
}

static uint64_t signaled_value(sm_id self, sm_sel name)
{
    (void)name;
    sm_event *e = self->data;
    pthread_mutex_lock(&e->lock);
    const uint64_t value = e->value;
    pthread_mutex_unlock(&e->lock);
    return value;
}

static void set_signaled_value(sm_id self, sm_sel name, uint64_t value)
{
    (void)name;
    sm_event_signal(self, value);
}

static const sm_method shared_event_methods[] = {
    SM_METHOD("signaledValue", signaled_value),
    SM_METHOD("setSignaledValue:", set_signaled_value),
    {NULL, NULL},
};
const sm_class sm_event_class = {"MTLEvent", NULL, sizeof(sm_event), event_dealloc, NULL, false};
const sm_class sm_shared_event_class = {
    "MTLSharedEvent", shared_event_methods, sizeof(sm_event), event_dealloc, NULL, false};

/* ---- the thread of a queue */

typedef struct entry {
    struct entry *next;
    sm_id command_buffer;
} entry;

struct sm_line {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    entry *first, **last;
    bool has_thread, is_closed;
};

sm_line *sm_line_create(void)
{
    sm_line *line = calloc(1, sizeof *line);
    pthread_mutex_init(&line->lock, NULL);
    pthread_cond_init(&line->changed, NULL);
    line->last = &line->first;
    return line;
}

static void line_free(sm_line *line)
{
    pthread_mutex_destroy(&line->lock);
    pthread_cond_destroy(&line->changed);
    free(line);
}

/* Command buffers that are committed and not let go by their queue's thread yet. */
static atomic_long n_under_way;

void sm_wait_until_idle(void)
{
    enum { MOST_MS = 10000 };
    const struct timespec a_millisecond = {0, 1000000};
    for (int i = 0; n_under_way && i < MOST_MS; i++)
        nanosleep(&a_millisecond, NULL);
}

/* Work until the queue is gone and nothing is left. */
static void *line_main(void *argument)
{
    sm_line *line = argument;
    for (;;) {
        pthread_mutex_lock(&line->lock);
        while (!line->first && !line->is_closed)
            pthread_cond_wait(&line->changed, &line->lock);
        entry *e = line->first;
        if (e) {
            line->first = e->next;
            if (!line->first)
                line->last = &line->first;
        }
        pthread_mutex_unlock(&line->lock);
        if (!e)
            break;
        sm_command_buffer_run(e->command_buffer);
        sm_release(e->command_buffer); /* perhaps the last reference to the queue */
        free(e);
        n_under_way--;
    }
    line_free(line);
    return NULL;
}

void sm_line_close(sm_line *line)
{
    pthread_mutex_lock(&line->lock);
    const bool has_thread = line->has_thread;
    line->is_closed = true;
    pthread_cond_signal(&line->changed);
    pthread_mutex_unlock(&line->lock);
    if (!has_thread)
        line_free(line);
}

void sm_line_add(sm_line *line, sm_id command_buffer)
{
    entry *e = calloc(1, sizeof *e);
    e->command_buffer = sm_retain(command_buffer);
    n_under_way++;
    pthread_mutex_lock(&line->lock);
    *line->last = e;
    line->last = &e->next;
    if (!line->has_thread) {
        pthread_attr_t attributes;
        pthread_t thread;
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        line->has_thread = !pthread_create(&thread, &attributes, line_main, line);
        pthread_attr_destroy(&attributes);
        if (!line->has_thread)
            sm_violation("memory", "no thread for a command queue");
    }
    pthread_cond_signal(&line->changed);
    pthread_mutex_unlock(&line->lock);
}

/* ---- carrying out */

/* Bytes of a buffer a dispatch may write, kept to compare orders. */
typedef struct snapshot {
    sm_buffer *buffer;
    unsigned char *before, *after;
} snapshot;

/* The sanitizers look at kernels' own reads and writes; copying all of a buffer is none of them. */
SM_NOT_INSTRUMENTED static void copy(unsigned char *to, const unsigned char *from, size_t n)
{
#if SM_TSAN
    for (volatile unsigned char *end = to + n; to < end; to++, from++)
        *(volatile unsigned char *)to = *from;
#else
    memcpy(to, from, n);
#endif
}

static bool run_all_orders(const sm_command *c)
{
    const msl_kernel *k = c->dispatch.kernel.table;
    snapshot list[MSL_MAX_ARGUMENTS];
    int n = 0;
    for (int i = 0; i < k->n_parameters; i++) {
        const msl_parameter *p = &k->parameters[i];
        if (p->kind != MSL_PARAMETER_BUFFER || !p->is_present || p->is_const)
            continue;
        sm_buffer *b = c->buffers[p->index]->data;
        list[n] = (snapshot){b, malloc(b->n), malloc(b->n)};
        copy(list[n++].before, b->gpu_bytes, b->n);
    }
    bool ok = true;
    for (int order = 0; order < SM_N_ORDERS; order++) {
        for (int i = 0; order > 0 && i < n; i++)
            copy(list[i].buffer->gpu_bytes, list[i].before, list[i].buffer->n);
        ok = sm_run_dispatch(&c->dispatch, (sm_order)order, sm_get_options()->seed) && ok;
        for (int i = 0; i < n; i++) {
            if (order == 0)
                copy(list[i].after, list[i].buffer->gpu_bytes, list[i].buffer->n);
            else if (memcmp(list[i].after, list[i].buffer->gpu_bytes, list[i].buffer->n))
                sm_violation("thread order",
                             "kernel %s gives other bits in order %d than in order "
                             "0",
                             k->name, order);
        }
    }
    for (int i = 0; i < n; i++) {
        free(list[i].before);
        free(list[i].after);
    }
    return ok;
}

static bool run_command(const sm_command *c)
{
    if (c->kind == SM_SIGNAL) {
        sm_event_signal(c->event, c->value);
        return true;
    }
    if (c->kind == SM_WAIT) {
        sm_event_wait(c->event, c->value);
        return true;
    }
    const uint32_t *n = c->dispatch.n_threadgroups, *t = c->dispatch.threads;
    n_dispatches++;
    n_threads += (long)n[0] * n[1] * n[2] * t[0] * t[1] * t[2];
    const sm_options *o = sm_get_options();
    if (o->all_orders)
        return run_all_orders(c);
    return sm_run_dispatch(&c->dispatch, o->order, o->seed);
}

static bool writes(const msl_kernel *k, int index)
{
    for (int i = 0; i < k->n_parameters; i++) {
        const msl_parameter *p = &k->parameters[i];
        if (p->kind == MSL_PARAMETER_BUFFER && p->index == index)
            return p->is_present && !p->is_const;
    }
    return false;
}

static void count_in_flight(const sm_command_buffer *b, int by)
{
    for (const sm_command *c = b->first; c; c = c->next)
        for (int i = 0; i < MSL_MAX_ARGUMENTS; i++)
            if (c->buffers[i])
                sm_buffer_count(c->buffers[i]->data, by, writes(c->dispatch.kernel.table, i));
}

static void fail(sm_command_buffer *b, long code, const char *text)
{
    if (!b->error)
        b->error = sm_error(SM_COMMAND_DOMAIN, code, text);
}

void sm_command_buffer_run(sm_id object)
{
    sm_command_buffer *b = object->data;
    void *pool = objc_autoreleasePoolPush();
    const long wait_us = sm_get_delay();
    long code = 0;
    if (wait_us > 0) {
        const struct timespec t = {wait_us / 1000000, wait_us % 1000000 * 1000};
        nanosleep(&t, NULL);
    }
    if (sm_must_fail(SM_FAIL_COMMAND, &code))
        fail(b, code, "told to fail");
    for (const sm_command *c = b->first; c && !b->error; c = c->next)
        if (!run_command(c))
            fail(b, 3, "the threads of a threadgroup diverged"); /* page fault's code */
    n_command_buffers++;
    count_in_flight(b, -1);
    pthread_mutex_lock(&b->lock);
    b->status = b->error ? SM_ERROR : SM_COMPLETED;
    pthread_mutex_unlock(&b->lock);
    for (size_t i = 0; i < b->n_handlers; i++) {
        b->handlers[i]->invoke(b->handlers[i], object);
        sm_block_release(b->handlers[i]);
    }
    pthread_mutex_lock(&b->lock);
    b->n_handlers = 0;
    b->handlers_done = true;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
    objc_autoreleasePoolPop(pool);
}

/* ---- MTLCommandBuffer */

static void command_buffer_dealloc(void *data)
{
    sm_command_buffer *b = data;
    if (b->first && b->status < SM_COMMITTED)
        sm_violation("encoding", "a command buffer with encoded work is destroyed without commit");
    while (b->first) {
        sm_command *next = b->first->next;
        sm_command_free(b->first);
        b->first = next;
    }
    for (size_t i = 0; i < b->n_handlers; i++)
        sm_block_release(b->handlers[i]);
    free(b->handlers);
    sm_release(b->error);
    sm_release(b->queue);
    pthread_mutex_destroy(&b->lock);
    pthread_cond_destroy(&b->changed);
}

sm_id sm_command_buffer_of(sm_id queue, sm_sel name)
{
    (void)name;
    sm_id object = sm_new(&sm_command_buffer_class);
    sm_command_buffer *b = object->data;
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    b->last = &b->first;
    b->queue = sm_retain(queue);
    return sm_autorelease(object);
}

/* Whether the command buffer may still be changed; reported if not. */
static bool is_open(const sm_command_buffer *b, sm_sel name)
{
    if (b->status < SM_COMMITTED && !b->has_open_encoder)
        return true;
    sm_violation("encoding", "-[MTLCommandBuffer %s] %s", name,
                 b->has_open_encoder ? "with an encoder that has not ended" : "after commit");
    return false;
}

static sm_id compute_encoder(sm_id self, sm_sel name)
{
    sm_command_buffer *b = self->data;
    if (!is_open(b, name) || sm_must_fail(SM_FAIL_ENCODER, NULL))
        return NULL;
    b->has_open_encoder = true;
    return sm_autorelease(sm_encoder_new(self));
}

static void add_event(sm_id self, sm_sel name, sm_command_kind kind, sm_id event, uint64_t value)
{
    sm_command_buffer *b = self->data;
    if (!is_open(b, name) || !event)
        return;
    sm_command *c = calloc(1, sizeof *c);
    c->kind = kind;
    c->event = sm_retain(event);
    c->value = value;
    *b->last = c;
    b->last = &c->next;
}

static void signal_event(sm_id self, sm_sel name, sm_id event, uint64_t value)
{
    add_event(self, name, SM_SIGNAL, event, value);
}

static void wait_for_event(sm_id self, sm_sel name, sm_id event, uint64_t value)
{
    add_event(self, name, SM_WAIT, event, value);
}

static void add_handler(sm_id self, sm_sel name, const sm_block *block)
{
    sm_command_buffer *b = self->data;
    if (b->status >= SM_COMMITTED) {
        sm_violation("encoding", "-[MTLCommandBuffer %s] after commit", name);
        return;
    }
    b->handlers = realloc(b->handlers, (b->n_handlers + 1) * sizeof *b->handlers);
    b->handlers[b->n_handlers++] = sm_block_copy(block);
}

static void commit(sm_id self, sm_sel name)
{
    sm_command_buffer *b = self->data;
    if (!is_open(b, name))
        return;
    b->status = SM_COMMITTED;
    count_in_flight(b, 1);
    sm_line_add(((sm_queue *)b->queue->data)->line, self);
}

static void enqueue(sm_id self, sm_sel name)
{
    (void)self, (void)name; /* places are taken in the order of commits */
}

static void wait_until_completed(sm_id self, sm_sel name)
{
    sm_command_buffer *b = self->data;
    if (b->status < SM_COMMITTED) {
        sm_violation("encoding", "-[MTLCommandBuffer %s] before commit", name);
        return;
    }
    pthread_mutex_lock(&b->lock);
    while (!b->handlers_done)
        pthread_cond_wait(&b->changed, &b->lock);
    pthread_mutex_unlock(&b->lock);
}

static sm_uint status(sm_id self, sm_sel name)
{
    (void)name;
    return (sm_uint)((sm_command_buffer *)self->data)->status;
}

static sm_id error(sm_id self, sm_sel name)
{
    (void)name;
    const sm_command_buffer *b = self->data;
    return b->status == SM_ERROR ? b->error : NULL;
}

static double no_time(sm_id self, sm_sel name)
{
    (void)self, (void)name;
    return 0.0;
}

static const sm_method command_buffer_methods[] = {
    SM_METHOD("computeCommandEncoder", compute_encoder),
    SM_METHOD("encodeSignalEvent:value:", signal_event),
    SM_METHOD("encodeWaitForEvent:value:", wait_for_event),
    SM_METHOD("addCompletedHandler:", add_handler),
    SM_METHOD("enqueue", enqueue),
    SM_METHOD("commit", commit),
    SM_METHOD("waitUntilCompleted", wait_until_completed),
    SM_METHOD("status", status),
    SM_METHOD("error", error),
    SM_METHOD("GPUStartTime", no_time),
    SM_METHOD("GPUEndTime", no_time),
    {NULL, NULL},
};
const sm_class sm_command_buffer_class = {"MTLCommandBuffer",
                                          command_buffer_methods,
                                          sizeof(sm_command_buffer),
                                          command_buffer_dealloc,
                                          NULL,
                                          false};
