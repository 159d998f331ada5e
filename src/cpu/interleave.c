/* SPDX-License-Identifier: BSD-2-Clause
 * Interleaving rows. Channels far apart become pixels by fours if they are few, by the kernel
 * widen, in blocks of vectors, if they are many; pixels of few neighbouring channels, which widen
 * would take one by one, are moved as four. */
#include "cpu/interleave.h"

#include <string.h>

#include "core/mem.h"
#include "cpu/planes.h"

enum { FOUR = 4, FEW = 16 };

/* One row of pixels, `pitch` floats apart in the copy. */
static void one_row(const c2_problem *p, c2_widen_fn widen, const float *row, float *to,
                    int64_t pitch)
{
    if (p->input_stride[3] == 1 && p->icg < FEW) {
        c2_planes_join(row, p->input_stride[1], p->w, p->icg, to, pitch);
        return;
    }
    const c2_widen_args a = {.from = row,
                             .pixel_stride = p->input_stride[3],
                             .channel_stride = p->input_stride[1],
                             .to = to,
                             .to_stride = pitch,
                             .n_pixels = (int)p->w,
                             .n_channels = (int)p->icg};
    widen(&a);
}

/* Dense rows of four channels or fewer, moved as four in order of addresses: what is written behind
 * a pixel's channels is overwritten by those that follow, but for the last pixels, of which as much
 * as there is gets copied. */
static void few_channels(const c2_problem *p, const float *row, int64_t y_stride, int64_t rows,
                         float *to)
{
    const int64_t safe = c2_max(0, p->w - FOUR);
    const size_t channels = (size_t)p->icg * sizeof *to;
    for (int64_t x = 0; x < safe; x++, row += p->icg) {
        for (int64_t r = 0; r < rows; r++, to += p->icg)
            memcpy(to, row + r * y_stride, FOUR * sizeof *to);
    }
    for (int64_t x = safe; x < p->w; x++, row += p->icg) {
        for (int64_t r = 0; r < rows; r++, to += p->icg)
            memcpy(to, row + r * y_stride, channels);
    }
}

void c2_interleave_rows(const c2_problem *p, c2_widen_fn widen, const float *image, int64_t y,
                        int64_t rows, float *to)
{
    const int64_t pitch = rows * p->icg, step = p->dilation[0];
    const int64_t first = y < 0 ? c2_min(rows, c2_div_up(-y, step)) : 0;
    const int64_t end = y < p->h ? c2_min(rows, c2_div_up(p->h - y, step)) : 0;
    if (first > 0 || end < rows)
        memset(to, 0, (size_t)(p->w * pitch) * sizeof *to);
    if (first >= end)
        return;
    const int64_t y_stride = p->input_stride[2] * step;
    const float *row = image + (y + first * step) * p->input_stride[2];
    const bool dense = p->input_stride[1] == 1 && p->input_stride[3] == p->icg;
    if (p->icg == 1 && p->input_stride[3] == 1) {
        c2_planes_join(row, y_stride, p->w, end - first, to + first, rows);
    } else if (dense && p->icg <= FOUR && end - first == rows) {
        few_channels(p, row, y_stride, rows, to);
    } else {
        for (int64_t r = first; r < end; r++, row += y_stride)
            one_row(p, widen, row, to + r * p->icg, pitch);
    }
}
