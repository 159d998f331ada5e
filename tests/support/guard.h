/* SPDX-License-Identifier: BSD-2-Clause
 * Buffers beside unreadable pages: one byte read or written outside them ends the program. */
#ifndef TEST_GUARD_H
#define TEST_GUARD_H

#include <stdbool.h>
#include <stddef.h>

typedef struct guard_buffer {
    void *data; /* bytes bytes, flush against a guard page at its end or at its start */
    size_t bytes;
    void *mapping;
    size_t mapping_bytes;
} guard_buffer;

/* at_end: the byte after the last is in the guard page (data is then only aligned to what bytes
 * allows); else the byte before the first is. bytes 0 gives a pointer to a guard page. Ends the
 * program with a message if the system has no memory. */
guard_buffer guard_alloc(size_t bytes, bool at_end);
void guard_free(guard_buffer *buffer);
/* Make the buffer read-only or writable again. */
void guard_protect(guard_buffer *buffer, bool writable);

#endif
