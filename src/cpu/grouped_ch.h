/* SPDX-License-Identifier: BSD-2-Clause
 * How the grouped_ch algorithm lays channels into vectors, taps into runs and pixels into
 * segments; shared by its driver and its packing. */
#ifndef C2_CPU_GROUPED_CH_H
#define C2_CPU_GROUPED_CH_H

#include "cpu/driver.h"

enum { C2_GROUPED_LANES = 16 }; /* of all instruction sets at most */

/* Output channels in vectors of `lanes`: `side` groups side by side, or, if side is 1, each group
 * in vectors of its own. */
typedef struct c2_grouped_lanes {
    int lanes;
    int64_t side, a_group; /* a_group: vectors of a group where side is 1 */
    int64_t vectors;
    int64_t unshifted; /* the first of them, whose shift is 0 */
} c2_grouped_lanes;

/* One vector of them. */
typedef struct c2_grouped_vector {
    int64_t oc, channels; /* output channels */
    int64_t offset;       /* first input channel that is read */
    int64_t shift;        /* the first group's first channel, from offset on */
} c2_grouped_vector;

c2_grouped_lanes c2_grouped_lanes_of(const c2_kernel *kernel, const c2_problem *p);
c2_grouped_vector c2_grouped_vector_at(const c2_grouped_lanes *l, const c2_problem *p, int64_t v);
/* Fill lane numbers of a vector: [icg][lanes], which channel from its offset on lane j needs. */
void c2_grouped_spread(const c2_grouped_lanes *l, const c2_problem *p, const c2_grouped_vector *v,
                       int32_t *spread);

/* Runs of a kernel row: three taps each as long as they last, then single ones. */
static inline int64_t c2_grouped_threes(const c2_problem *p)
{
    return p->dilation[1] == 1 && p->stride[1] <= 2 ? p->kw / 3 : 0;
}
static inline int64_t c2_grouped_runs(const c2_problem *p)
{
    return p->kw - 2 * c2_grouped_threes(p);
}

/* Packed weights: vector | ky | run | channel of the group | tap of the run | lanes. */
size_t c2_grouped_pack_bytes(const c2_grouped_lanes *l, const c2_problem *p);
void c2_grouped_pack_name(const c2_grouped_lanes *l, const c2_problem *p, c2_text *out);
void c2_grouped_pack(const c2_grouped_lanes *l, const c2_problem *p, const c2_weight_view *view,
                     float *packed);

#endif
