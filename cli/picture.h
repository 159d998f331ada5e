/* SPDX-License-Identifier: BSD-2-Clause
 * Pictures: decoded pixels of any supported file, and what the formats have in common. Decoders
 * work over memory and check sizes against the file's before they allocate. */
#ifndef CLI_PICTURE_H
#define CLI_PICTURE_H

#include <stddef.h>

#include "cli.h"
#include "tensor.h"

/* Most samples (width * height * channels) a picture may have: 1 GiB as float32. */
#define PICTURE_MAX_SAMPLES ((size_t)1 << 28)
#define PICTURE_MAX_SIDE 65535

typedef struct cli_picture {
    int64_t width, height;
    int channels; /* 1 gray, 3 red green blue, 4 with alpha */
    int depth;    /* bits of a sample: 8 uint8_t, 16 uint16_t, 32 float */
    void *pixels; /* owned (free): rows from the top, pixels, channels; no gaps */
} cli_picture;

void picture_free(cli_picture *picture);

/* Check the sizes and allocate the pixels (not initialised). format names the file's in errors. */
bool picture_allocate(cli_picture *picture, const char *format, cli_error *error);

/* One file format: a picture in, bytes out, and the other way round. */
typedef struct picture_format {
    const char *name;          /* "PNG" */
    const char *extensions[4]; /* ".png", in lower case; NULL ends */
    bool gray, color, alpha;   /* channel counts 1, 3 and 4 it can hold */
    int depth;                 /* most bits of a sample it can hold */
    bool (*is)(const unsigned char *bytes, size_t n);
    bool (*decode)(const unsigned char *bytes, size_t n, cli_picture *out, cli_error *error);
    /* bytes_out is given (free). */
    bool (*encode)(const cli_picture *picture, unsigned char **bytes_out, size_t *n_out,
                   cli_error *error);
} picture_format;

extern const picture_format picture_png, picture_jpeg, picture_pgm, picture_ppm, picture_pfm;

/* The format of a file's bytes, or of a name by its extension; NULL if none. */
const picture_format *picture_format_of_bytes(const unsigned char *bytes, size_t n);
const picture_format *picture_format_of_name(const char *name);

/* True if the format holds so many channels. */
bool picture_holds(const picture_format *format, int64_t channels);

/* Float32 tensor [channels, height, width] (rank 3, channels last in memory) with samples 0...1. */
bool picture_to_tensor(const cli_picture *picture, cli_tensor *out, cli_error *error);

/* Rank 3 tensor, or rank 4 with one image, of 1, 3 or 4 channels to a picture of depth 8, 16 or
 * 32. Values are clipped to 0...1 (depth 32: kept); normalize maps their range to 0...1 first.
 * NaN becomes 0 (depth 32: stays). */
bool picture_from_tensor(const conv2d_tensor *t, int depth, bool normalize, cli_picture *out,
                         cli_error *error);

#endif
