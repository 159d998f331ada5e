/* SPDX-License-Identifier: BSD-2-Clause
 * Tasks of panels of the gemm_px driver: panels of all tiles of a block's lanes for a chunk of k,
 * then all output channels over that chunk. The block's lanes are output pixels [x, x + cols) of
 * the flattened image, or of the block's own rows (window panel). On tile registers the panels of
 * the next chunk, or of the worker's next task, are filled meanwhile. */
#include "cpu/gemm_px.h"

int64_t c2_px_panel_bytes(const c2_state *s)
{
    return s->plan.pack.chunk * s->kernel->nr * s->element * s->plan.tile_parts;
}

/* Where the lanes of a panel's tile go. */
static c2_lanes panel_lanes(const c2_px_work *w, int64_t first, int64_t n)
{
    const int64_t ow = w->args->problem->ow;
    if (w->s->plan.mode == C2_PX_WINDOW_PANEL)
        return (c2_lanes){first, n, w->block.cols, w->block.cols, w->block.y, w->block.x};
    return (c2_lanes){w->block.x + first, n, ow, ow, 0, 0};
}

/* Tiles of sums that scratch has room for: of a task with most of them, for the same worker's next
 * panels are behind them. Of one chunk nothing waits. */
static int64_t sums_places(const c2_state *s, int64_t k_all)
{
    const c2_px_plan *plan = &s->plan;
    return plan->pack.chunk < k_all
               ? c2_div_up(plan->pack.tiles.n, plan->tile_blocks.n) * plan->panel_tiles
               : 1;
}

/* What one chunk's products are made of. */
typedef struct chunk {
    const c2_px_work *w;
    c2_px_lane_tiles cut;
    const char *panels;
    float *sums;
    int64_t k0, k1, k_all;
    c2_px_filler *next; /* of the panels that are filled meanwhile, or NULL; */
    size_t calls, pieces; /* that are left: of the kernel for it, and of it */
    c2_panel_kept *kept;
    bool goes_on; /* the worker has another task */
} chunk;

/* A call's pieces. */
static c2_meanwhile meanwhile_of(chunk *c)
{
    if (!c->next)
        return (c2_meanwhile){0};
    const size_t pieces = (c->pieces + c->calls - 1) / c->calls;
    c->calls--;
    c->pieces -= pieces;
    return (c2_meanwhile){c2_px_filler_piece, c->next, pieces};
}

/* Tiles of lanes of a call: all, where their sums are complete, outputs are stored late and only
 * the last tile may be narrower than the kernel's. */
static int64_t tiles_of_call(const chunk *c)
{
    const c2_state *s = c->w->s;
    const int64_t n = c->cut.vectors.n, nr = s->kernel->nr;
    const bool whole = c->k0 == 0 && c->k1 == c->k_all;
    const bool full = c2_split_begin(&c->cut.vectors, n - 1) * c->cut.vector == (n - 1) * nr;
    return whole && full && s->late && !s->plan.far ? n : 1;
}

/* As c2_panel_call(), of output channel tile t and lanes [first, first + n) of the block. */
static void call_late(chunk *c, c2_gemm_px_args *a, int64_t t, int64_t first, int64_t n,
                      bool final)
{
    const c2_px_work *w = c->w;
    const c2_problem *p = w->args->problem;
    const int64_t nr = w->s->kernel->nr, last = (n - 1) / nr * nr;
    const c2_target target =
        c2_target_of(w->args, w->s->epilogue, w->n, w->g * p->ocg + c2_px_tile_first(w, t));
    c2_panel_late *own = c2_panel_own(c->kept, &target, a->m, (int)n);
    for (int i = 0; i < a->m; i++)
        own->out[i] = (float *)(void *)target.out + i * p->output_stride[1] + w->block.x + first;
    a->late = c->kept->waits;
    a->own = last > 0 ? &own->to : NULL;
    w->s->fn(a);
    if (!final) {
        c2_panel_wait(c->kept, a->acc, (int)last);
        return;
    }
    const c2_lanes lanes = panel_lanes(w, first + last, n - last);
    c->kept->waits = NULL;
    c2_px_store_tiles(w, t, t + 1, a->acc, &lanes);
}

static void multiply(chunk *c)
{
    const c2_px_work *w = c->w;
    const c2_state *s = w->s;
    const c2_px_plan *plan = &s->plan;
    const int64_t nr = s->kernel->nr, mr = s->kernel->mr, n_tiles = w->tile_end - w->tile_begin;
    const int64_t places = sums_places(s, c->k_all), a_call = tiles_of_call(c);
    for (int64_t t = 0; t < n_tiles; t++) {
        const float *weights =
            w->weights + c2_pack_at(&plan->pack, w->tile_begin + t, c->k0, c->k1 - c->k0) *
                             plan->tile_parts;
        for (int64_t i = 0; i < c->cut.vectors.n; i += a_call) {
            c2_px_panel_tile tile;
            c2_px_set_panel_tile(w, &c->cut, i, &tile);
            const int64_t n = (a_call > 1 ? c->cut.lanes : tile.end) - tile.first;
            const c2_tap tap = {c->panels + i * c2_px_panel_bytes(s), nr};
            float *acc = c->sums + (t * plan->panel_tiles + i) % places * mr * nr;
            c2_gemm_px_args a = {.taps = &tap,
                                 .n_taps = 1,
                                 .klen = (size_t)(c->k1 - c->k0),
                                 .weight = weights,
                                 .acc = acc,
                                 .m = c2_px_tile_rows(w, w->tile_begin + t),
                                 .n = (int)(c2_div_up(n, c->cut.vector) * c->cut.vector),
                                 .accumulate = c->k0 > tile.live_begin,
                                 .part_pitch = plan->part_pitch,
                                 .meanwhile = meanwhile_of(c),
                                 .tile_words = c2_px_panel_bytes(s) / (int64_t)sizeof(uint32_t)};
            if (plan->far)
                c2_px_fetch_next(plan, i, c->cut.vectors.n, &a);
            if (s->late && c->k1 == c->k_all) {
                const bool final =
                    t + 1 == n_tiles && i + a_call == c->cut.vectors.n && !c->goes_on;
                call_late(c, &a, w->tile_begin + t, tile.first, n, final);
                continue;
            }
            if (s->late) {
                a.late = c->kept->waits;
                c->kept->waits = NULL;
            }
            if (!c2_px_is_dead(&tile, c->k0, c->k1))
                s->fn(&a);
            if (c->k1 == c->k_all) {
                const c2_lanes lanes = panel_lanes(w, tile.first, n);
                c2_px_store_tiles(w, w->tile_begin + t, w->tile_begin + t + 1, acc, &lanes);
            }
        }
    }
}

/* Turn the filler to the chunk from k0 on. */
static void turn_to(c2_px_filler *f, char *panels, int64_t k0, int64_t k_all)
{
    c2_px_filler_chunk(f, panels, k0, k0 + c2_pack_chunk(&f->w.s->plan.pack, k0, k_all));
}

void c2_px_run_panel(const c2_state *s, const c2_run_args *args, c2_cpu_turn *turn)
{
    const c2_px_plan *plan = &s->plan;
    const int64_t k_all = (int64_t)s->n_taps * plan->words.tap;
    c2_px_work w, next;
    c2_px_filler f;
    char *scratch = c2_scratch_of(args, turn->worker, plan->scratch_bytes, turn->stack);
    c2_px_work_begin(s, args, (size_t)turn->task, scratch, &w);
    c2_px_filler_begin(&f, &w);
    chunk c = {.w = &w, .cut = f.cut, .k_all = k_all};
    c.sums = (float *)(void *)(scratch + plan->stage_bytes);
    char *panels[2];
    panels[0] = (char *)(c.sums + sums_places(s, k_all) * s->kernel->mr * s->kernel->nr);
    panels[1] = panels[0] + (plan->ahead ? plan->panel_tiles * c2_px_panel_bytes(s) : 0);
    c.kept = (c2_panel_kept *)(void *)(scratch + plan->kept_at);
    c.goes_on = turn->next != C2_CPU_NO_TASK;
    bool filled = turn->prepared;
    if (s->late && !filled)
        c2_panel_keep(c.kept, s->low, s->high);
    for (; c.k0 < k_all; c.k0 = c.k1) {
        c.k1 = c.k0 + c2_pack_chunk(&plan->pack, c.k0, k_all);
        c.panels = panels[turn->side];
        if (!filled) {
            turn_to(&f, panels[turn->side], c.k0, k_all);
            c2_px_fill(&f);
        }
        const bool more = c.k1 < k_all;
        filled = plan->ahead && (more || turn->next != C2_CPU_NO_TASK);
        c.next = NULL;
        if (filled) {
            turn->side = !turn->side;
            if (!more) {
                c2_px_work_begin(s, args, (size_t)turn->next, scratch, &next);
                c2_px_filler_begin(&f, &next);
            }
            turn_to(&f, panels[turn->side], more ? c.k1 : 0, k_all);
            c.next = &f;
            c.calls = (size_t)((w.tile_end - w.tile_begin) * c.cut.vectors.n / tiles_of_call(&c));
            c.pieces = c2_px_filler_pieces(&f);
        }
        if (s->tiles)
            s->tiles(true);
        multiply(&c);
        if (s->tiles)
            s->tiles(false);
        if (filled)
            c2_px_fill(&f);
    }
}
