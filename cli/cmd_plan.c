/* SPDX-License-Identifier: BSD-2-Clause
 * conv2d plan: which algorithm would run, its error bound and memory, and why not another. */
#include <stdio.h>
#include <stdlib.h>

#include "options.h"
#include "problems.h"
#include "report.h"

static bool print_text(const conv2d_plan *plan, bool verbose, cli_error *error)
{
    size_t n = 0;
    conv2d_status status = conv2d_plan_text(plan, verbose, NULL, 0, &n);
    char *text = status ? NULL : malloc(n + 1);
    if (!status && !text)
        return cli_fail(error, CLI_FAILED, "out of memory");
    if (!status)
        status = conv2d_plan_text(plan, verbose, text, n + 1, NULL);
    if (!status)
        fputs(text, stdout);
    free(text);
    return status ? cli_fail_library(error, status, "") : true;
}

static bool report_one(const conv2d_plan *plan, const conv2d_problem *problem, json_t *plans,
                       cli_error *error)
{
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    conv2d_status status = conv2d_plan_describe(plan, &info);
    if (status)
        return cli_fail_library(error, status, "");
    json_t *report = report_plan(&info), *candidates = json_array();
    report_set(report, "name", report_text(problem->name));
    report_set(report, "input_sizes", report_sizes(&problem->input));
    report_set(report, "weight_sizes", report_sizes(&problem->weight));
    report_set(report, "output_sizes", report_sizes(&problem->output));
    for (int i = 0; i < info.n_candidates; i++) {
        conv2d_candidate_info candidate = CONV2D_CANDIDATE_INFO_INIT;
        if (conv2d_plan_candidate(plan, i, &candidate) == CONV2D_OK)
            json_array_append_new(candidates, report_candidate(&candidate));
    }
    report_set(report, "candidates", candidates);
    json_array_append_new(plans, report);
    return true;
}

static bool plan_all(const cli_options *o, const cli_problems *problems, conv2d_device *device,
                     json_t *plans, cli_error *error)
{
    for (int i = 0; i < problems->n; i++) {
        conv2d_plan *plan;
        conv2d_status status = conv2d_explain(device, problems->list[i], &plan);
        if (status)
            return cli_fail_library(error, status, "");
        if (i > 0 && !o->json)
            putchar('\n');
        bool ok = o->json ? report_one(plan, problems->list[i], plans, error)
                          : print_text(plan, o->verbose, error);
        conv2d_plan_destroy(plan);
        if (!ok)
            return false;
    }
    return true;
}

static int run(const cli_options *o, cli_error *error)
{
    if (o->n_operands == 0)
        return cli_fail_usage(error, "no PROBLEM or MODEL-FILE is given"), CLI_USAGE;
    cli_problems problems = {0};
    conv2d_device *device = NULL;
    json_t *plans = json_array();
    bool ok = problems_read(o->operands, o->n_operands, o->dtype, &problems, error) &&
              cli_open_device(o, &device, error) && plan_all(o, &problems, device, plans, error);
    if (ok && o->json) {
        json_t *root = json_object();
        report_set(root, "version", report_text(conv2d_version()));
        report_set(root, "plans", json_incref(plans));
        report_print(root);
    }
    json_decref(plans);
    conv2d_device_close(device);
    problems_free(&problems);
    return ok ? CLI_OK : error->code;
}

const cli_command cli_command_plan = {
    .name = "plan",
    .bit = CLI_PLAN,
    .summary = "say which algorithm would run, and why not another",
    .usage = "PROBLEM|MODEL-FILE... [OPTION]...",
    .about =
        "Plan each problem without data. PROBLEM is text such as ic64ih56oc64oh56kh3ph1, with\n"
        "extensions after colons; a MODEL-FILE has one problem a line and # comments. Letters:\n"
        "g groups, mb batch, ic ih iw input, oc oh ow output, kh kw kernel, sh sw stride,\n"
        "ph pw padding, dh dw dilation (from 0).",
    .examples = "  conv2d plan ic64ih56oc64oh56kh3ph1\n"
                "  conv2d plan -v g32mb1ic32ih112oc32oh112kh3ph1:in=nhwc:act=relu6 --isa avx2\n"
                "  conv2d plan bench/models/resnet50.txt --json\n",
    .run = run,
};
