/* SPDX-License-Identifier: BSD-2-Clause
 * Filling the panels of the gemm_px driver: copies [k][lane] of a tile's pixels, or of words. */
#include <string.h>

#include "core/dtype.h"
#include "cpu/gemm_px.h"

enum { PIECE_WORDS = 2 }; /* rows of words of a piece */

/* Panels: where lane j of a tap lies in the image, or nowhere for a padded zero. */
static const ptrdiff_t nowhere = PTRDIFF_MIN;

static void find_lanes(const c2_problem *p, int64_t tap, int64_t first, int n, ptrdiff_t *at)
{
    const int64_t ky = tap / p->kw, kx = tap % p->kw;
    int64_t oy = first / p->ow, ox = first % p->ow;
    for (int j = 0; j < n; j++) {
        const int64_t y = c2_pad_index(p->padding_mode,
                                       oy * p->stride[0] + ky * p->dilation[0] - p->pad[0], p->h);
        const int64_t x = c2_pad_index(p->padding_mode,
                                       ox * p->stride[1] + kx * p->dilation[1] - p->pad[1], p->w);
        at[j] = y < 0 || x < 0 ? nowhere : y * p->input_stride[2] + x * p->input_stride[3];
        if (++ox == p->ow) {
            ox = 0;
            oy++;
        }
    }
}

/* Lanes at one distance in memory, in elements; or `nowhere`, where it is 0. */
typedef struct lane_run {
    ptrdiff_t at, step;
    int lane, n;
} lane_run;

/* Where the lanes of a tap's channels lie, the same for all of them. */
typedef struct lane_row {
    const c2_px_work *w;
    lane_run runs[C2_MAX_NR];
    int n_runs;
    int n, whole; /* lanes, and those up to the next whole vector, which become zeros */
} lane_row;

static void find_runs(lane_row *r, int64_t tap, int64_t first)
{
    ptrdiff_t at[C2_MAX_NR];
    find_lanes(r->w->args->problem, tap, first, r->n, at);
    r->n_runs = 0;
    for (int j = 0, end; j < r->n; j = end) {
        const bool pair = at[j] != nowhere && j + 1 < r->n && at[j + 1] != nowhere;
        const ptrdiff_t step = pair ? at[j + 1] - at[j] : 0;
        for (end = j + 1; end < r->n && (at[end] == nowhere) == (at[j] == nowhere) &&
                          (at[j] == nowhere || at[end] - at[end - 1] == step);)
            end++;
        r->runs[r->n_runs++] = (lane_run){at[j], step, j, end - j};
    }
}

C2_FOR_EACH_SIZE void copy_run(const size_t element, const lane_run *run, const char *channel,
                               char *to)
{
    enum { LINE = 64 };
    const char *from = channel + run->at * (ptrdiff_t)element;
    const size_t bytes = (size_t)run->n * element;
    for (int i = 0; i < run->n && run->step != 1; i++)
        memcpy(to + (size_t)i * element, from + i * run->step * (ptrdiff_t)element, element);
    if (run->step == 1 && bytes == LINE) /* a common tile's; no call */
        memcpy(to, from, LINE);
    else if (run->step == 1)
        memcpy(to, from, bytes);
}

/* A channel's row of lanes. */
C2_FOR_EACH_SIZE void gather(const size_t element, const lane_row *r, const char *channel,
                             char *to)
{
    for (int i = 0; i < r->n_runs; i++) {
        const lane_run *run = &r->runs[i];
        char *lanes = to + (size_t)run->lane * element;
        if (run->at == nowhere)
            memset(lanes, 0, (size_t)run->n * element);
        else
            copy_run(element, run, channel, lanes);
    }
    memset(to + (size_t)r->n * element, 0, (size_t)(r->whole - r->n) * element);
}

static void gather_channel(const lane_row *r, int64_t c, char *to)
{
    const c2_problem *p = r->w->args->problem;
    const int64_t element = (int64_t)c2_dtype_bytes(p->input_dtype);
    const char *channel = r->w->image + c * p->input_stride[1] * element;
    if (element == sizeof(float))
        gather(sizeof(float), r, channel, to);
    else
        gather(sizeof(uint16_t), r, channel, to);
}

/* A row of words, of channels 2q and 2q + 1, for each part. */
static void gather_words(const lane_row *r, int64_t q, char *to)
{
    float halves[2][C2_MAX_NR]; /* of any type */
    const int64_t icg = r->w->args->problem->icg;
    const c2_px_plan *plan = &r->w->s->plan;
    uint32_t *words = (uint32_t *)(void *)to;
    if (2 * q >= icg) {
        for (int i = 0; i < plan->words.parts; i++)
            memset(words + i * plan->part_pitch, 0, (size_t)r->whole * sizeof *words);
        return;
    }
    const bool both = 2 * q + 1 < icg;
    gather_channel(r, 2 * q, (char *)halves[0]);
    if (both)
        gather_channel(r, 2 * q + 1, (char *)halves[1]);
    const c2_pair_args a = {halves[0], both ? halves[1] : NULL, words, r->whole,
                            plan->part_pitch, 1, 0, 0};
    r->w->s->pair(&a);
}

/* Rows k0 .. k1 of one tile's panel; lanes up to the next whole vector become zeros. */
static void fill_panel(const c2_px_work *w, int64_t first, int n, int64_t k0, int64_t k1,
                       char *panel)
{
    const int nr = w->s->kernel->nr, vector = w->s->plan.vector;
    const int64_t tap_rows = w->s->plan.words.tap;
    lane_row row = {.w = w, .n = n, .whole = (n + vector - 1) / vector * vector};
    for (int64_t k = k0; k < k1;) {
        const int64_t tap = k / tap_rows, end = c2_min(k1, (tap + 1) * tap_rows);
        find_runs(&row, tap, first);
        for (; k < end; k++, panel += nr * w->s->element) {
            if (w->s->pair)
                gather_words(&row, k % tap_rows, panel);
            else
                gather_channel(&row, k % tap_rows, panel);
        }
    }
}

/* Words q .. q + n_words of a tap for n <= nr lanes of a row, from `from` on: those of two channels
 * become the run. Nothing is copied that was just written, here and in put_words(): such loads may
 * wait until all stores before, of outputs, have reached the cache. */
static void pair_lanes(c2_px_filler *f, const char *from, ptrdiff_t channel, int64_t q,
                       int64_t n_words, int64_t n, uint32_t *to)
{
    const c2_px_plan *plan = &f->w.s->plan;
    const int64_t icg = f->w.args->problem->icg, nr = f->w.s->kernel->nr;
    const ptrdiff_t pitch = channel * f->element;
    const int64_t pairs = c2_max(0, c2_min(icg / 2 - q, n_words));
    const char *a = from + 2 * q * pitch;
    int64_t done = pairs;
    f->left = pairs;
    f->run.a = a;
    f->run.b = a + pitch;
    f->run.to = to;
    f->run.n = n;
    f->run.part_pitch = plan->part_pitch;
    f->run.step = 2 * channel;
    f->run.to_step = nr;
    if (done < n_words && 2 * (q + done) + 1 == icg) {
        const c2_pair_args last = {a + 2 * done * pitch, NULL, to + done * nr, n,
                                   plan->part_pitch,     1,    0,              0};
        f->w.s->pair(&last);
        done++;
    }
    for (; done < n_words; done++)
        for (int i = 0; i < plan->words.parts; i++)
            memset(to + i * plan->part_pitch + done * nr, 0, (size_t)n * sizeof *to);
}

/* Words of n lanes that are padding. */
static void zero_lanes(const c2_px_work *w, int64_t n_words, int64_t n, uint32_t *to)
{
    const c2_px_plan *plan = &w->s->plan;
    for (int i = 0; n > 0 && i < plan->words.parts; i++)
        for (int64_t q = 0; q < n_words; q++)
            memset(to + i * plan->part_pitch + q * w->s->kernel->nr, 0, (size_t)n * sizeof *to);
}

/* Words k .. k + n_words of a tap for n lanes of an output row, the first of which is (y, x); as
 * pair_lanes(). */
static void pair_run(c2_px_filler *f, int64_t k, int64_t n_words, int64_t y, int64_t x, int64_t n,
                     uint32_t *to)
{
    const c2_px_work *w = &f->w;
    const c2_px_source *from = &f->from;
    const c2_problem *p = w->args->problem;
    const int64_t words = w->s->plan.words.tap, tap = k / words, q = k % words;
    if (!from->padded) {
        const int64_t at = w->s->tap_offset[tap] + y * from->row + x;
        pair_lanes(f, from->first + at * f->element, from->channel, q, n_words, n, to);
        return;
    }
    const int64_t in_y = y * p->stride[0] + tap / p->kw * p->dilation[0] - p->pad[0];
    const int64_t in_x = x + tap % p->kw * p->dilation[1] - p->pad[1];
    const bool inside = in_y >= 0 && in_y < p->h;
    const int64_t begin = inside ? c2_min(n, c2_max(0, -in_x)) : n;
    const int64_t end = c2_max(begin, c2_min(n, p->w - in_x));
    zero_lanes(w, n_words, begin, to);
    zero_lanes(w, n_words, n - end, to + end);
    if (end > begin)
        pair_lanes(f, w->image + (in_y * p->input_stride[2] + in_x + begin) * f->element,
                   from->channel, q, n_words, end - begin, to + begin);
}

/* The block's input, copied to a window if that is its plan. */
static c2_px_source find_pixels(const c2_px_work *w)
{
    const c2_problem *p = w->args->problem;
    const c2_window *win = &w->s->plan.window;
    if (w->s->plan.mode == C2_PX_WINDOW_PANEL) {
        c2_window_fill(win, &w->block, w->image, p->input_stride + 1, p->icg, w->scratch);
        /* Rows without lanes between them are one. */
        const int64_t cols = win->pitch == w->block.cols ? INT64_MAX : w->block.cols;
        return (c2_px_source){w->scratch, win->channel_pitch, win->pitch, cols, 0, false};
    }
    const ptrdiff_t row = p->stride[0] * p->input_stride[2];
    const bool padded = c2_problem_is_padded(p);
    const int64_t cols = row == p->ow && !padded ? INT64_MAX : p->ow;
    return (c2_px_source){w->image, p->input_stride[1], row, cols, w->block.x, padded};
}

void c2_px_set_panel_tile(const c2_px_work *w, const c2_px_lane_tiles *cut, int64_t i,
                          c2_px_panel_tile *t)
{
    const c2_problem *p = w->args->problem;
    const int64_t row_words = p->kw * w->s->plan.words.tap;
    t->first = c2_split_begin(&cut->vectors, i) * cut->vector;
    t->end = c2_min(c2_split_begin(&cut->vectors, i + 1) * cut->vector, cut->lanes);
    t->live_begin = 0;
    t->live_end = p->kh * row_words;
    if (w->s->plan.mode != C2_PX_IMAGE_PANEL || !c2_problem_is_padded(p))
        return;
    const int64_t top = (w->block.x + t->first) / p->ow * p->stride[0] - p->pad[0];
    const int64_t bottom = (w->block.x + t->end - 1) / p->ow * p->stride[0] - p->pad[0];
    if (bottom < 0)
        t->live_begin = c2_min(p->kh, c2_div_up(-bottom, p->dilation[0])) * row_words;
    if (top + (p->kh - 1) * p->dilation[0] >= p->h)
        t->live_end = top < p->h ? ((p->h - 1 - top) / p->dilation[0] + 1) * row_words : 0;
}

bool c2_px_is_dead(const c2_px_panel_tile *t, int64_t k0, int64_t k1)
{
    return t->live_begin < t->live_end ? k1 <= t->live_begin || k0 >= t->live_end : k0 > 0;
}

void c2_px_filler_begin(c2_px_filler *f, const c2_px_work *w)
{
    const int64_t rows = w->s->plan.mode == C2_PX_WINDOW_PANEL ? w->block.rows : 1;
    *f = (c2_px_filler){.w = *w,
                        .cut = c2_px_cut_lanes(w->s, rows * w->block.cols),
                        .element = (int64_t)c2_dtype_bytes(w->args->problem->input_dtype)};
    if (w->s->plan.mode != C2_PX_PANEL)
        f->from = find_pixels(w);
}

void c2_px_filler_chunk(c2_px_filler *f, char *panels, int64_t k0, int64_t k1)
{
    f->panels = panels;
    f->k0 = k0;
    f->k1 = k1;
    f->tile = 0;
    f->begun = false;
    f->left = 0;
}

/* The next tile of which the chunk is not padding; false if there is none. */
static bool begin_tile(c2_px_filler *f)
{
    const c2_px_plan *plan = &f->w.s->plan;
    for (; f->tile < f->cut.vectors.n; f->tile++) {
        c2_px_set_panel_tile(&f->w, &f->cut, f->tile, &f->now);
        if (c2_px_is_dead(&f->now, f->k0, f->k1))
            continue;
        f->panel = f->panels + f->tile * c2_px_panel_bytes(f->w.s);
        f->k = f->k0;
        f->lane = 0;
        f->begun = true;
        const size_t row = (size_t)f->w.s->kernel->nr * sizeof(uint32_t);
        for (int i = 0; (f->now.end - f->now.first) % plan->vector != 0 && i < plan->words.parts;
             i++)
            memset(f->panel + i * plan->part_pitch * (ptrdiff_t)sizeof(uint32_t), 0,
                   (size_t)(f->k1 - f->k0) * row);
        return true;
    }
    return false;
}

/* Turn to the next words, those of a tap for lanes of a row; false if there are none. */
static bool next_run(c2_px_filler *f)
{
    if (!f->begun && !begin_tile(f))
        return false;
    const int64_t nr = f->w.s->kernel->nr, tap = f->w.s->plan.words.tap;
    const int64_t words = c2_min(f->k1, (f->k / tap + 1) * tap) - f->k;
    const int64_t n = f->now.end - f->now.first, at = f->from.lane + f->now.first + f->lane;
    const int64_t x = at % f->from.cols, run = c2_min(n - f->lane, f->from.cols - x);
    pair_run(f, f->k, words, at / f->from.cols, x, run,
             (uint32_t *)(void *)f->panel + (f->k - f->k0) * nr + f->lane);
    f->lane += run;
    if (f->lane == n) {
        f->lane = 0;
        f->k += words;
    }
    if (f->k == f->k1) {
        f->begun = false;
        f->tile++;
    }
    return true;
}

/* The next rows of words, `most` at most; false if there are none. */
static bool put_words(c2_px_filler *f, int64_t most)
{
    if (f->left == 0 && !next_run(f))
        return false;
    if (f->left == 0)
        return true;
    f->run.rows = c2_min(most, f->left);
    f->w.s->pair(&f->run);
    const ptrdiff_t bytes = f->run.rows * f->run.step * f->element;
    f->run.a = (const char *)f->run.a + bytes;
    f->run.b = (const char *)f->run.b + bytes;
    f->run.to += f->run.rows * f->run.to_step;
    f->left -= f->run.rows;
    return true;
}

size_t c2_px_filler_pieces(const c2_px_filler *f)
{
    const int64_t tap = f->w.s->plan.words.tap, nr = f->w.s->kernel->nr;
    const int64_t taps = c2_div_up(f->k1, tap) - f->k0 / tap;
    const int64_t a_run = c2_div_up(f->k1 - f->k0, PIECE_WORDS) + taps - 1;
    const int64_t runs = f->from.cols < f->cut.lanes ? c2_div_up(nr, f->from.cols) + 1 : 1;
    return (size_t)(f->cut.vectors.n * a_run * runs);
}

void c2_px_filler_piece(void *filler) { put_words(filler, PIECE_WORDS); }

void c2_px_fill(c2_px_filler *f)
{
    if (f->w.s->plan.mode != C2_PX_PANEL) {
        while (put_words(f, f->k1))
            ;
        return;
    }
    for (int64_t i = 0; i < f->cut.vectors.n; i++) {
        c2_px_panel_tile t;
        c2_px_set_panel_tile(&f->w, &f->cut, i, &t);
        fill_panel(&f->w, f->w.block.x + t.first, (int)(t.end - t.first), f->k0, f->k1,
                   f->panels + i * c2_px_panel_bytes(f->w.s));
    }
}
