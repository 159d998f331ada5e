/* SPDX-License-Identifier: BSD-2-Clause
 * Files by POSIX. A new file appears by rename after its bytes are on the disk, so whoever opens
 * the name sees the old or the new file, whole, whatever happens meanwhile. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* strerror_r's form is told apart below */
#endif
#include "core/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"

enum {
    ONE_CALL = 1 << 30, /* bytes for read() and write() at once: some systems refuse 2^31 */
    TRIES = 100         /* temporary names */
};

/* "cannot <what> <path>: <reason>". */
static conv2d_status io_error(const char *what, const char *path, int error)
{
    char reason[128];
#if defined(__GLIBC__)
    const char *text = strerror_r(error, reason, sizeof reason);
#else
    const char *text = strerror_r(error, reason, sizeof reason) ? "unknown error" : reason;
#endif
    return c2_fail(CONV2D_E_IO, "cannot %s %.300s: %s", what, path, text);
}

/* close(), after which the descriptor is gone whatever it answers; EINTR is no failure then. */
static int close_file(int file)
{
    return close(file) == 0 || errno == EINTR ? 0 : errno;
}

static conv2d_status read_all(int file, const char *path, char *to, size_t n)
{
    size_t done = 0;
    while (done < n) {
        const ssize_t got = read(file, to + done, n - done < ONE_CALL ? n - done : ONE_CALL);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return io_error("read", path, errno);
        if (got == 0)
            return c2_fail(CONV2D_E_IO, "cannot read %.300s: it ended after %zu of %zu bytes", path,
                           done, n);
        done += (size_t)got;
    }
    return CONV2D_OK;
}

static conv2d_status read_open(int file, const char *path, bool read,
                               const conv2d_allocator *allocator, c2_disk_bytes *out)
{
    struct stat status;
    if (fstat(file, &status) != 0)
        return io_error("look at", path, errno);
    if (!S_ISREG(status.st_mode))
        return c2_fail(CONV2D_E_IO, "cannot read %.300s: it is no regular file", path);
    if ((uintmax_t)status.st_size > SIZE_MAX / 2)
        return c2_fail(CONV2D_E_IO, "cannot read %.300s: it is too large", path);
    const size_t n = (size_t)status.st_size;
    if (!read && n) {
        void *map = mmap(NULL, n, PROT_READ, MAP_PRIVATE, file, 0);
        if (map == MAP_FAILED)
            return io_error("map", path, errno);
        *out = (c2_disk_bytes){map, n, true};
        return CONV2D_OK;
    }
    char *memory = c2_alloc(allocator, n);
    if (!memory)
        return c2_fail(CONV2D_E_NOMEM, "no memory for the %zu bytes of %.300s", n, path);
    const conv2d_status s = read_all(file, path, memory, n);
    if (s)
        c2_free(allocator, memory, n);
    else
        *out = (c2_disk_bytes){memory, n, false};
    return s;
}

conv2d_status c2_disk_read(const char *path, bool read, const conv2d_allocator *allocator,
                           c2_disk_bytes *out)
{
    /* O_NONBLOCK: opening a pipe must not wait for its writer before it is refused */
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return io_error("open", path, errno);
    const conv2d_status s = read_open(file, path, read, allocator, out);
    close_file(file); /* nothing was written: its answer does not matter */
    return s;
}

void c2_disk_free(const conv2d_allocator *allocator, c2_disk_bytes *bytes)
{
    if (bytes->mapped)
        munmap((void *)(uintptr_t)bytes->bytes, bytes->n);
    else
        c2_free(allocator, (void *)(uintptr_t)bytes->bytes, bytes->n);
    *bytes = (c2_disk_bytes){NULL, 0, false};
}

struct c2_disk_writer {
    conv2d_allocator allocator;
    size_t bytes;     /* of this object: the names follow it */
    int file, folder; /* descriptors */
    char *path, *temporary;
};

static void free_writer(c2_disk_writer *w)
{
    close_file(w->folder);
    const conv2d_allocator allocator = w->allocator;
    c2_free(&allocator, w, w->bytes);
}

/* Open the folder of path: rename is on the disk once the folder is synced. */
static int open_folder(c2_disk_writer *w)
{
    const char *slash = strrchr(w->path, '/');
    if (!slash)
        return open(".", O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    const size_t length = (size_t)(slash - w->path) + 1; /* with the slash: "/" stays "/" */
    memcpy(w->temporary, w->path, length);
    w->temporary[length] = '\0';
    return open(w->temporary, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
}

static int open_temporary(c2_disk_writer *w, size_t capacity)
{
    static atomic_uint serial;
    int file = -1;
    for (int i = 0; i < TRIES && file < 0; i++) {
        snprintf(w->temporary, capacity, "%s.%lx-%x.tmp", w->path, (unsigned long)getpid(),
                 atomic_fetch_add(&serial, 1));
        file = open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file < 0 && errno != EEXIST)
            break;
    }
    return file;
}

conv2d_status c2_disk_create(const char *path, const conv2d_allocator *allocator,
                             c2_disk_writer **writer_out)
{
    const size_t length = strlen(path) + 1, capacity = length + 40;
    const size_t bytes = sizeof(c2_disk_writer) + length + capacity;
    c2_disk_writer *w = c2_alloc(allocator, bytes);
    if (!w)
        return c2_fail(CONV2D_E_NOMEM, "no memory to write %.300s", path);
    char *const names = (char *)(w + 1);
    *w = (c2_disk_writer){*allocator, bytes, -1, -1, names, names + length};
    memcpy(w->path, path, length);
    w->folder = open_folder(w);
    if (w->folder < 0) {
        const conv2d_status s = io_error("open the folder of", path, errno);
        c2_free(allocator, w, bytes);
        return s;
    }
    w->file = open_temporary(w, capacity);
    if (w->file < 0) {
        const conv2d_status s = io_error("create", w->temporary, errno);
        free_writer(w);
        return s;
    }
    *writer_out = w;
    return CONV2D_OK;
}

conv2d_status c2_disk_write(c2_disk_writer *w, const void *bytes, size_t n)
{
    const char *at = bytes;
    while (n) {
        const ssize_t done = write(w->file, at, n < ONE_CALL ? n : ONE_CALL);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return io_error("write", w->path, errno);
        at += done;
        n -= (size_t)done;
    }
    return CONV2D_OK;
}

void c2_disk_abandon(c2_disk_writer *w)
{
    if (!w)
        return;
    close_file(w->file);
    unlink(w->temporary);
    free_writer(w);
}

conv2d_status c2_disk_commit(c2_disk_writer *w)
{
    if (fsync(w->file) != 0) {
        const conv2d_status s = io_error("sync", w->path, errno);
        c2_disk_abandon(w);
        return s;
    }
    int error = close_file(w->file);
    const char *what = "close";
    if (!error && rename(w->temporary, w->path) != 0) {
        error = errno;
        what = "rename the finished file to";
    }
    conv2d_status s = CONV2D_OK;
    if (error) {
        s = io_error(what, w->path, error);
        unlink(w->temporary);
    } else {
        /* Not every file system can; without it a power loss may bring the old file back, whole. */
        (void)fsync(w->folder);
    }
    free_writer(w);
    return s;
}
