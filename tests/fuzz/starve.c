/* SPDX-License-Identifier: BSD-2-Clause
 * malloc and its kin replaced by ones that can refuse; see starve.h. One thread arms; the counters
 * are atomic because a library may allocate from its own threads. */
#include "starve.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "fuzz.h"

static atomic_size_t left;     /* requests until the failure, 0 = none armed */
static atomic_bool all, fired; /* fail on after the first; one did fail */

bool fuzz_starved(void)
{
    return atomic_load(&fired);
}

void starve_arm(size_t n, bool every)
{
    atomic_store(&fired, false);
    atomic_store(&all, every);
    atomic_store(&left, n);
}

bool starve_disarm(void)
{
    atomic_store(&left, 0);
    atomic_store(&all, false);
    return atomic_exchange(&fired, false);
}

#if !defined(__GLIBC__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STARVE_POSSIBLE 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define STARVE_POSSIBLE 0
#endif
#endif
#ifndef STARVE_POSSIBLE
#define STARVE_POSSIBLE 1
#endif

bool starve_possible(void)
{
    return STARVE_POSSIBLE;
}

#if STARVE_POSSIBLE
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t bytes);
void *__libc_realloc(void *pointer, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

static bool refused(void)
{
    size_t n = atomic_load(&left);
    while (n && !atomic_compare_exchange_weak(&left, &n, n - 1)) {
    }
    if (n != 1 && !(n == 0 && atomic_load(&all) && atomic_load(&fired)))
        return false;
    atomic_store(&fired, true);
    errno = ENOMEM;
    return true;
}

void *malloc(size_t bytes)
{
    return refused() ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t n, size_t bytes)
{
    return refused() ? NULL : __libc_calloc(n, bytes);
}

void *realloc(void *pointer, size_t bytes)
{
    return refused() ? NULL : __libc_realloc(pointer, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    return refused() ? NULL : __libc_memalign(alignment, bytes);
}

int posix_memalign(void **pointer, size_t alignment, size_t bytes)
{
    void *made = refused() ? NULL : __libc_memalign(alignment, bytes);
    if (!made)
        return ENOMEM;
    *pointer = made;
    return 0;
}
#endif
