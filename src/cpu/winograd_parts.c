/* SPDX-License-Identifier: BSD-2-Clause
 * The products of Winograd convolution by tile registers, from words of three bfloat16 parts
 * (parts.h); winograd.h draws V, U and M. */
#include "cpu/panel_kernel.h"
#include "cpu/winograd.h"

enum {
    WORDS = C2_WINO_CHANNELS / 2,
    TILES = 2 * C2_WINO_ROWS,
    PART = TILES * WORDS, /* words of a part of 32 tiles, or of nr = 32 output channels */
    STEP = C2_WINO_PARTS * PART,
    LINES = STEP * (int)sizeof(uint32_t) / 64,
    PRODUCTS = C2_WINO_PARTS * (C2_WINO_PARTS + 1) / 2 /* of parts */
};

int64_t c2_wino_words(const c2_wino_plan *plan) { return plan->piece_blocks * STEP; }

void c2_wino_cut(const c2_state *s, const c2_wino_in_args *a, int64_t tile, int64_t c,
                 uint32_t *v)
{
    const c2_wino_plan *plan = &s->plan;
    const void *rows[C2_WINO_MAX_EDGE * C2_WINO_MAX_EDGE];
    int high = a->line ? 1 : a->size[0] + a->taps[0] - 1, wide = a->size[1] + a->taps[1] - 1;
    if (wide == plan->axis[1].edge) { /* steps follow each other */
        wide *= high;
        high = 1;
    }
    v += tile / TILES * plan->v_block + c / C2_WINO_CHANNELS * STEP + tile % TILES * WORDS;
    for (int i = 0; i < high; i++, v += plan->axis[1].edge * plan->v_step) {
        for (int j = 0; j < wide; j++)
            rows[j] = a->v + i * a->v_row + j * C2_WINO_CUT;
        const c2_parts_args parts = {rows, wide, (size_t)a->channels, v,
                                     STEP, PART, plan->v_step,        NULL};
        s->parts(&parts);
    }
}

/* Channels of pieces that have a step, as they follow each other in V, C2_WINO_CHANNELS at a
 * time. */
typedef struct run {
    int64_t first, n;
} run;

static int find_runs(const c2_wino_plan *plan, int step, run runs[C2_WINO_MAX_PIECES])
{
    const c2_wino_axis *ay = &plan->axis[0], *ax = &plan->axis[1];
    int n = 0, wide = 0;
    while (wide < ax->pieces && c2_wino_has(ax, step % ax->edge, wide, ax->size))
        wide++;
    for (int64_t y = 0; y < ay->pieces; y++) {
        if (!c2_wino_has(ay, step / ax->edge, y, ay->size))
            break;
        if (n > 0 && wide == ax->pieces)
            runs[0].n += wide * plan->piece_blocks;
        else
            runs[n++] = (run){y * ax->pieces * plan->piece_blocks, wide * plan->piece_blocks};
    }
    return n;
}

/* M of 32 tiles of a panel in a step. */
static void multiply_runs(const c2_state *s, const run *runs, int n, const uint32_t *v,
                          const uint32_t *u, int64_t lines, c2_panel_args *a)
{
    a->accumulate = false;
    for (int i = 0; i < n; i++, a->accumulate = true) {
        c2_panel_pixels(a, v + runs[i].first * STEP, C2_WINO_PARTS, TILES);
        a->weight = u;
        a->n_steps = (size_t)runs[i].n;
        s->panel(a);
        u += runs[i].n * STEP;
        a->next += (uintptr_t)(lines * PRODUCTS * runs[i].n * 64);
    }
}

void c2_wino_multiply_parts(const c2_state *s, const c2_problem *p, const uint32_t *v,
                            const uint32_t *u, int64_t n, int64_t begin, int64_t end, float *m)
{
    const c2_wino_plan *plan = &s->plan;
    const int64_t a_panel = c2_wino_panel_weights(plan), rounds = c2_div_up(n, TILES);
    const int64_t lines = c2_div_up(LINES, PRODUCTS * rounds); /* of the weights that follow */
    const uint32_t *weights = u + begin * a_panel, *next = weights; /* of a step; of the next */
    c2_panel_args a = {0};
    for (int step = 0; step < plan->steps; step++, weights = next) {
        run runs[C2_WINO_MAX_PIECES];
        const int n_runs = find_runs(plan, step, runs);
        for (int i = 0; i < n_runs; i++)
            next += runs[i].n * STEP;
        for (int64_t panel = begin; panel < end; panel++) {
            const bool last = panel + 1 == end;
            const uint32_t *here = weights + (panel - begin) * a_panel;
            a.n = (int)c2_min(plan->nr, p->ocg - panel * plan->nr);
            a.next = (uintptr_t)(last ? next : here + a_panel);
            a.next_lines = !plan->far || (last && step + 1 == plan->steps) ? 0 : (size_t)lines;
            float *to = m + (panel - begin) * plan->m_panel + step * plan->m_step;
            for (int64_t i = 0; i < rounds; i++) {
                a.acc = to + i * TILES * plan->nr;
                a.m = (int)c2_round_up((size_t)c2_min(TILES, n - i * TILES), C2_WINO_ROWS);
                multiply_runs(s, runs, n_runs, v + step * plan->v_step + i * plan->v_block, here,
                              lines, &a);
            }
        }
    }
}
