/* SPDX-License-Identifier: BSD-2-Clause
 * Same bits: random problems through every candidate that accepts them, with 1, 2, 3, 4 and 7
 * threads, by each way of calling, again, at every position of a batch, and under every
 * workspace_limit whose plan has the same text. Usage: same_bits [--count N] [--seed S] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case_run.h"

static const int thread_counts[] = {1, 2, 3, 4, 7};
enum { N_DEVICES = sizeof thread_counts / sizeof thread_counts[0], BATCH = 4, MAX_FAILURES = 10 };

typedef struct session {
    conv2d_device *devices[N_DEVICES];
    candidate list[MAX_CANDIDATES];
    int n;
    int failures;
    unsigned long long problems, large, runs, batches, equal_texts, different_texts;
} session;

static void report(session *s, const random_case *c, const char *who, const char *why)
{
    char problem[1024];
    if (conv2d_problem_format(&c->problem, problem, sizeof problem, NULL) != CONV2D_OK)
        snprintf(problem, sizeof problem, "(no text: %s)", conv2d_last_error());
    printf("FAIL %s: %s\n  %s\n  repeat: same_bits --count 1 --seed %llu\n", who, why, problem,
           (unsigned long long)c->seed);
    ++s->failures;
}

static void *copy_output(const case_place *place)
{
    const guard_buffer *b = &place->buffers[CASE_OUTPUT];
    void *copy = malloc(b->bytes + 1);
    if (!copy)
        exit(2);
    memcpy(copy, b->data, b->bytes);
    return copy;
}

static bool equal_output(const case_place *place, const void *copy)
{
    const guard_buffer *b = &place->buffers[CASE_OUTPUT];
    return memcmp(b->data, copy, b->bytes) == 0;
}

/* One candidate with every thread count, each way of calling, twice. */
static void test_threads(session *s, const random_case *c, case_place *place, const char *force)
{
    char why[WHY_BYTES], who[128];
    void *first = NULL;
    for (int i = 0; i < 2 * N_DEVICES; ++i) {
        const run_how how = {.device = s->devices[i % N_DEVICES],
                             .algorithm = force,
                             .path = (call_path)((c->seed + (uint64_t)i) % CALL_PATHS),
                             .borrow = i % 2 == 0};
        snprintf(who, sizeof who, "%s, %d threads, path %d", force ? force : "planner's choice",
                 thread_counts[i % N_DEVICES], (int)how.path);
        ++s->runs;
        if (case_run(place, &how, why) != CONV2D_OK) {
            report(s, c, who, why);
            break;
        }
        if (!first) {
            first = copy_output(place);
        } else if (!equal_output(place, first)) {
            report(s, c, who, "bits differ from the first run, with 1 thread");
            break;
        }
    }
    free(first);
}

/* Give a tensor of batch 1 a batch of n: the same image n times (stride 0), or n places for it. */
static void repeat_batch(conv2d_tensor *t, bool same_image)
{
    int64_t span = 1;
    for (int a = 1; a < 4; ++a)
        span += (t->sizes[a] - 1) * llabs(t->strides[a]);
    t->sizes[0] = BATCH;
    t->strides[0] = same_image ? 0 : span;
}

/* The same image alone and BATCH times: every copy must have the bits of the lonely one. */
static void test_batch(session *s, const random_case *single, const case_data *single_data,
                       const void *single_output, const char *force)
{
    random_case c = *single;
    repeat_batch(&c.problem.input, true);
    repeat_batch(&c.problem.output, false);
    if (c.problem.residual.rank)
        repeat_batch(&c.problem.residual, true);
    case_data data; /* the seed's values come in logical order: write the first image's over all */
    case_data_make(&c, &data);
    for (int i = 0; i < CASE_OUTPUT; ++i)
        if (data.images[i].bytes)
            memcpy(data.images[i].bytes, single_data->images[i].bytes, data.images[i].n_bytes);
    case_place place;
    case_place_make(&data, c.seed % 2 == 0, &place);
    char why[WHY_BYTES];
    const run_how how = {.device = s->devices[c.seed % N_DEVICES],
                         .algorithm = force,
                         .path = (call_path)(c.seed % CALL_PATHS)};
    const conv2d_status status = case_run(&place, &how, why);
    const size_t bytes = conv2d_dtype_bytes(c.problem.output.dtype);
    const unsigned char *batch = place.problem.output.data;
    const unsigned char *alone = (const unsigned char *)single_output +
                                 (size_t)single_data->images[CASE_OUTPUT].origin * bytes;
    if (status != CONV2D_OK)
        report(s, single, force ? force : "planner's choice", why);
    for (int64_t i = 0; status == CONV2D_OK && i < data.n_values; ++i) {
        const int64_t one = i % single_data->n_values;
        if (memcmp(batch + data.offsets[i] * (int64_t)bytes,
                   alone + single_data->offsets[one] * (int64_t)bytes, bytes) != 0) {
            snprintf(why, sizeof why,
                     "image %lld of a batch of %d differs from the same image alone",
                     (long long)(i / single_data->n_values), BATCH);
            report(s, single, force ? force : "planner's choice", why);
            break;
        }
    }
    ++s->batches;
    case_place_free(&place);
    case_data_free(&data);
}

/* Text of the plan the planner makes for a case. */
static bool plan_text(session *s, const case_place *place, int device, char *text, size_t capacity)
{
    conv2d_problem q = place->problem;
    conv2d_context *context = NULL;
    conv2d_plan *plan = NULL;
    bool ok = conv2d_prepack(s->devices[device], &q.weight, q.bias.rank ? &q.bias : NULL, &q.params,
                             &context) == CONV2D_OK &&
              conv2d_plan_create(context, &q.input, q.residual.rank ? &q.residual : NULL, &q.output,
                                 &plan) == CONV2D_OK &&
              conv2d_plan_text(plan, 0, text, capacity, NULL) == CONV2D_OK;
    conv2d_plan_destroy(plan);
    conv2d_context_destroy(context);
    return ok;
}

/* Plans of one case that may share a text: other thread counts, other limits. */
typedef struct setting {
    int device;
    uint64_t limit;
} setting;
static const setting settings[] = {{0, CONV2D_WORKSPACE_UNLIMITED},
                                   {4, CONV2D_WORKSPACE_UNLIMITED},
                                   {2, 1 << 20},
                                   {3, 1 << 20},
                                   {1, 0}};
enum { N_SETTINGS = sizeof settings / sizeof settings[0] };

/* The planner's choice in every setting: equal texts, equal bits. */
static void test_texts(session *s, const random_case *c, case_place *place)
{
    char texts[N_SETTINGS][4096], why[WHY_BYTES];
    void *outputs[N_SETTINGS] = {NULL};
    const uint64_t limit = place->problem.params.workspace_limit;
    for (int i = 0; i < N_SETTINGS; ++i) {
        place->problem.params.workspace_limit = settings[i].limit;
        const run_how how = {.device = s->devices[settings[i].device], .path = CALL_ONESHOT};
        if (!plan_text(s, place, settings[i].device, texts[i], sizeof texts[i])) {
            report(s, c, "plan", conv2d_last_error());
            break;
        }
        if (case_run(place, &how, why) != CONV2D_OK) {
            report(s, c, "planner's choice under another limit", why);
            break;
        }
        outputs[i] = copy_output(place);
        for (int j = 0; j < i; ++j) {
            const bool equal = strcmp(texts[i], texts[j]) == 0;
            ++*(equal ? &s->equal_texts : &s->different_texts);
            if (equal && !equal_output(place, outputs[j]))
                report(s, c, "plans with equal texts", "bits differ");
        }
    }
    place->problem.params.workspace_limit = limit;
    for (int i = 0; i < N_SETTINGS; ++i)
        free(outputs[i]);
}

static void test_case(session *s, const random_case *c)
{
    char why[WHY_BYTES];
    bool accepted[MAX_CANDIDATES];
    if (!ask_candidates(s->devices[0], c, s->list, s->n, accepted, why)) {
        report(s, c, "candidates", why);
        return;
    }
    case_data data;
    case_place place;
    case_data_make(c, &data);
    if (case_unsupported(&data, accepted, s->n)) {
        case_data_free(&data);
        return;
    }
    case_place_make(&data, c->seed % 2 == 1, &place);
    const bool batch_of_one =
        c->problem.input.rank == 4 && c->problem.input.sizes[0] == 1 && !c->in_place;
    for (int i = -1; i < s->n; ++i) {
        if (i >= 0 && (!accepted[i] || s->list[i].shadowed))
            continue;
        const char *force = i >= 0 ? s->list[i].force : NULL;
        test_threads(s, c, &place, force);
        /* Only in STRICT is the planner's choice free of the batch size. */
        if (batch_of_one && (force || c->problem.params.accuracy == CONV2D_ACCURACY_STRICT)) {
            const run_how how = {.device = s->devices[0], .algorithm = force, .path = CALL_ONESHOT};
            if (case_run(&place, &how, why) == CONV2D_OK) {
                void *output = copy_output(&place);
                test_batch(s, c, &data, output, force);
                free(output);
            }
        }
    }
    test_texts(s, c, &place);
    case_place_free(&place);
    case_data_free(&data);
}

int main(int argc, char **argv)
{
    const char *device_name = "cpu";
    uint64_t count = 1000, seed = 1;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--count") == 0)
            count = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--device") == 0)
            device_name = argv[i + 1];
        else
            return 2;
    }
    session s = {.failures = 0};
    for (int i = 0; i < N_DEVICES; ++i)
        s.devices[i] = open_device(device_name, thread_counts[i], NULL);
    s.n = list_candidates(s.devices[0], s.list);
    for (uint64_t i = 0; i < count && s.failures < MAX_FAILURES; ++i) {
        random_case c;
        random_case_make(seed + i, VALUES_REAL, &c);
        /* Threads matter in large problems: all of those, and one in eight of the others. */
        const bool large = random_case_macs(&c) >= RANDOM_LARGE_MACS;
        if (count > 1 && !large && i % 8)
            continue;
        s.large += large;
        ++s.problems;
        test_case(&s, &c);
    }
    for (int i = 0; i < N_DEVICES; ++i)
        conv2d_device_close(s.devices[i]);
    if (count >= 100 && (s.equal_texts == 0 || s.batches == 0 || s.large == 0)) {
        printf("FAIL no plans with equal texts, no batch or no large problem: nothing was shown\n");
        ++s.failures;
    }
    printf(
        "same_bits: seeds %llu..%llu, %llu problems, %llu of them large, %llu runs, %llu batches, "
        "%llu pairs of plans with equal texts (%llu with different ones), %d failures\n",
        (unsigned long long)seed, (unsigned long long)(seed + count - 1), s.problems, s.large,
        s.runs, s.batches, s.equal_texts, s.different_texts, s.failures);
    return s.failures ? 1 : 0;
}
