/* SPDX-License-Identifier: BSD-2-Clause
 * NSString, NSError and NSArray, as far as a user of Metal meets them. See objc.h. */
#include <stdlib.h>
#include <string.h>

#include "objc.h"
#include "report.h"

/* ---- NSString */

typedef struct string {
    char *text;
} string;

static void string_dealloc(void *data)
{
    free(((string *)data)->text);
}

sm_id sm_string(const char *text)
{
    sm_id object = sm_new(&sm_string_class);
    ((string *)object->data)->text = strdup(text);
    return object;
}

const char *sm_text(sm_id object, const char *what)
{
    const string *s = sm_data(object, &sm_string_class, what);
    return s ? s->text : "";
}

static sm_id with_utf8(sm_id self, sm_sel name, const char *text)
{
    (void)self;
    if (!text) {
        sm_violation("argument", "+[NSString %s] of NULL", name);
        return NULL;
    }
    return sm_autorelease(sm_string(text));
}

static const char *utf8(sm_id self, sm_sel name)
{
    return sm_text(self, name);
}

static sm_uint length(sm_id self, sm_sel name)
{
    return strlen(sm_text(self, name));
}

static const sm_method string_methods[] = {
    SM_METHOD("UTF8String", utf8),
    SM_METHOD("length", length),
    {NULL, NULL},
};
static const sm_method string_class_methods[] = {
    SM_METHOD("stringWithUTF8String:", with_utf8),
    {NULL, NULL},
};
const sm_class sm_string_class = {"NSString",     string_methods,       sizeof(string),
                                  string_dealloc, string_class_methods, false};

/* ---- NSError */

typedef struct error {
    sm_id domain, description;
    long code;
} error;

static void error_dealloc(void *data)
{
    error *e = data;
    sm_release(e->domain);
    sm_release(e->description);
}

sm_id sm_error(const char *domain, long code, const char *text)
{
    sm_id object = sm_new(&sm_error_class);
    error *e = object->data;
    e->domain = sm_string(domain);
    e->description = sm_string(text);
    e->code = code;
    return object;
}

void sm_set_error(sm_id *error_out, const char *domain, long code, const char *text)
{
    if (error_out)
        *error_out = sm_autorelease(sm_error(domain, code, text));
}

static sm_id description(sm_id self, sm_sel name)
{
    (void)name;
    return ((error *)self->data)->description;
}

static sm_id domain(sm_id self, sm_sel name)
{
    (void)name;
    return ((error *)self->data)->domain;
}

static sm_int code(sm_id self, sm_sel name)
{
    (void)name;
    return ((error *)self->data)->code;
}

static const sm_method error_methods[] = {
    SM_METHOD("localizedDescription", description),
    SM_METHOD("domain", domain),
    SM_METHOD("code", code),
    {NULL, NULL},
};
const sm_class sm_error_class = {"NSError",     error_methods, sizeof(error),
                                 error_dealloc, NULL,          false};

/* ---- NSArray */

typedef struct array {
    sm_id *objects;
    size_t n;
} array;

static void array_dealloc(void *data)
{
    array *a = data;
    for (size_t i = 0; i < a->n; i++)
        sm_release(a->objects[i]);
    free(a->objects);
}

sm_id sm_array(sm_id *objects, size_t n)
{
    sm_id object = sm_new(&sm_array_class);
    array *a = object->data;
    a->objects = calloc(n ? n : 1, sizeof *a->objects);
    if (!a->objects)
        return object;
    a->n = n;
    for (size_t i = 0; i < n; i++)
        a->objects[i] = sm_retain(objects[i]);
    return object;
}

static sm_uint count(sm_id self, sm_sel name)
{
    (void)name;
    return ((array *)self->data)->n;
}

static sm_id at_index(sm_id self, sm_sel name, sm_uint i)
{
    const array *a = self->data;
    if (i < a->n)
        return a->objects[i];
    sm_violation("argument", "-[NSArray %s] of %lu, it has %zu", name, i, a->n);
    return NULL;
}

sm_uint sm_array_count(sm_id object)
{
    return count(object, "count");
}

sm_id sm_array_at(sm_id object, sm_uint i)
{
    return at_index(object, "objectAtIndex:", i);
}

static sm_id with_object(sm_id self, sm_sel name, sm_id object)
{
    (void)self;
    if (!object) {
        sm_violation("argument", "+[NSArray %s] of nil", name);
        return NULL;
    }
    return sm_autorelease(sm_array(&object, 1));
}

static const sm_method array_class_methods[] = {
    SM_METHOD("arrayWithObject:", with_object),
    {NULL, NULL},
};
static const sm_method array_methods[] = {
    SM_METHOD("count", count),
    SM_METHOD("objectAtIndex:", at_index),
    {NULL, NULL},
};
const sm_class sm_array_class = {"NSArray",     array_methods,       sizeof(array),
                                 array_dealloc, array_class_methods, false};
