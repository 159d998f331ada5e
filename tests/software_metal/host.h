/* SPDX-License-Identifier: BSD-2-Clause
 * A small user of Metal for the tests of software Metal: opens the library that
 * CONV2D_METAL_LIBRARY names with dlopen() and sends messages, as a program on a Mac does. */
#ifndef SM_TEST_HOST_H
#define SM_TEST_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct object *id;
typedef const char *sel;
typedef unsigned long uint_t;
typedef struct mtl_size {
    uint_t width, height, depth;
} mtl_size;

typedef struct host {
    void *library;
    void (*send)(void);
    id (*get_class)(const char *name);
    sel (*selector)(const char *name);
    void *(*push)(void);
    void (*pop)(void *pool);
    id (*create_device)(void);
    int (*violations)(void);
    const char *(*last_violation)(void);
    long (*live_objects)(void);
    int (*fail)(const char *what, int nth, long code);
    void (*delay)(long microseconds);
    id device, queue;
} host;
extern host h;

/* SEND(id, device, "newCommandQueue"), SEND(id, device, "…:", (id, uint_t), object, 3ul) */
#define SEND0(result, object, name) \
    (((result(*)(id, sel))(void (*)(void))h.send)((object), h.selector(name)))
#define SEND(result, object, name, types, ...)                                                \
    (((result(*)(id, sel, SM_TYPES types))(void (*)(void))h.send)((object), h.selector(name), \
                                                                  __VA_ARGS__))
#define SM_TYPES(...) __VA_ARGS__

/* Open the library, a pool, a device and a queue; host_close() gives all back. The environment is
 * set before: a violation does not end the process but counts, unless `abort`. */
void host_open(bool abort);
void host_close(void);

enum { FLOAT = 3, INT = 29, UINT = 33, BOOL = 53 }; /* MTLDataType */

id text(const char *utf8);                 /* autoreleased NSString */
char *read_text(const char *name);         /* kernels/name.metal; free() it */
id library(const char *source, bool safe); /* NULL if it does not compile: see compile_error */
extern char compile_error[8192];
id function(id library, const char *name, id constants); /* NULL if there is none */
id pipeline(id function);
id load_kernel(const char *file, const char *name, id constants); /* a pipeline */
id buffer(size_t bytes, const void *contents);                    /* contents NULL: left as it is */
void *contents(id buffer);
void release(id object);

/* A command buffer with an encoder and a pipeline; run() ends, commits and waits, and gives
 * whether it completed. */
typedef struct command {
    id buffer, encoder;
} command;
command begin(id pipeline);
void bind(command c, id buffer, int index);
void bind_bytes(command c, const void *bytes, size_t n, int index);
void dispatch(command c, unsigned n_groups, unsigned n_threads);
bool run(command c);

#endif
