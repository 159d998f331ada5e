/* SPDX-License-Identifier: BSD-2-Clause
 * JSON values: made, read from bytes that nobody vouches for (RFC 8259, strictly), and written. A
 * value is counted: who makes one or takes a reference gives it back with json_decref(). Functions
 * take NULL for a value that could not be made, so that a chain of them needs one check. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>

typedef struct json_t json_t;
typedef long long json_int_t;

/* A new value, or NULL without memory; json_string() also if the text is no UTF-8. */
json_t *json_object(void);
json_t *json_array(void);
json_t *json_string(const char *text);
json_t *json_integer(json_int_t value);
json_t *json_real(double value); /* finite */
json_t *json_boolean(bool value);
json_t *json_null(void);
json_t *json_incref(json_t *value); /* gives value */
void json_decref(json_t *value);

/* Put a value at the end; its reference is taken, whether it can be done or not. A key that is
 * there already is refused. */
bool json_object_set_new(json_t *object, const char *key, json_t *value);
bool json_array_append_new(json_t *array, json_t *value);

bool json_is_object(const json_t *value);
bool json_is_array(const json_t *value);
bool json_is_string(const json_t *value);
bool json_is_integer(const json_t *value);
bool json_is_null(const json_t *value);
bool json_is_true(const json_t *value);
const char *json_string_value(const json_t *value);    /* NULL if it is none */
json_int_t json_integer_value(const json_t *value);    /* 0 if it is none */
size_t json_array_size(const json_t *array);           /* 0 if it is none, as below */
json_t *json_array_get(const json_t *array, size_t i); /* NULL past the last */
size_t json_object_size(const json_t *object);
json_t *json_object_get(const json_t *object, const char *key);
/* Member i in the order in which they were put; NULL past the last. */
json_t *json_object_at(const json_t *object, size_t i, const char **key_out);

/* The text, for people (indented by two) or on one line; given (free), NULL without memory. */
char *json_text(const json_t *value, bool indented);

/* json_parse.c: a value of n bytes. NULL with a sentence and the byte where it went wrong. */
enum { JSON_WHY_BYTES = 80, JSON_DEPTH = 64 };
typedef struct json_problem {
    char text[JSON_WHY_BYTES];
    size_t at;
} json_problem;
json_t *json_parse(const char *bytes, size_t n, json_problem *problem_out);

/* Bytes of the UTF-8 sequence at text (n bytes are there, at least one), 0 if it is none. */
size_t json_utf8_bytes(const char *text, size_t n);

#endif
