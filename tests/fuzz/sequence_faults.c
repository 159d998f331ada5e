/* SPDX-License-Identifier: BSD-2-Clause
 * The wrapped calls; see sequence_faults.h. The linker gives them these names: __wrap_x is called
 * for x, __real_x is x. */
#include "sequence_faults.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const fault_names[FAULT_KINDS] = {"memory", "lock",  "thread", "open",  "stat",  "read",
                                              "map",    "write", "sync",   "close", "rename"};

static _Thread_local uint32_t armed, fired;
static _Thread_local size_t left, after;

void fault_arm(uint32_t kinds, size_t n, size_t more)
{
    armed = kinds;
    fired = 0;
    left = n;
    after = more;
}

uint32_t fault_disarm(void)
{
    const uint32_t kinds = fired;
    armed = fired = 0;
    return kinds;
}

static bool fails(enum fault kind)
{
    if (!(armed >> kind & 1) || (left > 1 && left--))
        return false;
    if (left == 0 && after == 0)
        return false;
    if (left == 0)
        after--;
    left = 0;
    fired |= UINT32_C(1) << kind;
    return true;
}

bool fault_memory(void)
{
    return fails(FAULT_MEMORY);
}

/* ---- memory, locks, threads ------------------------------------------------------------------ */

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t n, size_t bytes);
void *__real_realloc(void *pointer, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
int __real_posix_memalign(void **pointer, size_t alignment, size_t bytes);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *arg);
int __real_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);
int __real_pthread_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attributes);

void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);
void *__wrap_realloc(void *pointer, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
int __wrap_posix_memalign(void **pointer, size_t alignment, size_t bytes);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *arg);
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);
int __wrap_pthread_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attributes);

void *__wrap_malloc(size_t bytes)
{
    return fails(FAULT_MEMORY) ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t n, size_t bytes)
{
    return fails(FAULT_MEMORY) ? NULL : __real_calloc(n, bytes);
}

void *__wrap_realloc(void *pointer, size_t bytes)
{
    return fails(FAULT_MEMORY) ? NULL : __real_realloc(pointer, bytes);
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
    return fails(FAULT_MEMORY) ? NULL : __real_aligned_alloc(alignment, bytes);
}

int __wrap_posix_memalign(void **pointer, size_t alignment, size_t bytes)
{
    return fails(FAULT_MEMORY) ? ENOMEM : __real_posix_memalign(pointer, alignment, bytes);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *arg)
{
    return fails(FAULT_THREAD) ? EAGAIN : __real_pthread_create(thread, attributes, start, arg);
}

int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
    return fails(FAULT_LOCK) ? ENOMEM : __real_pthread_mutex_init(mutex, attributes);
}

int __wrap_pthread_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attributes)
{
    return fails(FAULT_LOCK) ? ENOMEM : __real_pthread_cond_init(cond, attributes);
}

/* ---- files ----------------------------------------------------------------------------------- */

int __real_open(const char *path, int flags, ...);
int __real_fstat(int file, struct stat *status);
ssize_t __real_read(int file, void *bytes, size_t n);
ssize_t __real_write(int file, const void *bytes, size_t n);
void *__real_mmap(void *at, size_t n, int protection, int flags, int file, off_t offset);
int __real_fsync(int file);
int __real_close(int file);
int __real_rename(const char *from, const char *to);

int __wrap_open(const char *path, int flags, ...);
int __wrap_fstat(int file, struct stat *status);
ssize_t __wrap_read(int file, void *bytes, size_t n);
ssize_t __wrap_write(int file, const void *bytes, size_t n);
void *__wrap_mmap(void *at, size_t n, int protection, int flags, int file, off_t offset);
int __wrap_fsync(int file);
int __wrap_close(int file);
int __wrap_rename(const char *from, const char *to);

static int fail_with(int error)
{
    errno = error;
    return -1;
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    const unsigned mode = flags & O_CREAT ? va_arg(arguments, unsigned) : 0;
    va_end(arguments);
    return fails(FAULT_OPEN) ? fail_with(EMFILE) : __real_open(path, flags, mode);
}

int __wrap_fstat(int file, struct stat *status)
{
    return fails(FAULT_STAT) ? fail_with(EIO) : __real_fstat(file, status);
}

ssize_t __wrap_read(int file, void *bytes, size_t n)
{
    if (!fails(FAULT_READ))
        return __real_read(file, bytes, n);
    /* Some bytes, an error with the next call; the caller must not take them for all. */
    if (n < 2 || after % 2)
        return fail_with(EIO);
    left = 1;
    return __real_read(file, bytes, n / 2);
}

ssize_t __wrap_write(int file, const void *bytes, size_t n)
{
    if (!fails(FAULT_WRITE))
        return __real_write(file, bytes, n);
    if (n < 2 || after % 2)
        return fail_with(after % 4 == 1 ? ENOSPC : EIO);
    left = 1;
    return __real_write(file, bytes, n / 2);
}

void *__wrap_mmap(void *at, size_t n, int protection, int flags, int file, off_t offset)
{
    if (!fails(FAULT_MAP))
        return __real_mmap(at, n, protection, flags, file, offset);
    errno = ENOMEM;
    return MAP_FAILED;
}

int __wrap_fsync(int file)
{
    return fails(FAULT_SYNC) ? fail_with(EIO) : __real_fsync(file);
}

int __wrap_close(int file)
{
    const bool failing = fails(FAULT_CLOSE);
    const int result = __real_close(file); /* closed all the same, as on Linux */
    return failing ? fail_with(EIO) : result;
}

int __wrap_rename(const char *from, const char *to)
{
    return fails(FAULT_RENAME) ? fail_with(EACCES) : __real_rename(from, to);
}
