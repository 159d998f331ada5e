/* SPDX-License-Identifier: BSD-2-Clause
 * Netpbm's binary pictures: PGM (P5), PPM (P6), PFM (Pf, PF). One picture a file: more bytes than
 * it needs are refused. 16-bit samples are big-endian, PFM rows run from the bottom up. */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "picture.h"

typedef struct reader {
    const unsigned char *bytes;
    size_t n, at;
    const char *format;
    cli_error *error;
} reader;

static bool is_kind(const unsigned char *bytes, size_t n, char kind)
{
    return n >= 3 && bytes[0] == 'P' && bytes[1] == (unsigned char)kind && isspace(bytes[2]);
}

static bool is_pgm(const unsigned char *bytes, size_t n)
{
    return is_kind(bytes, n, '5');
}

static bool is_ppm(const unsigned char *bytes, size_t n)
{
    return is_kind(bytes, n, '6');
}

static bool is_pfm(const unsigned char *bytes, size_t n)
{
    return is_kind(bytes, n, 'f') || is_kind(bytes, n, 'F');
}

/* The next token of the header, after white space and # comments. */
static bool read_token(reader *r, const char *what, char *token, size_t capacity)
{
    while (r->at < r->n && (isspace(r->bytes[r->at]) || r->bytes[r->at] == '#')) {
        if (r->bytes[r->at] != '#') {
            r->at++;
            continue;
        }
        while (r->at < r->n && r->bytes[r->at] != '\n')
            r->at++;
    }
    size_t length = 0;
    while (r->at < r->n && !isspace(r->bytes[r->at]) && length + 1 < capacity)
        token[length++] = (char)r->bytes[r->at++];
    token[length] = '\0';
    if (length == 0 || r->at == r->n || !isspace(r->bytes[r->at]))
        return cli_fail(r->error, CLI_USAGE, "%s header: %s is missing or too long", r->format,
                        what);
    return true;
}

static bool read_number(reader *r, const char *what, int64_t most, int64_t *out)
{
    char token[16];
    if (!read_token(r, what, token, sizeof token))
        return false;
    int64_t value = 0;
    for (const char *c = token; *c; c++) {
        if (*c < '0' || *c > '9')
            return cli_fail(r->error, CLI_USAGE, "%s header: %s is '%s', expected 1 to %" PRId64,
                            r->format, what, token, most);
        value = value * 10 + (*c - '0'); /* at most 15 digits */
    }
    if (value < 1 || value > most)
        return cli_fail(r->error, CLI_USAGE, "%s header: %s is '%s', expected 1 to %" PRId64,
                        r->format, what, token, most);
    *out = value;
    return true;
}

/* One white-space byte ends the header; then exactly n_bytes must follow. */
static bool end_header(reader *r, uint64_t n_bytes)
{
    r->at++;
    uint64_t left = r->n - r->at;
    if (left < n_bytes)
        return cli_fail(r->error, CLI_USAGE,
                        "%s is truncated: %" PRIu64 " bytes of pixels needed, %" PRIu64 " there",
                        r->format, n_bytes, left);
    if (left > n_bytes)
        return cli_fail(r->error, CLI_USAGE, "%s has %" PRIu64 " bytes after its pixels", r->format,
                        left - n_bytes);
    return true;
}

static bool decode_integer(const unsigned char *bytes, size_t n, cli_picture *out,
                           cli_error *error)
{
    bool color = bytes[1] == '6';
    reader r = {bytes, n, 2, color ? "PPM" : "PGM", error};
    cli_picture p = {.channels = color ? 3 : 1};
    int64_t most;
    if (!read_number(&r, "width", PICTURE_MAX_SIDE, &p.width) ||
        !read_number(&r, "height", PICTURE_MAX_SIDE, &p.height) ||
        !read_number(&r, "maximum", 65535, &most))
        return false;
    uint64_t samples = (uint64_t)p.width * (uint64_t)p.height * (uint64_t)p.channels;
    p.depth = most > 255 ? 16 : 8;
    if (!end_header(&r, samples * (uint64_t)p.depth / 8) || !picture_allocate(&p, r.format, error))
        return false;
    const unsigned char *from = bytes + r.at;
    uint64_t full = p.depth == 16 ? 65535 : 255;
    for (size_t i = 0; i < samples; i++) {
        uint64_t v = p.depth == 16 ? (uint64_t)from[2 * i] << 8 | from[2 * i + 1] : from[i];
        if (v > (uint64_t)most) {
            picture_free(&p);
            return cli_fail(error, CLI_USAGE, "%s: sample %" PRIu64 " above the maximum %" PRId64,
                            r.format, v, most);
        }
        v = (v * full + (uint64_t)most / 2) / (uint64_t)most;
        if (p.depth == 16)
            ((uint16_t *)p.pixels)[i] = (uint16_t)v;
        else
            ((uint8_t *)p.pixels)[i] = (uint8_t)v;
    }
    *out = p;
    return true;
}

static float load_float(const unsigned char *b, bool little)
{
    uint32_t v = little ? (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0]
                        : (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    float f;
    memcpy(&f, &v, sizeof f);
    return f;
}

static bool decode_float(const unsigned char *bytes, size_t n, cli_picture *out, cli_error *error)
{
    reader r = {bytes, n, 2, "PFM", error};
    cli_picture p = {.channels = bytes[1] == 'F' ? 3 : 1, .depth = 32};
    char token[32];
    if (!read_number(&r, "width", PICTURE_MAX_SIDE, &p.width) ||
        !read_number(&r, "height", PICTURE_MAX_SIDE, &p.height) ||
        !read_token(&r, "scale", token, sizeof token))
        return false;
    char *end;
    double scale = strtod(token, &end);
    if (*end != '\0' || !isfinite(scale) || scale == 0)
        return cli_fail(error, CLI_USAGE, "PFM header: scale is '%s', expected a number but 0",
                        token);
    size_t row = (size_t)p.width * (size_t)p.channels;
    if (!end_header(&r, (uint64_t)row * (uint64_t)p.height * 4) ||
        !picture_allocate(&p, r.format, error))
        return false;
    float *to = p.pixels;
    for (int64_t y = 0; y < p.height; y++) {
        const unsigned char *from = bytes + r.at + (size_t)(p.height - 1 - y) * row * 4;
        for (size_t i = 0; i < row; i++)
            *to++ = load_float(from + 4 * i, scale < 0);
    }
    *out = p;
    return true;
}

/* Header text and room for n_pixels bytes after it. */
static unsigned char *begin_file(const char *header, size_t n_pixels, size_t *n_out,
                                 cli_error *error)
{
    size_t n = strlen(header);
    unsigned char *bytes = malloc(n + n_pixels);
    if (!bytes) {
        cli_fail(error, CLI_FAILED, "no memory for a picture of %zu bytes", n_pixels);
        return NULL;
    }
    memcpy(bytes, header, n);
    *n_out = n + n_pixels;
    return bytes;
}

static bool encode_integer(const cli_picture *p, unsigned char **bytes_out, size_t *n_out,
                           cli_error *error)
{
    char header[64];
    snprintf(header, sizeof header, "P%c\n%" PRId64 " %" PRId64 "\n%d\n",
             p->channels == 3 ? '6' : '5', p->width, p->height, p->depth == 16 ? 65535 : 255);
    size_t samples = (size_t)p->width * (size_t)p->height * (size_t)p->channels;
    unsigned char *bytes = begin_file(header, samples * (size_t)p->depth / 8, n_out, error);
    if (!bytes)
        return false;
    unsigned char *to = bytes + strlen(header);
    if (p->depth == 8) {
        memcpy(to, p->pixels, samples);
    } else {
        const uint16_t *from = p->pixels;
        for (size_t i = 0; i < samples; i++) {
            *to++ = (unsigned char)(from[i] >> 8);
            *to++ = (unsigned char)(from[i] & 255);
        }
    }
    *bytes_out = bytes;
    return true;
}

static bool encode_float(const cli_picture *p, unsigned char **bytes_out, size_t *n_out,
                         cli_error *error)
{
    char header[64];
    snprintf(header, sizeof header, "P%c\n%" PRId64 " %" PRId64 "\n-1.0\n",
             p->channels == 3 ? 'F' : 'f', p->width, p->height);
    size_t row = (size_t)p->width * (size_t)p->channels;
    unsigned char *bytes = begin_file(header, row * (size_t)p->height * 4, n_out, error);
    if (!bytes)
        return false;
    unsigned char *to = bytes + strlen(header);
    for (int64_t y = p->height - 1; y >= 0; y--) {
        const float *from = (const float *)p->pixels + (size_t)y * row;
        for (size_t i = 0; i < row; i++) {
            uint32_t v;
            memcpy(&v, &from[i], sizeof v);
            for (int k = 0; k < 4; k++)
                *to++ = (unsigned char)(v >> 8 * k & 255);
        }
    }
    *bytes_out = bytes;
    return true;
}

const picture_format picture_pgm = {
    "PGM", {".pgm"}, true, false, false, 16, is_pgm, decode_integer, encode_integer,
};
const picture_format picture_ppm = {
    "PPM", {".ppm"}, false, true, false, 16, is_ppm, decode_integer, encode_integer,
};
const picture_format picture_pfm = {
    "PFM", {".pfm"}, true, true, false, 32, is_pfm, decode_float, encode_float,
};
