/* SPDX-License-Identifier: BSD-2-Clause
 * The model: a tile costs its products and what it brings in, and so many tiles run at once. It has
 * no steps beside the tile's own edges: a layer a little larger costs a little more, and another
 * tile takes over where the two cost the same. The constants are estimates; no GPU was at hand. */
#include "gpu/tile.h"

const c2_gpu_tile c2_gpu_tiles[C2_GPU_TILES] = {
    {"32x32", 32, 32},
    {"64x32", 64, 32},
    {"64x64", 64, 64},
};

/* An M1 does 1.3e12 multiply-adds a second (published: 2.6 TFLOP/s); 8 cores with 4 threadgroups
 * each share them. A value that is brought in costs as much as 8 products, a tile's start and end
 * as much as 20000. */
static const double at_once = 32;
static const double seconds_a_product = 32 / 1.3e12;
static const double products_a_value = 8, products_a_tile = 20000;
static const int64_t chunk_terms = 16;

static double ceil_div(int64_t a, int64_t b)
{
    return (double)((a + b - 1) / b);
}

double c2_gpu_tile_seconds(const c2_gpu_tile *t, int64_t pixels, int64_t channels, int64_t sum,
                           int64_t groups)
{
    const double chunks = ceil_div(sum, chunk_terms) * (double)chunk_terms;
    const double one =
        chunks * (t->bm * t->bn + products_a_value * (t->bm + t->bn)) + products_a_tile;
    const double tiles = ceil_div(pixels, t->bm) * ceil_div(channels, t->bn) * (double)groups;
    return one * (tiles > at_once ? tiles / at_once : 1) * seconds_a_product;
}

int c2_gpu_tile_choose(int64_t pixels, int64_t channels, int64_t sum, int64_t groups)
{
    int best = 0;
    double least = 0;
    for (int i = 0; i < C2_GPU_TILES; i++) {
        const double s = c2_gpu_tile_seconds(&c2_gpu_tiles[i], pixels, channels, sum, groups);
        if (i == 0 || s < least) {
            best = i;
            least = s;
        }
    }
    return best;
}
