/* SPDX-License-Identifier: BSD-2-Clause
 * States of transforms, and spectra of filters: each filter, dilated, lies in the upper left corner
 * of a plane of zeros. */
#include <string.h>

#include "core/dtype.h"
#include "core/half.h"
#include "cpu/fft.h"

conv2d_status c2_fft_states_make(const conv2d_allocator *allocator, const c2_fft_plan *plan,
                                 c2_fft_states *states_out)
{
    c2_fft_states s = {.bytes = {0, 0}};
    for (int a = 0; a < 2; a++) {
        s.bytes[a] = c2_kiss_bytes(plan->size[a]);
        s.forward[a] = c2_alloc(allocator, s.bytes[a]);
        s.inverse[a] = c2_alloc(allocator, s.bytes[a]);
        if (!s.forward[a] || !s.inverse[a] ||
            !c2_kiss_make(s.forward[a], s.bytes[a], plan->size[a], false) ||
            !c2_kiss_make(s.inverse[a], s.bytes[a], plan->size[a], true)) {
            c2_fft_states_free(allocator, &s);
            return c2_fail(CONV2D_E_NOMEM, "no memory for transforms of length %d", plan->size[a]);
        }
    }
    *states_out = s;
    return CONV2D_OK;
}

void c2_fft_states_free(const conv2d_allocator *allocator, c2_fft_states *s)
{
    for (int a = 0; a < 2; a++) {
        c2_free(allocator, s->forward[a], s->bytes[a]);
        c2_free(allocator, s->inverse[a], s->bytes[a]);
    }
}

void c2_fft_turn(const c2_fft_plan *plan, const c2_fft_states *states, const c2_complex *plane,
                 c2_complex *spectrum)
{
    for (int x = 0; x < plan->size[1]; x++)
        c2_kiss_run(states->forward[0], plane + x, (int)c2_fft_pitch(plan->size[1]),
                    spectrum + (ptrdiff_t)x * plan->size[0]);
}

/* The plane of a filter, rows transformed; row: room for one. */
static void fill_plane(const c2_problem *p, const c2_fft_plan *plan, const c2_fft_states *states,
                       const char *filter, c2_complex *row, c2_complex *plane)
{
    const int64_t pitch = c2_fft_pitch(plan->size[1]);
    memset(row, 0, plan->row_bytes);
    memset(plane, 0, plan->plane_bytes);
    for (int64_t y = 0; y < p->kh; y++) {
        for (int64_t x = 0; x < p->kw; x++)
            row[x * p->dilation[1]].re =
                c2_load_f32(filter, p->weight_dtype,
                            y * p->weight_stride[2] + x * p->weight_stride[3]);
        c2_kiss_run(states->forward[1], row, 1, plane + y * p->dilation[0] * pitch);
    }
}

conv2d_status c2_fft_pack(conv2d_device *device, const c2_problem *p, const c2_fft_plan *plan,
                          const c2_weight_view *view, c2_complex *to)
{
    c2_fft_states states;
    const size_t bytes = plan->plane_bytes + plan->row_bytes;
    conv2d_status status = c2_fft_states_make(&device->allocator, plan, &states);
    if (status != CONV2D_OK)
        return status;
    c2_complex *plane = c2_alloc(&device->allocator, bytes);
    if (!plane) {
        c2_fft_states_free(&device->allocator, &states);
        return c2_fail(CONV2D_E_NOMEM, "no memory to transform filters");
    }
    c2_complex *row = plane + plan->plane_bytes / sizeof *plane;
    const int64_t element = (int64_t)c2_dtype_bytes(p->weight_dtype);
    const double scale = 1 / (double)plan->points;
    for (int64_t i = 0; i < p->oc * p->icg; i++, to += plan->points) {
        const int64_t at = i / p->icg * p->weight_stride[0] + i % p->icg * p->weight_stride[1];
        fill_plane(p, plan, &states, (const char *)view->weight + at * element, row, plane);
        c2_fft_turn(plan, &states, plane, to);
        for (int64_t k = 0; k < plan->points; k++) {
            to[k].re = (float)((double)to[k].re * scale);
            to[k].im = (float)((double)to[k].im * -scale);
        }
    }
    c2_free(&device->allocator, plane, bytes);
    c2_fft_states_free(&device->allocator, &states);
    return CONV2D_OK;
}
