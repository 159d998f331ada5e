/* SPDX-License-Identifier: BSD-2-Clause
 * direct_rows: one output channel, MR rows of output pixels. Input rows are walked from top to
 * bottom; each serves, with another row of weights, all output rows whose windows contain it, so a
 * vector of pixels is loaded once for up to MR products, and each output row still adds its taps in
 * order. The rows served are a range, and each range is a copy of the loop with constant bounds. */
#include "cpu/body/direct.h"

/* One input row at p for output rows first .. end - 1; w: its weights for the first of them. */
C2_ALWAYS_INLINE void input_row(const int first, const int end, const int nv, const bool part,
                                const c2_direct_args *a, const lanes *l, const px *p,
                                const float *w, vf acc[C2_MR][C2_NV])
{
    const size_t n = a->n_offsets;
    const ptrdiff_t up = a->step * (ptrdiff_t)n, *offset = a->offset;
    for (size_t k = 0; k < n; k++, w++) {
        const px *q = p + offset[k];
        vf x[C2_NV];
        C2_UNROLL
        for (int j = 0; j < nv; j++)
            x[j] = vf_keep(load_lanes(nv, part, l, q, j));
        C2_UNROLL
        for (int i = first; i < end; i++) {
            const vf b = vf_keep(vf_set1(w[(first - i) * up]));
            C2_UNROLL
            for (int j = 0; j < nv; j++)
                acc[i][j] = vf_fma(x[j], b, acc[i][j]);
        }
    }
}

C2_ALWAYS_INLINE void rows_from(const int first, int end, const int nv, const bool part,
                                const c2_direct_args *a, const lanes *l, const px *p,
                                const float *w, vf acc[C2_MR][C2_NV])
{
    switch (end - first) {
    case 1:
        input_row(first, C2_AT_MOST(first + 1, C2_MR), nv, part, a, l, p, w, acc);
        break;
    case 2:
        input_row(first, C2_AT_MOST(first + 2, C2_MR), nv, part, a, l, p, w, acc);
        break;
    case 3:
        input_row(first, C2_AT_MOST(first + 3, C2_MR), nv, part, a, l, p, w, acc);
        break;
    case 4:
        input_row(first, C2_AT_MOST(first + 4, C2_MR), nv, part, a, l, p, w, acc);
        break;
    case 5:
        input_row(first, C2_AT_MOST(first + 5, C2_MR), nv, part, a, l, p, w, acc);
        break;
    case 6:
        input_row(first, C2_AT_MOST(first + 6, C2_MR), nv, part, a, l, p, w, acc);
        break;
    default:
        break; /* none: between the windows of a step beyond the kernel's height */
    }
}

C2_ALWAYS_INLINE void tile(const int nv, const bool part, const c2_direct_args *a, const lanes *l)
{
    vf acc[C2_MR][C2_NV];
    C2_UNROLL
    for (int i = 0; i < C2_MR; i++) {
        C2_UNROLL
        for (int j = 0; j < nv; j++)
            acc[i][j] = vf_zero();
    }
    const px *pixels = (const px *)a->pixels + l->x;
    const ptrdiff_t kh = a->kh, step = a->step, n = (a->m - 1) * step + kh;
    int first = 0, end = 0;
    for (ptrdiff_t r = 0; r < n; r++) {
        end += end < a->m && r == end * step;
        first += r - first * step == kh;
        if (r < a->row_begin || r >= a->row_end)
            continue;
        const float *w = a->weight + (r - first * step) * (ptrdiff_t)a->n_offsets;
        const px *p = pixels + a->row_offset[r];
        switch (first) {
        case 0:
            rows_from(0, end, nv, part, a, l, p, w, acc);
            break;
        case 1:
            rows_from(C2_AT_MOST(1, C2_MR - 1), end, nv, part, a, l, p, w, acc);
            break;
        case 2:
            rows_from(C2_AT_MOST(2, C2_MR - 1), end, nv, part, a, l, p, w, acc);
            break;
        case 3:
            rows_from(C2_AT_MOST(3, C2_MR - 1), end, nv, part, a, l, p, w, acc);
            break;
        case 4:
            rows_from(C2_AT_MOST(4, C2_MR - 1), end, nv, part, a, l, p, w, acc);
            break;
        default:
            rows_from(C2_AT_MOST(5, C2_MR - 1), end, nv, part, a, l, p, w, acc);
            break;
        }
    }
    store_rows(C2_MR, a->m, nv, part, true, a, l, acc);
}
_Static_assert(C2_MR <= 6, "each range of rows has a case of its own");

c2_direct_rows_kernel C2_K(direct_rows);
void C2_K(direct_rows)(const c2_direct_args *a)
{
    strip(a);
}
