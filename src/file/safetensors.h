/* SPDX-License-Identifier: BSD-2-Clause
 * The safetensors container: 8 bytes of header length, a JSON header, the tensors' bytes. Reader
 * and writer know tensors, names and metadata; what they mean is the caller's business
 * (api/file.c). docs/context-file.md has the rules. */
#ifndef C2_FILE_SAFETENSORS_H
#define C2_FILE_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/mem.h"

enum { C2_ST_PREFIX = 8, C2_ST_HEADER_MAX = 16 * 1000 * 1000 };

typedef struct c2_st_tensor {
    const char *name;
    int32_t dtype, rank;
    int64_t sizes[4];
    size_t begin, bytes; /* of the data that follows the header */
} c2_st_tensor;

typedef struct c2_st_pair {
    const char *key, *value;
} c2_st_pair;

/* A header: tensors and metadata, each sorted by name once read. */
typedef struct c2_safetensors {
    conv2d_allocator allocator;
    c2_st_tensor *tensors;
    size_t n_tensors, room_tensors;
    c2_st_pair *pairs;
    size_t n_pairs, room_pairs;
    char *text; /* the header, decoded: names and values point into it */
    size_t text_bytes;
    size_t data_offset, data_bytes; /* where the tensors' bytes are in the file */
} c2_safetensors;

/* Read the header of bytes[n], a whole file. CONV2D_E_IO with a sentence that names `path` and the
 * rule that is broken, or CONV2D_E_NOMEM; free with c2_safetensors_free() in any case. */
conv2d_status c2_safetensors_read(const char *path, const void *bytes, size_t n,
                                  const conv2d_allocator *allocator, c2_safetensors *out);
void c2_safetensors_free(c2_safetensors *s);
/* NULL if there is none. */
const c2_st_tensor *c2_safetensors_tensor(const c2_safetensors *s, const char *name);
const char *c2_safetensors_value(const c2_safetensors *s, const char *key);

/* Every context file begins, after the length, with these bytes, 16 hexadecimal digits and a quote:
 * the checksum of the rest of the header. */
#define C2_ST_HEAD "{\"__metadata__\":{\"conv2d\":\"context-1\",\"checksum\":\""
enum { C2_ST_DIGITS = 16 };

/* The length and the header's text, in one block of *bytes_out bytes that ends where the data
 * begin, at a multiple of C2_ALIGN; NULL if memory is short. tensors and pairs in the order in
 * which they are to be written; begin is ignored, for each follows the one before. */
char *c2_safetensors_header(const c2_safetensors *s, size_t *bytes_out);

#endif
