/* SPDX-License-Identifier: BSD-2-Clause
 * Opening libobjc and Metal with dlopen, and the few helpers every caller of them needs. The only
 * file that looks up symbols; without a Mac the first dlopen refuses, and that is the answer. */
#include "metal/objc.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"

/* Where Apple keeps them. CoreGraphics is opened for its effect alone: without it
 * MTLCreateSystemDefaultDevice() gives NULL in programs that have no windows. */
enum { LIBRARY_OBJC, LIBRARY_METAL, LIBRARY_GRAPHICS, LIBRARY_SYSTEM, N_LIBRARIES };
static const char *const apple[N_LIBRARIES] = {
    "/usr/lib/libobjc.A.dylib",
    "/System/Library/Frameworks/Metal.framework/Metal",
    "/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics",
    "/usr/lib/libSystem.B.dylib",
};

typedef struct symbol {
    const char *name;
    int library;
    size_t offset; /* of its pointer in c2_objc */
    bool optional;
} symbol;

static const symbol symbols[] = {
    {"objc_msgSend", LIBRARY_OBJC, offsetof(c2_objc, send), false},
    {"objc_getClass", LIBRARY_OBJC, offsetof(c2_objc, get_class), false},
    {"sel_registerName", LIBRARY_OBJC, offsetof(c2_objc, selector), false},
    {"objc_autoreleasePoolPush", LIBRARY_OBJC, offsetof(c2_objc, pool_push), false},
    {"objc_autoreleasePoolPop", LIBRARY_OBJC, offsetof(c2_objc, pool_pop), false},
    {"MTLCreateSystemDefaultDevice", LIBRARY_METAL, offsetof(c2_objc, default_device), false},
    {"MTLCopyAllDevices", LIBRARY_METAL, offsetof(c2_objc, all_devices), true},
    {"dispatch_data_create", LIBRARY_SYSTEM, offsetof(c2_objc, data), true},
    {"_NSConcreteStackBlock", LIBRARY_SYSTEM, offsetof(c2_objc, stack_block), false},
};

static const char *const selector_names[] = {
#define NAME(name, text, result, prototype) text,
    C2_METAL_SELECTORS(NAME)
#undef NAME
};
enum { N_SELECTORS = sizeof selector_names / sizeof selector_names[0] };
_Static_assert(sizeof(((c2_objc *)0)->sel) == N_SELECTORS * sizeof(c2_sel),
               "one selector a line of the table");

const char *c2_objc_environment(const char *name)
{
    const char *value = getenv(name);
    const bool trusted = getuid() == geteuid() && getgid() == getegid();
    return value && *value && trusted ? value : NULL;
}

static const char *reason(void)
{
    const char *text = dlerror();
    return text ? text : "no reason given";
}

static conv2d_status open_libraries(void *handles[N_LIBRARIES])
{
    const char *path = c2_objc_environment("CONV2D_METAL_LIBRARY");
    for (int i = 0; i < N_LIBRARIES; i++) {
        handles[i] = dlopen(path ? path : apple[i], RTLD_NOW | RTLD_LOCAL);
        if (!handles[i] && i != LIBRARY_GRAPHICS)
            return c2_fail(CONV2D_E_DEVICE, "device \"metal\": this system has no Metal: %s",
                           reason());
    }
    return CONV2D_OK;
}

conv2d_status c2_objc_open(c2_objc *rt_out)
{
    void *handles[N_LIBRARIES];
    conv2d_status s = open_libraries(handles);
    if (s)
        return s;
    c2_objc rt;
    memset(&rt, 0, sizeof rt);
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        /* copied as bytes: ISO C has no cast from an object's address to a function's */
        void *address = dlsym(handles[symbols[i].library], symbols[i].name);
        if (!address && !symbols[i].optional)
            return c2_fail(CONV2D_E_DEVICE, "device \"metal\": %s is missing: %s", symbols[i].name,
                           reason());
        memcpy((char *)&rt + symbols[i].offset, &address, sizeof address);
    }
    for (int i = 0; i < N_SELECTORS; i++) {
        const c2_sel sel = rt.selector(selector_names[i]);
        memcpy((char *)&rt.sel + (size_t)i * sizeof sel, &sel, sizeof sel);
    }
    *rt_out = rt;
    return CONV2D_OK;
}

struct c2_block_descriptor {
    unsigned long reserved, size;
};

c2_block c2_objc_block(const c2_objc *rt, void (*invoke)(c2_block *, c2_id), void *job)
{
    static const struct c2_block_descriptor descriptor = {0, sizeof(c2_block)};
    return (c2_block){rt->stack_block, 0, 0, invoke, &descriptor, job};
}

c2_id c2_objc_new(const c2_objc *rt, const char *class_name)
{
    const c2_id class = rt->get_class(class_name);
    const c2_id raw = class ? C2_SEND0(rt, alloc, class) : NULL;
    return raw ? C2_SEND0(rt, init, raw) : NULL;
}

c2_id c2_objc_string(const c2_objc *rt, const char *text)
{
    return C2_SEND(rt, string, rt->get_class("NSString"), text);
}

const char *c2_objc_text(const c2_objc *rt, c2_id string)
{
    const char *text = string ? C2_SEND0(rt, utf8, string) : NULL;
    return text ? text : "";
}

const char *c2_objc_error_text(const c2_objc *rt, c2_id error)
{
    const char *text = error ? c2_objc_text(rt, C2_SEND0(rt, description, error)) : "";
    return *text ? text : "no reason given";
}

void c2_objc_release(const c2_objc *rt, c2_id object)
{
    if (object)
        C2_SEND0(rt, release, object);
}
