/* SPDX-License-Identifier: BSD-2-Clause
 * PNG by libspng. Palettes and transparency are expanded, 16-bit samples kept; gamma and colour
 * profiles are not applied. */
#include <inttypes.h>
#include <spng.h>
#include <stdlib.h>
#include <string.h>

#include "picture.h"

/* Deflate packs at most 1032 bytes into one (RFC 1951: 258 bytes in two bits), so a file that
 * claims more pixels than that is refused before memory is spent on it. */
enum { DEFLATE_RATIO = 1032, CHUNK_BYTES_MAX = 1 << 24 };

static bool is_png(const unsigned char *bytes, size_t n)
{
    static const unsigned char magic[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    return n >= sizeof magic && memcmp(bytes, magic, sizeof magic) == 0;
}

/* How libspng shall deliver the pixels. */
static int target_format(const struct spng_ihdr *header, bool transparent, cli_picture *p)
{
    bool gray = header->color_type == SPNG_COLOR_TYPE_GRAYSCALE;
    bool color = header->color_type == SPNG_COLOR_TYPE_TRUECOLOR;
    bool palette = header->color_type == SPNG_COLOR_TYPE_INDEXED;
    p->depth = header->bit_depth == 16 ? 16 : 8;
    if (transparent || !(gray || color || palette)) {
        p->channels = 4;
        return p->depth == 16 ? SPNG_FMT_RGBA16 : SPNG_FMT_RGBA8;
    }
    p->channels = gray ? 1 : 3;
    if (p->depth == 16)
        return SPNG_FMT_PNG; /* the file's own channels, in this machine's byte order */
    return gray ? SPNG_FMT_G8 : SPNG_FMT_RGB8;
}

static bool fail_spng(cli_error *error, int code)
{
    return cli_fail(error, CLI_USAGE, "PNG cannot be decoded: %s", spng_strerror(code));
}

static bool decode_with(spng_ctx *context, size_t n, cli_picture *p, cli_error *error)
{
    struct spng_ihdr header;
    struct spng_trns transparency;
    int code = spng_get_ihdr(context, &header);
    if (code)
        return fail_spng(error, code);
    code = spng_get_trns(context, &transparency);
    if (code && code != SPNG_ECHUNKAVAIL)
        return fail_spng(error, code);
    int format = target_format(&header, code == 0, p);
    p->width = header.width;
    p->height = header.height;
    uint64_t bits = (uint64_t)header.width * header.bit_depth;
    if (bits / 8 * header.height / DEFLATE_RATIO > n)
        return cli_fail(error, CLI_USAGE,
                        "PNG of %" PRIu32 "x%" PRIu32 " pixels cannot come from %zu bytes",
                        header.width, header.height, n);
    if (!picture_allocate(p, "PNG", error))
        return false;
    size_t bytes = (size_t)p->width * (size_t)p->height * (size_t)p->channels *
                   (size_t)p->depth / 8;
    size_t decoded = 0;
    code = spng_decoded_image_size(context, format, &decoded);
    if (!code && decoded == bytes)
        code = spng_decode_image(context, p->pixels, bytes, format, SPNG_DECODE_TRNS);
    if (!code && decoded == bytes)
        code = spng_decode_chunks(context); /* to the end of the file */
    if (code || decoded != bytes) {
        picture_free(p);
        return fail_spng(error, code);
    }
    return true;
}

static bool decode_png(const unsigned char *bytes, size_t n, cli_picture *out, cli_error *error)
{
    spng_ctx *context = spng_ctx_new(0);
    if (!context)
        return cli_fail(error, CLI_FAILED, "out of memory");
    cli_picture p = {0};
    spng_set_image_limits(context, PICTURE_MAX_SIDE, PICTURE_MAX_SIDE);
    spng_set_chunk_limits(context, CHUNK_BYTES_MAX, CHUNK_BYTES_MAX);
    int code = spng_set_png_buffer(context, bytes, n);
    bool ok = code ? fail_spng(error, code) : decode_with(context, n, &p, error);
    spng_ctx_free(context);
    if (ok)
        *out = p;
    return ok;
}

static bool encode_png(const cli_picture *p, unsigned char **bytes_out, size_t *n_out,
                       cli_error *error)
{
    static const uint8_t color_types[5] = {
        [1] = SPNG_COLOR_TYPE_GRAYSCALE,
        [3] = SPNG_COLOR_TYPE_TRUECOLOR,
        [4] = SPNG_COLOR_TYPE_TRUECOLOR_ALPHA,
    };
    spng_ctx *context = spng_ctx_new(SPNG_CTX_ENCODER);
    if (!context)
        return cli_fail(error, CLI_FAILED, "out of memory");
    struct spng_ihdr header = {
        .width = (uint32_t)p->width,
        .height = (uint32_t)p->height,
        .bit_depth = (uint8_t)p->depth,
        .color_type = color_types[p->channels],
    };
    size_t bytes = (size_t)p->width * (size_t)p->height * (size_t)p->channels *
                   (size_t)p->depth / 8;
    int code = spng_set_option(context, SPNG_ENCODE_TO_BUFFER, 1);
    if (!code)
        code = spng_set_ihdr(context, &header);
    if (!code)
        code = spng_encode_image(context, p->pixels, bytes, SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
    unsigned char *encoded = code ? NULL : spng_get_png_buffer(context, n_out, &code);
    spng_ctx_free(context);
    if (!encoded)
        return cli_fail(error, CLI_FAILED, "PNG cannot be encoded: %s", spng_strerror(code));
    *bytes_out = encoded;
    return true;
}

const picture_format picture_png = {
    "PNG", {".png"}, true, true, true, 16, is_png, decode_png, encode_png,
};
