/* SPDX-License-Identifier: BSD-2-Clause
 * Driver of the gemm_px and dot_px kernels (lanes = pixels, rows = output channels): implicit GEMM
 * for any strides of input and output. gemm_px_plan.c chooses one of three ways to read pixels; of
 * dot_px, which reads words of two channels (pairs.h), one of the last two:
 *   direct   in place: rows of the image follow each other and no tap is padded;
 *   window   from a copy of the block's input in which padding and strides are gone (window.h);
 *   panel    from a copy [k][lane] of a few tiles, in chunks of k, where a window would be too big.
 * Tile registers read windows of words, where those are small, or panels, since rows across lines
 * take them longer; whose words are made, without lanes between the rows, of pixels that lie
 *   image panel   in the image, whose columns are neighbours; taps outside of it are zeros, and
 *                 kernel rows that are outside for all of a tile's pixels are left out;
 *   window panel  in a window of pixels as they are stored.
 * All feed every accumulator the same products in the same order: taps outer, channels inner.
 * Bound: g(K+2) * s + (K+2) * 2^-149, of dot_px algo_dot.c's (docs/numerics.md). */
#include "cpu/gemm_px.h"

#include <string.h>

#include "core/dtype.h"

/* What a task works on. */
typedef struct work {
    const c2_state *s;
    const c2_run_args *args;
    const char *image;    /* element (n, first channel of the group, 0, 0) */
    const float *weights; /* packed, of the group; or words, which are as large */
    char *scratch;
    int64_t n, g;
    int64_t tile_begin, tile_end; /* output channel tiles */
    c2_block block;
} work;

/* The first output channel of a tile; of one behind the last, their number. */
static int64_t tile_first(const work *w, int64_t tile)
{
    return c2_min(w->args->problem->ocg, c2_split_begin(&w->s->plan.pack.tiles, tile));
}

static int tile_rows(const work *w, int64_t tile)
{
    return (int)(tile_first(w, tile + 1) - tile_first(w, tile));
}

/* Store the sums of tiles [begin, end), whose rows follow each other. */
static void store_tiles(const work *w, int64_t begin, int64_t end, const float *sums,
                        const c2_lanes *lanes)
{
    const c2_problem *p = w->args->problem;
    const int64_t first = tile_first(w, begin), rows = tile_first(w, end) - first;
    const c2_target target = c2_target_of(w->args, w->s->epilogue, w->n, w->g * p->ocg + first);
    c2_store_channel_rows(&target, sums, w->s->kernel->nr, (int)rows, lanes);
}

/* Tiles of the block's lanes, in whole vectors but for the last. */
typedef struct lane_tiles {
    c2_split vectors;
    int64_t lanes;
    int vector;
} lane_tiles;

static lane_tiles cut_lanes(const c2_state *s, int64_t lanes)
{
    const int64_t vectors = c2_div_up(lanes, s->plan.vector);
    const int64_t most = s->kernel->nr / s->plan.vector;
    return (lane_tiles){c2_split_even(vectors, c2_div_up(vectors, most)), lanes, s->plan.vector};
}

/* While tile i of n of a block's lanes is multiplied, its part of the next tile of weights, which
 * follow these, is fetched. */
static void fetch_next(const c2_px_plan *plan, int64_t i, int64_t n, c2_gemm_px_args *a)
{
    enum { LINE = 64 };
    const int64_t words = (int64_t)(a->n_taps * a->klen) * plan->tile_parts;
    const int64_t bytes = words * plan->pack.width * (int64_t)sizeof(uint32_t);
    const int64_t products = words / plan->tile_parts / plan->words.unit *
                             c2_words_products(&plan->words);
    const int64_t lines = c2_div_up(bytes, LINE * products * n);
    a->next_lines = (size_t)lines;
    a->next = (uintptr_t)a->weight + (uintptr_t)(bytes + i * lines * products * LINE);
}

/* A tile of the block's lanes. */
typedef struct lane_tile {
    const char *pixels; /* of its first lane, channels `pitch` elements apart */
    ptrdiff_t pitch;
    int n;             /* lanes that may be read */
    int64_t i, tiles;  /* which of how many */
    c2_lanes lanes;
} lane_tile;

/* It and a group of output channel tiles. Their sums wait in sums while the pixels of a chunk,
 * which stay in the L1 cache, serve one after the other. */
static void place_group(const work *w, int64_t begin, int64_t end, const lane_tile *lane)
{
    const c2_state *s = w->s;
    const int64_t nr = s->kernel->nr, first = c2_split_begin(&s->plan.pack.tiles, begin);
    _Alignas(64) float sums[C2_PX_SUMS];
    c2_tap taps[C2_TAP_CHUNK];
    c2_gemm_px_args a = {.taps = taps, .n = lane->n, .part_pitch = s->plan.part_pitch};
    const int64_t icg = s->plan.words.tap, k_all = (int64_t)s->n_taps * icg;
    for (int64_t k = 0, length; k < k_all; k += length) {
        length = c2_pack_chunk(&s->plan.pack, k, k_all);
        /* Whole taps, or a part of the channels of one. */
        a.n_taps = (size_t)c2_max(1, length / icg);
        a.klen = (size_t)length / a.n_taps;
        for (int64_t i = 0; i < (int64_t)a.n_taps; i++)
            taps[i] = (c2_tap){lane->pixels + (s->tap_offset[k / icg + i] +
                                               k % icg * lane->pitch) * s->element,
                               lane->pitch};
        for (int64_t tile = begin; tile < end; tile++) {
            a.weight = w->weights + c2_pack_at(&s->plan.pack, tile, k, length) * s->plan.tile_parts;
            a.acc = sums + (c2_split_begin(&s->plan.pack.tiles, tile) - first) * nr;
            a.m = tile_rows(w, tile);
            if (s->plan.far)
                fetch_next(&s->plan, lane->i, lane->tiles, &a);
            s->fn(&a);
        }
        a.accumulate = true;
    }
    store_tiles(w, begin, end, sums, &lane->lanes);
}

/* Direct and window: all tiles of the block. Tile registers, whose weights fill L2 sooner, take
 * all lanes by one tile of output channels after the other; vectors, all output channels. */
static void place_block(const work *w, const char *base, ptrdiff_t pitch, bool whole_vectors)
{
    const c2_state *s = w->s;
    const int64_t row = s->plan.window.pitch, all = w->tile_end - w->tile_begin;
    const lane_tiles cut = cut_lanes(s, (w->block.rows - 1) * row + w->block.cols);
    const bool registers = s->plan.words.unit > 1;
    const int64_t outer = registers ? 1 : all, group = registers ? 1 : s->plan.group_tiles;
    for (int64_t o = w->tile_begin; o < w->tile_end; o += outer) {
        for (int64_t i = 0; i < cut.vectors.n; i++) {
            const int64_t first = c2_split_begin(&cut.vectors, i) * cut.vector;
            const int64_t end = c2_split_begin(&cut.vectors, i + 1) * cut.vector;
            const int64_t real = c2_min(end, cut.lanes) - first;
            const lane_tile lane = {
                base + first * s->element, pitch, (int)(whole_vectors ? end - first : real), i,
                cut.vectors.n, {first, real, row, w->block.cols, w->block.y, w->block.x}};
            for (int64_t t = o; t < o + outer; t += group)
                place_group(w, t, c2_min(o + outer, t + group), &lane);
        }
    }
}

static void run_direct(const work *w)
{
    const c2_problem *p = w->args->problem;
    place_block(w, w->image + (w->block.y * p->input_stride[2] + w->block.x) * w->s->element,
                p->input_stride[1], false);
}

static void run_window(const work *w)
{
    const c2_problem *p = w->args->problem;
    const c2_window *win = &w->s->plan.window;
    char *pixels = w->scratch + w->s->plan.stage_bytes;
    if (w->s->pair)
        c2_pairs_fill(p, &w->s->plan.words, win, &w->block, w->s->pair, w->image, w->scratch,
                      (uint32_t *)(void *)pixels);
    else
        c2_window_fill(win, &w->block, w->image, p->input_stride + 1, p->icg, pixels);
    place_block(w, pixels, win->channel_pitch, true);
}

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
    const work *w;
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
static void fill_panel(const work *w, int64_t first, int n, int64_t k0, int64_t k1, char *panel)
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

/* Pixels in the image or in a window of it, as they are stored. */
typedef struct pixel_source {
    const char *first;      /* of the block's first tap */
    ptrdiff_t channel, row; /* elements from one to the next; columns are neighbours */
    int64_t cols;           /* lanes of a row */
    int64_t lane;           /* that `first` belongs to is the one before so many */
    bool padded;            /* some taps of some lanes are outside the image: zeros */
} pixel_source;

/* Words q .. q + n_words of a tap for n <= nr lanes of a row, from `from` on. */
static void pair_lanes(const work *w, const char *from, ptrdiff_t channel, int64_t q,
                       int64_t n_words, int64_t n, uint32_t *to)
{
    const c2_px_plan *plan = &w->s->plan;
    const int64_t icg = w->args->problem->icg, nr = w->s->kernel->nr;
    const ptrdiff_t pitch = channel * (ptrdiff_t)c2_dtype_bytes(w->args->problem->input_dtype);
    const int64_t pairs = c2_max(0, c2_min(icg / 2 - q, n_words));
    const char *a = from + 2 * q * pitch;
    const c2_pair_args both = {a, a + pitch, to, n, plan->part_pitch, pairs, 2 * channel, nr};
    int64_t done = pairs;
    if (pairs > 0)
        w->s->pair(&both);
    if (done < n_words && 2 * (q + done) + 1 == icg) {
        const c2_pair_args last = {a + 2 * done * pitch, NULL, to + done * nr, n,
                                   plan->part_pitch,     1,    0,              0};
        w->s->pair(&last);
        done++;
    }
    for (; done < n_words; done++)
        for (int i = 0; i < plan->words.parts; i++)
            memset(to + i * plan->part_pitch + done * nr, 0, (size_t)n * sizeof *to);
}

/* Words of n lanes that are padding. */
static void zero_lanes(const work *w, int64_t n_words, int64_t n, uint32_t *to)
{
    const c2_px_plan *plan = &w->s->plan;
    for (int i = 0; n > 0 && i < plan->words.parts; i++)
        for (int64_t q = 0; q < n_words; q++)
            memset(to + i * plan->part_pitch + q * w->s->kernel->nr, 0, (size_t)n * sizeof *to);
}

/* Words k .. k + n_words of a tap for n lanes of an output row, the first of which is (y, x). */
static void pair_run(const work *w, const pixel_source *from, int64_t k, int64_t n_words, int64_t y,
                     int64_t x, int64_t n, uint32_t *to)
{
    const c2_problem *p = w->args->problem;
    const int64_t element = (int64_t)c2_dtype_bytes(p->input_dtype), words = w->s->plan.words.tap;
    const int64_t tap = k / words, q = k % words;
    if (!from->padded) {
        const int64_t at = w->s->tap_offset[tap] + y * from->row + x;
        pair_lanes(w, from->first + at * element, from->channel, q, n_words, n, to);
        return;
    }
    const int64_t in_y = y * p->stride[0] + tap / p->kw * p->dilation[0] - p->pad[0];
    const int64_t in_x = x + tap % p->kw * p->dilation[1] - p->pad[1];
    const bool inside = in_y >= 0 && in_y < p->h;
    const int64_t begin = inside ? c2_min(n, c2_max(0, -in_x)) : n;
    const int64_t end = c2_max(begin, c2_min(n, p->w - in_x));
    zero_lanes(w, n_words, begin, to);
    if (end > begin)
        pair_lanes(w, w->image + (in_y * p->input_stride[2] + in_x + begin) * element,
                   from->channel, q, n_words, end - begin, to + begin);
    zero_lanes(w, n_words, n - end, to + end);
}

/* As fill_panel(), of lanes from `first` of the block on. */
static void pair_panel(const work *w, const pixel_source *from, int64_t first, int n, int64_t k0,
                       int64_t k1, uint32_t *panel)
{
    const c2_state *s = w->s;
    const int64_t nr = s->kernel->nr, tap_words = s->plan.words.tap;
    for (int i = 0; n % s->plan.vector != 0 && i < s->plan.words.parts; i++)
        memset(panel + i * s->plan.part_pitch, 0, (size_t)((k1 - k0) * nr) * sizeof *panel);
    for (int64_t k = k0, words; k < k1; k += words, panel += words * nr) {
        words = c2_min(k1, (k / tap_words + 1) * tap_words) - k;
        for (int64_t j = 0, run; j < n; j += run) {
            const int64_t y = (from->lane + first + j) / from->cols;
            const int64_t x = (from->lane + first + j) % from->cols;
            run = c2_min(n - j, from->cols - x);
            pair_run(w, from, k, words, y, x, run, panel + j);
        }
    }
}

/* The block's input, copied to a window if that is its plan. */
static pixel_source find_pixels(const work *w)
{
    const c2_problem *p = w->args->problem;
    const c2_window *win = &w->s->plan.window;
    if (w->s->plan.mode == C2_PX_WINDOW_PANEL) {
        c2_window_fill(win, &w->block, w->image, p->input_stride + 1, p->icg, w->scratch);
        /* Rows without lanes between them are one. */
        const int64_t cols = win->pitch == w->block.cols ? INT64_MAX : w->block.cols;
        return (pixel_source){w->scratch, win->channel_pitch, win->pitch, cols, 0, false};
    }
    const ptrdiff_t row = p->stride[0] * p->input_stride[2];
    const bool padded = c2_problem_is_padded(p);
    const int64_t cols = row == p->ow && !padded ? INT64_MAX : p->ow;
    return (pixel_source){w->image, p->input_stride[1], row, cols, w->block.x, padded};
}

/* A panel's tile: lanes of the block, and the words of kernel rows that are not padding for all of
 * them. */
typedef struct panel_tile {
    int64_t first, end;
    int64_t live_begin, live_end;
} panel_tile;

static panel_tile panel_tile_of(const work *w, const lane_tiles *cut, bool padded, int64_t i)
{
    const c2_problem *p = w->args->problem;
    const int64_t row_words = p->kw * w->s->plan.words.tap;
    panel_tile t = {c2_split_begin(&cut->vectors, i) * cut->vector,
                    c2_min(c2_split_begin(&cut->vectors, i + 1) * cut->vector, cut->lanes), 0,
                    p->kh * row_words};
    if (!padded)
        return t;
    const int64_t top = (w->block.x + t.first) / p->ow * p->stride[0] - p->pad[0];
    const int64_t bottom = (w->block.x + t.end - 1) / p->ow * p->stride[0] - p->pad[0];
    if (bottom < 0)
        t.live_begin = c2_min(p->kh, c2_div_up(-bottom, p->dilation[0])) * row_words;
    if (top + (p->kh - 1) * p->dilation[0] >= p->h)
        t.live_end = top < p->h ? ((p->h - 1 - top) / p->dilation[0] + 1) * row_words : 0;
    return t;
}

/* Whether words [k0, k1) are padding. Of a tile all of whose words are, the first ones are not. */
static bool is_dead(const panel_tile *t, int64_t k0, int64_t k1)
{
    return t->live_begin < t->live_end ? k1 <= t->live_begin || k0 >= t->live_end : k0 > 0;
}

/* Where the lanes of a panel's tile go. */
static c2_lanes panel_lanes(const work *w, int64_t first, int64_t n)
{
    const int64_t ow = w->args->problem->ow;
    if (w->s->plan.mode == C2_PX_WINDOW_PANEL)
        return (c2_lanes){first, n, w->block.cols, w->block.cols, w->block.y, w->block.x};
    return (c2_lanes){w->block.x + first, n, ow, ow, 0, 0};
}

/* Panels: the block's lanes are output pixels [x, x + cols) of the flattened image, or of the
 * block's own rows (window panel); panels of all its tiles for a chunk of k, then all output
 * channels over that chunk, sums waiting in scratch, in front of the panels. */
static void run_panel(const work *w)
{
    const c2_state *s = w->s;
    const c2_px_plan *plan = &s->plan;
    const bool paired = plan->mode != C2_PX_PANEL;
    const pixel_source from = paired ? find_pixels(w) : (pixel_source){.first = NULL};
    const int64_t k_all = (int64_t)s->n_taps * plan->words.tap;
    const int64_t nr = s->kernel->nr, mr = s->kernel->mr;
    const int64_t rows = plan->mode == C2_PX_WINDOW_PANEL ? w->block.rows : 1;
    const lane_tiles cut = cut_lanes(s, rows * w->block.cols);
    const int64_t n_tiles = w->tile_end - w->tile_begin;
    const int64_t panel_bytes = plan->pack.chunk * nr * s->element * plan->tile_parts;
    /* Of one chunk nothing waits. */
    const int64_t places = plan->pack.chunk < k_all ? n_tiles * plan->panel_tiles : 1;
    float *sums = (float *)(void *)(w->scratch + plan->stage_bytes);
    char *panels = (char *)(sums + places * mr * nr);
    for (int64_t k0 = 0, k1; k0 < k_all; k0 = k1) {
        k1 = k0 + c2_pack_chunk(&plan->pack, k0, k_all);
        for (int64_t i = 0; i < cut.vectors.n; i++) {
            const panel_tile tile = panel_tile_of(w, &cut, from.padded, i);
            const int n = (int)(tile.end - tile.first);
            char *panel = panels + i * panel_bytes;
            if (is_dead(&tile, k0, k1))
                continue;
            if (paired)
                pair_panel(w, &from, tile.first, n, k0, k1, (uint32_t *)(void *)panel);
            else
                fill_panel(w, w->block.x + tile.first, n, k0, k1, panel);
        }
        for (int64_t t = 0; t < n_tiles; t++) {
            const float *weights =
                w->weights + c2_pack_at(&plan->pack, w->tile_begin + t, k0, k1 - k0) *
                                 plan->tile_parts;
            for (int64_t i = 0; i < cut.vectors.n; i++) {
                const panel_tile tile = panel_tile_of(w, &cut, from.padded, i);
                const int64_t n = tile.end - tile.first;
                const c2_tap tap = {panels + i * panel_bytes, nr};
                float *acc = sums + (t * plan->panel_tiles + i) % places * mr * nr;
                c2_gemm_px_args a = {.taps = &tap,
                                     .n_taps = 1,
                                     .klen = (size_t)(k1 - k0),
                                     .weight = weights,
                                     .acc = acc,
                                     .m = tile_rows(w, w->tile_begin + t),
                                     .n = (int)(c2_div_up(n, cut.vector) * cut.vector),
                                     .accumulate = k0 > tile.live_begin,
                                     .part_pitch = plan->part_pitch};
                if (plan->far)
                    fetch_next(plan, i, cut.vectors.n, &a);
                if (!is_dead(&tile, k0, k1))
                    s->fn(&a);
                if (k1 == k_all) {
                    const c2_lanes lanes = panel_lanes(w, tile.first, n);
                    store_tiles(w, w->tile_begin + t, w->tile_begin + t + 1, acc, &lanes);
                }
            }
        }
    }
}

static c2_block block_of(const c2_state *s, const c2_problem *p, const c2_share_task *t)
{
    const c2_split *y = &s->plan.blocks_y, *x = &s->plan.blocks_x;
    if (c2_px_is_flat(&s->plan)) {
        const int64_t nr = s->kernel->nr, first = t->begin * nr;
        return (c2_block){0, first, 1, c2_min(t->end * nr, p->oh * p->ow) - first};
    }
    c2_block b = {c2_split_begin(y, t->begin / x->n), c2_split_begin(x, t->begin % x->n), 0, 0};
    b.rows = c2_split_begin(y, t->begin / x->n + 1) - b.y;
    b.cols = c2_split_begin(x, t->begin % x->n + 1) - b.x;
    return b;
}

static void run_task(const c2_state *s, const c2_run_args *args, size_t task, int worker)
{
    static void (*const run[])(const work *) = {run_direct, run_window, run_panel, run_panel,
                                               run_panel};
    const c2_problem *p = args->problem;
    _Alignas(64) float stack[C2_STACK_BYTES / sizeof(float)];
    const c2_px_plan *plan = &s->plan;
    const c2_share_task t = c2_share_task_of(&s->share, task);
    work w = {.s = s, .args = args, .n = t.image / p->groups, .g = t.image % p->groups};
    w.scratch = c2_scratch_of(args, worker, plan->scratch_bytes, stack);
    w.image = (const char *)args->input.data +
              (w.n * p->input_stride[0] + w.g * p->icg * p->input_stride[1]) *
                  (int64_t)c2_dtype_bytes(p->input_dtype);
    w.weights = (const float *)args->packed->host +
                w.g * plan->pack.tiles.n * (int64_t)s->n_taps * plan->words.tap *
                    plan->pack.width * plan->tile_parts;
    w.tile_begin = t.tile_begin;
    w.tile_end = t.tile_end;
    w.block = block_of(s, p, &t);
    if (s->tiles)
        s->tiles(true);
    run[plan->mode](&w);
    if (s->tiles)
        s->tiles(false);
}

conv2d_status c2_px_run(const c2_state *s, const c2_run_args *args)
{
    return c2_share_run(&s->share, s, args, run_task);
}

void c2_px_packing(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                   c2_text *out)
{
    const c2_px_plan plan = c2_px_plan_make(device, kernel, p);
    c2_pack_words_name(p, &plan.words, &plan.pack, out);
}

void c2_px_pack(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                const c2_weight_view *view, void *packed)
{
    const c2_px_plan plan = c2_px_plan_make(device, kernel, p);
    c2_pack_words(device, kernel, p, &plan.words, &plan.pack, view, packed);
}

conv2d_status c2_px_plan_create(conv2d_device *device, const c2_kernel *kernel,
                                const c2_problem *p, c2_state **state_out)
{
    const size_t n_taps = (size_t)(p->kh * p->kw);
    c2_state *s = c2_alloc_zero(&device->allocator, sizeof *s);
    if (!s)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    s->plan = c2_px_plan_make(device, kernel, p);
    s->share = c2_px_share_of(&s->plan, p, device->pool.n_threads);
    c2_window_use(&s->plan.window, kernel);
    s->kernel = kernel;
    s->fn = (c2_gemm_px_fn)c2_cpu_kernel_of(s->kernel, p->input_dtype)->fn;
    s->epilogue = c2_cpu_epilogue(s->kernel, p->output_dtype);
    s->element = s->plan.words.parts ? 4 : (int64_t)c2_dtype_bytes(p->input_dtype);
    if (s->plan.words.parts) {
        s->pair = c2_pair_of(kernel, s->plan.words.parts, p->input_dtype);
        s->tiles = c2_tiles_of(kernel);
    }
    s->n_taps = n_taps;
    if (s->plan.mode != C2_PX_PANEL) {
        s->tap_offset = c2_alloc(&device->allocator, n_taps * sizeof *s->tap_offset);
        if (!s->tap_offset) {
            c2_px_plan_destroy(device, s);
            return c2_fail(CONV2D_E_NOMEM, "no memory for the offsets of %zu taps", n_taps);
        }
        for (size_t t = 0; t < n_taps; t++) {
            const int64_t ky = (int64_t)t / p->kw, kx = (int64_t)t % p->kw;
            s->tap_offset[t] = s->plan.mode == C2_PX_WINDOW || s->plan.mode == C2_PX_WINDOW_PANEL
                                   ? c2_window_tap(&s->plan.window, ky, kx)
                                   : ky * p->dilation[0] * p->input_stride[2] + kx * p->dilation[1];
        }
    }
    *state_out = s;
    return CONV2D_OK;
}

void c2_px_plan_destroy(conv2d_device *device, c2_state *s)
{
    if (!s)
        return;
    c2_free(&device->allocator, s->tap_offset, s->n_taps * sizeof *s->tap_offset);
    c2_free(&device->allocator, s, sizeof *s);
}
