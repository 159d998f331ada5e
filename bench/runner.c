/* SPDX-License-Identifier: BSD-2-Clause
 * runner THREADS nchw|nhwc default|strict
 * conv2d through its C API as one contender of bench/measure.py: a process that plans a layer once
 * and times runs of it whenever it is asked, so that contenders can take turns. Lines in, one line
 * out for each, "ok NAME=VALUE..." or "error SENTENCE"; bench/peers/worker.py speaks the same.
 *   setup FOLDER PROBLEM  plan it with a bias, run it once; x.f32, w.f32, b.f32 in FOLDER are its
 *                         tensors (NCHW, OIHW), y.f32 becomes the output (NCHW)
 *   time SECONDS          time runs for so long
 *   candidates SECONDS    time every candidate of the planner for so long, in turns
 *   peak SECONDS          FMA peak of this instruction set on THREADS threads at once
 *   copy KB SECONDS       bytes read and written a second by copies within so many KB a thread */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conv2d/conv2d.h"

enum { LINE_BYTES = 1024, MAX_TIMES = 5000, MAX_CANDIDATES = 128, MAX_THREADS = 64 };

typedef struct runner {
    conv2d_device *device;
    conv2d_order order;
    int32_t accuracy;
    int n_threads;
    conv2d_problem problem;
    float *input, *weight, *bias, *output;
    conv2d_plan *plan;
} runner;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool fail(const char *what)
{
    printf("error %s: %s\n", what, conv2d_last_error());
    return false;
}

/* ---- tensors -------------------------------------------------------------------------------- */

static size_t elements(const conv2d_tensor *t)
{
    size_t n = 1;
    for (int i = 0; i < t->rank; i++)
        n *= (size_t)t->sizes[i];
    return n;
}

static float *allocated(size_t n)
{
    float *data = aligned_alloc(64, (n * sizeof(float) + 63) / 64 * 64);
    if (data)
        memset(data, 0, n * sizeof(float));
    return data;
}

/* Copy between a plain NCHW array and a tensor of any strides. */
static void reorder(const conv2d_tensor *t, float *strided, float *plain, bool to_plain)
{
    const int64_t *size = t->sizes, *stride = t->strides;
    size_t i = 0;
    for (int64_t n = 0; n < size[0]; n++)
        for (int64_t c = 0; c < size[1]; c++)
            for (int64_t h = 0; h < size[2]; h++)
                for (int64_t w = 0; w < size[3]; w++, i++) {
                    float *at = strided + n * stride[0] + c * stride[1] + h * stride[2] +
                                w * stride[3];
                    if (to_plain)
                        plain[i] = *at;
                    else
                        *at = plain[i];
                }
}

/* FOLDER/NAME, read or written whole. */
static bool transfer(const char *folder, const char *name, float *data, size_t n, bool writes)
{
    char path[LINE_BYTES + 16];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, writes ? "wb" : "rb");
    const size_t done = !f       ? 0
                        : writes ? fwrite(data, sizeof(float), n, f)
                                 : fread(data, sizeof(float), n, f);
    const bool closed = f && fclose(f) == 0;
    if (done != n || !closed)
        printf("error %s: %zu of %zu elements\n", path, done, n);
    return done == n && closed;
}

static void release(runner *r)
{
    conv2d_plan_destroy(r->plan);
    free(r->input);
    free(r->weight);
    free(r->bias);
    free(r->output);
    r->plan = NULL;
    r->input = r->weight = r->bias = r->output = NULL;
}

static bool load(runner *r, const char *folder)
{
    conv2d_problem *p = &r->problem;
    const size_t n_in = elements(&p->input), n_weight = elements(&p->weight);
    const size_t n_bias = (size_t)p->weight.sizes[0];
    float *plain = allocated(n_in);
    r->input = allocated(n_in);
    r->weight = allocated(n_weight);
    r->bias = allocated(n_bias);
    r->output = allocated(elements(&p->output));
    bool good = plain && r->input && r->weight && r->bias && r->output;
    if (!good)
        printf("error out of memory\n");
    good = good && transfer(folder, "x.f32", plain, n_in, false) &&
           transfer(folder, "w.f32", r->weight, n_weight, false) &&
           transfer(folder, "b.f32", r->bias, n_bias, false);
    if (good)
        reorder(&p->input, r->input, plain, false);
    free(plain);
    p->input.data = r->input;
    p->weight.data = r->weight;
    p->bias = conv2d_vector_f32(r->bias, (int64_t)n_bias);
    p->output.data = r->output;
    return good;
}

/* ---- plans ---------------------------------------------------------------------------------- */

/* Pack and plan; algorithm NULL = the planner's choice. */
static conv2d_status make_plan(runner *r, const char *algorithm, conv2d_plan **plan_out)
{
    conv2d_params params = r->problem.params;
    params.accuracy = r->accuracy;
    params.algorithm = algorithm;
    conv2d_context *context;
    conv2d_status s =
        conv2d_prepack(r->device, &r->problem.weight, &r->problem.bias, &params, &context);
    if (s)
        return s;
    conv2d_tensor input = r->problem.input, output = r->problem.output;
    input.data = output.data = NULL;
    s = conv2d_plan_create(context, &input, NULL, &output, plan_out);
    conv2d_context_destroy(context);
    return s;
}

static bool run(runner *r, conv2d_plan *plan)
{
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    args.input = &r->problem.input;
    args.output = &r->problem.output;
    return conv2d_plan_run(plan, &args) == CONV2D_OK;
}

/* Least time of packing and planning, in some 20 ms. */
static double planning_seconds(runner *r)
{
    double least = HUGE_VAL;
    const double start = now();
    for (int i = 0; i < 3 || (now() - start < 0.02 && i < 100); i++) {
        conv2d_plan *plan;
        const double before = now();
        if (make_plan(r, NULL, &plan))
            return HUGE_VAL;
        least = fmin(least, now() - before);
        conv2d_plan_destroy(plan);
    }
    return least;
}

static bool setup(runner *r, const char *folder, const char *text)
{
    release(r);
    if (conv2d_problem_parse(text, &r->problem))
        return fail("problem");
    conv2d_tensor_set_order(&r->problem.input, r->order);
    conv2d_tensor_set_order(&r->problem.output, r->order);
    if (!load(r, folder))
        return false;
    if (make_plan(r, NULL, &r->plan))
        return fail("plan");
    if (!run(r, r->plan))
        return fail("run");
    float *plain = allocated(elements(&r->problem.output));
    if (!plain) {
        printf("error out of memory\n");
        return false;
    }
    reorder(&r->problem.output, r->output, plain, true);
    const bool written = transfer(folder, "y.f32", plain, elements(&r->problem.output), true);
    free(plain);
    if (!written)
        return false;
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    size_t workspace;
    if (conv2d_plan_describe(r->plan, &info) || conv2d_workspace_bytes(r->plan, &workspace))
        return fail("describe");
    printf("ok setup_ms=%.4f workspace_bytes=%zu algorithm=%s/%s\n", planning_seconds(r) * 1e3,
           workspace, info.algorithm, info.variant);
    return true;
}

/* ---- times ---------------------------------------------------------------------------------- */

#define SLOW_SECONDS 0.5 /* a first run that takes so long is the only one */
#define FAR_SLOWER 10

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Time runs for so long, after some that wake threads and fill caches, as worker.py does. The
 * number of times, or -1 if a run fails. */
static int time_runs(runner *r, conv2d_plan *plan, double seconds, double times[MAX_TIMES])
{
    double before = now();
    if (!run(r, plan))
        return -1;
    const double first = now() - before;
    for (int i = first > 0.2 ? 0 : first > 0.02 ? 1 : first > 2e-3 ? 3 : 20; i > 0; i--)
        run(r, plan);
    const int least = first > 0.1 ? 1 : 3;
    double total = 0;
    int n = 0;
    if (first > SLOW_SECONDS)
        total = times[n++] = first;
    while ((total < seconds || n < least) && n < MAX_TIMES) {
        before = now();
        run(r, plan);
        times[n] = now() - before;
        total += times[n++];
    }
    qsort(times, (size_t)n, sizeof *times, ascending);
    return n;
}

static bool time_plan(runner *r, double seconds)
{
    static double times[MAX_TIMES];
    const int n = r->plan ? time_runs(r, r->plan, seconds, times) : -1;
    if (n < 0)
        return fail("time");
    printf("ok least_ms=%.6f median_ms=%.6f runs=%d\n", times[0] * 1e3, times[n / 2] * 1e3, n);
    return true;
}

typedef struct candidate {
    char name[128];
    conv2d_plan *plan;
    double least;
} candidate;

/* Every candidate that is not refused, the chosen one first. Those for which the model reckons with
 * FAR_SLOWER times the choice's time, as the plain loops, are left out: on a large layer their runs
 * would take longer than all others together. */
static int list_candidates(runner *r, candidate list[MAX_CANDIDATES])
{
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    if (!r->plan || conv2d_plan_describe(r->plan, &info))
        return 0;
    int n = 0;
    for (int i = 0; i < info.n_candidates && n < MAX_CANDIDATES; i++) {
        conv2d_candidate_info c = CONV2D_CANDIDATE_INFO_INIT;
        if (conv2d_plan_candidate(r->plan, i, &c) || c.refusal[0] ||
            c.cost_seconds > FAR_SLOWER * info.cost_seconds)
            continue;
        candidate *to = &list[n];
        snprintf(to->name, sizeof to->name, "%s/%s", c.algorithm, c.variant);
        to->least = HUGE_VAL;
        if (make_plan(r, to->name, &to->plan))
            continue;
        if (c.chosen && n > 0) {
            const candidate first = list[0];
            list[0] = *to;
            *to = first;
        }
        n++;
    }
    return n;
}

/* Those that take three times as long as the fastest after a round are left out of the next. */
static bool time_candidates(runner *r, double seconds)
{
    enum { ROUNDS = 4 };
    static double times[MAX_TIMES];
    static candidate list[MAX_CANDIDATES];
    const int n = list_candidates(r, list);
    double best = HUGE_VAL;
    for (int round = 0; round < ROUNDS; round++) {
        const double limit = round ? 3 * best : HUGE_VAL;
        for (int i = 0; i < n; i++)
            if ((!round || list[i].least < limit) &&
                time_runs(r, list[i].plan, seconds / (double)ROUNDS, times) > 0) {
                list[i].least = fmin(list[i].least, times[0]);
                best = fmin(best, list[i].least);
            }
    }
    printf("ok");
    for (int i = 0; i < n; i++) {
        printf(" %s=%.6f", list[i].name, list[i].least * 1e3);
        conv2d_plan_destroy(list[i].plan);
    }
    printf("\n");
    return true;
}

/* ---- the machine --------------------------------------------------------------------------- */

typedef struct job {
    pthread_t thread;
    pthread_barrier_t *start;
    conv2d_device *device;
    double seconds;
    size_t bytes; /* of a copy: read and written together */
    double rate;  /* found: operations or bytes a second, 0 = failed */
} job;

static void *measure_peak(void *argument)
{
    job *j = argument;
    pthread_barrier_wait(j->start);
    if (conv2d_device_measure_peak(j->device, j->seconds, &j->rate))
        j->rate = 0;
    return NULL;
}

/* Best of copies between two buffers of half the bytes each, some 4 MB to a time. */
static void *measure_copy(void *argument)
{
    job *j = argument;
    const size_t half = j->bytes / 2, n_copies = ((size_t)4 << 20) / j->bytes + 1;
    float *from = allocated(half / sizeof(float)), *to = allocated(half / sizeof(float));
    pthread_barrier_wait(j->start);
    const double start = now();
    while (from && to && now() - start < j->seconds) {
        const double before = now();
        for (size_t i = 0; i < n_copies; i++) {
            memcpy(to, from, half);
            __asm__ volatile("" : : "r"(to) : "memory"); /* each copy counts */
        }
        j->rate = fmax(j->rate, (double)(2 * half * n_copies) / (now() - before));
    }
    free(from);
    free(to);
    return NULL;
}

/* The sum of the rates of all threads, which begin together. */
static double on_all_threads(const runner *r, double seconds, size_t bytes, void *(*work)(void *))
{
    job jobs[MAX_THREADS];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, (unsigned)r->n_threads);
    double rate = 0;
    for (int i = 0; i < r->n_threads; i++) {
        jobs[i] = (job){.start = &start, .device = r->device, .seconds = seconds, .bytes = bytes};
        if (pthread_create(&jobs[i].thread, NULL, work, &jobs[i])) {
            fprintf(stderr, "runner: no thread for a measurement\n");
            exit(2); /* those that wait for it never end */
        }
    }
    for (int i = 0; i < r->n_threads; i++) {
        pthread_join(jobs[i].thread, NULL);
        rate += jobs[i].rate;
    }
    pthread_barrier_destroy(&start);
    return rate;
}

/* ---- lines ---------------------------------------------------------------------------------- */

static void answer(runner *r, char *line)
{
    static char folder[LINE_BYTES];
    int text = 0;
    size_t kilobytes;
    double seconds;
    if (sscanf(line, "setup %1000s %n", folder, &text) == 1 && text)
        setup(r, folder, line + text);
    else if (sscanf(line, "time %lf", &seconds) == 1)
        time_plan(r, seconds);
    else if (sscanf(line, "candidates %lf", &seconds) == 1)
        time_candidates(r, seconds);
    else if (sscanf(line, "peak %lf", &seconds) == 1)
        printf("ok gflops=%.2f\n", on_all_threads(r, seconds, 0, measure_peak) * 1e-9);
    else if (sscanf(line, "copy %zu %lf", &kilobytes, &seconds) == 2 && kilobytes)
        printf("ok gb_s=%.2f\n",
               on_all_threads(r, seconds, kilobytes << 10, measure_copy) * 1e-9);
    else
        printf("error unknown command: %s\n", line);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    runner r = {.n_threads = argc == 4 ? atoi(argv[1]) : 0};
    if (r.n_threads < 1 || r.n_threads > MAX_THREADS) {
        fprintf(stderr, "runner THREADS nchw|nhwc default|strict\n");
        return 2;
    }
    r.order = strcmp(argv[2], "nhwc") == 0 ? CONV2D_NHWC : CONV2D_NCHW;
    r.accuracy =
        strcmp(argv[3], "strict") == 0 ? CONV2D_ACCURACY_STRICT : CONV2D_ACCURACY_DEFAULT;
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    options.n_threads = r.n_threads;
    conv2d_device_info info = CONV2D_DEVICE_INFO_INIT;
    if (conv2d_device_open("cpu", &options, &r.device) ||
        conv2d_device_get_info(r.device, &info)) {
        fail("device");
        return 1;
    }
    printf("ok version=%s layout=%s isa=%s\n", conv2d_version(), argv[2], info.isa);
    fflush(stdout);
    static char line[LINE_BYTES];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\r\n")] = '\0';
        answer(&r, line);
    }
    release(&r);
    conv2d_device_close(r.device);
    return 0;
}
