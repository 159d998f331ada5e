/* SPDX-License-Identifier: BSD-2-Clause
 * JSON by jansson. Where that library is missing (a cross build, or whoever does without), no value
 * is ever there: options refuse --json (report_possible()), readers refuse safetensors files, and
 * what builds a report on the way builds nothing. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#ifdef CLI_HAVE_JSON
#include <jansson.h>
#else

#include <stdbool.h>
#include <stddef.h>

#define CLI_NO_JSON "this build has no JSON: the library jansson was not there"

typedef struct json_t json_t;
typedef long long json_int_t;

typedef struct json_error_t {
    char text[80];
    int position;
} json_error_t;

#define JSON_INTEGER_FORMAT "lld"
#define JSON_INDENT(n) 0
#define JSON_REAL_PRECISION(n) 0
enum { JSON_COMPACT = 0, JSON_ENCODE_ANY = 0, JSON_REJECT_DUPLICATES = 0 };
#define json_object_foreach(object, key, value) \
    for ((key) = NULL, (value) = NULL; json_none(object, key, value);)
#define json_array_foreach(array, i, value) \
    for ((i) = 0, (value) = NULL; json_none(array, NULL, value); (i)++)

static inline bool json_none(const json_t *container, const char *key, const json_t *value)
{
    return (void)container, (void)key, (void)value, false;
}

static inline json_t *json_object(void) { return NULL; }
static inline json_t *json_array(void) { return NULL; }
static inline json_t *json_string(const char *text) { return (void)text, NULL; }
static inline json_t *json_integer(json_int_t number) { return (void)number, NULL; }
static inline json_t *json_real(double number) { return (void)number, NULL; }
static inline json_t *json_boolean(bool truth) { return (void)truth, NULL; }
static inline json_t *json_null(void) { return NULL; }
static inline json_t *json_loadb(const char *text, size_t n, int flags, json_error_t *error)
{
    (void)text, (void)n, (void)flags;
    *error = (json_error_t){CLI_NO_JSON, 0};
    return NULL;
}
static inline char *json_dumps(const json_t *value, int flags)
{
    return (void)value, (void)flags, NULL;
}
static inline json_t *json_incref(json_t *value) { return value; }
static inline void json_decref(json_t *value) { (void)value; }
static inline void json_object_set_new(json_t *object, const char *key, json_t *value)
{
    (void)object, (void)key, (void)value;
}
static inline void json_array_append_new(json_t *array, json_t *value)
{
    (void)array, (void)value;
}
static inline json_t *json_object_get(const json_t *object, const char *key)
{
    return (void)object, (void)key, NULL;
}
static inline json_t *json_array_get(const json_t *array, size_t i)
{
    return (void)array, (void)i, NULL;
}
static inline size_t json_object_size(const json_t *object) { return (void)object, 0; }
static inline size_t json_array_size(const json_t *array) { return (void)array, 0; }
static inline json_int_t json_integer_value(const json_t *value) { return (void)value, 0; }
static inline const char *json_string_value(const json_t *value) { return (void)value, NULL; }
static inline bool json_is_object(const json_t *value) { return (void)value, false; }
static inline bool json_is_array(const json_t *value) { return (void)value, false; }
static inline bool json_is_integer(const json_t *value) { return (void)value, false; }
static inline bool json_is_string(const json_t *value) { return (void)value, false; }
static inline bool json_is_true(const json_t *value) { return (void)value, false; }
static inline bool json_is_null(const json_t *value) { return (void)value, false; }

#endif
#endif
