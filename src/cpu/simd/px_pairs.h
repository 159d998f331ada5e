/* SPDX-License-Identifier: BSD-2-Clause
 * Pixels of two neighbouring channels as pairs of bfloat16, for bodies with C2_PAIRS whose lanes
 * are pixels: words of 32 bits that are moved, not computed with. */
#ifndef C2_CPU_SIMD_PX_H
#define C2_CPU_SIMD_PX_H

#define C2_TYPE bf16
typedef float px;

static inline vf px_load(const px *p) { return vf_load(p); }
static inline vf px_load_n(const px *p, int n) { return vf_load_n(p, n); }

#endif
