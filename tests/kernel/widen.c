/* SPDX-License-Identifier: BSD-2-Clause
 * widen: random pixels and channels, strides of either sign; every float must be the pixel's exact
 * value, and what lies between the rows must stay as it was. */
#include <stdio.h>
#include <string.h>

#include "check.h"

enum { MOST = 37, GAP = 3 };

/* Strides of two axes that do not overlap, in either order, maybe negative; and the first index. */
typedef struct strides {
    ptrdiff_t pixel, channel, first;
    size_t elements;
} strides;

static strides random_strides(rng *r, int pixels, int channels)
{
    strides s = {0, 0, 0, 0};
    const ptrdiff_t inner = rng_range(r, 0, 2) ? 1 : rng_range(r, 2, GAP);
    if (rng_range(r, 0, 1)) {
        s.channel = inner;
        s.pixel = inner * channels + rng_range(r, 0, GAP);
    } else {
        s.pixel = inner;
        s.channel = inner * pixels + rng_range(r, 0, GAP);
    }
    const ptrdiff_t reach_pixel = (pixels - 1) * s.pixel;
    const ptrdiff_t reach_channel = (channels - 1) * s.channel;
    s.elements = (size_t)(reach_pixel + reach_channel + 1);
    if (rng_range(r, 0, 3) == 0) {
        s.pixel = -s.pixel;
        s.first += reach_pixel;
    }
    if (rng_range(r, 0, 3) == 0) {
        s.channel = -s.channel;
        s.first += reach_channel;
    }
    return s;
}

static bool widen_case(check *c)
{
    rng *r = c->random;
    const int pixels = check_size(r, MOST, c->kernel->nr);
    const int channels = check_size(r, MOST, c->kernel->nr);
    const strides s = random_strides(r, pixels, channels);
    const int to_stride = channels + (int)rng_range(r, 0, GAP);
    guard_buffer from = check_pixels(c, s.elements);
    guard_buffer to = check_values(c, (size_t)((pixels - 1) * to_stride + channels));
    float before[MOST * (MOST + GAP)];
    memcpy(before, to.data, to.bytes);
    guard_protect(&to, true);
    const char *first = (const char *)from.data + s.first * (ptrdiff_t)check_pixel_bytes(c->kernel);
    const c2_widen_args args = {first,     s.pixel, s.channel, to.data,
                                to_stride, pixels,  channels};
    ((c2_widen_fn)c->kernel->fn)(&args);
    bool ok = true;
    for (int i = 0; ok && i < (int)(to.bytes / sizeof(float)); i++) {
        const int pixel = i / to_stride, channel = i % to_stride;
        const float got = ((const float *)to.data)[i];
        const float expected =
            channel < channels
                ? check_pixel(c->kernel, first, pixel * s.pixel + channel * s.channel)
                : before[i];
        ok = memcmp(&got, &expected, sizeof got) == 0;
        if (!ok)
            snprintf(c->why, c->why_bytes, "pixel %d, channel %d is %a, expected %a", pixel,
                     channel, (double)got, (double)expected);
    }
    guard_free(&to);
    guard_free(&from);
    return ok;
}

/* As NCHW images give them. */
enum { BENCH = 48 };
static _Alignas(64) float bench_from[BENCH * BENCH], bench_to[BENCH * BENCH];

static double widen_bench(const c2_kernel *k)
{
    const c2_widen_args args = {bench_from, 1, BENCH, bench_to, BENCH, BENCH, BENCH};
    ((c2_widen_fn)k->fn)(&args);
    return BENCH * BENCH;
}

const check_family check_widen = {C2_FAMILY_WIDEN, widen_case, widen_bench};
