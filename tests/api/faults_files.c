/* SPDX-License-Identifier: BSD-2-Clause
 * Wrapped file operations; see faults.h. The failing call does nothing, but close() closes all the
 * same, as it may. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faults.h"

static atomic_size_t most_bytes;

void fault_short_transfers(size_t bytes)
{
    atomic_store(&most_bytes, bytes);
}

static size_t shortened(size_t n)
{
    const size_t most = atomic_load(&most_bytes);
    return most && n > most ? most : n;
}

int __real_open(const char *path, int flags, ...);
int __real_fstat(int file, struct stat *status);
ssize_t __real_read(int file, void *bytes, size_t n);
ssize_t __real_write(int file, const void *bytes, size_t n);
int __real_fsync(int file);
int __real_close(int file);
int __real_rename(const char *from, const char *to);
void *__real_mmap(void *at, size_t n, int protection, int flags, int file, off_t offset);

int __wrap_open(const char *path, int flags, ...);
int __wrap_fstat(int file, struct stat *status);
ssize_t __wrap_read(int file, void *bytes, size_t n);
ssize_t __wrap_write(int file, const void *bytes, size_t n);
int __wrap_fsync(int file);
int __wrap_close(int file);
int __wrap_rename(const char *from, const char *to);
void *__wrap_mmap(void *at, size_t n, int protection, int flags, int file, off_t offset);

/* True, with the reason in errno, if a file operation is to fail. */
static bool file_refused(int error)
{
    if (!fault_request(FAULT_FILE))
        return false;
    errno = error;
    return true;
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    const mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return file_refused(EACCES) ? -1 : __real_open(path, flags, mode);
}

int __wrap_fstat(int file, struct stat *status)
{
    return file_refused(EIO) ? -1 : __real_fstat(file, status);
}

ssize_t __wrap_read(int file, void *bytes, size_t n)
{
    return file_refused(EIO) ? -1 : __real_read(file, bytes, shortened(n));
}

ssize_t __wrap_write(int file, const void *bytes, size_t n)
{
    return file_refused(ENOSPC) ? -1 : __real_write(file, bytes, shortened(n));
}

int __wrap_fsync(int file)
{
    return file_refused(EIO) ? -1 : __real_fsync(file);
}

int __wrap_close(int file)
{
    const bool fails = file_refused(EIO);
    const int result = __real_close(file);
    if (fails)
        errno = EIO;
    return fails ? -1 : result;
}

int __wrap_rename(const char *from, const char *to)
{
    return file_refused(EXDEV) ? -1 : __real_rename(from, to);
}

void *__wrap_mmap(void *at, size_t n, int protection, int flags, int file, off_t offset)
{
    return file_refused(ENOMEM) ? MAP_FAILED : __real_mmap(at, n, protection, flags, file, offset);
}
