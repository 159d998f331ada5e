/* SPDX-License-Identifier: BSD-2-Clause
 * JSON of the command line: what is read and how it is written again, what is refused and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json.h"

static void test_accepted(void **state)
{
    static const struct {
        const char *read, *written; /* NULL: the same */
    } cases[] = {
        {"null", NULL},
        {"true", NULL},
        {"[]", NULL},
        {"{}", NULL},
        {" [ 1 , -2 ,0] ", "[1,-2,0]"},
        {"9223372036854775807", NULL},
        {"-9223372036854775808", NULL},
        {"1.5", NULL},
        {"-0.25e2", "-25.0"},
        {"1E+3", "1000.0"},
        {"0e-0", "0.0"},
        {"1e300", "1e+300"},
        {"{\"a\":{\"b\":[{}]},\"c\":\"d\"}", NULL},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\u0008\\u000c\\u000a\\u000d\\u0009\""},
        {"\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"", "\"A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"\"\xef\xbf\xbf\xf4\x8f\xbf\xbf\"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_problem problem;
        json_t *value = json_parse(cases[i].read, strlen(cases[i].read), &problem);
        if (!value)
            fail_msg("%s: %s at %zu", cases[i].read, problem.text, problem.at);
        char *text = json_text(value, false);
        assert_string_equal(text, cases[i].written ? cases[i].written : cases[i].read);
        free(text);
        json_decref(value);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *text, *why;
        size_t at;
    } cases[] = {
        {"", "value", 0},
        {"nul", "value", 0},
        {"+1", "value", 0},
        {"01", "follows", 1},
        {"1.", "digit", 2},
        {"1e", "digit", 2},
        {".5", "value", 0},
        {"9223372036854775808", "too large", 19},
        {"1e999", "too large", 5},
        {"[1", "',' or ']'", 2},
        {"[1,]", "value", 3},
        {"[1 2]", "',' or ']'", 3},
        {"{1:2}", "string", 1},
        {"{\"a\" 1}", "':'", 5},
        {"{\"a\":1,}", "string", 7},
        {"{\"a\":1,\"a\":2}", "duplicate", 12},
        {"{\"a\":1,\"\\u0061\":2}", "duplicate", 17},
        {"\"a", "ends in a string", 2},
        {"\"\n\"", "control", 1},
        {"\"\\x\"", "escape", 2},
        {"\"\\u0000\"", "escape", 7},
        {"\"\\u12g4\"", "escape", 5},
        {"\"\\ud800\"", "escape", 7},
        {"\"\\ud800\\u0041\"", "escape", 13},
        {"\"\\udc00\"", "escape", 7},
        {"\"\x80\"", "UTF-8", 1},
        {"\"\xc0\xaf\"", "UTF-8", 1},
        {"\"\xe0\x80\x80\"", "UTF-8", 1},
        {"\"\xed\xa0\x80\"", "UTF-8", 1},
        {"\"\xf0\x80\x80\x80\"", "UTF-8", 1},
        {"\"\xf4\x90\x80\x80\"", "UTF-8", 1},
        {"\"\xe2\x82\"", "UTF-8", 1},
        {"// c\n1", "value", 0},
        {"1 1", "follows", 2},
        {"NaN", "value", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_problem problem;
        json_t *value = json_parse(cases[i].text, strlen(cases[i].text), &problem);
        if (value || !strstr(problem.text, cases[i].why) || problem.at != cases[i].at)
            fail_msg("%s: %s \"%s\" at %zu", cases[i].text, value ? "read" : "refused",
                     problem.text, problem.at);
    }
    json_problem problem;
    assert_null(json_parse("1\0", 2, &problem)); /* a zero is not the end */
    assert_null(json_parse("\"a\0b\"", 5, &problem));
    assert_null(json_string("\xff"));
}

static void test_depth(void **state)
{
    char text[2 * JSON_DEPTH + 3];
    (void)state;
    for (int depth = JSON_DEPTH; depth <= JSON_DEPTH + 1; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        json_problem problem;
        json_t *value = json_parse(text, 2 * (size_t)depth, &problem);
        assert_int_equal(value != NULL, depth == JSON_DEPTH);
        json_decref(value);
    }
}

/* In proportion to their number, not its square. */
static void test_many_members(void **state)
{
    enum { N = 200000 };
    char *text = malloc(N * 16 + 2), *end = text, key[16];
    json_problem problem;
    (void)state;
    for (int i = 0; i < N; i++)
        end += sprintf(end, "%s\"k%d\":%d", i ? "," : "{", i, i);
    end += sprintf(end, "}");
    json_t *value = json_parse(text, (size_t)(end - text), &problem);
    assert_non_null(value);
    assert_int_equal(json_object_size(value), N);
    for (int i = 0; i < N; i += 7) {
        const char *name = NULL;
        snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(json_integer_value(json_object_get(value, key)), i);
        assert_int_equal(json_integer_value(json_object_at(value, (size_t)i, &name)), i);
        assert_string_equal(name, key);
    }
    assert_null(json_object_get(value, "k"));
    json_decref(value);
    free(text);
}

static void test_made(void **state)
{
    (void)state;
    json_t *object = json_object(), *array = json_array();
    assert_true(json_array_append_new(array, json_boolean(false)));
    assert_true(json_object_set_new(object, "list", json_incref(array)));
    assert_false(json_object_set_new(object, "list", json_null()));
    assert_false(json_array_append_new(object, json_null()));
    assert_false(json_object_set_new(object, "none", NULL));
    assert_true(json_array_append_new(array, json_integer(3)));
    char *text = json_text(object, true);
    assert_string_equal(text, "{\n  \"list\": [\n    false,\n    3\n  ]\n}");
    free(text);
    assert_null(json_text(NULL, true));
    json_decref(array);
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_depth),    cmocka_unit_test(test_many_members),
        cmocka_unit_test(test_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
