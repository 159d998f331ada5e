/* SPDX-License-Identifier: BSD-2-Clause
 * Safetensors headers by jansson (safetensors.h). Rules: offsets of all tensors in range, without
 * gap or overlap, up to the file's end; sizes times element equal the bytes; no key twice. */
#include "safetensors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int32_t dtype;
} dtypes[] = {{"F32", CONV2D_FLOAT32},
              {"F64", CONV2D_FLOAT64},
              {"F16", CONV2D_FLOAT16},
              {"BF16", CONV2D_BFLOAT16}};

typedef struct span {
    uint64_t begin, end;
} span;

bool safetensors_header_bytes(const unsigned char prefix[SAFETENSORS_PREFIX_BYTES],
                              size_t file_bytes, size_t *n_out, cli_error *error)
{
    uint64_t n = 0;
    for (int i = SAFETENSORS_PREFIX_BYTES - 1; i >= 0; i--)
        n = n << 8 | prefix[i];
    if (n > SAFETENSORS_HEADER_MAX || n > file_bytes - SAFETENSORS_PREFIX_BYTES)
        return cli_fail(error, CLI_USAGE,
                        "safetensors header of %" PRIu64 " bytes, expected at most %d and no more "
                        "than the file has",
                        n, (int)SAFETENSORS_HEADER_MAX);
    *n_out = (size_t)n;
    return true;
}

static bool read_span(const json_t *tensor, const char *name, uint64_t data_bytes, span *out,
                      cli_error *error)
{
    const json_t *offsets = json_object_get(tensor, "data_offsets");
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end) ||
        json_integer_value(begin) < 0 || json_integer_value(end) < json_integer_value(begin) ||
        (uint64_t)json_integer_value(end) > data_bytes)
        return cli_fail(error, CLI_USAGE,
                        "safetensors: data_offsets of '%s' must be two ordered offsets within the "
                        "file's %" PRIu64 " bytes of data",
                        name, data_bytes);
    *out = (span){(uint64_t)json_integer_value(begin), (uint64_t)json_integer_value(end)};
    return true;
}

static int compare_spans(const void *a, const void *b)
{
    const span *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

/* All tensors together cover the data exactly once. */
static bool check_spans(json_t *root, uint64_t data_bytes, cli_error *error)
{
    span *spans = malloc((json_object_size(root) + 1) * sizeof *spans);
    if (!spans)
        return cli_fail(error, CLI_FAILED, "out of memory");
    size_t n = 0;
    const char *key;
    json_t *value;
    bool ok = true;
    json_object_foreach(root, key, value) {
        if (ok && strcmp(key, "__metadata__") != 0)
            ok = read_span(value, key, data_bytes, &spans[n++], error);
    }
    uint64_t at = 0;
    if (ok)
        qsort(spans, n, sizeof *spans, compare_spans);
    for (size_t i = 0; ok && i < n; i++) {
        if (spans[i].begin != at)
            ok = cli_fail(error, CLI_USAGE,
                          "safetensors: a gap or an overlap of tensors at byte %" PRIu64, at);
        at = spans[i].end;
    }
    if (ok && at != data_bytes)
        ok = cli_fail(error, CLI_USAGE,
                      "safetensors: %" PRIu64 " bytes of data belong to no tensor",
                      data_bytes - at);
    free(spans);
    return ok;
}

static bool read_shape(const json_t *tensor, const char *name, safetensors_entry *entry,
                       cli_error *error)
{
    const json_t *shape = json_object_get(tensor, "shape");
    size_t rank = json_array_size(shape);
    if (!json_is_array(shape) || rank < 1 || rank > 4)
        return cli_fail(error, CLI_USAGE, "safetensors: '%s' has %zu axes, expected 1, 3 or 4",
                        name, rank);
    uint64_t bytes = conv2d_dtype_bytes(entry->dtype);
    for (size_t i = 0; i < rank; i++) {
        const json_t *size = json_array_get(shape, i);
        if (!json_is_integer(size) || json_integer_value(size) < 0 ||
            __builtin_mul_overflow(bytes, (uint64_t)json_integer_value(size), &bytes))
            return cli_fail(error, CLI_USAGE,
                            "safetensors: size %zu of '%s' is not a number of elements that fits",
                            i, name);
        entry->sizes[i] = json_integer_value(size);
    }
    entry->rank = (int)rank;
    if (bytes != entry->end - entry->begin)
        return cli_fail(error, CLI_USAGE,
                        "safetensors: the shape of '%s' needs %" PRIu64 " bytes, its data_offsets "
                        "span %" PRIu64,
                        name, bytes, entry->end - entry->begin);
    return true;
}

static bool read_entry(json_t *root, uint64_t data_bytes, const char *name,
                       safetensors_entry *out, cli_error *error)
{
    const json_t *tensor = json_object_get(root, name);
    if (!tensor || strcmp(name, "__metadata__") == 0)
        return cli_fail(error, CLI_USAGE, "safetensors: there is no tensor '%s'", name);
    const char *dtype = json_string_value(json_object_get(tensor, "dtype"));
    safetensors_entry entry = {0};
    for (size_t i = 0; dtype && i < sizeof dtypes / sizeof *dtypes; i++)
        if (strcmp(dtype, dtypes[i].name) == 0)
            entry.dtype = dtypes[i].dtype;
    if (!entry.dtype)
        return cli_fail(error, CLI_USAGE,
                        "safetensors: dtype of '%s' is '%s', expected F32, F64, F16 or BF16", name,
                        dtype ? dtype : "missing");
    span where;
    if (!read_span(tensor, name, data_bytes, &where, error))
        return false;
    entry.begin = where.begin;
    entry.end = where.end;
    if (!read_shape(tensor, name, &entry, error))
        return false;
    *out = entry;
    return true;
}

size_t safetensors_header(int32_t dtype, int rank, const int64_t *sizes, const char *name,
                          char header[SAFETENSORS_WRITTEN_MAX])
{
    enum { PREFIX = SAFETENSORS_PREFIX_BYTES, ROOM = SAFETENSORS_WRITTEN_MAX - PREFIX };
    const char *word = "F32";
    uint64_t bytes = conv2d_dtype_bytes(dtype);
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (dtypes[i].dtype == dtype)
            word = dtypes[i].name;
    int n = snprintf(header + PREFIX, ROOM, "{\"%s\":{\"dtype\":\"%s\",\"shape\":[", name, word);
    for (int i = 0; i < rank; i++) {
        n +=
            snprintf(header + PREFIX + n, (size_t)(ROOM - n), "%s%" PRId64, i ? "," : "", sizes[i]);
        bytes *= (uint64_t)sizes[i];
    }
    n += snprintf(header + PREFIX + n, (size_t)(ROOM - n), "],\"data_offsets\":[0,%" PRIu64 "]}}",
                  bytes);
    while (n % PREFIX != 0) /* so that the data is aligned */
        header[PREFIX + n++] = ' ';
    for (int i = 0; i < PREFIX; i++)
        header[i] = (char)((uint64_t)n >> 8 * i & 255);
    return (size_t)(PREFIX + n);
}

bool safetensors_read(const char *header, size_t n, uint64_t data_bytes, json_t **root_out,
                      cli_error *error)
{
    json_error_t where;
    json_t *root = json_loadb(header, n, JSON_REJECT_DUPLICATES, &where);
    if (!root)
        return cli_fail(error, CLI_USAGE, "safetensors header: %s (byte %d)", where.text,
                        where.position);
    const bool ok = json_is_object(root) ? check_spans(root, data_bytes, error)
                                         : cli_fail(error, CLI_USAGE,
                                                    "safetensors: the header is not a JSON object");
    if (ok)
        *root_out = root;
    else
        json_decref(root);
    return ok;
}

bool safetensors_find(const char *header, size_t n, uint64_t data_bytes, const char *name,
                      safetensors_entry *entry_out, cli_error *error)
{
    json_t *root;
    if (!safetensors_read(header, n, data_bytes, &root, error))
        return false;
    const bool ok = read_entry(root, data_bytes, name, entry_out, error);
    json_decref(root);
    return ok;
}
