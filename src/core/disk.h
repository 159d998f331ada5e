/* SPDX-License-Identifier: BSD-2-Clause
 * Files: reading or mapping a whole one, and writing one so that it is there completely or not at
 * all. disk_posix.c for systems with POSIX, disk_minimal.c with the C library alone (which maps
 * nothing and does not sync). Failures are CONV2D_E_IO with the path and the system's reason. */
#ifndef C2_CORE_DISK_H
#define C2_CORE_DISK_H

#include <stdbool.h>
#include <stddef.h>

#include "core/mem.h"

typedef struct c2_disk_bytes {
    const void *bytes; /* at a multiple of C2_ALIGN */
    size_t n;
    bool mapped; /* else from the allocator */
} c2_disk_bytes;

/* The bytes of a regular file, read into memory if `read`, else mapped where the system can. */
conv2d_status c2_disk_read(const char *path, bool read, const conv2d_allocator *allocator,
                           c2_disk_bytes *out);
void c2_disk_free(const conv2d_allocator *allocator, c2_disk_bytes *bytes);

/* A file being written under a temporary name in path's folder. */
typedef struct c2_disk_writer c2_disk_writer;
conv2d_status c2_disk_create(const char *path, const conv2d_allocator *allocator,
                             c2_disk_writer **writer_out);
conv2d_status c2_disk_write(c2_disk_writer *writer, const void *bytes, size_t n);
/* Sync, and give the file its name; frees the writer. On failure the temporary file is removed and
 * what had the name before still has it. */
conv2d_status c2_disk_commit(c2_disk_writer *writer);
/* Remove the temporary file and free the writer. NULL is allowed. */
void c2_disk_abandon(c2_disk_writer *writer);

#endif
