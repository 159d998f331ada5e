/* SPDX-License-Identifier: BSD-2-Clause
 * Context files across devices: what a CPU saved runs on a device whose memory the host cannot
 * address, and the other way round; each takes its own packed forms and makes what it lacks. */
#include "../api/file_helpers.h"
#include "fake_backend.h"

/* One run with all tensors in buffers, as any device takes them. */
static box run_on(const setup *s, conv2d_device *device, conv2d_context *context)
{
    int64_t sizes[4];
    assert_ok(conv2d_output_sizes(&s->input.t, &s->weight.t, &s->params, sizes));
    box output = box4(CONV2D_NCHW, sizes[0], sizes[1], sizes[2], sizes[3], 9);
    conv2d_buffer *buffers[2];
    conv2d_tensor in = s->input.t, out = output.t;
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    assert_ok(conv2d_buffer_create(device, s->input.bytes, &buffers[0]));
    assert_ok(conv2d_buffer_create(device, output.bytes, &buffers[1]));
    in.data = out.data = NULL;
    in.buffer = buffers[0];
    out.buffer = buffers[1];
    args.input = &in;
    args.output = &out;
    assert_ok(conv2d_copy_to_device(&s->input.t, &in));
    assert_ok(conv2d_run(context, &args));
    assert_ok(conv2d_copy_to_host(&out, &output.t));
    conv2d_buffer_destroy(buffers[0]);
    conv2d_buffer_destroy(buffers[1]);
    return output;
}

static conv2d_device *open_named(const char *name)
{
    conv2d_device *device = NULL;
    assert_ok(conv2d_device_open(name, NULL, &device));
    return device;
}

static bytes file_from(const setup *s, const char *backend, const conv2d_save_options *o)
{
    conv2d_device *device = open_named(backend);
    conv2d_context *context = setup_context(s, device);
    bytes b = bytes_of(context, o);
    conv2d_context_destroy(context);
    conv2d_device_close(device);
    return b;
}

/* Load and run; the value the oracle has, and as many packings as expected. */
static void load_and_run(const setup *s, const bytes *b, const char *backend, bool packs)
{
    conv2d_device *device = open_named(backend);
    conv2d_file *file;
    conv2d_context *context;
    assert_ok(conv2d_file_open_memory(b->at, b->n, NULL, &file));
    assert_ok(conv2d_file_context(file, device, NULL, &context));
    conv2d_file_close(file);
    box output = run_on(s, device, context);
    assert_oracle(&output.t, &s->input.t, &s->weight.t, &s->bias.t, NULL, &s->params);
    conv2d_context_info info = CONV2D_CONTEXT_INFO_INIT;
    assert_ok(conv2d_context_get_info(context, &info));
    assert_int_equal(info.times_packed, packs);
    assert_int_equal(info.times_loaded, !packs);
    assert_int_equal(info.stored_forms, !packs);
    box_free(&output);
    conv2d_context_destroy(context);
    conv2d_device_close(device);
}

static void assert_all_freed(void)
{
    for (int i = 0; i < 5000 && fake_count.devices; i++)
        usleep(1000);
    assert_int_equal(fake_count.devices, 0);
    assert_int_equal(fake_count.buffers, 0);
    assert_int_equal(fake_count.states, 0);
}

static void test_from_each_to_each(void **state)
{
    static const char *const backends[] = {"cpu", "fake"};
    setup s = setup_of(CONV2D_FLOAT32, 5, 3, 3, 1, 7);
    const conv2d_save_options o = setup_options(&s, NULL);
    (void)state;
    for (int from = 0; from < 2; from++) {
        bytes b = file_from(&s, backends[from], &o);
        for (int to = 0; to < 2; to++)
            load_and_run(&s, &b, backends[to], from != to);
        free(b.at);
    }
    assert_all_freed();
    setup_free(&s);
}

/* A device without levels: "all" are its own, and no other can be named. */
static void test_levels(void **state)
{
    setup s = setup_of(CONV2D_FLOAT32, 4, 4, 1, 1, 5);
    conv2d_save_options o = setup_options(&s, "all");
    (void)state;
    bytes b = file_from(&s, "fake", &o);
    load_and_run(&s, &b, "fake", false);
    conv2d_device *device = open_named("fake");
    conv2d_context *context = setup_context(&s, device);
    o.isas = "avx2";
    assert_refused(conv2d_contexts_write(1, &context, NULL, bytes_write, &b, &o), CONV2D_E_ARGUMENT,
                   "avx2", "fake");
    conv2d_context_destroy(context);
    conv2d_device_close(device);
    assert_all_freed();
    free(b.at);
    setup_free(&s);
}

/* Contexts of two devices in one file: each finds its own form. */
static void test_both_in_one_file(void **state)
{
    setup s = setup_of(CONV2D_FLOAT32, 5, 3, 3, 1, 7);
    conv2d_device *devices[] = {open_named("cpu"), open_named("fake")};
    conv2d_context *contexts[2], *loaded;
    const char *const names[] = {"here", "there"};
    const conv2d_save_options o = setup_options(&s, NULL);
    conv2d_file *file;
    bytes b = {NULL, 0, 0};
    (void)state;
    for (int i = 0; i < 2; i++)
        contexts[i] = setup_context(&s, devices[i]);
    assert_ok(conv2d_contexts_write(2, contexts, names, bytes_write, &b, &o));
    assert_ok(conv2d_file_open_memory(b.at, b.n, NULL, &file));
    for (int i = 0; i < 2; i++) {
        assert_ok(conv2d_file_context(file, devices[i], names[i], &loaded));
        box output = run_on(&s, devices[i], loaded);
        assert_oracle(&output.t, &s.input.t, &s.weight.t, &s.bias.t, NULL, &s.params);
        conv2d_context_info info = CONV2D_CONTEXT_INFO_INIT;
        assert_ok(conv2d_context_get_info(loaded, &info));
        assert_int_equal(info.times_packed, 0);
        assert_int_equal(info.packed_bytes > 0, i); /* a copy on the device, none on the host */
        box_free(&output);
        conv2d_context_destroy(loaded);
        conv2d_context_destroy(contexts[i]);
        conv2d_device_close(devices[i]);
    }
    conv2d_file_close(file);
    assert_all_freed();
    free(b.at);
    setup_free(&s);
}

/* Taking the form fails: the run says why, and works the next time. */
static void test_upload_fails(void **state)
{
    setup s = setup_of(CONV2D_FLOAT32, 5, 3, 3, 1, 7);
    const conv2d_save_options o = setup_options(&s, NULL);
    bytes b = file_from(&s, "fake", &o);
    conv2d_device *device = open_named("fake");
    conv2d_file *file;
    conv2d_context *context;
    conv2d_plan *plan = NULL;
    int64_t sizes[4];
    (void)state;
    assert_ok(conv2d_output_sizes(&s.input.t, &s.weight.t, &s.params, sizes));
    const conv2d_tensor out =
        conv2d_tensor_f32(NULL, CONV2D_NCHW, sizes[0], sizes[1], sizes[2], sizes[3]);
    assert_ok(conv2d_file_open_memory(b.at, b.n, NULL, &file));
    assert_ok(conv2d_file_context(file, device, NULL, &context));
    atomic_store(&fake_fault.upload, 1);
    assert_refused(conv2d_plan_create(context, &s.input.t, NULL, &out, &plan), CONV2D_E_DEVICE,
                   "failed to take", NULL);
    assert_null(plan);
    assert_ok(conv2d_plan_create(context, &s.input.t, NULL, &out, &plan));
    conv2d_plan_destroy(plan);
    conv2d_context_destroy(context);
    conv2d_file_close(file);
    conv2d_device_close(device);
    assert_all_freed();
    free(b.at);
    setup_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_each_to_each),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_both_in_one_file),
        cmocka_unit_test(test_upload_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
