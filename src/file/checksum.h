/* SPDX-License-Identifier: BSD-2-Clause
 * The checksum of files: XXH64 with seed 0 (github.com/Cyan4973/xxHash, doc/xxhash_spec.md), so
 * that other programs can compute it too. Written from the specification; finds damage, not
 * forgery. */
#ifndef C2_FILE_CHECKSUM_H
#define C2_FILE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

uint64_t c2_checksum(const void *bytes, size_t n);

#endif
