/* SPDX-License-Identifier: BSD-2-Clause
 * A strict reader of the JSON that safetensors headers are made of: objects, arrays, strings,
 * counts. The caller says what it expects next, so depth is bounded by the caller and nothing is
 * skipped. Strings are decoded in place. Nothing here allocates. */
#ifndef C2_FILE_JSON_H
#define C2_FILE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct c2_json {
    char *begin, *at, *end; /* text, writable; *end need not be readable */
    const char *expected;   /* after a failure: what should have been at `at`; NULL until then */
} c2_json;

c2_json c2_json_of(char *text, size_t n);

/* All return false after a failure, which keeps the first failure's place and reason. */

/* The character c, after white space. */
bool c2_json_take(c2_json *j, char c);
/* Inside an object or array, before each item: *more_out = there is one. first begins as true;
 * close is ']' or '}', and is taken when no item follows. */
bool c2_json_item(c2_json *j, char close, bool *first, bool *more_out);
/* A string: UTF-8 with escapes; decoded, 0-terminated, without a NUL inside. *text_out lies in the
 * text and lives as it. */
bool c2_json_string(c2_json *j, char **text_out);
/* A whole number from 0 to INT64_MAX, digits only. */
bool c2_json_count(c2_json *j, int64_t *out);
/* Nothing but spaces is left. */
bool c2_json_end(c2_json *j);

/* Bytes of the UTF-8 character at `at`, 0 if it is not one (overlong, surrogate, beyond U+10FFFF,
 * cut). */
size_t c2_utf8_length(const unsigned char *at, size_t left);

#endif
