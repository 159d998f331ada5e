/* SPDX-License-Identifier: BSD-2-Clause
 * Shape arithmetic: output extents, reach of strides, distinct addresses, names of layouts. */
#include "core/shape.h"

#include "core/mem.h"

enum { MAX_RANK = 4 };

bool c2_output_extent(int64_t size, int64_t before, int64_t after, int64_t k, int64_t stride,
                      int64_t dilation, int64_t *out)
{
    int64_t padded, reach, room;
    if (!c2_add_ok(size, before, &padded) || !c2_add_ok(padded, after, &padded) ||
        !c2_mul_ok(dilation, k - 1, &reach) || !c2_add_ok(padded, -reach, &room) ||
        !c2_add_ok(room, -1, &room))
        return false;
    /* C divides toward zero, which would turn "does not fit" into an extent of 1. */
    const int64_t steps = room / stride - (room % stride < 0);
    return c2_add_ok(steps, 1, out);
}

bool c2_extent(int rank, const int64_t *sizes, const int64_t *strides, int64_t element_bytes,
               int64_t *low_out, int64_t *high_out)
{
    int64_t low = 0, high = 0, count = 1;
    for (int a = 0; a < rank; a++) {
        if (sizes[a] == 0) {
            *low_out = 0;
            *high_out = -1;
            return true;
        }
    }
    for (int a = 0; a < rank; a++) {
        int64_t reach;
        if (!c2_mul_ok(count, sizes[a], &count))
            return false;
        if (sizes[a] == 1)
            continue;
        int64_t *const end = strides[a] < 0 ? &low : &high;
        if (!c2_mul_ok(sizes[a] - 1, strides[a], &reach) || !c2_add_ok(*end, reach, end))
            return false;
    }
    int64_t span, bytes;
    if (!c2_mul_ok(low, element_bytes, &bytes) || !c2_add_ok(high, 1, &span) ||
        !c2_mul_ok(span, element_bytes, &bytes) || low == INT64_MIN ||
        !c2_add_ok(span, -low, &span) || !c2_mul_ok(span, element_bytes, &bytes))
        return false;
    *low_out = low;
    *high_out = high;
    return true;
}

static uint64_t magnitude(int64_t x) { return x < 0 ? 0 - (uint64_t)x : (uint64_t)x; }

bool c2_strides_distinct(int rank, const int64_t *sizes, const int64_t *strides)
{
    uint64_t step[MAX_RANK], last[MAX_RANK]; /* |stride| and size - 1, ascending by step */
    int n = 0;
    for (int a = 0; a < rank && a < MAX_RANK; a++)
        if (sizes[a] == 0)
            return true;
    for (int a = 0; a < rank && a < MAX_RANK; a++) {
        if (sizes[a] == 1)
            continue;
        const uint64_t s = magnitude(strides[a]);
        int at = n++;
        for (; at > 0 && step[at - 1] > s; at--) {
            step[at] = step[at - 1];
            last[at] = last[at - 1];
        }
        step[at] = s;
        last[at] = (uint64_t)(sizes[a] - 1);
    }
    uint64_t reach = 0; /* farthest offset the smaller axes span; saturates */
    for (int i = 0; i < n; i++) {
        if (step[i] <= reach)
            return false;
        uint64_t more;
        if (__builtin_mul_overflow(step[i], last[i], &more) ||
            __builtin_add_overflow(reach, more, &reach))
            reach = UINT64_MAX;
    }
    return true;
}

/* Axes from the innermost out. A table for ranks 3 and 4; other ranks have one order, the last axis
 * innermost. */
static int inner_axis(int rank, conv2d_order order, int i)
{
    static const int channels_last[2][4] = {{0, 2, 1, -1}, {1, 3, 2, 0}}; /* C W H, C W H N */
    if (order == CONV2D_NHWC && (rank == 3 || rank == 4))
        return channels_last[rank - 3][i];
    return rank - 1 - i;
}

void c2_contiguous_strides(int rank, const int64_t *sizes, conv2d_order order, int64_t *strides)
{
    int64_t step = 1;
    for (int i = 0; i < rank; i++) {
        const int a = inner_axis(rank, order, i);
        strides[a] = step;
        /* An empty axis counts as 1, as in other libraries: the other strides stay usable. */
        if (!c2_mul_ok(step, c2_max(sizes[a], 1), &step))
            step = INT64_MAX;
    }
}

static bool is_order(int rank, const int64_t *sizes, const int64_t *strides, conv2d_order order)
{
    int64_t dense[MAX_RANK];
    c2_contiguous_strides(rank, sizes, order, dense);
    for (int a = 0; a < rank; a++)
        if (sizes[a] != 1 && strides[a] != dense[a])
            return false;
    return true;
}

const char *c2_layout_name(int rank, const int64_t *sizes, const int64_t *strides)
{
    if (rank < 1 || rank > MAX_RANK)
        return "strided";
    if (is_order(rank, sizes, strides, CONV2D_NCHW))
        return "nchw";
    return is_order(rank, sizes, strides, CONV2D_NHWC) ? "nhwc" : "strided";
}
