/* SPDX-License-Identifier: BSD-2-Clause
 * Windows: the part of the input that a block of output pixels needs, copied so that padding,
 * strides and dilation disappear. Lanes = pixels kernels then read every tap in place: the lanes of
 * tap t are the window from c2_window_tap(t) on.
 *
 * A stride s splits an axis into phases, padded coordinates of equal remainder modulo s; only the
 * phases that taps use are copied. Within a phase, lane i + 1 follows lane i, and a tap is an
 * offset. An axis may also be `split`: one phase a tap, then rows have no lanes between them.
 *   channel 0: phase (0,0): row 0 | row 1 | ...   each `pitch` lanes: cols + what taps reach beyond
 *              phase (0,1): ...
 *   channel 1: `channel_pitch` elements later
 * Elements are copied as they are stored, 4 or 2 bytes each. */
#ifndef C2_CPU_WINDOW_H
#define C2_CPU_WINDOW_H

#include "core/problem.h"
#include "cpu/cpu.h"

/* In front of functions of an element's size in bytes, which become a copy for each size. */
#define C2_FOR_EACH_SIZE static inline __attribute__((always_inline))

typedef struct c2_axis {
    int64_t k, stride, dilation, pad, size;
    int64_t n_phases, reach; /* reach: lanes that taps reach beyond the block */
    bool split;
} c2_axis;

typedef struct c2_window {
    c2_axis y, x;
    int32_t padding_mode;
    int32_t element;    /* bytes */
    bool whole_pixels;  /* all channels of the image are neighbours, and so are its pixels */
    c2_apart_fn apart;  /* takes a row's phases apart */
    int64_t rows, cols; /* output pixels of a full block */
    int64_t pitch, channel_pitch;
} c2_window;

/* A block of output pixels: rows x cols of them from (y, x) on; at most the window's. */
typedef struct c2_block {
    int64_t y, x, rows, cols;
} c2_block;

/* Lanes after the last one that a kernel may read when it rounds up to whole vectors. */
enum { C2_WINDOW_SLACK = 64 };

void c2_window_init(c2_window *w, const c2_problem *p, bool split_y, bool split_x);
/* Before the first c2_window_fill(); kernel: any of the instruction set that may be used. */
void c2_window_use(c2_window *w, const c2_kernel *kernel);
/* Fix the block: sets rows, cols, pitch, channel_pitch. False, and nothing set, if n_channels take
 * more than most_bytes; else *bytes_out is what they take, slack included. */
bool c2_window_set_block(c2_window *w, int64_t rows, int64_t cols, int64_t n_channels,
                         double most_bytes, size_t *bytes_out);
/* Offset of tap (ky, kx)'s first lane. */
int64_t c2_window_tap(const c2_window *w, int64_t ky, int64_t kx);
/* Copy n channels of the block. image: element (first channel, 0, 0); stride: of channel, y, x. */
void c2_window_fill(const c2_window *w, const c2_block *block, const void *image,
                    const int64_t stride[3], int64_t n_channels, void *to);

#endif
