/* SPDX-License-Identifier: BSD-2-Clause
 * Replays the golden files (PyTorch's answers, README.md) through every way of the public API, so
 * that agreement with PyTorch is tested where PyTorch is absent; and shows that the replay fails
 * when an answer is changed. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "golden/case.h"

static const char *const files[] = {"shapes.bin", "activations.bin", "refusals.bin"};
enum { N_FILES = 3, MIN_CASES = 150 };

static void open_file(int i, case_reader *reader)
{
    char path[1024], why[128];
    snprintf(path, sizeof path, "%s/%s", GOLDEN_FOLDER, files[i]);
    if (!case_open(path, reader, why))
        fail_msg("%s", why);
}

static conv2d_device *open_device(int n_threads)
{
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    conv2d_device *device = NULL;
    options.n_threads = n_threads;
    if (conv2d_device_open("cpu", &options, &device))
        fail_msg("%s", conv2d_last_error());
    return device;
}

/* algorithm NULL: the planner's choice. */
static bool passes(conv2d_device *device, const test_case *c, case_entry entry,
                   const char *algorithm, char *why)
{
    case_result result;
    case_run(device, c, entry, algorithm, &result);
    const bool ok = case_check(c, &result, why);
    case_result_free(&result);
    return ok;
}

/* One case through every entry, and by every candidate; returns how many runs failed. */
static int replay_case(conv2d_device *device, const char *file, const test_case *c, int *n_runs)
{
    case_names names;
    char why[256];
    int n_failed = 0;
    case_candidates(device, c, &names);
    for (int i = 0; i < CASE_N_ENTRIES + names.n; i++) {
        const char *algorithm = i < CASE_N_ENTRIES ? NULL : names.name[i - CASE_N_ENTRIES];
        ++*n_runs;
        if (passes(device, c, (case_entry)(i % CASE_N_ENTRIES), algorithm, why))
            continue;
        n_failed++;
        print_error("%s case %" PRId64 " (%s), entry %d, %s: %s\n", file, c->id, c->category,
                    i % CASE_N_ENTRIES, algorithm ? algorithm : "default", why);
    }
    return n_failed;
}

/* Every case of every file. */
static void test_replay(void **state)
{
    (void)state;
    conv2d_device *device = open_device(2);
    int n = 0, n_errors = 0, n_runs = 0, n_failed = 0;
    for (int i = 0; i < N_FILES; i++) {
        case_reader reader;
        test_case c;
        char why[256];
        int more;
        open_file(i, &reader);
        while ((more = case_next(&reader, &c, why)) == 1) {
            n++;
            n_errors += c.error;
            n_failed += replay_case(device, files[i], &c, &n_runs);
        }
        case_close(&reader);
        if (more < 0)
            fail_msg("%s: %s", files[i], why);
    }
    conv2d_device_close(device);
    print_message("%d cases, %d of them errors: %d runs, %d failed\n", n, n_errors, n_runs,
                  n_failed);
    assert_int_equal(n_failed, 0);
    assert_true(n >= MIN_CASES && n_errors >= MIN_CASES / 4);
}

/* Change one expected number by more than its tolerance: found in every case with finite values. */
static void test_changed_value_is_found(void **state)
{
    (void)state;
    conv2d_device *device = open_device(1);
    case_reader reader;
    test_case c;
    char why[256];
    int n = 0;
    open_file(0, &reader);
    while (case_next(&reader, &c, why) == 1) {
        if (c.error || !c.n_values)
            continue;
        unsigned char *values = malloc(c.n_values * 8);
        assert_non_null(values);
        memcpy(values, c.values, c.n_values * 8);
        const size_t at = (c.n_values - 1) * 8;
        double value, tolerance;
        memcpy(&value, values + at, sizeof value);
        memcpy(&tolerance, c.tolerances + at, sizeof tolerance);
        const bool half = conv2d_dtype_bytes(c.input.dtype) == 2;
        const double moved = value + 4 * tolerance +
                             (half ? 2e-2 : 1e-5) * (value < 0 ? -value : value) +
                             (half ? 1e-6 : 1e-30);
        memcpy(values + at, &moved, sizeof moved);
        c.values = values;
        if (moved - moved == 0 && moved != value) { /* finite, and not lost in rounding */
            n++;
            if (passes(device, &c, c.entry, NULL, why))
                fail_msg("case %" PRId64 " (%s): a wrong last value was not found", c.id,
                         c.category);
        }
        free(values);
    }
    case_close(&reader);
    conv2d_device_close(device);
    assert_true(n >= 50);
}

/* An error where values are expected, values where an error is: both found. */
static void test_changed_outcome_is_found(void **state)
{
    (void)state;
    conv2d_device *device = open_device(1);
    for (int i = 0; i < N_FILES; i++) {
        case_reader reader;
        test_case c;
        char why[256];
        open_file(i, &reader);
        while (case_next(&reader, &c, why) == 1) {
            c.error = !c.error;
            c.sizes_error = false;
            c.n_values = 0;
            if (passes(device, &c, c.entry, NULL, why))
                fail_msg("case %" PRId64 " (%s): a wrong outcome was not found", c.id, c.category);
        }
        case_close(&reader);
    }
    conv2d_device_close(device);
}

/* Every truncation of a file is refused by the reader, none crashes it. */
static void test_truncated_file_is_refused(void **state)
{
    (void)state;
    case_reader reader;
    open_file(2, &reader);
    const size_t whole = reader.size;
    for (size_t size = 8; size < 6000 && size < whole; size += 8) {
        case_reader cut = {reader.bytes, size, 8};
        test_case c;
        char why[256];
        int more;
        while ((more = case_next(&cut, &c, why)) == 1) {
        }
        assert_true(more < 0 || cut.at == size);
    }
    case_close(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replay),
        cmocka_unit_test(test_changed_value_is_found),
        cmocka_unit_test(test_changed_outcome_is_found),
        cmocka_unit_test(test_truncated_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
