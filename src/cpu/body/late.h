/* SPDX-License-Identifier: BSD-2-Clause
 * Outputs of the tile before (kernels.h), stored a few rows at each of a tile's products. */
#ifndef C2_CPU_BODY_LATE_H
#define C2_CPU_BODY_LATE_H

#include "cpu/kernels.h"

#define LATE_INLINE static inline __attribute__((always_inline))

typedef struct late_rows {
    const c2_late *to;
    const float *acc;
    int first, n;       /* its lanes */
    int row, end, step; /* the next row, their end, and how many a product stores */
} late_rows;

/* Nothing for to = NULL. */
LATE_INLINE late_rows late_begin(const c2_late *to, const float *acc, int first, const int nr,
                                 size_t products)
{
    if (!to)
        return (late_rows){0};
    const int m = to->m, n = to->n - first, spread = products < (size_t)m ? (int)products : m;
    return (late_rows){to, acc, first, n < nr ? n : nr,
                       0,  m,   spread ? (m + spread - 1) / spread : 0};
}

/* Lanes from `at` on of row `row`; by_rows: a bias for each row. */
LATE_INLINE void late_part(const c2_late *to, const bool by_rows, int row, const float *sums,
                           float *out, int at, int n)
{
    vf x = vf_load(sums);
    if (to->bias && by_rows)
        x = vf_add(x, vf_set1(to->bias[row]));
    else if (to->bias)
        x = vf_add(x, n >= VF ? vf_load(to->bias + at) : vf_load_n(to->bias + at, n));
    x = vf_min(vf_set1(to->high), vf_max(vf_set1(to->low), x));
    if (n >= VF)
        vf_store(out + at, x);
    else
        vf_store_n(out + at, x, n);
}

LATE_INLINE void late_until(late_rows *l, int end, const int nr, const bool by_rows)
{
    for (; l->row < end; l->row++) {
        float *out = l->to->out[l->row];
        const float *sums = l->acc + l->row * nr;
        if (!out)
            continue;
        if (l->n == nr)
            for (int j = 0; j < nr; j += VF)
                late_part(l->to, by_rows, l->row, sums + j, out, l->first + j, VF);
        else
            for (int j = 0; j < l->n; j += VF)
                late_part(l->to, by_rows, l->row, sums + j, out, l->first + j, l->n - j);
    }
}

LATE_INLINE void late_product(late_rows *l, const int nr, const bool by_rows)
{
    const int end = l->row + l->step;
    late_until(l, end < l->end ? end : l->end, nr, by_rows);
}

/* Those that are left, before sums are stored where theirs are. */
LATE_INLINE void late_finish(late_rows *l, const int nr, const bool by_rows)
{
    late_until(l, l->end, nr, by_rows);
}

#endif
