/* SPDX-License-Identifier: BSD-2-Clause
 * Case files: the reader. Every length is checked against what is left, so that a damaged file is
 * an error and not a crash. Numbers are little-endian, 8 bytes each; see README.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden/case.h"

static const char magic[8] = {'C', '2', 'C', 'A', 'S', 'E', '0', '1'};

enum { WHY_BYTES = 128, MAX_RANK = 5 };

static bool read_all(FILE *file, case_reader *reader)
{
    size_t capacity = 1u << 20;
    unsigned char *bytes = malloc(capacity);
    size_t size = 0;
    while (bytes) {
        size += fread(bytes + size, 1, capacity - size, file);
        if (size < capacity)
            break;
        unsigned char *more = realloc(bytes, capacity *= 2);
        if (!more)
            free(bytes);
        bytes = more;
    }
    reader->bytes = bytes;
    reader->size = size;
    reader->at = 0;
    return bytes && !ferror(file);
}

bool case_open(const char *path, case_reader *reader, char *why)
{
    const bool use_stdin = !strcmp(path, "-");
    FILE *file = use_stdin ? stdin : fopen(path, "rb");
    memset(reader, 0, sizeof *reader);
    if (!file) {
        snprintf(why, WHY_BYTES, "cannot open %.90s", path);
        return false;
    }
    bool ok = read_all(file, reader);
    if (!use_stdin)
        fclose(file);
    if (ok && (reader->size < sizeof magic || memcmp(reader->bytes, magic, sizeof magic)))
        ok = false;
    if (!ok) {
        snprintf(why, WHY_BYTES, "%.90s is not a readable case file", path);
        case_close(reader);
        return false;
    }
    reader->at = sizeof magic;
    return true;
}

void case_close(case_reader *reader)
{
    free(reader->bytes);
    memset(reader, 0, sizeof *reader);
}

/* The part of the file that belongs to one record. */
typedef struct span {
    const unsigned char *at;
    size_t left;
    bool ok; /* false after the first read past the end or value out of range */
} span;

static const unsigned char *take(span *s, size_t bytes)
{
    if (!s->ok || bytes > s->left) {
        s->ok = false;
        return NULL;
    }
    const unsigned char *at = s->at;
    s->at += bytes;
    s->left -= bytes;
    return at;
}

static int64_t take_i64(span *s)
{
    const unsigned char *p = take(s, 8);
    uint64_t v = 0;
    for (int i = 0; p && i < 8; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return (int64_t)v;
}

static int64_t take_range(span *s, int64_t low, int64_t high)
{
    const int64_t v = take_i64(s);
    if (v < low || v > high) {
        s->ok = false;
        return low;
    }
    return v;
}

static int32_t take_i32(span *s) { return (int32_t)take_range(s, INT32_MIN, INT32_MAX); }

static double take_f64(span *s)
{
    const int64_t bits = take_i64(s);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static void take_list(span *s, int n, int64_t *list)
{
    for (int i = 0; i < n; i++)
        list[i] = take_i64(s);
}

static void take_text(span *s, size_t bytes, char *text)
{
    const unsigned char *p = take(s, bytes);
    if (p)
        memcpy(text, p, bytes);
    text[bytes - 1] = 0;
}

static void take_tensor(span *s, case_tensor *t)
{
    t->dtype = take_i32(s);
    t->rank = (int32_t)take_range(s, CASE_RESIDUAL_IS_OUTPUT, MAX_RANK);
    take_list(s, 4, t->sizes);
    take_list(s, 4, t->strides);
    t->offset = take_range(s, 0, INT64_MAX);
    t->storage_bytes = (size_t)take_range(s, 0, INT64_MAX / 2);
    t->storage = take(s, (t->storage_bytes + 7) / 8 * 8);
}

static void take_params(span *s, conv2d_params *p)
{
    *p = (conv2d_params)CONV2D_PARAMS_INIT;
    p->padding_mode = take_i32(s);
    take_list(s, 2, p->stride);
    take_list(s, 4, p->padding);
    take_list(s, 2, p->dilation);
    p->groups = take_i64(s);
    p->auto_pad = take_i32(s);
    p->activation = take_i32(s);
    p->accuracy = take_i32(s);
    p->output_min = take_f64(s);
    p->output_max = take_f64(s);
    p->alpha = take_f64(s);
}

int case_next(case_reader *reader, test_case *c, char *why)
{
    if (reader->at == reader->size)
        return 0;
    memset(c, 0, sizeof *c);
    span file = {reader->bytes + reader->at, reader->size - reader->at, true};
    const size_t body = (size_t)take_range(&file, 0, INT64_MAX / 2);
    span s = {take(&file, body), body, file.ok};

    c->id = take_i64(&s);
    take_text(&s, sizeof c->category, c->category);
    take_text(&s, sizeof c->words, c->words);
    c->entry = (case_entry)take_range(&s, 0, CASE_N_ENTRIES - 1);
    take_params(&s, &c->params);
    case_tensor *const tensors[] = {&c->input, &c->weight, &c->bias, &c->residual, &c->output};
    for (size_t i = 0; i < sizeof tensors / sizeof tensors[0]; i++)
        take_tensor(&s, tensors[i]);
    const int64_t outcome = take_range(&s, 0, 2);
    c->error = outcome != 0;
    c->sizes_error = outcome == 2;
    c->rank = (int32_t)take_range(&s, 0, 4);
    take_list(&s, 4, c->sizes);
    c->n_values = (size_t)take_range(&s, 0, INT64_MAX / 8);
    c->values = take(&s, c->n_values * 8);
    c->tolerances = take(&s, c->n_values * 8);
    int64_t n = 1;
    for (int i = 0; s.ok && i < c->rank; i++) {
        const int64_t size = c->sizes[i];
        s.ok = size >= 0 && size <= (1 << 20) && (n *= size) <= (1 << 24);
    }
    if (!s.ok || s.left != 0 || (!c->error && (size_t)n != c->n_values)) {
        snprintf(why, WHY_BYTES, "damaged record at byte %zu of %zu", reader->at, reader->size);
        return -1;
    }
    reader->at += 8 + body;
    return 1;
}
