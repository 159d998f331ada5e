/* SPDX-License-Identifier: BSD-2-Clause
 * Candidates in the backend's order of preference; each is asked whether it supports the problem,
 * what it costs and what memory it takes. A forced algorithm comes first, then the device's wisdom,
 * then the cheapest usable one by the model, on a tie the first. */
#include "plan/plan.h"

#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "plan/wisdom.h"

/* "igemm_ch" names all variants, "igemm_ch/avx2" those of an ISA, "igemm_ch/KERNEL" one. */
static bool name_matches(const char *wanted, const c2_algorithm *a, const conv2d_device *device,
                         int variant)
{
    const size_t length = strlen(a->name);
    if (strncmp(wanted, a->name, length))
        return false;
    if (!wanted[length])
        return true;
    const char *rest = wanted + length + 1;
    return wanted[length] == '/' && (!strcmp(rest, a->variant_isa(device, variant)) ||
                                     !strcmp(rest, a->variant_name(device, variant)));
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

/* Follow the device's wisdom about the problem, or note why not. */
static void ask_wisdom(const conv2d_device *device, const c2_problem *problem, c2_choice *choice)
{
    c2_wisdom_entry entry;
    if (!c2_wisdom_find(device, problem, &entry))
        return;
    for (int i = 0; i < choice->n; i++) {
        c2_candidate *c = &choice->candidates[i];
        if (c->algorithm != entry.algorithm || c->variant != entry.variant)
            continue;
        if (c->refusal.text[0]) {
            c2_refuse(&choice->note, "wisdom says %s, %s, which refuses: %s", c->algorithm->name,
                      c->algorithm->variant_name(device, c->variant), c->refusal.text);
            return;
        }
        c->measured = entry.seconds;
        choice->chosen = i;
        choice->by = C2_CHOSEN_BY_WISDOM;
    }
}

int c2_choice_cheapest(const c2_choice *choice)
{
    int best = -1;
    for (int i = 0; i < choice->n; i++) {
        const c2_candidate *c = &choice->candidates[i];
        if (!c->refusal.text[0] && (best < 0 || c->cost < choice->candidates[best].cost))
            best = i;
    }
    return best;
}

conv2d_status c2_choose(const conv2d_device *device, const c2_problem *problem,
                        c2_choice *choice_out)
{
    c2_choice choice = {.n = count_candidates(device), .chosen = -1};
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
        }
    choice.chosen = c2_choice_cheapest(&choice);
    if (choice.chosen < 0) {
        conv2d_status s = no_candidate(device, problem, &choice);
        c2_choice_free(device, &choice);
        return s;
    }
    if (problem->algorithm[0])
        choice.by = C2_CHOSEN_BY_FORCE;
    else
        ask_wisdom(device, problem, &choice);
    *choice_out = choice;
    return CONV2D_OK;
}

const char *c2_choice_word(const c2_choice *choice)
{
    static const char *const words[] = {"estimate", "wisdom", "forced"};
    return choice->chosen < 0 ? "none" : words[choice->by];
}

void c2_choice_free(const conv2d_device *device, c2_choice *choice)
{
    c2_free(&device->allocator, choice->candidates,
            (size_t)choice->n * sizeof *choice->candidates);
    *choice = (c2_choice){.chosen = -1};
}

size_t c2_choice_workspace(const conv2d_device *device, const c2_bytes *bytes, int n_workers)
{
    return device->backend->host_memory ? bytes->shared + (size_t)n_workers * bytes->per_worker : 0;
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
