/* SPDX-License-Identifier: BSD-2-Clause
 * How workers share a problem whose blocks of pixels are taken by all output channel tiles. */
#ifndef C2_CPU_SHARE_H
#define C2_CPU_SHARE_H

#include "cpu/driver.h"

/* Blocks of pixels, more and smaller ones than the plan has for one worker, unless they are to stay
 * whole; where these are too few, parts of the output channel tiles as well, each of which prepares
 * pixels of its own. */
typedef struct c2_share {
    c2_split blocks, parts;
    int64_t tasks;
} c2_share;
/* blocks: the plan's, of `units`; images: and groups. */
c2_share c2_share_of(c2_split blocks, int64_t units, bool whole, int64_t oc_tiles, int64_t images,
                     int64_t workers);
/* One of its tasks: units [begin, end) of an image, by output channel tiles. */
typedef struct c2_share_task {
    int64_t image, begin, end, tile_begin, tile_end;
} c2_share_task;
c2_share_task c2_share_task_of(const c2_share *share, size_t task);

#endif
