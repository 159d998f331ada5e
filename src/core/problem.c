/* SPDX-License-Identifier: BSD-2-Clause
 * Questions to a problem that several layers ask: padding, operations, the activation step. */
#include "core/problem.h"

bool c2_problem_is_padded(const c2_problem *p)
{
    const int64_t size[2] = {p->h, p->w}, k[2] = {p->kh, p->kw}, out[2] = {p->oh, p->ow};
    if (out[0] <= 0 || out[1] <= 0)
        return false;
    for (int a = 0; a < 2; a++) {
        /* The first window starts at -pad; the last one ends at the tap below. */
        const int64_t last_tap =
            (out[a] - 1) * p->stride[a] - p->pad[a] + (k[a] - 1) * p->dilation[a];
        if (p->pad[a] > 0 || last_tap >= size[a])
            return true;
    }
    return false;
}

double c2_problem_flops(const c2_problem *p)
{
    return 2.0 * (double)p->n * (double)p->oc * (double)p->oh * (double)p->ow *
           (double)p->icg * (double)p->kh * (double)p->kw;
}

/* i modulo m, in [0, m). */
static int64_t wrap(int64_t i, int64_t m)
{
    const int64_t r = i % m;
    return r < 0 ? r + m : r;
}

int64_t c2_pad_index(int32_t padding_mode, int64_t i, int64_t size)
{
    if (i >= 0 && i < size)
        return i;
    switch (padding_mode) {
    case CONV2D_PAD_REFLECT: {
        if (size == 1)
            return 0;
        if (size > INT64_MAX / 2) /* the period does not fit; paddings are less than the size */
            return i < 0 ? -i : (size - 1) - (i - (size - 1));
        const int64_t r = wrap(i, 2 * (size - 1));
        return r < size ? r : 2 * (size - 1) - r;
    }
    case CONV2D_PAD_REPLICATE:
        return i < 0 ? 0 : size - 1;
    case CONV2D_PAD_CIRCULAR:
        return wrap(i, size);
    default:
        return -1;
    }
}

const c2_post *c2_problem_activation(const c2_problem *p)
{
    for (int i = 0; i < p->n_posts; i++)
        if (p->posts[i].kind == C2_POST_ACTIVATION)
            return &p->posts[i];
    return NULL;
}
