/* SPDX-License-Identifier: BSD-2-Clause
 * conv2d/dlpack.h as C and as C++ sees it; test_package.py compiles it both ways against the
 * installed package. Exit status 0, or the line of the check that failed. */
#include <conv2d/dlpack.h>
#include <string.h>

#define CHECK(condition)               \
    do {                               \
        if (!(condition))              \
            return __LINE__ % 255 + 1; \
    } while (0)

static float memory[32];
static int64_t shape[4] = {1, 1, 3, 4}, rows[4] = {12, 12, -4, 1};

static DLTensor host_tensor(void)
{
    DLTensor dl;
    memset(&dl, 0, sizeof dl);
    dl.data = memory;
    dl.device.device_type = kDLCPU;
    dl.ndim = 4;
    dl.dtype.code = kDLFloat;
    dl.dtype.bits = 32;
    dl.dtype.lanes = 1;
    dl.shape = shape;
    return dl;
}

static int run_on_host(void)
{
    DLTensor dl = host_tensor(), back;
    conv2d_tensor input, output = conv2d_tensor_f32(&memory[31], CONV2D_NCHW, 1, 1, 1, 1);
    conv2d_tensor weight = conv2d_tensor_f32(&memory[30], CONV2D_NCHW, 1, 1, 1, 1);
    conv2d_params params = CONV2D_PARAMS_INIT;
    for (int i = 0; i < 12; i++)
        memory[i] = (float)i;
    memory[30] = 2;
    params.stride[0] = 3;
    params.stride[1] = 4;

    CHECK(conv2d_tensor_from_dlpack(&dl, NULL, &input) == CONV2D_OK);
    CHECK(input.data == memory && input.strides[2] == 4 && input.strides[3] == 1);
    CHECK(conv2d(NULL, &input, &weight, NULL, NULL, &params, &output) == CONV2D_OK);
    CHECK(memory[31] == 0);
    dl.strides = rows; /* the rows upside down: element (0, 0) is 8 floats in */
    dl.byte_offset = 8 * sizeof(float);
    CHECK(conv2d_tensor_from_dlpack(&dl, NULL, &input) == CONV2D_OK);
    CHECK(conv2d(NULL, &input, &weight, NULL, NULL, &params, &output) == CONV2D_OK);
    CHECK(memory[31] == 16);

    DLDevice cpu = dl.device;
    CHECK(conv2d_tensor_to_dlpack(&input, cpu, NULL, &back) == CONV2D_OK);
    CHECK(back.data == &memory[8] && back.byte_offset == 0 && back.ndim == 4);
    CHECK(!memcmp(back.shape, shape, sizeof shape) && !memcmp(back.strides, rows, sizeof rows));
    CHECK(back.dtype.code == kDLFloat && back.dtype.bits == 32 && back.dtype.lanes == 1);
    return 0;
}

static int refuse(void)
{
    DLTensor dl = host_tensor();
    conv2d_tensor tensor = CONV2D_TENSOR_INIT, before = tensor;
    dl.ndim = 2;
    CHECK(conv2d_tensor_from_dlpack(&dl, NULL, &tensor) == CONV2D_E_SHAPE);
    dl = host_tensor();
    dl.dtype.lanes = 4;
    CHECK(conv2d_tensor_from_dlpack(&dl, NULL, &tensor) == CONV2D_E_DTYPE);
    dl = host_tensor();
    dl.dtype.code = kDLComplex;
    CHECK(conv2d_tensor_from_dlpack(&dl, NULL, &tensor) == CONV2D_E_DTYPE);
    dl = host_tensor();
    dl.device.device_type = kDLCUDA;
    CHECK(conv2d_tensor_from_dlpack(&dl, NULL, &tensor) == CONV2D_E_DEVICE);
    CHECK(!memcmp(&tensor, &before, sizeof tensor));
    CHECK(conv2d_tensor_to_dlpack(&tensor, dl.device, memory, &dl) == CONV2D_E_SHAPE);
    tensor = conv2d_vector_f32(memory, 3);
    CHECK(conv2d_tensor_to_dlpack(&tensor, dl.device, NULL, &dl) == CONV2D_E_DEVICE);
    tensor.dtype = 99;
    CHECK(conv2d_tensor_to_dlpack(&tensor, dl.device, NULL, &dl) == CONV2D_E_DTYPE);
    return 0;
}

/* Every dtype there and back, and memory that a buffer holds. */
static int other_types_and_places(void)
{
    conv2d_device *device = NULL;
    conv2d_buffer *buffer = NULL;
    DLDevice metal;
    metal.device_type = kDLMetal;
    metal.device_id = 0;
    CHECK(conv2d_device_open("cpu", NULL, &device) == CONV2D_OK);
    CHECK(conv2d_buffer_create(device, 256, &buffer) == CONV2D_OK);
    for (int32_t dtype = CONV2D_FLOAT32; dtype <= CONV2D_INT32; dtype++) {
        DLTensor dl;
        conv2d_tensor tensor = CONV2D_TENSOR_INIT, again;
        tensor.dtype = dtype;
        tensor.rank = 3;
        for (int i = 0; i < 3; i++)
            tensor.sizes[i] = i + 2;
        conv2d_tensor_set_order(&tensor, CONV2D_NHWC);
        tensor.buffer = buffer;
        tensor.byte_offset = 64;
        CHECK(conv2d_tensor_to_dlpack(&tensor, metal, memory, &dl) == CONV2D_OK);
        CHECK(dl.data == memory && dl.byte_offset == 64);
        CHECK(dl.dtype.bits == 8 * conv2d_dtype_bytes(dtype));
        CHECK(conv2d_tensor_from_dlpack(&dl, buffer, &again) == CONV2D_OK);
        CHECK(again.dtype == dtype && again.buffer == buffer && again.byte_offset == 64);
        CHECK(again.strides[0] == 1 && again.strides[1] == 8 && again.strides[2] == 2);
    }
    conv2d_buffer_destroy(buffer);
    conv2d_device_close(device);
    return 0;
}

int main(void)
{
    int failed = run_on_host();
    failed = failed ? failed : refuse();
    return failed ? failed : other_types_and_places();
}
