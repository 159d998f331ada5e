/* SPDX-License-Identifier: BSD-2-Clause
 * How workers share blocks of pixels and output channel tiles: each pair is of one task, no block
 * is larger than the plan's, for which there is memory, and what costs most decides who splits
 * what. */
#include <string.h>

#include "core/cmocka_all.h"
#include "cpu/share.h"

enum { MOST_UNITS = 40, MOST_TILES = 12, MOST_IMAGES = 3, CASES = 4000 };

static uint32_t drawn = 1;

static int64_t draw(int64_t most)
{
    drawn = drawn * 1664525u + 1013904223u;
    return 1 + (int64_t)(drawn >> 8) % most;
}

/* No block has more than `most` units, no part more than `most_tiles`. */
static void expect_all_once(const c2_share *h, int64_t most, int64_t most_tiles, int64_t images,
                            int64_t units, int64_t tiles)
{
    static int times[MOST_IMAGES][MOST_UNITS][MOST_TILES];
    memset(times, 0, sizeof times);
    for (int64_t i = 0; i < h->tasks; i++) {
        const c2_share_task t = c2_share_task_of(h, (size_t)i);
        assert_true(t.image < images && t.end <= units && t.tile_end <= tiles);
        assert_true(t.begin < t.end && t.end - t.begin <= most && t.tile_begin < t.tile_end);
        assert_true(t.tile_end - t.tile_begin <= most_tiles);
        for (int64_t u = t.begin; u < t.end; u++)
            for (int64_t o = t.tile_begin; o < t.tile_end; o++)
                times[t.image][u][o]++;
    }
    for (int64_t i = 0; i < images; i++)
        for (int64_t u = 0; u < units; u++)
            for (int64_t o = 0; o < tiles; o++)
                assert_int_equal(times[i][u][o], 1);
}

static void all_once(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        const int64_t units = draw(MOST_UNITS), tiles = draw(MOST_TILES);
        const int64_t images = draw(MOST_IMAGES), workers = draw(9);
        const c2_split plan = c2_split_even(units, draw(units));
        const int64_t most = c2_split_begin(&plan, 1);
        const c2_share_cost cost = {(double)draw(100) * 1e-5, (double)draw(100) * 1e-5,
                                    (double)draw(10) * 1e-6, (double)draw(30) * 1e6,
                                    draw(2) > 1 ? 1 : 0.6};
        const c2_share even = c2_share_of(plan, units, draw(2) > 1, tiles, images, workers);
        expect_all_once(&even, most, tiles, images, units, tiles);
        const c2_split parts = c2_split_even(tiles, draw(tiles));
        const c2_share least = c2_share_least(plan, parts, &cost, images, workers);
        expect_all_once(&least, most, c2_split_begin(&parts, 1), images, units, tiles);
    }
}

static c2_share shared(const c2_share_cost *cost, int64_t workers)
{
    /* Blocks of 4 and 3. */
    return c2_share_least(c2_split_even(7, 2), c2_split_even(8, 1), cost, 1, workers);
}

static void who_splits_what(void **state)
{
    (void)state;
    /* Weights that an L2 cache has no room for: each worker takes half of them. */
    const c2_share_cost heavy = {350e-6, 30e-6, 0, 1.5e6, 0.6};
    assert_int_equal(shared(&heavy, 2).parts.n, 2);
    const c2_share alone = shared(&heavy, 1);
    assert_int_equal(alone.parts.n, 1);
    assert_int_equal(alone.blocks.n, 2);
    /* Pixels that take long to prepare are prepared once, but those of the last block. */
    const c2_share_cost prepared = {200e-6, 180e-6, 0, 1e4, 1};
    const c2_share once = shared(&prepared, 2);
    assert_int_equal(once.blocks.n, 7);
    assert_int_equal(once.whole, 3);
    assert_int_equal(once.rest, 1);
    /* Nor these, where they take too long. */
    const c2_share_cost late = {60e-6, 600e-6, 0, 1e4, 1};
    assert_int_equal(shared(&late, 2).parts.n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_once),
        cmocka_unit_test(who_splits_what),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
