/* SPDX-License-Identifier: BSD-2-Clause
 * Messages to software Metal from plain C; see host.h. */
#include "host.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

host h;
char compile_error[8192];
static void *pool;

static void find(void *address, const char *name)
{
    void *found = dlsym(h.library, name);
    if (!found) {
        fprintf(stderr, "software Metal lacks %s\n", name);
        exit(2);
    }
    memcpy(address, &found, sizeof found);
}

void host_open(bool abort)
{
    const char *path = getenv("CONV2D_METAL_LIBRARY");
    setenv("CONV2D_SOFTWARE_METAL_ON_VIOLATION", abort ? "abort" : "continue", 1);
    h.library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!h.library) {
        fprintf(stderr, "CONV2D_METAL_LIBRARY names no library: %s\n", path ? dlerror() : "unset");
        exit(2);
    }
    find(&h.send, "objc_msgSend");
    find(&h.get_class, "objc_getClass");
    find(&h.selector, "sel_registerName");
    find(&h.push, "objc_autoreleasePoolPush");
    find(&h.pop, "objc_autoreleasePoolPop");
    find(&h.create_device, "MTLCreateSystemDefaultDevice");
    find(&h.violations, "software_metal_violations");
    find(&h.last_violation, "software_metal_last_violation");
    find(&h.live_objects, "software_metal_live_objects");
    find(&h.fail, "software_metal_fail");
    find(&h.delay, "software_metal_delay");
    pool = h.push();
    h.device = h.create_device();
    h.queue = SEND0(id, h.device, "newCommandQueue");
}

void host_close(void)
{
    release(h.queue);
    release(h.device);
    h.pop(pool);
}

void release(id object)
{
    if (object)
        SEND0(void, object, "release");
}

id text(const char *utf8)
{
    return SEND(id, h.get_class("NSString"), "stringWithUTF8String:", (const char *), utf8);
}

char *read_text(const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.metal", SM_KERNELS, name);
    FILE *file = fopen(path, "r");
    char *all = calloc(1, 1 << 16);
    if (!file || !all || !fread(all, 1, (1 << 16) - 1, file)) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    fclose(file);
    return all;
}

static void note_error(id error)
{
    const id sentence = error ? SEND0(id, error, "localizedDescription") : NULL;
    snprintf(compile_error, sizeof compile_error, "%s",
             sentence ? SEND0(const char *, sentence, "UTF8String") : "no error given");
}

id library(const char *source, bool safe)
{
    const id options = SEND0(id, h.get_class("MTLCompileOptions"), "new");
    if (safe)
        SEND(void, options, "setFastMathEnabled:", (signed char), 0);
    id error = NULL;
    const id made = SEND(id, h.device, "newLibraryWithSource:options:error:", (id, id, id *),
                         text(source), options, &error);
    if (!made)
        note_error(error);
    release(options);
    return made;
}

id function(id from, const char *name, id constants)
{
    id error = NULL;
    const id made = SEND(id, from, "newFunctionWithName:constantValues:error:", (id, id, id *),
                         text(name), constants, &error);
    if (!made)
        note_error(error);
    return made;
}

id pipeline(id from)
{
    id error = NULL;
    return SEND(id, h.device, "newComputePipelineStateWithFunction:error:", (id, id *), from,
                &error);
}

id load_kernel(const char *file, const char *name, id constants)
{
    char *source = read_text(file);
    const id l = library(source, true);
    free(source);
    if (!l) {
        fprintf(stderr, "%s.metal does not compile: %s\n", file, compile_error);
        exit(1);
    }
    const id f = function(l, name, constants);
    if (!f) {
        fprintf(stderr, "%s.metal: no %s: %s\n", file, name, compile_error);
        exit(1);
    }
    const id p = pipeline(f);
    release(f);
    release(l);
    return p;
}

id buffer(size_t bytes, const void *from)
{
    const id made =
        SEND(id, h.device, "newBufferWithLength:options:", (uint_t, uint_t), bytes, 0ul);
    if (made && from)
        memcpy(contents(made), from, bytes);
    return made;
}

void *contents(id of)
{
    return SEND0(void *, of, "contents");
}

command begin(id with)
{
    command c;
    c.buffer = SEND0(id, h.queue, "commandBuffer");
    c.encoder = SEND0(id, c.buffer, "computeCommandEncoder");
    SEND(void, c.encoder, "setComputePipelineState:", (id), with);
    return c;
}

void bind(command c, id b, int index)
{
    SEND(void, c.encoder, "setBuffer:offset:atIndex:", (id, uint_t, uint_t), b, 0ul, (uint_t)index);
}

void bind_bytes(command c, const void *bytes, size_t n, int index)
{
    SEND(void, c.encoder, "setBytes:length:atIndex:", (const void *, uint_t, uint_t), bytes, n,
         (uint_t)index);
}

void dispatch(command c, unsigned n_groups, unsigned n_threads)
{
    SEND(void, c.encoder, "dispatchThreadgroups:threadsPerThreadgroup:", (mtl_size, mtl_size),
         ((mtl_size){n_groups, 1, 1}), ((mtl_size){n_threads, 1, 1}));
}

bool run(command c)
{
    SEND0(void, c.encoder, "endEncoding");
    SEND0(void, c.buffer, "commit");
    SEND0(void, c.buffer, "waitUntilCompleted");
    return SEND0(uint_t, c.buffer, "status") == 4;
}
