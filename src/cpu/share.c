/* SPDX-License-Identifier: BSD-2-Clause
 * How workers share a problem; see share.h. */
#include "cpu/share.h"

enum { BLOCKS_A_WORKER = 4 };

c2_share c2_share_of(c2_split blocks, int64_t units, bool whole, int64_t oc_tiles, int64_t images,
                     int64_t workers)
{
    c2_share h = {.blocks = blocks};
    if (workers > 1 && !whole) {
        const int64_t wanted = c2_min(units, c2_div_up(BLOCKS_A_WORKER * workers, images));
        h.blocks = c2_split_even(units, c2_max(blocks.n, wanted));
    }
    const int64_t parts = workers > 1 ? c2_div_up(workers, images * h.blocks.n) : 1;
    h.parts = c2_split_even(oc_tiles, c2_min(parts, oc_tiles));
    h.tasks = images * h.parts.n * h.blocks.n;
    return h;
}

c2_share_task c2_share_task_of(const c2_share *h, size_t task)
{
    const int64_t i = (int64_t)task, block = i % h->blocks.n, part = i / h->blocks.n % h->parts.n;
    return (c2_share_task){i / h->blocks.n / h->parts.n, c2_split_begin(&h->blocks, block),
                           c2_split_begin(&h->blocks, block + 1), c2_split_begin(&h->parts, part),
                           c2_split_begin(&h->parts, part + 1)};
}
