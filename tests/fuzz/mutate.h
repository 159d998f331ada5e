/* SPDX-License-Identifier: BSD-2-Clause
 * libFuzzer's hooks for formats with checksums: a target's mutator changes bytes as libFuzzer does
 * and then makes the checksums right, so that the change gets beyond them. */
#ifndef TEST_FUZZ_MUTATE_H
#define TEST_FUZZ_MUTATE_H

#include <stddef.h>
#include <stdint.h>

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t n, size_t capacity);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t n, size_t capacity, unsigned seed);

#endif
