/* SPDX-License-Identifier: BSD-2-Clause
 * The last error's sentence: kept, cut, one for each thread. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/cmocka_all.h"
#include "core/error.h"

static void starts_empty(void **state)
{
    (void)state;
    assert_string_equal(c2_last_error(), "");
}

static void keeps_sentence_and_status(void **state)
{
    (void)state;
    assert_int_equal(c2_fail(CONV2D_E_SHAPE, "weight has %d channels, expected %d", 12, 16),
                     CONV2D_E_SHAPE);
    assert_string_equal(c2_last_error(), "weight has 12 channels, expected 16");
    assert_int_equal(c2_fail(CONV2D_E_NOMEM, "short"), CONV2D_E_NOMEM);
    assert_string_equal(c2_last_error(), "short");
}

static void cuts_at_511_bytes(void **state)
{
    (void)state;
    char text[700];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (size_t n = 509; n < 514; n++) {
        c2_fail(CONV2D_E_IO, "%.*s", (int)n, text);
        assert_int_equal(strlen(c2_last_error()), n < 511 ? n : 511);
    }
}

static void sentence_may_hold_the_previous_one(void **state)
{
    (void)state;
    c2_fail(CONV2D_E_IO, "file is short");
    c2_fail(CONV2D_E_IO, "input: %s", c2_last_error());
    assert_string_equal(c2_last_error(), "input: file is short");
}

static void *other_thread(void *arg)
{
    const char **seen = arg;
    seen[0] = c2_last_error()[0] == '\0' ? "empty" : "not empty";
    c2_fail(CONV2D_E_DEVICE, "of the other thread");
    seen[1] = strcmp(c2_last_error(), "of the other thread") == 0 ? "its own" : "another";
    return NULL;
}

static void threads_do_not_share(void **state)
{
    (void)state;
    c2_fail(CONV2D_E_STATE, "of the main thread");
    const char *seen[2] = {"", ""};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, other_thread, seen), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(seen[0], "empty");
    assert_string_equal(seen[1], "its own");
    assert_string_equal(c2_last_error(), "of the main thread");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_empty),
        cmocka_unit_test(keeps_sentence_and_status),
        cmocka_unit_test(cuts_at_511_bytes),
        cmocka_unit_test(sentence_may_hold_the_previous_one),
        cmocka_unit_test(threads_do_not_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
