/* SPDX-License-Identifier: BSD-2-Clause
 * MTLCompileOptions, MTLLibrary, MTLFunction, MTLFunctionConstantValues and
 * MTLComputePipelineState: from text to something that can be dispatched. */
#include <stdlib.h>
#include <string.h>

#include "metal.h"

enum {
    LANGUAGE_2_4 = 0x20004,
    MATH_SAFE = 0,
    LIBRARY_ERROR_COMPILE = 3,
    LIBRARY_ERROR_NO_FUNCTION = 5,
    MAX_THREADS = 1024
};

/* ---- MTLCompileOptions: fast math is on until somebody says no */

static void set_fast_math(sm_id self, sm_sel name, sm_bool value)
{
    (void)name;
    ((sm_options_data *)self->data)->fast_math = value ? 1 : -1;
}

static sm_bool fast_math(sm_id self, sm_sel name)
{
    (void)name;
    return ((sm_options_data *)self->data)->fast_math >= 0;
}

static void set_math_mode(sm_id self, sm_sel name, sm_int mode)
{
    (void)name;
    sm_options_data *o = self->data;
    o->math_mode = mode;
    o->has_math_mode = true;
}

static sm_int math_mode(sm_id self, sm_sel name)
{
    (void)name;
    const sm_options_data *o = self->data;
    return o->has_math_mode ? o->math_mode : 2;
}

static void set_language(sm_id self, sm_sel name, sm_uint version)
{
    (void)name;
    ((sm_options_data *)self->data)->language = version;
}

static sm_uint language(sm_id self, sm_sel name)
{
    (void)name;
    return ((sm_options_data *)self->data)->language;
}

static const sm_method options_methods[] = {
    SM_METHOD("setFastMathEnabled:", set_fast_math),
    SM_METHOD("fastMathEnabled", fast_math),
    SM_METHOD("setMathMode:", set_math_mode),
    SM_METHOD("mathMode", math_mode),
    SM_METHOD("setLanguageVersion:", set_language),
    SM_METHOD("languageVersion", language),
    {NULL, NULL},
};
const sm_class sm_options_class = {
    "MTLCompileOptions", options_methods, sizeof(sm_options_data), NULL, NULL, true};

/* ---- MTLFunctionConstantValues */

/* Bytes of the types a constant may have; vectors are not supported. */
static size_t type_bytes(sm_uint type)
{
    switch (type) {
    case MSL_TYPE_FLOAT:
    case MSL_TYPE_INT:
    case MSL_TYPE_UINT:
        return 4;
    case MSL_TYPE_HALF:
    case MSL_TYPE_SHORT:
    case MSL_TYPE_USHORT:
        return 2;
    case MSL_TYPE_CHAR:
    case MSL_TYPE_UCHAR:
    case MSL_TYPE_BOOL:
        return 1;
    default:
        return 0;
    }
}

static void set_constant(sm_id self, sm_sel name, const void *value, sm_uint type, sm_uint index)
{
    sm_constants *c = self->data;
    if (index >= SM_MAX_CONSTANTS || !type_bytes(type) || !value) {
        sm_violation("function constant",
                     "-[MTLFunctionConstantValues %s]: value %p, type %lu, "
                     "index %lu",
                     name, value, type, index);
        return;
    }
    if (type == MSL_TYPE_BOOL && *(const unsigned char *)value > 1)
        sm_violation("function constant", "constant %lu of type bool is given the byte %d", index,
                     *(const unsigned char *)value);
    memset(c->value[index], 0, SM_CONSTANT_BYTES);
    memcpy(c->value[index], value, type_bytes(type));
    c->type[index] = (int)type;
}

static void reset(sm_id self, sm_sel name)
{
    (void)name;
    memset(self->data, 0, sizeof(sm_constants));
}

static const sm_method constants_methods[] = {
    SM_METHOD("setConstantValue:type:atIndex:", set_constant),
    SM_METHOD("reset", reset),
    {NULL, NULL},
};
const sm_class sm_constants_class = {
    "MTLFunctionConstantValues", constants_methods, sizeof(sm_constants), NULL, NULL, true};

/* ---- MTLLibrary */

static void library_dealloc(void *data)
{
    sm_release(((sm_library *)data)->device);
}

/* No options mean fast math, which breaks NaN, infinities and the order of sums. */
static int language_of(sm_id options)
{
    const sm_options_data *o = sm_data_or_null(options, &sm_options_class, "options");
    const bool off = o && (o->fast_math < 0 || (o->has_math_mode && o->math_mode == MATH_SAFE));
    const bool contradicts = o && o->has_math_mode && o->math_mode != MATH_SAFE;
    if (!off || contradicts)
        sm_violation("fast math", "a library is compiled with fast math, which is on by default");
    const sm_uint version = o && o->language ? o->language : LANGUAGE_2_4;
    return (int)((version >> 16) * 100 + (version & 0xffff) * 10);
}

/* The library of an image, or nil and an NSError of the error, which is freed. */
static sm_id library_of(sm_id owner, const sm_image *image, char *error, sm_id *error_out)
{
    if (!image) {
        sm_set_error(error_out, SM_LIBRARY_DOMAIN, LIBRARY_ERROR_COMPILE, error ? error : "");
        free(error);
        return NULL;
    }
    sm_id object = sm_new(&sm_library_class);
    sm_library *l = object->data;
    l->image = image;
    l->device = sm_retain(owner);
    return object;
}

sm_id sm_library_new(sm_id owner, sm_id source, sm_id options, sm_id *error_out)
{
    const char *text = sm_text(source, "source");
    const int version = language_of(options);
    char *error = NULL;
    const sm_image *image = NULL;
    if (sm_must_fail(SM_FAIL_LIBRARY, NULL))
        error = strdup("told to fail");
    else
        image = sm_compile(text, version, &error);
    return library_of(owner, image, error, error_out);
}

/* ---- a library of data: what tests/metal/fake_xcrun.py makes, a line of its own and the text */

typedef struct held_data {
    unsigned char *bytes;
    size_t n;
} held_data;

static void data_dealloc(void *d)
{
    free(((held_data *)d)->bytes);
}

static const sm_method data_methods[] = {{NULL, NULL}};
const sm_class sm_data_class = {"OS_dispatch_data", data_methods, sizeof(held_data),
                                data_dealloc,       NULL,         false};

/* libdispatch's: a copy of the bytes, since no destructor is given. */
sm_id dispatch_data_create(const void *bytes, size_t n, void *queue, void *destructor)
{
    if (!bytes || queue || destructor)
        sm_violation("argument", "dispatch_data_create() of %p with a queue or destructor", bytes);
    sm_id object = sm_new(&sm_data_class);
    held_data *d = object->data;
    d->bytes = calloc(n + 1, 1);
    if (d->bytes && bytes)
        memcpy(d->bytes, bytes, n);
    d->n = n;
    return object;
}

sm_id sm_library_of_data(sm_id owner, sm_id given, sm_id *error_out)
{
    static const char head[] = "software metallib 240 fast-math=off\n";
    const held_data *d = sm_data(given, &sm_data_class, "data");
    const char *text = d ? (const char *)d->bytes : "";
    char *error = NULL;
    const sm_image *image = NULL;
    if (sm_must_fail(SM_FAIL_DATA, NULL))
        error = strdup("told to fail");
    else if (strncmp(text, head, sizeof head - 1))
        error = strdup("invalid library file");
    else
        image = sm_compile(text + sizeof head - 1, 240, &error);
    return library_of(owner, image, error, error_out);
}

static sm_id new_function(sm_id self, sm_sel method, sm_id name, sm_id values, sm_id *error_out)
{
    (void)method;
    static const sm_constants none;
    const sm_library *l = self->data;
    const sm_constants *c = sm_data_or_null(values, &sm_constants_class, "constantValues");
    const char *text = sm_text(name, "name");
    char *error = NULL;
    sm_kernel kernel;
    const bool fails = sm_must_fail(SM_FAIL_FUNCTION, NULL);
    if (fails || !sm_load(l->image, c ? c : &none, text, &kernel, &error)) {
        sm_set_error(error_out, SM_LIBRARY_DOMAIN, LIBRARY_ERROR_NO_FUNCTION,
                     error ? error : "told to fail");
        free(error);
        return NULL;
    }
    sm_id object = sm_new(&sm_function_class);
    sm_function *f = object->data;
    f->kernel = kernel;
    f->identity = sm_identity(l->image, c ? c : &none, text);
    f->name = sm_retain(name);
    f->device = sm_retain(l->device);
    return object;
}

static sm_id new_plain_function(sm_id self, sm_sel method, sm_id name)
{
    return new_function(self, method, name, NULL, NULL);
}

static sm_id function_names(sm_id self, sm_sel method)
{
    (void)method;
    int n = 0;
    const msl_kernel *kernels = sm_list(((sm_library *)self->data)->image, &n);
    sm_id *names = calloc((size_t)n + 1, sizeof *names);
    for (int i = 0; names && i < n; i++)
        names[i] = sm_string(kernels[i].name);
    sm_id all = sm_array(names, names ? (size_t)n : 0);
    for (int i = 0; names && i < n; i++)
        sm_release(names[i]);
    free(names);
    return sm_autorelease(all);
}

static const sm_method library_methods[] = {
    SM_METHOD("newFunctionWithName:", new_plain_function),
    SM_METHOD("newFunctionWithName:constantValues:error:", new_function),
    SM_METHOD("functionNames", function_names),
    {NULL, NULL},
};
const sm_class sm_library_class = {
    "MTLLibrary", library_methods, sizeof(sm_library), library_dealloc, NULL, false};

/* ---- MTLFunction */

static void function_dealloc(void *data)
{
    sm_function *f = data;
    sm_release(f->name);
    sm_release(f->device);
}

static sm_id function_name(sm_id self, sm_sel name)
{
    (void)name;
    return ((sm_function *)self->data)->name;
}

static const sm_method function_methods[] = {
    SM_METHOD("name", function_name),
    {NULL, NULL},
};
const sm_class sm_function_class = {
    "MTLFunction", function_methods, sizeof(sm_function), function_dealloc, NULL, false};

/* ---- MTLComputePipelineState */

static void pipeline_dealloc(void *data)
{
    sm_release(((sm_pipeline *)data)->device);
}

sm_id sm_pipeline_new(sm_id owner, sm_id function, sm_id *error_out)
{
    const sm_function *f = sm_data(function, &sm_function_class, "function");
    if (!f)
        return NULL;
    if (sm_must_fail(SM_FAIL_PIPELINE, NULL)) {
        sm_set_error(error_out, SM_PIPELINE_DOMAIN, 2, "told to fail");
        return NULL;
    }
    sm_id object = sm_new(&sm_pipeline_class);
    sm_pipeline *p = object->data;
    p->kernel = f->kernel;
    p->device = sm_retain(owner);
    return object;
}

static sm_uint max_threads(sm_id self, sm_sel name)
{
    (void)name;
    const int own = ((sm_pipeline *)self->data)->kernel.table->max_threads;
    return own > 0 ? (sm_uint)own : MAX_THREADS;
}

static sm_uint width(sm_id self, sm_sel name)
{
    (void)self, (void)name;
    return MSL_SIMD_WIDTH;
}

static sm_uint static_memory(sm_id self, sm_sel name)
{
    (void)self, (void)name;
    return 0;
}

static const sm_method pipeline_methods[] = {
    SM_METHOD("maxTotalThreadsPerThreadgroup", max_threads),
    SM_METHOD("threadExecutionWidth", width),
    SM_METHOD("staticThreadgroupMemoryLength", static_memory),
    {NULL, NULL},
};
const sm_class sm_pipeline_class = {"MTLComputePipelineState",
                                    pipeline_methods,
                                    sizeof(sm_pipeline),
                                    pipeline_dealloc,
                                    NULL,
                                    false};
