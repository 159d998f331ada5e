/* SPDX-License-Identifier: BSD-2-Clause
 * Files by the C library alone, for CONV2D_MINIMAL: read, never mapped; written under a temporary
 * name and renamed, without a sync. */
#include "core/disk.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"

static conv2d_status io_error(const char *what, const char *path)
{
    return c2_fail(CONV2D_E_IO, "cannot %s %.300s", what, path);
}

/* The file's size by seeking to its end, or -1. */
static long size_of(FILE *file)
{
    if (fseek(file, 0, SEEK_END) != 0)
        return -1;
    const long n = ftell(file);
    return n >= 0 && fseek(file, 0, SEEK_SET) == 0 ? n : -1;
}

static conv2d_status read_open(FILE *file, const char *path, const conv2d_allocator *allocator,
                               c2_disk_bytes *out)
{
    const long size = size_of(file);
    if (size < 0)
        return io_error("find the size of", path);
    const size_t n = (size_t)size;
    void *memory = c2_alloc(allocator, n);
    if (!memory)
        return c2_fail(CONV2D_E_NOMEM, "no memory for the %zu bytes of %.300s", n, path);
    if (fread(memory, 1, n, file) != n) {
        c2_free(allocator, memory, n);
        return io_error("read", path);
    }
    *out = (c2_disk_bytes){memory, n, false};
    return CONV2D_OK;
}

conv2d_status c2_disk_read(const char *path, bool read, const conv2d_allocator *allocator,
                           c2_disk_bytes *out)
{
    (void)read;
    FILE *file = fopen(path, "rb");
    if (!file)
        return io_error("open", path);
    const conv2d_status s = read_open(file, path, allocator, out);
    fclose(file);
    return s;
}

void c2_disk_free(const conv2d_allocator *allocator, c2_disk_bytes *bytes)
{
    c2_free(allocator, (void *)(uintptr_t)bytes->bytes, bytes->n);
    *bytes = (c2_disk_bytes){NULL, 0, false};
}

struct c2_disk_writer {
    conv2d_allocator allocator;
    size_t bytes; /* of this object: the names follow it */
    FILE *file;
    char *path, *temporary;
};

conv2d_status c2_disk_create(const char *path, const conv2d_allocator *allocator,
                             c2_disk_writer **writer_out)
{
    static const char suffix[] = ".conv2d.tmp";
    const size_t length = strlen(path) + 1;
    const size_t bytes = sizeof(c2_disk_writer) + 2 * length + sizeof suffix;
    c2_disk_writer *w = c2_alloc(allocator, bytes);
    if (!w)
        return c2_fail(CONV2D_E_NOMEM, "no memory to write %.300s", path);
    char *const names = (char *)(w + 1);
    *w = (c2_disk_writer){*allocator, bytes, NULL, names, names + length};
    memcpy(w->path, path, length);
    memcpy(w->temporary, path, length - 1);
    memcpy(w->temporary + length - 1, suffix, sizeof suffix);
    w->file = fopen(w->temporary, "wb");
    if (!w->file) {
        const conv2d_status s = io_error("create", w->temporary);
        c2_free(allocator, w, bytes);
        return s;
    }
    *writer_out = w;
    return CONV2D_OK;
}

conv2d_status c2_disk_write(c2_disk_writer *w, const void *bytes, size_t n)
{
    return fwrite(bytes, 1, n, w->file) == n ? CONV2D_OK : io_error("write", w->path);
}

static void free_writer(c2_disk_writer *w)
{
    const conv2d_allocator allocator = w->allocator;
    c2_free(&allocator, w, w->bytes);
}

void c2_disk_abandon(c2_disk_writer *w)
{
    if (!w)
        return;
    fclose(w->file);
    remove(w->temporary);
    free_writer(w);
}

conv2d_status c2_disk_commit(c2_disk_writer *w)
{
    conv2d_status s = CONV2D_OK;
    if (fclose(w->file) != 0)
        s = io_error("close", w->path);
    else if (rename(w->temporary, w->path) != 0)
        s = io_error("rename the finished file to", w->path);
    if (s)
        remove(w->temporary);
    free_writer(w);
    return s;
}
