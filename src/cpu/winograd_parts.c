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

int64_t c2_wino_words(const c2_wino_plan *plan) { return plan->channel_blocks * STEP; }

void c2_wino_cut(const c2_state *s, const float *from, int64_t tile, int64_t c, int64_t n,
                 uint32_t *v)
{
    const c2_wino_plan *plan = &s->plan;
    const void *rows[C2_WINO_MAX_EDGE * C2_WINO_MAX_EDGE];
    for (int i = 0; i < plan->steps; i++)
        rows[i] = from + i * C2_WINO_CUT;
    const c2_parts_args a = {rows,
                             plan->steps,
                             (size_t)n,
                             v + tile / TILES * plan->v_block + c / C2_WINO_CHANNELS * STEP +
                                 tile % TILES * WORDS,
                             STEP,
                             PART,
                             plan->v_step,
                             NULL};
    s->parts(&a);
}

void c2_wino_multiply_parts(const c2_state *s, const c2_problem *p, const uint32_t *v,
                            const uint32_t *u, int64_t n, int64_t begin, int64_t end, float *m)
{
    const c2_wino_plan *plan = &s->plan;
    const int64_t words = c2_wino_words(plan), rounds = c2_div_up(n, TILES);
    const int64_t lines = c2_div_up(LINES, PRODUCTS * rounds); /* of the weights that follow */
    c2_panel_args a = {.n_steps = (size_t)plan->channel_blocks};
    for (int step = 0; step < plan->steps; step++) {
        for (int64_t panel = begin; panel < end; panel++) {
            const bool last = panel + 1 == end;
            const int64_t next = last ? begin * plan->steps + step + 1
                                      : (panel + 1) * plan->steps + step;
            a.weight = u + (panel * plan->steps + step) * words;
            a.next = (uintptr_t)(u + next * words);
            a.next_lines = !plan->far || (last && step + 1 == plan->steps) ? 0 : (size_t)lines;
            a.n = (int)c2_min(plan->nr, p->ocg - panel * plan->nr);
            float *to = m + (panel - begin) * plan->m_panel + step * plan->m_step;
            for (int64_t i = 0; i < rounds; i++) {
                c2_panel_pixels(&a, v + step * plan->v_step + i * plan->v_block, C2_WINO_PARTS,
                                TILES);
                a.acc = to + i * TILES * plan->nr;
                a.m = (int)c2_round_up((size_t)c2_min(TILES, n - i * TILES), C2_WINO_ROWS);
                s->panel(&a);
                a.next += (uintptr_t)(lines * PRODUCTS * plan->channel_blocks * 64);
            }
        }
    }
}
