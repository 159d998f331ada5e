/* SPDX-License-Identifier: BSD-2-Clause
 * A plan in words. Without `verbose` the text has everything that decides the bits of the result
 * and nothing else (no thread count, no workspace), so equal texts promise equal bits. */
#include <inttypes.h>

#include "plan/plan.h"

static const char *const accuracy_names[] = {"default", "strict", "fast", "tf32"};

static void candidate_line(const conv2d_device *device, const c2_candidate *c, bool chosen,
                           c2_text *out)
{
    c2_text_add(out, "  %c %-14s %-28s ", chosen ? '*' : ' ', c->algorithm->name,
                c->algorithm->variant_name(device, c->variant));
    if (c->refusal.text[0])
        c2_text_add(out, "refused: %s", c->refusal.text);
    else
        c2_text_add(out, "%.4g ms, packed %zu B, workspace %zu + %zu B a worker", c->cost * 1e3,
                    c->bytes.packed, c->bytes.shared, c->bytes.per_worker);
    if (c->measured > 0)
        c2_text_add(out, ", measured %.4g ms", c->measured * 1e3);
    c2_text_add(out, "\n");
}

void c2_describe(const conv2d_device *device, const c2_problem *problem, const char *problem_text,
                 const c2_choice *choice, bool verbose, c2_text *out)
{
    c2_text_add(out, "problem    %s\n", problem_text);
    c2_text_add(out,
                "shape      %" PRId64 " x %" PRId64 " x %" PRId64 " x %" PRId64 " -> %" PRId64
                " x %" PRId64 " x %" PRId64 " x %" PRId64 ", kernel %" PRId64 " x %" PRId64
                ", groups %" PRId64 "\n",
                problem->n, problem->ic, problem->h, problem->w, problem->n, problem->oc,
                problem->oh, problem->ow, problem->kh, problem->kw, problem->groups);
    if (choice->chosen < 0) {
        c2_text_add(out, "algorithm  none: the output has no elements\n");
        return;
    }
    const c2_candidate *c = &choice->candidates[choice->chosen];
    c2_text_add(out, "algorithm  %s, %s (%s)\n", c->algorithm->name,
                c->algorithm->variant_name(device, c->variant), device->backend->name);
    c2_text_add(out, "choice     %s%s%s\n", c2_choice_word(choice),
                choice->note.text[0] ? "; " : "", choice->note.text);
    c2_text_add(out, "bound      |error| <= %s, g = %.3g, K = %" PRId64 " (accuracy %s)\n",
                c->algorithm->bound_text(problem, c->variant), c->bound, c2_problem_k(problem),
                accuracy_names[problem->accuracy]);
    c2_text_add(out, "denormals  %s\n",
                problem->flush_denormals || c->algorithm->flushes ? "flushed to zero"
                : device->backend->may_flush                      ? "may be flushed to zero"
                                                                  : "computed exactly");
    if (!verbose)
        return;
    const double flops = c2_problem_flops(problem);
    c2_text_add(out, "work       %.4g MFLOP, model %.4g ms on one thread\n", flops * 1e-6,
                c->cost * 1e3);
    c2_text_add(out, "memory     packed weights %zu B, workspace %zu B + %zu B a worker\n",
                c->bytes.packed, c->bytes.shared, c->bytes.per_worker);
    c2_text_add(out, "candidates, in order of preference (* = chosen; times are the model's)\n");
    for (int i = 0; i < choice->n; i++)
        candidate_line(device, &choice->candidates[i], i == choice->chosen, out);
}
