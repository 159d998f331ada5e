/* SPDX-License-Identifier: BSD-2-Clause
 * Fuzz target: pictures, PNG, JPEG, PGM, PPM and PFM. A decoded picture becomes a tensor and a
 * picture again without a change, and every format that holds it writes what it reads back as the
 * same pixels (JPEG: the same sizes). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "picture.h"

enum { SAMPLES_MAX = 1 << 15 }; /* larger pictures are decoded, and no more */

static const char *const names[] = {"x.png", "x.jpg", "x.pgm", "x.ppm", "x.pfm"};
enum { N_NAMES = sizeof names / sizeof names[0] };

static size_t count(const cli_picture *p)
{
    return (size_t)p->width * (size_t)p->height * (size_t)p->channels;
}

/* The same pixels; one NaN is as good as another. */
static bool same_pixels(const cli_picture *a, const cli_picture *b)
{
    if (a->width != b->width || a->height != b->height || a->channels != b->channels ||
        a->depth != b->depth)
        return false;
    if (a->depth != 32)
        return memcmp(a->pixels, b->pixels, count(a) * (size_t)a->depth / 8) == 0;
    const float *x = a->pixels, *y = b->pixels;
    for (size_t i = 0; i < count(a); i++) {
        if (memcmp(&x[i], &y[i], sizeof x[i]) != 0 && !(isnan(x[i]) && isnan(y[i])))
            return false;
    }
    return true;
}

/* False, with a sentence, is right only where an allocation failed. */
static bool fine(bool ok, const cli_error *error)
{
    fuzz_check(ok || error->text[0], "refused without a sentence");
    fuzz_check(ok || fuzz_starved(), error->text);
    return ok;
}

/* Tensors that are no picture are refused before memory is spent; one in a batch of one is. */
static void other_tensors(const cli_picture *p, const cli_tensor *tensor)
{
    cli_error error = {.text = ""};
    cli_picture back = {0};
    conv2d_tensor t = tensor->t;
    t.rank = 4;
    for (int i = 3; i > 0; i--) {
        t.sizes[i] = tensor->t.sizes[i - 1];
        t.strides[i] = tensor->t.strides[i - 1];
    }
    t.sizes[0] = 1;
    if (fine(picture_from_tensor(&t, p->depth, false, &back, &error), &error)) {
        fuzz_check(same_pixels(p, &back), "a batch of one changed the picture");
        picture_free(&back);
    }
    t.sizes[0] = 2;
    fuzz_check(!picture_from_tensor(&t, p->depth, false, &back, &error), "two in one picture");
    for (int64_t side = PICTURE_MAX_SIDE; side <= PICTURE_MAX_SIDE + 1; side++) {
        t = tensor->t;
        for (int i = 1; i < 3; i++) {
            t.sizes[i] = side; /* expanded: the samples are there, 2^32 of them */
            t.strides[i] = 0;
        }
        error.text[0] = '\0';
        fuzz_check(!picture_from_tensor(&t, 8, false, &back, &error) && error.text[0],
                   "a picture beyond the limits");
    }
}

static void through_tensor(const cli_picture *p)
{
    cli_error error = {.text = ""};
    cli_tensor tensor;
    cli_picture back = {0}, normal = {0};
    if (!fine(picture_to_tensor(p, &tensor, &error), &error))
        return;
    if (fine(picture_from_tensor(&tensor.t, p->depth, false, &back, &error), &error)) {
        fuzz_check(same_pixels(p, &back), "a tensor in between changed the picture");
        picture_free(&back);
    }
    if (fine(picture_from_tensor(&tensor.t, 8, true, &normal, &error), &error)) {
        fuzz_check(normal.depth == 8 && count(&normal) == count(p), "another picture");
        picture_free(&normal);
    }
    other_tensors(p, &tensor);
    tensor_free(&tensor);
}

static void through_format(const picture_format *format, const cli_picture *p)
{
    cli_error error = {.text = ""};
    unsigned char *bytes = NULL;
    size_t n = 0;
    cli_picture back = {0};
    if (!fine(format->encode(p, &bytes, &n, &error), &error))
        return;
    fuzz_check(picture_format_of_bytes(bytes, n) == format, "written as another format");
    if (fine(format->decode(bytes, n, &back, &error), &error)) {
        const bool is_exact = strcmp(format->name, "JPEG") != 0;
        fuzz_check(is_exact ? same_pixels(p, &back)
                            : back.width == p->width && back.height == p->height &&
                                  back.channels == p->channels,
                   "a file in between changed the picture");
        picture_free(&back);
    }
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    cli_error error = {.text = ""};
    cli_picture p = {0};
    const picture_format *format = picture_format_of_bytes(bytes, n);
    if (!format)
        return 0;
    if (!format->decode(bytes, n, &p, &error)) {
        fuzz_check(error.text[0], "refused without a sentence");
        fuzz_check(!p.pixels, "refused, but there are pixels");
        return 0;
    }
    fuzz_check(p.width >= 1 && p.width <= PICTURE_MAX_SIDE && p.height >= 1 &&
                   p.height <= PICTURE_MAX_SIDE && count(&p) <= PICTURE_MAX_SAMPLES,
               "sizes out of range");
    fuzz_check((p.channels == 1 || p.channels == 3 || p.channels == 4) &&
                   (p.depth == 8 || p.depth == 16 || p.depth == 32),
               "no such picture exists");
    unsigned sum = 0; /* every byte is read: a tool that checks memory sees what nobody wrote */
    for (size_t i = 0; i < count(&p) * (size_t)p.depth / 8; i++)
        sum += ((const unsigned char *)p.pixels)[i];
    fuzz_check(sum < UINT32_MAX, "cannot be: at most 2^28 samples of 255");
    if (count(&p) <= SAMPLES_MAX) {
        through_tensor(&p);
        for (int i = 0; i < N_NAMES; i++) {
            const picture_format *other = picture_format_of_name(names[i]);
            const bool depth_fits =
                other && (p.depth == 32) == (other->depth == 32) && p.depth <= other->depth;
            if (depth_fits && picture_holds(other, p.channels))
                through_format(other, &p);
        }
    }
    picture_free(&p);
    return 0;
}
