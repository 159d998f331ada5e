/* SPDX-License-Identifier: BSD-2-Clause
 * A picture of 8-bit RGB pixels: read and written as PNG (libspng), and the few things that the
 * contact sheet draws with: filled rounded rectangles, soft shadows, another picture scaled to
 * cover a rectangle. Coordinates are pixels, the origin is at the top left. */
#ifndef DEMO_PICTURE_H
#define DEMO_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct picture {
    int width, height;
    uint8_t *rgb; /* rows from top to bottom, 3 bytes a pixel; NULL = empty */
} picture;

typedef struct colour {
    uint8_t r, g, b;
} colour;

typedef struct box {
    int x, y, width, height;
} box;

/* A picture filled with one colour; rgb is NULL when there is no memory. */
picture picture_create(int width, int height, colour fill);
void picture_destroy(picture *p);

/* Both say on stderr what is wrong and return false if they cannot do it. */
bool picture_load(const char *path, picture *picture_out);
bool picture_save(const char *path, const picture *p);

/* Blend c over the pixel (x, y) with coverage 0..1; outside the picture nothing happens. */
void picture_blend(picture *p, int x, int y, colour c, float coverage);

void picture_fill_rounded(picture *p, box where, float radius, colour c);

/* A shadow of the rounded rectangle, `blur` pixels soft, with the given darkness 0..1. */
void picture_shadow(picture *p, box where, float radius, float blur, float darkness);

/* Draw source into the rounded rectangle, scaled and cropped at its centre so that it covers it.
 * Pixels are averaged over the area they shrink from, or interpolated where they grow. */
void picture_cover(picture *p, box where, float radius, const picture *source);

#endif
