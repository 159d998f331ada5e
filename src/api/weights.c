/* SPDX-License-Identifier: BSD-2-Clause
 * The counted weights object: a dense copy or the caller's memory, and the packed forms that plans
 * share. */
#include <string.h>

#include "api/check.h"
#include "api/object.h"
#include "core/copy.h"
#include "core/dtype.h"
#include "core/half.h"
#include "core/shape.h"

/* weight or bias in memory the host can read. */
static conv2d_status host_data(const char *name, const conv2d_device *device,
                               const conv2d_tensor *t, void **data_out)
{
    c2_data d;
    if (!t->buffer && !device->backend->host_memory) {
        /* weights always come from the host: packing uploads them */
        if (!t->data)
            return c2_fail(CONV2D_E_ARGUMENT, "%s.data is NULL", name);
        if ((uintptr_t)t->data % c2_dtype_bytes(t->dtype))
            return c2_fail(CONV2D_E_STRIDE, "%s.data is %p: expected a multiple of %zu bytes", name,
                           t->data, c2_dtype_bytes(t->dtype));
        *data_out = t->data;
        return CONV2D_OK;
    }
    conv2d_status s = c2_check_memory(name, device, t, &d);
    if (s)
        return s;
    for (int i = 0; i < t->rank; i++)
        if (!t->sizes[i]) {
            *data_out = NULL;
            return CONV2D_OK;
        }
    if (!d.data)
        return c2_fail(CONV2D_E_ARGUMENT, "%s is in a buffer that the host cannot read", name);
    *data_out = d.data;
    return CONV2D_OK;
}

static bool row_finite(const void *data, int32_t dtype, int64_t n, int64_t stride)
{
    bool finite = true;
    for (int64_t i = 0; i < n; i++)
        finite &= isfinite(c2_load_f64(data, dtype, i * stride)) != 0;
    return finite;
}

/* Steps worth looking at: elements of an expanded axis are one. */
static int64_t distinct(const conv2d_tensor *t, int axis)
{
    return t->strides[axis] ? t->sizes[axis] : c2_min(t->sizes[axis], 1);
}

static bool all_finite(const conv2d_tensor *t)
{
    const int64_t bytes = (int64_t)c2_dtype_bytes(t->dtype);
    for (int64_t o = 0; o < distinct(t, 0); o++)
        for (int64_t i = 0; i < distinct(t, 1); i++)
            for (int64_t y = 0; y < distinct(t, 2); y++) {
                const char *row =
                    (const char *)t->data +
                    (o * t->strides[0] + i * t->strides[1] + y * t->strides[2]) * bytes;
                if (!row_finite(row, t->dtype, distinct(t, 3), t->strides[3]))
                    return false;
            }
    return true;
}

/* A dense copy of t in *copy; t's data and strides then describe it. */
static conv2d_status copy_dense(const char *name, const conv2d_device *device, conv2d_tensor *t,
                                void **copy, size_t *bytes_out)
{
    size_t bytes = c2_dtype_bytes(t->dtype);
    for (int i = 0; i < t->rank; i++)
        if (!c2_size_mul_ok(bytes, (size_t)t->sizes[i], &bytes))
            return c2_fail(CONV2D_E_OVERFLOW, "%s has more elements than memory addresses", name);
    *copy = c2_alloc(&device->allocator, bytes);
    if (!*copy)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a copy of %s (%zu bytes)", name, bytes);
    *bytes_out = bytes;
    int64_t strides[4] = {1, 0, 0, 0};
    if (t->rank == 4)
        c2_contiguous_strides(4, t->sizes, CONV2D_NCHW, strides);
    c2_copy_strided(c2_dtype_bytes(t->dtype), t->rank, t->sizes, t->data, t->strides, *copy,
                    strides);
    t->data = *copy;
    t->buffer = NULL;
    t->byte_offset = 0;
    memcpy(t->strides, strides, sizeof strides);
    return CONV2D_OK;
}

static void destroy(c2_weights *w)
{
    conv2d_device *device = w->device;
    c2_free(&device->allocator, w->weight_copy, w->weight_bytes);
    c2_free(&device->allocator, w->bias_copy, w->bias_bytes);
    c2_mutex_destroy(&w->mutex);
    c2_free(&device->allocator, w, sizeof *w);
    c2_device_release(device);
}

conv2d_status c2_weights_create(conv2d_device *device, const conv2d_tensor *weight,
                                const conv2d_tensor *bias, bool borrow, c2_weights **weights_out)
{
    void *weight_data, *bias_data = NULL;
    conv2d_status s = host_data("weight", device, weight, &weight_data);
    if (s || (bias && (s = host_data("bias", device, bias, &bias_data))))
        return s;
    c2_weights *w = c2_alloc_zero(&device->allocator, sizeof *w);
    if (!w)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a weights object");
    if (!c2_mutex_init(&w->mutex)) {
        c2_free(&device->allocator, w, sizeof *w);
        return c2_fail(CONV2D_E_NOMEM, "the system has no more locks");
    }
    atomic_init(&w->refs, 1);
    w->device = device;
    c2_device_retain(device);
    w->weight = *weight;
    w->weight.data = weight_data;
    w->weight.buffer = NULL;
    w->weight.byte_offset = 0;
    if (!borrow &&
        (s = copy_dense("weight", device, &w->weight, &w->weight_copy, &w->weight_bytes)))
        goto fail;
    if (bias) { /* always copied: kernels read it densely, and it is small */
        w->bias = *bias;
        w->bias.data = bias_data;
        if ((s = copy_dense("bias", device, &w->bias, &w->bias_copy, &w->bias_bytes)))
            goto fail;
    }
    w->finite = all_finite(&w->weight);
    *weights_out = w;
    return CONV2D_OK;
fail:
    destroy(w);
    return s;
}

void c2_weights_retain(c2_weights *w)
{
    atomic_fetch_add_explicit(&w->refs, 1, memory_order_relaxed);
}

void c2_weights_release(c2_weights *w)
{
    if (w && atomic_fetch_sub_explicit(&w->refs, 1, memory_order_acq_rel) == 1)
        destroy(w); /* plans hold references, so no packed form is left */
}

c2_packed_key c2_packed_key_of(const conv2d_device *device, const c2_problem *problem,
                               const c2_algorithm *algorithm, int variant)
{
    c2_packed_key key;
    c2_text text = {key.text, sizeof key.text, 0};
    c2_text_add(&text, "%s/%s/%s/", device->backend->name, algorithm->variant_isa(device, variant),
                algorithm->name);
    algorithm->packing(device, problem, variant, &text);
    return key;
}

static conv2d_status pack(c2_weights *w, const c2_problem *problem, const c2_candidate *c,
                          c2_packed **packed_out)
{
    conv2d_device *device = w->device;
    c2_packed *p = c2_alloc_zero(&device->allocator, sizeof *p);
    if (!p)
        return c2_fail(CONV2D_E_NOMEM, "no memory for packed weights");
    p->refs = 1;
    conv2d_status s = device->backend->buffer_create(device, c->bytes.packed, &p->buffer);
    if (!s) {
        const c2_weight_view view = {w->weight.data, w->bias_copy};
        s = c->algorithm->pack(device, problem, c->variant, &view, p->buffer);
        if (s)
            device->backend->buffer_destroy(p->buffer);
    }
    if (s) {
        c2_free(&device->allocator, p, sizeof *p);
        return s;
    }
    *packed_out = p;
    return CONV2D_OK;
}

conv2d_status c2_packed_get(c2_weights *w, const c2_problem *problem, const c2_candidate *c,
                            c2_packed **packed_out)
{
    conv2d_status s = CONV2D_OK;
    const c2_packed_key key = c2_packed_key_of(w->device, problem, c->algorithm, c->variant);
    c2_mutex_lock(&w->mutex);
    c2_packed *p = w->packed;
    while (p && strcmp(p->key.text, key.text) != 0)
        p = p->next;
    if (p)
        p->refs++;
    else if (!(s = pack(w, problem, c, &p))) {
        p->key = key;
        p->next = w->packed;
        w->packed = p;
    }
    c2_mutex_unlock(&w->mutex);
    if (!s)
        *packed_out = p;
    return s;
}

void c2_packed_release(c2_weights *w, c2_packed *packed)
{
    if (!packed)
        return;
    c2_mutex_lock(&w->mutex);
    const bool last = --packed->refs == 0;
    if (last) {
        c2_packed **link = &w->packed;
        while (*link != packed)
            link = &(*link)->next;
        *link = packed->next;
    }
    c2_mutex_unlock(&w->mutex);
    if (last) {
        w->device->backend->buffer_destroy(packed->buffer);
        c2_free(&w->device->allocator, packed, sizeof *packed);
    }
}
