/* SPDX-License-Identifier: BSD-2-Clause
 * conv2d_tune() and the public face of wisdom. A tuner makes random tensors in the device's memory
 * and a plan for each candidate by the same public calls as anyone else, and frees all of them. */
#include "plan/tune.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "api/check.h"
#include "api/object.h"
#include "core/dtype.h"
#include "core/half.h"
#include "core/shape.h"
#include "plan/wisdom.h"

static const double default_seconds = 0.5, most_seconds = 3600;

/* A tensor with memory of its own: in a buffer of the device, or (weight, bias) of the host. */
typedef struct memory {
    conv2d_tensor t;
    conv2d_buffer *buffer;
    void *host;
    size_t bytes;
} memory;

typedef struct tuner {
    conv2d_device *device;
    conv2d_problem problem;
    c2_choice choice; /* of the problem, before tuning */
    memory input, weight, bias, residual, output;
    conv2d_plan **plans; /* one a candidate; NULL for those that refuse */
    double *seconds;
    conv2d_queue *queue;
    conv2d_cancel *cancel;
} tuner;

/* ---- random data -------------------------------------------------------------------------- */

/* splitmix64 (Steele, Lea, Flood, 2014). */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* n numbers of magnitude 1/4 to 1 and either sign; half types are written as their bits. */
static void fill(int32_t dtype, void *data, size_t n, uint64_t seed)
{
    const unsigned mantissa = dtype == CONV2D_FLOAT16 ? 10 : 7;
    const unsigned bias = dtype == CONV2D_FLOAT16 ? 15 : 127;
    for (size_t i = 0; i < n; i++) {
        const uint64_t r = next_random(&seed);
        const double sign = r & 1 ? 1 : -1;
        const double value = sign * (0.25 + 0.75 * (double)(r >> 40) * 0x1p-24);
        if (dtype == CONV2D_FLOAT64)
            ((double *)data)[i] = value;
        else if (dtype == CONV2D_FLOAT32)
            ((float *)data)[i] = (float)value;
        else
            ((uint16_t *)data)[i] =
                (uint16_t)((r & 1) << 15 | ((bias - 2 + (r >> 1 & 1)) << mantissa) |
                           (r >> 8 & ((1u << mantissa) - 1)));
    }
}

/* Elements from the lowest to the highest address of t, and how far the first is above the lowest;
 * descriptions were checked, so they fit. */
static size_t span(const conv2d_tensor *t, int64_t *first)
{
    int64_t low = 0, high = -1;
    c2_extent(t->rank, t->sizes, t->strides, (int64_t)c2_dtype_bytes(t->dtype), &low, &high);
    *first = -low;
    return (size_t)(high - low + 1);
}

static conv2d_status no_memory(const char *name, size_t bytes)
{
    return c2_fail(CONV2D_E_NOMEM, "no memory to tune with: %s of %zu bytes", name, bytes);
}

/* Weights of the form that the problem has: one value a filter, or one for all filters. */
static void make_separable(const conv2d_tensor *w, uint32_t form)
{
    for (int64_t o = 0; o < w->sizes[0]; o++)
        for (int64_t y = 0; y < w->sizes[2]; y++)
            for (int64_t x = 0; x < w->sizes[3]; x++) {
                const int64_t from = form >= CONV2D_WEIGHTS_ALIKE ? 0 : o * w->strides[0];
                c2_store_f64(w->data, w->dtype,
                             o * w->strides[0] + y * w->strides[2] + x * w->strides[3],
                             c2_load_f64(w->data, w->dtype, from));
            }
}

/* Host memory for m->t, filled; with its data pointer set. */
static conv2d_status make_host(tuner *t, const char *name, memory *m)
{
    int64_t first;
    const size_t n = span(&m->t, &first), size = c2_dtype_bytes(m->t.dtype);
    m->bytes = n * size;
    m->host = c2_alloc(&t->device->allocator, m->bytes);
    if (!m->host)
        return no_memory(name, m->bytes);
    fill(m->t.dtype, m->host, n, n);
    m->t.data = (char *)m->host + (size_t)first * size;
    if (m == &t->weight && t->problem.weights_form && m->t.sizes[1] == 1)
        make_separable(&m->t, t->problem.weights_form);
    return CONV2D_OK;
}

static void free_host(const tuner *t, memory *m)
{
    c2_free(&t->device->allocator, m->host, m->bytes);
    m->host = NULL;
}

/* A buffer for m->t; with `filled` random numbers in it. */
static conv2d_status make_buffer(tuner *t, const char *name, bool filled, memory *m)
{
    conv2d_status s = make_host(t, name, m);
    if (!s)
        s = conv2d_buffer_create(t->device, m->bytes, &m->buffer);
    if (!s) {
        int64_t first;
        const int64_t n = (int64_t)span(&m->t, &first);
        /* As one row, since elements of the tensor itself may lie at one address. */
        conv2d_tensor host = conv2d_tensor_of(m->t.dtype, m->host, CONV2D_NCHW, 1, 1, 1, n);
        conv2d_tensor device = host;
        device.data = NULL;
        device.buffer = m->buffer;
        m->t.data = NULL;
        m->t.buffer = m->buffer;
        m->t.byte_offset = (uint64_t)first * c2_dtype_bytes(m->t.dtype);
        if (filled)
            s = conv2d_copy_to_device(&host, &device);
    }
    free_host(t, m);
    return s;
}

/* ---- the tuner ---------------------------------------------------------------------------- */

static void tuner_free(tuner *t)
{
    const conv2d_allocator *a = &t->device->allocator;
    for (int i = 0; t->plans && i < t->choice.n; i++)
        conv2d_plan_destroy(t->plans[i]);
    c2_free(a, t->plans, (size_t)t->choice.n * sizeof(conv2d_plan *));
    c2_free(a, t->seconds, (size_t)t->choice.n * sizeof *t->seconds);
    conv2d_queue_destroy(t->queue);
    conv2d_buffer_destroy(t->input.buffer);
    conv2d_buffer_destroy(t->residual.buffer);
    conv2d_buffer_destroy(t->output.buffer);
    free_host(t, &t->weight);
    free_host(t, &t->bias);
    c2_choice_free(t->device, &t->choice);
}

/* A plan that is forced to candidate i. The context goes at once: plans keep what they need. */
static conv2d_status make_plan(tuner *t, int i)
{
    const c2_candidate *c = &t->choice.candidates[i];
    char name[sizeof t->choice.candidates->refusal.text];
    c2_text text = {name, sizeof name, 0};
    c2_text_add(&text, "%s/%s", c->algorithm->name,
                c->algorithm->variant_name(t->device, c->variant));
    conv2d_params params = t->problem.params;
    params.algorithm = name;
    params.weights = CONV2D_WEIGHTS_BORROW;
    conv2d_context *context;
    conv2d_status s = conv2d_prepack(t->device, &t->weight.t,
                                     t->problem.bias.rank ? &t->bias.t : NULL, &params, &context);
    if (s)
        return s;
    s = conv2d_plan_create(context, &t->problem.input,
                           t->problem.residual.rank ? &t->problem.residual : NULL,
                           &t->problem.output, &t->plans[i]);
    conv2d_context_destroy(context);
    return s;
}

static conv2d_status tuner_make(tuner *t, const c2_problem *checked)
{
    const conv2d_problem *p = &t->problem;
    conv2d_status s = c2_choose(t->device, checked, &t->choice);
    if (s)
        return s;
    const conv2d_allocator *a = &t->device->allocator;
    const size_t n = (size_t)t->choice.n;
    t->plans = c2_alloc_zero(a, n * sizeof(conv2d_plan *));
    t->seconds = c2_alloc_zero(a, n * sizeof *t->seconds);
    if (!t->plans || !t->seconds)
        return no_memory("a table", n * sizeof(conv2d_plan *));
    t->input.t = p->input;
    t->weight.t = p->weight;
    t->bias.t = p->bias;
    t->residual.t = p->residual;
    t->output.t = p->output;
    if ((s = make_host(t, "weight", &t->weight)) ||
        (p->bias.rank && (s = make_host(t, "bias", &t->bias))) ||
        (s = make_buffer(t, "input", true, &t->input)) ||
        (p->residual.rank && (s = make_buffer(t, "residual", true, &t->residual))) ||
        (s = make_buffer(t, "output", false, &t->output)) ||
        (s = conv2d_queue_create(t->device, &t->queue)))
        return s;
    for (int i = 0; i < t->choice.n && !s; i++)
        if (!t->choice.candidates[i].refusal.text[0])
            s = make_plan(t, i);
    return s;
}

static conv2d_status run_candidate(void *user, int i)
{
    tuner *t = user;
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    args.input = &t->input.t;
    args.residual = t->problem.residual.rank ? &t->residual.t : NULL;
    args.output = &t->output.t;
    args.queue = t->queue;
    args.cancel = t->cancel;
    const conv2d_status s = conv2d_plan_run(t->plans[i], &args);
    return s ? s : conv2d_queue_sync(t->queue);
}

static double clock_seconds(void *user)
{
    (void)user;
    return c2_now();
}

static const char *candidate_name(void *user, int i)
{
    const tuner *t = user;
    const c2_candidate *c = &t->choice.candidates[i];
    return c->algorithm->variant_name(t->device, c->variant);
}

/* A plan as from conv2d_explain() that has chosen `winner` and carries the times. */
static conv2d_status explain_winner(const tuner *t, int winner, conv2d_plan **plan_out)
{
    conv2d_plan *plan;
    const conv2d_status s = conv2d_explain(t->device, &t->problem, &plan);
    if (s)
        return s;
    if (winner >= 0) {
        for (int i = 0; i < plan->choice.n; i++)
            plan->choice.candidates[i].measured = t->seconds[i];
        const c2_bytes *bytes = &plan->choice.candidates[winner].bytes;
        plan->choice.chosen = winner;
        plan->choice.by = C2_CHOSEN_BY_WISDOM;
        plan->choice.note.text[0] = '\0';
        plan->n_workers = c2_choice_workers(t->device, &plan->problem, bytes);
        plan->workspace_bytes = c2_choice_workspace(t->device, bytes, plan->n_workers);
    }
    *plan_out = plan;
    return CONV2D_OK;
}

static conv2d_status tune(tuner *t, const c2_problem *checked, const conv2d_tune_options *o,
                          conv2d_plan **plan_out)
{
    conv2d_status s = tuner_make(t, checked);
    if (s)
        return s;
    const c2_tuning tuning = {
        .choice = &t->choice,
        .budget = o->seconds > 0 ? o->seconds : default_seconds,
        .run = run_candidate,
        .now = clock_seconds,
        .user = t,
        .progress = o->progress,
        .progress_user = o->user,
        .name = candidate_name,
        .cancel = o->cancel,
        .seconds = t->seconds,
    };
    if ((s = c2_tune_measure(&tuning)))
        return s;
    const int winner = c2_tune_winner(&t->choice, t->seconds);
    const c2_candidate *c = &t->choice.candidates[winner];
    conv2d_plan *plan = NULL;
    if (plan_out && (s = explain_winner(t, winner, &plan)))
        return s;
    if ((s = c2_wisdom_add(t->device, checked, c->algorithm, c->variant, t->seconds[winner]))) {
        conv2d_plan_destroy(plan);
        return s;
    }
    if (plan_out)
        *plan_out = plan;
    return CONV2D_OK;
}

/* ---- the public calls --------------------------------------------------------------------- */

static conv2d_status check_options(const conv2d_tune_options *o)
{
    if (o->struct_size < sizeof *o)
        return c2_fail(CONV2D_E_ARGUMENT,
                       "options.struct_size is %" PRIu32
                       ": expected %zu (use CONV2D_TUNE_OPTIONS_INIT)",
                       o->struct_size, sizeof *o);
    if (o->reserved)
        return c2_fail(CONV2D_E_ARGUMENT, "options.reserved is %" PRId32 ": expected 0",
                       o->reserved);
    if (!(o->seconds >= 0 && o->seconds <= most_seconds))
        return c2_fail(CONV2D_E_ARGUMENT, "options.seconds is %g: expected 0 to %g", o->seconds,
                       most_seconds);
    return CONV2D_OK;
}

/* Descriptions as a plan takes them: no data, and an output that says its strides. */
static void describe(const conv2d_problem *problem, const c2_problem *checked, conv2d_problem *out)
{
    *out = *problem;
    conv2d_tensor *const all[] = {&out->input, &out->weight, &out->bias, &out->residual,
                                  &out->output};
    if (!out->output.rank) {
        const int64_t sizes[4] = {checked->n, checked->oc, checked->oh, checked->ow};
        const int rank = out->input.rank;
        out->output = out->input;
        memcpy(out->output.sizes, sizes + 4 - rank, (size_t)rank * sizeof *sizes);
        memcpy(out->output.strides, checked->output_stride + 4 - rank,
               (size_t)rank * sizeof *sizes);
    }
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        all[i]->data = NULL;
        all[i]->buffer = NULL;
        all[i]->byte_offset = 0;
    }
}

conv2d_status conv2d_tune(conv2d_device *device, const conv2d_problem *problem,
                          const conv2d_tune_options *options, conv2d_plan **plan_out)
{
    static const conv2d_tune_options defaults = CONV2D_TUNE_OPTIONS_INIT;
    const conv2d_tune_options *o = options ? options : &defaults;
    if (!device || !problem)
        return c2_fail(CONV2D_E_ARGUMENT, "%s is NULL", device ? "problem" : "device");
    if (problem->struct_size < sizeof *problem)
        return c2_fail(CONV2D_E_ARGUMENT, "problem.struct_size is %" PRIu32 ": expected %zu",
                       problem->struct_size, sizeof *problem);
    c2_problem checked;
    conv2d_status s = check_options(o);
    if (s || (s = c2_check_problem(problem, &checked)))
        return s;
    if (checked.algorithm[0])
        return c2_fail(CONV2D_E_ARGUMENT,
                       "problem.params.algorithm is \"%s\": expected NULL, tuning chooses it",
                       checked.algorithm);
    if (checked.n == 0 || checked.oc == 0) /* no output elements: nothing to measure */
        return plan_out ? conv2d_explain(device, problem, plan_out) : CONV2D_OK;
    tuner t = {.device = device, .choice = {.chosen = -1}, .cancel = o->cancel};
    describe(problem, &checked, &t.problem);
    s = tune(&t, &checked, o, plan_out);
    tuner_free(&t);
    return s;
}

conv2d_status conv2d_wisdom_export(conv2d_device *device, char *text, size_t capacity,
                                   size_t *length_out)
{
    if (!device)
        return c2_fail(CONV2D_E_ARGUMENT, "device is NULL");
    if (!text && capacity)
        return c2_fail(CONV2D_E_ARGUMENT, "text is NULL and capacity is %zu: expected 0", capacity);
    c2_text t = {text, capacity, 0};
    c2_wisdom_write(device, &t);
    if (length_out)
        *length_out = t.length;
    return CONV2D_OK;
}

conv2d_status conv2d_wisdom_import(conv2d_device *device, const char *text, size_t length)
{
    if (!device || !text)
        return c2_fail(CONV2D_E_ARGUMENT, "%s is NULL", device ? "text" : "device");
    return c2_wisdom_read(device, text, length);
}

void conv2d_wisdom_forget(conv2d_device *device)
{
    if (device)
        c2_wisdom_forget(device);
}
