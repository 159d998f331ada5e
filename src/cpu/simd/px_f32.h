/* SPDX-License-Identifier: BSD-2-Clause
 * float32 pixels: what bodies read and write is what they compute with.
 * Included by a stub after its vec_<isa>.h. The three px_<type>.h have the same functions, so that
 * a body is written once. */
#ifndef C2_CPU_SIMD_PX_H
#define C2_CPU_SIMD_PX_H

#define C2_TYPE f32
typedef float px;

static inline vf px_set1(px x) { return vf_set1(x); }
static inline vf px_load(const px *p) { return vf_load(p); }
static inline void px_store(px *p, vf v) { vf_store(p, v); }
static inline void px_stream(px *p, vf v) { vf_stream(p, v); }
/* First n lanes, 1 <= n < VF, as vf_load_n and vf_store_n. */
static inline vf px_load_n(const px *p, int n) { return vf_load_n(p, n); }
static inline void px_store_n(px *p, vf v, int n) { vf_store_n(p, v, n); }
/* Lanes of `some` only, as vf_load_some. */
static inline vf px_load_some(const px *p, vf_some some) { return vf_load_some(p, some); }

#endif
