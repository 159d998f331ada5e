/* SPDX-License-Identifier: BSD-2-Clause
 * Filling windows of words; see pairs.h. */
#include "cpu/pairs.h"

#include <string.h>

#include "core/dtype.h"

/* Neighbouring channels are read in runs; others one after the other, two for each word. */
static int64_t channels_at_once(const c2_problem *p)
{
    return p->input_stride[1] == 1 ? 16 : 2;
}

/* The same window of channels as they are stored. */
static c2_window stage_of(const c2_problem *p, const c2_window *window)
{
    c2_window w = *window;
    w.element = (int32_t)c2_dtype_bytes(p->input_dtype);
    w.whole_pixels = false; /* the channels at once are not all of a pixel's */
    return w;
}

size_t c2_pairs_stage_bytes(const c2_problem *p, const c2_window *window)
{
    const int64_t elements = channels_at_once(p) * window->channel_pitch + C2_WINDOW_SLACK;
    return c2_round_up((size_t)elements * c2_dtype_bytes(p->input_dtype), C2_ALIGN);
}

void c2_pairs_fill(const c2_problem *p, const c2_words *words, const c2_window *window,
                   const c2_block *block, c2_pair_fn pair, const char *image, void *stage,
                   uint32_t *to)
{
    const c2_window w = stage_of(p, window);
    const int64_t pitch = w.channel_pitch, row_bytes = pitch * w.element;
    const size_t part_bytes = c2_round_up(
        (size_t)(words->tap * pitch + C2_WINDOW_SLACK) * sizeof *to, C2_ALIGN);
    const ptrdiff_t part_pitch = (ptrdiff_t)(part_bytes / sizeof *to);
    uint32_t *row = to;
    for (int64_t c = 0; c < p->icg; c += channels_at_once(p)) {
        const int64_t n = c2_min(channels_at_once(p), p->icg - c);
        c2_window_fill(&w, block, image + c * p->input_stride[1] * w.element, p->input_stride + 1,
                       n, stage);
        for (int64_t i = 0; i < n; i += 2, row += pitch) {
            const char *a = (const char *)stage + i * row_bytes;
            const c2_pair_args args = {a, i + 1 < n ? a + row_bytes : NULL, row, pitch,
                                       part_pitch, 1, 0, 0};
            pair(&args);
        }
    }
    /* Words beyond the channels, and the slack. */
    const size_t used = (size_t)(row - to) * sizeof *to;
    for (int i = 0; i < words->parts; i++)
        memset(row + i * part_pitch, 0, part_bytes - used);
}

c2_pair_fn c2_pair_of(const c2_kernel *kernel, int parts, int32_t dtype)
{
    return (c2_pair_fn)c2_words_helper(kernel, C2_FAMILY_PAIR, parts, dtype);
}
