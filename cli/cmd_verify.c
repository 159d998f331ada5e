/* SPDX-License-Identifier: BSD-2-Clause
 * conv2d verify: problems with random data through the public API, every element held against the
 * float64 result and its bound; once with real numbers, once with integers, which must be exact.
 * Without a problem the standard ones are run, with every candidate: what a report of a machine is
 * made of. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commit.h"
#include "convolution.h"
#include "file.h"
#include "kernel_table.h"
#include "options.h"
#include "oracle.h"
#include "problems.h"
#include "random_problem.h"
#include "report.h"
#include "standard_problems.h"

enum { REPEATS = 5 }; /* runs of a problem that is no random one; the fastest counts */
static const double repeat_seconds = 0.2; /* but no further run after that */
enum { INTEGER_LIMIT = 4 }; /* |value|; K * 16 + 8 stays below 2^24 up to K = 10^6 */

typedef struct totals {
    const cli_options *options;
    conv2d_device *device;
    const char *algorithm; /* forced, "all", or NULL */
    int64_t n_random;      /* of the standard problems too */
    bool is_random;        /* those under way */
    long n_problems, n_runs, n_failed;
    long n_refused; /* random problems that a forced algorithm does not take */
    double max_ratio;
    json_t *failures, *runs; /* arrays */
    kernel_table kernels;
} totals;

/* One problem with one seed. */
typedef struct trial {
    const conv2d_problem *problem;
    char *text;
    int64_t seed;
    cli_convolution c;
    cli_oracle oracle;
    bool integers;
    bool is_named; /* its text is printed, above its results */
} trial;

/* The command that does this one again. */
static void repeat_command(const trial *t, const char *algorithm, const cli_options *o, char *text,
                           size_t capacity)
{
    char threads[32] = "";
    if (o->n_threads)
        snprintf(threads, sizeof threads, " --threads %" PRId32, o->n_threads);
    snprintf(text, capacity, "conv2d verify '%s' --seed %" PRId64 "%s%s%s%s%s%s%s", t->text,
             t->seed, algorithm ? " --algorithm " : "", algorithm ? algorithm : "",
             o->device ? " --device " : "", o->device ? o->device : "", o->isa ? " --isa " : "",
             o->isa ? o->isa : "", threads);
}

static void add_failure(totals *all, const trial *t, const char *algorithm, const char *what)
{
    char command[1024];
    repeat_command(t, algorithm, all->options, command, sizeof command);
    all->n_failed++;
    if (!all->options->json)
        printf("FAILED %s\n  %s data: %s\n  repeat: %s\n", t->text,
               t->integers ? "integer" : "real", what, command);
    json_t *failure = json_object();
    report_set(failure, "problem", report_text(t->text));
    report_set(failure, "integers", json_boolean(t->integers));
    report_set(failure, "reason", report_text(what));
    report_set(failure, "repeat", report_text(command));
    json_array_append_new(all->failures, failure);
}

static void add_run(totals *all, trial *t, const conv2d_plan_info *info, const cli_check *check,
                    double seconds)
{
    all->n_runs++;
    if (check->max_ratio > all->max_ratio)
        all->max_ratio = check->max_ratio;
    if (all->is_random)
        return; /* the summary is enough */
    if (!all->options->json) {
        if (!t->is_named)
            printf("%s\n", t->text);
        t->is_named = true;
        printf("%-12s %-28s %-7s %s, max error %.3g, %.3f of the bound\n", info->algorithm,
               info->variant, t->integers ? "integer" : "real", check->n_bad ? "FAILED" : "ok",
               check->max_error, check->max_ratio);
    }
    json_t *run = oracle_report(check);
    report_set(run, "seconds", report_number(seconds));
    report_set(run, "plan", report_plan(info));
    report_set(run, "integers", json_boolean(t->integers));
    json_array_append_new(all->runs, run);
}

/* Run once, or some times more for a time; *seconds_out is that of the fastest run. */
static bool run_timed(const totals *all, cli_plan *plan, double *seconds_out, cli_error *error)
{
    double spent = 0;
    for (int i = 0; i < (all->is_random ? 1 : REPEATS) && spent < repeat_seconds; i++) {
        double seconds;
        if (!plan_run(plan, &seconds, error))
            return false;
        spent += seconds;
        if (i == 0 || seconds < *seconds_out)
            *seconds_out = seconds;
    }
    return true;
}

/* A plan was made: run it and count what comes of it. */
static bool run_plan(totals *all, trial *t, const char *algorithm, cli_plan *plan,
                     cli_error *error)
{
    kernel_run run = {.info = &plan->info, .dtype = t->c.output.t.dtype,
                      .problem = all->n_problems + 1};
    cli_error reason = {0};
    if (!run_timed(all, plan, &run.seconds, &reason) ||
        !oracle_of_plan(all->device, &t->c, &plan->info, &t->oracle, &reason)) {
        add_failure(all, t, algorithm, reason.text);
        run.failed = true;
    } else {
        const cli_check check = oracle_compare(&t->oracle, &t->c, t->integers);
        add_run(all, t, &plan->info, &check, run.seconds);
        run.failed = check.n_bad != 0;
        run.max_ratio = check.max_ratio;
        if (run.failed) {
            char text[ORACLE_TEXT_BYTES];
            oracle_describe(&check, text);
            add_failure(all, t, algorithm, text);
        }
    }
    return kernel_table_add(&all->kernels, &run) ||
           cli_fail(error, CLI_FAILED, "no memory for a table of kernels");
}

/* No plan could be made, though nothing is wrong with the problem: the device does not compile a
 * kernel, say. That is a finding, and the others are still run. */
static bool add_broken(totals *all, const trial *t, const char *algorithm, const char *why,
                       cli_error *error)
{
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    info.variant = algorithm ? algorithm : "none";
    info.problem = t->text;
    const kernel_run run = {.info = &info, .dtype = t->c.output.t.dtype,
                            .problem = all->n_problems + 1, .failed = true};
    add_failure(all, t, algorithm, why);
    return kernel_table_add(&all->kernels, &run) ||
           cli_fail(error, CLI_FAILED, "no memory for a table of kernels");
}

/* Run with one algorithm (NULL = the planner's choice). False: the problem or the algorithm was a
 * bad choice of the user's. Everything else that goes wrong is counted. */
static bool run_one(totals *all, trial *t, const char *algorithm, cli_error *error)
{
    cli_plan plan;
    if (algorithm)
        t->c.params.algorithm = algorithm;
    /* Nothing of an earlier run may pass for a result. */
    for (tensor_walk w = tensor_begin(&t->c.output.t); w.more; tensor_next(&w))
        tensor_store(w.at, t->c.output.t.dtype, -12345);
    cli_error reason = {0};
    if (!plan_open(all->device, &t->c, &plan, &reason)) {
        if (reason.code != CLI_USAGE)
            return add_broken(all, t, algorithm, reason.text, error);
        if (all->n_random && algorithm)
            return all->n_refused++, true;
        *error = reason;
        return false;
    }
    const bool ok = run_plan(all, t, algorithm, &plan, error);
    plan_close(&plan);
    return ok;
}

/* Every candidate that takes the problem. */
static bool run_all_candidates(totals *all, trial *t, cli_error *error)
{
    conv2d_plan *plan;
    conv2d_problem problem = *t->problem;
    problem.params.algorithm = NULL;
    conv2d_status status = conv2d_explain(all->device, &problem, &plan);
    if (status)
        return cli_fail_library(error, status, "");
    conv2d_candidate_info info = CONV2D_CANDIDATE_INFO_INIT;
    bool ok = true;
    for (int i = 0; ok && conv2d_plan_candidate(plan, i, &info) == CONV2D_OK; i++) {
        char name[128];
        if (info.refusal[0])
            continue;
        snprintf(name, sizeof name, "%s/%s", info.algorithm, info.isa);
        ok = run_one(all, t, name, error);
    }
    conv2d_plan_destroy(plan);
    return ok;
}

/* A random or standard problem that the forced algorithm refuses: seen before anything is computed
 * for it. */
static bool is_refused(const totals *all, const trial *t, const char *algorithm)
{
    conv2d_problem problem = *t->problem;
    conv2d_plan *plan = NULL;
    if (!all->n_random || !algorithm || strcmp(algorithm, "all") == 0)
        return false;
    problem.params.algorithm = algorithm;
    const conv2d_status status = conv2d_explain(all->device, &problem, &plan);
    conv2d_plan_destroy(plan);
    return status == CONV2D_E_UNSUPPORTED;
}

static bool run_data(totals *all, trial *t, cli_error *error)
{
    const char *algorithm = all->algorithm;
    if (is_refused(all, t, algorithm))
        return all->n_refused++, true;
    convolution_fill(&t->c, (uint64_t)t->seed, t->integers ? INTEGER_LIMIT : 0);
    if (!oracle_make(all->device, &t->c, &t->oracle, error))
        return false;
    bool ok = true;
    if (algorithm && strcmp(algorithm, "all") == 0)
        ok = run_all_candidates(all, t, error);
    else
        ok = run_one(all, t, algorithm, error);
    oracle_free(&t->oracle);
    t->c.params.algorithm = t->problem->params.algorithm;
    return ok;
}

static bool verify_problem(totals *all, const conv2d_problem *problem, int64_t seed,
                           cli_error *error)
{
    trial t = {.problem = problem, .seed = seed, .c = CLI_CONVOLUTION_INIT,
               .oracle = CLI_ORACLE_INIT};
    t.text = problem_text(problem);
    if (!t.text)
        return cli_fail(error, CLI_FAILED, "a problem has no text: %s", conv2d_last_error());
    bool ok = convolution_make(problem, &t.c, error);
    for (int integers = 0; ok && integers < 2; integers++) {
        t.integers = integers;
        ok = run_data(all, &t, error);
    }
    if (!ok)
        cli_prefix(error, "%s", t.text);
    convolution_free(&t.c);
    free(t.text);
    all->n_problems++;
    return ok;
}

/* The standard problems are float32 and float16 in turn, unless --dtype is given. */
static void choose_dtype(const totals *all, conv2d_problem *problem, int64_t i)
{
    const bool in_turn = !all->options->n_random && !all->options->n_operands;
    if (all->options->dtype)
        problem_set_dtype(problem, all->options->dtype);
    else if (in_turn && i % 2)
        problem_set_dtype(problem, CONV2D_FLOAT16);
}

static bool verify_random(totals *all, cli_error *error)
{
    cli_random random = {(uint64_t)all->options->seed};
    all->is_random = true;
    for (int64_t i = 0; i < all->n_random; i++) {
        char *text = random_problem_text(&random);
        if (!text)
            return cli_fail(error, CLI_FAILED, "no random problem: %s", conv2d_last_error());
        conv2d_problem problem;
        conv2d_status status = conv2d_problem_parse(text, &problem);
        free(text);
        if (status)
            return cli_fail_library(error, status, "a random problem");
        choose_dtype(all, &problem, i);
        int64_t seed = (int64_t)(random_next(&random) >> 32);
        if (!verify_problem(all, &problem, seed, error))
            return false;
        if (i % 16 == 0)
            cli_progress("verify", (long)i, (long)all->n_random);
    }
    cli_progress("verify", 0, 0);
    all->is_random = false;
    return true;
}

static bool verify_operands(totals *all, cli_error *error)
{
    cli_problems problems;
    const cli_options *o = all->options;
    if (!problems_read(o->operands, o->n_operands, o->dtype, &problems, error))
        return false;
    bool ok = true;
    for (int i = 0; ok && i < problems.n; i++) {
        if (problems.n > 1)
            cli_progress("verify", i, problems.n);
        ok = verify_problem(all, problems.list[i], o->seed, error);
    }
    if (problems.n > 1)
        cli_progress("verify", 0, 0);
    problems_free(&problems);
    return ok;
}

static bool verify_standard(totals *all, cli_error *error)
{
    for (int64_t i = 0; standard_problems[i / 2]; i++) {
        conv2d_problem problem;
        conv2d_status status = conv2d_problem_parse(standard_problems[i / 2], &problem);
        if (status)
            return cli_fail_library(error, status, "a standard problem");
        choose_dtype(all, &problem, i);
        if (!verify_problem(all, &problem, all->options->seed, error))
            return false;
        cli_progress("verify", (long)i, STANDARD_RANDOM);
    }
    return verify_random(all, error);
}

static json_t *report_totals(const totals *all)
{
    const cli_options *o = all->options;
    conv2d_device_info info = CONV2D_DEVICE_INFO_INIT;
    json_t *root = json_object();
    report_set(root, "version", report_text(conv2d_version()));
    report_set(root, "commit", report_text(CLI_COMMIT));
    report_set(root, "system", report_system());
    if (conv2d_device_get_info(all->device, &info) == CONV2D_OK)
        report_set(root, "device", report_device(&info));
    report_set(root, "built_kernels", report_kernels(all->device));
    report_set(root, "passed", json_boolean(all->n_failed == 0));
    report_set(root, "seed", json_integer(o->seed));
    report_set(root, "problems", json_integer(all->n_problems));
    report_set(root, "runs", json_integer(all->n_runs));
    report_set(root, "failed", json_integer(all->n_failed));
    report_set(root, "refused", json_integer(all->n_refused));
    report_set(root, "max_error_over_bound", report_number(all->max_ratio));
    report_set(root, "kernels", kernel_table_report(&all->kernels));
    report_set(root, "failures", json_incref(all->failures));
    if (!o->n_random)
        report_set(root, "results", json_incref(all->runs));
    return root;
}

static bool print_totals(const totals *all, cli_error *error)
{
    const cli_options *o = all->options;
    if (!o->json) {
        if (!o->n_random && !o->n_operands)
            kernel_table_print(&all->kernels);
        if (all->n_random)
            printf("seed %" PRId64 ": ", o->seed);
        printf("%ld problems, %ld runs, %ld failed; largest error %.3f of its bound\n",
               all->n_problems, all->n_runs, all->n_failed, all->max_ratio);
        if (all->n_refused)
            printf("%ld runs left out: algorithm %s does not take the problem\n", all->n_refused,
                   all->algorithm);
    }
    if (o->output)
        return report_write(report_totals(all), o->output, error);
    if (o->json)
        report_print(report_totals(all));
    return true;
}

static bool verify(totals *all, cli_error *error)
{
    const cli_options *o = all->options;
    if (o->output && (!report_possible(error) || !file_check_output(o->output, error)))
        return false;
    return cli_open_device(o, &all->device, error) &&
           (o->n_operands ? verify_operands(all, error)
            : o->n_random ? verify_random(all, error)
                          : verify_standard(all, error)) &&
           print_totals(all, error);
}

static int run(const cli_options *o, cli_error *error)
{
    if (o->n_random && o->n_operands)
        return cli_fail_usage(error, "--random and '%s' are both given", o->operands[0]), CLI_USAGE;
    const bool is_standard = !o->n_random && !o->n_operands;
    totals all = {.options = o, .failures = json_array(), .runs = json_array()};
    all.algorithm = is_standard && !o->params.algorithm ? "all" : o->params.algorithm;
    all.n_random = is_standard ? STANDARD_RANDOM : o->n_random;
    const bool ok = verify(&all, error);
    json_decref(all.failures);
    json_decref(all.runs);
    kernel_table_free(&all.kernels);
    conv2d_device_close(all.device);
    if (!ok)
        return error->code;
    return all.n_failed ? CLI_FAILED : CLI_OK;
}

const cli_command cli_command_verify = {
    .name = "verify",
    .bit = CLI_VERIFY,
    .summary = "check results against float64, element by element",
    .usage = "[PROBLEM|MODEL-FILE... | --random N] [OPTION]...",
    .about =
        "Run problems with random data and hold every element of the output against the same\n"
        "convolution in float64 and the error bound that the library promises; with integer\n"
        "data the results must be exact, but for Winograd. A failure prints the command that\n"
        "repeats it, and the exit code is 1. Without a problem, layers of known networks and\n"
        "random problems are run with every candidate, in float32 and float16. The report of\n"
        "--output and --json has the device, the system, this build, and for each kernel what was\n"
        "run, how near its bound it came, and its times.",
    .examples = "  conv2d verify ic64ih56oc64oh56kh3ph1 --algorithm all\n"
                "  conv2d verify --device metal -o report.json\n"
                "  conv2d verify --random 500 --seed 7 --algorithm all --isa avx2\n",
    .run = run,
};
