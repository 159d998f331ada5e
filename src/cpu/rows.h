/* SPDX-License-Identifier: BSD-2-Clause
 * Row pointers of kernels whose rows are pixels: for each tap and pixel of a tile, where the
 * pixel's channels lie, or zeros for a padded tap. */
#ifndef C2_CPU_ROWS_H
#define C2_CPU_ROWS_H

#include "cpu/driver.h"

typedef struct c2_rows {
    const c2_problem *problem;
    const char *image;          /* element (n, first channel, 0, 0) */
    const void *zeros;          /* at least as many as the kernel reads through a row */
    ptrdiff_t y_bytes, x_bytes; /* strides of the input */
    bool merge; /* the taps of a kernel row follow each other in memory */
    int m;
    bool inside;                        /* no tap of any of the pixels is padded */
    bool merged;                        /* the taps of a kernel row are one */
    int64_t y[C2_MAX_MR], x[C2_MAX_MR]; /* of each pixel's first tap */
    ptrdiff_t first[C2_MAX_MR];         /* its distance from the image, bytes */
} c2_rows;

void c2_rows_init(c2_rows *r, const c2_problem *p, const void *image, const void *zeros);
/* From here on the taps of a kernel row are one, wherever none of them is padded. */
void c2_rows_merge(c2_rows *r, bool merge);
/* Turn to m output pixels from `first` of the flattened image on. */
void c2_rows_pixels(c2_rows *r, int64_t first, int m);
/* Of each of these pixels: runs of neighbouring channels, and the length of one. */
static inline int64_t c2_rows_taps(const c2_rows *r)
{
    return r->merged ? r->problem->kh : r->problem->kh * r->problem->kw;
}
static inline int64_t c2_rows_run(const c2_rows *r)
{
    return r->merged ? r->problem->kw * r->problem->icg : r->problem->icg;
}
/* Fill table[i][mr] for taps tap .. tap + n - 1; entries from m on are left alone. */
void c2_rows_table(const c2_rows *r, int64_t tap, size_t n, int mr, const void **table);

#endif
