/* SPDX-License-Identifier: BSD-2-Clause
 * The counted weights object: a dense copy or the caller's memory, and the packed forms that plans
 * share. */
#include <string.h>

#include "api/check.h"
#include "api/stored.h"
#include "core/copy.h"
#include "core/dtype.h"
#include "core/factor.h"
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

/* Elements that follow each other: the exponent's bits are not all ones. Loops that a compiler
 * turns into vectors, for models have many weights. */
static bool dense_finite(const void *data, int32_t dtype, int64_t n)
{
    bool infinite = false;
    const uint16_t half = dtype == CONV2D_FLOAT16 ? 0x7c00 : 0x7f80;
    const uint32_t single = 0x7f800000;
    const uint64_t twice = 0x7ff0000000000000;
    const unsigned char *at = data;
    for (int64_t i = 0; i < n && c2_dtype_bytes(dtype) == sizeof half; i++) {
        uint16_t x;
        memcpy(&x, at + i * 2, sizeof x);
        infinite |= (x & half) == half;
    }
    for (int64_t i = 0; i < n && dtype == CONV2D_FLOAT32; i++) {
        uint32_t x;
        memcpy(&x, at + i * 4, sizeof x);
        infinite |= (x & single) == single;
    }
    for (int64_t i = 0; i < n && dtype == CONV2D_FLOAT64; i++) {
        uint64_t x;
        memcpy(&x, at + i * 8, sizeof x);
        infinite |= (x & twice) == twice;
    }
    return !infinite;
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
    if (strcmp(c2_layout_name(4, t->sizes, t->strides), "nchw") == 0)
        return dense_finite(t->data, t->dtype,
                            t->sizes[0] * t->sizes[1] * t->sizes[2] * t->sizes[3]);
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
    if (w->file)
        c2_file_forget(w->file, w);
    c2_file_release(w->file);
    c2_free(&device->allocator, w->weight_copy, w->weight_bytes);
    c2_free(&device->allocator, w->bias_copy, w->bias_bytes);
    c2_mutex_destroy(&w->mutex);
    c2_free(&device->allocator, w, sizeof *w);
    c2_device_release(device);
}

/* Weights without data. */
static conv2d_status make(conv2d_device *device, c2_weights **weights_out)
{
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
    *weights_out = w;
    return CONV2D_OK;
}

conv2d_status c2_weights_create(conv2d_device *device, const conv2d_tensor *weight,
                                const conv2d_tensor *bias, bool borrow, c2_weights **weights_out)
{
    void *weight_data, *bias_data = NULL;
    conv2d_status s = host_data("weight", device, weight, &weight_data);
    if (s || (bias && (s = host_data("bias", device, bias, &bias_data))))
        return s;
    c2_weights *w = NULL;
    if ((s = make(device, &w)))
        return s;
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
    w->form = w->finite ? c2_weights_form_of(&w->weight) : CONV2D_WEIGHTS_ANY;
    *weights_out = w;
    return CONV2D_OK;
fail:
    destroy(w);
    return s;
}

/* ---- weights in a file ---- */

/* A dense tensor over the file's bytes. */
static conv2d_tensor stored_tensor(const conv2d_file *file, const c2_st_tensor *t)
{
    conv2d_tensor tensor = CONV2D_TENSOR_INIT;
    tensor.dtype = t->dtype;
    tensor.rank = t->rank;
    tensor.data = (void *)(uintptr_t)c2_file_data(file, t); /* read only, as a caller's weights */
    memcpy(tensor.sizes, t->sizes, sizeof tensor.sizes);
    conv2d_tensor_set_order(&tensor, CONV2D_NCHW);
    return tensor;
}

/* False if the last reference is gone and another thread is about to destroy them. */
static bool retain_if_alive(c2_weights *w)
{
    int refs = atomic_load_explicit(&w->refs, memory_order_relaxed);
    while (refs && !atomic_compare_exchange_weak_explicit(
                       &w->refs, &refs, refs + 1, memory_order_relaxed, memory_order_relaxed)) {
    }
    return refs != 0;
}

static c2_weights *find_alive(conv2d_file *file, const conv2d_device *device, int stored)
{
    for (c2_weights *w = file->live; w; w = w->of_file)
        if (w->device == device && w->stored == stored && retain_if_alive(w))
            return w;
    return NULL;
}

conv2d_status c2_weights_from_file(conv2d_device *device, conv2d_file *file, int stored,
                                   c2_weights **weights_out)
{
    const c2_stored_weights *from = &file->weights[stored];
    conv2d_status s = CONV2D_OK;
    c2_mutex_lock(&file->mutex);
    c2_weights *w = find_alive(file, device, stored);
    if (!w && from->bias)
        s = c2_file_verify(file, from->bias, NULL); /* small, and read by every run */
    if (!w && !s && !(s = make(device, &w))) {
        w->weight = stored_tensor(file, from->weight);
        if (from->bias)
            w->bias = stored_tensor(file, from->bias);
        w->finite = from->finite;
        w->form = from->form;
        w->stored = stored;
        w->file = file;
        c2_file_retain(file);
        w->of_file = file->live;
        file->live = w;
    }
    c2_mutex_unlock(&file->mutex);
    if (!s)
        *weights_out = w;
    return s;
}

void c2_file_forget(conv2d_file *file, c2_weights *weights)
{
    c2_mutex_lock(&file->mutex);
    c2_weights **link = &file->live;
    while (*link != weights)
        link = &(*link)->of_file;
    *link = weights->of_file;
    c2_mutex_unlock(&file->mutex);
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

/* A buffer with the packed form: the file's bytes t, or (NULL) packed from the weights. */
static conv2d_status fill(c2_weights *w, const c2_problem *problem, const c2_candidate *c,
                          const c2_st_tensor *t, c2_packed *p)
{
    conv2d_device *device = w->device;
    const c2_backend *backend = device->backend;
    conv2d_status s;
    if (t) {
        const void *bytes = c2_file_data(w->file, t);
        if ((s = backend->buffer_from_host(device, bytes, c->bytes.packed, &p->buffer)))
            return s;
        p->stored = p->buffer->host == bytes;
        w->times_loaded++;
        return CONV2D_OK;
    }
    if ((s = backend->buffer_create(device, c->bytes.packed, &p->buffer)))
        return s;
    const c2_weight_view view = {w->weight.data, w->bias.data};
    if ((s = c->algorithm->pack(device, problem, c->variant, &view, p->buffer)))
        backend->buffer_destroy(p->buffer);
    else
        w->times_packed++;
    return s;
}

conv2d_status c2_packed_get(c2_weights *w, const c2_problem *problem, const c2_candidate *c,
                            c2_packed **packed_out)
{
    conv2d_status s = CONV2D_OK;
    const c2_packed_key key = c2_packed_key_of(w->device, problem, c->algorithm, c->variant);
    const c2_st_tensor *t = NULL;
    if (w->file) {
        t = c2_file_form(w->file, w->stored, &key, c->bytes.packed);
        s = c2_file_verify(w->file, t ? t : w->file->weights[w->stored].weight, &w->device->pool);
        if (s)
            return s;
    }
    c2_mutex_lock(&w->mutex);
    c2_packed *p = w->packed;
    while (p && strcmp(p->key.text, key.text) != 0)
        p = p->next;
    if (p) {
        p->refs++;
    } else if (!(p = c2_alloc_zero(&w->device->allocator, sizeof *p))) {
        s = c2_fail(CONV2D_E_NOMEM, "no memory for packed weights");
    } else {
        p->key = key;
        p->refs = 1;
        if ((s = fill(w, problem, c, t, p))) {
            c2_free(&w->device->allocator, p, sizeof *p);
        } else {
            p->next = w->packed;
            w->packed = p;
        }
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
