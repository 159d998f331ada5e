/* SPDX-License-Identifier: BSD-2-Clause
 * What the GEMM bodies do in one step of k: a product in each lane; or, where the stub defines
 * C2_PAIRS, the two products of a pair of bfloat16, packed weights being pairs as well. The kernel
 * then belongs to family dot_ch or dot_px instead of gemm_ch or gemm_px. */
#ifndef C2_CPU_BODY_STEP_H
#define C2_CPU_BODY_STEP_H

#if defined(C2_PAIRS)
#define C2_GEMM(gemm, dot) C2_K(dot)
enum { C2_STEP = 2 }; /* channels of a step */
#define step_set1(p) vf_set1_pair(p)
#define step_set1_last(p) vf_set1_last(p)
#define step_add(x, w, sum) vf_dot(x, w, sum)
#else
#define C2_GEMM(gemm, dot) C2_K(gemm)
enum { C2_STEP = 1 };
#define step_set1(p) px_set1(*(p))
#define step_set1_last(p) px_set1(*(p))
#define step_add(x, w, sum) vf_fma(x, w, sum)
#endif

#endif
