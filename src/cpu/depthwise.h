/* SPDX-License-Identifier: BSD-2-Clause
 * What the depthwise algorithms share: their refusal and the two packings. */
#ifndef C2_CPU_DEPTHWISE_H
#define C2_CPU_DEPTHWISE_H

#include "cpu/driver.h"

/* One input channel a group. */
bool c2_dw_supports(const c2_problem *p, c2_why *why);

/* Packed for lanes = channels: [pass][tile of kernel->nr channels][tap][lane], where pass j of a
 * channel multiplier M has output channels j, j + M, j + 2M, ... */
int64_t c2_dw_channel_tiles(const c2_kernel *kernel, const c2_problem *p);
c2_bytes c2_dw_memory(const c2_kernel *kernel, const c2_problem *p);
void c2_dw_packing(const c2_kernel *kernel, const c2_problem *p, c2_text *out);
void c2_dw_pack(const c2_kernel *kernel, const c2_problem *p, const c2_weight_view *view,
                float *packed);

/* Packed for lanes = pixels: one filter after the other, [oc][tap], whatever the problem and the
 * variant. The last two are members of a c2_algorithm. */
size_t c2_dw_filters_bytes(const c2_problem *p);
void c2_dw_filters_packing(const conv2d_device *device, const c2_problem *p, int variant,
                           c2_text *out);
conv2d_status c2_dw_filters_pack(conv2d_device *device, const c2_problem *p, int variant,
                                 const c2_weight_view *view, conv2d_buffer *packed);

#endif
