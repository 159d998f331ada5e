/* SPDX-License-Identifier: BSD-2-Clause
 * Where the tiles of a block lie in V and M. Tiles at the end of a phase may be short along y, x or
 * both and then lack some steps of whole ones. In the order
 *   short along x | whole | short along y | short along both
 * the tiles that have a step follow each other, whatever the step: one call multiplies them. */
#include "cpu/winograd.h"

enum { SHORT_X, WHOLE, SHORT_Y, SHORT_BOTH };

/* Tiles of each kind before tile (y, x) of a phase, counted through all images. */
static void count_kinds(const c2_wino_plan *plan, int64_t phase, int64_t y, int64_t x,
                        int64_t n[C2_WINO_KINDS])
{
    const c2_wino_axis *ay = &plan->axis[0], *ax = &plan->axis[1];
    const bool short_y = c2_wino_is_short(ay), short_x = c2_wino_is_short(ax);
    const int64_t rows = phase * ay->grid + y, in_last_row = y == ay->grid - 1 ? x : 0;
    n[SHORT_BOTH] = short_y && short_x ? phase : 0;
    n[SHORT_X] = (short_x ? rows : 0) - n[SHORT_BOTH];
    n[SHORT_Y] = (short_y ? phase * ax->grid + in_last_row : 0) - n[SHORT_BOTH];
    n[WHOLE] = rows * ax->grid + x - n[SHORT_X] - n[SHORT_Y] - n[SHORT_BOTH];
}

static void count_before(const c2_wino_plan *plan, int64_t tile, int64_t n[C2_WINO_KINDS])
{
    const c2_wino_axis *ay = &plan->axis[0], *ax = &plan->axis[1];
    const int64_t row = tile / ax->grid;
    count_kinds(plan, row / ay->grid, row % ay->grid, tile % ax->grid, n);
}

static int kind_of(bool short_y, bool short_x)
{
    return short_y ? (short_x ? SHORT_BOTH : SHORT_Y) : short_x ? SHORT_X : WHOLE;
}

c2_wino_order c2_wino_order_make(const c2_wino_plan *plan, int64_t begin, int64_t end)
{
    c2_wino_order order = {.begin = begin, .end = end};
    int64_t before[C2_WINO_KINDS], after[C2_WINO_KINDS], first[C2_WINO_KINDS + 1] = {0};
    count_before(plan, begin, before);
    count_before(plan, end, after);
    for (int i = 0; i < C2_WINO_KINDS; i++) {
        order.base[i] = first[i] - before[i];
        first[i + 1] = first[i] + after[i] - before[i];
    }
    for (int x = 0; x < 2; x++) {
        order.begin_of[x] = first[x ? SHORT_X : WHOLE];
        order.end_of[false][x] = first[SHORT_Y];
        order.end_of[true][x] = first[x ? C2_WINO_KINDS : SHORT_BOTH];
    }
    return order;
}

c2_wino_segment c2_wino_segment_at(const c2_wino_plan *plan, const c2_wino_order *order,
                                   int64_t tile)
{
    const c2_wino_axis *ay = &plan->axis[0], *ax = &plan->axis[1];
    const int64_t row = tile / ax->grid, phase = row / ay->grid;
    c2_wino_segment seg = {.tx = tile % ax->grid,
                           .ty = row % ay->grid,
                           .x = phase % ax->phases,
                           .y = phase / ax->phases % ay->phases,
                           .n = phase / ax->phases / ay->phases};
    seg.count = c2_min(plan->segment, c2_min(ax->grid - seg.tx, order->end - tile));
    seg.size[0] = seg.ty == ay->grid - 1 ? ay->last : ay->size;
    seg.size[1] = seg.tx + seg.count == ax->grid ? ax->last : ax->size;
    const bool short_y = seg.size[0] < ay->size, short_x = seg.size[1] < ax->size;
    const int first = kind_of(short_y, short_x && seg.count == 1);
    const int last = kind_of(short_y, short_x);
    int64_t here[C2_WINO_KINDS];
    count_kinds(plan, phase, seg.ty, seg.tx, here);
    seg.first = order->base[first] + here[first];
    seg.last = order->base[last] + here[last] + (first == last ? seg.count - 1 : 0);
    return seg;
}
