/* SPDX-License-Identifier: BSD-2-Clause
 * Pictures of the contact sheet: PNG files through libspng, shapes by signed distance, scaling by
 * area average. See picture.h. */
#include "picture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spng.h>

picture picture_create(int width, int height, colour fill)
{
    picture p = {width, height, NULL};
    size_t n = (size_t)width * (size_t)height;
    p.rgb = malloc(3 * n);
    for (size_t i = 0; p.rgb && i < n; i++)
        memcpy(p.rgb + 3 * i, &fill, 3);
    return p;
}

void picture_destroy(picture *p)
{
    free(p->rgb);
    *p = (picture){0, 0, NULL};
}

bool picture_load(const char *path, picture *picture_out)
{
    picture p = {0, 0, NULL};
    struct spng_ihdr header;
    size_t bytes = 0;
    int error = -1;
    FILE *file = fopen(path, "rb");
    spng_ctx *png = spng_ctx_new(0);
    if (!file || !png)
        goto done;
    if ((error = spng_set_png_file(png, file)) || (error = spng_get_ihdr(png, &header)) ||
        (error = spng_decoded_image_size(png, SPNG_FMT_RGB8, &bytes)))
        goto done;
    p = (picture){(int)header.width, (int)header.height, malloc(bytes)};
    error = p.rgb ? spng_decode_image(png, p.rgb, bytes, SPNG_FMT_RGB8, 0) : -1;
done:
    if (error) {
        fprintf(stderr, "contact_sheet: cannot read %s%s%s\n", path, error > 0 ? ": " : "",
                error > 0 ? spng_strerror(error) : "");
        picture_destroy(&p);
    } else {
        *picture_out = p;
    }
    spng_ctx_free(png);
    if (file)
        fclose(file);
    return !error;
}

bool picture_save(const char *path, const picture *p)
{
    struct spng_ihdr header = {0};
    header.width = (uint32_t)p->width;
    header.height = (uint32_t)p->height;
    header.bit_depth = 8;
    header.color_type = SPNG_COLOR_TYPE_TRUECOLOR;

    bool ok = false;
    FILE *file = fopen(path, "wb");
    spng_ctx *png = spng_ctx_new(SPNG_CTX_ENCODER);
    if (file && png) {
        size_t bytes = 3 * (size_t)p->width * (size_t)p->height;
        ok = !spng_set_png_file(png, file) && !spng_set_ihdr(png, &header) &&
             !spng_encode_image(png, p->rgb, bytes, SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
    }
    spng_ctx_free(png);
    if (file && fclose(file))
        ok = false;
    if (!ok)
        fprintf(stderr, "contact_sheet: cannot write %s\n", path);
    return ok;
}

static uint8_t mix(uint8_t below, uint8_t above, float coverage)
{
    return (uint8_t)lrintf((float)below + ((float)above - (float)below) * coverage);
}

void picture_blend(picture *p, int x, int y, colour c, float coverage)
{
    if (x < 0 || y < 0 || x >= p->width || y >= p->height)
        return;
    uint8_t *pixel = p->rgb + 3 * ((size_t)y * (size_t)p->width + (size_t)x);
    coverage = fminf(fmaxf(coverage, 0), 1);
    pixel[0] = mix(pixel[0], c.r, coverage);
    pixel[1] = mix(pixel[1], c.g, coverage);
    pixel[2] = mix(pixel[2], c.b, coverage);
}

/* Distance of the centre of pixel (x, y) from the edge of a rounded rectangle, negative inside. */
static float distance(box where, float radius, int x, int y)
{
    float half_w = (float)where.width / 2, half_h = (float)where.height / 2;
    float dx = fabsf((float)x + 0.5f - (float)where.x - half_w) - half_w + radius;
    float dy = fabsf((float)y + 0.5f - (float)where.y - half_h) - half_h + radius;
    return hypotf(fmaxf(dx, 0), fmaxf(dy, 0)) + fminf(fmaxf(dx, dy), 0) - radius;
}

void picture_fill_rounded(picture *p, box where, float radius, colour c)
{
    for (int y = where.y; y < where.y + where.height; y++) {
        for (int x = where.x; x < where.x + where.width; x++)
            picture_blend(p, x, y, c, 0.5f - distance(where, radius, x, y));
    }
}

void picture_shadow(picture *p, box where, float radius, float blur, float darkness)
{
    int margin = (int)ceilf(blur);
    for (int y = where.y - margin; y < where.y + where.height + margin; y++) {
        for (int x = where.x - margin; x < where.x + where.width + margin; x++) {
            float t = fminf(fmaxf(0.5f - distance(where, radius, x, y) / (2 * blur), 0), 1);
            picture_blend(p, x, y, (colour){0, 0, 0}, darkness * t * t * (3 - 2 * t));
        }
    }
}

/* One axis of scaling: destination position i covers source pixels from first on, with weights. */
typedef struct span {
    int first, n;
    float weight[64];
} span;

/* Source interval of destination i: [start + i * step, start + (i + 1) * step); growing pictures
 * (step < 1) interpolate between the two nearest centres instead. */
static span span_of(int i, float start, float step, int size)
{
    span s = {0, 0, {0}};
    if (step <= 1) {
        float at = fminf(fmaxf(start + ((float)i + 0.5f) * step - 0.5f, 0), (float)(size - 1));
        s.first = (int)at < size - 1 ? (int)at : size > 1 ? size - 2 : 0;
        s.n = size > 1 ? 2 : 1;
        s.weight[1] = at - (float)s.first;
        s.weight[0] = 1 - s.weight[1];
        return s;
    }
    float from = start + (float)i * step, to = from + step;
    s.first = (int)from;
    for (int k = s.first; k < size && (float)k < to && s.n < 64; k++) {
        float covered = fminf((float)(k + 1), to) - fmaxf((float)k, from);
        s.weight[s.n++] = covered / step;
    }
    return s;
}

void picture_cover(picture *p, box where, float radius, const picture *source)
{
    float step = fminf((float)source->width / (float)where.width,
                       (float)source->height / (float)where.height);
    float left = ((float)source->width - step * (float)where.width) / 2;
    float top = ((float)source->height - step * (float)where.height) / 2;
    for (int y = 0; y < where.height; y++) {
        span rows = span_of(y, top, step, source->height);
        for (int x = 0; x < where.width; x++) {
            span columns = span_of(x, left, step, source->width);
            float sum[3] = {0, 0, 0};
            for (int j = 0; j < rows.n; j++) {
                const uint8_t *row = source->rgb + 3 * (size_t)(rows.first + j) *
                                                       (size_t)source->width;
                for (int k = 0; k < columns.n; k++) {
                    const uint8_t *pixel = row + 3 * (columns.first + k);
                    float weight = rows.weight[j] * columns.weight[k];
                    for (int channel = 0; channel < 3; channel++)
                        sum[channel] += weight * (float)pixel[channel];
                }
            }
            colour c = {(uint8_t)lrintf(fminf(sum[0], 255)), (uint8_t)lrintf(fminf(sum[1], 255)),
                        (uint8_t)lrintf(fminf(sum[2], 255))};
            float coverage = 0.5f - distance(where, radius, where.x + x, where.y + y);
            picture_blend(p, where.x + x, where.y + y, c, coverage);
        }
    }
}
