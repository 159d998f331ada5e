/* SPDX-License-Identifier: BSD-2-Clause
 * How workers share a problem; see share.h. */
#include "cpu/share.h"

#include <math.h>

#include "cpu/panel_kernel.h"

enum {
    BLOCKS_A_WORKER = 4,
    MOST_TASKS = 16 /* of a worker that are added up */
};

static c2_share share_make(c2_split blocks, c2_split parts, int64_t images)
{
    return (c2_share){blocks, parts, images * parts.n * blocks.n};
}

/* Parts must save more than the model may be wrong. */
static const double parts_doubt = 1.03;

c2_share c2_share_of(c2_split blocks, int64_t units, bool whole, int64_t oc_tiles, int64_t images,
                     int64_t workers)
{
    if (workers > 1 && !whole) {
        const int64_t wanted = c2_min(units, c2_div_up(BLOCKS_A_WORKER * workers, images));
        blocks = c2_split_even(units, c2_max(blocks.n, wanted));
    }
    const int64_t parts = workers > 1 ? c2_div_up(workers, images * blocks.n) : 1;
    return share_make(blocks, c2_split_even(oc_tiles, c2_min(parts, oc_tiles)), images);
}

/* Parts are runs of tasks: then a worker's weights are those of few. */
static bool has_runs(const c2_share *h) { return h->parts.n > 1; }

/* Seconds until the last worker ends. The first one has no fewer blocks than any other, and the
 * largest ones; where there are many, others take of its tasks what would keep it longer. */
static double seconds_of(const c2_share *h, const c2_share_cost *cost, int64_t images,
                         int64_t workers)
{
    const int64_t tasks = c2_div_up(h->tasks, workers), n = h->blocks.n;
    const double tiles = (double)c2_split_begin(&h->parts, h->parts.n);
    const double units = (double)c2_split_begin(&h->blocks, n) - 1 + cost->last;
    const double prepare = cost->prepare + cost->again * (double)(n - 1), w = (double)workers;
    const double an_image = cost->multiply + (double)h->parts.n * prepare +
                            c2_panel_weight_seconds(cost->weights, 1 / (double)h->parts.n,
                                                    (double)(n * h->parts.n));
    double first = 0, most = 0; /* of the first worker; of its tasks */
    for (int64_t done = 0; done < c2_min(tasks, MOST_TASKS); done++) {
        const int64_t i = has_runs(h) ? done : done * workers;
        const c2_share_task t = c2_share_task_of(h, (size_t)i);
        const double rest = i % n == n - 1 ? 1 - cost->last : 0;
        const double block = ((double)(t.end - t.begin) - rest) / units;
        const double part = (double)(t.tile_end - t.tile_begin) / tiles;
        const double a_task = block * (part * cost->multiply + prepare) +
                              c2_panel_weight_seconds(cost->weights, part, 1);
        first += a_task;
        most = fmax(most, a_task);
    }
    const double even = (double)images * an_image / w + most * (1 - 1 / w);
    return (tasks > MOST_TASKS ? even : fmin(first, even)) * (has_runs(h) ? parts_doubt : 1);
}

c2_share c2_share_least(c2_split blocks, int64_t units, const c2_share_cost *cost,
                        int64_t oc_tiles, int64_t images, int64_t workers)
{
    c2_share best = share_make(blocks, c2_split_even(oc_tiles, 1), images);
    if (workers <= 1)
        return best;
    double least = seconds_of(&best, cost, images, workers);
    const int64_t wanted = c2_min(units, c2_div_up(BLOCKS_A_WORKER * workers, images));
    for (int64_t parts = 1; parts <= c2_min(oc_tiles, workers); parts *= 2) {
        for (int64_t n = blocks.n; n <= c2_max(blocks.n, wanted); n++) {
            const c2_share h =
                share_make(c2_split_even(units, n), c2_split_even(oc_tiles, parts), images);
            const double t = seconds_of(&h, cost, images, workers);
            if (t <= least) { /* smaller tasks end closer to each other */
                least = t;
                best = h;
            }
        }
    }
    return best;
}

c2_share_task c2_share_task_of(const c2_share *h, size_t task)
{
    const int64_t i = (int64_t)task, block = i % h->blocks.n, part = i / h->blocks.n % h->parts.n;
    return (c2_share_task){i / h->blocks.n / h->parts.n, c2_split_begin(&h->blocks, block),
                           c2_split_begin(&h->blocks, block + 1), c2_split_begin(&h->parts, part),
                           c2_split_begin(&h->parts, part + 1)};
}

conv2d_status c2_share_run(const c2_share *h, const c2_state *s, const c2_run_args *args,
                           c2_cpu_task task)
{
    return (has_runs(h) ? c2_cpu_parallel_runs : c2_cpu_parallel)(s, args, (size_t)h->tasks, task);
}
