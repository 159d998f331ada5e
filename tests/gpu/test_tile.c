/* SPDX-License-Identifier: BSD-2-Clause
 * The model that chooses the tile of the implicit GEMM: what it prefers, and that it has no
 * cliffs. */
#include "core/cmocka_all.h"
#include "gpu/tile.h"

static double best(int64_t pixels, int64_t channels, int64_t sum)
{
    const int i = c2_gpu_tile_choose(pixels, channels, sum, 1);
    return c2_gpu_tile_seconds(&c2_gpu_tiles[i], pixels, channels, sum, 1);
}

static const char *choice(int64_t pixels, int64_t channels, int64_t sum, int64_t groups)
{
    return c2_gpu_tiles[c2_gpu_tile_choose(pixels, channels, sum, groups)].name;
}

static void test_preferences(void **state)
{
    (void)state;
    /* Layers of ResNet-50 at 224 x 224, batch 32: the largest tile fills the GPU. */
    assert_string_equal(choice(32 * 56 * 56, 64, 576, 1), "64x64");
    assert_string_equal(choice(32 * 7 * 7, 2048, 512, 1), "64x64");
    /* Few channels: a wide tile would compute columns that nobody wants. */
    assert_string_equal(choice(32 * 56 * 56, 32, 576, 1), "64x32");
    assert_string_equal(choice(32 * 56 * 56, 8, 576, 1), "64x32");
    assert_string_equal(choice(32 * 56 * 56, 4, 36, 32), "64x32");
    /* One small picture: small tiles, so that more of the GPU has work. */
    assert_string_equal(choice(7 * 7, 64, 4608, 1), "32x32");
    assert_string_equal(choice(14 * 14, 256, 2304, 1), "32x32");
}

static void test_chosen_is_cheapest(void **state)
{
    (void)state;
    static const int64_t pixels[] = {1, 31, 64, 65, 1000, 50176, 1 << 20};
    static const int64_t channels[] = {1, 16, 33, 64, 96, 512};
    for (size_t i = 0; i < sizeof pixels / sizeof *pixels; i++)
        for (size_t j = 0; j < sizeof channels / sizeof *channels; j++) {
            const double least = best(pixels[i], channels[j], 288);
            assert_true(least > 0);
            for (int t = 0; t < C2_GPU_TILES; t++)
                assert_true(least <=
                            c2_gpu_tile_seconds(&c2_gpu_tiles[t], pixels[i], channels[j], 288, 1));
        }
}

/* More work never costs less, and one pixel, one channel or 16 terms more cost at most what the
 * edge of one tile brings: no cliff. */
static void test_no_cliffs(void **state)
{
    (void)state;
    for (int64_t pixels = 2048; pixels < 16384; pixels += 37) {
        const double here = best(pixels, 96, 576), there = best(pixels + 1, 96, 576);
        assert_true(there >= here && there <= here * 1.05);
    }
    for (int64_t channels = 64; channels < 512; channels++) {
        const double here = best(12544, channels, 576), there = best(12544, channels + 1, 576);
        assert_true(there >= here && there <= here * 1.7);
    }
    for (int64_t sum = 16; sum < 4608; sum++) {
        const double here = best(12544, 96, sum), there = best(12544, 96, sum + 1);
        assert_true(there >= here && there <= here * 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_preferences),
        cmocka_unit_test(test_chosen_is_cheapest),
        cmocka_unit_test(test_no_cliffs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
