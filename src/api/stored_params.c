/* SPDX-License-Identifier: BSD-2-Clause
 * The parameters of a context in a file: "weights=0 stride=1,1 ... algorithm=", always all of them
 * and in this order. Doubles are the 16 hexadecimal digits of their bits, which no locale changes.
 * Values are not judged here: c2_check_params() does that for files as for callers. */
#include <inttypes.h>
#include <string.h>

#include "api/stored.h"

typedef enum kind { WHOLE64, WHOLE32, BITS64 } kind;

static const struct {
    const char *name;
    kind kind;
    int n;
    size_t offset;
} fields[] = {
    {"stride", WHOLE64, 2, offsetof(conv2d_params, stride)},
    {"padding", WHOLE64, 4, offsetof(conv2d_params, padding)},
    {"dilation", WHOLE64, 2, offsetof(conv2d_params, dilation)},
    {"groups", WHOLE64, 1, offsetof(conv2d_params, groups)},
    {"padding_mode", WHOLE32, 1, offsetof(conv2d_params, padding_mode)},
    {"auto_pad", WHOLE32, 1, offsetof(conv2d_params, auto_pad)},
    {"activation", WHOLE32, 1, offsetof(conv2d_params, activation)},
    {"output_min", BITS64, 1, offsetof(conv2d_params, output_min)},
    {"output_max", BITS64, 1, offsetof(conv2d_params, output_max)},
    {"alpha", BITS64, 1, offsetof(conv2d_params, alpha)},
    {"accuracy", WHOLE32, 1, offsetof(conv2d_params, accuracy)},
    {"flush_denormals", WHOLE32, 1, offsetof(conv2d_params, flush_denormals)},
    {"workspace_limit", WHOLE64, 1, offsetof(conv2d_params, workspace_limit)},
};
enum { N_FIELDS = (int)(sizeof fields / sizeof fields[0]) };

void c2_stored_params_write(const conv2d_params *params, int weights, c2_text *out)
{
    c2_text_add(out, "weights=%d", weights);
    for (int f = 0; f < N_FIELDS; f++) {
        const char *at = (const char *)params + fields[f].offset;
        c2_text_add(out, " %s", fields[f].name);
        for (int i = 0; i < fields[f].n; i++) {
            uint64_t value = 0;
            int32_t narrow;
            if (fields[f].kind == WHOLE32) {
                memcpy(&narrow, at + (size_t)i * sizeof narrow, sizeof narrow);
                value = (uint64_t)narrow;
            } else {
                memcpy(&value, at + (size_t)i * sizeof value, sizeof value);
            }
            c2_text_add(out, fields[f].kind == BITS64 ? "%c%016" PRIx64 : "%c%" PRIu64,
                        i ? ',' : '=', value);
        }
    }
    c2_text_add(out, " algorithm=%s", params->algorithm ? params->algorithm : "");
}

/* Digits of base 10, without a superfluous 0, or exactly 16 of base 16; *at moves behind them. */
static bool read_number(const char **at, bool hexadecimal, uint64_t *out)
{
    static const char digits[] = "0123456789abcdef";
    const char *start = *at;
    uint64_t value = 0;
    for (;; (*at)++) {
        const char *digit = **at ? strchr(digits, **at) : NULL;
        const uint64_t base = hexadecimal ? 16 : 10;
        if (!digit || (uint64_t)(digit - digits) >= base)
            break;
        if (__builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, (uint64_t)(digit - digits), &value))
            return false;
    }
    *out = value;
    const ptrdiff_t n = *at - start;
    return hexadecimal ? n == 16 : n == 1 || (n > 1 && *start != '0');
}

static bool take(const char **at, const char *text)
{
    const size_t n = strlen(text);
    if (strncmp(*at, text, n) != 0)
        return false;
    *at += n;
    return true;
}

bool c2_stored_count(const char *text, uint64_t most, uint64_t *out)
{
    return read_number(&text, false, out) && !*text && *out <= most;
}

bool c2_stored_params_read(const char *text, c2_stored_context *c)
{
    uint64_t value;
    c->params = (conv2d_params)CONV2D_PARAMS_INIT;
    if (!take(&text, "weights=") || !read_number(&text, false, &value) || value > INT32_MAX)
        return false;
    c->weights = (int)value;
    for (int f = 0; f < N_FIELDS; f++) {
        char *to = (char *)&c->params + fields[f].offset;
        if (!take(&text, " ") || !take(&text, fields[f].name))
            return false;
        for (int i = 0; i < fields[f].n; i++) {
            if (!take(&text, i ? "," : "=") ||
                !read_number(&text, fields[f].kind == BITS64, &value))
                return false;
            const int32_t narrow = (int32_t)(value & INT32_MAX);
            if (fields[f].kind == WHOLE32 && value > INT32_MAX)
                return false;
            if (fields[f].kind == WHOLE32)
                memcpy(to + (size_t)i * sizeof narrow, &narrow, sizeof narrow);
            else
                memcpy(to + (size_t)i * sizeof value, &value, sizeof value);
        }
    }
    if (!take(&text, " algorithm=") || strlen(text) >= sizeof c->algorithm)
        return false;
    memcpy(c->algorithm, text, strlen(text) + 1);
    return true;
}
