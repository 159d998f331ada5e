/* SPDX-License-Identifier: BSD-2-Clause
 * A fault for tests: linked with --wrap=rename,fsync,fchmod,write,mkstemp, the tool's n-th such
 * call fails as CONV2D_TEST_FAULT = "rename 2 5" says: which call, its number, the errno. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* True if this call is the one; errno is set then. */
static int is_due(const char *call)
{
    static int calls;
    char name[16];
    int number, error;
    const char *fault = getenv("CONV2D_TEST_FAULT");
    if (!fault || sscanf(fault, "%15s %d %d", name, &number, &error) != 3 || strcmp(name, call))
        return 0;
    if (++calls != number)
        return 0;
    errno = error;
    return 1;
}

int __real_rename(const char *from, const char *to);
int __real_fsync(int fd);
int __real_fchmod(int fd, mode_t mode);
ssize_t __real_write(int fd, const void *bytes, size_t n);
int __real_mkstemp(char *name);
int __wrap_rename(const char *from, const char *to);
int __wrap_fsync(int fd);
int __wrap_fchmod(int fd, mode_t mode);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);
int __wrap_mkstemp(char *name);

int __wrap_rename(const char *from, const char *to)
{
    return is_due("rename") ? -1 : __real_rename(from, to);
}

int __wrap_fsync(int fd)
{
    return is_due("fsync") ? -1 : __real_fsync(fd);
}

int __wrap_fchmod(int fd, mode_t mode)
{
    return is_due("fchmod") ? -1 : __real_fchmod(fd, mode);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
    return is_due("write") ? -1 : __real_write(fd, bytes, n > 1 ? n / 2 : n); /* short writes too */
}

int __wrap_mkstemp(char *name)
{
    return is_due("mkstemp") ? -1 : __real_mkstemp(name);
}
