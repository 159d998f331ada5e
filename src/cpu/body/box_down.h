/* SPDX-License-Identifier: BSD-2-Clause
 * box_down: sums of kh rows for MR output rows. The rows that all of them have are added once (even
 * and odd ones apart), then those above, from the nearest on, and those below; an output row is a
 * sum of the one and of the other. Nothing is subtracted, so errors do not build up. */
#include "cpu/body/body.h"

C2_ALWAYS_INLINE vf plus_row(vf sum, const float *row, ptrdiff_t x, const bool part, int n)
{
    if (!row)
        return sum;
    return vf_add(sum, part ? vf_load_n(row + x, n) : vf_load(row + x));
}

C2_ALWAYS_INLINE void put(float *to, vf sum, const bool part, int n)
{
    if (part)
        vf_store_n(to, sum, n);
    else
        vf_store(to, sum);
}

C2_ALWAYS_INLINE void vector(const c2_box_down_args *a, ptrdiff_t x, const bool part)
{
    const int n = (int)a->n;
    const ptrdiff_t at = a->at + x, kh = a->kh;
    vf upper[C2_MR], even = vf_zero(), odd = vf_zero(), lower = vf_zero();
    ptrdiff_t r = C2_MR - 1;
    for (; r + 1 < kh; r += 2) {
        even = plus_row(even, a->rows[r], at, part, n);
        odd = plus_row(odd, a->rows[r + 1], at, part, n);
    }
    if (r < kh)
        even = plus_row(even, a->rows[r], at, part, n);
    upper[C2_MR - 1] = vf_add(even, odd);
    C2_UNROLL
    for (int i = C2_MR - 2; i >= 0; i--)
        upper[i] = plus_row(upper[i + 1], a->rows[i], at, part, n);
    put(a->out + x, upper[0], part, n);
    C2_UNROLL
    for (int i = 1; i < C2_MR; i++) {
        lower = plus_row(lower, a->rows[kh - 1 + i], at, part, n);
        put(a->out + i * a->out_pitch + x, vf_add(upper[i], lower), part, n);
    }
}
_Static_assert(C2_MR == C2_BOX_ROWS, "bits depend on how many rows share sums");

c2_box_down_kernel C2_K(box_down);
void C2_K(box_down)(const c2_box_down_args *a)
{
    if (a->n < VF) {
        vector(a, 0, true);
        return;
    }
    ptrdiff_t x = 0;
    for (; x + VF <= a->n; x += VF)
        vector(a, x, false);
    if (x < a->n)
        vector(a, a->n - VF, false);
}
