/* SPDX-License-Identifier: BSD-2-Clause
 * gemm_ch: rows = pixels (through a table of pointers, broadcast), lanes = output channels (packed
 * weights). Up to VF_ROW_POINTERS pointers stay in integer registers; a step of k is then MR
 * broadcasts, NV weight loads, MR*NV FMAs. More rows' pointers are loaded from the table again for
 * every two steps: 12x32 AVX-512 has 93 instructions for 48 FMAs (GCC 12), none on the stack. */
#include "cpu/body/body.h"
#include "cpu/body/step.h"

enum { C2_RELOAD = C2_MR > VF_ROW_POINTERS, C2_STEPS = C2_RELOAD ? 2 : 1 };

/* The table behind the pointer may have changed, as far as the compiler knows: it loads the rows
 * in the loop, where it would otherwise spill them and keep them all up to date. */
C2_ALWAYS_INLINE const void *const *fresh(const void *const *table)
{
    if (C2_RELOAD)
        __asm__("" : "+r"(table));
    return table;
}

/* nk steps from channel k on; last: one, which the row's last channel has for itself. */
C2_ALWAYS_INLINE void steps(const int m, const int nv, const int nk, const bool last,
                            const void *const *table, size_t k, const float *w,
                            vf acc[C2_MR][C2_NV])
{
    vf b[C2_STEPS][C2_NV];
    C2_UNROLL
    for (int s = 0; s < nk; s++) {
        C2_UNROLL
        for (int j = 0; j < nv; j++)
            b[s][j] = vf_keep(vf_load(w + s * C2_NR + j * VF));
    }
    const void *const *rows_now = fresh(table);
    C2_UNROLL
    for (int i = 0; i < m; i++) {
        const px *p = (const px *)rows_now[i] + k;
        C2_UNROLL
        for (int s = 0; s < nk; s++) {
            /* Zen 4 broadcasts an operand of an FMA for nothing, by an instruction of its own in a
             * unit of FMAs: 12.1 instead of 16.6 cycles a step of 12x16. */
            const vf one = last ? step_set1_last(p) : step_set1(p + s * C2_STEP);
            const vf x = nv == 1 ? one : vf_keep(one);
            C2_UNROLL
            for (int j = 0; j < nv; j++)
                acc[i][j] = step_add(x, b[s][j], acc[i][j]);
        }
    }
}

/* Lines of a large output come from far away to be written; the products hide that. */
C2_ALWAYS_INLINE void expect_output(const int m, void *const *out, ptrdiff_t at)
{
    C2_UNROLL
    for (int i = 0; i < m; i++) {
        const px *to = (const px *)out[i] + at;
        C2_UNROLL
        for (size_t j = 0; j < C2_NR; j += 64 / sizeof *to)
            __builtin_prefetch(to + j, 1);
    }
}

C2_ALWAYS_INLINE void store(const int m, const int nv, const bool bounded, const bool streams,
                            const c2_gemm_ch_args *a, void *const *out,
                            const vf acc[C2_MR][C2_NV])
{
    const int last = a->n - (nv - 1) * VF; /* lanes of the last vector */
    const vf low = vf_set1(a->low), high = vf_set1(a->high);
    vf bias[C2_NV];
    C2_UNROLL
    for (int j = 0; j < nv; j++)
        bias[j] = vf_load(a->bias + j * VF);
    C2_UNROLL
    for (int i = 0; i < m; i++) {
        px *to = (px *)out[i] + a->at;
        C2_UNROLL
        for (int j = 0; j < nv; j++) {
            const vf x = vf_add(acc[i][j], bias[j]);
            const vf y = bounded ? vf_min(high, vf_max(low, x)) : x;
            if (j + 1 == nv && last < VF)
                px_store_n(to + j * VF, y, last);
            else if (streams)
                px_stream(to + j * VF, y);
            else
                px_store(to + j * VF, y);
        }
    }
}

/* Bounds take the units of FMAs (Zen 4): 4 % of a tile of 16 channels. */
C2_ALWAYS_INLINE void finish(const int m, const int nv, const c2_gemm_ch_args *a,
                             void *const *out, const vf acc[C2_MR][C2_NV])
{
    if (a->streams)
        store(m, nv, true, true, a, out, acc);
    else if (a->low > -HUGE_VALF || a->high < HUGE_VALF)
        store(m, nv, true, false, a, out, acc);
    else
        store(m, nv, false, false, a, out, acc);
}

C2_ALWAYS_INLINE void tile(const int m, const int nv, const c2_gemm_ch_args *a,
                           const void *const *table, float *sums, void *const *out)
{
    vf acc[C2_MR][C2_NV];
    if (out && !a->streams)
        expect_output(m, out, a->at);
    C2_UNROLL
    for (int i = 0; i < m; i++) {
        C2_UNROLL
        for (int j = 0; j < nv; j++)
            acc[i][j] = vf_zero();
    }
    if (a->accumulate) {
        C2_UNROLL
        for (int i = 0; i < m; i++) {
            C2_UNROLL
            for (int j = 0; j < nv; j++)
                acc[i][j] = vf_load(sums + i * C2_NR + j * VF);
        }
    }
    const float *w = a->weight;
    const size_t n_taps = a->n_taps, klen = a->klen;
    for (size_t t = 0; t < n_taps; t++, table += C2_MR) {
        size_t k = 0;
        for (; k + C2_STEPS * C2_STEP <= klen; k += C2_STEPS * C2_STEP, w += C2_STEPS * C2_NR)
            steps(m, nv, C2_STEPS, false, table, k, w, acc);
        if (C2_STEPS > 1 && k + C2_STEP <= klen) {
            steps(m, nv, 1, false, table, k, w, acc);
            k += C2_STEP;
            w += C2_NR;
        }
        if (C2_STEP > 1 && k < klen) {
            steps(m, nv, 1, true, table, k, w, acc);
            w += C2_NR;
        }
    }
    if (out) {
        finish(m, nv, a, out, acc);
        return;
    }
    C2_UNROLL
    for (int i = 0; i < m; i++) {
        C2_UNROLL
        for (int j = 0; j < nv; j++)
            vf_store(sums + i * C2_NR + j * VF, acc[i][j]);
    }
}

/* Pixels of the tile after this one, if it lies as far on as these do: few output channels multiply
 * them faster than they come. An address that is no one's does no harm. */
C2_ALWAYS_INLINE void expect_input(const int m, const void *const *table, size_t klen)
{
    const uintptr_t apart = (uintptr_t)table[m - 1] - (uintptr_t)table[0];
    for (int i = 0; i < m; i++) {
        const uintptr_t next = (uintptr_t)table[i] + apart;
        for (size_t at = 0; at < klen * sizeof(px); at += 64)
            __builtin_prefetch((const void *)(next + at));
    }
}

C2_ALWAYS_INLINE void tiles(const int m, const int nv, const c2_gemm_ch_args *a)
{
    const void *const *table = a->rows;
    float *sums = a->acc;
    void *const *out = a->out;
    for (int i = 0; i < a->n_tiles; i++, table += a->tile_rows, sums += m * C2_NR) {
        if (a->far)
            expect_input(m, table, a->klen);
        tile(m, nv, a, table, sums, out);
        if (out)
            out += C2_MR;
    }
}

C2_ALWAYS_INLINE void rows(const int nv, const c2_gemm_ch_args *a)
{
    switch (a->m) {
    case 1: tiles(1, nv, a); break;
    case 2: tiles(C2_AT_MOST(2, C2_MR), nv, a); break;
    case 3: tiles(C2_AT_MOST(3, C2_MR), nv, a); break;
    case 4: tiles(C2_AT_MOST(4, C2_MR), nv, a); break;
    case 5: tiles(C2_AT_MOST(5, C2_MR), nv, a); break;
    case 6: tiles(C2_AT_MOST(6, C2_MR), nv, a); break;
    case 7: tiles(C2_AT_MOST(7, C2_MR), nv, a); break;
    case 8: tiles(C2_AT_MOST(8, C2_MR), nv, a); break;
    case 9: tiles(C2_AT_MOST(9, C2_MR), nv, a); break;
    case 10: tiles(C2_AT_MOST(10, C2_MR), nv, a); break;
    case 11: tiles(C2_AT_MOST(11, C2_MR), nv, a); break;
    default: tiles(C2_AT_MOST(12, C2_MR), nv, a); break;
    }
}
_Static_assert(C2_MR <= 12 && C2_NV <= 2, "rows and vectors have a case of their own");

c2_gemm_ch_kernel C2_GEMM(gemm_ch, dot_ch);
void C2_GEMM(gemm_ch, dot_ch)(const c2_gemm_ch_args *a)
{
    if (a->n <= VF)
        rows(1, a);
    else
        rows(C2_NV, a);
}
