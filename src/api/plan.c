/* SPDX-License-Identifier: BSD-2-Clause
 * Plans: making them, their workspaces, running and freeing them. */
#include <inttypes.h>
#include <string.h>

#include "api/check.h"
#include "api/object.h"
#include "core/shape.h"

static void slot_free(conv2d_device *device, c2_slot *slot, size_t bytes)
{
    c2_free(&device->allocator, slot->memory, bytes);
    c2_free(&device->allocator, slot, sizeof *slot);
}

static c2_slot *slot_create(conv2d_plan *plan)
{
    const conv2d_allocator *allocator = &plan->device->allocator;
    c2_slot *slot = c2_alloc_zero(allocator, sizeof *slot);
    if (!slot)
        return NULL;
    slot->plan = plan;
    if (plan->workspace_bytes && !(slot->memory = c2_alloc(allocator, plan->workspace_bytes))) {
        c2_free(allocator, slot, sizeof *slot);
        return NULL;
    }
    return slot;
}

static void destroy(conv2d_plan *plan)
{
    conv2d_device *device = plan->device;
    while (plan->slots) {
        c2_slot *slot = plan->slots;
        plan->slots = slot->next;
        slot_free(device, slot, plan->workspace_bytes);
    }
    if (plan->state)
        plan->choice.candidates[plan->choice.chosen].algorithm->plan_destroy(device, plan->state);
    if (plan->weights)
        c2_packed_release(plan->weights, plan->packed);
    c2_choice_free(device, &plan->choice);
    c2_free(&device->allocator, plan->problem_text, plan->problem_text_bytes);
    if (plan->has_mutex)
        c2_mutex_destroy(&plan->mutex);
    c2_weights_release(plan->weights);
    c2_free(&device->allocator, plan, sizeof *plan);
    c2_device_release(device);
}

void c2_plan_retain(conv2d_plan *plan)
{
    atomic_fetch_add_explicit(&plan->refs, 1, memory_order_relaxed);
}

void c2_plan_release(conv2d_plan *plan)
{
    if (plan && atomic_fetch_sub_explicit(&plan->refs, 1, memory_order_acq_rel) == 1)
        destroy(plan);
}

static conv2d_status keep_text(conv2d_plan *plan, const conv2d_problem *descriptions)
{
    c2_text text = {NULL, 0, 0};
    conv2d_status s = c2_problem_to_text(descriptions, &text);
    if (s)
        return s;
    plan->problem_text_bytes = text.length + 1;
    plan->problem_text = c2_alloc(&plan->device->allocator, plan->problem_text_bytes);
    if (!plan->problem_text)
        return c2_fail(CONV2D_E_NOMEM, "no memory for the plan's text");
    text = (c2_text){plan->problem_text, plan->problem_text_bytes, 0};
    return c2_problem_to_text(descriptions, &text);
}

/* The input's layout and the output's, in one word. */
static const char *layout_word(const conv2d_problem *d)
{
    const char *in = c2_layout_name(d->input.rank, d->input.sizes, d->input.strides);
    if (!d->output.rank)
        return in;
    const char *out = c2_layout_name(d->output.rank, d->output.sizes, d->output.strides);
    return strcmp(in, out) ? "strided" : in;
}

static conv2d_status prepare(conv2d_plan *plan)
{
    conv2d_device *device = plan->device;
    conv2d_status s = c2_choose(device, &plan->problem, &plan->choice);
    if (s)
        return s;
    const c2_candidate *c = &plan->choice.candidates[plan->choice.chosen];
    plan->n_workers = c2_choice_workers(device, &plan->problem, &c->bytes);
    plan->workspace_bytes = c2_choice_workspace(device, &c->bytes, plan->n_workers);
    if (!plan->weights)
        return CONV2D_OK;
    if ((s = c2_packed_get(plan->weights, &plan->problem, c, &plan->packed)) ||
        (s = c->algorithm->plan_create(device, &plan->problem, c->variant, &plan->state)))
        return s;
    plan->slots = slot_create(plan);
    if (!plan->slots)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a workspace of %zu bytes",
                       plan->workspace_bytes);
    return CONV2D_OK;
}

/* Without output elements there is nothing to choose; refused names are still reported. */
static bool has_no_output(const c2_problem *p)
{
    return p->n == 0 || p->oc == 0;
}

/* One line for the device's log: the problem and what was chosen. */
static void log_plan(const conv2d_plan *plan)
{
    char line[512];
    c2_text text = {line, sizeof line, 0};
    if (plan->choice.chosen < 0) {
        c2_text_add(&text, "plan: %s: no output elements", plan->problem_text);
    } else {
        const c2_candidate *c = &plan->choice.candidates[plan->choice.chosen];
        c2_text_add(&text, "plan: %s: %s, %s", plan->problem_text, c->algorithm->name,
                    c->algorithm->variant_name(plan->device, c->variant));
    }
    plan->device->log(plan->device->log_user, line);
}

conv2d_status c2_plan_make(conv2d_device *device, c2_weights *weights,
                           const conv2d_problem *descriptions, conv2d_plan **plan_out)
{
    c2_problem problem;
    conv2d_status s = c2_check_problem(descriptions, &problem);
    if (s)
        return s;
    problem.weights_finite = !weights || weights->finite;
    conv2d_plan *plan = c2_alloc_zero(&device->allocator, sizeof *plan);
    if (!plan)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan");
    atomic_init(&plan->refs, 1);
    plan->device = device;
    c2_device_retain(device);
    memcpy(&plan->problem, &problem, sizeof problem);
    plan->rank = descriptions->input.rank;
    plan->choice.chosen = -1;
    plan->n_workers = 1;
    plan->layout = layout_word(descriptions);
    if (weights) {
        plan->weights = weights;
        c2_weights_retain(weights);
    }
    plan->has_mutex = c2_mutex_init(&plan->mutex);
    if (!plan->has_mutex)
        s = c2_fail(CONV2D_E_NOMEM, "the system has no more locks");
    if (!s)
        s = keep_text(plan, descriptions);
    if (!s && !has_no_output(&problem))
        s = prepare(plan);
    if (s) {
        c2_plan_release(plan);
        return s;
    }
    if (device->log)
        log_plan(plan);
    *plan_out = plan;
    return CONV2D_OK;
}

static void give_back_slot(void *owner)
{
    c2_slot *slot = owner;
    conv2d_plan *plan = slot->plan;
    c2_mutex_lock(&plan->mutex);
    slot->next = plan->slots;
    plan->slots = slot;
    c2_mutex_unlock(&plan->mutex);
    c2_plan_release(plan);
}

static void give_back_plan(void *owner) { c2_plan_release(owner); }

/* A workspace for one run: a free slot, or a new one if more runs are under way than ever. */
static conv2d_status borrow_slot(conv2d_plan *plan, c2_slot **slot_out)
{
    c2_mutex_lock(&plan->mutex);
    c2_slot *slot = plan->slots;
    if (slot)
        plan->slots = slot->next;
    c2_mutex_unlock(&plan->mutex);
    if (!slot && !(slot = slot_create(plan)))
        return c2_fail(CONV2D_E_NOMEM, "no memory for a workspace of %zu bytes",
                       plan->workspace_bytes);
    *slot_out = slot;
    return CONV2D_OK;
}

static conv2d_status check_workspace(const conv2d_plan *plan, const conv2d_run_args *args)
{
    if (args->workspace && (uintptr_t)args->workspace % C2_ALIGN)
        return c2_fail(CONV2D_E_ARGUMENT, "args.workspace is %p: expected a multiple of %d bytes",
                       args->workspace, (int)C2_ALIGN);
    if (args->workspace && args->workspace_bytes < plan->workspace_bytes)
        return c2_fail(CONV2D_E_ARGUMENT, "args.workspace_bytes is %zu: expected at least %zu",
                       args->workspace_bytes, plan->workspace_bytes);
    return CONV2D_OK;
}

/* Memory of the tensors, and that the output shares none with what is read. The residual may be
 * the output itself. */
static conv2d_status check_tensors(const conv2d_plan *plan, const conv2d_run_args *args,
                                   c2_run_args *run)
{
    const conv2d_device *device = plan->device;
    conv2d_status s = c2_check_memory("input", device, args->input, &run->input);
    if (s || (s = c2_check_memory("output", device, args->output, &run->output)) ||
        (s = c2_check_apart("output", args->output, &run->output, "input", args->input,
                            &run->input)))
        return s;
    if (args->residual) {
        if ((s = c2_check_memory("residual", device, args->residual, &run->residual)))
            return s;
        const c2_problem *p = &plan->problem;
        const bool same = run->residual.data == run->output.data &&
                          run->residual.buffer == run->output.buffer &&
                          run->residual.byte_offset == run->output.byte_offset &&
                          !memcmp(p->residual_stride, p->output_stride, sizeof p->output_stride);
        if (!same && (s = c2_check_apart("output", args->output, &run->output, "residual",
                                         args->residual, &run->residual)))
            return s;
    }
    const c2_weights *w = plan->weights;
    const c2_data weight = {w->weight.data, NULL, 0};
    if (!w->weight_copy)
        return c2_check_apart("output", args->output, &run->output, "weight", &w->weight, &weight);
    return CONV2D_OK;
}

static conv2d_status check_handles(const conv2d_plan *plan, const conv2d_run_args *args)
{
    if (args->queue && args->queue->device != plan->device)
        return c2_fail(CONV2D_E_ARGUMENT, "args.queue belongs to another device");
    if (args->event && args->event->device != plan->device)
        return c2_fail(CONV2D_E_ARGUMENT, "args.event belongs to another device");
    return CONV2D_OK;
}

conv2d_status c2_plan_execute(conv2d_plan *plan, const conv2d_run_args *args)
{
    c2_run_args run = {.problem = &plan->problem, .device = plan->device};
    conv2d_status s = check_workspace(plan, args);
    if (s || (s = check_handles(plan, args)) || (s = check_tensors(plan, args, &run)))
        return s;
    if (args->cancel && atomic_load(&args->cancel->triggered))
        return c2_fail(CONV2D_E_CANCELLED, "cancelled before it started");
    if (plan->choice.chosen < 0)
        return CONV2D_OK; /* no output elements: nothing to queue or to record in an event */
    run.packed = plan->packed->buffer;
    run.bias = plan->weights->bias.data;
    run.n_workers = plan->n_workers;
    run.queue = args->queue;
    run.event = args->event;
    run.cancel = args->cancel;
    c2_plan_retain(plan);
    if (args->workspace || !plan->workspace_bytes) {
        run.workspace = plan->workspace_bytes ? args->workspace : NULL;
        run.owner = plan;
        run.done = give_back_plan;
    } else {
        c2_slot *slot = NULL;
        if ((s = borrow_slot(plan, &slot))) {
            c2_plan_release(plan);
            return s;
        }
        run.workspace = slot->memory;
        run.owner = slot;
        run.done = give_back_slot;
    }
    s = plan->choice.candidates[plan->choice.chosen].algorithm->run(plan->state, &run);
    if (s)
        run.done(run.owner);
    return s;
}

conv2d_status c2_check_run_args(const conv2d_run_args *args, conv2d_run_args *args_out)
{
    if (!args)
        return c2_fail(CONV2D_E_ARGUMENT, "args is NULL");
    if (args->struct_size < sizeof *args)
        return c2_fail(CONV2D_E_ARGUMENT,
                       "args.struct_size is %" PRIu32 ": expected %zu (use CONV2D_RUN_ARGS_INIT)",
                       args->struct_size, sizeof *args);
    if (args->reserved)
        return c2_fail(CONV2D_E_ARGUMENT, "args.reserved is %" PRId32 ": expected 0",
                       args->reserved);
    const unsigned ranks = 1u << 3 | 1u << 4;
    const conv2d_tensor *residual = c2_optional(args->residual);
    conv2d_status s = c2_check_tensor("input", args->input, ranks);
    if (s || (residual && (s = c2_check_tensor("residual", residual, ranks))) ||
        (s = c2_check_tensor("output", args->output, ranks)))
        return s;
    *args_out = *args;
    args_out->struct_size = sizeof *args_out;
    args_out->residual = residual;
    return CONV2D_OK;
}

/* The tensors of a run against the plan's: sizes and strides of more than one element. */
static conv2d_status check_fits(const char *name, const conv2d_tensor *t, int rank, int32_t dtype,
                                const int64_t sizes[4], const int64_t strides[4])
{
    if (t->rank != rank)
        return c2_fail(CONV2D_E_SHAPE, "%s has rank %" PRId32 ", the plan was made for %d", name,
                       t->rank, rank);
    if (t->dtype != dtype)
        return c2_fail(CONV2D_E_DTYPE, "%s has another dtype than the plan was made for", name);
    for (int i = 0; i < rank; i++) {
        const int j = i + 4 - rank;
        if (t->sizes[i] != sizes[j])
            return c2_fail(CONV2D_E_SHAPE,
                           "%s.sizes[%d] is %" PRId64 ", the plan was made for %" PRId64, name, i,
                           t->sizes[i], sizes[j]);
    }
    for (int i = 0; i < rank; i++) {
        const int j = i + 4 - rank;
        if (t->sizes[i] > 1 && t->strides[i] != strides[j])
            return c2_fail(CONV2D_E_STRIDE,
                           "%s.strides[%d] is %" PRId64 ", the plan was made for %" PRId64, name, i,
                           t->strides[i], strides[j]);
    }
    return CONV2D_OK;
}

conv2d_status conv2d_plan_run(conv2d_plan *plan, const conv2d_run_args *args)
{
    if (!plan)
        return c2_fail(CONV2D_E_ARGUMENT, "plan is NULL");
    conv2d_run_args checked;
    conv2d_status s = c2_check_run_args(args, &checked);
    if (s)
        return s;
    args = &checked;
    if (!plan->weights)
        return c2_fail(CONV2D_E_STATE,
                       "plan was made by conv2d_explain(), without weights: it cannot run");
    const c2_problem *p = &plan->problem;
    const int64_t in[4] = {p->n, p->ic, p->h, p->w}, out[4] = {p->n, p->oc, p->oh, p->ow};
    if (p->has_residual != (args->residual != NULL))
        return c2_fail(CONV2D_E_ARGUMENT, "residual is %s, the plan was made %s one",
                       args->residual ? "given" : "NULL", p->has_residual ? "with" : "without");
    if ((s = check_fits("input", args->input, plan->rank, p->input_dtype, in, p->input_stride)) ||
        (args->residual && (s = check_fits("residual", args->residual, plan->rank,
                                           p->residual_dtype, out, p->residual_stride))) ||
        (s = check_fits("output", args->output, plan->rank, p->output_dtype, out,
                        p->output_stride)))
        return s;
    return c2_plan_execute(plan, args);
}

void conv2d_plan_destroy(conv2d_plan *plan) { c2_plan_release(plan); }
