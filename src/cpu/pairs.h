/* SPDX-License-Identifier: BSD-2-Clause
 * Windows of words: pixels of two neighbouring channels, as the dot_px kernels read them. Channels
 * are first copied as they are stored, a few at a time, then paired. */
#ifndef C2_CPU_PAIRS_H
#define C2_CPU_PAIRS_H

#include "cpu/driver.h"
#include "cpu/window.h"

/* Bytes that the channels copied at a time take, which lie in the window once they are paired. */
size_t c2_pairs_stage_bytes(const c2_problem *p, const c2_window *window);
/* Fill it with the group's channels, once for each part; image: element (n, first channel, 0, 0).
 * Parts are as far apart as a window takes, rounded up to C2_ALIGN. */
void c2_pairs_fill(const c2_problem *p, const c2_words *words, const c2_window *window,
                   const c2_block *block, c2_pair_fn pair, const char *image, void *stage,
                   uint32_t *to);
/* What makes the words of a kernel's parts of pixels stored as dtype. */
c2_pair_fn c2_pair_of(const c2_kernel *kernel, int parts, int32_t dtype);

#endif
