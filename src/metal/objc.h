/* SPDX-License-Identifier: BSD-2-Clause
 * The Objective-C runtime and Metal, opened at run time: no SDK is needed to build, and a library
 * built with this backend starts where there is no Metal. Messages are sent through objc_msgSend
 * cast to each method's exact prototype.
 * What is looked up: objc_getClass, sel_registerName, objc_msgSend, objc_autoreleasePoolPush,
 * objc_autoreleasePoolPop, MTLCreateSystemDefaultDevice, the data symbol _NSConcreteStackBlock, and
 * (may be absent) MTLCopyAllDevices, dispatch_data_create; all from one library where the
 * environment names it. */
#ifndef C2_METAL_OBJC_H
#define C2_METAL_OBJC_H

#include <stdbool.h>
#include <stddef.h>

#include "conv2d/conv2d.h"
#include "metal/selectors.h"

typedef struct c2_objc {
    void (*send)(void); /* objc_msgSend */
    c2_id (*get_class)(const char *name);
    c2_sel (*selector)(const char *name);
    void *(*pool_push)(void);
    void (*pool_pop)(void *pool);
    c2_id (*default_device)(void); /* +1 */
    c2_id (*all_devices)(void);    /* +1 array; NULL where the system has no such function */
    /* +1, a copy of the bytes; queue and destructor are NULL. NULL where there is no such one. */
    c2_id (*data)(const void *bytes, size_t n, void *queue, void *destructor);
    void *stack_block; /* isa of a block on the stack */
    struct {
#define C2_METAL_MEMBER(name, text, result, prototype) c2_sel name;
        C2_METAL_SELECTORS(C2_METAL_MEMBER)
#undef C2_METAL_MEMBER
    } sel;
} c2_objc;

/* Send a message: C2_SEND0(rt, retain, object), C2_SEND(rt, new_buffer, device, bytes, options). */
#define C2_SEND0(rt, name, self) (((c2_send_##name)(rt)->send)((self), (rt)->sel.name))
#define C2_SEND(rt, name, self, ...) \
    (((c2_send_##name)(rt)->send)((self), (rt)->sel.name, __VA_ARGS__))

/* A block as compilers lay it out (Clang's Block Implementation Specification): made on the stack,
 * copied by the method that keeps it. `job` is what it captures. */
typedef struct c2_block {
    void *isa;
    int flags, reserved;
    void (*invoke)(struct c2_block *block, c2_id argument);
    const struct c2_block_descriptor *descriptor;
    void *job;
} c2_block;
c2_block c2_objc_block(const c2_objc *rt, void (*invoke)(c2_block *, c2_id), void *job);

/* Open the libraries and look everything up. They are never closed: Apple's cannot be unloaded.
 * CONV2D_E_DEVICE with the system's reason where something is missing.
 * If the environment variable CONV2D_METAL_LIBRARY is set, it is the path of the one library that
 * has everything (software Metal, for tests); a program that runs with more rights than its user
 * has does not look at it. */
conv2d_status c2_objc_open(c2_objc *rt_out);

/* A variable of the environment, NULL if it is not set or empty, and in a program that has more
 * rights than its user. */
const char *c2_objc_environment(const char *name);

/* alloc and init of a class: +1, NULL where there is no such class. */
c2_id c2_objc_new(const c2_objc *rt, const char *class_name);
/* Autoreleased string. */
c2_id c2_objc_string(const c2_objc *rt, const char *text);
/* Text of an NSString, "" for NULL; lives as long as the string or the pool around the call. */
const char *c2_objc_text(const c2_objc *rt, c2_id string);
/* Sentence of an NSError, "no reason given" for NULL. */
const char *c2_objc_error_text(const c2_objc *rt, c2_id error);
void c2_objc_release(const c2_objc *rt, c2_id object); /* NULL allowed */

#endif
