/* SPDX-License-Identifier: BSD-2-Clause
 * Random strides: a tensor as a view of a larger, contiguous parent whose axes have some order. */
#include "random_layout.h"

#include <stdbool.h>

/* Orders of the axes N C H W in memory, outermost first; the first two are the usual layouts. */
static const int orders[][4] = {{0, 1, 2, 3}, {0, 2, 3, 1}, {0, 1, 3, 2},
                                {1, 0, 2, 3}, {0, 3, 2, 1}, {2, 3, 0, 1},
                                {3, 2, 1, 0}, {1, 2, 3, 0}, {0, 2, 1, 3}};
enum { ORDER_FIRST, ORDER_LAST, ORDER_OTHER, N_ORDERS = sizeof orders / sizeof orders[0] };

typedef struct form_rule {
    int order_low, order_high;
    int slice_percent; /* chance that the view leaves gaps in its parent */
} form_rule;

static const form_rule rules[] = {
    [FORM_FIRST] = {ORDER_FIRST, ORDER_FIRST, 0},
    [FORM_LAST] = {ORDER_LAST, ORDER_LAST, 0},
    [FORM_FIRST_SLICE] = {ORDER_FIRST, ORDER_FIRST, 100},
    [FORM_LAST_SLICE] = {ORDER_LAST, ORDER_LAST, 100},
    [FORM_TRANSPOSED] = {ORDER_OTHER, N_ORDERS - 1, 30},
    [FORM_EXPANDED] = {ORDER_FIRST, ORDER_LAST, 30},
    [FORM_NEGATIVE] = {ORDER_FIRST, N_ORDERS - 1, 30},
};

/* A bit for each axis, never none. */
static int random_axes(rng *r)
{
    return (int)rng_range(r, 1, 15);
}

void random_strides(rng *r, memory_form form, conv2d_tensor *tensor)
{
    const form_rule *rule = &rules[form];
    const int *order = orders[rng_range(r, rule->order_low, rule->order_high)];
    const bool slice = rng_range(r, 0, 99) < rule->slice_percent;
    const int sliced = slice ? random_axes(r) | 1 << rng_range(r, 1, 3) : 0;
    const int stepped = slice ? random_axes(r) : 0;
    const int special = random_axes(r) | 1 << rng_range(r, 1, 3);
    const int skip = 4 - tensor->rank; /* rank 3 has no N */
    int64_t pitch = 1;
    for (int i = 3; i >= 0; --i) {
        const int axis = order[i] - skip;
        if (axis < 0)
            continue;
        const bool step = (stepped >> order[i] & 1) && rng_range(r, 0, 2) == 0;
        const int64_t gap = (sliced >> order[i] & 1) ? rng_range(r, 1, 3) : 0;
        const int64_t size = tensor->sizes[axis] > 0 ? tensor->sizes[axis] : 1;
        tensor->strides[axis] = step ? 2 * pitch : pitch;
        pitch *= (step ? 2 * size : size) + gap;
        if (form == FORM_NEGATIVE && (special >> order[i] & 1))
            tensor->strides[axis] = -tensor->strides[axis];
        if (form == FORM_EXPANDED && (special >> order[i] & 1))
            tensor->strides[axis] = 0;
    }
}
