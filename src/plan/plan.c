/* SPDX-License-Identifier: BSD-2-Clause
 * Candidates in the backend's order of preference; each is asked whether it supports the problem,
 * what it costs and what memory it takes. The cheapest usable one wins, on a tie the first. */
#include "plan/plan.h"

#include <stdio.h>
#include <string.h>

#include "core/error.h"

/* "igemm_ch" names all variants, "igemm_ch/avx2" the one of an ISA. */
static bool name_matches(const char *wanted, const c2_algorithm *a, const conv2d_device *device,
                         int variant)
{
    const size_t length = strlen(a->name);
    if (strncmp(wanted, a->name, length))
        return false;
    return !wanted[length] ||
           (wanted[length] == '/' && !strcmp(wanted + length + 1, a->variant_isa(device, variant)));
}

static size_t saturating_add(size_t a, size_t b) { return a > SIZE_MAX - b ? SIZE_MAX : a + b; }

static void examine(const conv2d_device *device, const c2_problem *problem, c2_candidate *c)
{
    const c2_algorithm *a = c->algorithm;
    if (problem->algorithm[0] && !name_matches(problem->algorithm, a, device, c->variant)) {
        c2_refuse(&c->refusal, "algorithm = %s was asked for", problem->algorithm);
        return;
    }
    if (!a->supports(device, problem, c->variant, &c->refusal))
        return;
    c->refusal.text[0] = 0;
    c->bytes = a->memory(device, problem, c->variant);
    const size_t least = saturating_add(c->bytes.shared, c->bytes.per_worker);
    if (least > problem->workspace_limit) {
        c2_refuse(&c->refusal, "needs %zu bytes of workspace, workspace_limit is %llu", least,
                  (unsigned long long)problem->workspace_limit);
        return;
    }
    c->cost = a->cost(device, problem, c->variant);
    c->bound = a->bound(problem, c->variant);
}

static int count_candidates(const conv2d_device *device)
{
    int n = 0;
    for (const c2_algorithm *const *a = device->backend->algorithms; *a; a++)
        n += (*a)->variants(device);
    return n;
}

/* Why nothing is left: the reason of a forced algorithm, or that its name is unknown. */
static conv2d_status no_candidate(const conv2d_device *device, const c2_problem *problem,
                                  const c2_choice *choice)
{
    if (!problem->algorithm[0])
        return c2_fail(CONV2D_E_UNSUPPORTED, "device \"%s\" has no algorithm for this problem: %s",
                       device->backend->name,
                       choice->n ? choice->candidates[choice->n - 1].refusal.text
                                 : "its list is empty");
    for (int i = 0; i < choice->n; i++) {
        const c2_candidate *c = &choice->candidates[i];
        if (name_matches(problem->algorithm, c->algorithm, device, c->variant))
            return c2_fail(CONV2D_E_UNSUPPORTED, "params.algorithm = \"%s\" cannot be used: %s",
                           problem->algorithm, c->refusal.text);
    }
    return c2_fail(CONV2D_E_ARGUMENT,
                   "params.algorithm is \"%s\": no algorithm of device \"%s\" has that name",
                   problem->algorithm, device->backend->name);
}

conv2d_status c2_choose(const conv2d_device *device, const c2_problem *problem,
                        c2_choice *choice_out)
{
    c2_choice choice = {count_candidates(device), -1, NULL};
    choice.candidates =
        c2_alloc_zero(&device->allocator, (size_t)choice.n * sizeof *choice.candidates);
    if (!choice.candidates)
        return c2_fail(CONV2D_E_NOMEM, "no memory for %d candidates", choice.n);
    int i = 0;
    for (const c2_algorithm *const *a = device->backend->algorithms; *a; a++)
        for (int v = 0; v < (*a)->variants(device); v++, i++) {
            c2_candidate *c = &choice.candidates[i];
            c->algorithm = *a;
            c->variant = v;
            examine(device, problem, c);
            if (c->refusal.text[0])
                continue;
            if (choice.chosen < 0 || c->cost < choice.candidates[choice.chosen].cost)
                choice.chosen = i;
        }
    if (choice.chosen < 0) {
        conv2d_status s = no_candidate(device, problem, &choice);
        c2_choice_free(device, &choice);
        return s;
    }
    *choice_out = choice;
    return CONV2D_OK;
}

void c2_choice_free(const conv2d_device *device, c2_choice *choice)
{
    c2_free(&device->allocator, choice->candidates,
            (size_t)choice->n * sizeof *choice->candidates);
    *choice = (c2_choice){0, -1, NULL};
}

int c2_choice_workers(const conv2d_device *device, const c2_problem *problem,
                      const c2_bytes *bytes)
{
    const int threads = device->pool.n_threads;
    if (!bytes->per_worker)
        return threads;
    const uint64_t parts = (problem->workspace_limit - bytes->shared) / bytes->per_worker;
    return parts < (uint64_t)threads ? (int)parts : threads;
}
