/* SPDX-License-Identifier: BSD-2-Clause
 * Filling a block's panel: rows of channels under the taps of its pixels, cut into parts; see
 * panel.h. */
#include <string.h>

#include "cpu/panel.h"

enum { WORDS = C2_PANEL_WORDS, STEP = 2 * WORDS, PIXELS = C2_PANEL_PIXELS, PIECE_STEPS = 4 };

int64_t c2_panel_tile_pixels(const c2_panel_block *b, int64_t tile)
{
    return c2_min(b->mr, b->problem->oh * b->problem->ow - tile * b->mr);
}

c2_panel_range c2_panel_live(const c2_panel_block *b, int64_t tile)
{
    const c2_problem *p = b->problem;
    if (p->kh == 1 || p->padding_mode != CONV2D_PAD_ZEROS)
        return (c2_panel_range){0, b->plan->steps};
    const int64_t first = tile * b->mr, a_row = b->plan->steps / p->kh;
    const int64_t top = first / p->ow * p->stride[0] - p->pad[0];
    const int64_t bottom =
        (first + c2_panel_tile_pixels(b, tile) - 1) / p->ow * p->stride[0] - p->pad[0];
    c2_panel_range r = {0, b->plan->steps};
    if (bottom < 0)
        r.begin = c2_min(p->kh, c2_div_up(-bottom, p->dilation[0])) * a_row;
    r.end = top < p->h ? c2_min(p->kh, (p->h - 1 - top) / p->dilation[0] + 1) * a_row : 0;
    r.end = c2_max(r.begin, r.end);
    return r;
}

c2_panel_range c2_panel_both(c2_panel_range chunk, c2_panel_range live)
{
    const c2_panel_range r = {c2_max(chunk.begin, live.begin), c2_min(chunk.end, live.end)};
    return r.begin < r.end ? r : (c2_panel_range){chunk.begin, chunk.begin};
}

/* Row `ky` of the kernel for pixels of which some have padding: their runs put together. */
static void assemble(c2_panel_filler *f, int64_t ky)
{
    const c2_problem *p = f->block.problem;
    const int64_t run = f->block.plan->run;
    const void *taps[C2_MAX_MR];
    for (int64_t kx = 0; kx < p->kw; kx++) {
        c2_rows_table(&f->rows, ky * p->kw + kx, 1, C2_MAX_MR, taps);
        for (int i = 0; i < f->rows.m; i++)
            memcpy(f->room + i * run + kx * p->icg, taps[i], (size_t)p->icg * sizeof(float));
    }
    for (int i = 0; i < f->rows.m; i++)
        f->table[i] = f->room + i * run;
}

/* The next half of a tile that has pixels, and live steps among the chunk's; false if there is
 * none. */
static bool next_half(c2_panel_filler *f)
{
    const c2_panel_block *b = &f->block;
    const int64_t last = c2_min(b->problem->oh * b->problem->ow, b->end * b->mr);
    for (; f->first < last; f->first += PIXELS) {
        f->live = c2_panel_both(f->chunk, c2_panel_live(b, f->first / b->mr));
        if (f->live.begin == f->live.end)
            continue;
        c2_rows_pixels(&f->rows, f->first, (int)c2_min(PIXELS, last - f->first));
        f->step = f->live.begin;
        return true;
    }
    f->step = f->live.end;
    return false;
}

/* The rows of the next tap, as far as its steps are live; false if there is none. */
static bool next_tap(c2_panel_filler *f)
{
    const c2_panel_plan *plan = f->block.plan;
    if (f->step == f->live.end) {
        f->first += PIXELS;
        if (!next_half(f))
            return false;
    }
    const int64_t mr = f->block.mr, part_pitch = mr * WORDS;
    const int64_t a_step = plan->words.parts * part_pitch;
    const int64_t tap = f->step / plan->steps_a_run, begin = f->step - tap * plan->steps_a_run;
    const int64_t next = c2_min(f->live.end, (tap + 1) * plan->steps_a_run);
    if (plan->words.merge && !f->rows.inside)
        assemble(f, tap);
    else
        c2_rows_table(&f->rows, tap, 1, C2_MAX_MR, f->table);
    /* Pixels that the last half lacks. */
    for (int i = f->rows.m; i < PIXELS; i++)
        f->table[i] = f->zeros;
    for (int i = 0; i < PIXELS; i++)
        f->table[i] = (const float *)f->table[i] + begin * STEP;
    const int64_t tile = f->first / mr - f->block.begin;
    const int64_t end = c2_min(plan->run, (begin + next - f->step) * STEP);
    f->tap = (c2_parts_args){.rows = f->table,
                             .m = PIXELS,
                             .run = (size_t)(end - begin * STEP),
                             .to = f->panel + f->first % mr * WORDS +
                                   (tile * plan->chunk + f->step - f->chunk.begin) * a_step,
                             .step_pitch = a_step,
                             .part_pitch = part_pitch,
                             .row_pitch = WORDS};
    f->step = next;
    f->row = 0;
    f->at = 0;
    return true;
}

void c2_panel_filler_begin(c2_panel_filler *f, int64_t begin, int64_t end)
{
    f->chunk = (c2_panel_range){begin, end};
    f->first = f->block.begin * f->block.mr;
    f->row = f->tap.m = 0;
    const int64_t part_pitch = f->block.mr * WORDS;
    f->piece_rows = c2_max(1, PIECE_STEPS / f->block.plan->steps_a_run);
    f->piece = (c2_parts_args){.m = (int)f->piece_rows,
                               .step_pitch = f->block.plan->words.parts * part_pitch,
                               .part_pitch = part_pitch,
                               .row_pitch = WORDS};
    f->live.end = end;
    next_half(f);
}

size_t c2_panel_filler_pieces(const c2_panel_filler *f)
{
    const c2_panel_plan *plan = f->block.plan;
    const int64_t pixels = (f->block.end - f->block.begin) * f->block.mr;
    const int64_t a_run = plan->steps_a_run;
    const int64_t taps = c2_div_up(f->chunk.end, a_run) - f->chunk.begin / a_run;
    const int64_t a_tap = c2_min(a_run, f->chunk.end - f->chunk.begin);
    return (size_t)(pixels / f->piece_rows * taps * c2_div_up(a_tap, PIECE_STEPS));
}

/* A few steps of a row, or rows of a few steps. The tap's arguments are not copied: loads of what
 * was just written in other sizes may wait until all stores before, of outputs, have reached the
 * cache. */
void c2_panel_filler_piece(void *filler)
{
    c2_panel_filler *f = filler;
    if (f->row == f->tap.m && !next_tap(f))
        return;
    const int64_t at = f->at * STEP, left = (int64_t)f->tap.run - at;
    const void *row = (const float *)f->table[f->row] + at;
    c2_parts_args *a = &f->piece;
    a->rows = f->piece_rows > 1 ? f->table + f->row : &row;
    a->run = (size_t)c2_min(PIECE_STEPS * STEP, left);
    a->to = f->tap.to + f->at * a->step_pitch + f->row * WORDS;
    f->parts(a);
    f->at += PIECE_STEPS;
    if (left > PIECE_STEPS * STEP)
        return;
    f->at = 0;
    f->row += f->piece_rows;
}

void c2_panel_fill(c2_panel_filler *f)
{
    while (f->row < f->tap.m)
        c2_panel_filler_piece(f);
    while (next_tap(f))
        f->parts(&f->tap);
    f->row = f->tap.m;
}
