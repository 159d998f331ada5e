/* SPDX-License-Identifier: BSD-2-Clause
 * JPEG by libjpeg-turbo: gray or RGB, 8 bits. Damage that the library would paint over with a
 * warning (a truncated file, bad codes) is refused. Orientation tags are not applied. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>
#include <jerror.h>

#include "picture.h"

enum {
    /* Least bytes for so many samples: an 8x8 block costs at least one bit in a progressive file's
     * first scan, 512 to a byte; arithmetic coding does better, so another factor of 8. */
    SAMPLES_PER_BYTE_MAX = 4096,
    SCANS_MAX = 200, /* each scan of a progressive file costs a pass over the whole picture */
    QUALITY = 95,
};

/* Everything that must survive a longjmp lives here, not in registers. */
typedef struct jpeg_job {
    struct jpeg_error_mgr manager; /* first: the library hands its address back */
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    cli_error *error;
    cli_picture picture;
    unsigned char *bytes;
    unsigned long n;
} jpeg_job;

static bool is_jpeg(const unsigned char *bytes, size_t n)
{
    return n >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF;
}

static void give_up(j_common_ptr common)
{
    jpeg_job *job = (jpeg_job *)common->err;
    char text[JMSG_LENGTH_MAX];
    job->manager.format_message(common, text);
    cli_fail(job->error, job->manager.msg_code == JERR_OUT_OF_MEMORY ? CLI_FAILED : CLI_USAGE,
             "JPEG: %s", text);
    longjmp(job->escape, 1);
}

static void on_message(j_common_ptr common, int level)
{
    jpeg_job *job = (jpeg_job *)common->err;
    int code = job->manager.msg_code;
    /* Bytes between markers do no harm, and cameras write them. */
    if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_ADOBE_XFORM)
        give_up(common);
}

static void on_progress(j_common_ptr common)
{
    jpeg_job *job = (jpeg_job *)common->err;
    j_decompress_ptr decoder = (j_decompress_ptr)common;
    if (!common->is_decompressor || decoder->input_scan_number <= SCANS_MAX)
        return;
    cli_fail(job->error, CLI_USAGE, "JPEG has more than %d scans", SCANS_MAX);
    longjmp(job->escape, 1);
}

static void prepare(jpeg_job *job, cli_error *error)
{
    jpeg_std_error(&job->manager);
    job->manager.error_exit = give_up;
    job->manager.emit_message = on_message;
    job->progress.progress_monitor = on_progress;
    job->error = error;
}

/* Runs under the caller's setjmp: may longjmp at any call. */
static bool decode_with(struct jpeg_decompress_struct *decoder, jpeg_job *job,
                        const unsigned char *bytes, size_t n)
{
    cli_picture *p = &job->picture;
    jpeg_mem_src(decoder, bytes, (unsigned long)n);
    jpeg_read_header(decoder, TRUE);
    if (decoder->jpeg_color_space == JCS_CMYK || decoder->jpeg_color_space == JCS_YCCK)
        return cli_fail(job->error, CLI_USAGE, "JPEG is in CMYK colours, expected gray or RGB");
    bool gray = decoder->jpeg_color_space == JCS_GRAYSCALE;
    decoder->out_color_space = gray ? JCS_GRAYSCALE : JCS_RGB;
    *p = (cli_picture){decoder->image_width, decoder->image_height, gray ? 1 : 3, 8, NULL};
    if ((uint64_t)p->width * (uint64_t)p->height / SAMPLES_PER_BYTE_MAX > n)
        return cli_fail(job->error, CLI_USAGE,
                        "JPEG of %" PRId64 "x%" PRId64 " pixels cannot come from %zu bytes",
                        p->width, p->height, n);
    if (!picture_allocate(p, "JPEG", job->error))
        return false;
    jpeg_start_decompress(decoder);
    size_t row = (size_t)p->width * (size_t)p->channels;
    while (decoder->output_scanline < decoder->output_height) {
        JSAMPROW line = (JSAMPROW)p->pixels + decoder->output_scanline * row;
        jpeg_read_scanlines(decoder, &line, 1);
    }
    jpeg_finish_decompress(decoder);
    return true;
}

static bool decode_jpeg(const unsigned char *bytes, size_t n, cli_picture *out, cli_error *error)
{
    jpeg_job *job = calloc(1, sizeof *job);
    struct jpeg_decompress_struct *decoder = calloc(1, sizeof *decoder);
    if (!job || !decoder) {
        free(job);
        free(decoder);
        return cli_fail(error, CLI_FAILED, "out of memory");
    }
    prepare(job, error);
    decoder->err = &job->manager;
    if (setjmp(job->escape) == 0) {
        jpeg_create_decompress(decoder);
        decoder->progress = &job->progress;
        if (decode_with(decoder, job, bytes, n)) {
            *out = job->picture;
            job->picture.pixels = NULL;
            jpeg_destroy_decompress(decoder);
            free(decoder);
            free(job);
            return true;
        }
    }
    jpeg_destroy_decompress(decoder);
    picture_free(&job->picture);
    free(decoder);
    free(job);
    return false;
}

static void encode_with(struct jpeg_compress_struct *encoder, jpeg_job *job, const cli_picture *p)
{
    jpeg_mem_dest(encoder, &job->bytes, &job->n);
    encoder->image_width = (JDIMENSION)p->width;
    encoder->image_height = (JDIMENSION)p->height;
    encoder->input_components = p->channels;
    encoder->in_color_space = p->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(encoder);
    jpeg_set_quality(encoder, QUALITY, TRUE);
    for (int i = 0; i < encoder->num_components; i++) {
        encoder->comp_info[i].h_samp_factor = 1; /* full resolution of colour too */
        encoder->comp_info[i].v_samp_factor = 1;
    }
    jpeg_start_compress(encoder, TRUE);
    size_t row = (size_t)p->width * (size_t)p->channels;
    while (encoder->next_scanline < encoder->image_height) {
        JSAMPROW line = (JSAMPROW)p->pixels + encoder->next_scanline * row;
        jpeg_write_scanlines(encoder, &line, 1);
    }
    jpeg_finish_compress(encoder);
}

static bool encode_jpeg(const cli_picture *p, unsigned char **bytes_out, size_t *n_out,
                        cli_error *error)
{
    jpeg_job *job = calloc(1, sizeof *job);
    struct jpeg_compress_struct *encoder = calloc(1, sizeof *encoder);
    if (!job || !encoder) {
        free(job);
        free(encoder);
        return cli_fail(error, CLI_FAILED, "out of memory");
    }
    prepare(job, error);
    encoder->err = &job->manager;
    if (setjmp(job->escape) == 0) {
        jpeg_create_compress(encoder);
        encode_with(encoder, job, p);
        *bytes_out = job->bytes;
        *n_out = job->n;
        jpeg_destroy_compress(encoder);
        free(encoder);
        free(job);
        return true;
    }
    jpeg_destroy_compress(encoder);
    free(job->bytes);
    free(encoder);
    free(job);
    return false;
}

const picture_format picture_jpeg = {
    "JPEG", {".jpg", ".jpeg"}, true, true, false, 8, is_jpeg, decode_jpeg, encode_jpeg,
};
