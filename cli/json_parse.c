/* SPDX-License-Identifier: BSD-2-Clause
 * Reading JSON (json.h): RFC 8259 and no more, valid UTF-8, no key twice, no \u0000, integers of 64
 * bits, at most JSON_DEPTH levels. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

typedef struct reader {
    const char *text;
    size_t n, at;
    char *scratch; /* of n + 1 bytes: no text is longer than its source */
    json_problem *problem;
} reader;

static json_t *parse_value(reader *r, int depth);

static json_t *fail(reader *r, const char *why)
{
    if (!r->problem->text[0]) {
        snprintf(r->problem->text, sizeof r->problem->text, "%s", why);
        r->problem->at = r->at;
    }
    return NULL;
}

/* The next byte, '\0' at the end (a zero in the text is no JSON anywhere). */
static char peek(const reader *r)
{
    return r->at < r->n ? r->text[r->at] : '\0';
}

static char skip_space(reader *r)
{
    while (r->at < r->n && strchr(" \t\r\n", r->text[r->at]) && r->text[r->at])
        r->at++;
    return peek(r);
}

static bool take(reader *r, char wanted)
{
    if (peek(r) != wanted)
        return false;
    r->at++;
    return true;
}

/* ---- strings -------------------------------------------------------------------------------- */

/* Four hexadecimal digits, -1 if they are none. */
static long read_hex(reader *r)
{
    long value = 0;
    for (int i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char c = peek(r);
        const char *found = c ? strchr(digits, c) : NULL;
        if (!found)
            return -1;
        value = value * 16 + (found - digits) % 16;
        r->at++;
    }
    return value;
}

/* After "\u": one code point as UTF-8; false if it is none, or zero. */
static bool read_code_point(reader *r, size_t *n)
{
    long c = read_hex(r);
    if (c >= 0xd800 && c < 0xdc00) {
        const long low = take(r, '\\') && take(r, 'u') ? read_hex(r) : -1;
        if (low < 0xdc00 || low > 0xdfff)
            return false;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    } else if (c <= 0 || (c >= 0xdc00 && c <= 0xdfff)) {
        return false;
    }
    char *out = r->scratch + *n;
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
    } else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
    }
    if (c >= 0x80)
        *out++ = (char)(0x80 | (c & 0x3f));
    *n = (size_t)(out - r->scratch);
    return true;
}

static bool read_escape(reader *r, size_t *n)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char c = peek(r);
    const char *found = c ? strchr(letters, c) : NULL;
    if (c == 'u') {
        r->at++;
        return read_code_point(r, n);
    }
    if (!found)
        return false;
    r->at++;
    r->scratch[(*n)++] = meanings[found - letters];
    return true;
}

/* A string into the scratch, closed by a 0; what else is in there is gone. */
static bool read_string(reader *r)
{
    size_t n = 0;
    if (!take(r, '"'))
        return fail(r, "a string was expected"), false;
    while (!take(r, '"')) {
        if (take(r, '\\')) {
            if (!read_escape(r, &n))
                return fail(r, "this escape is not allowed"), false;
            continue;
        }
        if (r->at >= r->n)
            return fail(r, "the text ends in a string"), false;
        if ((unsigned char)r->text[r->at] < 0x20)
            return fail(r, "a control character in a string"), false;
        const size_t bytes = json_utf8_bytes(r->text + r->at, r->n - r->at);
        if (!bytes)
            return fail(r, "invalid UTF-8"), false;
        memcpy(r->scratch + n, r->text + r->at, bytes);
        n += bytes;
        r->at += bytes;
    }
    r->scratch[n] = '\0';
    return true;
}

/* ---- numbers and words ---------------------------------------------------------------------- */

static bool skip_digits(reader *r)
{
    const size_t begin = r->at;
    while (peek(r) >= '0' && peek(r) <= '9')
        r->at++;
    return r->at > begin;
}

static json_t *parse_number(reader *r)
{
    const size_t begin = r->at;
    bool is_real = false;
    take(r, '-');
    if (!take(r, '0') && !skip_digits(r))
        return fail(r, "a value was expected");
    if (take(r, '.')) {
        is_real = true;
        if (!skip_digits(r))
            return fail(r, "a digit was expected");
    }
    if (take(r, 'e') || take(r, 'E')) {
        is_real = true;
        if (!take(r, '-'))
            take(r, '+');
        if (!skip_digits(r))
            return fail(r, "a digit was expected");
    }
    memcpy(r->scratch, r->text + begin, r->at - begin);
    r->scratch[r->at - begin] = '\0';
    errno = 0;
    if (!is_real) {
        const json_int_t value = strtoll(r->scratch, NULL, 10);
        return errno ? fail(r, "an integer is too large") : json_integer(value);
    }
    const double value = strtod(r->scratch, NULL);
    return isfinite(value) ? json_real(value) : fail(r, "a number is too large");
}

static json_t *parse_word(reader *r)
{
    static const char *const words[] = {"true", "false", "null"};
    for (int i = 0; i < 3; i++) {
        const size_t n = strlen(words[i]);
        if (r->n - r->at < n || memcmp(r->text + r->at, words[i], n) != 0)
            continue;
        r->at += n;
        return i < 2 ? json_boolean(i == 0) : json_null();
    }
    return parse_number(r);
}

/* ---- containers ----------------------------------------------------------------------------- */

static bool parse_member(reader *r, json_t *object, int depth)
{
    if (!read_string(r))
        return false;
    char *key = strdup(r->scratch);
    if (!key)
        return fail(r, "out of memory"), false;
    skip_space(r);
    json_t *value = take(r, ':') ? parse_value(r, depth) : fail(r, "':' was expected");
    const bool is_new = !json_object_get(object, key);
    bool ok = value && is_new;
    if (ok && !json_object_set_new(object, key, value))
        ok = (fail(r, "out of memory"), false);
    else if (!ok) {
        json_decref(value);
        if (!is_new)
            fail(r, "a duplicate key");
    }
    free(key);
    return ok;
}

static bool parse_element(reader *r, json_t *array, int depth)
{
    json_t *value = parse_value(r, depth);
    if (!value)
        return false;
    return json_array_append_new(array, value) || (fail(r, "out of memory"), false);
}

static json_t *parse_members(reader *r, bool is_object, int depth)
{
    const char close = is_object ? '}' : ']';
    json_t *all = is_object ? json_object() : json_array();
    bool ok = all && depth < JSON_DEPTH;
    if (!ok)
        fail(r, all ? "nested beyond the depth of 64" : "out of memory");
    r->at++;
    skip_space(r);
    if (ok && take(r, close))
        return all;
    while (ok) {
        skip_space(r);
        ok = is_object ? parse_member(r, all, depth + 1) : parse_element(r, all, depth + 1);
        if (!ok)
            break;
        skip_space(r);
        if (take(r, close))
            return all;
        if (!take(r, ','))
            ok =
                (fail(r, is_object ? "',' or '}' was expected" : "',' or ']' was expected"), false);
    }
    json_decref(all);
    return NULL;
}

static json_t *parse_value(reader *r, int depth)
{
    const char c = skip_space(r);
    if (c == '{' || c == '[')
        return parse_members(r, c == '{', depth);
    json_t *value = NULL;
    if (c == '"') {
        if (read_string(r))
            value = json_string(r->scratch);
    } else {
        value = parse_word(r);
    }
    return value ? value : fail(r, "out of memory");
}

json_t *json_parse(const char *bytes, size_t n, json_problem *problem_out)
{
    *problem_out = (json_problem){"", 0};
    reader r = {bytes, n, 0, malloc(n + 1), problem_out};
    json_t *value = r.scratch ? parse_value(&r, 0) : fail(&r, "out of memory");
    if (value && (skip_space(&r), r.at < n)) {
        fail(&r, "something follows the value");
        json_decref(value);
        value = NULL;
    }
    free(r.scratch);
    return value;
}
