/* SPDX-License-Identifier: BSD-2-Clause
 * Windows of the gemm_ch driver: a block's input as float32 with neighbouring channels, [y][x][c],
 * whatever its strides, type and padding are. */
#include <string.h>

#include "core/dtype.h"
#include "cpu/columns.h"
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

/* Axis a of the window of a block that begins at output `out`: the n coordinates of run `tap` (one
 * run, or one a tap where the axis is split) are first, first + step, ... */
static void find_run(const c2_problem *p, const c2_ch_axis *axis, int a, int64_t out, int64_t tap,
                     int64_t *first, int64_t *step, int64_t *n)
{
    *first = out * p->stride[a] - p->pad[a] + (axis->split ? tap * p->dilation[a] : 0);
    *step = axis->split ? p->stride[a] : 1;
    *n = axis->split ? axis->outputs : axis->extent;
}

void c2_ch_window_fill(const c2_problem *p, const c2_ch_plan *plan, c2_widen_fn widen,
                       const char *image, int64_t y, int64_t x, float *to)
{
    const int64_t element = (int64_t)c2_dtype_bytes(p->input_dtype);
    const int64_t runs_y = plan->axis[0].split ? p->kh : 1;
    const int64_t runs_x = plan->axis[1].split ? p->kw : 1;
    for (int64_t ty = 0; ty < runs_y; ty++) {
        int64_t first_y, step_y, n_y;
        find_run(p, &plan->axis[0], 0, y, ty, &first_y, &step_y, &n_y);
        for (int64_t i = 0; i < n_y; i++, to += plan->row_pitch) {
            const int64_t at = c2_pad_index(p->padding_mode, first_y + i * step_y, p->h);
            if (at < 0) {
                memset(to, 0, (size_t)plan->row_pitch * sizeof(float));
                continue;
            }
            for (int64_t tx = 0; tx < runs_x; tx++) {
                int64_t first, step, n;
                find_run(p, &plan->axis[1], 1, x, tx, &first, &step, &n);
                c2_columns columns = c2_columns_make(p, widen, first, step, n);
                columns.channels = (int)p->icg;
                columns.pitch = plan->pixel_pitch;
                c2_columns_copy(&columns, image + at * p->input_stride[2] * element,
                                to + tx * n * plan->pixel_pitch);
            }
        }
    }
}
