/* SPDX-License-Identifier: BSD-2-Clause
 * Whole files in, whole files out. Outputs are staged under a temporary name in the directory of
 * their target and renamed together at the end, so a failure leaves everything as it was. */
#ifndef CLI_FILE_H
#define CLI_FILE_H

#include <stddef.h>

#include "cli.h"

/* Read a file; bytes_out is given to the caller (free). A file without a size (a pipe) may have
 * FILE_PIPE_MAX bytes. */
#define FILE_PIPE_MAX ((size_t)1 << 30)
bool file_read(const char *path, unsigned char **bytes_out, size_t *n_out, cli_error *error);

/* Read n bytes at offset. A short file is an error. */
bool file_read_at(const char *path, size_t offset, void *bytes, size_t n, cli_error *error);

/* Size of a regular file; anything else is refused. */
bool file_size(const char *path, size_t *n_out, cli_error *error);

bool file_is_directory(const char *path);

/* Refuse early what can be seen to be unwritable: a directory, a missing or read-only folder, a
 * read-only file. */
bool file_check_output(const char *path, cli_error *error);

/* True if both paths lead to the same existing file. */
bool file_same(const char *a, const char *b);

typedef struct file_part {
    const void *bytes;
    size_t n;
} file_part;

/* Write the parts under a temporary name beside path and sync them to the disk. A path that is
 * there and not a regular file (a device, a pipe) is written at once instead. */
bool file_stage(const char *path, const file_part *parts, int n_parts, cli_error *error);

/* The same, piece by piece: one stream at a time. ok false at the end: it failed before. */
typedef struct file_stream {
    int fd;
    const char *path;
    bool is_device;
} file_stream;
bool file_stream_open(const char *path, file_stream *out, cli_error *error);
bool file_stream_write(file_stream *stream, const void *bytes, size_t n, cli_error *error);
bool file_stream_close(file_stream *stream, bool ok, cli_error *error);

/* Give every staged file its name, or remove them all. discard is safe at any time. */
bool file_commit(cli_error *error);
void file_discard(void);

/* Remove staged files when the process is ended by SIGINT, SIGTERM or SIGHUP. */
void file_install_cleanup(void);

#endif
