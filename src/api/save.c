/* SPDX-License-Identifier: BSD-2-Clause
 * Writing contexts: what is needed is collected in memory, described by a header, and handed to a
 * file or a callback from front to back: packed forms, then weights and biases, wider elements
 * first, so that every tensor is aligned without gaps. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/check.h"
#include "api/save.h"
#include "core/copy.h"
#include "core/dtype.h"
#include "core/shape.h"
#include "core/text_tables.h"
#include "file/checksum.h"
#include "file/json.h"

enum { NAME_BYTES = 200 };

/* Text that lives until the file is written. */
typedef struct kept_text {
    struct kept_text *next;
    size_t bytes;
    char text[];
} kept_text;

/* The tensors of a file in order: description and bytes. */
typedef struct arrangement {
    c2_saver *v;
    const char *const *names;
    c2_safetensors header;
    const void **data; /* of each tensor */
    void **copies;     /* of each weights object: a dense copy of the weight, where needed */
    size_t *copy_bytes;
    kept_text *texts;
} arrangement;

static const char *keep_text(arrangement *a, const char *format, ...) C2_PRINTF(2, 3);
static const char *keep_text(arrangement *a, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    const size_t bytes = sizeof(kept_text) + (size_t)length + 1;
    kept_text *t = c2_alloc(&a->v->allocator, bytes);
    if (t) {
        *t = (kept_text){a->texts, bytes};
        a->texts = t;
        vsnprintf(t->text, (size_t)length + 1, format, again);
    }
    va_end(again);
    return t ? t->text : NULL;
}

static conv2d_status no_memory(void)
{
    return c2_fail(CONV2D_E_NOMEM, "no memory for the header of a context file");
}

/* key and value from keep_text(), so either may be NULL. */
static conv2d_status add_pair(arrangement *a, const char *key, const char *value)
{
    if (!key || !value)
        return no_memory();
    a->header.pairs[a->header.n_pairs++] = (c2_st_pair){key, value};
    return CONV2D_OK;
}

static conv2d_status add_tensor(arrangement *a, const char *name, const conv2d_tensor *t,
                                size_t bytes)
{
    if (!name)
        return no_memory();
    c2_st_tensor *to = &a->header.tensors[a->header.n_tensors];
    *to = (c2_st_tensor){.name = name, .dtype = t->dtype, .rank = t->rank, .bytes = bytes};
    memcpy(to->sizes, t->sizes, sizeof to->sizes);
    a->data[a->header.n_tensors++] = t->data;
    return CONV2D_OK;
}

static const char *stem_of(const arrangement *a, int weights)
{
    int i = 0;
    while (a->v->contexts[i]->weights != a->v->weights[weights])
        i++;
    return a->names[i];
}

static conv2d_status add_forms(arrangement *a)
{
    conv2d_status s = CONV2D_OK;
    for (int w = 0; w < a->v->n_weights && !s; w++)
        for (const c2_form *f = a->v->forms; f && !s; f = f->next) {
            if (f->weights != w)
                continue;
            conv2d_tensor t = CONV2D_TENSOR_INIT;
            t.dtype = CONV2D_UINT8;
            t.rank = 1;
            t.sizes[0] = (int64_t)f->n;
            t.data = (void *)(uintptr_t)f->bytes;
            s = add_tensor(a, keep_text(a, "%s.packed/%s", stem_of(a, w), f->key.text), &t, f->n);
        }
    return s;
}

/* The weight with dense rows, and its bytes: itself, or a copy that is kept until the file is
 * written. */
static conv2d_status dense_weight(arrangement *a, int w, conv2d_tensor *out, size_t *bytes_out)
{
    const c2_weights *from = a->v->weights[w];
    int64_t strides[4];
    *out = from->weight;
    c2_contiguous_strides(4, out->sizes, CONV2D_NCHW, strides);
    bool dense = true;
    for (int i = 0; i < 4; i++)
        dense &= out->sizes[i] <= 1 || out->strides[i] == strides[i];
    size_t bytes = c2_dtype_bytes(out->dtype);
    for (int i = 0; i < 4; i++)
        if (!c2_size_mul_ok(bytes, (size_t)out->sizes[i], &bytes))
            return c2_fail(CONV2D_E_OVERFLOW, "a weight has more elements than memory addresses");
    *bytes_out = bytes;
    if (dense || bytes == 0)
        return CONV2D_OK;
    a->copies[w] = c2_alloc(&a->v->allocator, bytes);
    a->copy_bytes[w] = bytes;
    if (!a->copies[w])
        return c2_fail(CONV2D_E_NOMEM, "no memory for a dense copy of a weight (%zu bytes)", bytes);
    c2_copy_strided(c2_dtype_bytes(out->dtype), 4, out->sizes, out->data, out->strides,
                    a->copies[w], strides);
    out->data = a->copies[w];
    return CONV2D_OK;
}

static conv2d_status add_weights(arrangement *a, int w)
{
    const c2_weights *from = a->v->weights[w];
    const char *stem = stem_of(a, w);
    conv2d_tensor weight;
    size_t bytes = 0;
    conv2d_status s = from->file
                          ? c2_file_verify(from->file, from->file->weights[from->stored].weight,
                                           &from->device->pool)
                          : CONV2D_OK;
    if (s || (s = dense_weight(a, w, &weight, &bytes)) ||
        (s = add_tensor(a, keep_text(a, "%s.weight", stem), &weight, bytes)) || !from->bias.rank)
        return s;
    bytes = c2_dtype_bytes(from->bias.dtype) * (size_t)from->bias.sizes[0];
    return add_tensor(a, keep_text(a, "%s.bias", stem), &from->bias, bytes);
}

/* Wider elements first: then each tensor begins at a multiple of its element. */
static conv2d_status add_all_weights(arrangement *a)
{
    conv2d_status s = CONV2D_OK;
    for (size_t element = 8; element && !s; element /= 2)
        for (int w = 0; w < a->v->n_weights && !s; w++)
            if (c2_dtype_bytes(a->v->weights[w]->weight.dtype) == element)
                s = add_weights(a, w);
    return s;
}

static conv2d_status add_metadata(arrangement *a)
{
    const c2_saver *v = a->v;
    conv2d_status s;
    if ((s = add_pair(a, "library", keep_text(a, "%s", conv2d_version()))) ||
        (s = add_pair(a, "contexts", keep_text(a, "%d", v->n))) ||
        (s = add_pair(a, "weights", keep_text(a, "%d", v->n_weights))))
        return s;
    for (int i = 0; i < v->n && !s; i++) {
        char line[1024];
        int w = 0;
        while (v->weights[w] != v->contexts[i]->weights)
            w++;
        c2_text text = {line, sizeof line, 0};
        c2_stored_params_write(&v->contexts[i]->params, w, &text);
        s = add_pair(a, keep_text(a, "context.%d.name", i), a->names[i]);
        if (!s)
            s = add_pair(a, keep_text(a, "context.%d", i), keep_text(a, "%s", line));
    }
    for (int w = 0; w < v->n_weights && !s; w++) {
        const conv2d_weights_form form = v->weights[w]->form;
        s = add_pair(a, keep_text(a, "weights.%d.name", w), stem_of(a, w));
        if (!s)
            s = add_pair(a, keep_text(a, "weights.%d", w),
                         keep_text(a, "finite=%d bias=%d%s%s", v->weights[w]->finite,
                                   v->weights[w]->bias.rank != 0, form ? " form=" : "",
                                   form ? c2_word_of(c2_words_form, (int32_t)form) : ""));
    }
    for (size_t i = 0; i < a->header.n_tensors && !s; i++)
        s = add_pair(a, keep_text(a, "xxh64:%s", a->header.tensors[i].name),
                     keep_text(a, "%016" PRIx64,
                               c2_checksum_tensor(&a->v->contexts[0]->device->pool, a->data[i],
                                                  a->header.tensors[i].bytes)));
    return s;
}

static void arrangement_free(arrangement *a)
{
    const conv2d_allocator *allocator = &a->v->allocator;
    while (a->texts) {
        kept_text *t = a->texts;
        a->texts = t->next;
        c2_free(allocator, t, t->bytes);
    }
    for (int i = 0; i < a->v->n_weights && a->copies && a->copy_bytes; i++)
        c2_free(allocator, a->copies[i], a->copy_bytes[i]);
    c2_free(allocator, a->copies, (size_t)a->v->n_weights * sizeof *a->copies);
    c2_free(allocator, a->copy_bytes, (size_t)a->v->n_weights * sizeof *a->copy_bytes);
    c2_free(allocator, a->data, a->header.room_tensors * sizeof *a->data);
    c2_safetensors_free(&a->header);
}

static conv2d_status arrange(arrangement *a)
{
    c2_saver *v = a->v;
    const conv2d_allocator *allocator = &v->allocator;
    size_t n_tensors = 2 * (size_t)v->n_weights;
    for (const c2_form *f = v->forms; f; f = f->next)
        n_tensors++;
    c2_safetensors *h = &a->header;
    h->room_tensors = n_tensors;
    h->room_pairs = 3 + 2 * (size_t)v->n + 2 * (size_t)v->n_weights + n_tensors;
    h->tensors = c2_alloc_zero(allocator, h->room_tensors * sizeof *h->tensors);
    h->pairs = c2_alloc_zero(allocator, h->room_pairs * sizeof *h->pairs);
    a->data = c2_alloc_zero(allocator, n_tensors * sizeof *a->data);
    a->copies = c2_alloc_zero(allocator, (size_t)v->n_weights * sizeof *a->copies);
    a->copy_bytes = c2_alloc_zero(allocator, (size_t)v->n_weights * sizeof *a->copy_bytes);
    if (!h->tensors || !h->pairs || !a->data || !a->copies || !a->copy_bytes)
        return no_memory();
    conv2d_status s = add_forms(a);
    if (s || (s = add_all_weights(a)))
        return s;
    return add_metadata(a);
}

/* ---- writing ---- */

typedef struct sink {
    conv2d_write write; /* NULL: to the file */
    void *user;
    c2_disk_writer *file;
} sink;

static conv2d_status put(const sink *to, const void *bytes, size_t n)
{
    if (!to->write)
        return c2_disk_write(to->file, bytes, n);
    const int stopped = n ? to->write(to->user, bytes, n) : 0;
    return stopped ? c2_fail(CONV2D_E_IO, "write returned %d: writing stopped", stopped)
                   : CONV2D_OK;
}

static conv2d_status put_all(const arrangement *a, const char *header, size_t header_bytes,
                             const sink *to)
{
    conv2d_status s = put(to, header, header_bytes);
    for (size_t i = 0; i < a->header.n_tensors && !s; i++)
        s = put(to, a->data[i], a->header.tensors[i].bytes);
    return s;
}

/* To a file at path, or to the callback. */
static conv2d_status emit(const arrangement *a, const char *path, sink *to)
{
    size_t n;
    char *header = c2_safetensors_header(&a->header, &n);
    if (!header)
        return no_memory();
    conv2d_status s = CONV2D_OK;
    if (n - C2_ST_PREFIX > C2_ST_HEADER_MAX)
        s = c2_fail(CONV2D_E_OVERFLOW,
                    "%d contexts need a header of %zu bytes: a file has %d at most", a->v->n, n,
                    (int)C2_ST_HEADER_MAX);
    if (!s && path)
        s = c2_disk_create(path, &a->v->allocator, &to->file);
    if (!s && (s = put_all(a, header, n, to))) {
        c2_disk_abandon(to->file);
        to->file = NULL;
    }
    if (!s && path)
        s = c2_disk_commit(to->file);
    c2_free(&a->v->allocator, header, n + 1);
    return s;
}

/* ---- arguments ---- */

static bool is_utf8(const char *text)
{
    size_t left = strlen(text);
    while (left) {
        const size_t n = c2_utf8_length((const unsigned char *)text, left);
        if (!n)
            return false;
        text += n;
        left -= n;
    }
    return true;
}

static conv2d_status check_names(int n, const char *const *names)
{
    for (int i = 0; i < n; i++) {
        const size_t length = names[i] ? strlen(names[i]) : 0;
        if (length == 0 || length > NAME_BYTES || !is_utf8(names[i]))
            return c2_fail(CONV2D_E_ARGUMENT, "names[%d] is %s: expected UTF-8 of 1 to %d bytes", i,
                           !names[i]              ? "NULL"
                           : length == 0          ? "empty"
                           : length <= NAME_BYTES ? "not UTF-8"
                                                  : "too long",
                           (int)NAME_BYTES);
        for (int j = 0; j < i; j++)
            if (strcmp(names[i], names[j]) == 0)
                return c2_fail(CONV2D_E_ARGUMENT, "names[%d] and names[%d] are both \"%.100s\"", j,
                               i, names[i]);
    }
    return CONV2D_OK;
}

static conv2d_status check_arguments(int n, conv2d_context *const *contexts,
                                     const char *const *names, const conv2d_save_options *o)
{
    if (n < 1)
        return c2_fail(CONV2D_E_ARGUMENT, "n is %d: expected at least 1", n);
    if (!contexts || (!names && n > 1))
        return c2_fail(CONV2D_E_ARGUMENT, "%s is NULL", contexts ? "names" : "contexts");
    for (int i = 0; i < n; i++)
        if (!contexts[i])
            return c2_fail(CONV2D_E_ARGUMENT, "contexts[%d] is NULL", i);
    if (o->struct_size < sizeof *o)
        return c2_fail(CONV2D_E_ARGUMENT, "options.struct_size is %" PRIu32 ": expected %zu",
                       o->struct_size, sizeof *o);
    if (o->reserved || o->without_packed < 0 || o->without_packed > 1)
        return c2_fail(CONV2D_E_ARGUMENT, "options.%s is %" PRId32 ": expected 0%s",
                       o->reserved ? "reserved" : "without_packed",
                       o->reserved ? o->reserved : o->without_packed, o->reserved ? "" : " or 1");
    if (o->n_inputs < 0 || (o->n_inputs && !o->inputs))
        return c2_fail(CONV2D_E_ARGUMENT, "options.n_inputs is %" PRId32 " and inputs is %s",
                       o->n_inputs, o->inputs ? "given" : "NULL");
    return names ? check_names(n, names) : CONV2D_OK;
}

static conv2d_status save(int n, conv2d_context *const *contexts, const char *const *names,
                          const conv2d_save_options *options, const char *path, sink *to)
{
    static const conv2d_save_options defaults = CONV2D_SAVE_OPTIONS_INIT;
    static const char *const only[] = {"context"};
    const conv2d_save_options *o = options ? options : &defaults;
    conv2d_status s = check_arguments(n, contexts, names, o);
    if (s)
        return s;
    c2_saver v = {
        .allocator = contexts[0]->device->allocator, .options = o, .n = n, .contexts = contexts};
    v.last_form = &v.forms;
    v.weights = c2_alloc_zero(&v.allocator, (size_t)n * sizeof(c2_weights *));
    if (!v.weights)
        return no_memory();
    for (int i = 0; i < n; i++) {
        int w = 0;
        while (w < v.n_weights && v.weights[w] != contexts[i]->weights)
            w++;
        if (w == v.n_weights)
            v.weights[v.n_weights++] = contexts[i]->weights;
    }
    arrangement a = {.v = &v, .names = names ? names : only, .header = {.allocator = v.allocator}};
    if (!(s = c2_save_forms(&v)) && !(s = arrange(&a)))
        s = emit(&a, path, to);
    arrangement_free(&a);
    c2_save_forms_free(&v);
    c2_free(&v.allocator, v.weights, (size_t)n * sizeof(c2_weights *));
    return s;
}

conv2d_status conv2d_contexts_save(int n, conv2d_context *const *contexts, const char *const *names,
                                   const char *path, const conv2d_save_options *options)
{
    sink to = {NULL, NULL, NULL};
    if (!path)
        return c2_fail(CONV2D_E_ARGUMENT, "path is NULL");
    return save(n, contexts, names, options, path, &to);
}

conv2d_status conv2d_context_save(conv2d_context *context, const char *path,
                                  const conv2d_save_options *options)
{
    if (!context)
        return c2_fail(CONV2D_E_ARGUMENT, "context is NULL");
    return conv2d_contexts_save(1, &context, NULL, path, options);
}

conv2d_status conv2d_contexts_write(int n, conv2d_context *const *contexts,
                                    const char *const *names, conv2d_write write, void *user,
                                    const conv2d_save_options *options)
{
    sink to = {write, user, NULL};
    if (!write)
        return c2_fail(CONV2D_E_ARGUMENT, "write is NULL");
    return save(n, contexts, names, options, NULL, &to);
}
