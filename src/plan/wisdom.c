/* SPDX-License-Identifier: BSD-2-Clause
 * The store of wisdom: a sorted array behind a lock, and the canonical text of a problem. */
#include "plan/wisdom.h"

#include <string.h>

#include "core/shape.h"

static void destroy(conv2d_device *device)
{
    c2_wisdom *w = device->wisdom;
    c2_wisdom_free_entries(device, w->entries, atomic_load(&w->n), w->capacity);
    c2_mutex_destroy(&w->mutex);
    c2_free(&device->allocator, w, sizeof *w);
    device->wisdom = NULL;
}

conv2d_status c2_wisdom_create(conv2d_device *device)
{
    c2_wisdom *w = c2_alloc_zero(&device->allocator, sizeof *w);
    if (!w)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a device's wisdom");
    if (!c2_mutex_init(&w->mutex)) {
        c2_free(&device->allocator, w, sizeof *w);
        return c2_fail(CONV2D_E_NOMEM, "the system has no more locks");
    }
    atomic_init(&w->n, 0);
    device->wisdom = w;
    device->free_wisdom = destroy;
    return CONV2D_OK;
}

void c2_wisdom_free_entries(const conv2d_device *device, c2_wisdom_entry *entries, size_t n,
                            size_t capacity)
{
    for (size_t i = 0; i < n; i++)
        c2_free(&device->allocator, entries[i].key, entries[i].key_bytes);
    c2_free(&device->allocator, entries, capacity * sizeof *entries);
}

/* ---- the name of a problem ---------------------------------------------------------------- */

static conv2d_tensor tensor_of(int32_t dtype, const int64_t sizes[4], const int64_t strides[4])
{
    conv2d_tensor t = CONV2D_TENSOR_INIT;
    t.dtype = dtype;
    t.rank = 4;
    memcpy(t.sizes, sizes, sizeof t.sizes);
    memcpy(t.strides, strides, sizeof t.strides);
    return t;
}

/* A stride that gives one window along an axis where c2_problem, which leaves out steps that are
 * never taken, has 1. */
static int64_t written_stride(const c2_problem *p, int axis)
{
    const int64_t size = axis ? p->w : p->h, k = axis ? p->kw : p->kh;
    const int64_t n = axis ? p->ow : p->oh;
    if (n > 1)
        return p->stride[axis];
    return size + p->pad[axis] + p->pad[axis + 2] - p->dilation[axis] * (k - 1);
}

static void params_of(const c2_problem *p, conv2d_params *q)
{
    *q = (conv2d_params)CONV2D_PARAMS_INIT;
    q->padding_mode = p->padding_mode;
    for (int a = 0; a < 2; a++) {
        q->stride[a] = written_stride(p, a);
        q->dilation[a] = p->dilation[a];
    }
    memcpy(q->padding, p->pad, sizeof q->padding);
    q->groups = p->groups;
    q->accuracy = p->accuracy;
    q->flush_denormals = p->flush_denormals;
    q->workspace_limit = p->workspace_limit;
    const c2_post *activation = c2_problem_activation(p);
    if (!activation)
        return;
    q->activation = activation->activation;
    if (q->activation == CONV2D_ACT_CLAMP) {
        q->output_min = activation->min;
        q->output_max = activation->max;
    }
    if (q->activation == CONV2D_ACT_LEAKY_RELU)
        q->alpha = activation->alpha;
}

bool c2_wisdom_key(const c2_problem *p, char key[C2_WISDOM_KEY_BYTES])
{
    conv2d_problem d;
    memset(&d, 0, sizeof d);
    d.struct_size = sizeof d;
    params_of(p, &d.params);
    d.weights_form = (uint32_t)p->weights_form;
    const int64_t in[4] = {p->n, p->ic, p->h, p->w}, out[4] = {p->n, p->oc, p->oh, p->ow};
    const int64_t weight[4] = {p->oc, p->icg, p->kh, p->kw};
    int64_t dense[4];
    c2_contiguous_strides(4, weight, CONV2D_NCHW, dense);
    d.input = tensor_of(p->input_dtype, in, p->input_stride);
    d.weight = tensor_of(p->weight_dtype, weight, dense);
    d.output = tensor_of(p->output_dtype, out, p->output_stride);
    if (p->has_residual)
        d.residual = tensor_of(p->residual_dtype, out, p->residual_stride);
    if (p->has_bias) {
        d.bias = (conv2d_tensor)CONV2D_TENSOR_INIT;
        d.bias.dtype = p->bias_dtype;
        d.bias.rank = 1;
        d.bias.sizes[0] = p->oc;
        d.bias.strides[0] = 1;
    }
    c2_text text = {key, C2_WISDOM_KEY_BYTES, 0};
    return !c2_problem_to_text(&d, &text) && text.length < C2_WISDOM_KEY_BYTES;
}

/* ---- the store ---------------------------------------------------------------------------- */

/* Index of key, or with *found false where it belongs. */
static size_t locate(const c2_wisdom *w, const char *key, bool *found)
{
    size_t low = 0, high = atomic_load_explicit(&w->n, memory_order_relaxed);
    *found = false;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(w->entries[middle].key, key);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool c2_wisdom_find(const conv2d_device *device, const c2_problem *problem,
                    c2_wisdom_entry *entry_out)
{
    c2_wisdom *w = device->wisdom;
    char key[C2_WISDOM_KEY_BYTES];
    if (!w || atomic_load_explicit(&w->n, memory_order_acquire) == 0 ||
        !c2_wisdom_key(problem, key))
        return false;
    bool found;
    c2_mutex_lock(&w->mutex);
    const size_t i = locate(w, key, &found);
    if (found) {
        *entry_out = w->entries[i];
        entry_out->key = NULL;
    }
    c2_mutex_unlock(&w->mutex);
    return found;
}

conv2d_status c2_wisdom_add(conv2d_device *device, const c2_problem *problem,
                            const c2_algorithm *algorithm, int variant, double seconds)
{
    char key[C2_WISDOM_KEY_BYTES];
    if (!c2_wisdom_key(problem, key))
        return c2_fail(CONV2D_E_STATE, "this problem has no text that wisdom could be kept under");
    const size_t bytes = strlen(key) + 1;
    const c2_wisdom_entry entry = {
        c2_alloc(&device->allocator, bytes), bytes, algorithm, variant, 0, seconds};
    if (!entry.key)
        return c2_fail(CONV2D_E_NOMEM, "no memory for an entry of wisdom");
    memcpy(entry.key, key, bytes);
    const conv2d_status s = c2_wisdom_merge(device, &entry, 1);
    if (s)
        c2_free(&device->allocator, entry.key, bytes);
    return s;
}

/* Both sorted lists in one; of equal keys the newer stays and the older's key is freed. */
static size_t merge_sorted(const conv2d_device *device, const c2_wisdom *w, size_t n_old,
                           const c2_wisdom_entry *newer, size_t n_new, c2_wisdom_entry *out)
{
    size_t i = 0, j = 0, n = 0;
    while (i < n_old || j < n_new) {
        const int order = i == n_old   ? 1
                          : j == n_new ? -1
                                       : strcmp(w->entries[i].key, newer[j].key);
        if (order == 0) {
            c2_free(&device->allocator, w->entries[i].key, w->entries[i].key_bytes);
            i++;
        }
        out[n++] = order < 0 ? w->entries[i++] : newer[j++];
    }
    return n;
}

static size_t count_merged(const c2_wisdom *w, const c2_wisdom_entry *entries, size_t n)
{
    size_t total = atomic_load_explicit(&w->n, memory_order_relaxed);
    for (size_t i = 0; i < n; i++) {
        bool found;
        locate(w, entries[i].key, &found);
        total += !found;
    }
    return total;
}

conv2d_status c2_wisdom_merge(conv2d_device *device, const c2_wisdom_entry *entries, size_t n)
{
    c2_wisdom *w = device->wisdom;
    if (!w)
        return c2_fail(CONV2D_E_STATE, "device \"%s\" keeps no wisdom", device->backend->name);
    conv2d_status s = CONV2D_OK;
    c2_mutex_lock(&w->mutex);
    const size_t n_old = atomic_load_explicit(&w->n, memory_order_relaxed);
    const size_t total = count_merged(w, entries, n);
    c2_wisdom_entry *merged = NULL;
    if (total > C2_WISDOM_ENTRIES)
        s = c2_fail(CONV2D_E_STATE,
                    "wisdom would have %zu entries: at most %d are kept (conv2d_wisdom_forget() "
                    "empties it)",
                    total, C2_WISDOM_ENTRIES);
    else if (total && !(merged = c2_alloc(&device->allocator, total * sizeof *merged)))
        s = c2_fail(CONV2D_E_NOMEM, "no memory for %zu entries of wisdom", total);
    if (!s && total) {
        merge_sorted(device, w, n_old, entries, n, merged);
        c2_free(&device->allocator, w->entries, w->capacity * sizeof *w->entries);
        w->entries = merged;
        w->capacity = total;
        atomic_store_explicit(&w->n, total, memory_order_release);
    }
    c2_mutex_unlock(&w->mutex);
    return s;
}

void c2_wisdom_forget(conv2d_device *device)
{
    c2_wisdom *w = device->wisdom;
    if (!w)
        return;
    c2_mutex_lock(&w->mutex);
    c2_wisdom_entry *entries = w->entries;
    const size_t n = atomic_load_explicit(&w->n, memory_order_relaxed), capacity = w->capacity;
    atomic_store_explicit(&w->n, 0, memory_order_release);
    w->entries = NULL;
    w->capacity = 0;
    c2_mutex_unlock(&w->mutex);
    c2_wisdom_free_entries(device, entries, n, capacity);
}
