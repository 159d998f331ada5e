/* SPDX-License-Identifier: BSD-2-Clause
 * Row pointers; see rows.h. Pixels inside the image differ by one offset a tap; only tiles that
 * touch a border look at each coordinate. */
#include "cpu/rows.h"

#include "core/dtype.h"

void c2_rows_init(c2_rows *r, const c2_problem *p, const void *image, const void *zeros)
{
    const int64_t element = (int64_t)c2_dtype_bytes(p->input_dtype);
    r->y_bytes = p->input_stride[2] * element;
    r->x_bytes = p->input_stride[3] * element;
    r->problem = p;
    r->image = image;
    r->zeros = zeros;
    r->merge = false;
}

void c2_rows_merge(c2_rows *r, bool merge) { r->merge = merge; }

/* Coordinates of each pixel's first tap. */
static void find_coordinates(c2_rows *r, int64_t first)
{
    const c2_problem *p = r->problem;
    int64_t oy = first / p->ow, ox = first % p->ow;
    for (int i = 0; i < r->m; i++) {
        r->y[i] = oy * p->stride[0] - p->pad[0];
        r->x[i] = ox * p->stride[1] - p->pad[1];
        if (++ox == p->ow) {
            ox = 0;
            oy++;
        }
    }
}

void c2_rows_pixels(c2_rows *r, int64_t first, int m)
{
    const c2_problem *p = r->problem;
    const int64_t last_y = (p->kh - 1) * p->dilation[0], last_x = (p->kw - 1) * p->dilation[1];
    const int64_t step = p->stride[1];
    int64_t oy = first / p->ow, ox = first % p->ow;
    r->m = m;
    r->inside = true;
    for (int i = 0, end; i < m; i = end, oy++, ox = 0) { /* an output row at a time */
        const int64_t y = oy * p->stride[0] - p->pad[0], x = ox * step - p->pad[1];
        ptrdiff_t at = y * r->y_bytes + x * r->x_bytes;
        end = (int)c2_min(m, i + p->ow - ox);
        if (y < 0 || x < 0 || y + last_y >= p->h || x + (end - 1 - i) * step + last_x >= p->w)
            r->inside = false;
        for (int j = i; j < end; j++, at += step * r->x_bytes)
            r->first[j] = at;
    }
    r->merged = r->merge && r->inside;
    if (!r->inside)
        find_coordinates(r, first);
}

static void table_inside(const c2_rows *r, int64_t tap, size_t n, int mr, const void **table)
{
    const c2_problem *p = r->problem;
    const int64_t in_a_row = r->merge ? 1 : p->kw;
    int64_t kx = tap % in_a_row;
    ptrdiff_t at = tap / in_a_row * p->dilation[0] * r->y_bytes;
    for (size_t t = 0; t < n; t++, table += mr) {
        const char *tap_0 = r->image + (at + kx * p->dilation[1] * r->x_bytes);
        for (int i = 0; i < r->m; i++)
            table[i] = tap_0 + r->first[i];
        if (++kx == in_a_row) {
            kx = 0;
            at += p->dilation[0] * r->y_bytes;
        }
    }
}

static void table_row_zeros(const c2_rows *r, int64_t dy, int64_t dx, const void **table)
{
    const uint64_t h = (uint64_t)r->problem->h, w = (uint64_t)r->problem->w;
    const ptrdiff_t tap = dy * r->y_bytes + dx * r->x_bytes;
    for (int i = 0; i < r->m; i++) {
        const bool padded = (uint64_t)(r->y[i] + dy) >= h || (uint64_t)(r->x[i] + dx) >= w;
        table[i] = padded ? r->zeros : r->image + (r->first[i] + tap);
    }
}

static void table_row(const c2_rows *r, int64_t dy, int64_t dx, const void **table)
{
    const c2_problem *p = r->problem;
    if (p->padding_mode == CONV2D_PAD_ZEROS) {
        table_row_zeros(r, dy, dx, table);
        return;
    }
    for (int i = 0; i < r->m; i++) {
        const int64_t y = c2_pad_index(p->padding_mode, r->y[i] + dy, p->h);
        const int64_t x = c2_pad_index(p->padding_mode, r->x[i] + dx, p->w);
        table[i] = r->image + y * r->y_bytes + x * r->x_bytes;
    }
}

void c2_rows_table(const c2_rows *r, int64_t tap, size_t n, int mr, const void **table)
{
    const c2_problem *p = r->problem;
    if (r->inside) {
        table_inside(r, tap, n, mr, table);
        return;
    }
    int64_t ky = tap / p->kw, kx = tap % p->kw;
    for (size_t t = 0; t < n; t++, table += mr) {
        table_row(r, ky * p->dilation[0], kx * p->dilation[1], table);
        if (++kx == p->kw) {
            kx = 0;
            ky++;
        }
    }
}
