/* SPDX-License-Identifier: BSD-2-Clause
 * Strided copy: loops over four axes, rows by memcpy where both are dense. Axes that follow each
 * other in both tensors are one, so two dense tensors are one memcpy. */
#include "core/copy.h"

#include <string.h>

static void copy_row(size_t bytes, int64_t n, const char *from, int64_t from_stride, char *to,
                     int64_t to_stride)
{
    if ((from_stride == 1 && to_stride == 1) || n == 1) {
        memcpy(to, from, (size_t)n * bytes);
        return;
    }
    const int64_t step_from = from_stride * (int64_t)bytes, step_to = to_stride * (int64_t)bytes;
    for (int64_t i = 0; i < n; i++)
        memcpy(to + i * step_to, from + i * step_from, bytes);
}

void c2_copy_strided(size_t element_bytes, int rank, const int64_t *sizes, const void *from,
                     const int64_t *from_strides, void *to, const int64_t *to_strides)
{
    int64_t n[4] = {1, 1, 1, 1}, sf[4] = {0}, st[4] = {0};
    int at = 3; /* the axis being filled, innermost first */
    for (int i = rank - 1; i >= 0; i--) {
        if (sizes[i] < 1)
            return;
        if (sizes[i] == 1)
            continue;
        /* sizes and strides were checked: n elements of this stride are in memory */
        if (n[at] > 1 && from_strides[i] == n[at] * sf[at] && to_strides[i] == n[at] * st[at]) {
            n[at] *= sizes[i];
            continue;
        }
        at -= n[at] > 1;
        n[at] = sizes[i];
        sf[at] = from_strides[i];
        st[at] = to_strides[i];
    }
    const int64_t bytes = (int64_t)element_bytes;
    for (int64_t a = 0; a < n[0]; a++)
        for (int64_t b = 0; b < n[1]; b++)
            for (int64_t c = 0; c < n[2]; c++)
                copy_row(element_bytes, n[3],
                         (const char *)from + (a * sf[0] + b * sf[1] + c * sf[2]) * bytes, sf[3],
                         (char *)to + (a * st[0] + b * st[1] + c * st[2]) * bytes, st[3]);
}
