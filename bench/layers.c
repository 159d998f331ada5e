/* SPDX-License-Identifier: BSD-2-Clause
 * layers [--all] [--fast] [--match TEXT] [--order nchw|nhwc] [--algorithm NAME] [--seconds S]
 *        [--threads N] FILE
 * Times every layer of a file of problem texts in both layouts, one thread or N, interleaved with
 * short measurements of the FMA peak (of one thread). For each: the planner's choice, its share of
 * the peak, and how many times longer the same layer takes with workspace_limit = 0. --all also
 * times every other candidate but the reference, which shows whether the cost model chose well.
 * --algorithm takes that one (as in conv2d_params.algorithm) and leaves out what it refuses. --fast
 * asks for accuracy fast. Exit code 1 if a layer takes more than 3 times as long without
 * workspace. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conv2d/conv2d.h"

typedef struct options {
    bool all, fast;
    const char *match, *order, *file; /* order: nchw, nhwc or NULL = both */
    const char *algorithm;            /* or NULL: the planner's choice */
    double seconds;
    int threads;
} options;

/* What time means here. One thread's is processor time: on a machine that others use as well, the
 * clock on the wall counts them too. */
static clockid_t clock_of_runs = CLOCK_PROCESS_CPUTIME_ID;

static double now(void)
{
    struct timespec t;
    clock_gettime(clock_of_runs, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void stop(const char *what)
{
    fprintf(stderr, "layers: %s: %s\n", what, conv2d_last_error());
    exit(2);
}

static float *filled(const conv2d_tensor *t, unsigned seed)
{
    size_t n = 1;
    for (int i = 0; i < t->rank; i++)
        n *= (size_t)t->sizes[i];
    float *data = aligned_alloc(64, (n * sizeof(float) + 63) / 64 * 64);
    if (!data)
        stop("no memory");
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        data[i] = (float)(seed >> 8) * 0x1p-24f - 0.5f;
    }
    return data;
}

/* Weights of the problem's form: column 0 of a filter times row 0 of it. */
static void separate(const conv2d_problem *p, float *weight)
{
    const int64_t kh = p->weight.sizes[2], kw = p->weight.sizes[3];
    for (int64_t o = 0; o < p->weight.sizes[0] && p->weights_form; o++) {
        float *w = weight + o * kh * kw;
        for (int64_t i = kh * kw - 1; i >= 0; i--)
            if (p->weights_form == CONV2D_WEIGHTS_BOX)
                w[i] = weight[0];
            else if (o > 0 && p->weights_form == CONV2D_WEIGHTS_ALIKE)
                w[i] = weight[i];
            else if (i % kw)
                w[i] = w[i - i % kw] * w[i % kw];
    }
}

typedef struct layer {
    conv2d_device *device;
    conv2d_problem problem;
    conv2d_tensor output;
} layer;

/* Flops a second, the most seen so far in this run: others on the machine only make it less. */
static double best_peak;

typedef struct timing {
    double best; /* seconds */
    char name[96];
    double flops, cost;
    size_t workspace;
} timing;

/* Best of many runs of one plan; false if the algorithm refuses. */
static bool time_plan(layer *l, const char *algorithm, uint64_t limit, double seconds, timing *t)
{
    conv2d_params params = l->problem.params;
    params.algorithm = algorithm;
    params.workspace_limit = limit;
    params.weights = CONV2D_WEIGHTS_BORROW;
    conv2d_context *context;
    conv2d_plan *plan;
    if (conv2d_prepack(l->device, &l->problem.weight, NULL, &params, &context))
        stop("prepack");
    const conv2d_status s =
        conv2d_plan_create(context, &l->problem.input, NULL, &l->problem.output, &plan);
    conv2d_context_destroy(context);
    if (s == CONV2D_E_UNSUPPORTED)
        return false;
    if (s)
        stop("plan");
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    if (conv2d_plan_describe(plan, &info))
        stop("describe");
    snprintf(t->name, sizeof t->name, "%s/%s", info.algorithm, info.variant);
    t->flops = info.flops;
    t->cost = info.cost_seconds;
    t->workspace = info.workspace_shared_bytes + info.workspace_worker_bytes;
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    args.input = &l->problem.input;
    args.output = &l->output;
    t->best = HUGE_VAL;
    const double start = now();
    for (int i = 0; i < 3 || now() - start < seconds; i++) {
        double peak;
        if (i % 8 == 0 && !conv2d_device_measure_peak(l->device, 1e-3, &peak))
            best_peak = fmax(best_peak, peak);
        const double before = now();
        if (conv2d_plan_run(plan, &args))
            stop("run");
        t->best = fmin(t->best, now() - before);
    }
    conv2d_plan_destroy(plan);
    return true;
}

/* Whether candidate i can run and none before it is of its algorithm, at another level. */
static bool is_first(const conv2d_plan *plan, int i, const conv2d_candidate_info *info)
{
    conv2d_candidate_info before = CONV2D_CANDIDATE_INFO_INIT;
    for (int j = 0; j < i; j++)
        if (!conv2d_plan_candidate(plan, j, &before) && !before.refusal[0] &&
            !strcmp(before.algorithm, info->algorithm))
            return false;
    return !info->refusal[0];
}

static void time_candidates(layer *l, const options *o, const char *chosen)
{
    conv2d_plan *plan;
    if (conv2d_explain(l->device, &l->problem, &plan))
        stop("explain");
    const size_t length = strcspn(chosen, "/");
    conv2d_candidate_info info = CONV2D_CANDIDATE_INFO_INIT;
    for (int i = 0; !conv2d_plan_candidate(plan, i, &info); i++) {
        const char *name = info.algorithm;
        timing t;
        const bool is_chosen = strlen(name) == length && !strncmp(chosen, name, length);
        if (is_first(plan, i, &info) && !is_chosen && strcmp(name, "reference") != 0 && /* slow */
            time_plan(l, name, CONV2D_WORKSPACE_UNLIMITED, o->seconds, &t))
            printf("    %-38s %9.3f ms  model %9.3f ms  %5.1f %%\n", t.name, t.best * 1e3,
                   t.cost * 1e3, 100 * t.flops / t.best / best_peak);
    }
    conv2d_plan_destroy(plan);
}

/* False if the layer is too slow without workspace. */
static bool time_layer(conv2d_device *device, const char *text, conv2d_order order,
                       const options *o)
{
    layer l = {.device = device};
    if (conv2d_problem_parse(text, &l.problem))
        stop(text);
    if (o->fast)
        l.problem.params.accuracy = CONV2D_ACCURACY_FAST;
    conv2d_tensor_set_order(&l.problem.input, order);
    conv2d_tensor_set_order(&l.problem.output, order);
    l.problem.input.data = filled(&l.problem.input, 1);
    l.problem.weight.data = filled(&l.problem.weight, 2);
    separate(&l.problem, l.problem.weight.data);
    l.output = l.problem.output;
    l.output.data = filled(&l.output, 3);
    timing t, without;
    const bool runs = time_plan(&l, o->algorithm, CONV2D_WORKSPACE_UNLIMITED, o->seconds, &t);
    const bool both = runs && time_plan(&l, o->algorithm, 0, o->seconds, &without);
    if (!both && !o->algorithm)
        stop(text);
    const double ratio = both ? without.best / t.best : 0;
    if (runs)
        printf(
            "%-34s %s %-38s %9.3f ms  model %9.3f ms  %5.1f %%  without workspace %.2f (%zu B)\n",
            l.problem.name, order == CONV2D_NCHW ? "nchw" : "nhwc", t.name, t.best * 1e3,
            t.cost * 1e3, 100 * t.flops / t.best / best_peak, ratio, t.workspace);
    if (o->all && runs)
        time_candidates(&l, o, t.name);
    fflush(stdout);
    free(l.problem.input.data);
    free(l.problem.weight.data);
    free(l.output.data);
    return ratio <= 3;
}

int main(int argc, char **argv)
{
    options o = {.match = "", .seconds = 0.2, .threads = 1};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--all") == 0)
            o.all = true;
        else if (strcmp(argv[i], "--fast") == 0)
            o.fast = true;
        else if (strcmp(argv[i], "--match") == 0 && i + 1 < argc)
            o.match = argv[++i];
        else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
            o.seconds = atof(argv[++i]);
        else if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc)
            o.threads = atoi(argv[++i]);
        else if (strcmp(argv[i], "--order") == 0 && i + 1 < argc)
            o.order = argv[++i];
        else if (strcmp(argv[i], "--algorithm") == 0 && i + 1 < argc)
            o.algorithm = argv[++i];
        else
            o.file = argv[i];
    }
    FILE *f = o.file ? fopen(o.file, "r") : NULL;
    if (!f) {
        fprintf(stderr, "layers [--all] [--fast] [--match TEXT] [--order nchw|nhwc] "
                        "[--algorithm NAME] [--seconds S] [--threads N] FILE\n");
        return 2;
    }
    if (o.threads > 1)
        clock_of_runs = CLOCK_MONOTONIC;
    conv2d_device_options with = CONV2D_DEVICE_OPTIONS_INIT;
    with.n_threads = o.threads;
    conv2d_device *device;
    if (conv2d_device_open("cpu", &with, &device))
        stop("device");
    int slow = 0;
    char line[512];
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] == '#' || !line[0] || !strstr(line, o.match))
            continue;
        if (!o.order || strcmp(o.order, "nchw") == 0)
            slow += !time_layer(device, line, CONV2D_NCHW, &o);
        if (!o.order || strcmp(o.order, "nhwc") == 0)
            slow += !time_layer(device, line, CONV2D_NHWC, &o);
    }
    conv2d_device_close(device);
    fclose(f);
    printf("%d layers take more than 3 times as long without workspace\n", slow);
    return slow != 0;
}
