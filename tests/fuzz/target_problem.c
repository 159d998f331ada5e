/* SPDX-License-Identifier: BSD-2-Clause
 * Fuzz target: problem text. What parses is written in the canonical form, which parses to the same
 * problem and is written the same again; what does not, leaves its result alone. Some of the
 * problems are planned: sizes near 2^63 must come out as a plan or a sentence. */
#include <stdlib.h>
#include <string.h>

#include "conv2d/conv2d.h"
#include "fuzz.h"

enum { TEXT_MAX = 2048, EXPLAIN_ONE_IN = 16 };

static bool same_tensor(const conv2d_tensor *a, const conv2d_tensor *b)
{
    if (a->dtype != b->dtype || a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++) {
        if (a->sizes[i] != b->sizes[i])
            return false;
        if (a->sizes[i] > 1 && a->strides[i] != b->strides[i])
            return false;
    }
    return true;
}

static bool same_double(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static bool same_params(const conv2d_params *a, const conv2d_params *b)
{
    return a->padding_mode == b->padding_mode && a->auto_pad == b->auto_pad &&
           a->activation == b->activation && a->accuracy == b->accuracy &&
           a->flush_denormals == b->flush_denormals && a->workspace_limit == b->workspace_limit &&
           a->groups == b->groups && memcmp(a->stride, b->stride, sizeof a->stride) == 0 &&
           memcmp(a->padding, b->padding, sizeof a->padding) == 0 &&
           memcmp(a->dilation, b->dilation, sizeof a->dilation) == 0 &&
           same_double(a->output_min, b->output_min) && same_double(a->output_max, b->output_max) &&
           same_double(a->alpha, b->alpha);
}

static void check_same(const conv2d_problem *a, const conv2d_problem *b)
{
    fuzz_check(same_tensor(&a->input, &b->input), "another input");
    fuzz_check(same_tensor(&a->weight, &b->weight), "another weight");
    fuzz_check(same_tensor(&a->bias, &b->bias), "another bias");
    fuzz_check(same_tensor(&a->residual, &b->residual), "another residual");
    fuzz_check(same_tensor(&a->output, &b->output), "another output");
    fuzz_check(same_params(&a->params, &b->params), "other parameters");
    fuzz_check(strcmp(a->algorithm_name, b->algorithm_name) == 0, "another algorithm");
    fuzz_check(strcmp(a->name, b->name) == 0, "another name");
    fuzz_check(!b->params.algorithm == !b->algorithm_name[0], "an algorithm from nowhere");
}

/* The canonical text of a problem that was accepted. */
static void canonical(const conv2d_problem *problem, char text[TEXT_MAX])
{
    size_t length = 0;
    char cut[8];
    fuzz_check(conv2d_problem_format(problem, text, TEXT_MAX, &length) == CONV2D_OK,
               conv2d_last_error());
    fuzz_check(length < TEXT_MAX && strlen(text) == length, "a length that is not the text's");
    memset(cut, 'x', sizeof cut);
    fuzz_check(conv2d_problem_format(problem, cut, sizeof cut - 1, NULL) == CONV2D_OK,
               conv2d_last_error());
    fuzz_check(cut[sizeof cut - 1] == 'x', "written beyond the capacity");
    fuzz_check(strncmp(cut, text, sizeof cut - 2) == 0, "cut text differs");
}

static void explain(const conv2d_problem *problem)
{
    static conv2d_device *device;
    if (!device) {
        conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
        options.n_threads = 1;
        if (fuzz_starved())
            return;
        const conv2d_status status = conv2d_device_open("cpu", &options, &device);
        fuzz_check(status == CONV2D_OK || fuzz_starved(), conv2d_last_error());
        if (status)
            return;
    }
    conv2d_plan *plan = NULL;
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    if (conv2d_explain(device, problem, &plan) != CONV2D_OK) {
        fuzz_check(conv2d_last_error()[0] && !plan, "refused without a sentence");
        return;
    }
    char text[4096];
    fuzz_check(conv2d_plan_describe(plan, &info) == CONV2D_OK, conv2d_last_error());
    const int64_t *sizes = problem->output.sizes;
    bool is_empty = false;
    for (int i = 0; i < problem->output.rank; i++)
        is_empty = is_empty || sizes[i] == 0;
    fuzz_check(is_empty || (info.n_candidates > 0 && info.algorithm[0]),
               "a plan without an algorithm");
    fuzz_check(info.cost_seconds >= 0 && info.flops >= 0, "a negative cost");
    fuzz_check(conv2d_plan_text(plan, 1, text, sizeof text, NULL) == CONV2D_OK,
               conv2d_last_error());
    conv2d_plan_destroy(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    conv2d_problem problem, before, again;
    char first[TEXT_MAX], second[TEXT_MAX];
    char *text = malloc(n + 1); /* of its own, so that reading beyond the end is seen */
    if (!text)
        return 0;
    memcpy(text, bytes, n);
    text[n] = '\0';
    memset(&problem, 0xA5, sizeof problem);
    memcpy(&before, &problem, sizeof before);
    const conv2d_status status = conv2d_problem_parse(text, &problem);
    free(text);
    if (status) {
        fuzz_check(conv2d_last_error()[0], "refused without a sentence");
        fuzz_check(memcmp(&problem, &before, sizeof before) == 0, "refused, but changed");
        return 0;
    }
    canonical(&problem, first);
    fuzz_check(conv2d_problem_parse(first, &again) == CONV2D_OK, conv2d_last_error());
    check_same(&problem, &again);
    canonical(&again, second);
    fuzz_check(strcmp(first, second) == 0, "the canonical form is not one");
    if (fuzz_choice(bytes, n, EXPLAIN_ONE_IN) == 0)
        explain(&problem);
    return 0;
}
