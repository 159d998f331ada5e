/* SPDX-License-Identifier: BSD-2-Clause
 * Windows of words: pixels of two neighbouring channels, as the dot_px kernels read them. Channels
 * are first copied as they are stored, a few at a time, then paired. */
#ifndef C2_CPU_PAIRS_H
#define C2_CPU_PAIRS_H

#include "cpu/driver.h"
#include "cpu/window.h"

/* Bytes that the channels copied at a time take, which lie in window `words` once they are
 * paired. */
size_t c2_pairs_stage_bytes(const c2_problem *p, const c2_window *words);
/* Fill it with the group's channels; image: element (n, first channel, 0, 0). */
void c2_pairs_fill(const c2_problem *p, const c2_window *words, const c2_block *block,
                   c2_pair_fn pair, const char *image, void *stage, uint32_t *to);

#endif
