/* SPDX-License-Identifier: BSD-2-Clause
 * Guard pages by mmap: [guard][pages][guard]. */
#include "support/guard.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

guard_buffer guard_alloc(size_t bytes, bool at_end)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t body = (bytes + page - 1) / page * page;
    guard_buffer b = {NULL, bytes, NULL, body + 2 * page};
    b.mapping = mmap(NULL, b.mapping_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (b.mapping == MAP_FAILED ||
        (body && mprotect((char *)b.mapping + page, body, PROT_READ | PROT_WRITE))) {
        perror("guard_alloc");
        exit(2);
    }
    char *first = (char *)b.mapping + page;
    b.data = at_end ? first + (body - bytes) : first;
    return b;
}

void guard_free(guard_buffer *buffer)
{
    if (buffer->mapping)
        munmap(buffer->mapping, buffer->mapping_bytes);
    *buffer = (guard_buffer){NULL, 0, NULL, 0};
}

void guard_protect(guard_buffer *buffer, bool writable)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (buffer->mapping_bytes > 2 * page &&
        mprotect((char *)buffer->mapping + page, buffer->mapping_bytes - 2 * page,
                 writable ? PROT_READ | PROT_WRITE : PROT_READ)) {
        perror("guard_protect");
        exit(2);
    }
}
