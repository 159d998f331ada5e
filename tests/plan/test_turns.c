/* SPDX-License-Identifier: BSD-2-Clause
 * Measuring, with a clock of the test's own: who gets turns and when, what counts, who wins. */
#include "plan/tune.h"
#include "scripted.h"

enum { LOG = 4000 };

/* Candidates whose runs take a given time and add `noise` the first time. */
typedef struct stage {
    double clock, seconds[SCRIPTED], first_extra[SCRIPTED], least[SCRIPTED];
    int runs[SCRIPTED], log[LOG], n_log;
    int busy_runs; /* so many runs of candidate 0 take ten times as long */
    int fail_run;  /* number of the run that fails, 0 = none */
    conv2d_cancel *cancel;
    int cancel_run; /* number of the run that triggers cancel */
    int steps, last_done, total;
    char last_text[32];
} stage;

static conv2d_status run(void *user, int i)
{
    stage *s = user;
    if (s->n_log < LOG)
        s->log[s->n_log] = i;
    s->n_log++;
    s->clock += s->seconds[i] + (s->runs[i] == 0 ? s->first_extra[i] : 0);
    s->clock += i == 0 && s->runs[i] < s->busy_runs ? 9 * s->seconds[i] : 0;
    s->runs[i]++;
    if (s->n_log == s->cancel_run)
        conv2d_cancel_trigger(s->cancel);
    return s->n_log == s->fail_run ? c2_fail(CONV2D_E_DEVICE, "the stage burns") : CONV2D_OK;
}

static double now(void *user)
{
    return ((stage *)user)->clock;
}

static const char *name(void *user, int i)
{
    static const char *const names[] = {"zero", "one", "two"};
    (void)user;
    return names[i];
}

static void progress(void *user, int done, int total, const char *text)
{
    stage *s = user;
    assert_true(done >= s->last_done && done <= total);
    s->last_done = done;
    s->total = total;
    s->steps++;
    snprintf(s->last_text, sizeof s->last_text, "%s", text);
}

static conv2d_status measure(stage *s, const c2_choice *choice, double budget)
{
    const c2_tuning t = {.choice = choice,
                         .budget = budget,
                         .run = run,
                         .now = now,
                         .user = s,
                         .progress = progress,
                         .progress_user = s,
                         .name = name,
                         .cancel = s->cancel,
                         .seconds = s->least};
    return c2_tune_measure(&t);
}

/* Three candidates that the model finds alike. */
static c2_choice three(c2_candidate candidates[SCRIPTED])
{
    memset(candidates, 0, SCRIPTED * sizeof *candidates);
    for (int i = 0; i < SCRIPTED; i++)
        candidates[i].cost = 0.001;
    return (c2_choice){.n = SCRIPTED, .chosen = 0, .candidates = candidates};
}

static void test_turns_alternate_until_the_time_is_spent(void **state)
{
    c2_candidate candidates[SCRIPTED];
    const c2_choice choice = three(candidates);
    stage s = {.seconds = {0.001, 0.002, 0.0015}, .first_extra = {0.5, 0, 0.001}};
    (void)state;
    assert_ok(measure(&s, &choice, 1));
    assert_true(s.least[0] == 0.001 && s.least[1] == 0.002 && s.least[2] == 0.0015);
    assert_true(s.clock >= 1 && s.clock < 1.1);
    assert_true(s.n_log <= LOG);
    for (int i = 0; i < s.n_log; i++) /* 0 0 0 1 1 1 2 2 2 0 0 0 ... */
        assert_int_equal(s.log[i], i / 3 % 3);
    assert_true(s.n_log % 9 == 0 && s.n_log > 90);
    assert_true(s.steps > 30 && s.total == C2_TUNE_STEPS && s.last_done == C2_TUNE_STEPS);
    assert_string_equal(s.last_text, "two");
    assert_int_equal(c2_tune_winner(&choice, s.least), 0);
}

static void test_those_behind_get_no_more_turns(void **state)
{
    c2_candidate candidates[SCRIPTED];
    const c2_choice choice = three(candidates);
    stage s = {.seconds = {0.01, 0.001, 0.0029}};
    (void)state;
    candidates[2].cost = 0.0005; /* the model's choice */
    assert_ok(measure(&s, &choice, 0.5));
    assert_int_equal(s.runs[0], 3); /* ten times behind: the first turn was its last */
    assert_true(s.least[0] == 0.01);
    assert_true(s.runs[1] > 30 && s.runs[1] == s.runs[2]);
    assert_int_equal(c2_tune_winner(&choice, s.least), 1);
}

/* The machine is busy in its first turn: it is not judged by that one. */
static void test_the_models_choice_keeps_its_turns(void **state)
{
    c2_candidate candidates[SCRIPTED];
    const c2_choice choice = three(candidates);
    stage s = {.seconds = {0.001, 0.002, 0.002}, .busy_runs = 3};
    (void)state;
    candidates[0].cost = 0.0005;
    assert_ok(measure(&s, &choice, 0.5));
    assert_true(s.least[0] == 0.001 && s.runs[0] > 30);
    assert_int_equal(c2_tune_winner(&choice, s.least), 0);
}

static void test_refused_and_hopeless_ones_get_none(void **state)
{
    c2_candidate candidates[SCRIPTED];
    const c2_choice choice = three(candidates);
    stage s = {.seconds = {0.001, 0.001, 0.001}};
    (void)state;
    c2_refuse(&candidates[0].refusal, "no");
    candidates[2].cost = 0.3; /* 300 times the cheapest, and more than a quarter of the budget */
    assert_ok(measure(&s, &choice, 1));
    assert_int_equal(s.runs[0] + s.runs[2], 0);
    assert_true(s.least[0] == 0 && s.least[1] == 0.001 && s.least[2] == 0);
    assert_int_equal(c2_tune_winner(&choice, s.least), 1);
    s = (stage){.seconds = {0.001, 0.001, 0.001}};
    candidates[2].cost = 0.2; /* not that slow: it has a turn, whatever the model says */
    assert_ok(measure(&s, &choice, 1));
    assert_true(s.runs[2] > 0);
}

static void test_slow_problems_take_one_run_a_turn(void **state)
{
    c2_candidate candidates[SCRIPTED];
    const c2_choice choice = three(candidates);
    stage s = {.seconds = {2, 3, 4}};
    (void)state;
    assert_ok(measure(&s, &choice, 0.5));
    assert_int_equal(s.n_log, 3); /* the budget is long gone, yet each was measured */
    assert_true(s.least[0] == 2 && s.least[1] == 3 && s.least[2] == 4);
}

static void test_a_standing_clock_ends(void **state)
{
    c2_candidate candidates[SCRIPTED];
    const c2_choice choice = three(candidates);
    stage s = {.seconds = {1e-12, 1e-12, 0.02}};
    (void)state;
    assert_ok(measure(&s, &choice, 0.05));
    assert_true(s.least[0] > 0 && s.least[1] > 0);
}

static void test_failures_and_cancelling_stop(void **state)
{
    c2_candidate candidates[SCRIPTED];
    const c2_choice choice = three(candidates);
    (void)state;
    for (int at = 1; at < 20; at += 3) {
        stage s = {.seconds = {0.001, 0.001, 0.001}, .fail_run = at};
        assert_refused(measure(&s, &choice, 1), CONV2D_E_DEVICE, "burns", NULL);
        assert_int_equal(s.n_log, at);
        s = (stage){.seconds = {0.001, 0.001, 0.001}, .cancel_run = at};
        assert_ok(conv2d_cancel_create(&s.cancel));
        assert_refused(measure(&s, &choice, 1), CONV2D_E_CANCELLED, "cancelled", NULL);
        assert_int_equal(s.n_log, at); /* not one run more */
        conv2d_cancel_destroy(s.cancel);
    }
}

static void test_noise_does_not_displace_the_model(void **state)
{
    static const struct {
        double seconds[SCRIPTED];
        int winner;
    } cases[] = {{{0.99, 1, 1.1}, 1}, {{0.97, 1, 1.1}, 0}, {{0.97, 0, 0.9}, 2},
                 {{1, 0, 0}, 0},      {{0, 0, 0}, -1},     {{0.5, 1, 0.5}, 0}};
    c2_candidate candidates[SCRIPTED];
    const c2_choice choice = three(candidates);
    (void)state;
    candidates[1].cost = 0.0005; /* the model's choice */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(c2_tune_winner(&choice, cases[i].seconds), cases[i].winner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns_alternate_until_the_time_is_spent),
        cmocka_unit_test(test_those_behind_get_no_more_turns),
        cmocka_unit_test(test_the_models_choice_keeps_its_turns),
        cmocka_unit_test(test_refused_and_hopeless_ones_get_none),
        cmocka_unit_test(test_slow_problems_take_one_run_a_turn),
        cmocka_unit_test(test_a_standing_clock_ends),
        cmocka_unit_test(test_failures_and_cancelling_stop),
        cmocka_unit_test(test_noise_does_not_displace_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
