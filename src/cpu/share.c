/* SPDX-License-Identifier: BSD-2-Clause
 * How workers share a problem; see share.h. */
#include "cpu/share.h"

#include <math.h>

#include "cpu/panel_kernel.h"

enum {
    BLOCKS_A_WORKER = 4,
    MOST_TASKS = 16 /* of a worker that are added up */
};

c2_share c2_share_make(c2_split blocks, c2_split parts, int64_t images)
{
    return (c2_share){blocks, parts, 0, 0, images * parts.n * blocks.n};
}

/* Parts of the last blocks only, which are too few for all workers: each has as many of them. Of
 * all blocks, where there are no others, or too few tiles for it. */
static c2_share with_rest(c2_split blocks, int64_t tiles, int64_t images, int64_t workers)
{
    const int64_t all = images * blocks.n, rest = all % workers;
    int64_t parts = 1;
    while (rest * parts % workers > 0)
        parts++;
    c2_share h = c2_share_make(blocks, c2_split_even(tiles, c2_min(tiles, parts)), images);
    if (rest == all || parts > tiles)
        return h;
    h.whole = all / workers;
    h.rest = rest * parts / workers;
    h.tasks = workers * (h.whole + h.rest);
    return h;
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
    return c2_share_make(blocks, c2_split_even(oc_tiles, c2_min(parts, oc_tiles)), images);
}

/* Seconds until the last worker ends. The first one has no fewer blocks than any other, and the
 * largest ones; where there are many, others take of its tasks what would keep it longer. */
static double seconds_of(const c2_share *h, const c2_share_cost *cost, int64_t images,
                         int64_t workers)
{
    const int64_t tasks = c2_div_up(h->tasks, workers), n = h->blocks.n;
    const double tiles = (double)c2_split_begin(&h->parts, h->parts.n);
    const int64_t units = c2_split_begin(&h->blocks, n);
    const double all_units = (double)units - 1 + cost->last, w = (double)workers;
    const double prepare = cost->prepare + cost->again * (double)(n - 1);
    double first = 0, most = 0; /* of the first worker; of its tasks */
    for (int64_t done = 0; done < c2_min(tasks, MOST_TASKS); done++) {
        const c2_share_task t = c2_share_task_of(h, (size_t)done);
        const double rest = t.end == units ? 1 - cost->last : 0;
        const double block = ((double)(t.end - t.begin) - rest) / all_units;
        const double part = (double)(t.tile_end - t.tile_begin) / tiles;
        const double a_task = block * (part * cost->multiply + prepare) +
                              c2_panel_weight_seconds(cost->weights, part, 1);
        first += a_task;
        most = fmax(most, a_task);
    }
    const double even = (double)images * cost->multiply + (double)h->tasks / (double)n * prepare +
                        c2_panel_weight_seconds(cost->weights, 1, w * (double)h->whole) +
                        c2_panel_weight_seconds(cost->weights, 1 / (double)h->parts.n,
                                                (double)(h->tasks - workers * h->whole));
    const double shared = even / w + most * (1 - 1 / w);
    return (tasks > MOST_TASKS ? shared : fmin(first, shared)) * (h->parts.n > 1 ? parts_doubt : 1);
}

typedef struct search {
    const c2_share_cost *cost;
    int64_t images, workers;
    c2_share best;
    double seconds;
} search;

static void try_share(search *s, const c2_share *h)
{
    const double t = seconds_of(h, s->cost, s->images, s->workers);
    if (t <= s->seconds) { /* smaller tasks end closer to each other */
        s->seconds = t;
        s->best = *h;
    }
}

c2_share c2_share_least(c2_split blocks, c2_split parts, const c2_share_cost *cost,
                        int64_t images, int64_t workers)
{
    search s = {cost, images, workers, c2_share_make(blocks, parts, images), HUGE_VAL};
    if (workers <= 1)
        return s.best;
    const int64_t units = c2_split_begin(&blocks, blocks.n);
    const int64_t tiles = c2_split_begin(&parts, parts.n);
    const int64_t wanted = c2_div_up(BLOCKS_A_WORKER * workers, images);
    const int64_t most = c2_min(units, c2_max(wanted, blocks.n + workers - 1));
    for (int64_t n = blocks.n; n <= most; n++) {
        const c2_split cut = c2_split_even(units, n);
        for (int64_t i = parts.n; i <= c2_min(tiles, parts.n * workers); i *= 2) {
            const c2_share h = c2_share_make(cut, c2_split_even(tiles, i), images);
            try_share(&s, &h);
        }
        if (parts.n == 1 && images * n % workers > 0) {
            const c2_share h = with_rest(cut, tiles, images, workers);
            try_share(&s, &h);
        }
    }
    return s.best;
}

/* block: of those of all images. */
static c2_share_task task_make(const c2_share *h, int64_t block, int64_t part, int64_t part_end)
{
    const int64_t n = h->blocks.n;
    return (c2_share_task){block / n, c2_split_begin(&h->blocks, block % n),
                           c2_split_begin(&h->blocks, block % n + 1),
                           c2_split_begin(&h->parts, part), c2_split_begin(&h->parts, part_end)};
}

/* Task i of those that have a part of one of n blocks, the first part of all of them first. */
static c2_share_task part_task(const c2_share *h, int64_t first_block, int64_t n, int64_t i)
{
    const int64_t part = i / n % h->parts.n, round = i / n / h->parts.n;
    return task_make(h, first_block + round * n + i % n, part, part + 1);
}

c2_share_task c2_share_task_of(const c2_share *h, size_t task)
{
    const int64_t i = (int64_t)task;
    if (h->whole == 0)
        return part_task(h, 0, h->blocks.n, i);
    const int64_t run = h->whole + h->rest, worker = i / run, workers = h->tasks / run;
    if (i % run < h->whole)
        return task_make(h, worker * h->whole + i % run, 0, h->parts.n);
    return part_task(h, workers * h->whole, workers * h->rest / h->parts.n,
                     worker * h->rest + i % run - h->whole);
}

conv2d_status c2_share_run(const c2_share *h, const c2_state *s, const c2_run_args *args,
                           c2_cpu_task task)
{
    return c2_cpu_parallel_runs(s, args, (size_t)h->tasks, task);
}
