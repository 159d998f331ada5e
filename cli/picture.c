/* SPDX-License-Identifier: BSD-2-Clause
 * The list of picture formats, and pixels to tensors and back (picture.h). */
#include "picture.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const picture_format *const formats[] = {
#ifdef CLI_HAVE_PNG
    &picture_png,
#endif
#ifdef CLI_HAVE_JPEG
    &picture_jpeg,
#endif
    &picture_pgm, &picture_ppm, &picture_pfm,
};
enum { N_FORMATS = sizeof formats / sizeof formats[0] };

void picture_free(cli_picture *picture)
{
    free(picture->pixels);
    picture->pixels = NULL;
}

bool picture_allocate(cli_picture *p, const char *format, cli_error *error)
{
    if (p->width < 1 || p->height < 1 || p->width > PICTURE_MAX_SIDE ||
        p->height > PICTURE_MAX_SIDE)
        return cli_fail(error, CLI_USAGE,
                        "%s of %" PRId64 "x%" PRId64 " pixels, expected 1 to %d a side", format,
                        p->width, p->height, PICTURE_MAX_SIDE);
    size_t samples = (size_t)p->width * (size_t)p->height * (size_t)p->channels;
    if (samples > PICTURE_MAX_SAMPLES)
        return cli_fail(error, CLI_USAGE,
                        "%s of %" PRId64 "x%" PRId64 "x%d samples, expected at most %zu", format,
                        p->width, p->height, p->channels, PICTURE_MAX_SAMPLES);
    p->pixels = malloc(samples * (size_t)p->depth / 8);
    if (!p->pixels)
        return cli_fail(error, CLI_FAILED, "no memory for a picture of %zu samples", samples);
    return true;
}

const picture_format *picture_format_of_bytes(const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < N_FORMATS; i++) {
        if (formats[i]->is(bytes, n))
            return formats[i];
    }
    return NULL;
}

static bool ends_with(const char *name, const char *extension)
{
    size_t n = strlen(name), m = strlen(extension);
    if (n < m)
        return false;
    for (size_t i = 0; i < m; i++) {
        if (tolower((unsigned char)name[n - m + i]) != extension[i])
            return false;
    }
    return true;
}

const picture_format *picture_format_of_name(const char *name)
{
    for (size_t i = 0; i < N_FORMATS; i++) {
        for (size_t k = 0; k < 4 && formats[i]->extensions[k]; k++) {
            if (ends_with(name, formats[i]->extensions[k]))
                return formats[i];
        }
    }
    return NULL;
}

bool picture_holds(const picture_format *f, int64_t channels)
{
    return (channels == 1 && f->gray) || (channels == 3 && f->color) || (channels == 4 && f->alpha);
}

bool picture_to_tensor(const cli_picture *p, cli_tensor *out, cli_error *error)
{
    conv2d_tensor t = CONV2D_TENSOR_INIT;
    t.rank = 3;
    t.sizes[0] = p->channels;
    t.sizes[1] = p->height;
    t.sizes[2] = p->width;
    if (!tensor_make(&t, CONV2D_NHWC, "picture", out, error))
        return false;
    size_t n = (size_t)p->width * (size_t)p->height * (size_t)p->channels;
    float *to = out->t.data;
    if (p->depth == 32) {
        memcpy(to, p->pixels, n * sizeof *to);
    } else if (p->depth == 16) {
        const uint16_t *from = p->pixels;
        for (size_t i = 0; i < n; i++)
            to[i] = (float)from[i] / 65535.0f;
    } else {
        const uint8_t *from = p->pixels;
        for (size_t i = 0; i < n; i++)
            to[i] = (float)from[i] / 255.0f;
    }
    return true;
}

/* ---- back to pixels ------------------------------------------------------------------------- */

typedef struct mapping {
    double offset, scale; /* (value - offset) * scale */
} mapping;

/* What maps the range of the finite values to 0...1; a constant becomes 0. */
static mapping range_mapping(const conv2d_tensor *t)
{
    double low = INFINITY, high = -INFINITY;
    for (tensor_walk w = tensor_begin(t); w.more; tensor_next(&w)) {
        double value = tensor_load(w.at, t->dtype);
        if (!isfinite(value))
            continue;
        low = fmin(low, value);
        high = fmax(high, value);
    }
    if (!(high > low))
        return (mapping){isfinite(low) ? low : 0, 1};
    return (mapping){low, 1 / (high - low)};
}

static double to_level(double value, double levels)
{
    if (!(value > 0)) /* NaN too */
        return 0;
    return floor(fmin(value, 1) * levels + 0.5);
}

bool picture_from_tensor(const conv2d_tensor *t, int depth, bool normalize, cli_picture *out,
                         cli_error *error)
{
    conv2d_tensor image = *t;
    if (image.rank == 4) {
        if (image.sizes[0] != 1)
            return cli_fail(error, CLI_USAGE, "a batch of %" PRId64 " does not fit into a picture",
                            image.sizes[0]);
        for (int i = 0; i < 3; i++) {
            image.sizes[i] = image.sizes[i + 1];
            image.strides[i] = image.strides[i + 1];
        }
        image.rank = 3;
    }
    cli_picture p = {image.sizes[2], image.sizes[1], (int)image.sizes[0], depth, NULL};
    if (!picture_allocate(&p, "output picture", error))
        return false;
    mapping map = normalize ? range_mapping(&image) : (mapping){0, 1};

    /* Walk in the order of the pixels: rows, columns, channels. */
    conv2d_tensor turned = image;
    for (int i = 0; i < 3; i++) {
        turned.sizes[i] = image.sizes[(i + 1) % 3];
        turned.strides[i] = image.strides[(i + 1) % 3];
    }
    size_t i = 0;
    for (tensor_walk w = tensor_begin(&turned); w.more; tensor_next(&w), i++) {
        double value = (tensor_load(w.at, t->dtype) - map.offset) * map.scale;
        if (depth == 32)
            ((float *)p.pixels)[i] = (float)value;
        else if (depth == 16)
            ((uint16_t *)p.pixels)[i] = (uint16_t)to_level(value, 65535);
        else
            ((uint8_t *)p.pixels)[i] = (uint8_t)to_level(value, 255);
    }
    *out = p;
    return true;
}
