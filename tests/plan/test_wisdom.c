/* SPDX-License-Identifier: BSD-2-Clause
 * The store of wisdom and its text: names of problems, round trip, merging, every kind of line that
 * must be refused, sizes; on a scripted device. */
#include "scripted.h"

static const char head[] = "conv2d-wisdom 1 0.1.0 scripted high \"Scripted 9000\"\n";

/* FNV-1a, written here once more: the text's promise, not the library's code. */
static uint64_t fnv(const char *text, size_t n)
{
    uint64_t sum = 14695981039346656037u;
    for (size_t i = 0; i < n; i++)
        sum = (sum ^ (unsigned char)text[i]) * 1099511628211u;
    return sum;
}

/* head, lines and the right checksum; free the result. */
static char *whole(const char *first, const char *lines)
{
    const size_t n = strlen(first) + strlen(lines);
    char *text = malloc(n + 40);
    assert_non_null(text);
    snprintf(text, n + 1, "%s%s", first, lines);
    snprintf(text + n, 40, "checksum %016llx\n", (unsigned long long)fnv(text, n));
    return text;
}

/* The device's wisdom; free the result. */
static char *exported(conv2d_device *device)
{
    size_t n = 0, again = 0;
    assert_ok(conv2d_wisdom_export(device, NULL, 0, &n));
    char *text = malloc(n + 1);
    assert_non_null(text);
    assert_ok(conv2d_wisdom_export(device, text, n + 1, &again));
    assert_int_equal(n, again);
    assert_int_equal(strlen(text), n);
    return text;
}

static conv2d_status import(conv2d_device *device, const char *text)
{
    return conv2d_wisdom_import(device, text, strlen(text));
}

static void import_lines(conv2d_device *device, const char *lines)
{
    char *text = whole(head, lines);
    assert_ok(import(device, text));
    free(text);
}

/* Fail unless the export is exactly these lines. */
static void expect_lines(conv2d_device *device, const char *lines)
{
    char *text = exported(device), *wanted = whole(head, lines);
    assert_string_equal(text, wanted);
    free(text);
    free(wanted);
}

static void test_empty(void **state)
{
    conv2d_device device = scripted_device();
    c2_wisdom_entry entry;
    const c2_problem p = problem_of("ic4ih8oc6oh6kh3");
    (void)state;
    assert_false(c2_wisdom_find(&device, &p, &entry));
    expect_lines(&device, "");
    import_lines(&device, "");
    expect_lines(&device, "");
    conv2d_wisdom_forget(&device);
    conv2d_wisdom_forget(NULL);
    scripted_close(&device);
}

static void test_round_trip_sorts(void **state)
{
    static const char lines[] = "g2mb1ic4ih8oc6oh6kh3:act=clamp,,6 alpha a1 0.5\n"
                                "mb1ic4ih8oc6oh6kh3 beta b0 1e-09\n"
                                "mb3ic4ih8oc6oh6kh3:bias:in=nhwc:dtype=f64 alpha a0 0.001953125\n";
    conv2d_device device = scripted_device();
    (void)state;
    import_lines(&device, "mb3ic4ih8oc6oh6kh3:bias:in=nhwc:dtype=f64 alpha a0 0.001953125\n"
                          "g2mb1ic4ih8oc6oh6kh3:act=clamp,,6 alpha a1 0.5\n"
                          "mb1ic4ih8oc6oh6kh3 beta b0 0.000000001\n");
    expect_lines(&device, lines);
    c2_wisdom_entry entry;
    const c2_problem p = problem_of("mb3ic4ih8oc6oh6kh3:bias:in=nhwc:dtype=f64");
    assert_true(c2_wisdom_find(&device, &p, &entry));
    assert_string_equal(entry.algorithm->name, "alpha");
    assert_int_equal(entry.variant, 0);
    assert_true(entry.seconds == 0x1p-9);
    conv2d_wisdom_forget(&device);
    expect_lines(&device, "");
    scripted_close(&device);
}

static void test_merging(void **state)
{
    conv2d_device device = scripted_device();
    (void)state;
    import_lines(&device, "mb1ic4ih8oc6oh6kh3 beta b0 1\nmb2ic4ih8oc6oh6kh3 beta b0 2\n");
    import_lines(&device, "mb2ic4ih8oc6oh6kh3 alpha a0 3\nmb3ic4ih8oc6oh6kh3 alpha a1 4\n");
    expect_lines(&device, "mb1ic4ih8oc6oh6kh3 beta b0 1\nmb2ic4ih8oc6oh6kh3 alpha a0 3\n"
                          "mb3ic4ih8oc6oh6kh3 alpha a1 4\n");
    import_lines(&device, "mb0ic4ih8oc6oh6kh3 alpha a1 5\n");
    expect_lines(&device, "mb0ic4ih8oc6oh6kh3 alpha a1 5\nmb1ic4ih8oc6oh6kh3 beta b0 1\n"
                          "mb2ic4ih8oc6oh6kh3 alpha a0 3\nmb3ic4ih8oc6oh6kh3 alpha a1 4\n");
    scripted_close(&device);
}

/* One problem however it is described; other problems are others. */
static void test_names_of_problems(void **state)
{
    static const char *const same[][2] = {
        {"ic4ih8oc6oh8kh3:pad=same", "mb1ic4ih8oc6oh8kh3ph1"},
        {"ic4ih8oc6oh8kh3ph1:unbatched", "mb1ic4ih8oc6oh8kh3ph1"},
        {"ic4ih8oc6oh8kh3ph1n\"a layer\"", "mb1ic4ih8oc6oh8kh3ph1"},
        {"ic4ih8oc6oh8kh3ph1:algo=beta", "mb1ic4ih8oc6oh8kh3ph1"},
        {"ic4ih8oc6oh8kh3ph1:wei=ohwi", "mb1ic4ih8oc6oh8kh3ph1"},
        {"ic4ih8oc6oh8kh3ph1:in=s256,64,8,1", "mb1ic4ih8oc6oh8kh3ph1"},
        {"ic4ih8oc6oh6kh3:pad=valid", "mb1ic4ih8oc6oh6kh3"},
        {"ic4ih8oc6oh1kh7sh3", "mb1ic4ih8oc6oh1kh7sh2"},
        {"ic4ih8oc6oh1kh7sh2:act=clamp", "mb1ic4ih8oc6oh1kh7sh2"},
        {"ic4ih8oc6oh1kh8sh5", "mb1ic4ih8oc6oh1kh8"},
        {"ic4ih8oc6oh8kh1dh3", "mb1ic4ih8oc6oh8kh1"},
    };
    static const char *const own[] = {
        "mb1ic4ih8oc6oh6kh3",
        "mb1ic4ih8oc6oh6kh3:mode=circular",
        "mb1ic4ih8oc6oh6kh3:act=relu",
        "mb1ic4ih8oc6oh6kh3:act=clamp,-1,6",
        "mb1ic4ih8oc6oh6kh3:act=leaky_relu,0.25",
        "mb1ic4ih8oc6oh6kh3:bias",
        "mb1ic4ih8oc6oh6kh3:bias:res",
        "mb1ic4ih8oc6oh6kh3:in=nhwc",
        "mb1ic4ih8oc6oh6kh3:out=nhwc",
        "mb1ic4ih8oc6oh6kh3:in=s1024,256,16,2",
        "mb1ic4ih8oc6oh6kh3:dtype=f64",
        "mb1ic4ih8oc6oh6kh3:dtype=f16",
        "mb1ic4ih8oc6oh6kh3:dtype=bf16",
        "mb1ic4ih8oc6oh6kh3:acc=fast",
        "mb1ic4ih8oc6oh6kh3:ws=4096",
        "mb1ic4ih8oc6oh6kh3:ftz",
        "mb1ic4ih8iw9oc6oh6ow3kh3kw4sh1sw2ph0pw0dh0dw0",
    };
    char key[C2_WISDOM_KEY_BYTES], other[C2_WISDOM_KEY_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        const c2_problem p = problem_of(same[i][0]);
        assert_true(c2_wisdom_key(&p, key));
        assert_string_equal(key, same[i][1]);
    }
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        const c2_problem p = problem_of(own[i]);
        assert_true(c2_wisdom_key(&p, key));
        const c2_problem again = problem_of(key); /* the name is a text of the problem itself */
        assert_true(c2_wisdom_key(&again, other));
        assert_string_equal(key, other);
        for (size_t j = 0; j < i; j++) {
            const c2_problem q = problem_of(own[j]);
            assert_true(c2_wisdom_key(&q, other));
            assert_string_not_equal(key, other);
        }
    }
}

/* Each is refused with the line's number, and what was known stays. */
static void test_bad_lines(void **state)
{
    static const struct {
        const char *line;
        conv2d_status status;
        const char *needle;
    } bad[] = {
        {"\n", CONV2D_E_SYNTAX, "PROBLEM ALGORITHM KERNEL SECONDS"},
        {"mb1ic4ih8oc6oh6kh3 alpha a0\n", CONV2D_E_SYNTAX, "PROBLEM ALGORITHM KERNEL SECONDS"},
        {"mb1ic4ih8oc6oh6kh3 alpha a0 \n", CONV2D_E_SYNTAX, "PROBLEM ALGORITHM KERNEL SECONDS"},
        {" mb1ic4ih8oc6oh6kh3 alpha a0 1\n", CONV2D_E_SYNTAX, "PROBLEM ALGORITHM"},
        {"mb1ic4ih8oc6oh6kh3  alpha a0 1\n", CONV2D_E_SYNTAX, "PROBLEM ALGORITHM"},
        {"mb1ic4ih8oc6oh6kh3 alpha a0 1 \n", CONV2D_E_SYNTAX, "no time"},
        {"mb1ic4ih8oc6oh6kh3 alpha a0 1 1\n", CONV2D_E_SYNTAX, "no time"},
        {"mb1ic4ih8oc6oh6kh3 alpha a0 1\r\n", CONV2D_E_SYNTAX, "no time"},
        {"mb1ic4ih8oc6oh6kh3 alpha a0 0\n", CONV2D_E_SYNTAX, "no time"},
        {"mb1ic4ih8oc6oh6kh3 alpha a0 -1\n", CONV2D_E_SYNTAX, "no time"},
        {"mb1ic4ih8oc6oh6kh3 alpha a0 inf\n", CONV2D_E_SYNTAX, "no time"},
        {"mb1ic4ih8oc6oh6kh3 alpha a0 nan\n", CONV2D_E_SYNTAX, "no time"},
        {"mb1ic4ih8oc6oh6kh3 alpha a0 1e999\n", CONV2D_E_SYNTAX, "no time"},
        {"mb1ic4ih8oc6oh6kh3 alpha a0 0x1p3\n", CONV2D_E_SYNTAX, "no time"},
        {"mb1ic4ih8oc6oh6kh3 alpha a2 1\n", CONV2D_E_ARGUMENT, "no candidate alpha, a2"},
        {"mb1ic4ih8oc6oh6kh3 alpha b0 1\n", CONV2D_E_ARGUMENT, "no candidate alpha, b0"},
        {"mb1ic4ih8oc6oh6kh3 alph a0 1\n", CONV2D_E_ARGUMENT, "no candidate alph, a0"},
        {"mb1ic4ih8oc6oh6kh3 alphas a0 1\n", CONV2D_E_ARGUMENT, "no candidate"},
        {"ic4ih8oc6oh6kh3 alpha a0 1\n", CONV2D_E_SYNTAX, "not written as"},
        {"mb1ic4ih8iw8oc6oh6kh3 alpha a0 1\n", CONV2D_E_SYNTAX, "not written as"},
        {"mb1ic4ih8oc6oh6kh3n\"x\" alpha a0 1\n", CONV2D_E_SYNTAX, "not written as"},
        {"mb1ic4ih8oc6oh6kh3:algo=alpha alpha a0 1\n", CONV2D_E_SYNTAX, "not written as"},
        {"mb1ic4ih8oc6oh6kh3:pad=valid alpha a0 1\n", CONV2D_E_SYNTAX, "not written as"},
        {"mb1ic4ih8oc6oh6kh3:unbatched alpha a0 1\n", CONV2D_E_SYNTAX, "not written as"},
        {"mb1ic4ih8oc6oh7kh3 alpha a0 1\n", CONV2D_E_SYNTAX, "oh"},
        {"wisdom alpha a0 1\n", CONV2D_E_SYNTAX, "problem text"},
        {"checksum\n", CONV2D_E_SYNTAX, "PROBLEM ALGORITHM KERNEL SECONDS"},
        {"checksum 0\n", CONV2D_E_SYNTAX, "checksum is 0,"},
        {"mb2ic4ih8oc6oh6kh3 alpha a0 1\n", CONV2D_E_SYNTAX, "lines 2 and 3 are for one problem"},
    };
    static const char before[] = "mb2ic4ih8oc6oh6kh3 beta b0 2\n";
    conv2d_device device = scripted_device();
    (void)state;
    import_lines(&device, "mb9ic4ih8oc6oh6kh3 beta b0 9\n");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char lines[400];
        snprintf(lines, sizeof lines, "%s%smb3ic4ih8oc6oh6kh3 beta b0 3\n", before, bad[i].line);
        char *text = whole(head, lines);
        assert_refused(import(&device, text), bad[i].status, bad[i].needle, "3");
        free(text);
        expect_lines(&device, "mb9ic4ih8oc6oh6kh3 beta b0 9\n");
    }
    scripted_close(&device);
}

static void test_bad_heads(void **state)
{
    static const struct {
        const char *head;
        conv2d_status status;
        const char *needle;
    } bad[] = {
        {"", CONV2D_E_SYNTAX, "first word"},
        {"\n", CONV2D_E_SYNTAX, "first word"},
        {"conv2d-wisdo 1 0.1.0 scripted high \"Scripted 9000\"\n", CONV2D_E_SYNTAX, "first word"},
        {"conv2d-wisdom 2 0.1.0 scripted high \"Scripted 9000\"\n", CONV2D_E_ARGUMENT,
         "format is 2; expected 1"},
        {"conv2d-wisdom 1 0.2.0 scripted high \"Scripted 9000\"\n", CONV2D_E_ARGUMENT,
         "version of the library is 0.2.0; expected 0.1.0"},
        {"conv2d-wisdom 1 0.1.0 cpu high \"Scripted 9000\"\n", CONV2D_E_ARGUMENT,
         "backend is cpu; expected scripted"},
        {"conv2d-wisdom 1 0.1.0 scripted low \"Scripted 9000\"\n", CONV2D_E_ARGUMENT,
         "instruction set is low; expected high"},
        {"conv2d-wisdom 1 0.1.0 scripted high \"Scripted 9001\"\n", CONV2D_E_ARGUMENT,
         "model is \"Scripted 9001\"; expected \"Scripted 9000\""},
        {"conv2d-wisdom 1 0.1.0 scripted high \"Scripted 9000\" \n", CONV2D_E_ARGUMENT, "model"},
        {"conv2d-wisdom 1 0.1.0 scripted high\n", CONV2D_E_ARGUMENT, "model"},
        {"conv2d-wisdom 1 0.1.0\n", CONV2D_E_ARGUMENT, "backend"},
        {" conv2d-wisdom 1 0.1.0 scripted high \"Scripted 9000\"\n", CONV2D_E_SYNTAX, "line 1"},
        {"conv2d-wisdom 1 0.1.0 scripted high \"Scripted 9000\"\r\n", CONV2D_E_ARGUMENT, "model"},
    };
    conv2d_device device = scripted_device();
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *text = whole(bad[i].head, "mb1ic4ih8oc6oh6kh3 beta b0 1\n");
        assert_refused(import(&device, text), bad[i].status, bad[i].needle, "line 1");
        free(text);
    }
    expect_lines(&device, "");
    scripted_close(&device);
}

/* Every cut and every flipped bit of a good text is refused and changes nothing. */
static void test_damage(void **state)
{
    static const char lines[] = "mb1ic4ih8oc6oh6kh3 beta b0 1\nmb2ic4ih8oc6oh6kh3 alpha a0 3\n";
    conv2d_device device = scripted_device();
    char *text = whole(head, lines);
    const size_t n = strlen(text);
    (void)state;
    for (size_t cut = 0; cut < n; cut++) {
        const conv2d_status s = conv2d_wisdom_import(&device, text, cut);
        assert_int_equal(s, CONV2D_E_SYNTAX);
    }
    for (size_t bit = 0; bit < 8 * n; bit++) {
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
        const conv2d_status s = conv2d_wisdom_import(&device, text, n);
        if (s != CONV2D_E_SYNTAX && s != CONV2D_E_ARGUMENT)
            fail_msg("bit %zu flipped: %s", bit, conv2d_status_name(s));
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
    }
    for (int c = 0; c < 256; c++) { /* and whatever follows the end */
        char *longer = malloc(n + 1);
        assert_non_null(longer);
        memcpy(longer, text, n);
        longer[n] = (char)c;
        assert_refused(conv2d_wisdom_import(&device, longer, n + 1), CONV2D_E_SYNTAX, "line 5",
                       "1 bytes follow");
        free(longer);
    }
    expect_lines(&device, "");
    assert_ok(conv2d_wisdom_import(&device, text, n)); /* not terminated by a 0 as it counts n */
    expect_lines(&device, lines);
    free(text);
    scripted_close(&device);
}

static void test_arguments_and_cut_exports(void **state)
{
    conv2d_device device = scripted_device();
    char text[400], small[40];
    size_t n = 0;
    (void)state;
    memset(small, 'x', sizeof small);
    assert_refused(conv2d_wisdom_export(NULL, text, sizeof text, &n), CONV2D_E_ARGUMENT, "device",
                   "NULL");
    assert_refused(conv2d_wisdom_export(&device, NULL, 3, &n), CONV2D_E_ARGUMENT, "text", "3");
    assert_refused(conv2d_wisdom_import(NULL, head, 3), CONV2D_E_ARGUMENT, "device", "NULL");
    assert_refused(conv2d_wisdom_import(&device, NULL, 0), CONV2D_E_ARGUMENT, "text", "NULL");
    assert_refused(conv2d_wisdom_import(&device, head, (size_t)1 << 40), CONV2D_E_ARGUMENT,
                   "length", "1099511627776");
    assert_ok(conv2d_wisdom_export(&device, text, sizeof text, NULL));
    assert_ok(conv2d_wisdom_export(&device, small, 20, &n));
    assert_int_equal(n, strlen(text));
    assert_int_equal(strlen(small), 19);
    assert_memory_equal(small, text, 19);
    assert_int_equal(small[20], 'x');
    scripted_close(&device);
}

static void test_models_that_would_break_the_line(void **state)
{
    conv2d_device device = scripted_device();
    (void)state;
    scripted_model = "a \"b\"\n\tc\xc3\xa9";
    char *text = exported(&device);
    assert_non_null(strstr(text, " \"a ?b???c??\"\n"));
    assert_ok(import(&device, text));
    free(text);
    scripted_close(&device);
}

/* A device keeps so many and no more; those that are refused change nothing. */
static void test_full(void **state)
{
    enum { LINE = 48 };
    conv2d_device device = scripted_device();
    char *lines = malloc((size_t)(C2_WISDOM_ENTRIES + 1) * LINE);
    size_t at = 0;
    (void)state;
    assert_non_null(lines);
    for (int i = 0; i < C2_WISDOM_ENTRIES + 1; i++)
        at += (size_t)snprintf(lines + at, LINE, "mb%dic4ih8oc6oh6kh3 beta b0 1\n", i + 1);
    char *text = whole(head, lines);
    assert_refused(import(&device, text), CONV2D_E_STATE, "more than 65536", NULL);
    expect_lines(&device, "");
    free(text);
    *(strrchr(lines, 'm')) = '\0'; /* without the last line */
    text = whole(head, lines);
    assert_ok(import(&device, text));
    assert_ok(import(&device, text)); /* the same ones again take no room */
    free(text);
    text = whole(head, "mb1ic1ih1oc1oh1kh1 beta b0 1\n");
    assert_refused(import(&device, text), CONV2D_E_STATE, "65537", "65536");
    free(text);
    const c2_problem known = problem_of("mb7ic4ih8oc6oh6kh3"), news = problem_of("ic9ih9oc9oh9kh1");
    c2_wisdom_entry entry;
    assert_true(c2_wisdom_find(&device, &known, &entry));
    assert_ok(c2_wisdom_add(&device, &known, entry.algorithm, entry.variant, 2));
    assert_refused(c2_wisdom_add(&device, &news, entry.algorithm, entry.variant, 2), CONV2D_E_STATE,
                   "65537", NULL);
    assert_false(c2_wisdom_find(&device, &news, &entry));
    free(lines);
    scripted_close(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_round_trip_sorts),
        cmocka_unit_test(test_merging),
        cmocka_unit_test(test_names_of_problems),
        cmocka_unit_test(test_bad_lines),
        cmocka_unit_test(test_bad_heads),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_arguments_and_cut_exports),
        cmocka_unit_test(test_models_that_would_break_the_line),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
