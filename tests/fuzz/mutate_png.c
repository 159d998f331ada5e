/* SPDX-License-Identifier: BSD-2-Clause
 * libFuzzer's mutations, and for a PNG the checksum of each chunk made right again half of the
 * time: a random change otherwise never gets beyond them. */
#include <stdbool.h>
#include <string.h>

#include "mutate.h"

enum { SIGNATURE_BYTES = 8, CHUNK_BYTES = 12 }; /* length, type, checksum */

static uint32_t crc32_of(const uint8_t *bytes, size_t n)
{
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

static uint32_t big_endian(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static void mend(uint8_t *bytes, size_t n)
{
    size_t at = SIGNATURE_BYTES;
    while (n - at >= CHUNK_BYTES) {
        const size_t length = big_endian(bytes + at);
        if (length > n - at - CHUNK_BYTES)
            return;
        const uint32_t crc = crc32_of(bytes + at + 4, length + 4);
        for (int i = 0; i < 4; i++)
            bytes[at + 8 + length + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
        at += length + CHUNK_BYTES;
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t n, size_t capacity, unsigned seed)
{
    const size_t changed = LLVMFuzzerMutate(bytes, n, capacity);
    if (changed >= SIGNATURE_BYTES && memcmp(bytes, "\x89PNG", 4) == 0 && seed % 2)
        mend(bytes, changed);
    return changed;
}
