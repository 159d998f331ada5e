/* SPDX-License-Identifier: BSD-2-Clause
 * The Objective-C runtime of software Metal: objects with reference counts, classes as tables of
 * methods, messages, autorelease pools. A dead object keeps its head for ever, so that whatever is
 * sent to it afterwards is known and reported. */
#ifndef SM_OBJC_H
#define SM_OBJC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sm_object sm_object;
typedef sm_object *sm_id;
typedef const char *sm_sel; /* one address a name */
typedef unsigned long sm_uint;
typedef long sm_int;
typedef signed char sm_bool;
typedef void (*sm_method_function)(void);

typedef struct sm_method {
    const char *selector;
    sm_method_function function;
} sm_method;

typedef struct sm_class {
    const char *name;
    const sm_method *methods; /* ended by a line without a selector; NSObject's are everybody's */
    size_t bytes;             /* of an object's data; zero at first */
    void (*dealloc)(void *data);
    const sm_method *class_methods;
    bool can_alloc; /* answers alloc and new */
} sm_class;

struct sm_object {
    const sm_class *isa;
    sm_object *next; /* of all objects */
    void *data;
    atomic_int references;
    atomic_int is_alive;
    bool is_class;
};

#define SM_METHOD(selector, function) {selector, (sm_method_function)(void (*)(void))(function)}

/* A new object with one reference. */
sm_id sm_new(const sm_class *isa);
void sm_release(sm_id object);
sm_id sm_retain(sm_id object);
sm_id sm_autorelease(sm_id object);
/* Data of an object of that class; NULL, reported, if it is dead or of another. `what` names the
 * argument. sm_data_or_null() lets nil pass in silence. */
void *sm_data(sm_id object, const sm_class *isa, const char *what);
void *sm_data_or_null(sm_id object, const sm_class *isa, const char *what);

/* Until no queue's thread holds an object, at most some seconds: command.c. */
void sm_wait_until_idle(void);

/* All classes, ended by NULL: device.c. */
extern const sm_class *const sm_classes[];

/* Apple's functions, looked up by name: objc.c, device.c, library.c. objc_msgSend() is assembly. */
void *objc_autoreleasePoolPush(void);
void objc_autoreleasePoolPop(void *pool);
sm_id objc_retain(sm_id object);
void objc_release(sm_id object);
sm_id objc_autorelease(sm_id object);
sm_sel sel_registerName(const char *name);
const char *sel_getName(sm_sel selector);
sm_id objc_getClass(const char *name);
sm_id objc_lookUpClass(const char *name);
sm_id object_getClass(sm_id object);
const char *class_getName(sm_id object);
sm_id MTLCreateSystemDefaultDevice(void);
sm_id MTLCopyAllDevices(void);
sm_id dispatch_data_create(const void *bytes, size_t n, void *queue, void *destructor);
sm_method_function sm_look_up(sm_id self, sm_sel name); /* for objc_msgSend() */

/* Foundation: foundation.c */
extern const sm_class sm_string_class, sm_error_class, sm_array_class;
sm_id sm_string(const char *text); /* +1 */
const char *sm_text(sm_id string, const char *what);
/* Store an autoreleased NSError where error_out is given. */
void sm_set_error(sm_id *error_out, const char *domain, long code, const char *text);
sm_id sm_error(const char *domain, long code, const char *text); /* +1 */
sm_id sm_array(sm_id *objects, size_t n);                        /* +1; retains the objects */
sm_uint sm_array_count(sm_id object);
sm_id sm_array_at(sm_id object, sm_uint i);

#endif
