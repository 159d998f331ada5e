/* SPDX-License-Identifier: BSD-2-Clause
 * Parsing of option values (values.h). */
#include "values.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

static bool refuse(const option_value *value, const char *expected, cli_error *error)
{
    return cli_fail_usage(error, "--%s is '%s', expected %s", value->option, value->text, expected);
}

/* Decimal integers separated by commas, up to most of them; returns how many, 0 if the text is
 * anything else. */
static int read_integers(const char *text, int64_t *out, int most)
{
    for (int n = 0; n < most; n++) {
        if ((*text < '0' || *text > '9') && *text != '-')
            return 0;
        char *end;
        errno = 0;
        long long number = strtoll(text, &end, 10);
        if (errno || end == text)
            return 0;
        out[n] = number;
        if (*end == '\0')
            return n + 1;
        if (*end != ',')
            return 0;
        text = end + 1;
    }
    return 0;
}

/* A number from the first n characters, all of them. */
static bool read_real(const char *text, size_t n, double *out)
{
    char copy[64], *end;
    if (n == 0 || n >= sizeof copy || strchr(" \t\n\r\v\f", text[0]))
        return false;
    memcpy(copy, text, n);
    copy[n] = '\0';
    *out = strtod(copy, &end);
    return *end == '\0' && end != copy;
}

bool value_text(const option_value *value, void *member, cli_error *error)
{
    if (value->text[0] == '\0')
        return cli_fail_usage(error, "--%s is empty", value->option);
    *(const char **)member = value->text;
    return true;
}

bool value_list(const option_value *value, void *member, cli_error *error)
{
    const char **list = member;
    int n = 0;
    while (list[n])
        n++;
    if (n == OPTIONS_INPUTS - 1)
        return cli_fail_usage(error, "--%s is given more than %d times", value->option, n);
    return value_text(value, &list[n], error);
}

bool value_positive(const option_value *value, void *member, cli_error *error)
{
    int64_t number = 0;
    if (read_integers(value->text, &number, 1) != 1 || number < 1)
        return refuse(value, "a whole number of at least 1", error);
    *(int64_t *)member = number;
    return true;
}

bool value_natural(const option_value *value, void *member, cli_error *error)
{
    int64_t number = 0;
    if (read_integers(value->text, &number, 1) != 1 || number < 0)
        return refuse(value, "a whole number of at least 0", error);
    *(int64_t *)member = number;
    return true;
}

bool value_bytes(const option_value *value, void *member, cli_error *error)
{
    int64_t number = 0;
    if (!value_natural(value, &number, error))
        return false;
    *(uint64_t *)member = (uint64_t)number;
    return true;
}

bool value_threads(const option_value *value, void *member, cli_error *error)
{
    enum { THREADS_MAX = 4096 };
    int64_t number = 0;
    if (read_integers(value->text, &number, 1) != 1 || number < 1 || number > THREADS_MAX)
        return refuse(value, "a number of threads from 1 to 4096", error);
    *(int32_t *)member = (int32_t)number;
    return true;
}

bool value_seconds(const option_value *value, void *member, cli_error *error)
{
    double seconds;
    if (!read_real(value->text, strlen(value->text), &seconds) || !(seconds > 0) || seconds > 3600)
        return refuse(value, "a time above 0 and up to 3600 seconds", error);
    *(double *)member = seconds;
    return true;
}

bool value_pair(const option_value *value, void *member, cli_error *error)
{
    int64_t numbers[2];
    int n = read_integers(value->text, numbers, 2);
    if (n == 0 || numbers[0] < 1 || numbers[n - 1] < 1)
        return refuse(value, "one number, or two as Y,X, each at least 1", error);
    int64_t *pair = member;
    pair[0] = numbers[0];
    pair[1] = numbers[n - 1];
    return true;
}

bool value_padding(const option_value *value, void *member, cli_error *error)
{
    conv2d_params *params = member;
    int64_t numbers[4] = {0};
    if (strcmp(value->text, "same") == 0 || strcmp(value->text, "valid") == 0) {
        params->auto_pad = value->text[0] == 's' ? CONV2D_AUTO_PAD_SAME : CONV2D_AUTO_PAD_VALID;
        memset(params->padding, 0, sizeof params->padding);
        return true;
    }
    int n = read_integers(value->text, numbers, 4);
    bool negative = false;
    for (int i = 0; i < n; i++)
        negative = negative || numbers[i] < 0;
    if (n == 0 || n == 3 || negative)
        return refuse(value,
                      "P, or Y,X, or TOP,LEFT,BOTTOM,RIGHT, each at least 0, or same, or valid",
                      error);
    params->auto_pad = CONV2D_AUTO_PAD_NONE;
    for (int i = 0; i < 4; i++)
        params->padding[i] = numbers[n == 4 ? i : n == 2 ? i % 2 : 0];
    return true;
}

/* ---- names ---------------------------------------------------------------------------------- */

typedef struct named_value {
    const char *name;
    int32_t value;
} named_value;

static const named_value padding_modes[] = {
    {"zeros", CONV2D_PAD_ZEROS},
    {"reflect", CONV2D_PAD_REFLECT},
    {"replicate", CONV2D_PAD_REPLICATE},
    {"circular", CONV2D_PAD_CIRCULAR},
    {NULL, 0},
};
static const named_value layouts[] = {{"nchw", CONV2D_NCHW}, {"nhwc", CONV2D_NHWC}, {NULL, 0}};
static const named_value dtypes[] = {
    {"f32", CONV2D_FLOAT32},     {"f64", CONV2D_FLOAT64},       {"f16", CONV2D_FLOAT16},
    {"bf16", CONV2D_BFLOAT16},   {"float32", CONV2D_FLOAT32},   {"float64", CONV2D_FLOAT64},
    {"float16", CONV2D_FLOAT16}, {"bfloat16", CONV2D_BFLOAT16}, {NULL, 0},
};
static const named_value accuracies[] = {
    {"default", CONV2D_ACCURACY_DEFAULT},
    {"strict", CONV2D_ACCURACY_STRICT},
    {"fast", CONV2D_ACCURACY_FAST},
    {"tf32", CONV2D_ACCURACY_TF32},
    {NULL, 0},
};
static const named_value activations[] = {
    {"none", CONV2D_ACT_NONE},
    {"relu", CONV2D_ACT_RELU},
    {"relu6", CONV2D_ACT_RELU6},
    {"clamp", CONV2D_ACT_CLAMP},
    {"leaky_relu", CONV2D_ACT_LEAKY_RELU},
    {"sigmoid", CONV2D_ACT_SIGMOID},
    {"tanh", CONV2D_ACT_TANH},
    {"silu", CONV2D_ACT_SILU},
    {"hardswish", CONV2D_ACT_HARDSWISH},
    {"hardsigmoid", CONV2D_ACT_HARDSIGMOID},
    {"gelu", CONV2D_ACT_GELU},
    {"gelu_tanh", CONV2D_ACT_GELU_TANH},
    {"mish", CONV2D_ACT_MISH},
    {NULL, 0},
};

static bool find(const named_value *list, const char *text, size_t n, int32_t *out)
{
    for (; list->name; list++) {
        if (strlen(list->name) == n && memcmp(list->name, text, n) == 0) {
            *out = list->value;
            return true;
        }
    }
    return false;
}

static bool find_or_refuse(const option_value *value, const named_value *list, int32_t *out,
                           cli_error *error)
{
    if (find(list, value->text, strlen(value->text), out))
        return true;
    char names[200] = "";
    for (; list->name; list++) {
        if (names[0])
            strcat(names, list[1].name ? ", " : " or ");
        strcat(names, list->name);
    }
    return refuse(value, names, error);
}

bool value_padding_mode(const option_value *value, void *member, cli_error *error)
{
    return find_or_refuse(value, padding_modes, member, error);
}

bool value_layout(const option_value *value, void *member, cli_error *error)
{
    int32_t order;
    if (!find_or_refuse(value, layouts, &order, error))
        return false;
    *(conv2d_order *)member = (conv2d_order)order;
    return true;
}

bool value_dtype(const option_value *value, void *member, cli_error *error)
{
    return find_or_refuse(value, dtypes, member, error);
}

bool value_accuracy(const option_value *value, void *member, cli_error *error)
{
    return find_or_refuse(value, accuracies, member, error);
}

const char *value_dtype_name(int32_t dtype)
{
    for (const named_value *row = dtypes; row->name; row++) {
        if (row->value == dtype)
            return row->name;
    }
    return "?";
}

const char *value_activation_name(int32_t activation)
{
    for (const named_value *a = activations; a->name; a++) {
        if (a->value == activation)
            return a->name;
    }
    return "?";
}

/* "MIN,MAX", one of them perhaps missing. NaN and crossed bounds are the library's to refuse. */
static bool read_bounds(const char *text, conv2d_params *params)
{
    const char *comma = strchr(text, ',');
    size_t n = comma ? (size_t)(comma - text) : strlen(text);
    params->output_min = -HUGE_VAL;
    params->output_max = HUGE_VAL;
    if (n > 0 && !read_real(text, n, &params->output_min))
        return false;
    if (!comma)
        return n > 0;
    if (comma[1] == '\0')
        return n > 0;
    return read_real(comma + 1, strlen(comma + 1), &params->output_max);
}

bool value_activation(const option_value *value, void *member, cli_error *error)
{
    static const char expected[] =
        "none, relu, relu6, clamp:MIN,MAX (one may be missing), leaky_relu[:SLOPE], sigmoid, tanh, "
        "silu, hardswish, hardsigmoid, gelu, gelu_tanh or mish";
    conv2d_params *params = member;
    const char *colon = strchr(value->text, ':');
    size_t n = colon ? (size_t)(colon - value->text) : strlen(value->text);
    const conv2d_params defaults = CONV2D_PARAMS_INIT;
    params->output_min = defaults.output_min;
    params->output_max = defaults.output_max;
    params->alpha = defaults.alpha;
    if (!find(activations, value->text, n, &params->activation))
        return refuse(value, expected, error);
    bool ok = !colon;
    if (params->activation == CONV2D_ACT_CLAMP)
        ok = colon && read_bounds(colon + 1, params);
    else if (params->activation == CONV2D_ACT_LEAKY_RELU && colon)
        ok = read_real(colon + 1, strlen(colon + 1), &params->alpha);
    return ok || refuse(value, expected, error);
}
