/* SPDX-License-Identifier: BSD-2-Clause
 * Contexts from files, and facts about contexts. */
#include <inttypes.h>
#include <string.h>

#include "api/check.h"
#include "api/stored.h"

/* The stored context of that name, or the only one for NULL. */
static conv2d_status find(const conv2d_file *file, const char *name,
                          const c2_stored_context **found_out)
{
    if (!name && file->n_contexts == 1) {
        *found_out = &file->contexts[0];
        return CONV2D_OK;
    }
    if (!name)
        return c2_fail(CONV2D_E_ARGUMENT, "name is NULL: %s has %d contexts, so one must be named",
                       file->label, file->n_contexts);
    for (int i = 0; i < file->n_contexts; i++) {
        if (strcmp(file->contexts[i].name, name) == 0) {
            *found_out = &file->contexts[i];
            return CONV2D_OK;
        }
    }
    return c2_fail(CONV2D_E_ARGUMENT, "name is \"%.100s\": %s has no context of that name", name,
                   file->label);
}

conv2d_status conv2d_file_context(conv2d_file *file, conv2d_device *device, const char *name,
                                  conv2d_context **context_out)
{
    if (!file || !device || !context_out)
        return c2_fail(CONV2D_E_ARGUMENT, "%s is NULL",
                       !file     ? "file"
                       : !device ? "device"
                                 : "context_out");
    const c2_stored_context *stored = NULL;
    c2_weights *w = NULL;
    conv2d_status s = find(file, name, &stored);
    if (s || (s = c2_weights_from_file(device, file, stored->weights, &w)))
        return s;
    conv2d_params checked;
    if ((s = c2_check_params(&stored->params, &checked)) ||
        (s = c2_check_weights(&w->weight, w->bias.rank ? &w->bias : NULL, &checked)) ||
        (s = c2_context_make(device, &checked, w, context_out)))
        c2_weights_release(w);
    return s;
}

conv2d_status conv2d_context_load(conv2d_device *device, const char *path,
                                  const conv2d_load_options *options, conv2d_context **context_out)
{
    conv2d_file *file;
    if (!device || !context_out)
        return c2_fail(CONV2D_E_ARGUMENT, "%s is NULL", device ? "context_out" : "device");
    conv2d_status s = conv2d_file_open(path, options, &file);
    if (s)
        return s;
    s = conv2d_file_context(file, device, NULL, context_out);
    conv2d_file_close(file);
    return s;
}

/* ---- facts ---- */

typedef struct counting {
    const conv2d_device *device;
    size_t n;
} counting;

/* True if a candidate of the device has keys that begin like this one. */
static bool is_for_device(const conv2d_device *device, const char *key)
{
    for (const c2_algorithm *const *a = device->backend->algorithms; *a; a++)
        for (int v = 0; v < (*a)->variants(device); v++) {
            c2_packed_key begin;
            c2_text text = {begin.text, sizeof begin.text, 0};
            c2_text_add(&text, "%s/%s/%s/", device->backend->name, (*a)->variant_isa(device, v),
                        (*a)->name);
            if (strncmp(key, begin.text, strlen(begin.text)) == 0)
                return true;
        }
    return false;
}

static void count_form(void *user, const char *key, const c2_st_tensor *tensor)
{
    counting *c = user;
    (void)tensor;
    c->n += is_for_device(c->device, key);
}

/* Bytes of weights and packed forms: of our own, or in a mapping or the caller's memory. */
static void add_bytes(c2_weights *w, conv2d_context_info *info)
{
    const bool foreign = w->file && c2_file_is_foreign(w->file);
    c2_mutex_lock(&w->mutex);
    info->times_packed = w->times_packed;
    info->times_loaded = w->times_loaded;
    for (const c2_packed *p = w->packed; p; p = p->next)
        *(p->stored && foreign ? &info->mapped_bytes : &info->packed_bytes) += p->buffer->bytes;
    c2_mutex_unlock(&w->mutex);
    info->weight_bytes =
        (w->weight_copy ? w->weight_bytes : 0) + (w->bias_copy ? w->bias_bytes : 0);
    if (!w->file)
        return;
    const c2_stored_weights *from = &w->file->weights[w->stored];
    *(foreign ? &info->mapped_bytes : &info->weight_bytes) +=
        from->weight->bytes + (from->bias ? from->bias->bytes : 0);
    counting c = {w->device, 0};
    c2_file_forms(w->file, w->stored, count_form, &c);
    info->stored_forms = c.n;
}

conv2d_status conv2d_context_get_info(const conv2d_context *context, conv2d_context_info *info_out)
{
    if (!context || !info_out)
        return c2_fail(CONV2D_E_ARGUMENT, "%s is NULL", context ? "info_out" : "context");
    if (info_out->struct_size < sizeof *info_out)
        return c2_fail(CONV2D_E_ARGUMENT, "info_out.struct_size is %" PRIu32 ": expected %zu",
                       info_out->struct_size, sizeof *info_out);
    conv2d_context_info info = CONV2D_CONTEXT_INFO_INIT;
    const c2_weights *w = context->weights;
    info.weight = w->weight;
    info.weight.data = NULL;
    if (w->bias.rank) {
        info.bias = w->bias;
        info.bias.data = NULL;
    }
    info.params = context->params;
    c2_mutex *mutex = (c2_mutex *)(uintptr_t)&context->mutex;
    c2_mutex_lock(mutex);
    for (int i = 0; i < C2_CACHE_PLANS; i++)
        info.n_plans += context->cache[i].plan != NULL;
    c2_mutex_unlock(mutex);
    add_bytes(context->weights, &info);
    *info_out = info;
    return CONV2D_OK;
}
