/* SPDX-License-Identifier: BSD-2-Clause
 * The checksums of files: XXH64 and, for the parts of large tensors, XXH3 with 64 bits, both with
 * seed 0 (github.com/Cyan4973/xxHash, doc/xxhash_spec.md), so that other programs can compute them
 * too. Written from the specification; find damage, not forgery. */
#ifndef C2_FILE_CHECKSUM_H
#define C2_FILE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include "conv2d/conv2d.h"

uint64_t c2_checksum(const void *bytes, size_t n); /* XXH64 */
/* XXH3, for more than 240 bytes: as fast as memory is read, where XXH64 takes twice as long. */
uint64_t c2_checksum_long(const void *bytes, size_t n);

/* Of a tensor: up to C2_CHECKSUM_PART bytes c2_checksum(). More are cut into
 * min(C2_CHECKSUM_PARTS, ceil(n / C2_CHECKSUM_PART)) parts of ceil(n / that number) bytes, rounded
 * up to 64, the last with what is left; the checksum is c2_checksum() of the parts'
 * c2_checksum_long(), each 8 bytes, little-endian. So several cores can work on one. pool NULL =
 * serial; no lock of a kind that a task may want can be held here, for a caller's pool runs what it
 * likes while it waits. */
enum { C2_CHECKSUM_PART = 1 << 20, C2_CHECKSUM_PARTS = 64 };
uint64_t c2_checksum_tensor(const conv2d_pool *pool, const void *bytes, size_t n);

#endif
