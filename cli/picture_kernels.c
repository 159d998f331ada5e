/* SPDX-License-Identifier: BSD-2-Clause
 * Named picture kernels (picture_kernels.h). All are cross-correlated, as the library does: sobel-x
 * is positive where a picture gets brighter to the right, sobel-y where it does downwards. */
#include "picture_kernels.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char picture_kernel_names[] = "gaussian:SIZE[,SIGMA], box:SIZE, sobel-x, sobel-y, laplacian, "
                                    "sharpen, emboss, identity";

enum { SIZE_MAX_TAPS = 999 };

typedef struct fixed_kernel {
    const char *name;
    double taps[3][3];
} fixed_kernel;

static const fixed_kernel fixed_kernels[] = {
    {"sobel-x", {{-1, 0, 1}, {-2, 0, 2}, {-1, 0, 1}}},
    {"sobel-y", {{-1, -2, -1}, {0, 0, 0}, {1, 2, 1}}},
    {"laplacian", {{0, 1, 0}, {1, -4, 1}, {0, 1, 0}}},
    {"sharpen", {{0, -1, 0}, {-1, 5, -1}, {0, -1, 0}}},
    {"emboss", {{-2, -1, 0}, {-1, 1, 1}, {0, 1, 2}}},
    {"identity", {{0, 0, 0}, {0, 1, 0}, {0, 0, 0}}},
};
enum { N_FIXED = sizeof fixed_kernels / sizeof fixed_kernels[0] };

static const fixed_kernel *fixed_by_name(const char *name)
{
    for (size_t i = 0; i < N_FIXED; i++) {
        if (strcmp(name, fixed_kernels[i].name) == 0)
            return &fixed_kernels[i];
    }
    return NULL;
}

/* What follows "name:" in text, or NULL. */
static const char *argument_of(const char *text, const char *name)
{
    size_t n = strlen(name);
    return strncmp(text, name, n) == 0 && text[n] == ':' ? text + n + 1 : NULL;
}

bool picture_kernel_is(const char *text)
{
    if (argument_of(text, "gaussian") || argument_of(text, "box") ||
        strcmp(text, "gaussian") == 0 || strcmp(text, "box") == 0)
        return true;
    for (size_t i = 0; i < N_FIXED; i++) {
        if (argument_of(text, fixed_kernels[i].name))
            return true;
    }
    return fixed_by_name(text) != NULL;
}

static bool make_weight(int64_t channels, int64_t size, int32_t dtype, cli_tensor *out,
                        cli_error *error)
{
    conv2d_tensor t = CONV2D_TENSOR_INIT;
    t.dtype = dtype;
    t.rank = 4;
    t.sizes[0] = channels;
    t.sizes[1] = 1;
    t.sizes[2] = t.sizes[3] = size;
    return tensor_make(&t, CONV2D_NCHW, "weight", out, error);
}

/* Every channel gets rows[y] * columns[x]. */
static void fill_product(cli_tensor *weight, const double *factors)
{
    for (tensor_walk w = tensor_begin(&weight->t); w.more; tensor_next(&w))
        tensor_store(w.at, weight->t.dtype, factors[w.index[2]] * factors[w.index[3]]);
}

static bool make_separable(const char *text, const double *factors, int64_t size, int64_t channels,
                           int32_t dtype, cli_tensor *out, cli_error *error)
{
    if (!make_weight(channels, size, dtype, out, error))
        return cli_prefix(error, "kernel '%s'", text);
    fill_product(out, factors);
    return true;
}

/* SIZE at the start of an argument; end_out is what follows it. */
static bool read_size(const char *argument, int64_t *size_out, const char **end_out)
{
    char *end;
    errno = 0;
    long size = strtol(argument, &end, 10);
    if (end == argument || errno || size < 1 || size > SIZE_MAX_TAPS || *argument == ' ' ||
        *argument == '+')
        return false;
    *size_out = size;
    *end_out = end;
    return true;
}

static bool make_gaussian(const char *text, const char *argument, int64_t channels, int32_t dtype,
                          cli_tensor *out, cli_error *error)
{
    int64_t size;
    const char *rest;
    if (!read_size(argument, &size, &rest) || size % 2 == 0 || (*rest != '\0' && *rest != ','))
        return cli_fail_usage(error,
                              "kernel '%s': expected gaussian:SIZE or gaussian:SIZE,SIGMA with an "
                              "odd SIZE from 1 to %d",
                              text, SIZE_MAX_TAPS);
    /* The sigma that OpenCV derives from a size. */
    double sigma = 0.3 * ((double)(size - 1) * 0.5 - 1) + 0.8;
    if (*rest == ',') {
        char *end;
        sigma = strtod(rest + 1, &end);
        if (end == rest + 1 || *end != '\0' || !(sigma > 0) || !isfinite(sigma))
            return cli_fail_usage(error, "kernel '%s': SIGMA is '%s', expected a number above 0",
                                  text, rest + 1);
    }
    double factors[SIZE_MAX_TAPS], sum = 0;
    for (int64_t i = 0; i < size; i++) {
        double distance = (double)(i - size / 2);
        factors[i] = exp(-distance * distance / (2 * sigma * sigma));
        sum += factors[i];
    }
    for (int64_t i = 0; i < size; i++)
        factors[i] /= sum;
    return make_separable(text, factors, size, channels, dtype, out, error);
}

static bool make_box(const char *text, const char *argument, int64_t channels, int32_t dtype,
                     cli_tensor *out, cli_error *error)
{
    int64_t size;
    const char *rest;
    if (!read_size(argument, &size, &rest) || *rest != '\0')
        return cli_fail_usage(error, "kernel '%s': expected box:SIZE with a SIZE from 1 to %d",
                              text, SIZE_MAX_TAPS);
    double factors[SIZE_MAX_TAPS];
    for (int64_t i = 0; i < size; i++)
        factors[i] = 1 / (double)size;
    return make_separable(text, factors, size, channels, dtype, out, error);
}

bool picture_kernel_make(const char *text, int64_t channels, int32_t dtype, cli_tensor *weight_out,
                         cli_error *error)
{
    const char *argument = argument_of(text, "gaussian");
    if (argument)
        return make_gaussian(text, argument, channels, dtype, weight_out, error);
    argument = argument_of(text, "box");
    if (argument)
        return make_box(text, argument, channels, dtype, weight_out, error);
    const fixed_kernel *kernel = fixed_by_name(text);
    if (!kernel)
        return cli_fail_usage(error, "kernel '%s': expected one of %s", text,
                              picture_kernel_names);
    if (!make_weight(channels, 3, dtype, weight_out, error))
        return cli_prefix(error, "kernel '%s'", text);
    for (tensor_walk w = tensor_begin(&weight_out->t); w.more; tensor_next(&w))
        tensor_store(w.at, dtype, kernel->taps[w.index[2]][w.index[3]]);
    return true;
}
