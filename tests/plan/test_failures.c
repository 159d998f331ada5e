/* SPDX-License-Identifier: BSD-2-Clause
 * Tuning, exporting and importing with the n-th request for memory or a lock refused, for every n:
 * CONV2D_E_NOMEM with a sentence, wisdom as it was, nothing leaked, and the same call works next.
 */
#include "../api/faults.h"
#include "helpers.h"

enum { TEXT = 4000 };

typedef struct world {
    conv2d_device *device;
    conv2d_problem problem;
    char text[TEXT]; /* wisdom of two other problems, to import */
    size_t length;
} world;

static conv2d_status call_open(world *w)
{
    conv2d_device *device = NULL;
    conv2d_device_options two = CONV2D_DEVICE_OPTIONS_INIT;
    two.n_threads = 2; /* whatever the machine has: a pool takes locks */
    const conv2d_status s = conv2d_device_open("cpu", &two, &device);
    (void)w;
    assert_true((s == CONV2D_OK) == (device != NULL));
    conv2d_device_close(device);
    return s;
}

static conv2d_status call_tune(world *w)
{
    conv2d_tune_options o = CONV2D_TUNE_OPTIONS_INIT;
    conv2d_plan *plan = NULL;
    o.seconds = 1e-6;
    const conv2d_status s = conv2d_tune(w->device, &w->problem, &o, &plan);
    assert_true((s == CONV2D_OK) == (plan != NULL));
    conv2d_plan_destroy(plan);
    return s;
}

static conv2d_status call_export(world *w)
{
    char text[TEXT];
    return conv2d_wisdom_export(w->device, text, sizeof text, NULL);
}

static conv2d_status call_import(world *w)
{
    return conv2d_wisdom_import(w->device, w->text, w->length);
}

typedef struct call {
    const char *name;
    conv2d_status (*make)(world *);
    size_t at_least[FAULT_KINDS]; /* requests it makes; 0 of a kind: none at all */
} call;
static const call calls[] = {
    {"conv2d_device_open", call_open, {2, 2, 0}},
    {"conv2d_tune", call_tune, {20, 4, 0}},
    {"conv2d_wisdom_export", call_export, {0, 0, 0}},
    {"conv2d_wisdom_import", call_import, {4, 0, 0}},
};

static world world_make(void)
{
    static const char *const others[] = {"ic4ih6oc4oh6kh3ph1", "ic4ih6oc4oh6kh1"};
    world w = {.device = open_cpu(1)};
    conv2d_tune_options o = CONV2D_TUNE_OPTIONS_INIT;
    o.seconds = 1e-6;
    for (int i = 0; i < 2; i++) {
        assert_ok(conv2d_problem_parse(others[i], &w.problem));
        assert_ok(conv2d_tune(w.device, &w.problem, &o, NULL));
    }
    assert_ok(conv2d_wisdom_export(w.device, w.text, sizeof w.text, &w.length));
    conv2d_wisdom_forget(w.device);
    assert_ok(conv2d_problem_parse("ic3ih6oc4oh6kh3ph1:bias:res", &w.problem));
    return w;
}

/* One attempt; true if there was an n-th request. */
static bool attempt(const call *c, fault_kind kind, bool sticky, size_t n)
{
    world w = world_make();
    char before[TEXT], after[TEXT];
    assert_ok(conv2d_wisdom_export(w.device, before, sizeof before, NULL));
    const long live[2] = {fault_live(FAULT_MEMORY), fault_live(FAULT_LOCK)};
    fault_arm(kind, n, sticky);
    const conv2d_status s = c->make(&w);
    const bool fired = fault_disarm(kind);
    if (s != (fired ? CONV2D_E_NOMEM : CONV2D_OK))
        fail_msg("%s, request %zu of kind %d fails: %s \"%s\"", c->name, n, (int)kind,
                 conv2d_status_name(s), conv2d_last_error());
    if (fired) {
        assert_true(strlen(conv2d_last_error()) > 0);
        assert_ok(conv2d_wisdom_export(w.device, after, sizeof after, NULL));
        assert_string_equal(before, after);
        assert_int_equal(fault_live(FAULT_MEMORY), live[0]);
        assert_int_equal(fault_live(FAULT_LOCK), live[1]);
        assert_ok(c->make(&w));
    }
    conv2d_device_close(w.device);
    return fired;
}

static void exhaust(fault_kind kind, bool sticky)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        const long live[2] = {fault_live(FAULT_MEMORY), fault_live(FAULT_LOCK)};
        size_t n = 1;
        while (attempt(&calls[i], kind, sticky, n))
            assert_true(++n < 1000);
        assert_int_equal(fault_live(FAULT_MEMORY), live[0]);
        assert_int_equal(fault_live(FAULT_LOCK), live[1]);
        assert_true(n - 1 >= calls[i].at_least[kind]);
        assert_true(calls[i].at_least[kind] > 0 || n == 1);
        print_message("%s: %zu failures\n", calls[i].name, n - 1);
    }
}

static void test_memory(void **state)
{
    (void)state;
    exhaust(FAULT_MEMORY, false);
    exhaust(FAULT_MEMORY, true);
}

static void test_locks(void **state)
{
    (void)state;
    exhaust(FAULT_LOCK, false);
    exhaust(FAULT_LOCK, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_locks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
