/* SPDX-License-Identifier: BSD-2-Clause
 * conv2d_tune() on the CPU: it measures what accepts, plans follow, results stay right, other plans
 * and wisdom stay as they were; arguments, cancelling, progress, every kind of problem. */
#include "helpers.h"

static conv2d_problem parse(const char *text)
{
    conv2d_problem p;
    assert_ok(conv2d_problem_parse(text, &p));
    return p;
}

static conv2d_tune_options quick(void)
{
    conv2d_tune_options o = CONV2D_TUNE_OPTIONS_INIT;
    o.seconds = 0.01;
    return o;
}

static size_t wisdom_length(conv2d_device *device)
{
    size_t n;
    assert_ok(conv2d_wisdom_export(device, NULL, 0, &n));
    return n;
}

/* Wisdom for text that names this candidate, in place of any other. */
static void teach(conv2d_device *device, const char *text, const char *algorithm,
                  const char *kernel)
{
    char now[1000], lines[1400];
    size_t n = 0;
    conv2d_wisdom_forget(device);
    assert_ok(conv2d_wisdom_export(device, now, sizeof now, NULL));
    *(strchr(now, '\n') + 1) = '\0';
    n = (size_t)snprintf(lines, sizeof lines, "%s%s %s %s 0.001\n", now, text, algorithm, kernel);
    uint64_t sum = 14695981039346656037u;
    for (size_t i = 0; i < n; i++)
        sum = (sum ^ (unsigned char)lines[i]) * 1099511628211u;
    n += (size_t)snprintf(lines + n, sizeof lines - n, "checksum %016llx\n",
                          (unsigned long long)sum);
    assert_ok(conv2d_wisdom_import(device, lines, n));
}

static conv2d_plan_info info_of(const conv2d_plan *plan)
{
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    assert_ok(conv2d_plan_describe(plan, &info));
    return info;
}

static void test_plans_follow(void **state)
{
    conv2d_device *device = open_cpu(1);
    const conv2d_problem p = parse("ic8ih12oc16oh12kh3ph1n\"a layer\"");
    const conv2d_tune_options o = quick();
    conv2d_plan *tuned = NULL, *before = NULL, *later = NULL;
    char words[2][8000];
    int usable = 0, measured = 0, chosen = 0;
    (void)state;
    assert_ok(conv2d_explain(device, &p, &before));
    assert_string_equal(info_of(before).choice, "estimate");
    assert_ok(conv2d_tune(device, &p, &o, &tuned));
    const conv2d_plan_info info = info_of(tuned);
    assert_string_equal(info.choice, "wisdom");
    double least = HUGE_VAL;
    for (int i = 0; i < info.n_candidates; i++) {
        conv2d_candidate_info c = CONV2D_CANDIDATE_INFO_INIT;
        assert_ok(conv2d_plan_candidate(tuned, i, &c));
        usable += !c.refusal[0];
        measured += c.measured_seconds > 0;
        assert_true(c.measured_seconds == 0 || !c.refusal[0]);
        assert_true(c.measured_seconds >= 0 && c.measured_seconds < 1);
        if (c.measured_seconds > 0 && c.measured_seconds < least)
            least = c.measured_seconds;
        if (c.chosen) {
            chosen++;
            assert_string_equal(c.variant, info.variant);
            assert_true(c.measured_seconds > 0);
        }
    }
    assert_int_equal(chosen, 1);
    assert_true(usable >= 2 && measured == usable); /* small: no one is hopeless */
    for (int i = 0; i < info.n_candidates; i++) {   /* and the chosen one is the fastest, nearly */
        conv2d_candidate_info c = CONV2D_CANDIDATE_INFO_INIT;
        assert_ok(conv2d_plan_candidate(tuned, i, &c));
        assert_true(!c.chosen || c.measured_seconds <= least / 0.97);
    }
    const conv2d_problem same = parse("mb1ic8ih12oc16oh12kh3:pad=same:wei=ohwi");
    assert_ok(conv2d_explain(device, &same, &later));
    assert_string_equal(info_of(later).choice, "wisdom");
    assert_string_equal(info_of(later).variant, info.variant);
    assert_string_equal(info_of(before).choice, "estimate"); /* as it was made */
    conv2d_plan_destroy(later);
    assert_ok(conv2d_explain(device, &p, &later));
    assert_ok(conv2d_plan_text(later, 0, words[0], sizeof words[0], NULL));
    assert_ok(conv2d_plan_text(tuned, 0, words[1], sizeof words[1], NULL));
    assert_string_equal(words[0], words[1]);
    assert_non_null(strstr(words[0], "choice     wisdom\n"));
    conv2d_plan_destroy(later);
    conv2d_plan_destroy(tuned);
    conv2d_plan_destroy(before);
    conv2d_device_close(device);
}

/* A context's runs: the cached plan stays, a new one follows wisdom, and the numbers are right. */
static void test_contexts_follow(void **state)
{
    conv2d_device *device = open_cpu(1);
    box input = box4(CONV2D_NCHW, 1, 4, 8, 8, 1), weight = box4(CONV2D_NCHW, 6, 4, 3, 3, 2);
    box output = box4(CONV2D_NCHW, 1, 6, 6, 6, 3);
    conv2d_params params = CONV2D_PARAMS_INIT;
    conv2d_context *context;
    conv2d_plan *plan;
    (void)state;
    teach(device, "mb1ic4ih8oc6oh6kh3", "reference", "plain_f64");
    assert_ok(conv2d_prepack(device, &weight.t, NULL, &params, &context));
    assert_ok(conv2d_plan_create(context, &input.t, NULL, &output.t, &plan));
    assert_string_equal(info_of(plan).algorithm, "reference");
    assert_string_equal(info_of(plan).choice, "wisdom");
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    args.input = &input.t;
    args.output = &output.t;
    for (int i = 0; i < 2; i++) {
        box_poison(&output);
        assert_ok(i ? conv2d_run(context, &args) : conv2d_plan_run(plan, &args));
        assert_oracle(&output.t, &input.t, &weight.t, NULL, NULL, &params);
    }
    conv2d_plan_destroy(plan);
    conv2d_context_destroy(context);

    params.algorithm = "igemm_px"; /* force beats wisdom */
    assert_ok(conv2d_prepack(device, &weight.t, NULL, &params, &context));
    assert_ok(conv2d_plan_create(context, &input.t, NULL, &output.t, &plan));
    assert_string_equal(info_of(plan).algorithm, "igemm_px");
    assert_string_equal(info_of(plan).choice, "forced");
    conv2d_plan_destroy(plan);
    conv2d_context_destroy(context);
    box_free(&input);
    box_free(&weight);
    box_free(&output);
    conv2d_device_close(device);
}

/* A kernel's own name forces that candidate and no other. */
static void test_kernel_names_force(void **state)
{
    conv2d_device *device = open_cpu(1);
    conv2d_problem p = parse("ic8ih12oc16oh12kh3ph1");
    conv2d_plan *all, *one;
    (void)state;
    assert_ok(conv2d_explain(device, &p, &all));
    int forced = 0;
    for (int i = 0; i < info_of(all).n_candidates; i++) {
        conv2d_candidate_info c = CONV2D_CANDIDATE_INFO_INIT;
        assert_ok(conv2d_plan_candidate(all, i, &c));
        if (c.refusal[0])
            continue;
        snprintf(p.algorithm_name, sizeof p.algorithm_name, "%s/%s", c.algorithm, c.variant);
        p.params.algorithm = p.algorithm_name;
        assert_ok(conv2d_explain(device, &p, &one));
        assert_string_equal(info_of(one).algorithm, c.algorithm);
        assert_string_equal(info_of(one).variant, c.variant);
        assert_string_equal(info_of(one).choice, "forced");
        conv2d_plan_destroy(one);
        forced++;
    }
    assert_true(forced >= 2);
    conv2d_plan_destroy(all);
    conv2d_device_close(device);
}

static void test_kinds_of_problems(void **state)
{
    static const char *const texts[] = {
        "ic3ih9oc5oh5kh3sh2ph1:bias:act=clamp,,6",
        "mb2ic3ih9oc5oh9kh3ph1:bias:res:in=nhwc:act=gelu",
        "g8ic8ih10iw7oc8oh10ow7kh3ph1",
        "g4ic8ih10oc12oh10kh3ph1:in=nhwc:mode=reflect",
        "ic16ih6oc24oh6kh1:res:acc=strict",
        "ic4ih8oc6oh8kh3ph1:dtype=f64",
        "ic4ih8oc6oh8kh3ph1:dtype=f16:bias:res",
        "g4ic4ih8oc4oh8kh3ph1:dtype=bf16:in=nhwc:act=silu",
        "ic4ih8oc6oh8kh3ph1:unbatched:pad=2,1,0,1",
        "ic4ih8oc6oh6kh3:in=s-256,64,-8,1:out=s500,50,7,1",
        "ic4ih8oc6oh6kh3:in=s0,0,8,1",
        "ic4ih8oc6oh6kh3:wei=s-36,9,3,1",
        "ic4ih8oc6oh6kh3:bias=s-2:ws=0:ftz",
    };
    conv2d_device *device = open_cpu(2);
    const conv2d_tune_options o = quick();
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const conv2d_problem p = parse(texts[i]);
        conv2d_plan *plan = NULL;
        const size_t before = wisdom_length(device);
        if (conv2d_tune(device, &p, &o, NULL))
            fail_msg("%s: %s", texts[i], conv2d_last_error());
        assert_true(wisdom_length(device) > before);
        assert_ok(conv2d_explain(device, &p, &plan));
        assert_string_equal(info_of(plan).choice, "wisdom");
        conv2d_plan_destroy(plan);
    }
    const size_t before = wisdom_length(device);
    const conv2d_problem empty = parse("mb0ic4ih8oc6oh6kh3"); /* nothing to measure */
    conv2d_plan *plan = NULL;
    assert_ok(conv2d_tune(device, &empty, &o, NULL));
    assert_ok(conv2d_tune(device, &empty, &o, &plan));
    assert_string_equal(info_of(plan).choice, "none");
    assert_int_equal(wisdom_length(device), before);
    conv2d_plan_destroy(plan);
    conv2d_device_close(device);
}

/* The output may be left to the library, as in conv2d_explain(). */
static void test_absent_output(void **state)
{
    static const char *const texts[] = {"ic4ih8oc6oh6kh3", "ic4ih8oc6oh6kh3:in=nhwc",
                                        "ic4ih8oc6oh6kh3:unbatched"};
    conv2d_device *device = open_cpu(1);
    const conv2d_tune_options o = quick();
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        conv2d_problem p = parse(texts[i]);
        conv2d_plan *plan = NULL;
        p.output.rank = 0;
        assert_ok(conv2d_tune(device, &p, &o, NULL));
        assert_ok(conv2d_explain(device, &p, &plan));
        assert_string_equal(info_of(plan).choice, "wisdom");
        conv2d_plan_destroy(plan);
    }
    conv2d_device_close(device);
}

static void test_arguments(void **state)
{
    conv2d_device *device = open_cpu(1);
    conv2d_problem p = parse("ic4ih8oc6oh6kh3");
    conv2d_tune_options o = quick();
    conv2d_plan *plan = NULL;
    const conv2d_status bad = CONV2D_E_ARGUMENT;
    const size_t before = wisdom_length(device);
    (void)state;
    assert_refused(conv2d_tune(NULL, &p, &o, &plan), bad, "device", "NULL");
    assert_refused(conv2d_tune(device, NULL, &o, &plan), bad, "problem", "NULL");
    o.struct_size = 0;
    assert_refused(conv2d_tune(device, &p, &o, &plan), bad, "options.struct_size", "0");
    o = quick();
    o.reserved = 7;
    assert_refused(conv2d_tune(device, &p, &o, &plan), bad, "options.reserved", "7");
    o = quick();
    static const double seconds[] = {-1, 3601, INFINITY, NAN};
    for (size_t i = 0; i < 4; i++) {
        o.seconds = seconds[i];
        assert_refused(conv2d_tune(device, &p, &o, &plan), bad, "options.seconds", NULL);
    }
    o = quick();
    p.struct_size = 8;
    assert_refused(conv2d_tune(device, &p, &o, &plan), bad, "problem.struct_size", "8");
    p = parse("ic4ih8oc6oh6kh3:algo=igemm_px");
    p.params.algorithm = p.algorithm_name;
    assert_refused(conv2d_tune(device, &p, &o, &plan), bad, "igemm_px", "NULL");
    p = parse("ic4ih8oc6oh6kh3");
    p.weight.sizes[1] = 3;
    assert_refused(conv2d_tune(device, &p, &o, &plan), CONV2D_E_SHAPE, NULL, NULL);
    p = parse("ic4ih8oc6oh6kh3:dtype=s8");
    assert_int_not_equal(conv2d_tune(device, &p, &o, &plan), CONV2D_OK);
    p = parse("mb1000000000ic1000ih1000oc6oh998kh3");
    const conv2d_status s = conv2d_tune(device, &p, &o, &plan); /* a petabyte */
    assert_true(s == CONV2D_E_NOMEM || s == CONV2D_E_OVERFLOW);
    assert_null(plan);
    assert_int_equal(wisdom_length(device), before);
    conv2d_device_close(device);
}

typedef struct watch {
    conv2d_cancel *cancel;
    int calls, last, cancel_at;
    char text[64];
} watch;

static void look(void *user, int done, int total, const char *text)
{
    watch *w = user;
    assert_true(done >= w->last && done <= total && total > 0);
    assert_true(strlen(text) > 0);
    w->last = done;
    if (done == total)
        w->last = -1; /* over */
    if (++w->calls == w->cancel_at)
        conv2d_cancel_trigger(w->cancel);
}

static void test_progress_and_cancelling(void **state)
{
    conv2d_device *device = open_cpu(1);
    const conv2d_problem p = parse("ic8ih12oc16oh12kh3ph1");
    conv2d_tune_options o = quick();
    watch w = {0};
    conv2d_plan *plan = NULL;
    const size_t before = wisdom_length(device);
    (void)state;
    assert_ok(conv2d_cancel_create(&w.cancel));
    o.progress = look;
    o.user = &w;
    o.cancel = w.cancel;
    o.seconds = 100; /* cancelled long before */
    for (w.cancel_at = 1; w.cancel_at <= 9; w.cancel_at += 4) {
        w.calls = w.last = 0;
        assert_refused(conv2d_tune(device, &p, &o, &plan), CONV2D_E_CANCELLED, "cancelled", NULL);
        assert_int_equal(w.calls, w.cancel_at);
        assert_null(plan);
        assert_int_equal(wisdom_length(device), before);
        assert_refused(conv2d_tune(device, &p, &o, NULL), CONV2D_E_CANCELLED, NULL, NULL);
        assert_int_equal(w.calls, w.cancel_at); /* still triggered: it did not begin */
        conv2d_cancel_reset(w.cancel);
    }
    o.seconds = 0.02;
    w.cancel_at = w.calls = w.last = 0;
    assert_ok(conv2d_tune(device, &p, &o, NULL));
    assert_int_equal(w.last, -1);
    assert_true(w.calls > 2 && wisdom_length(device) > before);
    conv2d_cancel_destroy(w.cancel);
    conv2d_device_close(device);
}

/* Structs of a program that was compiled before the newest members. */
static void test_older_structs(void **state)
{
    conv2d_device *device = open_cpu(1);
    const conv2d_problem p = parse("ic4ih8oc6oh6kh3");
    conv2d_plan *plan;
    struct {
        conv2d_plan_info info;
        conv2d_candidate_info candidate;
    } old;
    (void)state;
    assert_ok(conv2d_explain(device, &p, &plan));
    memset(&old, 0x5a, sizeof old);
    old.info.struct_size = offsetof(conv2d_plan_info, choice);
    old.candidate.struct_size = offsetof(conv2d_candidate_info, measured_seconds);
    assert_ok(conv2d_plan_describe(plan, &old.info));
    assert_ok(conv2d_plan_candidate(plan, 0, &old.candidate));
    assert_int_equal(old.info.struct_size, offsetof(conv2d_plan_info, choice));
    assert_string_equal(old.info.backend, "cpu");
    assert_non_null(old.candidate.variant);
    unsigned char untouched[sizeof old.info.choice], touched[sizeof old.info.choice];
    memset(untouched, 0x5a, sizeof untouched);
    memcpy(touched, &old.info.choice, sizeof touched);
    assert_memory_equal(untouched, touched, sizeof touched);
    memcpy(touched, &old.candidate.measured_seconds, sizeof touched);
    assert_memory_equal(untouched, touched, sizeof touched);
    old.info.struct_size = offsetof(conv2d_plan_info, choice) - 8;
    assert_refused(conv2d_plan_describe(plan, &old.info), CONV2D_E_ARGUMENT, "struct_size", NULL);
    old.candidate.struct_size = 8;
    assert_refused(conv2d_plan_candidate(plan, 0, &old.candidate), CONV2D_E_ARGUMENT, "struct_size",
                   "8");
    conv2d_plan_destroy(plan);
    conv2d_device_close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plans_follow),
        cmocka_unit_test(test_contexts_follow),
        cmocka_unit_test(test_kernel_names_force),
        cmocka_unit_test(test_kinds_of_problems),
        cmocka_unit_test(test_absent_output),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_progress_and_cancelling),
        cmocka_unit_test(test_older_structs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
