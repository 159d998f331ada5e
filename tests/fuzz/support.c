/* SPDX-License-Identifier: BSD-2-Clause
 * Failing loudly, and files that hold an input; see fuzz.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

_Noreturn void fuzz_fail(const char *file, int line, const char *condition, const char *sentence)
{
    fprintf(stderr, "%s:%d: %s does not hold: %s\n", file, line, condition, sentence);
    abort();
}

static char folder[128], path[192];

static void remove_folder(void)
{
    if (path[0])
        unlink(path);
    rmdir(folder);
}

static void make_folder(void)
{
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.80s/conv2d-fuzz-XXXXXX", parent ? parent : P_tmpdir);
    if (!mkdtemp(folder)) {
        perror(folder);
        exit(2);
    }
    atexit(remove_folder);
}

const char *fuzz_file(const void *bytes, size_t n, const char *suffix)
{
    if (!folder[0])
        make_folder();
    if (path[0])
        unlink(path);
    snprintf(path, sizeof path, "%s/input%s", folder, suffix);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const ssize_t written = fd < 0 ? -1 : write(fd, bytes, n);
    if (fd >= 0)
        close(fd);
    if (written != (ssize_t)n) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(2);
    }
    return path;
}

unsigned fuzz_choice(const uint8_t *bytes, size_t n, unsigned below)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    return (hash >> 8) % below;
}
