/* SPDX-License-Identifier: BSD-2-Clause
 * XXH3, 64 bits, seed 0, for inputs of more than 240 bytes (shorter ones have rules of their own):
 * eight sums of 64 bits take a stripe of 64 bytes each, by products of 32 by 32 bits; after 16
 * stripes the sums are mixed. Written from the specification (checksum.h). */
#include "file/bytes.h"
#include "file/checksum.h"
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { PAIRS = 4, STRIPE = 64, SECRET = 192, STRIPES_A_BLOCK = (SECRET - STRIPE) / 8 };

/* Two of the sums. */
typedef uint64_t pair __attribute__((vector_size(16)));

static const uint64_t prime32[] = {0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D};
static const uint64_t prime64[] = {0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9,
                                   0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5};

/* The specification's default secret. */
static const unsigned char secret[SECRET] = {
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
    0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
    0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
    0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
    0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
    0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
    0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
    0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
    0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
    0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e,
    0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce,
    0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
};

static inline pair pair_at(const unsigned char *at)
{
    pair x;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = (pair){c2_word64(at), c2_word64(at + 8)};
#else
    memcpy(&x, at, sizeof x);
#endif
    return x;
}

/* Lower half times upper half of each. GCC does not see that one instruction does it. */
static inline pair product_of_halves(pair x)
{
#if defined(__SSE2__)
    return (pair)_mm_mul_epu32((__m128i)x, _mm_srli_epi64((__m128i)x, 32));
#else
    return (x & 0xffffffff) * (x >> 32);
#endif
}

static inline void add_stripe(pair sums[PAIRS], const unsigned char *at, const unsigned char *key)
{
#pragma GCC unroll 4
    for (int i = 0; i < PAIRS; i++) {
        const pair words = pair_at(at + 16 * i);
        sums[i] += product_of_halves(words ^ pair_at(key + 16 * i)) +
                   __builtin_shufflevector(words, words, 1, 0);
    }
}

static void mix(pair sums[PAIRS])
{
    for (int i = 0; i < PAIRS; i++) {
        const pair x = sums[i] ^ sums[i] >> 47;
        sums[i] = (x ^ pair_at(secret + SECRET - STRIPE + 16 * i)) * prime32[0];
    }
}

/* Upper and lower half of the 128-bit product, one xor the other. */
static uint64_t folded_product(uint64_t a, uint64_t b)
{
    const uint64_t a0 = a & 0xffffffff, a1 = a >> 32, b0 = b & 0xffffffff, b1 = b >> 32;
    const uint64_t low = a0 * b0, middle = a1 * b0 + (low >> 32),
                   middle2 = a0 * b1 + (middle & 0xffffffff);
    return (a1 * b1 + (middle >> 32) + (middle2 >> 32)) ^ (middle2 << 32 | (low & 0xffffffff));
}

uint64_t c2_checksum_long(const void *bytes, size_t n)
{
    const unsigned char *at = bytes, *const last = at + n - STRIPE;
    pair sums[PAIRS] = {{prime32[2], prime64[0]},
                        {prime64[1], prime64[2]},
                        {prime64[3], prime32[1]},
                        {prime64[4], prime32[0]}};
    const size_t n_stripes = (n - 1) / STRIPE;
    size_t s = 0;
    for (; s + STRIPES_A_BLOCK <= n_stripes; s += STRIPES_A_BLOCK) {
        for (int i = 0; i < STRIPES_A_BLOCK; i++, at += STRIPE) {
            /* Beyond the end it does nothing. */
            __builtin_prefetch((const void *)((uintptr_t)at + 2048));
            add_stripe(sums, at, secret + i * 8);
        }
        mix(sums);
    }
    for (int i = 0; s < n_stripes; s++, i++, at += STRIPE)
        add_stripe(sums, at, secret + i * 8);
    add_stripe(sums, last, secret + SECRET - STRIPE - 7);
    uint64_t h = n * prime64[0];
    for (int i = 0; i < PAIRS; i++)
        h += folded_product(sums[i][0] ^ c2_word64(secret + 11 + 16 * i),
                            sums[i][1] ^ c2_word64(secret + 19 + 16 * i));
    h = (h ^ h >> 37) * 0x165667919E3779F9;
    return h ^ h >> 32;
}
