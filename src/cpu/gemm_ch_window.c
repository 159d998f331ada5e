/* SPDX-License-Identifier: BSD-2-Clause
 * Windows of the gemm_ch driver: a block's input as float32 with neighbouring channels, [y][x][c],
 * whatever its strides, type and padding are. */
#include <string.h>

#include "core/dtype.h"
#include "cpu/gemm_ch.h"

c2_problem c2_ch_window_view(const c2_problem *p, const c2_ch_plan *plan)
{
    c2_problem v = *p;
    v.input_dtype = CONV2D_FLOAT32;
    v.h = plan->axis[0].extent;
    v.w = plan->axis[1].extent;
    v.oh = plan->axis[0].outputs;
    v.ow = plan->axis[1].outputs;
    for (int a = 0; a < 2; a++) {
        v.pad[a] = v.pad[a + 2] = 0;
        if (plan->axis[a].split) {
            v.stride[a] = 1;
            v.dilation[a] = plan->axis[a].outputs;
        }
    }
    v.input_stride[1] = 1;
    v.input_stride[2] = plan->row_pitch;
    v.input_stride[3] = plan->pixel_pitch;
    return v;
}

/* Coordinates first, first + step, ... of an axis; those of [begin, end) lie inside the image. */
typedef struct run {
    int64_t first, step, n, begin, end;
} run;

static run run_of(int64_t first, int64_t step, int64_t n, int64_t size)
{
    run r = {first, step, n, 0, n};
    if (first < 0)
        r.begin = c2_min(n, (-first + step - 1) / step);
    r.end = first < size ? c2_min(n, (size - 1 - first) / step + 1) : 0;
    r.end = c2_max(r.end, r.begin);
    return r;
}

typedef struct filling {
    const c2_problem *p;
    c2_widen_fn widen;
    int64_t element, pitch; /* of the input in bytes; of the window's pixels in floats */
} filling;

static void fill_run(const filling *f, const run *r, const char *row, float *to)
{
    const c2_problem *p = f->p;
    c2_widen_args a = {.channel_stride = p->input_stride[1],
                       .pixel_stride = r->step * p->input_stride[3],
                       .to_stride = f->pitch,
                       .n_channels = (int)p->icg};
    for (int64_t i = 0; i < r->n; i++) {
        if (i == r->begin && r->end > r->begin) {
            a.from = row + (r->first + i * r->step) * p->input_stride[3] * f->element;
            a.to = to + i * f->pitch;
            a.n_pixels = (int)(r->end - r->begin);
            f->widen(&a);
            i = r->end - 1;
            continue;
        }
        const int64_t x = c2_pad_index(p->padding_mode, r->first + i * r->step, p->w);
        a.to = to + i * f->pitch;
        if (x < 0) {
            memset(a.to, 0, (size_t)p->icg * sizeof(float));
        } else {
            a.from = row + x * p->input_stride[3] * f->element;
            a.n_pixels = 1;
            f->widen(&a);
        }
    }
}

/* The runs of an axis: one, or one a tap. */
static run axis_run(const c2_problem *p, const c2_ch_axis *axis, int a, int64_t out, int64_t tap)
{
    const int64_t first = out * p->stride[a] - p->pad[a], size = a ? p->w : p->h;
    return axis->split
               ? run_of(first + tap * p->dilation[a], p->stride[a], axis->outputs, size)
               : run_of(first, 1, axis->extent, size);
}

void c2_ch_window_fill(const c2_problem *p, const c2_ch_plan *plan, c2_widen_fn widen,
                       const char *image, int64_t y, int64_t x, float *to)
{
    const filling f = {p, widen, (int64_t)c2_dtype_bytes(p->input_dtype), plan->pixel_pitch};
    const int64_t runs_y = plan->axis[0].split ? p->kh : 1;
    const int64_t runs_x = plan->axis[1].split ? p->kw : 1;
    for (int64_t ty = 0; ty < runs_y; ty++) {
        const run ry = axis_run(p, &plan->axis[0], 0, y, ty);
        for (int64_t i = 0; i < ry.n; i++, to += plan->row_pitch) {
            const int64_t at = c2_pad_index(p->padding_mode, ry.first + i * ry.step, p->h);
            if (at < 0) {
                memset(to, 0, (size_t)plan->row_pitch * sizeof(float));
                continue;
            }
            const char *row = image + at * p->input_stride[2] * f.element;
            for (int64_t tx = 0; tx < runs_x; tx++) {
                const run rx = axis_run(p, &plan->axis[1], 1, x, tx);
                fill_run(&f, &rx, row, to + tx * rx.n * f.pitch);
            }
        }
    }
}
