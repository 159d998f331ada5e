/* SPDX-License-Identifier: BSD-2-Clause
 * Failures for the sequence fuzzer, of the calling thread alone: memory, locks, threads and every
 * call that touches a file, through the linker's --wrap (CMakeLists.txt). */
#ifndef TEST_FUZZ_SEQUENCE_FAULTS_H
#define TEST_FUZZ_SEQUENCE_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault {
    FAULT_MEMORY,
    FAULT_LOCK,
    FAULT_THREAD,
    FAULT_OPEN,
    FAULT_STAT,
    FAULT_READ, /* an error, or fewer bytes than asked for and then an error */
    FAULT_MAP,
    FAULT_WRITE, /* a full disk: some of the bytes, then none */
    FAULT_SYNC,
    FAULT_CLOSE,
    FAULT_RENAME,
    FAULT_KINDS
};
extern const char *const fault_names[FAULT_KINDS];

/* Request number n (1 = the next) of this thread that is of a kind in the set fails, and `more`
 * after it. */
void fault_arm(uint32_t kinds, size_t n, size_t more);
/* Kinds that failed since; nothing fails any more. */
uint32_t fault_disarm(void);
/* Whether an allocation fails now: for an allocator that does not call malloc. */
bool fault_memory(void);

#endif
