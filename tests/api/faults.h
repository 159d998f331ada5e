/* SPDX-License-Identifier: BSD-2-Clause
 * The system's refusals on demand. A test that links faults.c with the --wrap options of
 * FAULT_WRAPS (CMakeLists.txt) has every malloc, lock, thread start and file operation of the
 * library pass through here: they are counted, and the n-th can fail. */
#ifndef TEST_API_FAULTS_H
#define TEST_API_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum fault_kind {
    FAULT_MEMORY, /* malloc, calloc, realloc, aligned_alloc, posix_memalign */
    FAULT_LOCK,   /* pthread_mutex_init, pthread_cond_init */
    FAULT_THREAD, /* pthread_create */
    FAULT_FILE,   /* (faults_files.c) open, fstat, read, write, fsync, close, rename, mmap */
    FAULT_KINDS
} fault_kind;

/* The n-th request of that kind from now on fails (1 = the next), and with `sticky` all later ones
 * too. n = 0 disarms. */
void fault_arm(fault_kind kind, size_t n, bool sticky);
/* True if a request failed since fault_arm(); disarms. */
bool fault_disarm(fault_kind kind);
/* Count a request; true if it is to fail: for the wrappers. */
bool fault_request(fault_kind kind);
/* From now on read() and write() do at most this many bytes at once; 0 = as asked. */
void fault_short_transfers(size_t bytes);
/* Requests since the program started. */
size_t fault_requests(fault_kind kind);
/* Memory blocks, and locks, that are live now. */
long fault_live(fault_kind kind);

#endif
