/* SPDX-License-Identifier: BSD-2-Clause
 * Compiled kernels: a pipeline for each function and set of constants, found in the archive on disk
 * (archive.c) or compiled from the family's library (library.c). They live as long as the device.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "metal/internal.h"

void c2_metal_key_function(c2_metal_key *key, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(key->function, sizeof key->function, format, list);
    va_end(list);
}

static void add_constant(c2_metal_key *key, int index, int32_t type, int32_t value)
{
    key->constants[key->n_constants++] = (c2_metal_constant){index, type, value};
}

void c2_metal_key_bool(c2_metal_key *key, int index, bool value)
{
    add_constant(key, index, C2_MTL_TYPE_BOOL, value);
}

void c2_metal_key_int(c2_metal_key *key, int index, int32_t value)
{
    add_constant(key, index, C2_MTL_TYPE_INT, value);
}

/* The functions below are called with the lock and inside an autorelease pool. */

static c2_id new_constants(const c2_objc *rt, const c2_metal_key *key)
{
    const c2_id values = c2_objc_new(rt, "MTLFunctionConstantValues");
    for (int i = 0; values && i < key->n_constants; i++) {
        const c2_metal_constant *c = &key->constants[i];
        const unsigned char truth = c->value != 0;
        const void *value = c->type == C2_MTL_TYPE_BOOL ? (const void *)&truth : &c->value;
        C2_SEND(rt, set_constant, values, value, (c2_uint)c->type, (c2_uint)c->index);
    }
    return values;
}

static conv2d_status compile(c2_metal_device *d, const c2_metal_key *key, c2_id *state_out)
{
    const c2_objc *rt = &d->rt;
    c2_id library = NULL, error = NULL;
    conv2d_status s = c2_metal_library_get(d, key->family, &library);
    if (s)
        return s;
    const c2_id values = new_constants(rt, key);
    if (!values)
        return c2_fail(CONV2D_E_DEVICE, "Metal gives no constant values");
    const c2_id function =
        C2_SEND(rt, new_function, library, c2_objc_string(rt, key->function), values, &error);
    c2_objc_release(rt, values);
    if (!function)
        return c2_fail(CONV2D_E_DEVICE, "Metal makes no function %s: %.300s", key->function,
                       c2_objc_error_text(rt, error));
    *state_out = c2_metal_archive_find(d, function);
    if (!*state_out) {
        *state_out = C2_SEND(rt, new_pipeline, d->device, function, &error);
        if (*state_out)
            c2_metal_archive_add(d, function);
    }
    c2_objc_release(rt, function);
    return *state_out ? CONV2D_OK
                      : c2_fail(CONV2D_E_DEVICE, "Metal makes no pipeline of %s: %.300s",
                                key->function, c2_objc_error_text(rt, error));
}

static bool same_key(const c2_metal_key *a, const c2_metal_key *b)
{
    return a->family == b->family && a->n_constants == b->n_constants &&
           !strcmp(a->function, b->function) &&
           !memcmp(a->constants, b->constants, sizeof a->constants);
}

static conv2d_status add_pipeline(c2_metal_device *d, const c2_metal_key *key,
                                  c2_metal_pipeline **pipeline_out)
{
    c2_metal_pipeline *p = c2_alloc_zero(&d->base.allocator, sizeof *p);
    if (!p)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a pipeline");
    conv2d_status s = compile(d, key, &p->state);
    if (s) {
        c2_free(&d->base.allocator, p, sizeof *p);
        return s;
    }
    p->key = *key;
    p->max_threads = C2_SEND0(&d->rt, max_threads, p->state);
    p->simd_width = C2_SEND0(&d->rt, simd_width, p->state);
    p->next = d->pipelines;
    d->pipelines = p;
    *pipeline_out = p;
    return CONV2D_OK;
}

conv2d_status c2_metal_pipeline_get(c2_metal_device *d, const c2_metal_key *key,
                                    const c2_metal_pipeline **pipeline_out)
{
    conv2d_status s = CONV2D_OK;
    c2_mutex_lock(&d->compiling);
    c2_metal_pipeline *p = d->pipelines;
    while (p && !same_key(&p->key, key))
        p = p->next;
    if (!p) {
        void *pool = d->rt.pool_push();
        s = add_pipeline(d, key, &p);
        d->rt.pool_pop(pool);
    }
    c2_mutex_unlock(&d->compiling);
    if (!s)
        *pipeline_out = p;
    return s;
}

void c2_metal_pipelines_free(c2_metal_device *d)
{
    while (d->pipelines) {
        c2_metal_pipeline *p = d->pipelines;
        d->pipelines = p->next;
        c2_objc_release(&d->rt, p->state);
        c2_free(&d->base.allocator, p, sizeof *p);
    }
    for (int i = 0; i < C2_METAL_FAMILIES; i++)
        c2_objc_release(&d->rt, d->libraries[i]);
    c2_metal_archive_free(d);
}
