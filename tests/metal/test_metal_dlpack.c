/* SPDX-License-Identifier: BSD-2-Clause
 * DLPack tensors of kDLMetal, as PyTorch's "mps" device gives them: an MTLBuffer of somebody else's
 * and an offset, used in place on the device that the caller's MTLDevice is. */
#include <dlfcn.h>

#include "conv2d/dlpack.h"
#include "metal_helpers.h"

typedef void *(*sender)(void *self, void *selector);
typedef void *(*buffer_maker)(void *self, void *selector, unsigned long n, unsigned long options);

static void find(const char *name, void *function)
{
    void *address = dlsym(soft.handle, name);
    assert_non_null(address);
    memcpy(function, &address, sizeof address);
}

/* A tensor as its owner describes it: channels last, `offset` bytes into an MTLBuffer. */
static DLTensor foreign(void *native, const conv2d_tensor *like, int64_t sizes[4],
                        int64_t strides[4], size_t offset)
{
    DLTensor dl;
    memset(&dl, 0, sizeof dl);
    for (int i = 0; i < 4; i++) {
        sizes[i] = like->sizes[i];
        strides[i] = like->strides[i];
    }
    dl.data = native;
    dl.device.device_type = kDLMetal;
    dl.ndim = 4;
    dl.dtype.code = kDLFloat;
    dl.dtype.bits = 32;
    dl.dtype.lanes = 1;
    dl.shape = sizes;
    dl.strides = strides;
    dl.byte_offset = offset;
    return dl;
}

static void test_in_place(void **state)
{
    (void)state;
    enum { OFFSET = 64 };
    void *(*create)(void), *(*selector)(const char *);
    sender send;
    buffer_maker make;
    find("MTLCreateSystemDefaultDevice", &create);
    find("sel_registerName", &selector);
    find("objc_msgSend", &send);
    find("objc_msgSend", &make);
    box input = box4(CONV2D_NHWC, 1, 3, 8, 8, 1), weight = box4(CONV2D_NCHW, 4, 3, 3, 3, 2);
    box output = box4(CONV2D_NHWC, 1, 4, 6, 6, 3);
    void *gpu = create();
    void *native[2] = {
        make(gpu, selector("newBufferWithLength:options:"), input.bytes + OFFSET, 0),
        make(gpu, selector("newBufferWithLength:options:"), output.bytes + OFFSET, 0)};
    memcpy((char *)send(native[0], selector("contents")) + OFFSET, input.memory, input.bytes);

    conv2d_device_options options = CONV2D_DEVICE_OPTIONS_INIT;
    conv2d_device *device = NULL;
    conv2d_buffer *buffers[2] = {NULL, NULL};
    conv2d_tensor in, out;
    int64_t numbers[4][4];
    options.native_device = gpu;
    assert_ok(conv2d_device_open("metal", &options, &device));
    for (int i = 0; i < 2; i++) {
        assert_ok(conv2d_buffer_import(device, native[i], &buffers[i]));
        assert_ptr_equal(conv2d_buffer_host_pointer(buffers[i]),
                         send(native[i], selector("contents")));
    }
    DLTensor dl = foreign(native[0], &input.t, numbers[0], numbers[1], OFFSET);
    assert_ok(conv2d_tensor_from_dlpack(&dl, buffers[0], &in));
    dl = foreign(native[1], &output.t, numbers[2], numbers[3], OFFSET);
    assert_ok(conv2d_tensor_from_dlpack(&dl, buffers[1], &out));
    assert_ok(conv2d(device, &in, &weight.t, NULL, NULL, NULL, &out));
    assert_ok(conv2d_device_sync(device));
    memcpy(output.memory, (char *)send(native[1], selector("contents")) + OFFSET, output.bytes);
    assert_oracle(&output.t, &input.t, &weight.t, NULL, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        conv2d_buffer_destroy(buffers[i]);
        send(native[i], selector("release"));
    }
    conv2d_device_close(device);
    send(gpu, selector("release"));
    box_free(&input);
    box_free(&weight);
    box_free(&output);
    assert_nothing_alive();
}

int main(void)
{
    software_open();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_in_place)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
