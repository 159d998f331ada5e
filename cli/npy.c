/* SPDX-License-Identifier: BSD-2-Clause
 * .npy headers (npy.h). The header is a Python dict literal; the grammar accepted here is exactly
 *   '{' entry (',' entry)* [','] '}' spaces newline     with each of the three keys once:
 *   'descr': string, 'fortran_order': True | False, 'shape': '(' [int (',' int)* [',']] ')'. */
#include "npy.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

static bool host_is_little(void)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 1;
}

bool npy_is(const unsigned char *bytes, size_t n)
{
    return n >= sizeof magic && memcmp(bytes, magic, sizeof magic) == 0;
}

/* ---- a cursor over the header's text -------------------------------------------------------- */

typedef struct cursor {
    const char *at, *end;
    const char *begin;
    cli_error *error;
} cursor;

static bool expected(const cursor *c, const char *what)
{
    return cli_fail(c->error, CLI_USAGE, ".npy header: expected %s at character %td", what,
                    c->at - c->begin);
}

static void skip_spaces(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n'))
        c->at++;
}

static bool accept(cursor *c, char wanted)
{
    skip_spaces(c);
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

static bool accept_word(cursor *c, const char *word)
{
    size_t n = strlen(word);
    skip_spaces(c);
    if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0)
        return false;
    c->at += n;
    return true;
}

enum { STRING_BYTES = 32 };

/* 'text' or "text" without escapes. */
static bool read_string(cursor *c, char out[STRING_BYTES])
{
    skip_spaces(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"'))
        return expected(c, "a quoted string");
    char quote = *c->at++;
    size_t n = 0;
    while (c->at < c->end && *c->at != quote) {
        if (*c->at < ' ' || *c->at > '~' || *c->at == '\\' || n + 1 == STRING_BYTES)
            return expected(c, "a short string of plain characters");
        out[n++] = *c->at++;
    }
    if (c->at == c->end)
        return expected(c, "a closing quote");
    c->at++;
    out[n] = '\0';
    return true;
}

static bool read_size(cursor *c, int64_t *out)
{
    skip_spaces(c);
    const char *first = c->at;
    int64_t value = 0;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9') {
        if (value > (INT64_MAX - (*c->at - '0')) / 10)
            return expected(c, "a size below 2^63");
        value = value * 10 + (*c->at++ - '0');
    }
    if (c->at == first)
        return expected(c, "a size (decimal digits)");
    *out = value;
    return true;
}

/* ---- the three entries ---------------------------------------------------------------------- */

static bool read_descr(cursor *c, npy_view *view)
{
    char descr[STRING_BYTES];
    if (!read_string(c, descr))
        return false;
    bool big = descr[0] == '>';
    const char *kind = descr + 1;
    static const struct {
        const char *kind;
        int32_t dtype;
    } kinds[] = {{"f4", CONV2D_FLOAT32}, {"f8", CONV2D_FLOAT64}, {"f2", CONV2D_FLOAT16}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && (descr[0] == '<' || big); i++) {
        if (strcmp(kind, kinds[i].kind) != 0)
            continue;
        view->dtype = kinds[i].dtype;
        view->swapped = big == host_is_little();
        return true;
    }
    return cli_fail(c->error, CLI_USAGE,
                    ".npy header: descr is '%s', expected '<f4' (float32), '<f8' (float64) or "
                    "'<f2' (float16), or the same with '>'",
                    descr);
}

static bool read_fortran(cursor *c, npy_view *view)
{
    view->fortran = accept_word(c, "True");
    if (!view->fortran && !accept_word(c, "False"))
        return expected(c, "True or False");
    return true;
}

static bool read_shape(cursor *c, npy_view *view)
{
    if (!accept(c, '('))
        return expected(c, "'(' of the shape");
    while (!accept(c, ')')) {
        if (view->rank == NPY_MAX_RANK)
            return cli_fail(c->error, CLI_USAGE,
                            ".npy header: the shape has more than %d axes, expected 1, 3 or 4",
                            NPY_MAX_RANK);
        if (!read_size(c, &view->sizes[view->rank++]))
            return false;
        bool comma = accept(c, ',');
        if (!comma && view->rank == 1)
            return expected(c, "',' of a tuple with one size");
        if (!comma) {
            if (!accept(c, ')'))
                return expected(c, "',' or ')' of the shape");
            return true;
        }
    }
    return true;
}

typedef struct entry {
    const char *key;
    bool (*read)(cursor *c, npy_view *view);
} entry;

static const entry entries[] = {
    {"descr", read_descr},
    {"fortran_order", read_fortran},
    {"shape", read_shape},
};
enum { N_ENTRIES = sizeof entries / sizeof entries[0] };

static bool read_entry(cursor *c, npy_view *view, unsigned *seen)
{
    char key[STRING_BYTES];
    if (!read_string(c, key))
        return false;
    for (unsigned i = 0; i < N_ENTRIES; i++) {
        if (strcmp(key, entries[i].key) != 0)
            continue;
        if (*seen & 1u << i)
            return cli_fail(c->error, CLI_USAGE, ".npy header: '%s' appears twice", key);
        *seen |= 1u << i;
        if (!accept(c, ':'))
            return expected(c, "':'");
        return entries[i].read(c, view);
    }
    return cli_fail(c->error, CLI_USAGE,
                    ".npy header: key '%s', expected 'descr', 'fortran_order' and 'shape'", key);
}

static bool read_dict(cursor *c, npy_view *view)
{
    unsigned seen = 0;
    if (!accept(c, '{'))
        return expected(c, "'{'");
    while (!accept(c, '}')) {
        if (!read_entry(c, view, &seen))
            return false;
        if (!accept(c, ',')) {
            if (!accept(c, '}'))
                return expected(c, "',' or '}'");
            break;
        }
    }
    skip_spaces(c);
    if (c->at != c->end)
        return expected(c, "only spaces after '}'");
    if (seen != (1u << N_ENTRIES) - 1)
        return cli_fail(c->error, CLI_USAGE,
                        ".npy header: 'descr', 'fortran_order' and 'shape' must all be there");
    return true;
}

/* ---- whole files ---------------------------------------------------------------------------- */

/* Where the header's text lies. */
static bool find_header(const unsigned char *bytes, size_t n, size_t *offset_out,
                        size_t *length_out, cli_error *error)
{
    if (!npy_is(bytes, n))
        return cli_fail(error, CLI_USAGE, "not an .npy file: the magic string is missing");
    if (n < 10)
        return cli_fail(error, CLI_USAGE, ".npy file of %zu bytes is truncated", n);
    unsigned major = bytes[6], minor = bytes[7];
    if (major < 1 || major > 3 || minor != 0)
        return cli_fail(error, CLI_USAGE, ".npy format version %u.%u, expected 1.0, 2.0 or 3.0",
                        major, minor);
    size_t offset = major == 1 ? 10 : 12;
    if (n < offset)
        return cli_fail(error, CLI_USAGE, ".npy file of %zu bytes is truncated", n);
    size_t length = (size_t)bytes[8] | (size_t)bytes[9] << 8;
    if (major > 1)
        length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (length > n - offset)
        return cli_fail(error, CLI_USAGE,
                        ".npy header of %zu bytes does not fit into the file's %zu bytes", length,
                        n);
    *offset_out = offset;
    *length_out = length;
    return true;
}

/* Bytes that the shape needs; false if they do not fit into 63 bits. */
static bool bytes_of(const npy_view *view, uint64_t *out)
{
    uint64_t bytes = conv2d_dtype_bytes(view->dtype);
    for (int i = 0; i < view->rank; i++) {
        /* A zero makes the product zero, but only after the others were looked at: a shape like
         * (2^62, 2^62, 0) is no array that NumPy can make either. */
        uint64_t size = view->sizes[i] ? (uint64_t)view->sizes[i] : 1;
        if (bytes > INT64_MAX / size)
            return false;
        bytes *= size;
    }
    for (int i = 0; i < view->rank; i++) {
        if (view->sizes[i] == 0)
            bytes = 0;
    }
    *out = bytes;
    return true;
}

bool npy_parse(const unsigned char *bytes, size_t n, npy_view *view_out, cli_error *error)
{
    size_t offset = 0, length = 0;
    if (!find_header(bytes, n, &offset, &length, error))
        return false;
    const char *text = (const char *)bytes + offset;
    cursor c = {text, text + length, text, error};
    npy_view view = {0};
    if (!read_dict(&c, &view))
        return false;
    uint64_t need;
    if (!bytes_of(&view, &need))
        return cli_fail(error, CLI_USAGE,
                        ".npy header: the shape's size does not fit into 63 bits");
    view.data_offset = offset + length;
    size_t left = n - view.data_offset;
    if (need > left)
        return cli_fail(error, CLI_USAGE,
                        ".npy file is truncated: the shape needs %" PRIu64 " bytes of data, the "
                        "file has %zu",
                        need, left);
    if (need < left)
        return cli_fail(error, CLI_USAGE,
                        ".npy file has %zu bytes after the %" PRIu64 " that the shape needs",
                        left - (size_t)need, need);
    view.data_bytes = (size_t)need;
    *view_out = view;
    return true;
}

size_t npy_header(int32_t dtype, int rank, const int64_t *sizes, char header[NPY_HEADER_MAX])
{
    enum { PREFIX = 10, ALIGNMENT = 64 };
    /* Longest: 71 characters around 4 sizes of 19 digits, below NPY_HEADER_MAX - PREFIX. */
    int n = snprintf(header + PREFIX, NPY_HEADER_MAX - PREFIX,
                     "{'descr': '%cf%zu', 'fortran_order': False, 'shape': (",
                     host_is_little() ? '<' : '>', conv2d_dtype_bytes(dtype));
    for (int i = 0; i < rank; i++)
        n += snprintf(header + PREFIX + n, (size_t)(NPY_HEADER_MAX - PREFIX - n), "%" PRId64 "%s",
                      sizes[i], rank == 1 ? "," : i + 1 < rank ? ", " : "");
    n += snprintf(header + PREFIX + n, (size_t)(NPY_HEADER_MAX - PREFIX - n), "), }");
    size_t total = ((size_t)n + 1 + PREFIX + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    memset(header + PREFIX + n, ' ', total - PREFIX - (size_t)n - 1);
    header[total - 1] = '\n';
    memcpy(header, magic, sizeof magic);
    header[6] = 1;
    header[7] = 0;
    size_t length = total - PREFIX;
    header[8] = (char)(length & 255);
    header[9] = (char)(length >> 8);
    return total;
}
