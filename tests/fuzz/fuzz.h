/* SPDX-License-Identifier: BSD-2-Clause
 * What the fuzz targets share. A target is one function over hostile bytes; libFuzzer drives it
 * (run.sh), and replay.c calls it for every file of the corpus with any compiler. A target checks
 * more than survival: what a reader accepts must mean what its bytes say, and survive being written
 * and read again. */
#ifndef TEST_FUZZ_FUZZ_H
#define TEST_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The name libFuzzer wants. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* Unless the condition holds, print place and sentence and abort: libFuzzer keeps the input. */
#define fuzz_check(condition, sentence) \
    ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition, sentence))
_Noreturn void fuzz_fail(const char *file, int line, const char *condition, const char *sentence);

/* True if an allocation was refused on purpose while this input runs: then any call may fail with
 * a sentence, and nothing else. Always false under libFuzzer. */
bool fuzz_starved(void);

/* A file with these bytes and this suffix in a folder of its own; the next call replaces it. */
const char *fuzz_file(const void *bytes, size_t n, const char *suffix);

/* A number below `below` that depends on the bytes alone. */
unsigned fuzz_choice(const uint8_t *bytes, size_t n, unsigned below);

#endif
