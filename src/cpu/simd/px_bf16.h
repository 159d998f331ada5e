/* SPDX-License-Identifier: BSD-2-Clause
 * bfloat16 pixels: widened when they are read, rounded once when they are written.
 * Included by a stub after its vec_<isa>.h. The three px_<type>.h have the same functions, so that
 * a body is written once. */
#ifndef C2_CPU_SIMD_PX_H
#define C2_CPU_SIMD_PX_H

#define C2_TYPE bf16
typedef uint16_t px;

static inline vf px_set1(px x) { return vf_set1_bf16(x); }
static inline vf px_load(const px *p) { return vf_load_bf16(p); }
static inline void px_store(px *p, vf v) { vf_store_bf16(p, v); }
static inline void px_stream(px *p, vf v) { px_store(p, v); }
/* First n lanes, 1 <= n < VF, as vf_load_n and vf_store_n. */
static inline vf px_load_n(const px *p, int n) { return vf_load_n_bf16(p, n); }
static inline void px_store_n(px *p, vf v, int n) { vf_store_n_bf16(p, v, n); }
/* Lanes of `some` only, as vf_load_some. */
static inline vf px_load_some(const px *p, vf_some some) { return vf_load_some_bf16(p, some); }

#endif
