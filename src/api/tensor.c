/* SPDX-License-Identifier: BSD-2-Clause
 * Small constructors of tensor descriptions. */
#include "core/dtype.h"
#include "core/shape.h"

conv2d_tensor conv2d_tensor_of(int32_t dtype, void *data, conv2d_order order, int64_t n, int64_t c,
                               int64_t h, int64_t w)
{
    conv2d_tensor t = CONV2D_TENSOR_INIT;
    t.dtype = dtype;
    t.data = data;
    t.rank = 4;
    t.sizes[0] = n;
    t.sizes[1] = c;
    t.sizes[2] = h;
    t.sizes[3] = w;
    conv2d_tensor_set_order(&t, order);
    return t;
}

conv2d_tensor conv2d_vector_of(int32_t dtype, void *data, int64_t n)
{
    conv2d_tensor t = CONV2D_TENSOR_INIT;
    t.dtype = dtype;
    t.data = data;
    t.rank = 1;
    t.sizes[0] = n;
    t.strides[0] = 1;
    return t;
}

conv2d_tensor conv2d_tensor_f32(void *data, conv2d_order order, int64_t n, int64_t c, int64_t h,
                                int64_t w)
{
    return conv2d_tensor_of(CONV2D_FLOAT32, data, order, n, c, h, w);
}

conv2d_tensor conv2d_vector_f32(void *data, int64_t n)
{
    return conv2d_vector_of(CONV2D_FLOAT32, data, n);
}

void conv2d_tensor_set_order(conv2d_tensor *tensor, conv2d_order order)
{
    if (tensor && (tensor->rank == 1 || tensor->rank == 3 || tensor->rank == 4))
        c2_contiguous_strides(tensor->rank, tensor->sizes, order, tensor->strides);
}

size_t conv2d_dtype_bytes(int32_t dtype) { return c2_dtype_bytes(dtype); }
