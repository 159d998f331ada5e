/* SPDX-License-Identifier: BSD-2-Clause
 * Little-endian words of any alignment, wherever it runs. */
#ifndef C2_FILE_BYTES_H
#define C2_FILE_BYTES_H

#include <stdint.h>
#include <string.h>

static inline uint64_t c2_word64(const unsigned char *at)
{
    uint64_t x;
    memcpy(&x, at, sizeof x);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    return x;
}

static inline uint32_t c2_word32(const unsigned char *at)
{
    uint32_t x;
    memcpy(&x, at, sizeof x);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap32(x);
#endif
    return x;
}

#endif
