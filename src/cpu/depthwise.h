/* SPDX-License-Identifier: BSD-2-Clause
 * What the depthwise algorithms share: their refusal, the packing for lanes = channels, and the
 * activations that kernels finish in registers. */
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

#endif
