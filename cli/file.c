/* SPDX-License-Identifier: BSD-2-Clause
 * Reading and staged writing of files (file.h). POSIX. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- reading -------------------------------------------------------------------------------- */

static bool fail_errno(cli_error *error, const char *doing, const char *path)
{
    return cli_fail(error, CLI_USAGE, "cannot %s '%s': %s", doing, path, strerror(errno));
}

/* Fill bytes[0..n) from fd; returns what was there, SIZE_MAX on an error. */
static size_t read_full(int fd, unsigned char *bytes, size_t n)
{
    size_t done = 0;
    while (done < n) {
        ssize_t got = read(fd, bytes + done, n - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return SIZE_MAX;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return done;
}

/* A file whose size is not known beforehand. */
static bool read_pipe(int fd, const char *path, unsigned char **bytes_out, size_t *n_out,
                      cli_error *error)
{
    unsigned char *bytes = NULL;
    size_t n = 0, capacity = 1 << 16;
    for (;;) {
        unsigned char *grown = realloc(bytes, capacity);
        if (!grown) {
            free(bytes);
            return cli_fail(error, CLI_FAILED, "'%s': no memory for %zu bytes", path, capacity);
        }
        bytes = grown;
        size_t got = read_full(fd, bytes + n, capacity - n);
        if (got == SIZE_MAX) {
            free(bytes);
            return fail_errno(error, "read", path);
        }
        n += got;
        if (n < capacity)
            break;
        if (capacity >= FILE_PIPE_MAX) {
            free(bytes);
            return cli_fail(error, CLI_USAGE, "'%s' has more than %zu bytes and is no regular file",
                            path, FILE_PIPE_MAX);
        }
        capacity *= 2;
    }
    *bytes_out = bytes;
    *n_out = n;
    return true;
}

static bool read_regular(int fd, const char *path, size_t size, unsigned char **bytes_out,
                         cli_error *error)
{
    unsigned char *bytes = malloc(size ? size : 1);
    if (!bytes)
        return cli_fail(error, CLI_FAILED, "'%s': no memory for %zu bytes", path, size);
    size_t got = read_full(fd, bytes, size);
    if (got != size) {
        if (got == SIZE_MAX)
            fail_errno(error, "read", path);
        else
            cli_fail(error, CLI_USAGE, "'%s' became shorter while it was read", path);
        free(bytes);
        return false;
    }
    *bytes_out = bytes;
    return true;
}

bool file_read(const char *path, unsigned char **bytes_out, size_t *n_out, cli_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(error, "open", path);
    struct stat status;
    bool ok;
    if (fstat(fd, &status) != 0) {
        ok = fail_errno(error, "read", path);
    } else if (S_ISDIR(status.st_mode)) {
        ok = cli_fail(error, CLI_USAGE, "cannot read '%s': it is a directory", path);
    } else if (S_ISREG(status.st_mode) && status.st_size > 0) {
        ok = read_regular(fd, path, (size_t)status.st_size, bytes_out, error);
        *n_out = (size_t)status.st_size;
    } else {
        ok = read_pipe(fd, path, bytes_out, n_out, error);
    }
    close(fd);
    return ok;
}

bool file_size(const char *path, size_t *n_out, cli_error *error)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return fail_errno(error, "open", path);
    if (!S_ISREG(status.st_mode))
        return cli_fail(error, CLI_USAGE, "'%s' is not a regular file", path);
    *n_out = (size_t)status.st_size;
    return true;
}

bool file_read_at(const char *path, size_t offset, void *bytes, size_t n, cli_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(error, "open", path);
    bool ok = false;
    if (lseek(fd, (off_t)offset, SEEK_SET) < 0) {
        fail_errno(error, "read", path);
    } else {
        size_t got = read_full(fd, bytes, n);
        if (got == SIZE_MAX)
            fail_errno(error, "read", path);
        else if (got != n)
            cli_fail(error, CLI_USAGE, "'%s' ends at byte %zu, %zu more were expected", path,
                     offset + got, n - got);
        else
            ok = true;
    }
    close(fd);
    return ok;
}

bool file_is_directory(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

bool file_same(const char *a, const char *b)
{
    struct stat one, two;
    return stat(a, &one) == 0 && stat(b, &two) == 0 && one.st_dev == two.st_dev &&
           one.st_ino == two.st_ino;
}

/* ---- writing -------------------------------------------------------------------------------- */

enum { TEMPORARY_NAME_BYTES = 32 };

typedef struct staged {
    struct staged *next;
    char *target;            /* resolved */
    char *volatile temporary; /* NULL once it is gone */
} staged;

/* The signal handler walks this list, so a node is complete before it is linked. */
static staged *volatile staged_list;

/* The directory of a path; given (free), NULL without memory. */
static char *directory_of(const char *path)
{
    char *copy = strdup(path);
    if (!copy)
        return NULL;
    char *directory = strdup(dirname(copy));
    free(copy);
    return directory;
}

bool file_check_output(const char *path, cli_error *error)
{
    struct stat status;
    if (path[0] == '\0')
        return cli_fail(error, CLI_USAGE, "the name of the output is empty");
    if (stat(path, &status) == 0) {
        if (S_ISDIR(status.st_mode))
            return cli_fail(error, CLI_USAGE, "cannot write '%s': it is a directory", path);
        if (access(path, W_OK) != 0)
            return fail_errno(error, "write", path);
        if (!S_ISREG(status.st_mode))
            return true;
    }
    char *directory = directory_of(path);
    if (!directory)
        return cli_fail(error, CLI_FAILED, "out of memory");
    bool ok = access(directory, W_OK | X_OK) == 0;
    if (!ok)
        fail_errno(error, "write", path);
    free(directory);
    return ok;
}

static bool write_full(int fd, const void *from, size_t n)
{
    const unsigned char *bytes = from;
    size_t done = 0;
    while (done < n) {
        ssize_t put = write(fd, bytes + done, n - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        done += (size_t)put;
    }
    return true;
}

/* Mode of the new file: the old file's, or what the umask leaves. */
static mode_t mode_of(const char *target)
{
    struct stat status;
    if (stat(target, &status) == 0)
        return status.st_mode & 07777;
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

static void free_staged(staged *node)
{
    free(node->target);
    free(node->temporary);
    free(node);
}

/* A node of the list for path, its temporary file open; -1 and error filled on failure. */
static int stage_begin(const char *path, cli_error *error)
{
    staged *node = calloc(1, sizeof *node);
    if (!node)
        return cli_fail(error, CLI_FAILED, "out of memory"), -1;
    node->target = realpath(path, NULL); /* a link keeps leading to the file that is replaced */
    if (!node->target)
        node->target = strdup(path);
    char *directory = node->target ? directory_of(node->target) : NULL;
    size_t capacity = directory ? strlen(directory) + TEMPORARY_NAME_BYTES : 0;
    node->temporary = directory ? malloc(capacity) : NULL;
    if (node->temporary)
        snprintf(node->temporary, capacity, "%s/.conv2d-XXXXXX", directory);
    free(directory);
    if (!node->temporary) {
        free_staged(node);
        return cli_fail(error, CLI_FAILED, "out of memory"), -1;
    }
    int fd = mkstemp(node->temporary);
    if (fd < 0) {
        fail_errno(error, "write", path);
        free_staged(node);
        return -1;
    }
    node->next = staged_list;
    staged_list = node;
    return fd;
}

bool file_stream_open(const char *path, file_stream *out, cli_error *error)
{
    struct stat status;
    *out = (file_stream){-1, path, false};
    out->is_device = stat(path, &status) == 0 && !S_ISREG(status.st_mode);
    if (!out->is_device) {
        out->fd = stage_begin(path, error);
        return out->fd >= 0;
    }
    /* A device or pipe: no temporary name beside it, and renaming over it would replace it. */
    out->fd = open(path, O_WRONLY | O_CLOEXEC);
    return out->fd >= 0 || fail_errno(error, "write", path);
}

bool file_stream_write(file_stream *s, const void *bytes, size_t n, cli_error *error)
{
    return write_full(s->fd, bytes, n) || fail_errno(error, "write", s->path);
}

bool file_stream_close(file_stream *s, bool ok, cli_error *error)
{
    if (ok && !s->is_device &&
        (fchmod(s->fd, mode_of(staged_list->target)) != 0 || fsync(s->fd) != 0))
        ok = fail_errno(error, "write", s->path);
    if (close(s->fd) != 0 && ok)
        ok = fail_errno(error, "write", s->path);
    return ok; /* on failure the caller discards the list, this one with it */
}

bool file_stage(const char *path, const file_part *parts, int n_parts, cli_error *error)
{
    file_stream s;
    if (!file_stream_open(path, &s, error))
        return false;
    bool ok = true;
    for (int i = 0; ok && i < n_parts; i++)
        ok = file_stream_write(&s, parts[i].bytes, parts[i].n, error);
    return file_stream_close(&s, ok, error);
}

/* Names cannot be given all at once: a failure in the middle says which files are new. */
static void say_what_is_done(int n, cli_error *error)
{
    size_t at = strlen(error->text);
    int i = 0;
    for (staged *node = staged_list; i < n && at < sizeof error->text; node = node->next, i++)
        at += (size_t)snprintf(error->text + at, sizeof error->text - at, "%s'%s'",
                               i ? ", " : "; already written: ", node->target);
}

bool file_commit(cli_error *error)
{
    int n_done = 0;
    for (staged *node = staged_list; node; node = node->next, n_done++) {
        if (rename(node->temporary, node->target) != 0) {
            fail_errno(error, "write", node->target);
            say_what_is_done(n_done, error);
            file_discard();
            return false;
        }
        char *gone = node->temporary;
        node->temporary = NULL; /* before free: the signal handler may look at any time */
        free(gone);
    }
    file_discard();
    return true;
}

void file_discard(void)
{
    while (staged_list) {
        staged *node = staged_list;
        if (node->temporary)
            unlink(node->temporary);
        staged_list = node->next;
        free_staged(node);
    }
}

static void remove_and_die(int number)
{
    for (staged *node = staged_list; node; node = node->next) {
        if (node->temporary)
            unlink(node->temporary);
    }
    signal(number, SIG_DFL);
    raise(number);
}

void file_install_cleanup(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction action = {0}, old;
        action.sa_handler = remove_and_die;
        sigemptyset(&action.sa_mask);
        /* An ignored signal (nohup) stays ignored. */
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    }
}
