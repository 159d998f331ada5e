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
    int64_t whole, rest; /* where only some blocks are in parts: of each worker's tasks the first
                            ones, which have all parts of a block, and the others; or 0 */
    int64_t tasks;
} c2_share;
/* All parts of all blocks; images: and groups. */
c2_share c2_share_make(c2_split blocks, c2_split parts, int64_t images);
/* blocks: the plan's, of `units`. */
c2_share c2_share_of(c2_split blocks, int64_t units, bool whole, int64_t oc_tiles, int64_t images,
                     int64_t workers);

/* Of an image. */
typedef struct c2_share_cost {
    double multiply; /* seconds of its products, */
    double prepare;  /* to prepare its pixels in one block, */
    double again;    /* and for each further block; */
    double weights;  /* bytes that a task with all output channel tiles reads */
    double last;     /* of a unit: what its last one takes of that */
} c2_share_cost;
/* Of the plan's blocks and parts, or more of them, or parts of only those blocks that would leave
 * workers idle at the end, the way that takes least. */
c2_share c2_share_least(c2_split blocks, c2_split parts, const c2_share_cost *cost,
                        int64_t images, int64_t workers);

/* One of its tasks: units [begin, end) of an image, by output channel tiles. */
typedef struct c2_share_task {
    int64_t image, begin, end, tile_begin, tile_end;
} c2_share_task;
c2_share_task c2_share_task_of(const c2_share *share, size_t task);
/* Runs them, of each worker a run of them: neighbours share lines of the caches. */
conv2d_status c2_share_run(const c2_share *share, const c2_state *s, const c2_run_args *args,
                           c2_cpu_task task);

#endif
