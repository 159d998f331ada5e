/* SPDX-License-Identifier: BSD-2-Clause
 * Copy a strided tensor into another of the same sizes. */
#ifndef C2_CORE_COPY_H
#define C2_CORE_COPY_H

#include <stddef.h>
#include <stdint.h>

/* rank 1 to 4; strides in elements of element_bytes (1, 2, 4 or 8); the two must not overlap. */
void c2_copy_strided(size_t element_bytes, int rank, const int64_t *sizes, const void *from,
                     const int64_t *from_strides, void *to, const int64_t *to_strides);

#endif
