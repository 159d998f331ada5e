/* SPDX-License-Identifier: BSD-2-Clause
 * Blocking of the gemm_px driver: tries the ways to read pixels and the sizes of blocks, and keeps
 * the one the cost model likes best under workspace_limit. Blocks never change results, so they may
 * depend on the limit; the plan never depends on threads, how they share it does. */
#include "core/dtype.h"
#include "cpu/cost.h"
#include "cpu/gemm_px.h"

/* Parts of the L2 cache: of a window at most, for it should stay there; up to which it leaves room
 * for the weights as well; of a panel; and of an image that it does not hold beside the rest. */
static const double window_most = 0.5, window_cheap = 0.125, panel_most = 0.5, far_image = 0.75;
static const double weights_inner_bytes = 1 << 19; /* more packed weights: loop over them outside */
/* Times longer a row takes to begin whose channels all lie at the same place of their pages. */
static const double crowded_row = 8;
static const double wanted_tasks = 16;
static const double fill_share = 0.12; /* of the products' time that copying pixels may take for the
                                          sake of more tasks */

static const double unaligned = 1.08; /* times longer a tile takes whose pixels cross cache lines
                                         (Zen 4, AVX2 and AVX-512, November 2026) */
static const double paired = 3; /* times longer the copy of a word takes than that of a float: two
                                   channels, and their pairs */
static const double panel_k = 256; /* rows of k of a panel's chunk */
/* Tile registers, on a Xeon at 3.4 GHz (Granite Rapids VM, November 2026) with 2 MiB of L2 cache:
 * bytes of a block at most, beside weights that L2 keeps, and that pass by; of an image and of
 * weights beyond which L2 does not hold them beside the rest; and seconds */
static const double tiles_bytes = 3 << 18, tiles_bytes_far = 5 << 18;
static const double far_bytes = 3 << 18;
static const double fetched_bytes = 1 << 20;  /* more weights than these are fetched ahead */
static const double word_seconds = 0.108e-9;  /* of a word and part of a panel */
static const double find_lane = 3e-9;         /* of a pixel and tap, to find where a lane lies */
static const double image_run = 2.5e-9;       /* to begin a run of a channel in the image */
static const double far_word = 0.15e-9;       /* more, of a word of an image that is far */
static const double far_turned = 0.5e-9;      /* of an input, turned, that no cache keeps (Zen 5) */
static const double weight_seconds = 0.06e-9; /* of a word of weights that are far, */
static const double memory_seconds = 0.15e-9; /* or come from memory */
static const double near_byte = 0.003e-9;     /* of weights that L2 has, of another block */
static const double block_seconds = 0.2e-6;   /* to begin a block: the registers' state */
static const double chunk_seconds = 0.12e-6;  /* of a call for one chunk of several */
/* Times longer products take whose pixels' rows cross lines of the cache: in one call, as is rare
 * of panels; with weights that are far, and windows that leave no room for others. */
static const double in_place_near = 0.95, in_place_far = 1.1, large_window = 1.2;
static const double large_window_bytes = 3 << 18;
static const double busy_call = 0.25e-6;      /* more, of a call that has pieces to do */
static const double part_hidden = 0.6; /* of filling, or of products, what the other hides */
static const double two_sums = 1.3; /* times longer a product takes with two registers of sums,
                                       which wait for one another, than with four */

typedef struct search {
    const c2_problem *p;      /* the kernel's view */
    const c2_problem *stored; /* the problem */
    const c2_kernel *kernel;
    const c2_speed *speed;
    double budget; /* bytes of scratch */
    c2_px_plan best;
} search;

/* Seconds of the products of a block of `lanes` lanes for all output channels of a group. */
static double products(const search *s, double lanes)
{
    const c2_px_plan *b = &s->best;
    const double vectors = ceil(lanes / b->vector);
    const double tiles = ceil(vectors / (s->kernel->nr / b->vector));
    const double rows = (double)s->p->ocg / (double)b->pack.tiles.n, columns = vectors / tiles;
    /* Tile registers multiply all of their rows. */
    const int64_t unit = b->words.unit, channels = c2_div_up(s->p->ocg, unit) * unit;
    const double k = (double)c2_problem_k(s->p) * c2_words_products(&b->words);
    const double products = (double)channels * k;
    const double work = vectors * b->vector * products / s->speed->fma_lanes;
    /* Weights that do not stay in the cache are read again by every block. */
    const double weights = b->weights_stream ? products * s->speed->copy : 0;
    return work * c2_cost_small_tile(rows, columns, 2) + weights +
           tiles * (double)b->pack.tiles.n * s->speed->call;
}

/* Seconds to store `rows` runs of `cols` pixels for all output channels of a group, beyond what
 * c2_cost_epilogue() counts for whole images: calls, and vectors that are not full. */
static double stores(const search *s, double rows, double cols)
{
    const double tiles = (double)s->best.pack.tiles.n, vectors = ceil(cols / s->best.vector);
    return rows *
           (tiles * s->speed->run + (double)s->p->ocg * vectors * s->best.vector * s->speed->store);
}

static void keep_if_better(search *s, const c2_px_plan *candidate)
{
    if (candidate->seconds < s->best.seconds)
        s->best = *candidate;
}

/* Direct: rows of the image follow each other, taps are never padded. */
static bool can_be_direct(const c2_problem *p)
{
    return !c2_problem_is_padded(p) && p->input_stride[3] == 1 &&
           (p->stride[0] == 1 || p->oh == 1) && (p->stride[1] == 1 || p->ow == 1) &&
           (p->h == 1 || p->oh == 1 || p->input_stride[2] == p->w);
}

/* Output channels are cut as well if blocks of pixels alone are too few tasks, as long as copying
 * a block's pixels once for each part stays cheap beside its products. The batch does not count: a
 * plan for one image and one for many choose alike. */
static void cut_tiles(const search *s, c2_px_plan *plan, double fill, double work)
{
    const double tasks = (double)s->p->groups * (double)plan->blocks_y.n * (double)plan->blocks_x.n;
    const double cheap = fill > 0 ? fill_share * work / fill : wanted_tasks;
    const double parts = fmin(fmin(ceil(wanted_tasks / tasks), cheap), (double)plan->pack.tiles.n);
    plan->tile_blocks = c2_split_even(plan->pack.tiles.n, (int64_t)fmax(1, parts));
}

static double blocks_of(const c2_px_plan *plan)
{
    return (double)plan->blocks_y.n * (double)plan->blocks_x.n;
}

/* Pixels of more channels than a core remembers pages of, in an image that L2 does not hold. */
static bool is_far(const search *s)
{
    enum { PAGES = 128 };
    const c2_problem *p = s->p;
    const double bytes = (double)p->icg * (double)p->h * (double)p->w *
                         (double)c2_dtype_bytes(p->input_dtype);
    return p->icg > PAGES && bytes > far_image * s->speed->l2;
}

/* Seconds to begin a row of pixels of one channel. */
static double row_seconds(const search *s)
{
    enum { PAGE = 4096 };
    if (!is_far(s))
        return 0;
    const int64_t element = (int64_t)c2_dtype_bytes(s->p->input_dtype);
    const bool crowded = s->p->input_stride[1] * element % PAGE == 0;
    return s->speed->far_row * (crowded ? crowded_row : 1);
}

static void try_direct(search *s, int64_t rows)
{
    const c2_problem *p = s->p;
    c2_px_plan plan = s->best;
    plan.ahead = false;
    plan.mode = C2_PX_DIRECT;
    plan.blocks_y = c2_split_even(p->oh, c2_div_up(p->oh, rows));
    plan.blocks_x = c2_split_even(p->ow, 1);
    plan.window.pitch = p->oh == 1 ? p->ow : p->w;
    plan.scratch_bytes = 0;
    cut_tiles(s, &plan, 0, 0);
    rows = c2_div_up(p->oh, plan.blocks_y.n);
    const double lanes = (double)(rows - 1) * (double)plan.window.pitch + (double)p->ow;
    const double stored = p->w == p->ow ? stores(s, 1, (double)(rows * p->ow))
                                        : stores(s, (double)rows, (double)p->ow);
    const double begun = ceil(lanes / (double)s->kernel->nr) * (double)p->icg * row_seconds(s);
    plan.seconds = blocks_of(&plan) * (products(s, lanes) + stored + begun);
    keep_if_better(s, &plan);
}

/* Blocks of rows x cols at most; what a full one has. */
static void set_blocks(const c2_problem *p, c2_px_plan *plan, int64_t *rows, int64_t *cols)
{
    plan->blocks_y = c2_split_even(p->oh, c2_div_up(p->oh, *rows));
    plan->blocks_x = c2_split_even(p->ow, c2_div_up(p->ow, *cols));
    *rows = c2_div_up(p->oh, plan->blocks_y.n);
    *cols = c2_div_up(p->ow, plan->blocks_x.n);
}

/* Seconds to copy a window of `bytes` for `rows` rows of output pixels. */
static double window_seconds(const search *s, const c2_window *window, size_t bytes,
                             int64_t channels, int64_t rows)
{
    const bool runs = s->p->input_stride[3] == 1 && s->p->stride[1] <= 2;
    const double copied_rows = (double)channels *
                               (double)(window->y.n_phases * window->x.n_phases) *
                               (double)(rows + window->y.reach);
    const double begun = copied_rows / (double)window->x.n_phases;
    return (double)bytes / window->element * (runs ? s->speed->copy : s->speed->gather) +
           copied_rows * s->speed->run + c2_cost_far_rows(s->speed, s->stored, begun);
}

static void try_window(search *s, const c2_window *shape, int64_t rows, int64_t cols)
{
    const c2_problem *p = s->p;
    c2_px_plan plan = s->best;
    plan.ahead = false;
    plan.mode = C2_PX_WINDOW;
    set_blocks(p, &plan, &rows, &cols);
    size_t bytes;
    plan.window = *shape;
    const double most = fmin(s->budget, window_most * s->speed->l2);
    if (!c2_window_set_block(&plan.window, rows, cols, p->icg, most, &bytes))
        return;
    if (plan.words.parts)
        plan.stage_bytes = c2_pairs_stage_bytes(s->stored, &plan.window);
    bytes = c2_round_up(bytes, C2_ALIGN);
    plan.part_pitch = (ptrdiff_t)(bytes / sizeof(uint32_t));
    plan.scratch_bytes = bytes * (size_t)plan.tile_parts + plan.stage_bytes;
    if ((double)plan.scratch_bytes > most)
        return;
    const double fill = window_seconds(s, &plan.window, bytes, p->icg, rows) *
                        (plan.words.parts ? paired : 1);
    const double slow = 1 + 0.3 * fmax(0, (double)bytes / (window_cheap * s->speed->l2) - 1) / 3;
    const double lanes = (double)(rows - 1) * (double)plan.window.pitch + (double)cols;
    const double work = products(s, lanes) * slow * unaligned;
    cut_tiles(s, &plan, fill, work);
    plan.seconds = blocks_of(&plan) * (fill * (double)plan.tile_blocks.n + work +
                                       stores(s, (double)rows, (double)cols));
    keep_if_better(s, &plan);
}

/* Of tile registers' packed weights of a group. */
static double weight_bytes(const search *s)
{
    const c2_px_plan *b = &s->best;
    return (double)c2_div_up(s->p->ocg, b->words.unit) * b->words.unit *
           (double)c2_problem_k(s->p) * b->tile_parts * sizeof(uint32_t);
}

/* Seconds of tile registers' products for `lanes` lanes and all output channels of a group. */
static double tile_products(const search *s, int64_t lanes)
{
    const c2_px_plan *b = &s->best;
    const double vectors = (double)c2_div_up(lanes, b->vector);
    const double rows = (double)c2_div_up(s->p->ocg, b->words.unit);
    const double k = (double)c2_problem_k(s->p);
    /* Registers that are the second of no pair. */
    const double odd = (double)(c2_div_up(lanes, b->vector) % 2) * rows +
                       (double)(c2_div_up(s->p->ocg, b->words.unit) % 2) * vectors;
    const double work = (vectors * rows + (two_sums - 1) * odd) * b->vector * b->words.unit * k *
                        c2_words_products(&b->words) / s->speed->fma_lanes;
    return work + block_seconds;
}

/* Seconds of weights that a block reads. */
static double block_weights(const search *s)
{
    const double bytes = weight_bytes(s), words = bytes / sizeof(uint32_t);
    const double a_word = c2_cost_in_memory(bytes) ? memory_seconds
                          : bytes > far_bytes      ? weight_seconds
                                                   : 0;
    return words * a_word;
}

/* What tile registers' blocks take: their products, calls and stores, and to make the words of a
 * block, in each part of the output channels anew. */
static void set_cost(const search *s, double multiply, double fill, c2_px_plan *plan)
{
    const double blocks = blocks_of(plan);
    const double bytes = weight_bytes(s);
    plan->cost = (c2_share_cost){multiply, blocks * fill, bytes * near_byte, bytes, 1};
    plan->seconds = multiply + blocks * fill * (double)plan->tile_blocks.n +
                    blocks * block_weights(s);
}

/* The chunk of panels of `lanes` lanes and the output channels of a block, behind `taken` bytes of
 * a window; false if they do not fit. */
static bool set_panels(const search *s, c2_px_plan *plan, int64_t lanes, double taken)
{
    const int64_t nr = s->kernel->nr, unit = plan->words.unit, k_all = c2_problem_k(s->p);
    const double a_tile = (double)(s->kernel->mr * nr) * sizeof(float);
    const double budget = s->budget - taken;
    plan->panel_tiles = c2_div_up(lanes, nr);
    const double a_word = (double)(plan->panel_tiles * nr * plan->tile_parts) * sizeof(uint32_t) *
                          (plan->ahead ? 2 : 1);
    double sums = a_tile;
    int64_t chunk = k_all;
    /* A tile's weights and the next one's share L2 with the panels if they are far. */
    const int64_t longest = plan->far ? C2_PX_FAR_CHUNK : k_all;
    if (k_all > longest || sums + a_word * (double)k_all > budget) {
        const double a_row = a_tile * (double)plan->panel_tiles; /* of tiles */
        const int64_t most = (int64_t)fmax(1, budget / 2 / a_row);
        const int64_t per_block = c2_div_up(plan->pack.tiles.n, plan->tile_blocks.n);
        if (per_block > most)
            plan->tile_blocks =
                c2_split_even(plan->pack.tiles.n, c2_div_up(plan->pack.tiles.n, most));
        sums = a_row * (double)c2_div_up(plan->pack.tiles.n, plan->tile_blocks.n);
        const double fits = floor(fmin((budget - sums) / a_word, (double)longest) / (double)unit);
        if (fits < 1)
            return false;
        const int64_t units = k_all / unit, n = c2_div_up(units, (int64_t)fits);
        chunk = c2_div_up(units, n) * unit;
    }
    plan->pack.period = k_all;
    plan->pack.chunk = chunk;
    plan->part_pitch = chunk * nr;
    plan->kept_at = c2_round_up((size_t)(taken + sums + a_word * (double)chunk), C2_ALIGN);
    plan->scratch_bytes = plan->kept_at + c2_round_up(sizeof(c2_panel_kept), C2_ALIGN);
    return true;
}

/* Seconds of a block's panels, of rows of `cols` lanes (0: of one row), once. */
static double panel_fill(const search *s, int64_t lanes, int64_t cols)
{
    const double k = (double)c2_problem_k(s->p), vector = s->best.vector;
    const double n = (double)c2_div_up(lanes, s->best.vector);
    /* Where rows meet within a vector, there are two. */
    const double more = cols > 0 ? (double)lanes / (double)cols : 0;
    return (n + more) * vector * k * s->best.words.parts * word_seconds;
}

/* Seconds of a block's calls: of several chunks, sums wait and runs of the caches are short. */
static double panel_calls(const search *s, const c2_px_plan *plan, double busy)
{
    const double chunks = (double)c2_div_up(c2_problem_k(s->p), plan->pack.chunk);
    return chunks * (double)(plan->panel_tiles * plan->pack.tiles.n) *
           (busy + (chunks > 1 ? chunk_seconds : s->speed->call / 2));
}

static void try_image_panels(search *s, int64_t tiles, bool ahead)
{
    const c2_problem *p = s->p;
    const int64_t pixels = p->oh * p->ow, size = c2_min(pixels, tiles * s->kernel->nr);
    c2_px_plan plan = s->best;
    plan.mode = C2_PX_IMAGE_PANEL;
    plan.ahead = ahead;
    plan.stage_bytes = 0;
    plan.blocks_y = c2_split_even(1, 1);
    const int64_t nr = s->kernel->nr, all = c2_div_up(pixels, nr);
    plan.blocks_x = c2_split_even(all, c2_div_up(all, tiles));
    const bool one_row = p->stride[0] * p->input_stride[2] == p->ow && !c2_problem_is_padded(p);
    const int64_t cols = one_row ? 0 : p->ow;
    const double k = (double)c2_problem_k(s->p), words = k * (double)(p->h * p->w);
    const bool far = 2 * words * (double)c2_dtype_bytes(s->stored->input_dtype) > far_bytes;
    const double read = k * (2 * image_run + (far ? (double)size * far_word : 0));
    const double fill = panel_fill(s, size, cols) + read;
    /* Pieces of short rows would take longer than what they hide. */
    if (ahead && cols > 0 && cols < nr)
        return;
    if (!set_panels(s, &plan, size, 0))
        return;
    const int64_t last = pixels - (plan.blocks_x.n - 1) * size;
    /* Chunks of kernel rows that are padding for a whole tile are left out. */
    const bool in_rows = (double)plan.pack.chunk <= k / (double)p->kh;
    const double live = in_rows ? c2_live_part(p, 0) : 1;
    const double work =
        (double)(plan.blocks_x.n - 1) * tile_products(s, size) + tile_products(s, last);
    const double blocks = blocks_of(&plan);
    const double multiply = live * work + blocks * panel_calls(s, &plan, ahead ? busy_call : 0);
    const double sets = blocks * k / (double)plan.pack.chunk; /* nothing hides the first panels */
    const double hidden =
        ahead ? part_hidden * fmin(multiply / blocks, live * fill * (1 - 1 / sets)) : 0;
    set_cost(s, multiply + stores(s, 1, (double)pixels), live * fill - hidden, &plan);
    /* While panels are filled meanwhile, products hide less of what weights take. */
    plan.seconds += ahead ? (blocks - 1) * block_weights(s) : 0;
    const int64_t rest = pixels % nr;
    plan.cost.last = rest > 0 && rest <= plan.vector ? two_sums / 2 : 1;
    keep_if_better(s, &plan);
}

static void try_window_panels(search *s, const c2_window *shape, int64_t rows, int64_t cols)
{
    const c2_problem *p = s->p, *stored = s->stored;
    c2_px_plan plan = s->best;
    plan.ahead = false;
    plan.mode = C2_PX_WINDOW_PANEL;
    set_blocks(p, &plan, &rows, &cols);
    size_t bytes;
    plan.window = *shape;
    if (!c2_window_set_block(&plan.window, rows, cols, stored->icg, s->budget, &bytes))
        return;
    plan.stage_bytes = c2_round_up(bytes, C2_ALIGN);
    const int64_t gap = plan.window.pitch > cols ? cols : 0;
    const double fill = window_seconds(s, &plan.window, bytes, stored->icg, rows) +
                        panel_fill(s, rows * cols, gap);
    if ((double)plan.stage_bytes > s->budget ||
        !set_panels(s, &plan, rows * cols, (double)plan.stage_bytes))
        return;
    set_cost(s, blocks_of(&plan) * (tile_products(s, rows * cols) + panel_calls(s, &plan, 0) +
                                    stores(s, (double)rows, (double)cols)), fill, &plan);
    keep_if_better(s, &plan);
}

/* Chunks of about `size`: several taps, or even parts of the channels of one. */
static void set_chunk(c2_pack_shape *pack, const c2_problem *p, int64_t size, int unit)
{
    if (p->icg <= size) {
        pack->period = c2_problem_k(p);
        pack->chunk = c2_min(C2_TAP_CHUNK, size / p->icg) * p->icg;
    } else {
        pack->period = p->icg;
        pack->chunk = c2_div_up(p->icg, c2_div_up(p->icg, size));
        pack->chunk = c2_div_up(pack->chunk, unit) * unit;
    }
}

/* Windows of words, which tile registers read in place. */
static void try_word_windows(search *s, const c2_window *shape, int64_t rows, int64_t cols)
{
    const c2_problem *p = s->p;
    c2_px_plan plan = s->best;
    plan.ahead = false;
    plan.mode = C2_PX_WINDOW;
    set_chunk(&plan.pack, p, C2_PX_TILES_CHUNK, plan.words.unit);
    set_blocks(p, &plan, &rows, &cols);
    size_t bytes;
    plan.window = *shape;
    if (!c2_window_set_block(&plan.window, rows, cols, p->icg, s->budget, &bytes))
        return;
    bytes = c2_round_up(bytes, C2_ALIGN);
    plan.part_pitch = (ptrdiff_t)(bytes / sizeof(uint32_t));
    plan.stage_bytes = c2_pairs_stage_bytes(s->stored, &plan.window);
    plan.scratch_bytes = bytes * (size_t)plan.tile_parts + plan.stage_bytes;
    if ((double)plan.scratch_bytes > s->budget)
        return;
    const int64_t lanes = (rows - 1) * plan.window.pitch + cols;
    const double channels = (double)s->stored->icg / (double)p->icg;
    const double fill = channels * window_seconds(s, &plan.window, bytes, p->icg, rows) +
                        (double)plan.scratch_bytes / sizeof(uint32_t) * word_seconds;
    const double work = tile_products(s, lanes) * (plan.far ? in_place_far : in_place_near) *
                        ((double)plan.scratch_bytes > large_window_bytes ? large_window : 1);
    const int64_t chunks = c2_div_up(c2_problem_k(p), C2_PX_TILES_CHUNK);
    const double calls = (double)c2_div_up(lanes, s->kernel->nr) * (double)plan.pack.tiles.n *
                         (double)chunks * s->speed->call;
    set_cost(s, blocks_of(&plan) * (work + calls + stores(s, (double)rows, (double)cols)), fill,
             &plan);
    keep_if_better(s, &plan);
}

static void try_panel(search *s, int64_t tiles)
{
    const c2_problem *p = s->p;
    const int64_t nr = s->kernel->nr, mr = s->kernel->mr;
    const double k_all = (double)c2_problem_k(p);
    c2_px_plan plan = s->best;
    plan.ahead = false;
    plan.mode = C2_PX_PANEL;
    plan.window.pitch = p->ow;
    plan.panel_tiles = tiles;
    plan.blocks_y = c2_split_even(1, 1);
    const int64_t all = c2_div_up(p->oh * p->ow, nr);
    plan.blocks_x = c2_split_even(all, c2_div_up(all, tiles));
    const double pixels = (double)p->oh * (double)p->ow;
    const double lanes = fmin(pixels, (double)(tiles * nr));
    cut_tiles(s, &plan, lanes * k_all * s->speed->gather, products(s, lanes));
    /* Half of the budget for sums at most; then as much k as fits. */
    const double budget = fmin(s->budget, panel_most * s->speed->l2);
    const double a_tile = (double)(mr * nr * tiles) * 4;
    const int64_t most = (int64_t)fmax(1, budget / 2 / a_tile);
    const int64_t per_block = c2_div_up(plan.pack.tiles.n, plan.tile_blocks.n);
    if (per_block > most)
        plan.tile_blocks = c2_split_even(plan.pack.tiles.n, c2_div_up(plan.pack.tiles.n, most));
    const double sums = a_tile * (double)c2_div_up(plan.pack.tiles.n, plan.tile_blocks.n);
    const double element = (double)c2_dtype_bytes(p->input_dtype) * plan.tile_parts;
    if (sums + (double)(tiles * nr) * element > budget)
        return;
    const double rows = floor((budget - sums) / element / (double)(tiles * nr));
    plan.stage_bytes = 0;
    plan.pack.period = c2_problem_k(p);
    plan.pack.chunk = (int64_t)fmin(fmin(k_all, panel_k), rows) / plan.words.unit *
                      plan.words.unit;
    if (plan.pack.chunk == 0)
        return;
    plan.part_pitch = plan.pack.chunk * nr;
    plan.scratch_bytes =
        c2_round_up((size_t)(sums + element * (double)(plan.pack.chunk * tiles * nr)), C2_ALIGN);
    const double found = pixels * (double)(p->kh * p->kw) * find_lane;
    const double fill = (found + pixels * k_all * s->speed->gather *
                                     (plan.words.parts ? paired : 1)) *
                        (double)plan.tile_blocks.n;
    const double work =
        blocks_of(&plan) * products(s, lanes) + stores(s, (double)p->oh, (double)p->ow);
    plan.cost = (c2_share_cost){work, fill / (double)plan.tile_blocks.n, 0, weight_bytes(s), 1};
    plan.seconds = fill + work;
    keep_if_better(s, &plan);
}

/* Sizes of blocks worth trying: 1, 2, 3, then by half as much again, and all. */
static int64_t next_size(int64_t size, int64_t all)
{
    if (size >= all)
        return all + 1;
    return c2_min(all, size < 4 ? size + 1 : size + size / 2);
}

/* Along y an axis is split where that copies less; along x, where lanes between rows cost products
 * as well, both ways are tried. */
static void try_windows(search *s)
{
    const c2_problem *p = s->p;
    const bool split_y = p->dilation[0] > p->stride[0] && p->kh > 1;
    for (int split_x = 0; split_x <= (p->kw > 1); split_x++) {
        c2_window shape, stored;
        c2_window_init(&shape, p, split_y, split_x);
        c2_window_init(&stored, s->stored, split_y, split_x);
        for (int64_t parts = 1; parts <= 64 && parts <= p->ow; parts *= 2) {
            const int64_t cols = c2_div_up(p->ow, parts);
            for (int64_t rows = 1; rows <= p->oh; rows = next_size(rows, p->oh)) {
                if (s->best.words.unit == 1) {
                    try_window(s, &shape, rows, cols);
                    continue;
                }
                try_window_panels(s, &stored, rows, cols);
                if (c2_problem_k(p) > p->icg)
                    try_word_windows(s, &shape, rows, cols);
            }
        }
    }
}

/* Whether tile registers' words are made of pixels in the image. */
static bool in_place(const c2_problem *p)
{
    return (p->padding_mode == CONV2D_PAD_ZEROS || !c2_problem_is_padded(p)) &&
           p->input_stride[3] == 1 && (p->stride[1] == 1 || p->ow == 1);
}

static void try_tiles(search *s)
{
    const int64_t all = c2_div_up(s->p->oh * s->p->ow, s->kernel->nr);
    const bool in_image = in_place(s->p);
    for (int64_t tiles = 1; in_image && tiles <= all; tiles = next_size(tiles, all)) {
        try_image_panels(s, tiles, false);
        try_image_panels(s, tiles, true);
    }
    if (!in_image || c2_problem_k(s->p) > s->p->icg)
        try_windows(s);
}

c2_px_plan c2_px_plan_make(const conv2d_device *device, const c2_kernel *k, const c2_problem *p)
{
    const c2_words words = c2_words_of(k, p);
    const c2_problem view = c2_words_view(p, &words);
    search s = {.p = &view, .stored = p, .kernel = k, .speed = c2_speed_of(device, k)};
    c2_px_plan *plan = &s.best;
    plan->words = words;
    plan->tile_parts = words.parts ? words.parts : 1;
    plan->pack = (c2_pack_shape){c2_split_even(p->ocg, c2_div_up(p->ocg, k->mr)), k->mr, 0, 0};
    if (words.unit > 1) /* whole registers */
        plan->pack.tiles = (c2_split){c2_div_up(p->ocg, k->mr), k->mr, 0};
    set_chunk(&plan->pack, &view, C2_PX_CHUNK, words.unit);
    plan->klen = (size_t)p->icg;
    plan->group_tiles = C2_PX_SUMS / (k->mr * k->nr);
    plan->vector = k->lanes;
    plan->tile_blocks = c2_split_even(plan->pack.tiles.n, 1);
    plan->weights_stream = 4.0 * (double)p->ocg * (double)c2_problem_k(&view) > weights_inner_bytes;
    plan->far = words.unit > 1 && weight_bytes(&s) > fetched_bytes;
    const double most = words.unit == 1 ? panel_most * s.speed->l2
                        : plan->far     ? tiles_bytes_far
                                        : tiles_bytes;
    s.budget = fmax((double)C2_STACK_BYTES, fmin((double)p->workspace_limit, most));
    plan->seconds = HUGE_VAL;
    if (!words.parts && can_be_direct(p)) {
        for (int64_t rows = 1; rows <= p->oh; rows = next_size(rows, p->oh))
            try_direct(&s, rows);
    }
    if (words.unit > 1)
        try_tiles(&s);
    else if (plan->seconds == HUGE_VAL || c2_problem_k(p) > p->icg || is_far(&s))
        try_windows(&s);
    try_panel(&s, 1);
    try_panel(&s, 4);
    return *plan;
}

c2_share c2_px_share_of(const c2_px_plan *plan, const c2_problem *p, int64_t workers)
{
    enum { ROUNDS = 4 }; /* of tasks; from as many on, few workers are idle in the last one */
    const int64_t images = p->n * p->groups, n_blocks = plan->blocks_y.n * plan->blocks_x.n;
    const bool flat = c2_px_is_flat(plan);
    /* Those of a flat image are whole tiles, wherever they begin: which rows of padding a tile
     * leaves out can show in the sign of a 0. */
    const c2_split blocks = flat ? plan->blocks_x : c2_split_even(n_blocks, n_blocks);
    if (plan->words.unit > 1)
        return c2_share_least(blocks, plan->tile_blocks, &plan->cost, images, workers);
    c2_share h = c2_share_make(blocks, plan->tile_blocks, images);
    const bool uneven = h.tasks < workers || (h.tasks < ROUNDS * workers && h.tasks % workers);
    /* Pixels first: words of each are then made once. */
    if (uneven && flat) {
        const int64_t n = n_blocks * c2_max(2, c2_div_up(workers, h.tasks));
        const int64_t tiles = c2_split_begin(&blocks, blocks.n);
        h = c2_share_make(c2_split_even(tiles, c2_min(tiles, n)), h.parts, images);
    }
    if (h.tasks < workers) {
        const int64_t tiles = plan->pack.tiles.n, n = h.parts.n * c2_div_up(workers, h.tasks);
        h = c2_share_make(h.blocks, c2_split_even(tiles, c2_min(tiles, n)), images);
    }
    return h;
}

double c2_px_cost(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p)
{
    const c2_px_plan plan = c2_px_plan_make(device, kernel, p);
    /* plan.seconds counts stores of unit stride; others cost the same more in all blocks. */
    const c2_speed *speed = c2_speed_of(device, kernel);
    const double outputs = (double)p->n * (double)p->oc * (double)p->oh * (double)p->ow;
    const bool turned = p->input_stride[3] != 1 && c2_input_is_far(p);
    return (double)p->n * (double)p->groups * plan.seconds +
           (turned ? c2_input_bytes(p) / sizeof(float) * far_turned : 0) +
           fmax(0, c2_cost_epilogue(speed, p, 3) - outputs * speed->store);
}

c2_bytes c2_px_memory(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p)
{
    const c2_px_plan plan = c2_px_plan_make(device, kernel, p);
    return (c2_bytes){c2_pack_words_bytes(p, &plan.words, &plan.pack), 0,
                      c2_scratch_workspace(plan.scratch_bytes)};
}
