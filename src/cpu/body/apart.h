/* SPDX-License-Identifier: BSD-2-Clause
 * apart: every second or fourth float of a row to a place of its own, for the windows of strided
 * convolutions. Nothing beyond the row is read. */
#include "cpu/body/body.h"

C2_ALWAYS_INLINE vf load_part(const float *p, ptrdiff_t n)
{
    return n >= VF ? vf_load(p) : n > 0 ? vf_load_n(p, (int)n) : vf_zero();
}

C2_ALWAYS_INLINE void store_part(float *to, vf x, ptrdiff_t n)
{
    if (!to)
        return;
    if (n >= VF)
        vf_store(to, x);
    else
        vf_store_n(to, x, (int)n);
}

static void seconds(const c2_apart_args *a)
{
    for (ptrdiff_t i = 0; i < a->n; i += VF) {
        const float *from = a->from + 2 * i;
        const ptrdiff_t rest = 2 * (a->n - i);
        const vf low = load_part(from, rest), high = load_part(from + VF, rest - VF);
        store_part(a->to[0] ? a->to[0] + i : NULL, vf_evens(low, high), a->n - i);
        store_part(a->to[1] ? a->to[1] + i : NULL, vf_odds(low, high), a->n - i);
    }
}

static void fourths(const c2_apart_args *a)
{
    for (ptrdiff_t i = 0; i < a->n; i += VF) {
        vf evens[2], odds[2];
        C2_UNROLL
        for (int half = 0; half < 2; half++) {
            const ptrdiff_t at = 4 * i + 2 * half * VF, rest = 4 * a->n - at;
            const vf low = load_part(a->from + at, rest);
            const vf high = load_part(a->from + at + VF, rest - VF);
            evens[half] = vf_evens(low, high);
            odds[half] = vf_odds(low, high);
        }
        const vf x[4] = {vf_evens(evens[0], evens[1]), vf_evens(odds[0], odds[1]),
                         vf_odds(evens[0], evens[1]), vf_odds(odds[0], odds[1])};
        C2_UNROLL
        for (int j = 0; j < 4; j++)
            store_part(a->to[j] ? a->to[j] + i : NULL, x[j], a->n - i);
    }
}

c2_apart_kernel C2_K(apart);
void C2_K(apart)(const c2_apart_args *a)
{
    if (a->step == 2)
        seconds(a);
    else
        fourths(a);
}
