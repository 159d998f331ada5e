/* SPDX-License-Identifier: BSD-2-Clause
 * Queued work of the fake device: a ring of runs and a thread a queue. What a GPU backend has to
 * get right is here in small: who keeps what alive, who waits for whom, and where a failure that
 * nobody was waiting for is reported. */
#include "fake_internal.h"

fake_counts fake_count;
fake_faults fake_fault;

static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_changed = PTHREAD_COND_INITIALIZER;
static bool gate_closed;

static void gate(bool closed)
{
    pthread_mutex_lock(&gate_lock);
    gate_closed = closed;
    pthread_cond_broadcast(&gate_changed);
    pthread_mutex_unlock(&gate_lock);
}

void fake_hold(void)
{
    gate(true);
}
void fake_go(void)
{
    gate(false);
}

static void wait_at_gate(void)
{
    pthread_mutex_lock(&gate_lock);
    while (gate_closed)
        pthread_cond_wait(&gate_changed, &gate_lock);
    pthread_mutex_unlock(&gate_lock);
}

bool fake_due(atomic_int *countdown)
{
    int left = atomic_load(countdown);
    while (left > 0 && !atomic_compare_exchange_weak(countdown, &left, left - 1)) {
    }
    return left == 1;
}

/* Count a run in or out of everything it uses. */
static void count_uses(fake_device *device, fake_queue *queue, const c2_run_args *args, int by)
{
    conv2d_buffer *const used[] = {args->input.buffer, args->residual.buffer, args->output.buffer,
                                   args->packed};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++)
        if (used[i])
            ((fake_buffer *)used[i])->pending += by;
    if (args->event)
        ((fake_event *)args->event)->pending += by;
    queue->count += (unsigned)by;
    device->pending += by;
}

/* One run, without the lock. */
static conv2d_status execute(const fake_job *job, bool lost)
{
    wait_at_gate();
    conv2d_status status = CONV2D_OK;
    if (job->args.cancel && atomic_load(&job->args.cancel->triggered))
        status = CONV2D_E_CANCELLED;
    else if (lost || fake_due(&fake_fault.run))
        status = CONV2D_E_DEVICE;
    else
        fake_execute(job->state, &job->args);
    atomic_fetch_add(&fake_count.runs, 1);
    return status;
}

static void *queue_main(void *arg)
{
    fake_queue *queue = arg;
    fake_device *device = fake_of(queue->base.device);
    pthread_mutex_lock(&device->lock);
    for (;;) {
        while (!queue->count && !queue->stop)
            pthread_cond_wait(&device->changed, &device->lock);
        if (!queue->count)
            break;
        const fake_job job = queue->ring[queue->head];
        const bool lost = device->lost;
        pthread_mutex_unlock(&device->lock);
        const conv2d_status status = execute(&job, lost);
        pthread_mutex_lock(&device->lock);
        if (status == CONV2D_E_DEVICE)
            device->lost = true;
        if (status && !device->failure)
            device->failure = status;
        if (job.args.event)
            ((fake_event *)job.args.event)->status = status;
        queue->head = (queue->head + 1) % FAKE_RING;
        count_uses(device, queue, &job.args, -1);
        pthread_cond_broadcast(&device->changed);
        pthread_mutex_unlock(&device->lock);
        /* This may drop the last reference to plan, weights and device; a device closed here sets
         * closes_device, because a thread cannot join itself. */
        job.args.done(job.args.owner);
        if (queue->closes_device) {
            pthread_detach(pthread_self());
            fake_device_free(device);
            return NULL;
        }
        pthread_mutex_lock(&device->lock);
    }
    pthread_mutex_unlock(&device->lock);
    return NULL;
}

conv2d_status fake_enqueue(const c2_state *state, const c2_run_args *args)
{
    fake_device *device = fake_of(args->device);
    fake_queue *queue = args->queue ? (fake_queue *)args->queue : &device->queue;
    conv2d_status status = CONV2D_OK;
    pthread_mutex_lock(&device->lock);
    if (!queue->started) {
        queue->started = !pthread_create(&queue->thread, NULL, queue_main, queue);
        if (!queue->started)
            status = c2_fail(CONV2D_E_NOMEM, "the system starts no thread for a fake queue");
    }
    while (!status && !device->lost && queue->count == FAKE_RING)
        pthread_cond_wait(&device->changed, &device->lock);
    if (!status && device->lost)
        status = c2_fail(CONV2D_E_DEVICE, "the fake device was lost: open it again");
    if (!status) {
        queue->ring[(queue->head + queue->count) % FAKE_RING] = (fake_job){state, *args};
        count_uses(device, queue, args, 1);
        pthread_cond_broadcast(&device->changed);
    }
    pthread_mutex_unlock(&device->lock);
    return status;
}

bool fake_queue_stop(fake_device *device, fake_queue *queue)
{
    if (!queue->started)
        return true;
    if (pthread_equal(queue->thread, pthread_self())) {
        queue->closes_device = true;
        return false;
    }
    pthread_mutex_lock(&device->lock);
    queue->stop = true;
    pthread_cond_broadcast(&device->changed);
    pthread_mutex_unlock(&device->lock);
    pthread_join(queue->thread, NULL);
    return true;
}

conv2d_status fake_take_failure(fake_device *device)
{
    const conv2d_status status = device->failure;
    device->failure = CONV2D_OK;
    return status ? c2_fail(status, "queued work failed: %s%s", conv2d_status_text(status),
                            device->lost ? "; the fake device is lost" : "")
                  : status;
}
