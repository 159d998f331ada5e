/* SPDX-License-Identifier: BSD-2-Clause
 * Steps on devices, contexts and plans: what a program does with the library in memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sequence.h"
#include "sequence_cases.h"
#include "sequence_faults.h"
#include "sequence_steps.h"

enum { CANARY = 64, POISON = 0xA5 };
#define ALLOWED(status) (UINT32_C(1) << (status))

/* ---- devices --------------------------------------------------------------------------------- */

static void *allocate(void *user, size_t bytes, size_t alignment)
{
    pool *p = user;
    if (fault_memory())
        return NULL;
    void *memory = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    if (memory) {
        memset(memory, 0xEE, bytes); /* nobody may rely on zeros */
        atomic_fetch_add(&p->live, 1);
    }
    return memory;
}

static void release(void *user, void *memory, size_t bytes)
{
    pool *p = user;
    memset(memory, 0xDD, bytes);
    atomic_fetch_sub(&p->live, 1);
    free(memory);
}

void step_device_open(worker *w)
{
    static const char *const isas[] = {NULL, NULL, "generic"};
    slot *s = seq_take(w, seq_pool.devices, N_DEVICES, false);
    if (!s)
        return;
    conv2d_allocator allocator = CONV2D_ALLOCATOR_INIT;
    allocator.user = &seq_pool;
    allocator.allocate = allocate;
    allocator.release = release;
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    options.n_threads = 1 + seq_below(w, 3);
    options.isa = isas[seq_below(w, 3)];
    if (seq_below(w, 2))
        options.allocator = &allocator;
    conv2d_device *device = NULL;
    seq_begin(w);
    if (seq_end(w, conv2d_device_open("cpu", &options, &device), 0))
        s->object = device;
    else
        seq_check(w, !device, "a device in spite of the failure");
    seq_put(s);
}

void step_device_close(worker *w)
{
    slot *s = seq_take(w, seq_pool.devices, N_DEVICES, true);
    if (!s)
        return;
    conv2d_device_close(s->object);
    s->object = NULL;
    w->n_ok[w->current]++;
    seq_put(s);
}

void step_wisdom(worker *w)
{
    slot *from = seq_use(w, seq_pool.devices, N_DEVICES);
    slot *to = from ? seq_use(w, seq_pool.devices, N_DEVICES) : NULL;
    if (to) {
        char text[8192];
        size_t length = 0;
        seq_begin(w);
        const conv2d_status s = conv2d_wisdom_export(from->object, text, sizeof text, &length);
        if (seq_end(w, s, 0) && length < sizeof text) {
            if (length > 40 && seq_below(w, 8) == 0)
                text[seq_below(w, (int)length)] ^= 1;
            seq_begin(w);
            /* Another instruction set is another machine; changed text is bad text. */
            seq_end(w, conv2d_wisdom_import(to->object, text, length),
                    ALLOWED(CONV2D_E_ARGUMENT) | ALLOWED(CONV2D_E_SYNTAX));
        }
        if (seq_below(w, 8) == 0)
            conv2d_wisdom_forget(to->object);
        seq_put(to);
    }
    if (from)
        seq_put(from);
}

void step_tune(worker *w)
{
    slot *d = seq_use(w, seq_pool.devices, N_DEVICES);
    if (!d)
        return;
    conv2d_tune_options options = CONV2D_TUNE_OPTIONS_INIT;
    options.seconds = 1e-6;
    conv2d_plan *plan = NULL;
    const conv2d_problem *problem = &seq_cases[seq_below(w, N_CASES)].problem;
    seq_begin(w);
    if (seq_end(w, conv2d_tune(d->object, problem, &options, &plan), 0))
        conv2d_plan_destroy(plan);
    else
        seq_check(w, !plan, "a plan in spite of the failure");
    seq_put(d);
}

/* ---- outputs --------------------------------------------------------------------------------- */

static unsigned char *output_begin(worker *w, const seq_case *c)
{
    memset(w->output, POISON, c->output_bytes + 2 * CANARY);
    return w->output + CANARY;
}

static bool is_poison(const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bytes[i] != POISON)
            return false;
    return true;
}

/* After a run: the right result, or no byte changed (cancelled: any). */
static void output_end(worker *w, const seq_case *c, int variant, conv2d_status s)
{
    const unsigned char *at = w->output + CANARY;
    seq_check(w, is_poison(w->output, CANARY) && is_poison(at + c->output_bytes, CANARY),
              "written beside the output");
    if (s == CONV2D_OK)
        seq_check(w, seq_case_equal(c, variant, at), "a wrong result");
    else if (s != CONV2D_E_CANCELLED)
        seq_check(w, is_poison(at, c->output_bytes), "a failed run changed the output");
}

void step_one_shot(worker *w)
{
    slot *d = seq_use(w, seq_pool.devices, N_DEVICES);
    if (!d)
        return;
    const seq_case *c = &seq_cases[seq_below(w, N_CASES)];
    const int variant = seq_below(w, N_VARIANTS);
    const conv2d_problem *p = &c->problem;
    conv2d_tensor output = p->output;
    output.data = output_begin(w, c);
    seq_begin(w);
    const conv2d_status s =
        conv2d(d->object, &p->input, &p->weight, c->has_bias ? &p->bias : NULL,
               c->has_residual ? &p->residual : NULL, &c->params[variant], &output);
    seq_end(w, s, 0);
    output_end(w, c, variant, s);
    seq_put(d);
}

/* The same with the output in a buffer of the device, copied back: OK or the first failure. */
static conv2d_status run_in_buffer(worker *w, conv2d_device *device, const seq_case *c, int variant,
                                   void *result)
{
    const conv2d_problem *p = &c->problem;
    conv2d_tensor output = p->output, host = p->output;
    conv2d_buffer *buffer = NULL;
    host.data = result;
    seq_begin(w);
    conv2d_status s = conv2d_buffer_create(device, c->output_bytes, &buffer);
    if (!seq_end(w, s, 0)) {
        seq_check(w, !buffer, "a buffer in spite of the failure");
        return s;
    }
    output.buffer = buffer;
    seq_begin(w);
    s = conv2d(device, &p->input, &p->weight, c->has_bias ? &p->bias : NULL,
               c->has_residual ? &p->residual : NULL, &c->params[variant], &output);
    if (seq_end(w, s, 0)) {
        seq_begin(w);
        s = conv2d_copy_to_host(&output, &host);
        seq_end(w, s, 0);
    }
    conv2d_buffer_destroy(buffer);
    return s;
}

void step_buffer(worker *w)
{
    slot *d = seq_use(w, seq_pool.devices, N_DEVICES);
    if (!d)
        return;
    const seq_case *c = &seq_cases[seq_below(w, N_CASES)];
    const int variant = seq_below(w, N_VARIANTS);
    output_end(w, c, variant, run_in_buffer(w, d->object, c, variant, output_begin(w, c)));
    seq_put(d);
}

/* ---- contexts -------------------------------------------------------------------------------- */

void seq_keep_context(worker *w, slot *s, conv2d_context *context, int id, int variant)
{
    (void)w;
    s->object = context;
    s->id = id;
    s->variant = variant;
}

void step_prepack(worker *w)
{
    slot *d = seq_use(w, seq_pool.devices, N_DEVICES);
    slot *s = d ? seq_take(w, seq_pool.contexts, N_CONTEXTS, false) : NULL;
    if (s) {
        const int id = seq_below(w, N_CASES), variant = seq_below(w, N_VARIANTS);
        const seq_case *c = &seq_cases[id];
        conv2d_params params = c->params[variant];
        if (seq_below(w, 2))
            params.weights = CONV2D_WEIGHTS_BORROW;
        conv2d_context *context = NULL;
        seq_begin(w);
        if (seq_end(w,
                    conv2d_prepack(d->object, &c->problem.weight,
                                   c->has_bias ? &c->problem.bias : NULL, &params, &context),
                    0))
            seq_keep_context(w, s, context, id, variant);
        else
            seq_check(w, !context, "a context in spite of the failure");
        seq_put(s);
    }
    if (d)
        seq_put(d);
}

void step_with_params(worker *w)
{
    slot *from = seq_use(w, seq_pool.contexts, N_CONTEXTS);
    slot *to = from ? seq_take(w, seq_pool.contexts, N_CONTEXTS, false) : NULL;
    if (to) {
        const int variant = seq_below(w, N_VARIANTS);
        conv2d_context *context = NULL;
        seq_begin(w);
        if (seq_end(w,
                    conv2d_context_with_params(from->object, &seq_cases[from->id].params[variant],
                                               &context),
                    0))
            seq_keep_context(w, to, context, from->id, variant);
        else
            seq_check(w, !context, "a context in spite of the failure");
        seq_put(to);
    }
    if (from)
        seq_put(from);
}

void step_release(worker *w)
{
    slot *s = seq_use(w, seq_pool.contexts, N_CONTEXTS);
    if (!s)
        return;
    seq_begin(w);
    seq_end(w, conv2d_context_release_resources(s->object), 0);
    seq_put(s);
}

void step_context_destroy(worker *w)
{
    slot *s = seq_take(w, seq_pool.contexts, N_CONTEXTS, true);
    if (!s)
        return;
    conv2d_context_destroy(s->object);
    s->object = NULL;
    w->n_ok[w->current]++;
    seq_put(s);
}

void step_info(worker *w)
{
    slot *s = seq_use(w, seq_pool.contexts, N_CONTEXTS);
    if (!s)
        return;
    conv2d_context_info info = CONV2D_CONTEXT_INFO_INIT;
    seq_begin(w);
    if (seq_end(w, conv2d_context_get_info(s->object, &info), 0)) {
        const seq_case *c = &seq_cases[s->id];
        seq_check(w,
                  memcmp(info.weight.sizes, c->problem.weight.sizes, sizeof info.weight.sizes) == 0,
                  "other weights");
        seq_check(w, info.bias.rank == c->problem.bias.rank, "another bias");
    }
    seq_put(s);
}

/* ---- runs ------------------------------------------------------------------------------------ */

typedef conv2d_status run_function(void *object, const conv2d_run_args *args);

static conv2d_status run_context(void *object, const conv2d_run_args *args)
{
    return conv2d_run(object, args);
}

static conv2d_status run_plan(void *object, const conv2d_run_args *args)
{
    return conv2d_plan_run(object, args);
}

static void run(worker *w, const slot *s, run_function *function, void *workspace, size_t bytes)
{
    const seq_case *c = &seq_cases[s->id];
    conv2d_tensor output = c->problem.output;
    output.data = output_begin(w, c);
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    args.input = &c->problem.input;
    args.residual = c->has_residual ? &c->problem.residual : NULL;
    args.output = &output;
    args.workspace = workspace;
    args.workspace_bytes = bytes;
    conv2d_cancel *cancel = NULL;
    if (seq_below(w, 16) == 0 && conv2d_cancel_create(&cancel) == CONV2D_OK) {
        conv2d_cancel_trigger(cancel);
        args.cancel = cancel;
    }
    seq_begin(w);
    const conv2d_status status = function(s->object, &args);
    seq_end(w, status, cancel ? ALLOWED(CONV2D_E_CANCELLED) : 0);
    output_end(w, c, s->variant, status);
    conv2d_cancel_destroy(cancel);
}

void step_run(worker *w)
{
    slot *s = seq_use(w, seq_pool.contexts, N_CONTEXTS);
    if (!s)
        return;
    run(w, s, run_context, NULL, 0);
    seq_put(s);
}

void step_plan_create(worker *w)
{
    slot *from = seq_use(w, seq_pool.contexts, N_CONTEXTS);
    slot *to = from ? seq_take(w, seq_pool.plans, N_PLANS, false) : NULL;
    if (to) {
        const seq_case *c = &seq_cases[from->id];
        conv2d_plan *plan = NULL;
        seq_begin(w);
        const conv2d_status s = conv2d_plan_create(from->object, &c->problem.input,
                                                   c->has_residual ? &c->problem.residual : NULL,
                                                   &c->problem.output, &plan);
        if (seq_end(w, s, 0)) {
            to->object = plan;
            to->id = from->id;
            to->variant = from->variant;
        } else {
            seq_check(w, !plan, "a plan in spite of the failure");
        }
        seq_put(to);
    }
    if (from)
        seq_put(from);
}

void step_plan_run(worker *w)
{
    slot *s = seq_use(w, seq_pool.plans, N_PLANS);
    if (!s)
        return;
    size_t bytes = 0;
    void *workspace = NULL;
    seq_begin(w);
    if (seq_end(w, conv2d_workspace_bytes(s->object, &bytes), 0) && seq_below(w, 2))
        workspace = aligned_alloc(64, (bytes + 64) / 64 * 64);
    run(w, s, run_plan, workspace, workspace ? bytes : 0);
    free(workspace);
    seq_put(s);
}

void step_plan_text(worker *w)
{
    slot *s = seq_use(w, seq_pool.plans, N_PLANS);
    if (!s)
        return;
    char text[2048];
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    seq_begin(w);
    seq_end(w, conv2d_plan_text(s->object, seq_below(w, 2), text, sizeof text, NULL), 0);
    seq_begin(w);
    if (seq_end(w, conv2d_plan_describe(s->object, &info), 0))
        seq_check(w, info.algorithm && info.problem[0], "a plan that says nothing");
    seq_put(s);
}

void step_plan_destroy(worker *w)
{
    slot *s = seq_take(w, seq_pool.plans, N_PLANS, true);
    if (!s)
        return;
    conv2d_plan_destroy(s->object);
    s->object = NULL;
    w->n_ok[w->current]++;
    seq_put(s);
}

size_t seq_output_room(void)
{
    size_t most = 0;
    for (int i = 0; i < N_CASES; i++)
        if (seq_cases[i].output_bytes > most)
            most = seq_cases[i].output_bytes;
    return most + 2 * CANARY;
}
