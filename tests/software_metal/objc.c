/* SPDX-License-Identifier: BSD-2-Clause
 * Objects, selectors, messages, autorelease pools. objc_msgSend looks the method up and jumps to it
 * with every argument register and the stack as they were, as Apple's does; so it is assembly, for
 * x86-64. See objc.h. */
#include "objc.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "software_metal.h"

static pthread_mutex_t objects_lock = PTHREAD_MUTEX_INITIALIZER;
static sm_object *all_objects;
static atomic_long n_alive;

/* ---- objects */

static void *must(void *memory)
{
    if (!memory)
        sm_violation("memory", "software Metal itself has none left");
    return memory;
}

sm_id sm_new(const sm_class *isa)
{
    sm_object *object = must(calloc(1, sizeof *object));
    object->isa = isa;
    object->data = must(calloc(1, isa->bytes ? isa->bytes : 1));
    object->references = 1;
    object->is_alive = 1;
    pthread_mutex_lock(&objects_lock);
    object->next = all_objects;
    all_objects = object;
    pthread_mutex_unlock(&objects_lock);
    n_alive++;
    return object;
}

static bool check_alive(sm_id object, const char *message)
{
    if (object->is_alive)
        return true;
    sm_violation("over-release", "%s sent to a dead %s", message, object->isa->name);
    return false;
}

sm_id sm_retain(sm_id object)
{
    if (object && !object->is_class && check_alive(object, "retain"))
        object->references++;
    return object;
}

void sm_release(sm_id object)
{
    if (!object || object->is_class || !check_alive(object, "release"))
        return;
    if (--object->references > 0)
        return;
    if (object->isa->dealloc)
        object->isa->dealloc(object->data);
    object->is_alive = 0;
    free(object->data);
    object->data = NULL;
    n_alive--;
}

void *sm_data_or_null(sm_id object, const sm_class *isa, const char *what)
{
    if (!object)
        return NULL;
    if (!object->is_alive)
        sm_violation("over-release", "%s is a dead %s", what, object->isa->name);
    else if (object->is_class || object->isa != isa)
        sm_violation("argument", "%s is a %s and no %s", what, object->isa->name, isa->name);
    else
        return object->data;
    return NULL;
}

void *sm_data(sm_id object, const sm_class *isa, const char *what)
{
    if (!object)
        sm_violation("argument", "%s is nil and no %s", what, isa->name);
    return sm_data_or_null(object, isa, what);
}

long software_metal_live_objects(void)
{
    sm_wait_until_idle();
    return n_alive;
}

int software_metal_report_leaks(void)
{
    int n = 0;
    sm_wait_until_idle();
    pthread_mutex_lock(&objects_lock);
    sm_object *object = all_objects;
    pthread_mutex_unlock(&objects_lock);
    for (; object; object = object->next) {
        if (!object->is_alive)
            continue;
        n++;
        sm_violation("leak", "a %s is still alive, with %d references", object->isa->name,
                     object->references);
    }
    return n;
}

/* ---- selectors: interned in a hash table, never freed */

enum { N_BUCKETS = 256 };
typedef struct selector {
    struct selector *next;
    char name[];
} selector;
static selector *buckets[N_BUCKETS];
static pthread_mutex_t selectors_lock = PTHREAD_MUTEX_INITIALIZER;

sm_sel sel_registerName(const char *name)
{
    unsigned hash = 5381;
    for (const char *c = name; *c; c++)
        hash = hash * 33 + (unsigned char)*c;
    selector **bucket = &buckets[hash % N_BUCKETS];
    pthread_mutex_lock(&selectors_lock);
    selector *s = *bucket;
    while (s && strcmp(s->name, name))
        s = s->next;
    if (!s) {
        s = must(malloc(sizeof *s + strlen(name) + 1));
        strcpy(s->name, name);
        s->next = *bucket;
        *bucket = s;
    }
    pthread_mutex_unlock(&selectors_lock);
    return s->name;
}

const char *sel_getName(sm_sel name)
{
    return name ? name : "<null selector>";
}

/* ---- classes: each has one object that stands for it */

enum { MAX_CLASSES = 64 };
static sm_object class_objects[MAX_CLASSES];
static pthread_once_t classes_once = PTHREAD_ONCE_INIT;

static void make_classes(void)
{
    for (int i = 0; sm_classes[i]; i++) {
        class_objects[i].isa = sm_classes[i];
        class_objects[i].is_class = true;
        class_objects[i].is_alive = 1;
        class_objects[i].references = 1;
    }
}

sm_id objc_getClass(const char *name)
{
    pthread_once(&classes_once, make_classes);
    for (int i = 0; sm_classes[i]; i++)
        if (!strcmp(sm_classes[i]->name, name))
            return &class_objects[i];
    return NULL;
}

sm_id objc_lookUpClass(const char *name)
{
    return objc_getClass(name);
}

sm_id object_getClass(sm_id object)
{
    return object ? objc_getClass(object->isa->name) : NULL;
}

const char *class_getName(sm_id object)
{
    return object ? object->isa->name : "nil";
}

/* ---- NSObject's methods */

static const sm_method *find(const sm_method *methods, sm_sel name)
{
    for (const sm_method *m = methods; m && m->selector; m++)
        if (!strcmp(m->selector, name))
            return m;
    return NULL;
}

static const sm_method *find_in_object(sm_id object, sm_sel name);

static sm_id retain_method(sm_id self, sm_sel name)
{
    (void)name;
    return sm_retain(self);
}
static void release_method(sm_id self, sm_sel name)
{
    (void)name;
    sm_release(self);
}
static sm_id autorelease_method(sm_id self, sm_sel name)
{
    (void)name;
    return sm_autorelease(self);
}
static sm_uint retain_count(sm_id self, sm_sel name)
{
    (void)name;
    return (sm_uint)self->references;
}
static sm_id init_method(sm_id self, sm_sel name)
{
    (void)name;
    return self;
}
static sm_bool responds(sm_id self, sm_sel name, sm_sel asked)
{
    (void)name;
    return asked && find_in_object(self, asked) != NULL;
}
static sm_id class_method(sm_id self, sm_sel name)
{
    (void)name;
    return objc_getClass(self->isa->name);
}
static sm_id alloc_method(sm_id self, sm_sel name)
{
    if (self->isa->can_alloc)
        return sm_new(self->isa);
    sm_violation("selector", "+[%s %s]: the class makes no objects that way", self->isa->name,
                 name);
    return NULL;
}

static const sm_method object_methods[] = {
    SM_METHOD("retain", retain_method),
    SM_METHOD("release", release_method),
    SM_METHOD("autorelease", autorelease_method),
    SM_METHOD("retainCount", retain_count),
    SM_METHOD("init", init_method),
    SM_METHOD("respondsToSelector:", responds),
    SM_METHOD("class", class_method),
    {NULL, NULL},
};
static const sm_method class_object_methods[] = {
    SM_METHOD("alloc", alloc_method),
    SM_METHOD("new", alloc_method),
    SM_METHOD("retain", retain_method),
    SM_METHOD("release", release_method),
    SM_METHOD("respondsToSelector:", responds),
    SM_METHOD("class", class_method),
    {NULL, NULL},
};

static const sm_method *find_in_object(sm_id object, sm_sel name)
{
    const sm_method *m =
        find(object->is_class ? object->isa->class_methods : object->isa->methods, name);
    return m ? m : find(object->is_class ? class_object_methods : object_methods, name);
}

/* ---- messages */

static long nothing(void)
{
    return 0;
}

/* Called by objc_msgSend: the function to jump to. */
__attribute__((used, visibility("hidden"))) sm_method_function sm_look_up(sm_id self, sm_sel name)
{
    const sm_method_function none = (sm_method_function)(void (*)(void))nothing;
    if (!self)
        return none;
    if (!name) {
        sm_violation("selector", "a null selector sent to a %s", self->isa->name);
        return none;
    }
    if (!check_alive(self, name))
        return none;
    const sm_method *m = find_in_object(self, name);
    if (m)
        return m->function;
    sm_violation("selector", "%c[%s %s]: unrecognized selector", self->is_class ? '+' : '-',
                 self->isa->name, name);
    return none;
}

#ifndef __x86_64__
#error "software Metal's objc_msgSend is written for x86-64"
#endif
__asm__(".text\n"
        ".globl objc_msgSend\n"
        ".type objc_msgSend, @function\n"
        "objc_msgSend:\n"
        "    pushq %rbp\n"
        "    movq %rsp, %rbp\n"
        "    subq $192, %rsp\n"
        "    movq %rdi, (%rsp)\n"
        "    movq %rsi, 8(%rsp)\n"
        "    movq %rdx, 16(%rsp)\n"
        "    movq %rcx, 24(%rsp)\n"
        "    movq %r8, 32(%rsp)\n"
        "    movq %r9, 40(%rsp)\n"
        "    movq %rax, 48(%rsp)\n"
        "    movups %xmm0, 64(%rsp)\n"
        "    movups %xmm1, 80(%rsp)\n"
        "    movups %xmm2, 96(%rsp)\n"
        "    movups %xmm3, 112(%rsp)\n"
        "    movups %xmm4, 128(%rsp)\n"
        "    movups %xmm5, 144(%rsp)\n"
        "    movups %xmm6, 160(%rsp)\n"
        "    movups %xmm7, 176(%rsp)\n"
        "    call sm_look_up\n"
        "    movq %rax, %r11\n"
        "    movups 64(%rsp), %xmm0\n"
        "    movups 80(%rsp), %xmm1\n"
        "    movups 96(%rsp), %xmm2\n"
        "    movups 112(%rsp), %xmm3\n"
        "    movups 128(%rsp), %xmm4\n"
        "    movups 144(%rsp), %xmm5\n"
        "    movups 160(%rsp), %xmm6\n"
        "    movups 176(%rsp), %xmm7\n"
        "    movq (%rsp), %rdi\n"
        "    movq 8(%rsp), %rsi\n"
        "    movq 16(%rsp), %rdx\n"
        "    movq 24(%rsp), %rcx\n"
        "    movq 32(%rsp), %r8\n"
        "    movq 40(%rsp), %r9\n"
        "    movq 48(%rsp), %rax\n"
        "    leave\n"
        "    jmp *%r11\n"
        ".size objc_msgSend, . - objc_msgSend\n");

/* ---- autorelease pools: one stack a thread; a pool is the height at which it began, plus one */

static _Thread_local struct {
    sm_id *objects;
    size_t n, capacity, n_pools;
} pools;

void *objc_autoreleasePoolPush(void)
{
    pools.n_pools++;
    return (void *)(uintptr_t)(pools.n + 1);
}

void objc_autoreleasePoolPop(void *pool)
{
    const size_t height = (size_t)(uintptr_t)pool - 1;
    if (!pools.n_pools || height > pools.n) {
        sm_violation("autorelease pool", "a pool is popped that this thread has not pushed");
        return;
    }
    while (pools.n > height)
        sm_release(pools.objects[--pools.n]);
    if (--pools.n_pools == 0) {
        free(pools.objects);
        pools.objects = NULL;
        pools.capacity = 0;
    }
}

sm_id sm_autorelease(sm_id object)
{
    if (!object)
        return NULL;
    if (!pools.n_pools) {
        sm_violation("autorelease pool", "a %s is autoreleased with no pool in place",
                     object->isa->name);
        return object;
    }
    if (pools.n == pools.capacity) {
        pools.capacity = pools.capacity ? 2 * pools.capacity : 64;
        pools.objects = must(realloc(pools.objects, pools.capacity * sizeof *pools.objects));
    }
    pools.objects[pools.n++] = object;
    return object;
}

sm_id objc_retain(sm_id object)
{
    return sm_retain(object);
}

void objc_release(sm_id object)
{
    sm_release(object);
}

sm_id objc_autorelease(sm_id object)
{
    return sm_autorelease(object);
}

/* What blocks point to; nobody sends them messages. */
void *_NSConcreteStackBlock[32], *_NSConcreteGlobalBlock[32], *_NSConcreteMallocBlock[32];
