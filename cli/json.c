/* SPDX-License-Identifier: BSD-2-Clause
 * JSON values and their text (json.h). Members of an object are found by a hash table over the list
 * of them, so that a header with very many is read in proportion to its size. */
#include "json.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum json_kind {
    JSON_OBJECT,
    JSON_ARRAY,
    JSON_STRING,
    JSON_INTEGER,
    JSON_REAL,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL
} json_kind;

typedef struct member {
    char *key; /* NULL in an array */
    json_t *value;
} member;

struct json_t {
    json_kind kind;
    int references;
    json_int_t integer;
    double real;
    char *text;
    member *members;
    size_t n, capacity;
    uint32_t *slots; /* of objects: 1 + index of a member, 0 = free; 2 * capacity of them */
};

/* ---- values --------------------------------------------------------------------------------- */

static json_t *make(json_kind kind)
{
    json_t *value = calloc(1, sizeof *value);
    if (value) {
        value->kind = kind;
        value->references = 1;
    }
    return value;
}

json_t *json_object(void)
{
    return make(JSON_OBJECT);
}

json_t *json_array(void)
{
    return make(JSON_ARRAY);
}

size_t json_utf8_bytes(const char *text, size_t n)
{
    const unsigned char *b = (const unsigned char *)text;
    const size_t length = b[0] < 0x80   ? 1
                          : b[0] < 0xc2 ? 0
                          : b[0] < 0xe0 ? 2
                          : b[0] < 0xf0 ? 3
                          : b[0] < 0xf5 ? 4
                                        : 0;
    if (length > n)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((b[i] & 0xc0) != 0x80)
            return 0;
    if (length < 3)
        return length;
    /* the shortest form, no surrogates, nothing above U+10FFFF */
    const unsigned first = (unsigned)b[0] << 8 | b[1];
    const bool bad = first < 0xe0a0 || (first >= 0xeda0 && first < 0xee00) ||
                     (first >= 0xf000 && first < 0xf090) || first >= 0xf490;
    return bad ? 0 : length;
}

json_t *json_string(const char *text)
{
    size_t n = strlen(text), step;
    for (size_t i = 0; i < n; i += step)
        if ((step = json_utf8_bytes(text + i, n - i)) == 0)
            return NULL;
    json_t *value = make(JSON_STRING);
    if (value && (value->text = strdup(text)) == NULL) {
        free(value);
        return NULL;
    }
    return value;
}

json_t *json_integer(json_int_t number)
{
    json_t *value = make(JSON_INTEGER);
    if (value)
        value->integer = number;
    return value;
}

json_t *json_real(double number)
{
    json_t *value = make(JSON_REAL);
    if (value)
        value->real = number;
    return value;
}

json_t *json_boolean(bool truth)
{
    return make(truth ? JSON_TRUE : JSON_FALSE);
}

json_t *json_null(void)
{
    return make(JSON_NULL);
}

json_t *json_incref(json_t *value)
{
    if (value)
        value->references++;
    return value;
}

void json_decref(json_t *value)
{
    if (!value || --value->references)
        return;
    for (size_t i = 0; i < value->n; i++) {
        free(value->members[i].key);
        json_decref(value->members[i].value);
    }
    free(value->members);
    free(value->slots);
    free(value->text);
    free(value);
}

/* ---- members -------------------------------------------------------------------------------- */

/* The slot of a key, or the free one where it belongs; capacity is a power of two. */
static uint32_t *find_slot(const json_t *object, const char *key)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (const char *c = key; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
    const size_t mask = 2 * object->capacity - 1;
    size_t i = (size_t)(hash ^ hash >> 32) & mask;
    while (object->slots[i] && strcmp(object->members[object->slots[i] - 1].key, key) != 0)
        i = (i + 1) & mask;
    return &object->slots[i];
}

/* Room for one more. */
static bool grow(json_t *value)
{
    if (value->n < value->capacity)
        return true;
    const size_t capacity = value->capacity ? 2 * value->capacity : 4;
    member *members = realloc(value->members, capacity * sizeof *members);
    if (!members)
        return false;
    value->members = members;
    if (value->kind == JSON_OBJECT) {
        uint32_t *slots = calloc(2 * capacity, sizeof *slots);
        if (!slots)
            return false;
        free(value->slots);
        value->slots = slots;
    }
    value->capacity = capacity;
    for (size_t i = 0; value->kind == JSON_OBJECT && i < value->n; i++)
        *find_slot(value, members[i].key) = (uint32_t)i + 1;
    return true;
}

bool json_object_set_new(json_t *object, const char *key, json_t *value)
{
    char *copy = NULL;
    if (!value || !json_is_object(object) || object->n >= UINT32_MAX / 4 || !grow(object) ||
        *find_slot(object, key) || (copy = strdup(key)) == NULL) {
        json_decref(value);
        return false;
    }
    *find_slot(object, key) = (uint32_t)object->n + 1;
    object->members[object->n++] = (member){copy, value};
    return true;
}

bool json_array_append_new(json_t *array, json_t *value)
{
    if (!value || !json_is_array(array) || !grow(array)) {
        json_decref(value);
        return false;
    }
    array->members[array->n++] = (member){NULL, value};
    return true;
}

/* ---- asking --------------------------------------------------------------------------------- */

static bool is(const json_t *value, json_kind kind)
{
    return value && value->kind == kind;
}

bool json_is_object(const json_t *value)
{
    return is(value, JSON_OBJECT);
}

bool json_is_array(const json_t *value)
{
    return is(value, JSON_ARRAY);
}

bool json_is_string(const json_t *value)
{
    return is(value, JSON_STRING);
}

bool json_is_integer(const json_t *value)
{
    return is(value, JSON_INTEGER);
}

bool json_is_null(const json_t *value)
{
    return is(value, JSON_NULL);
}

bool json_is_true(const json_t *value)
{
    return is(value, JSON_TRUE);
}

const char *json_string_value(const json_t *value)
{
    return json_is_string(value) ? value->text : NULL;
}

json_int_t json_integer_value(const json_t *value)
{
    return json_is_integer(value) ? value->integer : 0;
}

size_t json_array_size(const json_t *array)
{
    return json_is_array(array) ? array->n : 0;
}

json_t *json_array_get(const json_t *array, size_t i)
{
    return i < json_array_size(array) ? array->members[i].value : NULL;
}

size_t json_object_size(const json_t *object)
{
    return json_is_object(object) ? object->n : 0;
}

json_t *json_object_get(const json_t *object, const char *key)
{
    if (json_object_size(object) == 0)
        return NULL;
    const uint32_t slot = *find_slot(object, key);
    return slot ? object->members[slot - 1].value : NULL;
}

json_t *json_object_at(const json_t *object, size_t i, const char **key_out)
{
    if (i >= json_object_size(object))
        return NULL;
    *key_out = object->members[i].key;
    return object->members[i].value;
}

/* ---- text ----------------------------------------------------------------------------------- */

typedef struct writer {
    char *text;
    size_t n, capacity;
    bool failed, indented;
} writer;

static void put(writer *w, const char *text, size_t n)
{
    if (w->failed || w->capacity - w->n <= n) {
        const size_t capacity = 2 * w->capacity + n + 64;
        char *more = w->failed ? NULL : realloc(w->text, capacity);
        w->failed = !more;
        if (!more)
            return;
        w->text = more;
        w->capacity = capacity;
    }
    memcpy(w->text + w->n, text, n);
    w->n += n;
    w->text[w->n] = '\0';
}

static void put_text(writer *w, const char *text)
{
    put(w, text, strlen(text));
}

static void put_string(writer *w, const char *text)
{
    put(w, "\"", 1);
    for (; *text; text++) {
        char escaped[8];
        if (*text == '"' || *text == '\\')
            put(w, "\\", 1);
        if ((unsigned char)*text >= 0x20) {
            put(w, text, 1);
            continue;
        }
        snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)*text);
        put_text(w, escaped);
    }
    put(w, "\"", 1);
}

static void put_line(writer *w, int depth)
{
    if (!w->indented)
        return;
    put(w, "\n", 1);
    for (int i = 0; i < depth; i++)
        put(w, "  ", 2);
}

/* Nine digits; with a point or an exponent, so that it is read as a real number again. */
static void put_real(writer *w, double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.9g", value);
    put_text(w, text);
    if (!strpbrk(text, ".en"))
        put_text(w, ".0");
}

static void put_value(writer *w, const json_t *value, int depth)
{
    static const char *const words[] = {
        [JSON_TRUE] = "true", [JSON_FALSE] = "false", [JSON_NULL] = "null"};
    const bool is_object = value->kind == JSON_OBJECT;
    char number[32];
    switch (value->kind) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        put(w, is_object ? "{" : "[", 1);
        for (size_t i = 0; i < value->n; i++) {
            if (i)
                put(w, ",", 1);
            put_line(w, depth + 1);
            if (is_object) {
                put_string(w, value->members[i].key);
                put_text(w, w->indented ? ": " : ":");
            }
            put_value(w, value->members[i].value, depth + 1);
        }
        if (value->n)
            put_line(w, depth);
        put(w, is_object ? "}" : "]", 1);
        break;
    case JSON_STRING:
        put_string(w, value->text);
        break;
    case JSON_INTEGER:
        snprintf(number, sizeof number, "%lld", value->integer);
        put_text(w, number);
        break;
    case JSON_REAL:
        put_real(w, value->real);
        break;
    default:
        put_text(w, words[value->kind]);
    }
}

char *json_text(const json_t *value, bool indented)
{
    writer w = {.indented = indented};
    if (!value)
        return NULL;
    put_value(&w, value, 0);
    if (w.failed) {
        free(w.text);
        return NULL;
    }
    return w.text;
}
