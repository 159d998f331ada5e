/* SPDX-License-Identifier: BSD-2-Clause
 * libFuzzer's mutations for context files. Three of four change the header or the data alone and
 * then make the header's length, its padding and its checksum right: a change otherwise ends at the
 * first of them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/checksum.h"
#include "file/safetensors.h"
#include "mutate.h"

enum { STEM = sizeof C2_ST_HEAD - 1 };

/* The header's own checksum, which follows the fixed first words. */
static void mend(uint8_t *header, size_t length)
{
    char digits[C2_ST_DIGITS + 1];
    if (length < STEM + C2_ST_DIGITS || memcmp(header, C2_ST_HEAD, STEM) != 0)
        return;
    const size_t rest = STEM + C2_ST_DIGITS;
    snprintf(digits, sizeof digits, "%016" PRIx64, c2_checksum(header + rest, length - rest));
    memcpy(header + STEM, digits, C2_ST_DIGITS);
}

static size_t change_header(uint8_t *bytes, size_t n, size_t length, size_t capacity)
{
    const size_t data = n - C2_ST_PREFIX - length;
    uint8_t *text = malloc(capacity + 64);
    if (!text || capacity < n + 128) {
        free(text);
        return LLVMFuzzerMutate(bytes, n, capacity);
    }
    size_t used = length;
    memcpy(text, bytes + C2_ST_PREFIX, length);
    while (used > 0 && text[used - 1] == ' ')
        used--; /* the padding */
    used = LLVMFuzzerMutate(text, used, capacity - data - C2_ST_PREFIX - 64);
    while ((used + C2_ST_PREFIX) % 64 != 0)
        text[used++] = ' ';
    mend(text, used);
    memmove(bytes + C2_ST_PREFIX + used, bytes + C2_ST_PREFIX + length, data);
    memcpy(bytes + C2_ST_PREFIX, text, used);
    for (int i = 0; i < C2_ST_PREFIX; i++)
        bytes[i] = (uint8_t)((uint64_t)used >> 8 * i);
    free(text);
    return C2_ST_PREFIX + used + data;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t n, size_t capacity, unsigned seed)
{
    uint64_t length = 0;
    for (int i = C2_ST_PREFIX - 1; i >= 0 && n >= C2_ST_PREFIX; i--)
        length = length << 8 | bytes[i];
    if (seed % 4 == 0 || n < C2_ST_PREFIX || length > n - C2_ST_PREFIX)
        return LLVMFuzzerMutate(bytes, n, capacity);
    if (seed % 4 == 1 && length < n - C2_ST_PREFIX) {
        uint8_t *data = bytes + C2_ST_PREFIX + length;
        const size_t n_data = n - C2_ST_PREFIX - length;
        return C2_ST_PREFIX + length + LLVMFuzzerMutate(data, n_data, n_data);
    }
    return change_header(bytes, n, length, capacity);
}
