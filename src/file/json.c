/* SPDX-License-Identifier: BSD-2-Clause
 * The strict JSON reader (json.h; RFC 8259). */
#include "file/json.h"

c2_json c2_json_of(char *text, size_t n)
{
    return (c2_json){text, text, text + n, NULL};
}

static bool fail(c2_json *j, char *at, const char *expected)
{
    if (!j->expected) {
        j->at = at;
        j->expected = expected;
    }
    return false;
}

static void skip_space(c2_json *j)
{
    while (j->at < j->end && (*j->at == ' ' || *j->at == '\n' || *j->at == '\t' || *j->at == '\r'))
        j->at++;
}

/* Names of the characters that can be expected, for sentences. */
static const char *named(char c)
{
    static const char *const names[] = {"'{'", "'}'", "'['", "']'", "':'", "','"};
    static const char chars[] = "{}[]:,";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (chars[i] == c)
            return names[i];
    return "another character";
}

bool c2_json_take(c2_json *j, char c)
{
    if (j->expected)
        return false;
    skip_space(j);
    if (j->at == j->end || *j->at != c)
        return fail(j, j->at, named(c));
    j->at++;
    return true;
}

bool c2_json_item(c2_json *j, char close, bool *first, bool *more_out)
{
    if (j->expected)
        return false;
    skip_space(j);
    if (j->at < j->end && *j->at == close) {
        j->at++;
        *more_out = false;
        return true;
    }
    *more_out = true;
    if (*first)
        return *first = false, true;
    if (j->at == j->end || *j->at != ',')
        return fail(j, j->at, close == '}' ? "',' or '}'" : "',' or ']'");
    j->at++;
    skip_space(j);
    if (j->at < j->end && *j->at == close)
        return fail(j, j->at, "an item after ','");
    return true;
}

size_t c2_utf8_length(const unsigned char *at, size_t left)
{
    static const struct {
        unsigned char lead, mask;
        size_t length;
        uint32_t least; /* smaller ones have a shorter form */
    } forms[] = {{0x00, 0x80, 1, 0},
                 {0xC0, 0xE0, 2, 0x80},
                 {0xE0, 0xF0, 3, 0x800},
                 {0xF0, 0xF8, 4, 0x10000}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms && left; i++) {
        if ((*at & forms[i].mask) != forms[i].lead)
            continue;
        if (forms[i].length > left)
            return 0;
        uint32_t c = *at & (unsigned char)~forms[i].mask;
        for (size_t k = 1; k < forms[i].length; k++) {
            if ((at[k] & 0xC0) != 0x80)
                return 0;
            c = c << 6 | (at[k] & 0x3F);
        }
        const bool surrogate = c >= 0xD800 && c <= 0xDFFF;
        return c >= forms[i].least && c <= 0x10FFFF && !surrogate ? forms[i].length : 0;
    }
    return 0;
}

/* Four hexadecimal digits at *at, which moves behind them. */
static bool hex4(const c2_json *j, char **at, uint32_t *out)
{
    uint32_t value = 0;
    if (j->end - *at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        const char c = (*at)[i];
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0)
            return false;
        value = value << 4 | (uint32_t)digit;
    }
    *at += 4;
    *out = value;
    return true;
}

static char *put_utf8(char *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (char)c;
        return to;
    }
    const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char leads[] = {0, 0xC0, 0xE0, 0xF0};
    *to++ = (char)(leads[more] | c >> 6 * more);
    for (int i = more - 1; i >= 0; i--)
        *to++ = (char)(0x80 | (c >> 6 * i & 0x3F));
    return to;
}

/* What follows a backslash; *at is behind it. The decoded form is never longer. */
static bool escape(c2_json *j, char **at, char **to)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    char *const start = *at;
    if (*at == j->end)
        return fail(j, *at, "an escape");
    const char c = *(*at)++;
    for (size_t i = 0; i < sizeof letters - 1; i++) {
        if (letters[i] == c) {
            *(*to)++ = meant[i];
            return true;
        }
    }
    uint32_t code, low;
    if (c != 'u' || !hex4(j, at, &code) || code == 0)
        return fail(j, start, "an escape (\\u0000 is none)");
    if (code >= 0xD800 && code <= 0xDFFF) {
        if (code >= 0xDC00 || j->end - *at < 2 || (*at)[0] != '\\' || (*at)[1] != 'u')
            return fail(j, start, "a pair of surrogates");
        *at += 2;
        if (!hex4(j, at, &low) || low < 0xDC00 || low > 0xDFFF)
            return fail(j, start, "a pair of surrogates");
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    *to = put_utf8(*to, code);
    return true;
}

bool c2_json_string(c2_json *j, char **text_out)
{
    if (j->expected)
        return false;
    skip_space(j);
    if (j->at == j->end || *j->at != '"')
        return fail(j, j->at, "a string");
    char *at = j->at + 1, *const text = at, *to = at;
    while (at < j->end && *at != '"') {
        if (*at == '\\') {
            at++;
            if (!escape(j, &at, &to))
                return false;
            continue;
        }
        const size_t n = c2_utf8_length((const unsigned char *)at, (size_t)(j->end - at));
        if (n == 0 || (unsigned char)*at < 0x20)
            return fail(j, at, "UTF-8 without control characters");
        for (size_t i = 0; i < n; i++)
            *to++ = *at++;
    }
    if (at == j->end)
        return fail(j, at, "'\"'");
    *to = '\0'; /* at most where the closing quote was */
    j->at = at + 1;
    *text_out = text;
    return true;
}

bool c2_json_count(c2_json *j, int64_t *out)
{
    if (j->expected)
        return false;
    skip_space(j);
    char *at = j->at;
    int64_t value = 0;
    while (at < j->end && *at >= '0' && *at <= '9') {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *at - '0', &value))
            return fail(j, j->at, "a number below 2^63");
        at++;
    }
    if (at == j->at || (*j->at == '0' && at > j->at + 1))
        return fail(j, j->at, "a whole number");
    j->at = at;
    *out = value;
    return true;
}

bool c2_json_end(c2_json *j)
{
    if (j->expected)
        return false;
    while (j->at < j->end && *j->at == ' ')
        j->at++;
    return j->at == j->end || fail(j, j->at, "nothing but spaces after the header's '}'");
}
