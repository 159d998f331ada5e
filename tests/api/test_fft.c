/* SPDX-License-Identifier: BSD-2-Clause
 * The algorithm fft in plans and contexts: what it refuses and why, that it is chosen for large
 * kernels, that a context on disk keeps its spectra, and what happens without memory. */
#include "file_helpers.h"

static const char *fft_of(const char *text, bool *chosen_out)
{
    static char refusal[200];
    conv2d_problem problem;
    conv2d_plan *plan = NULL;
    conv2d_plan_info info = CONV2D_PLAN_INFO_INIT;
    conv2d_candidate_info c = CONV2D_CANDIDATE_INFO_INIT;
    assert_ok(conv2d_problem_parse(text, &problem));
    assert_ok(conv2d_explain(NULL, &problem, &plan));
    assert_ok(conv2d_plan_describe(plan, &info));
    *chosen_out = strcmp(info.algorithm, "fft") == 0;
    for (int i = 0; conv2d_plan_candidate(plan, i, &c) == CONV2D_OK; i++)
        if (strcmp(c.algorithm, "fft") == 0)
            snprintf(refusal, sizeof refusal, "%s", c.refusal);
    conv2d_plan_destroy(plan);
    return refusal;
}

static void test_explain(void **state)
{
    (void)state;
    static const struct {
        const char *text, *refusal;
        bool chosen;
    } cases[] = {
        {"ic1ih1080iw1920oc1kh127ph63:acc=fast", "", true},
        {"ic3ih500iw600oc3kh63ph31:acc=fast:in=nhwc:out=nhwc", "", true},
        {"ic1ih1080iw1920oc1kh9ph4:acc=fast", "", false},
        {"ic64ih56oc64kh3ph1:acc=fast", "", false},
        {"ic1ih100oc1kh31ph15",
         "accuracy = default: only fast, errors grow with the norm of a tile", false},
        {"ic1ih100oc1kh31ph15:acc=strict",
         "accuracy = strict: only fast, errors grow with the norm of a tile", false},
        {"ic1ih100oc1kh31ph15sh2:acc=fast", "stride 2, 2: only 1", false},
        {"ic1ih100oc1kh31ph15:acc=fast:dtype=f64",
         "dtype float64: there is no such kernel", false},
        {"ic1ih2000oc1kh100:acc=fast:ws=1000", "workspace_limit = 1000: two tiles take", false},
        {"ic1ih3000oc1kh1000:acc=fast",
         "1 filters of 1000 x 1000: their spectra take too much memory", false},
        {"ic1000ih60oc1000kh11:acc=fast",
         "1000000 filters of 11 x 11: their spectra take too much memory", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool chosen;
        const char *refusal = fft_of(cases[i].text, &chosen);
        if (!TEST_KISSFFT) {
            assert_string_equal(refusal, "this build has no KissFFT");
            assert_false(chosen);
            continue;
        }
        assert_memory_equal(refusal, cases[i].refusal, strlen(cases[i].refusal));
        assert_int_equal(refusal[0] != 0, cases[i].refusal[0] != 0);
        assert_int_equal(chosen, cases[i].chosen);
    }
}

typedef struct layer {
    box input, weight, output;
    conv2d_params params;
} layer;

static layer layer_make(void)
{
    layer l = {.params = CONV2D_PARAMS_INIT};
    l.input = box4(CONV2D_NHWC, 1, 2, 40, 50, 1);
    l.weight = box4(CONV2D_NCHW, 3, 2, 9, 13, 2);
    l.output = box4(CONV2D_NHWC, 1, 3, 32, 38, 3);
    l.params.accuracy = CONV2D_ACCURACY_FAST;
    l.params.algorithm = "fft";
    return l;
}

static void layer_free(layer *l)
{
    box_free(&l->input);
    box_free(&l->weight);
    box_free(&l->output);
}

/* Every allocation fails in turn: of states and of room to transform filters among others. */
static void test_without_memory(void **state)
{
    (void)state;
    layer l = layer_make();
    counter memory = {0};
    const conv2d_allocator allocator = counter_allocator(&memory);
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    options.allocator = &allocator;
    conv2d_device *device = NULL;
    assert_ok(conv2d_device_open("cpu", &options, &device));
    const size_t before = memory.live;
    size_t n = 0;
    conv2d_status status;
    do {
        box_poison(&l.output);
        counter_arm(&memory, ++n);
        status = conv2d(device, &l.input.t, &l.weight.t, NULL, NULL, &l.params, &l.output.t);
        const bool fired = memory.fail_at == 0;
        counter_arm(&memory, 0);
        assert_int_equal(memory.live, before);
        if (!fired)
            break;
        assert_int_equal(status, CONV2D_E_NOMEM);
        assert_true(box_is_poisoned(&l.output));
    } while (n < 100);
    assert_ok(status);
    assert_true(n > 10); /* eight states and the room */
    conv2d_device_close(device);
    layer_free(&l);
}

/* Spectra that were kept in a file are not made again, and give the same bits. */
static void test_files(void **state)
{
    (void)state;
    setup s = setup_of(CONV2D_FLOAT32, 3, 2, 9, 1, 40);
    s.params.accuracy = CONV2D_ACCURACY_FAST;
    s.params.algorithm = "fft";
    conv2d_device *device = open_cpu(2);
    conv2d_context *context = setup_context(&s, device), *loaded = NULL;
    const conv2d_save_options save = setup_options(&s, NULL);
    bytes b = bytes_of(context, &save);
    conv2d_file *file = NULL;
    assert_ok(conv2d_file_open_memory(b.at, b.n, NULL, &file));
    assert_ok(conv2d_file_context(file, device, NULL, &loaded));
    box expected = setup_run(&s, context), output = setup_run(&s, loaded);
    assert_same_bits(&output, &expected);
    assert_int_equal(info_of(loaded).times_packed, 0);
    box_free(&output);
    box_free(&expected);
    conv2d_context_destroy(loaded);
    conv2d_context_destroy(context);
    conv2d_file_close(file);
    free(b.at);
    setup_free(&s);
    conv2d_device_close(device);
}

int main(void)
{
    const struct CMUnitTest all[] = {cmocka_unit_test(test_explain),
                                     cmocka_unit_test(test_without_memory),
                                     cmocka_unit_test(test_files)};
    const struct CMUnitTest absent[] = {cmocka_unit_test(test_explain)};
    return TEST_KISSFFT ? cmocka_run_group_tests(all, NULL, NULL)
                        : cmocka_run_group_tests(absent, NULL, NULL);
}
