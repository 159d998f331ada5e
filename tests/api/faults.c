/* SPDX-License-Identifier: BSD-2-Clause
 * Wrapped system calls; see faults.h. The linker gives them these names: __wrap_x is called for x,
 * __real_x is x. */
#include "faults.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef struct fault {
    atomic_size_t left; /* requests until the failure; 0 = disarmed */
    atomic_bool sticky, failing, fired;
    atomic_size_t requests;
    atomic_long live;
} fault;

static fault faults[FAULT_KINDS];

void fault_arm(fault_kind kind, size_t n, bool sticky)
{
    fault *f = &faults[kind];
    atomic_store(&f->failing, false);
    atomic_store(&f->fired, false);
    atomic_store(&f->sticky, sticky);
    atomic_store(&f->left, n);
}

bool fault_disarm(fault_kind kind)
{
    fault *f = &faults[kind];
    atomic_store(&f->left, 0);
    atomic_store(&f->failing, false);
    return atomic_load(&f->fired);
}

size_t fault_requests(fault_kind kind)
{
    return atomic_load(&faults[kind].requests);
}

long fault_live(fault_kind kind)
{
    return atomic_load(&faults[kind].live);
}

bool fault_request(fault_kind kind)
{
    fault *f = &faults[kind];
    atomic_fetch_add(&f->requests, 1);
    if (atomic_load(&f->failing))
        return true;
    size_t left = atomic_load(&f->left);
    while (left && !atomic_compare_exchange_weak(&f->left, &left, left - 1)) {
    }
    if (left != 1)
        return false;
    atomic_store(&f->failing, atomic_load(&f->sticky));
    atomic_store(&f->fired, true);
    return true;
}

static void *counted(void *pointer)
{
    if (pointer)
        atomic_fetch_add(&faults[FAULT_MEMORY].live, 1);
    return pointer;
}

static int counted_lock(int error)
{
    if (!error)
        atomic_fetch_add(&faults[FAULT_LOCK].live, 1);
    return error;
}

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t n, size_t bytes);
void *__real_realloc(void *pointer, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
int __real_posix_memalign(void **pointer, size_t alignment, size_t bytes);
void __real_free(void *pointer);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *arg);
int __real_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);
int __real_pthread_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attributes);
int __real_pthread_mutex_destroy(pthread_mutex_t *mutex);
int __real_pthread_cond_destroy(pthread_cond_t *cond);

void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);
void *__wrap_realloc(void *pointer, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
int __wrap_posix_memalign(void **pointer, size_t alignment, size_t bytes);
void __wrap_free(void *pointer);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *arg);
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);
int __wrap_pthread_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attributes);
int __wrap_pthread_mutex_destroy(pthread_mutex_t *mutex);
int __wrap_pthread_cond_destroy(pthread_cond_t *cond);

void *__wrap_malloc(size_t bytes)
{
    return fault_request(FAULT_MEMORY) ? NULL : counted(__real_malloc(bytes));
}

void *__wrap_calloc(size_t n, size_t bytes)
{
    return fault_request(FAULT_MEMORY) ? NULL : counted(__real_calloc(n, bytes));
}

void *__wrap_realloc(void *pointer, size_t bytes)
{
    if (fault_request(FAULT_MEMORY))
        return NULL;
    void *moved = __real_realloc(pointer, bytes);
    return pointer ? moved : counted(moved);
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
    return fault_request(FAULT_MEMORY) ? NULL : counted(__real_aligned_alloc(alignment, bytes));
}

int __wrap_posix_memalign(void **pointer, size_t alignment, size_t bytes)
{
    if (fault_request(FAULT_MEMORY))
        return ENOMEM;
    const int error = __real_posix_memalign(pointer, alignment, bytes);
    if (!error)
        counted(*pointer);
    return error;
}

void __wrap_free(void *pointer)
{
    if (pointer)
        atomic_fetch_sub(&faults[FAULT_MEMORY].live, 1);
    __real_free(pointer);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *arg)
{
    return fault_request(FAULT_THREAD) ? EAGAIN
                                       : __real_pthread_create(thread, attributes, start, arg);
}

int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
    return fault_request(FAULT_LOCK) ? ENOMEM
                                     : counted_lock(__real_pthread_mutex_init(mutex, attributes));
}

int __wrap_pthread_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attributes)
{
    return fault_request(FAULT_LOCK) ? ENOMEM
                                     : counted_lock(__real_pthread_cond_init(cond, attributes));
}

int __wrap_pthread_mutex_destroy(pthread_mutex_t *mutex)
{
    atomic_fetch_sub(&faults[FAULT_LOCK].live, 1);
    return __real_pthread_mutex_destroy(mutex);
}

int __wrap_pthread_cond_destroy(pthread_cond_t *cond)
{
    atomic_fetch_sub(&faults[FAULT_LOCK].live, 1);
    return __real_pthread_cond_destroy(cond);
}
