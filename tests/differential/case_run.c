/* SPDX-License-Identifier: BSD-2-Clause
 * Runs, judgement and candidates of random cases. */
#include "case_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "case_stage.h"
#include "cpu/kiss.h"

static const conv2d_tensor *optional(const conv2d_tensor *t)
{
    return t->rank ? t : NULL;
}

static conv2d_status broken(char *why, const char *sentence, unsigned long long a,
                            unsigned long long b)
{
    snprintf(why, WHY_BYTES, sentence, a, b);
    return CONV2D_E_STATE;
}

/* Twice: the second run finds the plan in the context's cache. */
static conv2d_status run_context(case_stage *stage, conv2d_context *context)
{
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    args.input = &stage->problem.input;
    args.residual = optional(&stage->problem.residual);
    args.output = &stage->problem.output;
    conv2d_status status = conv2d_run(context, &args);
    if (status == CONV2D_OK && (status = case_stage_reset(stage)) == CONV2D_OK)
        status = conv2d_run(context, &args);
    return status;
}

static conv2d_status run_plan(case_stage *stage, conv2d_context *context, bool at_end, char *why)
{
    conv2d_problem *q = &stage->problem;
    conv2d_tensor input = q->input, residual = q->residual, output = q->output;
    input.data = residual.data = output.data = NULL;
    input.buffer = residual.buffer = output.buffer = NULL;
    conv2d_plan *plan = NULL;
    conv2d_status status = conv2d_plan_create(context, &input, optional(&residual), &output, &plan);
    if (status != CONV2D_OK)
        return status;
    size_t bytes = 0;
    status = conv2d_workspace_bytes(plan, &bytes);
    if (status == CONV2D_OK && bytes > q->params.workspace_limit)
        status = broken(why, "workspace is %llu bytes, workspace_limit %llu", bytes,
                        q->params.workspace_limit);
    if (status == CONV2D_OK) {
        /* The workspace must be aligned to 64 bytes; the bytes up to the next multiple are watched
         * by value. */
        const size_t rounded = (bytes + 63) / 64 * 64;
        guard_buffer workspace = guard_alloc(rounded, at_end);
        memset(workspace.data, 0xff, rounded); /* NaN: scratch that is read before it is written */
        conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
        args.input = &q->input;
        args.residual = optional(&q->residual);
        args.output = &q->output;
        args.workspace = bytes ? workspace.data : NULL;
        args.workspace_bytes = bytes;
        status = conv2d_plan_run(plan, &args);
        for (size_t i = bytes; status == CONV2D_OK && i < rounded; ++i)
            if (((unsigned char *)workspace.data)[i] != 0xff)
                status =
                    broken(why, "byte %llu after a workspace of %llu bytes was written", i, bytes);
        guard_free(&workspace);
    }
    conv2d_plan_destroy(plan);
    return status;
}

static conv2d_status run_staged(case_stage *stage, const run_how *how, char *why)
{
    conv2d_problem *q = &stage->problem;
    conv2d_params params = q->params;
    params.algorithm = how->algorithm;
    params.weights = how->borrow ? CONV2D_WEIGHTS_BORROW : CONV2D_WEIGHTS_COPY;
    if (how->path == CALL_ONESHOT)
        return conv2d(how->device, &q->input, &q->weight, optional(&q->bias),
                      optional(&q->residual), &params, &q->output);
    conv2d_context *context = NULL;
    conv2d_status status =
        conv2d_prepack(how->device, &q->weight, optional(&q->bias), &params, &context);
    if (status == CONV2D_OK)
        status = how->path == CALL_CONTEXT ? run_context(stage, context)
                                           : run_plan(stage, context, how->workspace_at_end, why);
    if (status != CONV2D_OK && !why[0])
        snprintf(why, WHY_BYTES, "%s", conv2d_last_error());
    conv2d_context_destroy(context);
    return status;
}

static int kind_of(const char *algorithm)
{
    static const int kinds[] = {[0] = EXPECTED_WINDOW,
                                [2] = EXPECTED_TILE_2,
                                [4] = EXPECTED_TILE_4,
                                [6] = EXPECTED_TILE_6};
    if (algorithm && strncmp(algorithm, "separable", sizeof "separable" - 1) == 0)
        return EXPECTED_FACTORS;
    if (oracle_is_fft(algorithm))
        return EXPECTED_FFT;
    if (oracle_parts(algorithm) && oracle_tile(algorithm))
        return EXPECTED_SPLIT_TILE_2 + oracle_tile(algorithm) / 2 - 1;
    if (oracle_parts(algorithm))
        return EXPECTED_SPLIT_2 + oracle_parts(algorithm) - 2;
    return oracle_is_dot(algorithm) ? EXPECTED_DOT : kinds[oracle_tile(algorithm)];
}

/* The kind of results of the algorithm that a run takes: the one forced, or the planner's choice,
 * which is asked for only where it may matter. */
static int expected_kind(const case_place *place, const run_how *how)
{
    const conv2d_problem *q = &place->problem;
    const case_data *d = place->data;
    if (how->algorithm || !(d->expected[EXPECTED_TILE_2] || d->expected[EXPECTED_DOT] ||
                            d->expected[EXPECTED_FACTORS] || d->expected[EXPECTED_SPLIT_3] ||
                            d->expected[EXPECTED_FFT]))
        return kind_of(how->algorithm);
    conv2d_context *context = NULL;
    conv2d_plan *plan = NULL;
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    int kind = EXPECTED_WINDOW;
    if (conv2d_prepack(how->device, &q->weight, optional(&q->bias), &q->params, &context) ==
            CONV2D_OK &&
        conv2d_plan_create(context, &q->input, optional(&q->residual), &q->output, &plan) ==
            CONV2D_OK &&
        conv2d_plan_describe(plan, &info) == CONV2D_OK)
        kind = kind_of(info.algorithm);
    conv2d_plan_destroy(plan);
    conv2d_context_destroy(context);
    return kind;
}

conv2d_status case_run(case_place *place, const run_how *how, char why[WHY_BYTES])
{
    case_stage stage;
    why[0] = 0;
    place->expected = expected_kind(place, how);
    conv2d_status status = case_stage_make(place, how->device, &stage);
    if (status == CONV2D_OK)
        status = case_stage_end(&stage, run_staged(&stage, how, why));
    if (status != CONV2D_OK && !why[0])
        snprintf(why, WHY_BYTES, "%s", conv2d_last_error());
    return status;
}

/* NaN, or the activation of an infinity. */
static bool never_finite(const conv2d_problem *q, long double got)
{
    for (int sign = -1; sign <= 1; sign += 2) {
        const long double want = oracle_activate(&q->params, sign * (long double)INFINITY);
        if (got == want || fabsl(got - want) <= oracle_ulp(q->output.dtype, want))
            return true;
    }
    return isnan(got);
}

/* NULL if a result is right, else how it is wrong. */
static const char *judge_value(const conv2d_problem *q, expected_value e, bool exact,
                               long double got)
{
    if (e.may_be_any)
        return NULL;
    if (e.is_never_finite)
        return never_finite(q, got) ? NULL : "a value that is not finite was lost";
    if (isnan(e.want) || isnan(got))
        return isnan(e.want) && isnan(got) ? NULL : "NaN differs";
    if (exact) /* the sign of zero too */
        return got == e.want && !signbit(got) == !signbit(e.want) ? NULL : "integers differ";
    if (e.may_overflow && isinf(got) && !signbit(got) == !signbit(e.want))
        return NULL;
    return got == e.want || fabsl(got - e.want) <= e.allowed ? NULL : "outside the bound";
}

bool case_judge(const case_place *place, char why[WHY_BYTES])
{
    const case_data *d = place->data;
    const conv2d_tensor *output = &place->problem.output;
    const bool integers = d->source->values == VALUES_INTEGER;
    for (int64_t i = 0; i < d->n_values; ++i) {
        const expected_value e = d->expected[place->expected][i];
        const long double got = case_place_value(place, i);
        const char *fault = judge_value(&place->problem, e, integers && e.allowed == 0, got);
        if (!fault)
            continue;
        int64_t at[4] = {0, 0, 0, 0}, rest = i;
        for (int a = output->rank - 1; a >= 0; --a) {
            at[a] = rest % output->sizes[a];
            rest /= output->sizes[a];
        }
        snprintf(why, WHY_BYTES,
                 "%s at output[%lld, %lld, %lld, %lld] (rank %d): %.10Lg, expected %.10Lg; "
                 "difference %.3Lg, allowed %.3Lg, s = %.6Lg",
                 fault, (long long)at[0], (long long)at[1], (long long)at[2], (long long)at[3],
                 output->rank, got, e.want, got - e.want, e.allowed, d->values[i].s);
        return false;
    }
    return case_place_intact(place, why, WHY_BYTES);
}

int list_candidates(const conv2d_device *device, candidate list[MAX_CANDIDATES])
{
    int n = 0;
    for (const c2_algorithm *const *a = device->backend->algorithms; *a; ++a)
        for (int v = 0; v < (*a)->variants(device) && n < MAX_CANDIDATES; ++v) {
            candidate *c = &list[n];
            *c = (candidate){.algorithm = (*a)->name,
                             .variant = (*a)->variant_name(device, v),
                             .isa = (*a)->variant_isa(device, v)};
            snprintf(c->force, sizeof c->force, "%s/%s", c->algorithm, c->isa);
            for (int i = 0; i < n; ++i)
                c->shadowed |= strcmp(list[i].force, c->force) == 0;
            c->shadowed |= oracle_is_fft(c->algorithm) && !c2_kiss_present();
            ++n;
        }
    return n;
}

bool ask_candidates(conv2d_device *device, const random_case *c, const candidate *list, int n,
                    bool accepted[MAX_CANDIDATES], char why[WHY_BYTES])
{
    conv2d_plan *plan = NULL;
    memset(accepted, 0, (size_t)n * sizeof *accepted);
    const conv2d_status status = conv2d_explain(device, &c->problem, &plan);
    if (status == CONV2D_E_UNSUPPORTED && !device->backend->host_memory)
        return true; /* a GPU lacks float64; the CPU takes everything */
    if (status != CONV2D_OK) {
        snprintf(why, WHY_BYTES, "conv2d_explain: %s", conv2d_last_error());
        return false;
    }
    bool ok = true;
    int n_seen = 0;
    conv2d_candidate_info info = CONV2D_CANDIDATE_INFO_INIT;
    for (; ok && conv2d_plan_candidate(plan, n_seen, &info) == CONV2D_OK; ++n_seen) {
        int i = 0;
        while (i < n && (strcmp(list[i].algorithm, info.algorithm) != 0 ||
                         strcmp(list[i].variant, info.variant) != 0))
            ++i;
        ok = i < n;
        if (ok)
            accepted[i] = !info.refusal[0];
        else
            snprintf(why, WHY_BYTES, "unknown candidate %s/%s", info.algorithm, info.variant);
    }
    bool empty = false; /* nothing to compute, nothing to choose */
    for (int a = 0; a < c->problem.output.rank; ++a)
        empty |= c->problem.output.sizes[a] == 0;
    if (ok && n_seen != (empty ? 0 : n)) {
        snprintf(why, WHY_BYTES, "the plan lists %d candidates, the device has %d", n_seen, n);
        ok = false;
    }
    conv2d_plan_destroy(plan);
    return ok;
}

bool case_unsupported(const case_data *data, const bool *accepted, int n)
{
    bool any = data->n_values == 0;
    for (int i = 0; i < n; ++i)
        any |= accepted[i];
    return !any;
}

conv2d_device *open_device(const char *name, int n_threads, const char *isa)
{
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    options.n_threads = n_threads;
    options.isa = isa;
    conv2d_device *device = NULL;
    const conv2d_status status = conv2d_device_open(name, &options, &device);
    if (status != CONV2D_OK) {
        fprintf(stderr, "%s\n", conv2d_last_error());
        exit(status == CONV2D_E_DEVICE ? 77 : 2);
    }
    return device;
}
