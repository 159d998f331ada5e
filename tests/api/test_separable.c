/* SPDX-License-Identifier: BSD-2-Clause
 * What is known of weights reaches plans: separable filters are found where weights are taken,
 * shared and loaded, and plans without weights go by what the problem says. */
#include "file_helpers.h"

/* Three channels with a 5x5 box; integers, so that all results are exact. */
static setup box_setup(void)
{
    setup s = setup_of(CONV2D_FLOAT32, 3, 1, 5, 3, 40);
    for (int i = 0; i < 3 * 25; i++)
        ((float *)s.weight.t.data)[i] = 2;
    s.params.padding[0] = s.params.padding[3] = 2;
    s.params.padding_mode = CONV2D_PAD_REFLECT;
    return s;
}

static const char *refusal_of(const conv2d_plan *plan, const char *algorithm)
{
    static char text[200];
    conv2d_candidate_info c = CONV2D_CANDIDATE_INFO_INIT;
    for (int i = 0; conv2d_plan_candidate(plan, i, &c) == CONV2D_OK; i++)
        if (strcmp(c.algorithm, algorithm) == 0) {
            snprintf(text, sizeof text, "%s", c.refusal);
            return text;
        }
    fail_msg("no candidate %s", algorithm);
    return NULL;
}

static conv2d_plan *plan_of(const setup *s, conv2d_context *context)
{
    int64_t sizes[4];
    conv2d_plan *plan = NULL;
    assert_ok(conv2d_output_sizes(&s->input.t, &s->weight.t, &s->params, sizes));
    conv2d_tensor output = s->input.t;
    memcpy(output.sizes, sizes, sizeof sizes);
    conv2d_tensor_set_order(&output, CONV2D_NCHW);
    assert_ok(conv2d_plan_create(context, &s->input.t, NULL, &output, &plan));
    return plan;
}

static void assert_separable(const setup *s, conv2d_context *context)
{
    conv2d_plan *plan = plan_of(s, context);
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    assert_string_equal(refusal_of(plan, "separable"), "");
    assert_ok(conv2d_plan_describe(plan, &info));
    assert_string_equal(info.algorithm, "separable");
    assert_non_null(strstr(info.problem, ":weights=box"));
    conv2d_plan_destroy(plan);
}

static void test_contexts(void **state)
{
    (void)state;
    setup s = box_setup();
    s.params.algorithm = "separable";
    conv2d_device *device = open_cpu(2);
    conv2d_context *context = setup_context(&s, device);
    assert_separable(&s, context);
    box output = setup_run(&s, context);
    assert_oracle(&output.t, &s.input.t, &s.weight.t, &s.bias.t, NULL, &s.params);
    box_free(&output);
    ((float *)s.weight.t.data)[7] = 3; /* no longer a column times a row */
    conv2d_context_destroy(context);
    context = setup_context(&s, device);
    int64_t sizes[4];
    conv2d_plan *plan = NULL;
    assert_ok(conv2d_output_sizes(&s.input.t, &s.weight.t, &s.params, sizes));
    conv2d_tensor t = s.input.t;
    memcpy(t.sizes, sizes, sizeof sizes);
    conv2d_tensor_set_order(&t, CONV2D_NCHW);
    assert_refused(conv2d_plan_create(context, &s.input.t, NULL, &t, &plan),
                   CONV2D_E_UNSUPPORTED, "separable", "a column times a row");
    conv2d_context_destroy(context);
    setup_free(&s);
    conv2d_device_close(device);
}

static void test_files(void **state)
{
    (void)state;
    setup s = box_setup();
    s.params.algorithm = "separable";
    conv2d_device *device = open_cpu(1);
    conv2d_context *context = setup_context(&s, device), *loaded = NULL, *shared = NULL;
    const conv2d_save_options save = setup_options(&s, NULL);
    bytes b = bytes_of(context, &save);
    conv2d_file *file = NULL;
    assert_ok(conv2d_file_open_memory(b.at, b.n, NULL, &file));
    assert_ok(conv2d_file_context(file, device, NULL, &loaded));
    assert_ok(conv2d_file_context(file, device, NULL, &shared));
    assert_separable(&s, loaded);
    assert_separable(&s, shared);
    box expected = setup_run(&s, context), output = setup_run(&s, loaded);
    assert_same_bits(&output, &expected);
    assert_int_equal(info_of(loaded).times_packed, 0);
    box_free(&output);
    box_free(&expected);
    conv2d_context_destroy(loaded);
    conv2d_context_destroy(shared);
    conv2d_context_destroy(context);
    conv2d_file_close(file);
    free(b.at);
    setup_free(&s);
    conv2d_device_close(device);
}

static void test_explain(void **state)
{
    (void)state;
    static const struct {
        const char *text, *refusal;
    } cases[] = {
        {"g3ic3ih9oc3kh5ph2", "the weights of a filter are not a column times a row"},
        {"g3ic3ih9oc3kh5ph2:weights=separable", ""},
        {"g3ic3ih9oc3kh5ph2:weights=alike:in=nhwc", ""},
        {"g3ic3ih9oc3kh5ph2:weights=alike:acc=strict",
         "accuracy = strict: sums of a column may overflow by themselves"},
        {"ic3ih9oc3kh5ph2:weights=separable", "a group has 3 input channels: depthwise has 1"},
        {"g3ic3ih9oc3kh1kw5:weights=separable",
         "kernel 1 x 5: one row or column is its own factor"},
        {"g1ic1ih4000iw4oc1kh4000kw4:weights=alike:ws=0",
         "workspace_limit = 0: the rows of one pixel do not fit"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        conv2d_problem problem;
        conv2d_plan *plan = NULL;
        assert_ok(conv2d_problem_parse(cases[i].text, &problem));
        assert_ok(conv2d_explain(NULL, &problem, &plan));
        assert_string_equal(refusal_of(plan, "separable"), cases[i].refusal);
        conv2d_plan_destroy(plan);
    }
    conv2d_problem problem;
    conv2d_plan *plan = NULL;
    assert_ok(conv2d_problem_parse(cases[0].text, &problem));
    problem.weights_form = 7;
    assert_refused(conv2d_explain(NULL, &problem, &plan), CONV2D_E_ARGUMENT, "weights_form", "7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_contexts),
                                       cmocka_unit_test(test_files),
                                       cmocka_unit_test(test_explain)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
