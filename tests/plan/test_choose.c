/* SPDX-License-Identifier: BSD-2-Clause
 * The planner: order, costs, ties, refusals, forced candidates, wisdom, workers; on candidates that
 * follow a script (scripted.h). */
#include "plan/plan.h"
#include "scripted.h"

static const char text[] = "mb2ic4ih8oc6oh6kh3";

static c2_choice choose(const conv2d_device *device, const c2_problem *p)
{
    c2_choice choice;
    assert_ok(c2_choose(device, p, &choice));
    assert_int_equal(choice.n, SCRIPTED);
    return choice;
}

/* Fail unless the planner picks `index` for these words. */
static void expect(const conv2d_device *device, const c2_problem *p, int index, const char *word)
{
    c2_choice choice = choose(device, p);
    assert_int_equal(choice.chosen, index);
    assert_string_equal(c2_choice_word(&choice), word);
    c2_choice_free(device, &choice);
}

static void test_cheapest_wins_and_ties_go_to_the_first(void **state)
{
    static const struct {
        double cost[SCRIPTED];
        int winner;
    } cases[] = {{{3, 2, 1}, 2}, {{1, 2, 3}, 0}, {{2, 1, 3}, 1},
                 {{1, 1, 1}, 0}, {{2, 1, 1}, 1}, {{1, 2, 1}, 0}};
    conv2d_device device = scripted_device();
    const c2_problem p = problem_of(text);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int j = 0; j < SCRIPTED; j++)
            scripted[j].cost = cases[i].cost[j];
        expect(&device, &p, cases[i].winner, "estimate");
    }
    scripted_close(&device);
}

static void test_candidates_keep_their_order_and_facts(void **state)
{
    static const char *const names[] = {"a0", "a1", "b0"};
    conv2d_device device = scripted_device();
    const c2_problem p = problem_of(text);
    (void)state;
    scripted[1].refusal = "it is Sunday";
    scripted[2].bytes = (c2_bytes){1, 2, 64};
    c2_choice choice = choose(&device, &p);
    for (int i = 0; i < SCRIPTED; i++) {
        const c2_candidate *c = &choice.candidates[i];
        assert_string_equal(c->algorithm->variant_name(&device, c->variant), names[i]);
        assert_string_equal(c->refusal.text, i == 1 ? "it is Sunday" : "");
        assert_true(c->measured == 0);
    }
    assert_true(choice.candidates[1].cost == 0 && choice.candidates[1].bound == 0);
    assert_true(choice.candidates[2].cost == 1 && choice.candidates[2].bound == 1);
    assert_memory_equal(&choice.candidates[2].bytes, &scripted[2].bytes, sizeof(c2_bytes));
    c2_choice_free(&device, &choice);
    assert_null(choice.candidates);
    scripted_close(&device);
}

static void test_refused_ones_lose_and_none_left_is_said(void **state)
{
    conv2d_device device = scripted_device();
    const c2_problem p = problem_of(text);
    c2_choice choice;
    (void)state;
    scripted[2].refusal = "not today";
    expect(&device, &p, 1, "estimate");
    scripted[1].refusal = "nor I";
    expect(&device, &p, 0, "estimate");
    scripted[0].refusal = "nor I";
    assert_refused(c2_choose(&device, &p, &choice), CONV2D_E_UNSUPPORTED, "scripted", "not today");
    scripted_close(&device);
}

static void test_workspace_limit(void **state)
{
    conv2d_device device = scripted_device();
    c2_problem p = problem_of("mb2ic4ih8oc6oh6kh3:ws=1000");
    (void)state;
    scripted[2].bytes = (c2_bytes){0, 900, 128}; /* 1028: too much for one worker */
    scripted[1].bytes = (c2_bytes){0, SIZE_MAX, 128};
    scripted[0].bytes = (c2_bytes){0, 872, 128}; /* exactly the limit */
    c2_choice choice = choose(&device, &p);
    assert_int_equal(choice.chosen, 0);
    assert_non_null(strstr(choice.candidates[2].refusal.text, "needs 1028 bytes"));
    assert_non_null(strstr(choice.candidates[2].refusal.text, "limit is 1000"));
    assert_true(choice.candidates[1].refusal.text[0]);
    assert_int_equal(c2_choice_workers(&device, &p, &scripted[0].bytes), 1);
    p.workspace_limit = 872 + 3 * 128 + 127;
    assert_int_equal(c2_choice_workers(&device, &p, &scripted[0].bytes), 3);
    p.workspace_limit = CONV2D_WORKSPACE_UNLIMITED;
    assert_int_equal(c2_choice_workers(&device, &p, &scripted[0].bytes), 4);
    assert_int_equal(c2_choice_workers(&device, &p, &(c2_bytes){0, 9, 0}), 4);
    c2_choice_free(&device, &choice);
    scripted_close(&device);
}

static void test_forced(void **state)
{
    conv2d_device device = scripted_device();
    c2_choice choice;
    (void)state;
    const c2_problem alpha = problem_of("mb2ic4ih8oc6oh6kh3:algo=alpha");
    const c2_problem low = problem_of("mb2ic4ih8oc6oh6kh3:algo=alpha/low");
    const c2_problem kernel = problem_of("mb2ic4ih8oc6oh6kh3:algo=alpha/a0");
    const c2_problem beta = problem_of("mb2ic4ih8oc6oh6kh3:algo=beta/b0");
    expect(&device, &alpha, 1, "forced");
    expect(&device, &low, 0, "forced");
    expect(&device, &kernel, 0, "forced");
    expect(&device, &beta, 2, "forced");
    choice = choose(&device, &kernel);
    assert_string_equal(choice.candidates[2].refusal.text, "algorithm = alpha/a0 was asked for");
    c2_choice_free(&device, &choice);

    scripted[0].refusal = "closed";
    assert_refused(c2_choose(&device, &low, &choice), CONV2D_E_UNSUPPORTED, "alpha/low", "closed");
    static const char *const unknown[] = {"alph",     "alphabet",  "alpha/",
                                          "alpha/b0", "beta/high", "gamma"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        c2_problem p = problem_of(text);
        snprintf(p.algorithm, sizeof p.algorithm, "%s", unknown[i]);
        assert_refused(c2_choose(&device, &p, &choice), CONV2D_E_ARGUMENT, unknown[i], "scripted");
    }
    scripted_close(&device);
}

static void learn(conv2d_device *device, const c2_problem *p, int candidate, double seconds)
{
    c2_choice choice = choose(device, p);
    const c2_candidate *c = &choice.candidates[candidate];
    assert_ok(c2_wisdom_add(device, p, c->algorithm, c->variant, seconds));
    c2_choice_free(device, &choice);
}

static void test_wisdom_beats_the_model_and_force_beats_wisdom(void **state)
{
    conv2d_device device = scripted_device();
    const c2_problem p = problem_of(text), other = problem_of("mb2ic4ih8oc6oh6kh3:acc=strict");
    (void)state;
    learn(&device, &p, 0, 0.25);
    c2_choice choice = choose(&device, &p);
    assert_int_equal(choice.chosen, 0);
    assert_string_equal(c2_choice_word(&choice), "wisdom");
    assert_true(choice.candidates[0].measured == 0.25);
    assert_true(choice.candidates[2].measured == 0);
    c2_choice_free(&device, &choice);
    expect(&device, &other, 2, "estimate");
    const c2_problem forced = problem_of("mb2ic4ih8oc6oh6kh3:algo=beta");
    expect(&device, &forced, 2, "forced");
    learn(&device, &p, 1, 0.125); /* later knowledge replaces */
    expect(&device, &p, 1, "wisdom");
    c2_wisdom_forget(&device);
    expect(&device, &p, 2, "estimate");
    scripted_close(&device);
}

static void test_wisdom_that_refuses_is_passed_over_with_a_note(void **state)
{
    conv2d_device device = scripted_device();
    const c2_problem p = problem_of(text);
    char words[2000];
    (void)state;
    learn(&device, &p, 0, 0.25);
    scripted[0].refusal = "the weights are infinite";
    c2_choice choice = choose(&device, &p);
    assert_int_equal(choice.chosen, 2);
    assert_string_equal(c2_choice_word(&choice), "estimate");
    c2_text out = {words, sizeof words, 0};
    c2_describe(&device, &p, text, &choice, false, &out);
    assert_non_null(strstr(words, "choice     estimate; wisdom says alpha, a0, which refuses: the "
                                  "weights are infinite\n"));
    c2_choice_free(&device, &choice);
    scripted_close(&device);
}

static void test_words(void **state)
{
    conv2d_device device = scripted_device();
    const c2_problem p = problem_of(text);
    char brief[2000], full[2000];
    (void)state;
    learn(&device, &p, 1, 0.004);
    scripted[0].refusal = "too short";
    c2_choice choice = choose(&device, &p);
    c2_text out = {brief, sizeof brief, 0}, more = {full, sizeof full, 0};
    c2_describe(&device, &p, text, &choice, false, &out);
    c2_describe(&device, &p, text, &choice, true, &more);
    assert_non_null(strstr(brief, "algorithm  alpha, a1 (scripted)\nchoice     wisdom\n"));
    assert_null(strstr(brief, "measured")); /* times do not decide bits */
    assert_int_equal(strncmp(brief, full, strlen(brief)), 0);
    assert_non_null(strstr(full, "refused: too short\n"));
    assert_non_null(strstr(full, "* alpha          a1"));
    assert_non_null(strstr(full, "a worker, measured 4 ms\n"));
    c2_choice_free(&device, &choice);
    choice = (c2_choice){.chosen = -1};
    assert_string_equal(c2_choice_word(&choice), "none");
    scripted_close(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cheapest_wins_and_ties_go_to_the_first),
        cmocka_unit_test(test_candidates_keep_their_order_and_facts),
        cmocka_unit_test(test_refused_ones_lose_and_none_left_is_said),
        cmocka_unit_test(test_workspace_limit),
        cmocka_unit_test(test_forced),
        cmocka_unit_test(test_wisdom_beats_the_model_and_force_beats_wisdom),
        cmocka_unit_test(test_wisdom_that_refuses_is_passed_over_with_a_note),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
