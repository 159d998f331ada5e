/* SPDX-License-Identifier: BSD-2-Clause
 * conv2d bench: times of problems with random data. With --peak, short measurements of the
 * processor's multiply-add peak alternate with the runs, so that both see the same clock. */
#include <stdio.h>
#include <stdlib.h>

#include "convolution.h"
#include "options.h"
#include "problems.h"
#include "report.h"

/* Slices that --seconds is cut into; the peak is measured before each, for a tenth of it. */
enum { RUNS_LEAST = 3 };
static const double slices = 10;
static const double peak_least_seconds = 0.005; /* shorter ones measure the clock */

typedef struct series {
    double *seconds;
    size_t n, capacity;
    double peak; /* best of the slices, operations a second on one thread; 0 = not measured */
} series;

static bool series_add(series *s, double seconds, cli_error *error)
{
    if (s->n == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 256;
        double *grown = realloc(s->seconds, capacity * sizeof *grown);
        if (!grown)
            return cli_fail(error, CLI_FAILED, "no memory for %zu times", capacity);
        s->seconds = grown;
        s->capacity = capacity;
    }
    s->seconds[s->n++] = seconds;
    return true;
}

static bool measure_peak(const cli_options *o, conv2d_device *device, series *s, cli_error *error)
{
    double peak, seconds = o->seconds / slices / 10;
    if (!o->peak)
        return true;
    if (seconds < peak_least_seconds)
        seconds = peak_least_seconds;
    conv2d_status status = conv2d_device_measure_peak(device, seconds, &peak);
    if (status)
        return cli_fail_library(error, status, "--peak");
    if (peak > s->peak)
        s->peak = peak;
    return true;
}

static bool measure(const cli_options *o, conv2d_device *device, cli_plan *plan, series *s,
                    cli_error *error)
{
    double once;
    if (!plan_run(plan, &once, error)) /* caches and page tables are warm from here on */
        return false;
    for (int slice = 0; slice < (int)slices; slice++) {
        if (!measure_peak(o, device, s, error))
            return false;
        double end = clock_seconds() + o->seconds / slices;
        do {
            if (!plan_run(plan, &once, error) || !series_add(s, once, error))
                return false;
        } while (clock_seconds() < end);
        if (s->n >= RUNS_LEAST && once > o->seconds)
            break; /* one run takes longer than all of the time */
    }
    return true;
}

/* ---- results -------------------------------------------------------------------------------- */

typedef struct row {
    const conv2d_problem *problem;
    const conv2d_plan_info *info;
    cli_times times;
    size_t n_runs;
    int n_threads;
    double gflops;
    double peak_gflops, percent; /* of all threads used; 0 without --peak */
} row;

static void print_row(const row *r)
{
    if (r->problem->name[0])
        printf("%s: ", r->problem->name);
    printf("%s\n  %s %s, %d threads: min %.4f ms, median %.4f ms of %zu runs, %.1f GFLOP/s",
           r->info->problem, r->info->algorithm, r->info->variant, r->n_threads,
           r->times.least * 1e3, r->times.median * 1e3, r->n_runs, r->gflops);
    if (r->peak_gflops > 0)
        printf(", %.1f %% of the peak %.1f", r->percent, r->peak_gflops);
    printf("\n");
}

/* A field of a CSV line, quoted as RFC 4180 has it. */
static void print_quoted(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"')
            putchar('"');
        putchar(*text);
    }
    putchar('"');
}

static void print_csv_head(void)
{
    printf("name,problem,algorithm,variant,threads,runs,min_seconds,median_seconds,gflops,"
           "peak_gflops,percent_of_peak\n");
}

static void print_csv(const row *r)
{
    print_quoted(r->problem->name);
    putchar(',');
    print_quoted(r->info->problem);
    printf(",%s,%s,%d,%zu,%.9g,%.9g,%.6g", r->info->algorithm, r->info->variant, r->n_threads,
           r->n_runs, r->times.least, r->times.median, r->gflops);
    if (r->peak_gflops > 0)
        printf(",%.6g,%.4g\n", r->peak_gflops, r->percent);
    else
        printf(",,\n");
}

static json_t *report_row(const row *r)
{
    json_t *report = json_object();
    report_set(report, "name", report_text(r->problem->name));
    report_set(report, "plan", report_plan(r->info));
    report_set(report, "threads", json_integer(r->n_threads));
    report_set(report, "runs", json_integer((json_int_t)r->n_runs));
    report_set(report, "seconds", report_number(r->times.least));
    report_set(report, "seconds_median", report_number(r->times.median));
    report_set(report, "gflops", report_number(r->gflops));
    if (r->peak_gflops > 0) {
        report_set(report, "peak_gflops", report_number(r->peak_gflops));
        report_set(report, "percent_of_peak", report_number(r->percent));
    }
    return report;
}

static void add_row(const cli_options *o, const row *r, json_t *results)
{
    if (o->json)
        json_array_append_new(results, report_row(r));
    else if (o->csv)
        print_csv(r);
    else
        print_row(r);
}

/* ---- the command ---------------------------------------------------------------------------- */

static bool bench_one(const cli_options *o, conv2d_device *device, const conv2d_problem *problem,
                      json_t *results, cli_error *error)
{
    cli_convolution c = CLI_CONVOLUTION_INIT;
    cli_plan plan = CLI_PLAN_INIT;
    series s = {0};
    bool ok = convolution_make(problem, &c, error);
    if (ok) {
        convolution_fill(&c, 1, 0);
        ok = plan_open(device, &c, &plan, error) && measure(o, device, &plan, &s, error);
    }
    if (ok) {
        conv2d_device_info info = CONV2D_DEVICE_INFO_INIT;
        conv2d_device_get_info(device, &info);
        row r = {.problem = problem, .info = &plan.info, .n_runs = s.n,
                 .n_threads = info.n_threads, .times = times_summary(s.seconds, s.n)};
        if (r.times.least > 0)
            r.gflops = plan.info.flops / r.times.least * 1e-9;
        r.peak_gflops = s.peak * info.n_threads * 1e-9;
        if (r.peak_gflops > 0)
            r.percent = 100 * r.gflops / r.peak_gflops;
        add_row(o, &r, results);
    }
    plan_close(&plan);
    convolution_free(&c);
    free(s.seconds);
    return ok;
}

static bool bench_all(const cli_options *o, conv2d_device *device, const cli_problems *problems,
                      json_t *results, cli_error *error)
{
    if (o->csv)
        print_csv_head();
    for (int i = 0; i < problems->n; i++) {
        if (problems->n > 1)
            cli_progress("bench", i, problems->n);
        if (!bench_one(o, device, problems->list[i], results, error)) {
            char *text = problem_text(problems->list[i]);
            cli_prefix(error, "%s", text ? text : "a problem");
            free(text);
            return false;
        }
    }
    if (problems->n > 1)
        cli_progress("bench", 0, 0);
    return true;
}

static int run(const cli_options *o, cli_error *error)
{
    if (o->n_operands == 0)
        return cli_fail_usage(error, "no PROBLEM or MODEL-FILE is given"), CLI_USAGE;
    if (o->json && o->csv)
        return cli_fail_usage(error, "--json and --csv are both given"), CLI_USAGE;
    cli_problems problems = {0};
    conv2d_device *device = NULL;
    json_t *results = json_array();
    bool ok = problems_read(o->operands, o->n_operands, o->dtype, &problems, error) &&
              cli_open_device(o, &device, error) && bench_all(o, device, &problems, results, error);
    if (ok && o->json) {
        json_t *root = json_object();
        report_set(root, "version", report_text(conv2d_version()));
        report_set(root, "results", json_incref(results));
        report_print(root);
    }
    json_decref(results);
    conv2d_device_close(device);
    problems_free(&problems);
    return ok ? CLI_OK : error->code;
}

const cli_command cli_command_bench = {
    .name = "bench",
    .bit = CLI_BENCH,
    .summary = "measure times, and the share of the processor's peak",
    .usage = "PROBLEM|MODEL-FILE... [OPTION]...",
    .about =
        "Run each problem with random data for a while and print the least and the median time.\n"
        "GFLOP/s counts a multiply-add as two and padded taps too. The peak of --peak is what a\n"
        "loop of independent multiply-adds reaches on one thread, times the threads.",
    .examples = "  conv2d bench ic64ih56oc64oh56kh3ph1 --peak --threads 1\n"
                "  conv2d bench bench/models/resnet50.txt --csv --seconds 0.2\n",
    .run = run,
};
