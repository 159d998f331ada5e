/* SPDX-License-Identifier: BSD-2-Clause
 * Checks of where tensors lie: pointers, alignment, buffers, overlap. */
#include <inttypes.h>

#include "api/check.h"
#include "core/dtype.h"
#include "core/error.h"
#include "core/shape.h"
#include "core/text.h"

const conv2d_tensor *c2_optional(const conv2d_tensor *tensor)
{
    return tensor && tensor->struct_size >= sizeof *tensor && tensor->rank == 0 ? NULL : tensor;
}

conv2d_status c2_check_distinct(const char *name, const conv2d_tensor *t)
{
    if (c2_strides_distinct(t->rank, t->sizes, t->strides))
        return CONV2D_OK;
    char strides[4 * 24];
    c2_text text = {strides, sizeof strides, 0};
    for (int i = 0; i < t->rank; i++)
        c2_text_add(&text, "%s%" PRId64, i ? "," : "", t->strides[i]);
    return c2_fail(CONV2D_E_STRIDE,
                   "%s.strides are %s: elements overlap, expected distinct addresses", name,
                   strides);
}

static bool is_empty(const conv2d_tensor *t)
{
    for (int i = 0; i < t->rank; i++)
        if (t->sizes[i] == 0)
            return true;
    return false;
}

static conv2d_status check_buffer(const char *name, const conv2d_device *device,
                                  const conv2d_tensor *t, int64_t low, int64_t high)
{
    const int64_t bytes = (int64_t)c2_dtype_bytes(t->dtype);
    if (t->data)
        return c2_fail(CONV2D_E_ARGUMENT, "%s has both data and buffer: expected one", name);
    if (t->buffer->device != device)
        return c2_fail(CONV2D_E_ARGUMENT, "%s.buffer belongs to another device", name);
    if (t->byte_offset % (uint64_t)bytes)
        return c2_fail(CONV2D_E_STRIDE,
                       "%s.byte_offset is %" PRIu64 ": expected a multiple of %" PRId64, name,
                       t->byte_offset, bytes);
    int64_t first, end; /* bytes; c2_extent made low, high fit 63 bits */
    if (t->byte_offset > INT64_MAX || !c2_add_ok((int64_t)t->byte_offset, low * bytes, &first) ||
        !c2_add_ok((int64_t)t->byte_offset, (high + 1) * bytes, &end) || first < 0 ||
        (uint64_t)end > t->buffer->bytes)
        return c2_fail(CONV2D_E_SHAPE,
                       "%s reaches outside its buffer of %zu bytes: byte_offset %" PRIu64
                       ", elements %" PRId64 " to %" PRId64,
                       name, t->buffer->bytes, t->byte_offset, low, high);
    return CONV2D_OK;
}

conv2d_status c2_check_memory(const char *name, const conv2d_device *device,
                              const conv2d_tensor *t, c2_data *data_out)
{
    *data_out = (c2_data){t->data, t->buffer, t->byte_offset};
    if (is_empty(t))
        return CONV2D_OK;
    int64_t low, high;
    if (!c2_extent(t->rank, t->sizes, t->strides, (int64_t)c2_dtype_bytes(t->dtype), &low, &high))
        return c2_fail(CONV2D_E_OVERFLOW, "%s: sizes and strides reach beyond 2^63 bytes", name);
    if (t->buffer) {
        conv2d_status s = check_buffer(name, device, t, low, high);
        if (!s && t->buffer->host)
            data_out->data = (char *)t->buffer->host + t->byte_offset;
        return s;
    }
    if (!t->data)
        return c2_fail(CONV2D_E_ARGUMENT, "%s.data is NULL", name);
    if (!device->backend->host_memory)
        return c2_fail(CONV2D_E_ARGUMENT, "%s is in host memory, device \"%s\" needs a buffer",
                       name, device->backend->name);
    if ((uintptr_t)t->data % c2_dtype_bytes(t->dtype))
        return c2_fail(CONV2D_E_STRIDE, "%s.data is %p: expected a multiple of %zu bytes", name,
                       t->data, c2_dtype_bytes(t->dtype));
    return CONV2D_OK;
}

/* Where the elements of t lie modulo `pitch` bytes: axes whose stride is a multiple of pitch do not
 * matter, the others span [*first, *end). False if that span is not below pitch. */
static bool residues(const conv2d_tensor *t, uint64_t base, int64_t pitch, int64_t *first,
                     int64_t *end)
{
    const int64_t bytes = (int64_t)c2_dtype_bytes(t->dtype);
    int64_t low = 0, high = bytes;
    for (int i = 0; i < t->rank; i++) {
        if (t->sizes[i] == 1) /* its stride may be any number, too large for bytes even */
            continue;
        const int64_t reach = (t->sizes[i] - 1) * t->strides[i] * bytes;
        if (t->strides[i] * bytes % pitch == 0)
            continue;
        if (reach < 0)
            low += reach;
        else
            high += reach;
    }
    if (high - low > pitch)
        return false;
    *first = (int64_t)((base + (uint64_t)(low % pitch + pitch)) % (uint64_t)pitch);
    *end = *first + (high - low);
    return true;
}

static bool apart_modulo(const conv2d_tensor *a, uint64_t base_a, const conv2d_tensor *b,
                         uint64_t base_b, int64_t pitch)
{
    int64_t a0, a1, b0, b1;
    if (!residues(a, base_a, pitch, &a0, &a1) || !residues(b, base_b, pitch, &b0, &b1))
        return false;
    return (a1 <= b0 || b1 <= a0) && a1 - pitch <= b0 && b1 - pitch <= a0;
}

conv2d_status c2_check_apart(const char *name_a, const conv2d_tensor *a, const c2_data *data_a,
                             const char *name_b, const conv2d_tensor *b, const c2_data *data_b)
{
    if (is_empty(a) || is_empty(b) || data_a->buffer != data_b->buffer)
        return CONV2D_OK;
    const uint64_t base_a = data_a->buffer ? data_a->byte_offset : (uintptr_t)data_a->data;
    const uint64_t base_b = data_b->buffer ? data_b->byte_offset : (uintptr_t)data_b->data;
    int64_t low, high;
    const int64_t bytes_a = (int64_t)c2_dtype_bytes(a->dtype);
    const int64_t bytes_b = (int64_t)c2_dtype_bytes(b->dtype);
    if (!c2_extent(a->rank, a->sizes, a->strides, bytes_a, &low, &high))
        return c2_fail(CONV2D_E_OVERFLOW, "%s reaches beyond 2^63 bytes", name_a);
    const uint64_t first_a = base_a + (uint64_t)(low * bytes_a);
    const uint64_t end_a = base_a + (uint64_t)((high + 1) * bytes_a);
    if (!c2_extent(b->rank, b->sizes, b->strides, bytes_b, &low, &high))
        return c2_fail(CONV2D_E_OVERFLOW, "%s reaches beyond 2^63 bytes", name_b);
    const uint64_t first_b = base_b + (uint64_t)(low * bytes_b);
    const uint64_t end_b = base_b + (uint64_t)((high + 1) * bytes_b);
    if (end_a <= first_b || end_b <= first_a)
        return CONV2D_OK;
    /* Slices of one larger tensor interleave: look for a pitch that keeps them in lanes apart. */
    const conv2d_tensor *const both[2] = {a, b};
    for (int t = 0; t < 2; t++)
        for (int i = 0; i < both[t]->rank; i++) {
            if (both[t]->sizes[i] == 1)
                continue;
            const int64_t stride = both[t]->strides[i] * (t ? bytes_b : bytes_a);
            const int64_t pitch = stride < 0 ? -stride : stride;
            if (pitch && apart_modulo(a, base_a, b, base_b, pitch))
                return CONV2D_OK;
        }
    return c2_fail(CONV2D_E_STRIDE,
                   "%s overlaps %s: bytes %#" PRIx64 " to %#" PRIx64 " and %#" PRIx64
                   " to %#" PRIx64,
                   name_a, name_b, first_a, end_a, first_b, end_b);
}
