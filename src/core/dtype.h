/* SPDX-License-Identifier: BSD-2-Clause
 * Element types: size and name. */
#ifndef C2_CORE_DTYPE_H
#define C2_CORE_DTYPE_H

#include <stdbool.h>

#include "conv2d/conv2d.h"

/* True for the types whose tensors can be convolved. */
static inline bool c2_dtype_computed(int32_t dtype)
{
    return dtype >= CONV2D_FLOAT32 && dtype <= CONV2D_BFLOAT16;
}

/* Bytes of an element, 0 for an unknown dtype. */
static inline size_t c2_dtype_bytes(int32_t dtype)
{
    static const unsigned char bytes[] = {0, 4, 8, 2, 2, 1, 1, 4};
    return dtype > 0 && dtype < (int32_t)sizeof bytes ? bytes[dtype] : 0;
}

/* "float32"; "?" for an unknown dtype. */
static inline const char *c2_dtype_name(int32_t dtype)
{
    static const char *const names[] = {"?",        "float32", "float64", "float16",
                                        "bfloat16", "int8",    "uint8",   "int32"};
    return dtype > 0 && dtype < 8 ? names[dtype] : "?";
}

#endif
