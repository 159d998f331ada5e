/* SPDX-License-Identifier: BSD-2-Clause
 * Copying columns of an image row; see columns.h. Those inside the image go by one call. */
#include "cpu/columns.h"

#include <string.h>

#include "core/dtype.h"

c2_columns c2_columns_make(const c2_problem *p, c2_widen_fn widen, int64_t first, int64_t step,
                           int64_t n)
{
    c2_columns c = {.problem = p, .widen = widen, .first = first, .step = step, .n = n};
    if (first < 0)
        c.begin = c2_min(n, c2_div_up(-first, step));
    if (first < p->w)
        c.end = c2_min(n, (p->w - 1 - first) / step + 1);
    c.end = c2_max(c.end, c.begin);
    return c;
}

/* Pixels of float32 that follow each other in both, which widen would take one by one. */
static bool is_run(const c2_problem *p, const c2_widen_args *a)
{
    return p->input_dtype == CONV2D_FLOAT32 && (a->channel_stride == 1 || a->n_channels == 1) &&
           a->pixel_stride == a->n_channels && a->to_stride == a->n_channels;
}

enum { FEW = 4 };

typedef float four __attribute__((vector_size(16)));

static four load_four(const float *from)
{
    four x;
    memcpy(&x, from, sizeof x);
    return x;
}

/* Three channels, as of a picture, whose pixels are neighbours in both: four pixels at a time,
 * whose last stores hold a float of the next pixel. Returns how many were copied. */
static int copy_pictures(const c2_widen_args *a)
{
    const float *from = a->from;
    float *to = a->to;
    int i = 0;
    for (; i + 4 < a->n_pixels; i += 4, from += 4, to += 12) {
        const four r = load_four(from), g = load_four(from + a->channel_stride);
        const four b = load_four(from + 2 * a->channel_stride);
        const four rg0 = __builtin_shufflevector(r, g, 0, 4, 1, 5);
        const four rg2 = __builtin_shufflevector(r, g, 2, 6, 3, 7);
        const four rgb[4] = {__builtin_shufflevector(rg0, b, 0, 1, 4, 4),
                             __builtin_shufflevector(rg0, b, 2, 3, 5, 5),
                             __builtin_shufflevector(rg2, b, 0, 1, 6, 6),
                             __builtin_shufflevector(rg2, b, 2, 3, 7, 7)};
        for (int j = 0; j < 4; j++)
            memcpy(to + 3 * j, &rgb[j], sizeof rgb[j]);
    }
    return i;
}

/* Few channels of float32 that are not neighbours: widen takes several times as long. */
static void copy_channels(const c2_widen_args *a)
{
    const ptrdiff_t step = a->pixel_stride, pitch = a->to_stride;
    const int done = a->n_channels == 3 && step == 1 && pitch == 3 ? copy_pictures(a) : 0;
    for (int c = 0; c < a->n_channels; c++) {
        const float *from = (const float *)a->from + c * a->channel_stride;
        float *to = a->to + c;
        for (int i = done; i < a->n_pixels; i++)
            to[i * pitch] = from[i * step];
    }
}

void c2_columns_copy(const c2_columns *c, const char *row, float *to)
{
    const c2_problem *p = c->problem;
    const int64_t element = (int64_t)c2_dtype_bytes(p->input_dtype);
    if (!row) {
        memset(to, 0, (size_t)((c->n - 1) * c->pitch + c->channels) * sizeof *to);
        return;
    }
    c2_widen_args a = {.channel_stride = p->input_stride[1],
                       .pixel_stride = c->step * p->input_stride[3],
                       .to_stride = c->pitch,
                       .n_channels = c->channels};
    const bool few = c->channels == 1 || (c->channels <= FEW && a.channel_stride != 1);
    for (int64_t i = 0; i < c->n; i += a.n_pixels) {
        const int64_t x = c2_pad_index(p->padding_mode, c->first + i * c->step, p->w);
        a.n_pixels = i == c->begin && i < c->end ? (int)(c->end - i) : 1;
        a.from = row + x * p->input_stride[3] * element;
        a.to = to + i * c->pitch;
        if (x < 0)
            memset(a.to, 0, (size_t)c->channels * sizeof *to);
        else if (is_run(p, &a))
            memcpy(a.to, a.from, (size_t)(a.n_pixels * a.n_channels) * sizeof *to);
        else if (few && p->input_dtype == CONV2D_FLOAT32)
            copy_channels(&a);
        else
            c->widen(&a);
    }
}
