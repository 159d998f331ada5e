/* SPDX-License-Identifier: BSD-2-Clause
 * conv2d tune: measures the candidates of problems and writes the winners to a file of wisdom,
 * which other commands take as --wisdom. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "options.h"
#include "problems.h"
#include "report.h"

/* Where tuning is, for the terminal. */
typedef struct place {
    int problem, n_problems;
} place;

static void show_progress(void *user, int done, int total, const char *text)
{
    const place *p = user;
    (void)text;
    cli_progress_share("tune", p->problem, p->n_problems, (double)done / total);
}

/* The candidate that the model alone would have taken: the cheapest one. */
static conv2d_candidate_info find_cheapest(const conv2d_plan *plan)
{
    conv2d_candidate_info best = CONV2D_CANDIDATE_INFO_INIT, c = CONV2D_CANDIDATE_INFO_INIT;
    for (int i = 0; conv2d_plan_candidate(plan, i, &c) == CONV2D_OK; i++) {
        if (!c.refusal[0] && (!best.algorithm || c.cost_seconds < best.cost_seconds))
            best = c;
    }
    return best;
}

static conv2d_candidate_info find_chosen(const conv2d_plan *plan)
{
    conv2d_candidate_info c = CONV2D_CANDIDATE_INFO_INIT;
    for (int i = 0; conv2d_plan_candidate(plan, i, &c) == CONV2D_OK; i++) {
        if (c.chosen)
            return c;
    }
    return (conv2d_candidate_info)CONV2D_CANDIDATE_INFO_INIT;
}

static bool print_one(const cli_options *o, const conv2d_plan *plan, const conv2d_problem *problem,
                      FILE *to, cli_error *error)
{
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    conv2d_status status = conv2d_plan_describe(plan, &info);
    if (status)
        return cli_fail_library(error, status, "");
    const conv2d_candidate_info chosen = find_chosen(plan), model = find_cheapest(plan);
    if (problem->name[0])
        fprintf(to, "%s: ", problem->name);
    fprintf(to, "%s\n", info.problem);
    if (!chosen.algorithm) {
        fprintf(to, "  nothing to choose: no output elements\n");
        return true;
    }
    fprintf(to, "  %s %s, %.4f ms", chosen.algorithm, chosen.variant,
            chosen.measured_seconds * 1e3);
    if (strcmp(chosen.algorithm, model.algorithm) == 0 &&
        strcmp(chosen.variant, model.variant) == 0)
        fprintf(to, ", as the model has it\n");
    else if (model.measured_seconds > 0)
        fprintf(to, "; the model has %s %s, %.4f ms\n", model.algorithm, model.variant,
                model.measured_seconds * 1e3);
    else
        fprintf(to, "; the model has %s %s\n", model.algorithm, model.variant);
    conv2d_candidate_info c = CONV2D_CANDIDATE_INFO_INIT;
    for (int i = 0; o->verbose && conv2d_plan_candidate(plan, i, &c) == CONV2D_OK; i++) {
        fprintf(to, "    %-14s %-28s ", c.algorithm, c.variant);
        if (c.refusal[0])
            fprintf(to, "refused: %s\n", c.refusal);
        else if (c.measured_seconds > 0)
            fprintf(to, "%.4f ms\n", c.measured_seconds * 1e3);
        else
            fprintf(to, "not measured, far behind\n");
    }
    return true;
}

static bool report_one(const conv2d_plan *plan, const conv2d_problem *problem, json_t *results,
                       cli_error *error)
{
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    conv2d_status status = conv2d_plan_describe(plan, &info);
    if (status)
        return cli_fail_library(error, status, "");
    const conv2d_candidate_info chosen = find_chosen(plan), model = find_cheapest(plan);
    json_t *report = json_object(), *candidates = json_array();
    report_set(report, "name", report_text(problem->name));
    report_set(report, "plan", report_plan(&info));
    report_set(report, "seconds", report_number(chosen.measured_seconds));
    report_set(report, "model_variant", model.variant ? report_text(model.variant) : json_null());
    report_set(report, "model_seconds",
               model.measured_seconds > 0 ? report_number(model.measured_seconds) : json_null());
    for (int i = 0; i < info.n_candidates; i++) {
        conv2d_candidate_info c = CONV2D_CANDIDATE_INFO_INIT;
        if (conv2d_plan_candidate(plan, i, &c) == CONV2D_OK)
            json_array_append_new(candidates, report_candidate(&c));
    }
    report_set(report, "candidates", candidates);
    json_array_append_new(results, report);
    return true;
}

static bool tune_all(const cli_options *o, conv2d_device *device, const cli_problems *problems,
                     json_t *results, FILE *text, cli_error *error)
{
    place at = {0, problems->n};
    conv2d_tune_options options = CONV2D_TUNE_OPTIONS_INIT;
    options.seconds = o->seconds;
    options.progress = show_progress;
    options.user = &at;
    for (; at.problem < problems->n; at.problem++) {
        const conv2d_problem *problem = problems->list[at.problem];
        conv2d_plan *plan;
        conv2d_status status = conv2d_tune(device, problem, &options, &plan);
        if (status) {
            cli_progress("tune", 0, 0);
            cli_fail_library(error, status, "");
            char *name = problem_text(problem);
            cli_prefix(error, "%s", name ? name : "a problem");
            free(name);
            return false;
        }
        bool ok = o->json ? report_one(plan, problem, results, error)
                          : print_one(o, plan, problem, text, error);
        conv2d_plan_destroy(plan);
        if (!ok)
            return false;
    }
    cli_progress("tune", 0, 0);
    return true;
}

static bool stage_wisdom(const char *path, conv2d_device *device, cli_error *error)
{
    size_t n = 0;
    conv2d_status status = conv2d_wisdom_export(device, NULL, 0, &n);
    char *text = status ? NULL : malloc(n + 1);
    if (!status && !text)
        return cli_fail(error, CLI_FAILED, "out of memory");
    if (!status)
        status = conv2d_wisdom_export(device, text, n + 1, NULL);
    const file_part part = {text, n};
    bool ok = status ? cli_fail_library(error, status, "") : file_stage(path, &part, 1, error);
    free(text);
    return ok;
}

/* Results are printed before the file gets its name: if nobody can read them, nothing is written.
 */
static bool finish(const cli_options *o, json_t *results, const char *lines, cli_error *error)
{
    if (o->json) {
        json_t *root = json_object();
        report_set(root, "version", report_text(conv2d_version()));
        report_set(root, "results", json_incref(results));
        report_print(root);
    } else {
        fputs(lines, stdout);
    }
    if (fflush(stdout) != 0) { /* main.c says so */
        error->code = CLI_USAGE;
        error->text[0] = '\0';
        return false;
    }
    return file_commit(error);
}

static bool tune_with(const cli_options *o, json_t *results, FILE *text, char **lines,
                      cli_error *error)
{
    cli_problems problems = {0};
    conv2d_device *device = NULL;
    bool ok = (!o->output || file_check_output(o->output, error)) &&
              problems_read(o->operands, o->n_operands, o->dtype, &problems, error) &&
              cli_open_device(o, &device, error) &&
              tune_all(o, device, &problems, results, text, error) &&
              (!o->output || stage_wisdom(o->output, device, error));
    fflush(text);
    ok = ok && finish(o, results, *lines, error);
    conv2d_device_close(device);
    problems_free(&problems);
    return ok;
}

static int run(const cli_options *o, cli_error *error)
{
    if (o->n_operands == 0)
        return cli_fail_usage(error, "no PROBLEM or MODEL-FILE is given"), CLI_USAGE;
    char *lines = NULL;
    size_t n_lines = 0;
    json_t *results = json_array();
    FILE *text = open_memstream(&lines, &n_lines);
    bool ok = results && text ? tune_with(o, results, text, &lines, error)
                              : cli_fail(error, CLI_FAILED, "out of memory");
    if (text)
        fclose(text);
    free(lines);
    json_decref(results);
    return ok ? CLI_OK : error->code;
}

const cli_command cli_command_tune = {
    .name = "tune",
    .bit = CLI_TUNE,
    .summary = "measure which algorithm is fastest here, and remember it",
    .usage = "PROBLEM|MODEL-FILE... [OPTION]...",
    .about =
        "Measure every candidate for each problem, in turns, on random data. With --output the\n"
        "winners are written as wisdom, which run, pack, plan, verify and bench take with\n"
        "--wisdom; it holds for this processor, instruction set and version only. Tune on a\n"
        "machine that does nothing else, with the threads that runs will have.",
    .examples = "  conv2d tune ic64ih56oc64oh56kh3ph1 -v\n"
                "  conv2d tune bench/models/resnet50.txt --seconds 0.2 -o wisdom.txt\n"
                "  conv2d tune more.txt --wisdom wisdom.txt -o wisdom.txt\n",
    .run = run,
};
