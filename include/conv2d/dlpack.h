/* SPDX-License-Identifier: BSD-2-Clause
 * DLPack: tensors of other libraries described as conv2d_tensor, and the other way round, without
 * copies. Optional: no other header includes this one. It needs <dlpack/dlpack.h>, 0.6 or newer
 * (Debian: libdlpack-dev), and nothing to link beside conv2d.
 *
 * Only descriptions are made. Who owns the memory goes on owning it: a DLManagedTensor's deleter
 * is called by the program, after the last run that uses the description. */
#ifndef CONV2D_DLPACK_H
#define CONV2D_DLPACK_H

#include <dlpack/dlpack.h>

#include "conv2d.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The dtype with this code and width, 0 if conv2d has no such one. */
static inline int32_t conv2d_dlpack_dtype(int code, int bits)
{
    switch (code * 256 + bits) {
    case kDLFloat * 256 + 32:
        return CONV2D_FLOAT32;
    case kDLFloat * 256 + 64:
        return CONV2D_FLOAT64;
    case kDLFloat * 256 + 16:
        return CONV2D_FLOAT16;
    case kDLBfloat * 256 + 16:
        return CONV2D_BFLOAT16;
    case kDLInt * 256 + 8:
        return CONV2D_INT8;
    case kDLUInt * 256 + 8:
        return CONV2D_UINT8;
    case kDLInt * 256 + 32:
        return CONV2D_INT32;
    default:
        return 0;
    }
}

/** Describe a DLPack tensor.
 *  from     borrowed; 1, 3 or 4 dimensions (weights in the order OC IC/G KH KW); strides NULL means
 *           row-major. Memory of the host (kDLCPU, kDLCUDAHost, kDLROCMHost, kDLCUDAManaged) is
 *           used where it lies.
 *  buffer   NULL for memory of the host. For memory of a GPU (kDLCUDA, kDLVulkan, kDLMetal): a
 *           buffer over the handle from->data, made on a device of that kind; kept by tensor_out.
 *  tensor_out  from->byte_offset is in data, or with a buffer in byte_offset.
 *  Returns  CONV2D_OK; CONV2D_E_SHAPE for another number of dimensions; CONV2D_E_DTYPE for another
 *           type; CONV2D_E_DEVICE if device and buffer do not fit together. conv2d_last_error() is
 *           not touched; tensor_out is untouched on error. Threads: any. Since 0.1 */
static inline conv2d_status conv2d_tensor_from_dlpack(const DLTensor *from, conv2d_buffer *buffer,
                                                      conv2d_tensor *tensor_out)
{
    conv2d_tensor tensor = CONV2D_TENSOR_INIT;
    int device = (int)from->device.device_type, i = 0;
    int on_host = device == kDLCPU || device == kDLCUDAHost || device == kDLROCMHost ||
                  device == kDLCUDAManaged;
    int on_gpu = device == kDLCUDA || device == kDLVulkan || device == kDLMetal;
    if (from->ndim != 1 && from->ndim != 3 && from->ndim != 4)
        return CONV2D_E_SHAPE;
    tensor.dtype =
        from->dtype.lanes == 1 ? conv2d_dlpack_dtype(from->dtype.code, from->dtype.bits) : 0;
    if (!tensor.dtype)
        return CONV2D_E_DTYPE;
    if (buffer ? !on_gpu : !on_host)
        return CONV2D_E_DEVICE;
    tensor.rank = from->ndim;
    for (i = 0; i < tensor.rank; i++)
        tensor.sizes[i] = from->shape[i];
    if (from->strides) {
        for (i = 0; i < tensor.rank; i++)
            tensor.strides[i] = from->strides[i];
    } else {
        conv2d_tensor_set_order(&tensor, CONV2D_NCHW);
    }
    tensor.buffer = buffer;
    if (buffer)
        tensor.byte_offset = from->byte_offset;
    else if (from->data)
        tensor.data = (char *)from->data + from->byte_offset;
    *tensor_out = tensor;
    return CONV2D_OK;
}

/** Describe a tensor for DLPack.
 *  from     borrowed; its sizes and strides are pointed to by dl_out, so it must outlive dl_out.
 *  device   where the memory is: {kDLCPU, 0}, or the GPU that from->buffer is on.
 *  handle   NULL for memory of the host (from->data is taken); else the native handle of
 *           from->buffer.
 *  dl_out   what a DLManagedTensor holds; its deleter is the program's business.
 *  Returns  CONV2D_OK; CONV2D_E_DTYPE for an unknown dtype; CONV2D_E_SHAPE for a rank of 0;
 *           CONV2D_E_DEVICE if device, handle and from->buffer do not fit together. Threads: any.
 *  Since    0.1 */
static inline conv2d_status conv2d_tensor_to_dlpack(conv2d_tensor *from, DLDevice device,
                                                    void *handle, DLTensor *dl_out)
{
    static const unsigned char codes[8][2] = {{0, 0},         {kDLFloat, 32},  {kDLFloat, 64},
                                              {kDLFloat, 16}, {kDLBfloat, 16}, {kDLInt, 8},
                                              {kDLUInt, 8},   {kDLInt, 32}};
    if (from->rank < 1 || from->rank > 4)
        return CONV2D_E_SHAPE;
    if (from->dtype < 1 || from->dtype > 7)
        return CONV2D_E_DTYPE;
    if (!from->buffer != !handle || !handle != (device.device_type == kDLCPU))
        return CONV2D_E_DEVICE;
    dl_out->data = handle ? handle : from->data;
    dl_out->byte_offset = handle ? from->byte_offset : 0;
    dl_out->device = device;
    dl_out->ndim = from->rank;
    dl_out->dtype.code = codes[from->dtype][0];
    dl_out->dtype.bits = codes[from->dtype][1];
    dl_out->dtype.lanes = 1;
    dl_out->shape = from->sizes;
    dl_out->strides = from->strides;
    return CONV2D_OK;
}

#ifdef __cplusplus
}
#endif
#endif
