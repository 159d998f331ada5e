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

/* One channel of float32: widen takes several times as long for channels that are not neighbours of
 * others. */
static void copy_channel(const c2_widen_args *a)
{
    const float *from = a->from;
    const ptrdiff_t step = a->pixel_stride, pitch = a->to_stride;
    for (int i = 0; i < a->n_pixels; i++)
        a->to[i * pitch] = from[i * step];
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
    for (int64_t i = 0; i < c->n; i += a.n_pixels) {
        const int64_t x = c2_pad_index(p->padding_mode, c->first + i * c->step, p->w);
        a.n_pixels = i == c->begin && i < c->end ? (int)(c->end - i) : 1;
        a.from = row + x * p->input_stride[3] * element;
        a.to = to + i * c->pitch;
        if (x < 0)
            memset(a.to, 0, (size_t)c->channels * sizeof *to);
        else if (is_run(p, &a))
            memcpy(a.to, a.from, (size_t)(a.n_pixels * a.n_channels) * sizeof *to);
        else if (c->channels == 1 && p->input_dtype == CONV2D_FLOAT32)
            copy_channel(&a);
        else
            c->widen(&a);
    }
}
