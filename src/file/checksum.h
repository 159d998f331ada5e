/* SPDX-License-Identifier: BSD-2-Clause
 * The checksum of files: XXH64 with seed 0 (github.com/Cyan4973/xxHash, doc/xxhash_spec.md), so
 * that other programs can compute it too. Written from the specification; finds damage, not
 * forgery. */
#ifndef C2_FILE_CHECKSUM_H
#define C2_FILE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include "conv2d/conv2d.h"

uint64_t c2_checksum(const void *bytes, size_t n);

/* Of a tensor: up to C2_CHECKSUM_PART bytes c2_checksum(). More are cut into
 * min(C2_CHECKSUM_PARTS, ceil(n / C2_CHECKSUM_PART)) parts of ceil(n / that number) bytes, rounded
 * up to 64, the last with what is left; the checksum is that of the parts' checksums, each 8 bytes,
 * little-endian. So several cores can work on one. pool NULL = serial; no lock of a kind that a
 * task may want can be held here, for a caller's pool runs what it likes while it waits. */
enum { C2_CHECKSUM_PART = 1 << 20, C2_CHECKSUM_PARTS = 64 };
uint64_t c2_checksum_tensor(const conv2d_pool *pool, const void *bytes, size_t n);

#endif
