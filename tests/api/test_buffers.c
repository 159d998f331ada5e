/* SPDX-License-Identifier: BSD-2-Clause
 * Device memory, copies, queues and events through the public API on the CPU, where work is done
 * when a run returns. tests/backend runs the same calls on a device where it is not. */
#include "helpers.h"

/* A tensor like b's in a fresh buffer, `offset` bytes in. */
static conv2d_tensor in_buffer(conv2d_device *device, const box *b, size_t offset,
                               conv2d_buffer **buffer)
{
    conv2d_tensor t = b->t;
    assert_ok(conv2d_buffer_create(device, b->bytes + offset, buffer));
    t.data = NULL;
    t.buffer = *buffer;
    t.byte_offset = offset;
    return t;
}

static void test_buffer_facts(void **state)
{
    conv2d_device *device = open_cpu(1);
    conv2d_buffer *buffer = NULL, *empty = NULL;
    (void)state;
    assert_ok(conv2d_buffer_create(device, 100, &buffer));
    assert_int_equal(conv2d_buffer_bytes(buffer), 100);
    unsigned char *host = conv2d_buffer_host_pointer(buffer);
    assert_non_null(host);
    assert_int_equal((uintptr_t)host % 64, 0);
    memset(host, 1, 100);
    assert_ok(conv2d_buffer_create(device, 0, &empty));
    assert_int_equal(conv2d_buffer_bytes(empty), 0);
    conv2d_buffer *huge = NULL;
    assert_int_equal(conv2d_buffer_create(device, SIZE_MAX - 3, &huge), CONV2D_E_NOMEM);
    assert_null(huge);
    conv2d_device_close(device); /* buffers outlive the handle */
    memset(host, 2, 100);
    conv2d_buffer_destroy(buffer);
    conv2d_buffer_destroy(empty);
}

/* Memory of the caller's is used in place, and stays the caller's. */
static void test_wrapped_memory(void **state)
{
    conv2d_device *device = open_cpu(1);
    box input = box4(CONV2D_NCHW, 1, 3, 7, 6, 1), weight = box4(CONV2D_NCHW, 5, 3, 3, 3, 2);
    box output = box4(CONV2D_NCHW, 1, 5, 5, 4, 4);
    conv2d_buffer *in = NULL, *out = NULL, *none = NULL;
    (void)state;
    assert_ok(conv2d_buffer_wrap(device, input.memory, input.bytes, &in));
    assert_ok(conv2d_buffer_wrap(device, output.memory, output.bytes, &out));
    assert_ptr_equal(conv2d_buffer_host_pointer(in), input.memory);
    assert_int_equal(conv2d_buffer_bytes(in), input.bytes);
    conv2d_tensor ti = input.t, to = output.t;
    ti.data = to.data = NULL;
    ti.buffer = in;
    to.buffer = out;
    assert_ok(conv2d(device, &ti, &weight.t, NULL, NULL, NULL, &to));
    assert_oracle(&output.t, &input.t, &weight.t, NULL, NULL, NULL);
    assert_refused(conv2d_buffer_wrap(device, (char *)input.memory + 4, 8, &none),
                   CONV2D_E_ARGUMENT, "memory", "8");
    assert_refused(conv2d_buffer_wrap(device, NULL, 8, &none), CONV2D_E_ARGUMENT, "memory", "NULL");
    assert_refused(conv2d_buffer_wrap(NULL, input.memory, 8, &none), CONV2D_E_ARGUMENT, "device",
                   "NULL");
    assert_refused(conv2d_buffer_wrap(device, input.memory, 8, NULL), CONV2D_E_ARGUMENT,
                   "buffer_out", "NULL");
    assert_refused(conv2d_buffer_import(device, &input, &none), CONV2D_E_UNSUPPORTED, "native",
                   "CPU");
    assert_refused(conv2d_buffer_import(device, NULL, &none), CONV2D_E_ARGUMENT, "native", "NULL");
    assert_refused(conv2d_buffer_import(NULL, &input, &none), CONV2D_E_ARGUMENT, "device", "NULL");
    assert_refused(conv2d_buffer_import(device, &input, NULL), CONV2D_E_ARGUMENT, "buffer_out",
                   "NULL");
    assert_null(none);
    conv2d_buffer_destroy(in);
    conv2d_buffer_destroy(out);
    conv2d_device_close(device);
    box_free(&input);
    box_free(&weight);
    box_free(&output);
}

static void test_run_in_buffers(void **state)
{
    conv2d_device *device = open_cpu(2);
    box input = box4(CONV2D_NCHW, 2, 3, 7, 6, 1), weight = box4(CONV2D_NCHW, 5, 3, 3, 3, 2);
    box bias = box1(5, 3), output = box4(CONV2D_NHWC, 2, 5, 5, 4, 4);
    conv2d_buffer *buffers[4] = {NULL};
    conv2d_tensor in = in_buffer(device, &input, 64, &buffers[0]);
    conv2d_tensor wt = in_buffer(device, &weight, 4, &buffers[1]);
    conv2d_tensor bs = in_buffer(device, &bias, 0, &buffers[2]);
    conv2d_tensor out = in_buffer(device, &output, 12, &buffers[3]);
    (void)state;
    assert_ok(conv2d_copy_to_device(&input.t, &in));
    assert_ok(conv2d_copy_to_device(&weight.t, &wt));
    assert_ok(conv2d_copy_to_device(&bias.t, &bs));
    assert_ok(conv2d(device, &in, &wt, &bs, NULL, NULL, &out));
    assert_ok(conv2d_copy_to_host(&out, &output.t));
    assert_oracle(&output.t, &input.t, &weight.t, &bias.t, NULL, NULL);
    /* outside the view nothing was written: the first bytes of the buffer stay as they were */
    box_poison(&output);
    memset(conv2d_buffer_host_pointer(buffers[3]), 0x11, 12);
    assert_ok(conv2d(device, &in, &wt, &bs, NULL, NULL, &out));
    for (int i = 0; i < 12; i++)
        assert_int_equal(((unsigned char *)conv2d_buffer_host_pointer(buffers[3]))[i], 0x11);
    for (int i = 0; i < 4; i++)
        conv2d_buffer_destroy(buffers[i]);
    box_free(&input);
    box_free(&weight);
    box_free(&bias);
    box_free(&output);
    conv2d_device_close(device);
}

/* Copies go element by element whatever the strides of both sides. */
static void test_copies_with_strides(void **state)
{
    conv2d_device *device = open_cpu(1);
    box host = box4(CONV2D_NCHW, 2, 3, 4, 5, 1), back = box4(CONV2D_NCHW, 2, 3, 8, 10, 2);
    conv2d_buffer *buffer = NULL;
    conv2d_tensor there = in_buffer(device, &back, 0, &buffer);
    (void)state;
    memcpy(there.sizes, host.t.sizes, sizeof there.sizes);
    there.strides[2] *= 2; /* every second row, columns from the right */
    there.strides[3] = -1;
    there.byte_offset = 9 * sizeof(float);
    memset(conv2d_buffer_host_pointer(buffer), 0xA5, conv2d_buffer_bytes(buffer));
    assert_ok(conv2d_copy_to_device(&host.t, &there));
    conv2d_tensor view = back.t; /* and back, rows and columns exchanged */
    memcpy(view.sizes, host.t.sizes, sizeof view.sizes);
    swap_axes(&view, 2, 3);
    conv2d_tensor_set_order(&view, CONV2D_NHWC);
    swap_axes(&view, 2, 3);
    box_poison(&back);
    assert_ok(conv2d_copy_to_host(&there, &view));
    for (int64_t n = 0; n < 2; n++)
        for (int64_t c = 0; c < 3; c++)
            for (int64_t h = 0; h < 4; h++)
                for (int64_t w = 0; w < 5; w++)
                    assert_true(element(&view, n, c, h, w) == element(&host.t, n, c, h, w));
    size_t written = 0;
    for (size_t i = 0; i < conv2d_buffer_bytes(buffer); i += sizeof(float))
        written +=
            memcmp((char *)conv2d_buffer_host_pointer(buffer) + i, "\xA5\xA5\xA5\xA5", 4) != 0;
    assert_int_equal(written, 2 * 3 * 4 * 5);
    conv2d_buffer_destroy(buffer);
    box_free(&host);
    box_free(&back);
    conv2d_device_close(device);
}

static void test_copies_refused(void **state)
{
    conv2d_device *device = open_cpu(1);
    box host = box4(CONV2D_NCHW, 1, 2, 3, 4, 1);
    conv2d_buffer *buffer = NULL;
    conv2d_tensor there = in_buffer(device, &host, 0, &buffer), t;
    (void)state;
    box_poison(&host);
    const conv2d_status arg = CONV2D_E_ARGUMENT, shape = CONV2D_E_SHAPE;
    assert_refused(conv2d_copy_to_device(NULL, &there), arg, "host", "NULL");
    assert_refused(conv2d_copy_to_device(&host.t, NULL), arg, "device", "NULL");
    assert_refused(conv2d_copy_to_host(NULL, &host.t), arg, "device", "NULL");
    assert_refused(conv2d_copy_to_host(&there, NULL), arg, "host", "NULL");
    t = there; /* no buffer where one must be, and one where none may be */
    t.buffer = NULL;
    assert_refused(conv2d_copy_to_host(&t, &host.t), arg, "device", "buffer");
    assert_refused(conv2d_copy_to_device(&there, &there), arg, "host", NULL);
    t = there;
    t.dtype = CONV2D_FLOAT64;
    assert_refused(conv2d_copy_to_host(&t, &host.t), CONV2D_E_DTYPE, "float64", "float32");
    t = there;
    t.sizes[1] = 1;
    assert_refused(conv2d_copy_to_host(&t, &host.t), shape, "1", "2");
    t = there;
    t.byte_offset = 4; /* the last element is outside */
    assert_refused(conv2d_copy_to_host(&t, &host.t), shape, "buffer", "byte_offset");
    t.byte_offset = UINT64_MAX - 3;
    assert_refused(conv2d_copy_to_host(&t, &host.t), shape, "buffer", "byte_offset");
    t.byte_offset = 2;
    t.sizes[0] = host.t.sizes[0];
    assert_refused(conv2d_copy_to_host(&t, &host.t), CONV2D_E_STRIDE, "byte_offset", "2");
    t = there;
    t.strides[3] = -1;
    assert_refused(conv2d_copy_to_host(&t, &host.t), shape, "buffer", NULL);
    t = host.t;
    t.strides[3] = 0; /* four elements onto one address */
    assert_refused(conv2d_copy_to_host(&there, &t), CONV2D_E_STRIDE, "host", NULL);
    t = host.t;
    t.data = (char *)t.data + 1;
    assert_refused(conv2d_copy_to_host(&there, &t), CONV2D_E_STRIDE, "host", "multiple of 4");
    assert_true(box_is_poisoned(&host));
    conv2d_buffer_destroy(buffer);
    box_free(&host);
    conv2d_device_close(device);
}

/* A tensor that leaves its buffer, lies in two places, or in another device's memory. */
static void test_run_refuses_wrong_buffers(void **state)
{
    conv2d_device *device = open_cpu(1), *other = open_cpu(1);
    box input = box4(CONV2D_NCHW, 1, 2, 5, 5, 1), weight = box4(CONV2D_NCHW, 3, 2, 3, 3, 2);
    box output = box4(CONV2D_NCHW, 1, 3, 3, 3, 3);
    conv2d_buffer *mine = NULL, *foreign = NULL;
    conv2d_tensor in = in_buffer(device, &input, 0, &mine);
    conv2d_tensor far = in_buffer(other, &input, 0, &foreign);
    (void)state;
    box_poison(&output);
    in.byte_offset = 4;
    assert_refused(conv2d(device, &in, &weight.t, NULL, NULL, NULL, &output.t), CONV2D_E_SHAPE,
                   "input", "buffer");
    in.byte_offset = 0;
    in.data = input.t.data;
    assert_refused(conv2d(device, &in, &weight.t, NULL, NULL, NULL, &output.t), CONV2D_E_ARGUMENT,
                   "input", "both");
    assert_refused(conv2d(device, &far, &weight.t, NULL, NULL, NULL, &output.t), CONV2D_E_ARGUMENT,
                   "input", "device");
    assert_true(box_is_poisoned(&output));
    conv2d_buffer_destroy(mine);
    conv2d_buffer_destroy(foreign);
    conv2d_device_close(device);
    conv2d_device_close(other);
    box_free(&input);
    box_free(&weight);
    box_free(&output);
}

static void test_queues_and_events(void **state)
{
    conv2d_device *device = open_cpu(2), *other = open_cpu(1);
    box input = box4(CONV2D_NCHW, 1, 2, 5, 5, 1), weight = box4(CONV2D_NCHW, 3, 2, 3, 3, 2);
    box output = box4(CONV2D_NCHW, 1, 3, 3, 3, 3);
    conv2d_context *context = NULL;
    conv2d_queue *queue = NULL, *foreign = NULL;
    conv2d_event *event = NULL;
    conv2d_run_args args = CONV2D_RUN_ARGS_INIT;
    int done = -1;
    (void)state;
    assert_ok(conv2d_prepack(device, &weight.t, NULL, NULL, &context));
    assert_ok(conv2d_queue_create(device, &queue));
    assert_ok(conv2d_queue_create(other, &foreign));
    assert_ok(conv2d_event_create(device, &event));
    assert_ok(conv2d_event_query(event, &done));
    assert_int_equal(done, 1);
    assert_ok(conv2d_event_wait(event));
    args.input = &input.t;
    args.output = &output.t;
    args.queue = queue;
    args.event = event;
    for (int i = 0; i < 2; i++) { /* an event is reusable */
        box_poison(&output);
        assert_ok(conv2d_run(context, &args));
        assert_ok(conv2d_event_query(event, &done));
        assert_int_equal(done, 1);
        assert_ok(conv2d_event_wait(event));
        assert_oracle(&output.t, &input.t, &weight.t, NULL, NULL, NULL);
    }
    assert_ok(conv2d_queue_sync(queue));
    assert_ok(conv2d_device_sync(device));
    args.queue = foreign;
    box_poison(&output);
    assert_refused(conv2d_run(context, &args), CONV2D_E_ARGUMENT, "queue", "device");
    assert_true(box_is_poisoned(&output));
    conv2d_context_destroy(context);
    conv2d_device_close(device); /* queues and events outlive the handle */
    conv2d_device_close(other);
    assert_ok(conv2d_queue_sync(queue));
    conv2d_queue_destroy(queue);
    conv2d_queue_destroy(foreign);
    conv2d_event_destroy(event);
    box_free(&input);
    box_free(&weight);
    box_free(&output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buffer_facts),
        cmocka_unit_test(test_wrapped_memory),
        cmocka_unit_test(test_run_in_buffers),
        cmocka_unit_test(test_copies_with_strides),
        cmocka_unit_test(test_copies_refused),
        cmocka_unit_test(test_run_refuses_wrong_buffers),
        cmocka_unit_test(test_queues_and_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
