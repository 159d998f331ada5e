/* SPDX-License-Identifier: BSD-2-Clause
 * A processor with AMX on a system that keeps it from us: the device says so, plans give it as the
 * reason of refusals and go on without, and who asks for the level is told. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "conv2d/conv2d.h"

static int failures;

static void expect(bool ok, const char *what)
{
    if (!ok) {
        printf("FAIL %s: %s\n", what, conv2d_last_error());
        failures++;
    }
}

static void check_plan(conv2d_device *device, const char *text, const char *algorithm)
{
    conv2d_problem problem;
    conv2d_plan *plan = NULL;
    bool refused = false, others = false;
    expect(conv2d_problem_parse(text, &problem) == CONV2D_OK &&
               conv2d_explain(device, &problem, &plan) == CONV2D_OK,
           "plan");
    conv2d_candidate_info info = CONV2D_CANDIDATE_INFO_INIT;
    for (int i = 0; conv2d_plan_candidate(plan, i, &info) == CONV2D_OK; i++) {
        if (strcmp(info.isa, "amx") == 0 && strcmp(info.algorithm, algorithm) == 0)
            refused |= strstr(info.refusal, "arch_prctl") != NULL;
        else
            others |= !info.refusal[0] && strcmp(info.isa, "amx") != 0;
    }
    expect(refused, "the refusal has no such reason");
    expect(others, "nothing else takes the problem");
    conv2d_plan_destroy(plan);
}

int main(void)
{
    conv2d_device *device = NULL;
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    conv2d_device_info info = CONV2D_DEVICE_INFO_INIT;
    expect(conv2d_device_open("cpu", &options, &device) == CONV2D_OK &&
               conv2d_device_get_info(device, &info) == CONV2D_OK,
           "device");
    expect(strcmp(info.isa, "amx") != 0, "amx is in use");
    expect(strstr(info.features, "amx(refused") != NULL, "features do not say so");
    check_plan(device, "mb1ic64ih14oc64oh14kh3ph1:dtype=bf16", "dot_px");
    check_plan(device, "mb1ic64ih14oc64oh14kh3ph1", "split3_px");
    check_plan(device, "mb1ic64ih14oc64oh14kh3ph1:in=nhwc", "split3_ch");
    conv2d_device_close(device);
    options.isa = "amx";
    expect(conv2d_device_open("cpu", &options, &device) == CONV2D_E_DEVICE &&
               strstr(conv2d_last_error(), "arch_prctl") != NULL,
           "the level that was asked for");
    printf("refused_tiles: %d failures\n", failures);
    return failures ? 1 : 0;
}
