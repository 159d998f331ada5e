/* SPDX-License-Identifier: BSD-2-Clause
 * What a plan says about itself: structs, candidates, text; plans without weights; problem text. */
#include <inttypes.h>
#include <string.h>

#include "api/check.h"
#include "api/object.h"
#include "core/text.h"

conv2d_status conv2d_workspace_bytes(const conv2d_plan *plan, size_t *bytes_out)
{
    if (!plan || !bytes_out)
        return c2_fail(CONV2D_E_ARGUMENT, "%s is NULL", plan ? "bytes_out" : "plan");
    *bytes_out = plan->workspace_bytes;
    return CONV2D_OK;
}

conv2d_status conv2d_plan_describe(const conv2d_plan *plan, conv2d_plan_info *info_out)
{
    if (!plan || !info_out)
        return c2_fail(CONV2D_E_ARGUMENT, "%s is NULL", plan ? "info_out" : "plan");
    const size_t before = offsetof(conv2d_plan_info, choice);
    const conv2d_status s =
        c2_check_info_size("info_out", info_out->struct_size, before, sizeof *info_out);
    if (s)
        return s;
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    info.choice = c2_choice_word(&plan->choice);
    info.n_candidates = plan->choice.n;
    info.problem = plan->problem_text;
    info.backend = plan->device->backend->name;
    info.algorithm = info.variant = "none";
    info.bound_text = "0";
    info.layout = plan->layout;
    info.flops = c2_problem_flops(&plan->problem);
    info.n_workers = plan->n_workers;
    info.denormals_flushed = plan->problem.flush_denormals || plan->device->backend->may_flush;
    if (plan->choice.chosen >= 0) {
        const c2_candidate *c = &plan->choice.candidates[plan->choice.chosen];
        info.algorithm = c->algorithm->name;
        info.variant = c->algorithm->variant_name(plan->device, c->variant);
        info.bound_text = c->algorithm->bound_text(&plan->problem, c->variant);
        info.bound = c->bound;
        info.denormals_flushed |= c->algorithm->flushes;
        info.cost_seconds = c->cost;
        info.packed_bytes = c->bytes.packed;
        info.workspace_shared_bytes = c->bytes.shared;
        info.workspace_worker_bytes = c->bytes.per_worker;
    }
    info.struct_size = info_out->struct_size;
    memcpy(info_out, &info, info.struct_size < sizeof info ? before : sizeof info);
    return CONV2D_OK;
}

conv2d_status conv2d_plan_candidate(const conv2d_plan *plan, int index,
                                    conv2d_candidate_info *info_out)
{
    if (!plan || !info_out)
        return c2_fail(CONV2D_E_ARGUMENT, "%s is NULL", plan ? "info_out" : "plan");
    const size_t before = offsetof(conv2d_candidate_info, measured_seconds);
    const conv2d_status s =
        c2_check_info_size("info_out", info_out->struct_size, before, sizeof *info_out);
    if (s)
        return s;
    if (index < 0 || index >= plan->choice.n)
        return c2_fail(CONV2D_E_ARGUMENT, "index is %d: the plan has %d candidates", index,
                       plan->choice.n);
    const c2_candidate *c = &plan->choice.candidates[index];
    conv2d_candidate_info info = CONV2D_CANDIDATE_INFO_INIT;
    info.chosen = index == plan->choice.chosen;
    info.algorithm = c->algorithm->name;
    info.variant = c->algorithm->variant_name(plan->device, c->variant);
    info.isa = c->algorithm->variant_isa(plan->device, c->variant);
    info.refusal = c->refusal.text;
    info.cost_seconds = c->cost;
    info.bound = c->bound;
    info.packed_bytes = c->bytes.packed;
    info.workspace_shared_bytes = c->bytes.shared;
    info.workspace_worker_bytes = c->bytes.per_worker;
    info.measured_seconds = c->measured;
    info.struct_size = info_out->struct_size;
    memcpy(info_out, &info, info.struct_size < sizeof info ? before : sizeof info);
    return CONV2D_OK;
}

static conv2d_status check_text(const char *text, size_t capacity)
{
    if (!text && capacity)
        return c2_fail(CONV2D_E_ARGUMENT, "text is NULL and capacity is %zu: expected 0", capacity);
    return CONV2D_OK;
}

conv2d_status conv2d_plan_text(const conv2d_plan *plan, int verbose, char *text, size_t capacity,
                               size_t *length_out)
{
    if (!plan)
        return c2_fail(CONV2D_E_ARGUMENT, "plan is NULL");
    conv2d_status s = check_text(text, capacity);
    if (s)
        return s;
    c2_text t = {text, capacity, 0};
    c2_describe(plan->device, &plan->problem, plan->problem_text, &plan->choice, verbose != 0, &t);
    if (length_out)
        *length_out = t.length;
    return CONV2D_OK;
}

conv2d_status conv2d_problem_parse(const char *text, conv2d_problem *problem_out)
{
    if (!text || !problem_out)
        return c2_fail(CONV2D_E_ARGUMENT, "%s is NULL", text ? "problem_out" : "text");
    return c2_problem_from_text(text, problem_out);
}

static conv2d_status check_problem_struct(const conv2d_problem *problem)
{
    if (!problem)
        return c2_fail(CONV2D_E_ARGUMENT, "problem is NULL");
    if (problem->struct_size < sizeof *problem)
        return c2_fail(CONV2D_E_ARGUMENT, "problem.struct_size is %" PRIu32 ": expected %zu",
                       problem->struct_size, sizeof *problem);
    return CONV2D_OK;
}

conv2d_status conv2d_problem_format(const conv2d_problem *problem, char *text, size_t capacity,
                                    size_t *length_out)
{
    conv2d_status s = check_problem_struct(problem);
    if (s || (s = check_text(text, capacity)))
        return s;
    c2_text t = {text, capacity, 0};
    if ((s = c2_problem_to_text(problem, &t)))
        return s;
    if (length_out)
        *length_out = t.length;
    return CONV2D_OK;
}

conv2d_status conv2d_explain(conv2d_device *device, const conv2d_problem *problem,
                             conv2d_plan **plan_out)
{
    conv2d_status s = check_problem_struct(problem);
    if (s)
        return s;
    if (!plan_out)
        return c2_fail(CONV2D_E_ARGUMENT, "plan_out is NULL");
    conv2d_device *own = NULL;
    if (!device && (s = conv2d_device_open("cpu", NULL, &own)))
        return s;
    s = c2_plan_make(device ? device : own, NULL, problem, plan_out);
    conv2d_device_close(own); /* the plan holds what it needs */
    return s;
}
