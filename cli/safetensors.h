/* SPDX-License-Identifier: BSD-2-Clause
 * Safetensors headers (JSON), over memory: finds one tensor, after checking the offsets of all. */
#ifndef CLI_SAFETENSORS_H
#define CLI_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "cli.h"
#include "json.h"

enum {
    SAFETENSORS_PREFIX_BYTES = 8,
    SAFETENSORS_HEADER_MAX = 16 << 20,
    SAFETENSORS_WRITTEN_MAX = 256
};

typedef struct safetensors_entry {
    int32_t dtype; /* CONV2D_FLOAT32, _FLOAT64, _FLOAT16 or _BFLOAT16 */
    int rank;      /* 1..4 */
    int64_t sizes[4];
    uint64_t begin, end; /* bytes in the data part, end - begin fits the shape */
} safetensors_entry;

/* Length of the header from the file's first 8 bytes; refused if above 16 MiB or the file. */
bool safetensors_header_bytes(const unsigned char prefix[SAFETENSORS_PREFIX_BYTES],
                              size_t file_bytes, size_t *n_out, cli_error *error);

/* The header's n bytes as JSON, offsets checked (json_decref); data_bytes is what the file has
 * after it. */
bool safetensors_read(const char *header, size_t n, uint64_t data_bytes, json_t **root_out,
                      cli_error *error);

/* Find the tensor in the header's n bytes; data_bytes is what the file has after the header. */
bool safetensors_find(const char *header, size_t n, uint64_t data_bytes, const char *name,
                      safetensors_entry *entry_out, cli_error *error);

/* Write the head of a file that has one tensor of at most 4 axes, whose name is a plain word;
 * returns its length, a multiple of 8. The data follows, little-endian. */
size_t safetensors_header(int32_t dtype, int rank, const int64_t *sizes, const char *name,
                          char header[SAFETENSORS_WRITTEN_MAX]);

#endif
