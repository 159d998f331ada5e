/* SPDX-License-Identifier: BSD-2-Clause
 * The n-th allocation, and the n-th thing that Metal makes, fails, for every n from opening the
 * device to reading the result: the right status and a sentence, everything made before can be
 * destroyed, nothing is left. */
#include <unistd.h>

#include "metal_helpers.h"

typedef struct objects {
    conv2d_device *device;
    conv2d_buffer *in_buffer, *out_buffer;
    conv2d_queue *queue;
    conv2d_event *event;
    conv2d_context *context;
    conv2d_plan *plan;
    box input, weight, output;
} objects;

/* Everything a program does once, up to the first failure. The result is left in o->output. */
static conv2d_status once(objects *o, const conv2d_allocator *allocator)
{
    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    conv2d_tensor in = o->input.t, out = o->output.t;
    conv2d_status s;
    options.allocator = allocator;
    if ((s = conv2d_device_open("metal", &options, &o->device)) ||
        (s = conv2d_buffer_create(o->device, o->input.bytes, &o->in_buffer)) ||
        (s = conv2d_buffer_create(o->device, o->output.bytes, &o->out_buffer)) ||
        (s = conv2d_queue_create(o->device, &o->queue)) ||
        (s = conv2d_event_create(o->device, &o->event)) ||
        (s = conv2d_prepack(o->device, &o->weight.t, NULL, NULL, &o->context)))
        return s;
    in.data = out.data = NULL;
    in.buffer = o->in_buffer;
    out.buffer = o->out_buffer;
    args.input = &in;
    args.output = &out;
    args.queue = o->queue;
    args.event = o->event;
    if ((s = conv2d_copy_to_device(&o->input.t, &in)) || (s = conv2d_run(o->context, &args)) ||
        (s = conv2d_plan_create(o->context, &in, NULL, &out, &o->plan)) ||
        (s = conv2d_plan_run(o->plan, &args)))
        return s;
    return conv2d_copy_to_host(&out, &o->output.t);
}

static objects objects_make(void)
{
    objects o = {.device = NULL};
    o.input = box4(CONV2D_NCHW, 1, 3, 6, 6, 1);
    o.weight = box4(CONV2D_NCHW, 4, 3, 3, 3, 2);
    o.output = box4(CONV2D_NHWC, 1, 4, 4, 4, 3);
    box_poison(&o.output);
    return o;
}

static void objects_check(objects *o, conv2d_status s)
{
    if (s)
        assert_true(box_is_poisoned(&o->output));
    else
        assert_oracle(&o->output.t, &o->input.t, &o->weight.t, NULL, NULL, NULL);
}

static void objects_free(objects *o)
{
    conv2d_plan_destroy(o->plan);
    conv2d_context_destroy(o->context);
    conv2d_device_close(o->device);
    conv2d_event_destroy(o->event);
    conv2d_queue_destroy(o->queue);
    conv2d_buffer_destroy(o->in_buffer);
    conv2d_buffer_destroy(o->out_buffer);
    box_free(&o->input);
    box_free(&o->weight);
    box_free(&o->output);
    assert_nothing_alive();
}

static void test_nth_allocation(void **state)
{
    size_t n = 0;
    conv2d_status s;
    (void)state;
    do {
        counter memory = {0};
        const conv2d_allocator allocator = counter_allocator(&memory);
        objects o = objects_make();
        counter_arm(&memory, ++n);
        s = once(&o, &allocator);
        const bool fired = memory.fail_at == 0;
        counter_arm(&memory, 0);
        if (s != (fired ? CONV2D_E_NOMEM : CONV2D_OK))
            fail_msg("allocation %zu fails: %s \"%s\"", n, conv2d_status_name(s),
                     conv2d_last_error());
        objects_check(&o, s);
        objects_free(&o);
        for (int i = 0; i < 2000 && memory.live; i++)
            usleep(1000);
        assert_int_equal(memory.live, 0);
        assert_int_equal(memory.live_bytes, 0);
    } while (s);
    print_message("%zu allocations failed in turn\n", n - 1);
    assert_true(n > 15);
}

/* What Metal makes, with the status a program gets when it does not; how often it is made. */
static void test_nth_object_of_metal(void **state)
{
    static const struct {
        const char *what;
        conv2d_status status;
        int least;
    } kinds[] = {
        {"device", CONV2D_E_DEVICE, 0}, /* the list of all devices answers instead */
        {"queue", CONV2D_E_DEVICE, 2},    {"buffer", CONV2D_E_NOMEM, 3},
        {"library", CONV2D_E_DEVICE, 1},  {"function", CONV2D_E_DEVICE, 1},
        {"pipeline", CONV2D_E_DEVICE, 1}, {"encoder", CONV2D_E_DEVICE, 2},
        {"command", CONV2D_E_DEVICE, 2},
    };
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        int n = 0;
        conv2d_status s;
        do {
            objects o = objects_make();
            assert_int_equal(soft.fail_nth(kinds[k].what, ++n, 1), 0);
            s = once(&o, NULL);
            soft.fail_nth(kinds[k].what, 0, 0);
            if (s && (s != kinds[k].status || !conv2d_last_error()[0]))
                fail_msg("%s %d fails: %s \"%s\"", kinds[k].what, n, conv2d_status_name(s),
                         conv2d_last_error());
            objects_check(&o, s);
            objects_free(&o);
        } while (s && n < 100);
        print_message("%s: %d failed in turn\n", kinds[k].what, n - 1);
        assert_true(n - 1 >= kinds[k].least);
    }
}

int main(void)
{
    software_open();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nth_allocation),
        cmocka_unit_test(test_nth_object_of_metal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
