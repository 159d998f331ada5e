/* SPDX-License-Identifier: BSD-2-Clause
 * Queued work: runs from their start to their completion handler, queues, events, waiting, and
 * where a failure that nobody was waiting for is reported. Handlers are called on threads of
 * Metal's; nothing here starts one. */
#include <stdio.h>
#include <string.h>

#include "metal/internal.h"

/* ---- counting, under the lock ---- */

/* Count a run in or out of everything it uses. */
static void count_uses(const c2_metal_job *job, int by)
{
    for (size_t i = 0; i < sizeof job->buffers / sizeof *job->buffers; i++)
        if (job->buffers[i])
            job->buffers[i]->pending += by;
    if (job->event)
        job->event->pending += by;
    job->queue->pending += by;
    job->device->pending += by;
}

static void give_back(c2_metal_job *job)
{
    job->next = job->device->free_jobs;
    job->device->free_jobs = job;
    c2_cond_broadcast(&job->device->changed);
}

void c2_metal_wait(c2_metal_device *device, const int *pending)
{
    c2_mutex_lock(&device->lock);
    while (*pending)
        c2_cond_wait(&device->changed, &device->lock);
    c2_mutex_unlock(&device->lock);
}

conv2d_status c2_metal_take_failure(c2_metal_device *device)
{
    char text[C2_METAL_FAILURE_BYTES];
    c2_mutex_lock(&device->lock);
    const conv2d_status status = device->failure;
    const bool lost = device->lost;
    memcpy(text, device->failure_text, sizeof text);
    device->failure = CONV2D_OK;
    c2_mutex_unlock(&device->lock);
    return status ? c2_fail(status, "queued work failed: %s%s", text,
                            lost ? "; the GPU is lost, open the device again" : "")
                  : status;
}

/* ---- runs ---- */

static bool loses_device(c2_int code)
{
    return code == C2_MTL_ERROR_DEVICE_REMOVED || code == C2_MTL_ERROR_ACCESS_REVOKED;
}

/* Metal's completion handler. done() may drop the last reference to plan, weights and device, so
 * what is needed after it is copied before. */
static void completed(c2_block *block, c2_id command_buffer)
{
    c2_metal_job *job = block->job;
    c2_metal_device *d = job->device;
    const c2_objc *rt = &d->rt;
    void (*const pool_pop)(void *) = rt->pool_pop;
    void *pool = rt->pool_push();
    conv2d_status status = CONV2D_OK;
    bool lost = false;
    char text[C2_METAL_FAILURE_BYTES] = "";
    if (C2_SEND0(rt, status, command_buffer) != C2_MTL_STATUS_COMPLETED) {
        const c2_id error = C2_SEND0(rt, error, command_buffer);
        const c2_int code = error ? C2_SEND0(rt, code, error) : 0;
        lost = loses_device(code);
        status = code == C2_MTL_ERROR_OUT_OF_MEMORY ? CONV2D_E_NOMEM : CONV2D_E_DEVICE;
        snprintf(text, sizeof text, "%s", c2_objc_error_text(rt, error));
    }
    c2_mutex_lock(&d->lock);
    d->lost |= lost;
    if (status && !d->failure) {
        d->failure = status;
        memcpy(d->failure_text, text, sizeof text);
    }
    if (job->event)
        job->event->status = status;
    count_uses(job, -1);
    void (*const done)(void *) = job->done;
    void *owner = job->owner;
    give_back(job);
    c2_mutex_unlock(&d->lock);
    done(owner);
    pool_pop(pool);
}

/* A free job, waiting for one if all are under way; refused once the GPU is lost. */
static conv2d_status take_job(c2_metal_device *d, c2_metal_job **job_out)
{
    c2_mutex_lock(&d->lock);
    while (!d->lost && !d->free_jobs)
        c2_cond_wait(&d->changed, &d->lock);
    const bool lost = d->lost;
    if (!lost) {
        *job_out = d->free_jobs;
        d->free_jobs = (*job_out)->next;
    }
    c2_mutex_unlock(&d->lock);
    return lost ? c2_fail(CONV2D_E_DEVICE, "the GPU was lost: open the device again") : CONV2D_OK;
}

conv2d_status c2_metal_begin(const c2_run_args *args, c2_metal_command *command_out)
{
    c2_metal_device *d = c2_metal_of(args->device);
    c2_metal_job *job = NULL;
    conv2d_status s = take_job(d, &job);
    if (s)
        return s;
    conv2d_buffer *const used[5] = {args->input.buffer, args->residual.buffer, args->output.buffer,
                                    args->packed, NULL};
    for (int i = 0; i < 5; i++)
        job->buffers[i] = (c2_metal_buffer *)used[i];
    job->queue = args->queue ? (c2_metal_queue *)args->queue : &d->queue;
    job->event = (c2_metal_event *)args->event;
    job->done = args->done;
    job->owner = args->owner;
    c2_metal_command c = {d, job, d->rt.pool_push(), NULL, NULL, NULL};
    c.buffer = C2_SEND0(&d->rt, command_buffer, job->queue->queue);
    c.encoder = c.buffer ? C2_SEND0(&d->rt, compute_encoder, c.buffer) : NULL;
    if (!c.encoder) {
        d->rt.pool_pop(c.pool);
        c2_mutex_lock(&d->lock);
        give_back(job);
        c2_mutex_unlock(&d->lock);
        return c2_fail(CONV2D_E_DEVICE, "Metal gives no command %s",
                       c.buffer ? "encoder" : "buffer");
    }
    *command_out = c;
    return CONV2D_OK;
}

void c2_metal_set_pipeline(const c2_metal_command *c, const c2_metal_pipeline *pipeline)
{
    C2_SEND(&c->device->rt, set_pipeline, c->encoder, pipeline->state);
}

void c2_metal_use(c2_metal_command *c, conv2d_buffer *buffer, int *borrowed)
{
    c->job->buffers[4] = (c2_metal_buffer *)buffer;
    c->borrowed = borrowed;
}

void c2_metal_bind_bytes(const c2_metal_command *c, const void *bytes, size_t n, int index)
{
    C2_SEND(&c->device->rt, set_bytes, c->encoder, bytes, n, (c2_uint)index);
}

void c2_metal_bind(const c2_metal_command *c, const conv2d_buffer *buffer, size_t offset, int index)
{
    C2_SEND(&c->device->rt, set_buffer, c->encoder, ((const c2_metal_buffer *)buffer)->buffer,
            offset, (c2_uint)index);
}

void c2_metal_commit(c2_metal_command *c)
{
    c2_metal_device *d = c->device;
    const c2_objc *rt = &d->rt;
    C2_SEND0(rt, end_encoding, c->encoder);
    c2_block block = c2_objc_block(rt, completed, c->job);
    C2_SEND(rt, on_completed, c->buffer, &block);
    c2_mutex_lock(&d->lock);
    count_uses(c->job, 1);
    if (c->borrowed)
        --*c->borrowed;
    c2_mutex_unlock(&d->lock);
    /* From here on the handler may run, and done() with it: the device may go when its last run
     * has, but not before the pool's objects are released, so keep it until then. */
    c2_device_retain(&d->base);
    C2_SEND0(rt, commit, c->buffer);
    rt->pool_pop(c->pool);
    c2_device_release(&d->base);
}

/* ---- queues and events ---- */

conv2d_status c2_metal_queue_create(conv2d_device *device, conv2d_queue **queue_out)
{
    c2_metal_device *d = c2_metal_of(device);
    c2_metal_queue *q = c2_alloc_zero(&device->allocator, sizeof *q);
    if (!q)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a queue");
    void *pool = d->rt.pool_push();
    q->queue = C2_SEND0(&d->rt, new_queue, d->device);
    d->rt.pool_pop(pool);
    if (!q->queue) {
        c2_free(&device->allocator, q, sizeof *q);
        return c2_fail(CONV2D_E_DEVICE, "Metal gives no further command queue");
    }
    q->base.device = device;
    c2_device_retain(device);
    *queue_out = &q->base;
    return CONV2D_OK;
}

conv2d_status c2_metal_queue_sync(conv2d_queue *queue)
{
    c2_metal_device *d = c2_metal_of(queue->device);
    c2_metal_wait(d, &((c2_metal_queue *)queue)->pending);
    return c2_metal_take_failure(d);
}

void c2_metal_queue_destroy(conv2d_queue *queue)
{
    c2_metal_queue *q = (c2_metal_queue *)queue;
    conv2d_device *device = queue->device;
    c2_metal_device *d = c2_metal_of(device);
    c2_metal_wait(d, &q->pending);
    void *pool = d->rt.pool_push();
    c2_objc_release(&d->rt, q->queue);
    d->rt.pool_pop(pool);
    c2_free(&device->allocator, q, sizeof *q);
    c2_device_release(device);
}

conv2d_status c2_metal_event_create(conv2d_device *device, conv2d_event **event_out)
{
    c2_metal_event *e = c2_alloc_zero(&device->allocator, sizeof *e);
    if (!e)
        return c2_fail(CONV2D_E_NOMEM, "no memory for an event");
    e->base.device = device;
    c2_device_retain(device);
    *event_out = &e->base;
    return CONV2D_OK;
}

conv2d_status c2_metal_event_wait(conv2d_event *event)
{
    c2_metal_event *e = (c2_metal_event *)event;
    c2_metal_device *d = c2_metal_of(event->device);
    c2_metal_wait(d, &e->pending);
    c2_mutex_lock(&d->lock);
    const conv2d_status status = e->status;
    c2_mutex_unlock(&d->lock);
    return status ? c2_fail(status, "the run recorded in the event failed: %s",
                            conv2d_status_text(status))
                  : status;
}

conv2d_status c2_metal_event_query(conv2d_event *event, int *done_out)
{
    c2_metal_device *d = c2_metal_of(event->device);
    c2_mutex_lock(&d->lock);
    *done_out = ((c2_metal_event *)event)->pending == 0;
    c2_mutex_unlock(&d->lock);
    return CONV2D_OK;
}

void c2_metal_event_destroy(conv2d_event *event)
{
    conv2d_device *device = event->device;
    c2_metal_wait(c2_metal_of(device), &((c2_metal_event *)event)->pending);
    c2_free(&device->allocator, event, sizeof(c2_metal_event));
    c2_device_release(device);
}

conv2d_status c2_metal_sync(conv2d_device *device)
{
    c2_metal_wait(c2_metal_of(device), &c2_metal_of(device)->pending);
    return c2_metal_take_failure(c2_metal_of(device));
}
