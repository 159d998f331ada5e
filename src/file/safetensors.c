/* SPDX-License-Identifier: BSD-2-Clause
 * Reading safetensors headers. Nothing is believed: every number is checked against the file, and
 * every byte of the data belongs to exactly one tensor. */
#include "file/safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/dtype.h"
#include "core/error.h"
#include "file/checksum.h"
#include "file/json.h"

static const struct {
    const char *name;
    int32_t dtype;
} dtypes[] = {{"F32", CONV2D_FLOAT32},   {"F64", CONV2D_FLOAT64}, {"F16", CONV2D_FLOAT16},
              {"BF16", CONV2D_BFLOAT16}, {"U8", CONV2D_UINT8},    {NULL, 0}};

/* Where a failure is, for its sentence. */
typedef struct reader {
    const char *path;
    c2_safetensors *s;
    c2_json json;
} reader;

static conv2d_status broken_json(const reader *r)
{
    return c2_fail(CONV2D_E_IO, "%s: byte %zu of the header: expected %s", r->path,
                   (size_t)(r->json.at - r->json.begin), r->json.expected);
}

/* Room for one more element of an array that doubles. */
static void *grown(const conv2d_allocator *allocator, void *old, size_t n, size_t *room,
                   size_t element)
{
    if (n < *room)
        return old;
    const size_t wanted = *room ? *room * 2 : 16;
    void *moved = c2_alloc(allocator, wanted * element);
    if (!moved)
        return NULL;
    if (n)
        memcpy(moved, old, n * element);
    c2_free(allocator, old, *room * element);
    *room = wanted;
    return moved;
}

static conv2d_status no_memory(const reader *r)
{
    return c2_fail(CONV2D_E_NOMEM, "%s: no memory for its header", r->path);
}

static conv2d_status read_metadata(reader *r)
{
    c2_safetensors *s = r->s;
    bool first = true, more;
    if (s->n_pairs)
        return c2_fail(CONV2D_E_IO, "%s: the header has __metadata__ twice", r->path);
    if (!c2_json_take(&r->json, '{'))
        return broken_json(r);
    while (c2_json_item(&r->json, '}', &first, &more) && more) {
        c2_st_pair *pairs =
            grown(&s->allocator, s->pairs, s->n_pairs, &s->room_pairs, sizeof *s->pairs);
        if (!pairs)
            return no_memory(r);
        s->pairs = pairs;
        char *key, *value;
        if (!c2_json_string(&r->json, &key) || !c2_json_take(&r->json, ':') ||
            !c2_json_string(&r->json, &value))
            break;
        s->pairs[s->n_pairs++] = (c2_st_pair){key, value};
    }
    return r->json.expected ? broken_json(r) : CONV2D_OK;
}

static conv2d_status read_dtype(reader *r, c2_st_tensor *t)
{
    char *name;
    if (!c2_json_string(&r->json, &name))
        return broken_json(r);
    for (int i = 0; dtypes[i].name; i++) {
        if (strcmp(name, dtypes[i].name) == 0) {
            t->dtype = dtypes[i].dtype;
            return CONV2D_OK;
        }
    }
    return c2_fail(CONV2D_E_IO, "%s: tensor \"%.60s\" has dtype \"%.16s\": a context has none",
                   r->path, t->name, name);
}

/* At most `most` counts in brackets; their number, or -1. */
static int read_counts(reader *r, int most, int64_t *counts)
{
    bool first = true, more;
    int n = 0;
    if (!c2_json_take(&r->json, '['))
        return -1;
    while (c2_json_item(&r->json, ']', &first, &more)) {
        if (!more)
            return n;
        if (n == most) {
            r->json.expected = "']': the list is too long";
            return -1;
        }
        if (!c2_json_count(&r->json, &counts[n++]))
            return -1;
    }
    return -1;
}

/* The three members of a tensor, each once, in any order. */
static conv2d_status read_members(reader *r, c2_st_tensor *t, int64_t offsets[2])
{
    static const char *const members[] = {"dtype", "shape", "data_offsets"};
    unsigned seen = 0;
    bool first = true, more;
    if (!c2_json_take(&r->json, '{'))
        return broken_json(r);
    while (c2_json_item(&r->json, '}', &first, &more) && more) {
        char *key;
        unsigned member = 0;
        if (!c2_json_string(&r->json, &key) || !c2_json_take(&r->json, ':'))
            return broken_json(r);
        while (member < 3 && strcmp(key, members[member]) != 0)
            member++;
        if (member == 3 || seen >> member & 1)
            return c2_fail(CONV2D_E_IO, "%s: tensor \"%.60s\" has \"%.30s\" %s", r->path, t->name,
                           key, member == 3 ? "beside dtype, shape and data_offsets" : "twice");
        seen |= 1u << member;
        conv2d_status s = CONV2D_OK;
        if (member == 0)
            s = read_dtype(r, t);
        else if (member == 1)
            s = (t->rank = read_counts(r, 4, t->sizes)) < 0 ? broken_json(r) : CONV2D_OK;
        else if (read_counts(r, 2, offsets) != 2)
            s = r->json.expected
                    ? broken_json(r)
                    : c2_fail(CONV2D_E_IO, "%s: tensor \"%.60s\": data_offsets are not two numbers",
                              r->path, t->name);
        if (s)
            return s;
    }
    if (r->json.expected)
        return broken_json(r);
    return seen == 7 ? CONV2D_OK
                     : c2_fail(CONV2D_E_IO,
                               "%s: tensor \"%.60s\" lacks dtype, shape or "
                               "data_offsets",
                               r->path, t->name);
}

/* Offsets follow the tensor before without a gap, and hold exactly what the shape says. */
static conv2d_status check_span(const reader *r, c2_st_tensor *t, const int64_t offsets[2],
                                size_t at)
{
    if ((uint64_t)offsets[0] != at)
        return c2_fail(CONV2D_E_IO,
                       "%s: tensor \"%.60s\" begins at byte %" PRId64 " of the data: expected %zu, "
                       "where the one before ends",
                       r->path, t->name, offsets[0], at);
    if (offsets[1] < offsets[0] || (uint64_t)offsets[1] > r->s->data_bytes)
        return c2_fail(CONV2D_E_IO,
                       "%s: tensor \"%.60s\" ends at byte %" PRId64 " of the data, which begins at "
                       "%" PRId64 " and has %zu",
                       r->path, t->name, offsets[1], offsets[0], r->s->data_bytes);
    int64_t bytes = (int64_t)c2_dtype_bytes(t->dtype);
    bool fits = true;
    for (int i = 0; i < t->rank && fits; i++)
        fits = c2_mul_ok(bytes, t->sizes[i], &bytes);
    if (!fits || bytes != offsets[1] - offsets[0])
        return c2_fail(CONV2D_E_IO,
                       "%s: tensor \"%.60s\" has %" PRId64 " bytes in data_offsets: its shape says "
                       "otherwise",
                       r->path, t->name, offsets[1] - offsets[0]);
    t->begin = at;
    t->bytes = (size_t)bytes;
    return CONV2D_OK;
}

static conv2d_status read_header(reader *r)
{
    c2_safetensors *s = r->s;
    bool first = true, more;
    size_t at = 0;
    if (!c2_json_take(&r->json, '{'))
        return broken_json(r);
    while (c2_json_item(&r->json, '}', &first, &more) && more) {
        char *name;
        conv2d_status status = CONV2D_OK;
        if (!c2_json_string(&r->json, &name) || !c2_json_take(&r->json, ':'))
            return broken_json(r);
        if (strcmp(name, "__metadata__") == 0) {
            if ((status = read_metadata(r)))
                return status;
            continue;
        }
        c2_st_tensor t = {.name = name}, *tensors;
        int64_t offsets[2] = {0, 0};
        if ((status = read_members(r, &t, offsets)) || (status = check_span(r, &t, offsets, at)))
            return status;
        at += t.bytes;
        tensors =
            grown(&s->allocator, s->tensors, s->n_tensors, &s->room_tensors, sizeof *s->tensors);
        if (!tensors)
            return no_memory(r);
        s->tensors = tensors;
        s->tensors[s->n_tensors++] = t;
    }
    if (!c2_json_end(&r->json))
        return broken_json(r);
    if (at != s->data_bytes)
        return c2_fail(CONV2D_E_IO, "%s: %zu bytes follow the last tensor", r->path,
                       s->data_bytes - at);
    return CONV2D_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const c2_st_tensor *)a)->name, ((const c2_st_tensor *)b)->name);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const c2_st_pair *)a)->key, ((const c2_st_pair *)b)->key);
}

static conv2d_status sort(const reader *r)
{
    c2_safetensors *s = r->s;
    const char *twice = NULL;
    if (s->n_tensors)
        qsort(s->tensors, s->n_tensors, sizeof *s->tensors, by_name);
    if (s->n_pairs)
        qsort(s->pairs, s->n_pairs, sizeof *s->pairs, by_key);
    for (size_t i = 1; i < s->n_tensors; i++)
        if (by_name(&s->tensors[i - 1], &s->tensors[i]) == 0)
            twice = s->tensors[i].name;
    for (size_t i = 1; i < s->n_pairs; i++)
        if (by_key(&s->pairs[i - 1], &s->pairs[i]) == 0)
            twice = s->pairs[i].key;
    return twice ? c2_fail(CONV2D_E_IO, "%s: the header has \"%.60s\" twice", r->path, twice)
                 : CONV2D_OK;
}

/* The fixed head and the checksum of everything behind it. */
static conv2d_status check_head(const char *path, const char *header, size_t n)
{
    static const char head[] = C2_ST_HEAD, digits[] = "0123456789abcdef";
    static const char any_version[] = "{\"__metadata__\":{\"conv2d\":\"context-";
    const size_t length = sizeof head - 1;
    if (n < length + C2_ST_DIGITS || memcmp(header, head, length) != 0) {
        const bool ours = n >= sizeof any_version &&
                          memcmp(header, any_version, sizeof any_version - 1) == 0 &&
                          memcmp(header, head, sizeof any_version + 1) != 0;
        return c2_fail(CONV2D_E_IO,
                       ours ? "%s: a context file of another version than 1"
                            : "%s: not a context file of conv2d",
                       path);
    }
    uint64_t stated = 0;
    for (size_t i = 0; i < C2_ST_DIGITS; i++) {
        const char *digit = header[length + i] ? strchr(digits, header[length + i]) : NULL;
        if (!digit)
            return c2_fail(CONV2D_E_IO, "%s: the header's checksum is not a number", path);
        stated = stated << 4 | (uint64_t)(digit - digits);
    }
    const size_t rest = length + C2_ST_DIGITS;
    if (c2_checksum(header + rest, n - rest) != stated)
        return c2_fail(CONV2D_E_IO, "%s: the header is damaged (checksum)", path);
    return CONV2D_OK;
}

conv2d_status c2_safetensors_read(const char *path, const void *bytes, size_t n,
                                  const conv2d_allocator *allocator, c2_safetensors *out)
{
    *out = (c2_safetensors){.allocator = *allocator};
    uint64_t length = 0;
    if (n < C2_ST_PREFIX)
        return c2_fail(CONV2D_E_IO, "%s: %zu bytes, too short for a context file", path, n);
    for (int i = C2_ST_PREFIX - 1; i >= 0; i--)
        length = length << 8 | ((const unsigned char *)bytes)[i];
    if (length > C2_ST_HEADER_MAX || length > n - C2_ST_PREFIX)
        return c2_fail(CONV2D_E_IO,
                       "%s: a header of %" PRIu64 " bytes: at most %d, and what the file has (%zu)",
                       path, length, (int)C2_ST_HEADER_MAX, n - C2_ST_PREFIX);
    const char *header = (const char *)bytes + C2_ST_PREFIX;
    conv2d_status s = check_head(path, header, (size_t)length);
    if (s)
        return s;
    out->data_offset = C2_ST_PREFIX + (size_t)length;
    out->data_bytes = n - out->data_offset;
    out->text_bytes = (size_t)length;
    out->text = c2_alloc(allocator, out->text_bytes);
    if (!out->text)
        return c2_fail(CONV2D_E_NOMEM, "%s: no memory for its header of %" PRIu64 " bytes", path,
                       length);
    memcpy(out->text, header, (size_t)length);
    reader r = {path, out, c2_json_of(out->text, out->text_bytes)};
    s = read_header(&r);
    return s ? s : sort(&r);
}

void c2_safetensors_free(c2_safetensors *s)
{
    c2_free(&s->allocator, s->tensors, s->room_tensors * sizeof *s->tensors);
    c2_free(&s->allocator, s->pairs, s->room_pairs * sizeof *s->pairs);
    c2_free(&s->allocator, s->text, s->text_bytes);
}

const c2_st_tensor *c2_safetensors_tensor(const c2_safetensors *s, const char *name)
{
    const c2_st_tensor wanted = {.name = name};
    return s->n_tensors ? bsearch(&wanted, s->tensors, s->n_tensors, sizeof *s->tensors, by_name)
                        : NULL;
}

const char *c2_safetensors_value(const c2_safetensors *s, const char *key)
{
    const c2_st_pair wanted = {key, NULL};
    const c2_st_pair *found =
        s->n_pairs ? bsearch(&wanted, s->pairs, s->n_pairs, sizeof *s->pairs, by_key) : NULL;
    return found ? found->value : NULL;
}
