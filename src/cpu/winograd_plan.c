/* SPDX-License-Identifier: BSD-2-Clause
 * Blocking and cost of Winograd convolution: how many tiles a task has, what memory it needs, what
 * it should take. Blocks never change results, so they may depend on workspace_limit and on
 * threads. */
#include "cpu/cost.h"
#include "cpu/panel_kernel.h"
#include "cpu/winograd.h"

/* V of a block should leave room in the L2 cache for weights and M; more rows of the GEMM than
 * this do not make the weights any cheaper. */
static const double v_bytes_wanted = 3 << 18;
enum { MOST_ROW_GROUPS = 4 };
/* Weights of a group that no cache keeps until the next block come from memory again for each; then
 * it is better to read V from the L3 cache. 512@28 on Zen 4 (32 MiB of L3): 11.2 to 10.2 ms. */
static const double u_bytes_kept = 32 << 20, v_bytes_wanted_then = 4 << 20;
enum { MOST_ROW_GROUPS_THEN = 16 };
static const double memory_times = 3; /* what a float from memory takes, in those of a cache; */
static const double near_weight = 0.3; /* and of the L2 cache, in those of the last */
static const double merged_bytes_wanted = 32 << 10; /* of a window of merged pieces, */
/* a float of which takes as long as so many of a copy in long runs; their sums are so short that a
 * float that is stored beyond the L2 cache is waited for, as long as so many of a transform take
 * (Zen 3, Zen 5). */
static const double merged_copies = 1.5, merged_stores = 4;
static const double v_kept = 0.375; /* of the L2 cache for V, beside U that passes by */
static const double partial_float = 0.4e-9; /* seconds of a pixel's lane of a tile that is not whole
                                               (Granite Rapids VM) */
/* In parts (measured on a Granite Rapids VM of 2 MiB of L2 cache, November 2026): bytes that L2
 * keeps, of a worker's scratch, and of all workers' at most; */
static const double l2_bytes = 3 << 19, most_bytes = 12 << 20, most_of_all = 15 << 20;
static const double far_bytes = 96e6, far_times = 2.5; /* of U: that no cache keeps, and what they
                                                         take, in bytes from a cache; */
static const double half_round = 1.5;     /* products of 16 tiles, in halves of those of 32; */
static const double part_transform = 2; /* transforms, in those for FMA, whose V and M are nearer */
static const double from_parts = 0.94; /* of the table's seconds for products */
static const double pixels_from_l2 = 0.12; /* how much longer products take of V that only L2 has */
/* Transforms of pixels a stride apart read in place, and copies of rows, in those of neighbours
 * (Granite Rapids). */
static const double strided_pixels = 4, strided_copies = 2.5;
enum { MOST_PART_TILES = 256, MOST_GROUP = 16 };
/* Groups side by side: of a vector at most; bytes of V; and what each vector of each row group adds
 * to a call of the kernel, in calls (Granite Rapids). */
enum { MOST_GROUPS = 4 };
static const double beside_v_bytes = 9 << 15, beside_tile = 0.4;
/* Panels of a set whose channels are neighbours in memory, for longer runs of them: 256@28 of 8 a
 * group 187 to 172 us, in a batch of 8 2.2 to 1.75 ms (Granite Rapids). */
enum { SET_PANELS = 4 };
enum { MOST_SHORT = 4, FEW_TILES = 4 }; /* m of short tiles at most; tiles of an image */
enum { IN_TASKS = 4 }; /* of a thread, of the transforms to a common V */
static const double phase_seconds = 5e-6; /* until all threads are there again */
/* Bytes that another worker's L2 cache has, in those of the last cache (Granite Rapids). */
static const double others_bytes = 4;
enum { MOST_ROUNDS = 8 }; /* of tasks on all threads; more make no end more even */

static bool even_step(int64_t bytes) { return bytes % 4096 == 0; }

/* Strides of V and M for blocks of n tiles, whose M has room for `rows`. */
static void set_strides(c2_wino_plan *plan, int64_t n, int64_t rows)
{
    /* Steps a multiple of 4 KiB apart would share one set of the L1 cache. */
    plan->v_piece = plan->parts ? c2_wino_words(plan) : plan->piece_blocks * n * plan->lanes;
    plan->v_block = plan->parts ? c2_wino_pieces(plan) * plan->v_piece : n * plan->lanes;
    plan->v_step = (plan->parts ? rows / plan->mr : plan->channel_blocks) * plan->v_block + 5 * 16;
    plan->v_step += even_step(plan->v_step * (int64_t)sizeof(float)) ? 16 : 0;
    if (plan->beside) {
        plan->m_step = plan->v_step;
        plan->m_tile = plan->lanes;
        plan->v_panel = plan->nr / plan->lanes * plan->v_block;
        return;
    }
    plan->m_tile = plan->nr;
    plan->m_step = rows * plan->nr + 16;
    plan->m_step += even_step(plan->m_step * (int64_t)sizeof(float)) ? 16 : 0;
    plan->m_panel = plan->steps * plan->m_step;
}

/* Sizes of a block of n tiles. */
static void set_block(const c2_problem *p, c2_wino_plan *plan, int64_t n)
{
    const int64_t units = c2_div_up(plan->tiles, plan->unit);
    plan->blocks = c2_split_even(units, c2_min(units, c2_div_up(plan->tiles, n)));
    n = c2_min(plan->tiles, plan->unit * c2_div_up(units, plan->blocks.n));
    plan->segment = c2_min(C2_WINO_SEGMENT, c2_min(n, plan->axis[1].grid));
    while (plan->merged && plan->segment > 1 &&
           (double)c2_wino_window_floats(p, plan) * sizeof(float) > merged_bytes_wanted)
        plan->segment = c2_div_up(plan->segment, 2);
    set_strides(plan, n, plan->parts ? c2_div_up(n, plan->mr) * plan->mr : n);
    const int64_t room = c2_max(c2_wino_window_floats(p, plan), c2_wino_y_floats(plan));
    plan->room_bytes = c2_round_up((size_t)room * sizeof(float), C2_ALIGN);
    plan->cut_bytes = plan->parts ? (size_t)(plan->steps * C2_WINO_CUT) * sizeof(float) : 0;
    plan->v_bytes =
        c2_round_up((size_t)(plan->steps * plan->v_step) * sizeof(float), C2_ALIGN);
    plan->m_bytes =
        c2_round_up((size_t)(plan->group * plan->m_panel) * sizeof(float), C2_ALIGN);
    plan->scratch_bytes = plan->m_bytes + plan->room_bytes + plan->cut_bytes;
    plan->common_bytes = plan->common ? (size_t)plan->blocks.n * plan->v_bytes : 0;
    plan->scratch_bytes += plan->common ? 0 : plan->v_bytes;
}

/* Of V. */
static double tile_floats(const c2_wino_plan *plan)
{
    return (double)c2_wino_live(plan) * (double)(plan->piece_blocks * plan->lanes);
}

static double u_bytes(const c2_wino_plan *plan)
{
    return 4.0 * (double)plan->panels * (double)c2_wino_panel_weights(plan);
}

/* Whole groups of rows while V is small; one at least, if workspace_limit has room for it. */
static void choose_block(const c2_problem *p, c2_wino_plan *plan)
{
    const double a_tile = 4.0 * tile_floats(plan);
    const bool kept = u_bytes(plan) <= u_bytes_kept;
    const double v_bytes = plan->beside ? beside_v_bytes
                           : kept       ? v_bytes_wanted
                                        : v_bytes_wanted_then;
    const int64_t fit = (int64_t)fmin(v_bytes / a_tile / plan->mr,
                                      kept ? MOST_ROW_GROUPS : MOST_ROW_GROUPS_THEN);
    int64_t n = c2_min(plan->tiles, c2_max(1, fit) * plan->mr);
    const uint64_t stack = C2_STACK_BYTES;
    const uint64_t limit = p->workspace_limit > stack ? p->workspace_limit : stack;
    for (set_block(p, plan, n); n > 1 && plan->scratch_bytes > limit; set_block(p, plan, n))
        n = n > plan->mr ? n - plan->mr : n > 4 ? n / 2 : n - 1;
}

/* The part of the tiles that lie across the edge of a phase, whose pixels the epilogue stores. */
static double partial_tiles(const c2_problem *p, const c2_wino_plan *plan)
{
    double whole = 1;
    for (int a = 0; a < 2; a++)
        if (!c2_wino_is_short(&plan->axis[a]))
            whole *= (double)(c2_div_up(a ? p->ow : p->oh, p->dilation[a]) / plan->axis[a].size) /
                     (double)plan->axis[a].grid;
    return 1 - whole;
}

/* The part of all tiles' steps that they have. */
static double steps_had(const c2_wino_plan *plan)
{
    double had = 1;
    for (int a = 0; a < 2; a++) {
        const c2_wino_axis *axis = &plan->axis[a];
        const double all = (double)axis->grid * axis->edge;
        had *= (all - axis->size + axis->last) / all;
    }
    return had;
}

/* How often V is made. */
static double owners(const c2_wino_plan *plan)
{
    return plan->common ? 1 : (double)plan->panel_blocks.n;
}

/* What a common V of so many bytes costs those who have not made it, in bytes of the last cache. */
static double from_others(const c2_wino_plan *plan, double v)
{
    const double others = (double)(plan->panel_blocks.n - 1);
    return plan->common ? others * fmin(v, (others + 1) * l2_bytes) * others_bytes : 0;
}

/* Seconds of the transforms and of what goes to and from them. */
static double transform_seconds(const c2_speed *speed, const c2_problem *p,
                                const c2_wino_plan *plan)
{
    const double had = steps_had(plan), steps = plan->steps * had, tiles = (double)plan->tiles;
    const double channels = (double)(plan->side * p->icg); /* of a set */
    const double piece = ceil(channels / plan->lanes) * plan->lanes;
    /* A row of pieces shares a window, which has all columns. */
    const c2_wino_axis *x = &plan->axis[1];
    const double columns = (double)c2_min(x->stride, x->pieces);
    const double windows = plan->channels_last ? 0 : (double)plan->axis[0].pieces;
    const bool apart = x->stride > 1 && plan->channels_last && !plan->parts;
    const double copies = plan->merged
                              ? tiles * tile_floats(plan) * had * merged_copies * speed->copy
                              : windows * tiles * piece * steps * columns * speed->turn *
                                    (x->stride > 1 ? strided_copies : 1);
    const double a_float = speed->transform * (plan->parts ? part_transform : 1);
    const double segments = tiles / (double)c2_min(plan->segment, plan->axis[1].grid);
    const double begun = segments * (double)plan->axis[0].edge * windows * channels;
    const double in =
        tiles * tile_floats(plan) * had * a_float * (apart ? strided_pixels : 1) + copies +
        c2_cost_far_rows(speed, p, begun);
    const double out = tiles * (double)plan->panels * plan->nr * steps *
                       (a_float + (plan->pixels_last ? speed->turn : 0));
    const double stores = plan->pixels_last ? 0
                                            : tiles * partial_tiles(p, plan) * plan->axis[0].size *
                                                  plan->axis[1].size *
                                                  (double)(plan->side * p->ocg) *
                                                  partial_float;
    const double written = c2_output_bytes(p) / sizeof(float) / (double)plan->sets;
    const double far = plan->merged && c2_output_bytes(p) > speed->l2
                           ? written * merged_stores * speed->transform
                           : 0;
    return owners(plan) * in + out + stores + far;
}

static double fma_seconds(const c2_speed *speed, const c2_problem *p, const c2_wino_plan *plan)
{
    const double lanes = plan->lanes, tiles = (double)plan->tiles;
    const double channels = ceil((double)(plan->side * p->ocg) / lanes) * lanes;
    const double block = tiles / (double)plan->blocks.n;
    const double rows = block / ceil(block / plan->mr);
    const double vectors = plan->beside ? 1 : fmin(channels, plan->nr) / lanes;
    /* Lanes are permuted on the way in and out. */
    const double turned = plan->beside && p->icg < plan->lanes ? 1 + 2 / (double)p->icg : 1;
    const double live = (double)c2_wino_live(plan);
    const double products = tiles * steps_had(plan) * channels * live *
                            (double)plan->v_channels / speed->fma_lanes * turned *
                            c2_cost_small_tile(rows, vectors, 1);
    const double kept = fmin(u_bytes_kept, speed->stay), u = u_bytes(plan);
    const double missed = fmin(1, fmax(0, u / kept - 1));
    const double a_weight = c2_panel_beyond_l2(u * (double)plan->sets)
                                ? speed->stream * (1 + (memory_times - 1) * missed)
                                : near_weight * speed->stream;
    const double weights = (double)plan->blocks.n * u / 4 * a_weight;
    /* One call has all tiles and vectors of groups side by side. */
    const double a_call = ceil(block / plan->mr) * (plan->beside ? plan->nr / lanes : 1);
    const double calls = (plan->beside ? 1 + beside_tile * a_call : a_call) *
                         (double)plan->blocks.n * (double)plan->panels * live *
                         ceil((double)plan->v_channels / (double)C2_WINO_K) * speed->call;
    const double v = block * tile_floats(plan) * 4;
    const double again = v > v_kept * speed->l2 ? tiles / block * (double)plan->panels * v : 0;
    return fmax(products, weights) + calls + again * speed->again;
}

/* Bytes of V, U and M of a block, and of what a step needs at once beside M. */
typedef struct traffic {
    double v, u, m, step;
} traffic;

static traffic traffic_of(const c2_wino_plan *plan)
{
    const double words = 4.0 * (double)c2_wino_panel_weights(plan);
    const double rounds = ceil((double)plan->tiles / (double)plan->blocks.n / plan->mr);
    return (traffic){rounds * words, (double)plan->panels * words,
                     fmin((double)plan->panels, (double)plan->group) *
                         (double)plan->m_panel * 4,
                     (rounds + 1) * words / plan->steps};
}

/* Halves of rounds of 32 tiles that the products of n tiles take. */
static double halves_of(const c2_wino_plan *plan, int64_t n)
{
    const int64_t units = c2_div_up(n, C2_WINO_ROWS), rounds = n / plan->mr;
    return (double)(2 * rounds) + (units == 2 * rounds       ? 0
                                   : units == 2 * rounds + 1 ? half_round
                                                             : 2);
}

static double halves_of_blocks(const c2_wino_plan *plan)
{
    const c2_split *blocks = &plan->blocks;
    const int64_t n = plan->unit * blocks->size;
    const int64_t last = plan->unit * c2_split_begin(blocks, blocks->n - 1);
    return (double)blocks->extra * halves_of(plan, n + plan->unit) +
           (double)(blocks->n - 1 - blocks->extra) * halves_of(plan, n) +
           halves_of(plan, plan->tiles - last);
}

static bool u_is_far(const traffic *t) { return t->v + t->u + t->m > l2_bytes; }

static void set_far(c2_wino_plan *plan)
{
    const traffic t = traffic_of(plan);
    plan->far = plan->parts && u_is_far(&t);
}

/* The products of parts, and what comes from beyond the L2 cache: U once a block, V once a group,
 * and M if it has no room. Workers that share a block's panels each have a V of their own. */
static double part_seconds(const c2_speed *speed, const c2_problem *p, const c2_wino_plan *plan)
{
    const double blocks = (double)plan->blocks.n, panels = (double)plan->panels;
    const double groups = ceil(panels / (double)plan->group);
    const double live = (double)c2_wino_live(plan);
    const double a_product = (double)(C2_WINO_ROWS * C2_WINO_CHANNELS / 2 * C2_WINO_ROWS);
    const double lanes = (double)c2_div_up(p->ocg, C2_WINO_ROWS);
    const double products = halves_of_blocks(plan) * lanes * live * (double)plan->piece_blocks *
                            (C2_WINO_PARTS * (C2_WINO_PARTS + 1) / 2) * a_product /
                            speed->fma_lanes * from_parts *
                            (1 + pixels_from_l2 / (double)plan->group);
    const double rounds = ceil((double)plan->tiles / blocks / plan->mr);
    const double calls = rounds * blocks * panels * plan->steps * speed->call;
    const traffic t = traffic_of(plan);
    double far = from_others(plan, t.v); /* bytes of a block */
    if (u_is_far(&t)) {
        far += t.u * (t.u > far_bytes ? far_times : 1);
        if (t.v + t.m + t.u / panels > l2_bytes)
            far += t.v * (owners(plan) + groups); /* written, and read */
        const double over = t.m + 2 * t.step - l2_bytes;
        far += 2 * t.m * groups * fmin(1, fmax(0, over / l2_bytes));
    }
    return products + calls + blocks * far * speed->again +
           owners(plan) * c2_panel_cut_seconds((double)plan->tiles * (double)p->icg * live);
}

static double seconds(const conv2d_device *device, const c2_problem *p, const c2_wino_plan *plan,
                      const c2_kernel *gemm)
{
    const c2_speed *speed = c2_speed_of(device, gemm);
    const double multiply =
        plan->parts ? part_seconds(speed, p, plan) : fma_seconds(speed, p, plan);
    const double sets = (double)p->groups / (double)plan->side; /* the last one may be smaller */
    return sets * (multiply + transform_seconds(speed, p, plan)) +
           c2_cost_epilogue(speed, p, plan->pixels_last ? 3 : 1);
}

/* The fastest block of parts that so many bytes and workspace_limit have room for; if none is, the
 * smallest. */
static void choose_part_block(const conv2d_device *device, const c2_problem *p,
                              const c2_kernel *gemm, double bytes, c2_wino_plan *plan)
{
    const double room = fmin(bytes, (double)p->workspace_limit);
    c2_wino_plan best = *plan;
    set_block(p, &best, plan->mr);
    best.seconds = HUGE_VAL;
    for (int64_t n = plan->mr; n <= MOST_PART_TILES; n += plan->mr) {
        for (int64_t group = 1; group <= c2_min(MOST_GROUP, plan->panels); group++) {
            c2_wino_plan tried = *plan;
            tried.group = group;
            set_block(p, &tried, n);
            tried.seconds = seconds(device, p, &tried, gemm);
            if ((double)tried.scratch_bytes <= room && tried.seconds < best.seconds)
                best = tried;
        }
        if (n >= plan->tiles)
            break;
    }
    *plan = best;
    set_far(plan);
}

/* Merged pieces go through one transform. */
static c2_wino_axis axis_of(const c2_problem *p, int a, int m, bool merged)
{
    const int64_t taps = a ? p->kw : p->kh, size = a ? p->ow : p->oh;
    c2_wino_axis axis = {.size = taps > 1 ? m : 1, .stride = p->stride[a]};
    axis.step = c2_max(p->stride[a], p->dilation[a]);
    axis.pieces = c2_wino_axis_pieces(taps, p->stride[a]);
    const int64_t least = m == C2_WINO_MAX_M && taps > 1 ? 2 : 1; /* of its transforms */
    for (int64_t i = 0; i < axis.pieces; i++) {
        const int64_t live = c2_div_up(taps - c2_wino_first_tap(&axis, i), axis.stride);
        axis.taps[i] = merged && i > 0 ? axis.taps[0]
                                       : (int)c2_max(least, c2_min(C2_WINO_TAPS, live));
    }
    axis.edge = c2_wino_reach(&axis, 0, axis.size);
    axis.phases = c2_min(p->dilation[a], size);
    const int64_t phase = c2_div_up(size, p->dilation[a]);
    axis.grid = c2_div_up(phase, axis.size);
    axis.last = (int)(phase - (axis.grid - 1) * axis.size);
    return axis;
}

/* Whether tiles at the end of a phase are short. Those of parts are multiplied 32 at a time, and
 * the products of so few tiles of a group wait for FMAs, however few there are. The batch does not
 * count, since bits depend on it. */
static bool shortens(const c2_problem *p, const c2_wino_plan *plan)
{
    const c2_wino_axis *y = &plan->axis[0], *x = &plan->axis[1];
    const int64_t tiles = y->phases * y->grid * x->phases * x->grid;
    return !plan->parts && plan->m <= MOST_SHORT && (p->groups == 1 || tiles > FEW_TILES);
}

/* Whether groups are multiplied side by side: where a vector of the transforms is one or some whole
 * groups. */
static bool is_beside(const c2_problem *p, const c2_wino_plan *plan)
{
    return p->groups > 1 && p->icg == p->ocg && !plan->parts && c2_wino_pieces(plan) == 1 &&
           plan->lanes % p->icg == 0 && plan->lanes / p->icg <= MOST_GROUPS;
}

/* Of so many panels, if groups are side by side; what is packed does not depend on it. */
static void set_sets(const c2_problem *p, int64_t set_panels, c2_wino_plan *plan)
{
    plan->side = plan->beside ? set_panels * plan->nr / p->icg : 1;
    plan->sets = c2_div_up(p->groups, plan->side);
    plan->panels = c2_div_up(plan->side * p->ocg, plan->nr);
    plan->panel_blocks = c2_split_even(plan->panels, 1);
    plan->piece_blocks = c2_div_up(plan->side * plan->v_channels,
                                   plan->parts ? C2_WINO_CHANNELS : plan->lanes);
    plan->channel_blocks = (plan->merged ? 1 : c2_wino_pieces(plan)) * plan->piece_blocks;
}

c2_wino_plan c2_wino_plan_make(const conv2d_device *device, const c2_problem *p, int m,
                               const c2_kernel *gemm)
{
    c2_wino_plan plan = {.m = m, .steps = 1};
    plan.parts = gemm->family != C2_FAMILY_WINO_GEMM;
    plan.lanes = c2_wino_kernel(gemm, C2_FAMILY_WINO_IN, m, CONV2D_FLOAT32)->lanes;
    plan.mr = gemm->mr;
    plan.nr = gemm->nr;
    plan.unit = plan.parts ? C2_WINO_ROWS : 1;
    plan.group = 1;
    plan.tiles = p->n;
    plan.merged = !plan.parts && c2_wino_merges(p);
    for (int a = 0; a < 2; a++) {
        plan.axis[a] = axis_of(p, a, m, plan.merged);
        plan.steps *= plan.axis[a].edge;
        plan.tiles *= plan.axis[a].phases * plan.axis[a].grid;
    }
    const c2_kernel *groups = c2_wino_kernel(gemm, C2_FAMILY_WINO_GROUPS, 0, CONV2D_FLOAT32);
    plan.beside = groups && is_beside(p, &plan);
    if (plan.beside)
        plan.mr = groups->mr;
    for (int a = 0; a < 2 && !shortens(p, &plan); a++)
        plan.axis[a].last = plan.axis[a].size;
    plan.v_channels = plan.merged ? c2_wino_pieces(&plan) * p->icg : p->icg;
    const int64_t all = c2_div_up(p->oc, plan.nr);
    set_sets(p, p->input_stride[1] == 1 ? c2_min(SET_PANELS, all) : 1, &plan);
    plan.channels_last = p->input_stride[1] == 1 && !plan.merged;
    plan.fetches = plan.channels_last && !c2_wino_is_line(&plan) &&
                   c2_beyond_l2(device, c2_input_bytes(p));
    plan.pixels_last =
        p->output_stride[3] == 1 && p->dilation[1] == 1 && p->output_stride[1] != 1;
    if (plan.parts)
        choose_part_block(device, p, gemm, most_bytes, &plan);
    else
        choose_block(p, &plan);
    plan.seconds = seconds(device, p, &plan, gemm);
    return plan;
}

/* The largest part of an even split, in those of one without a rest. */
static double uneven(const c2_split *split)
{
    const double total = (double)(split->n * split->size + split->extra);
    return (double)c2_split_begin(split, 1) * (double)split->n / total;
}

/* What a block of n tiles takes, in some unit: transforms by tiles, products by whole rounds. */
static double block_work(const c2_wino_plan *plan, int64_t n)
{
    const double a_half = C2_WINO_ROWS;
    return (double)n + (plan->parts ? halves_of(plan, n) * a_half : (double)n);
}

/* The part of the work that the first thread has: tasks take turns (parallel.c), and the first
 * blocks have a unit more than others. */
static double largest_share(const c2_wino_plan *plan, int64_t threads)
{
    const c2_split *blocks = &plan->blocks;
    const int64_t each = plan->sets * plan->panel_blocks.n, tasks = each * blocks->n;
    const int64_t rounds = c2_div_up(tasks, threads);
    const int64_t larger = c2_div_up(each * blocks->extra, threads);
    const double small = block_work(plan, plan->unit * blocks->size);
    const double large = block_work(plan, plan->unit * (blocks->size + 1));
    const double all = (double)(each * blocks->extra) * large +
                       (double)(each * (blocks->n - blocks->extra)) * small;
    return ((double)larger * large + (double)(rounds - larger) * small) / all *
           (tasks > threads ? 1 : uneven(&plan->panel_blocks));
}

/* How long all threads take when the last one ends, if the model is right. */
static double parallel_seconds(const conv2d_device *device, const c2_problem *p,
                               const c2_wino_plan *plan, const c2_kernel *gemm, int64_t threads)
{
    return seconds(device, p, plan, gemm) * largest_share(plan, threads) +
           (plan->common ? phase_seconds : 0);
}

/* A way to share a plan's work. */
typedef struct division {
    int64_t parts;  /* of the panels, */
    int64_t groups; /* in each of which M has room for so many groups of them; */
    int64_t unit;   /* of tiles; */
    int64_t rounds; /* of tasks on all threads; */
    bool common;    /* one V, or V of each block */
} division;

static c2_wino_plan divided(const c2_problem *p, const c2_wino_plan *alone, const division *d,
                            int64_t threads)
{
    c2_wino_plan plan = *alone;
    plan.common = d->common;
    plan.unit = d->unit;
    if (alone->beside)
        set_sets(p, alone->panels / d->parts, &plan);
    else
        plan.panel_blocks = c2_split_even(plan.panels, d->parts);
    if (plan.parts)
        plan.group =
            c2_min(MOST_GROUP, c2_div_up(c2_split_begin(&plan.panel_blocks, 1), d->groups));
    const int64_t wanted = c2_div_up(d->rounds * threads, plan.sets * plan.panel_blocks.n);
    const int64_t blocks = plan.parts ? wanted : c2_max(alone->blocks.n, wanted);
    set_block(p, &plan, c2_div_up(plan.tiles, blocks));
    if (plan.common) {
        const int64_t tiles = c2_min(plan.tiles, plan.unit * c2_split_begin(&plan.blocks, 1));
        plan.in_runs = c2_div_up(tiles, plan.segment);
        plan.in_parts = c2_min(c2_div_up(p->icg, C2_WINO_CUT),
                               c2_div_up(IN_TASKS * threads, plan.in_runs * plan.blocks.n));
    }
    return plan;
}

/* Whether workers of all threads find memory. What an L2 cache holds is better made by each who
 * reads it than read from another's (256@14 345 to 400 us, Granite Rapids). */
static bool is_allowed(const c2_problem *p, const c2_wino_plan *alone, const c2_wino_plan *plan,
                       int64_t threads)
{
    const double all = (double)plan->common_bytes +
                       (double)threads * (double)c2_scratch_workspace(plan->scratch_bytes);
    if (plan->common && (double)plan->v_bytes <= l2_bytes)
        return false;
    return plan->parts ? all <= fmin(most_of_all, (double)p->workspace_limit)
                       : plan->scratch_bytes <= alone->scratch_bytes;
}

typedef struct sharing {
    const conv2d_device *device;
    const c2_problem *p;
    const c2_kernel *gemm;
    c2_wino_plan alone; /* for one thread; */
    int64_t threads;
    c2_wino_plan best; /* for all of them, */
    double seconds;    /* which takes so long */
} sharing;

static void try_division(sharing *s, const division *d)
{
    const c2_wino_plan tried = divided(s->p, &s->alone, d, s->threads);
    if (!is_allowed(s->p, &s->alone, &tried, s->threads))
        return;
    const double t = parallel_seconds(s->device, s->p, &tried, s->gemm, s->threads);
    if (t < s->seconds) {
        s->seconds = t;
        s->best = tried;
    }
}

static void try_divisions(sharing *s, int64_t parts, int64_t rounds)
{
    const c2_wino_plan *alone = &s->alone;
    const bool may_share = alone->parts && alone->sets == 1 && parts > 1;
    const int64_t panels = alone->parts ? c2_div_up(alone->panels, parts) : 1;
    division d = {.parts = parts, .rounds = rounds};
    for (int common = 0; common <= may_share; common++) {
        d.common = common > 0;
        for (d.groups = 1; d.groups <= panels; d.groups *= 2) {
            d.unit = alone->unit;
            try_division(s, &d);
            d.unit = 1;
            if (alone->unit > 1)
                try_division(s, &d);
        }
    }
}

void c2_wino_plan_share(const conv2d_device *device, const c2_problem *p, const c2_kernel *gemm,
                        c2_wino_plan *plan)
{
    const int64_t threads = device->pool.n_threads;
    if (threads <= 1)
        return;
    if (plan->parts) {
        const double all = fmin(most_of_all, (double)p->workspace_limit);
        choose_part_block(device, p, gemm, fmin(most_bytes, all / (double)threads), plan);
    }
    sharing s = {device, p, gemm, *plan, threads, *plan, HUGE_VAL};
    s.seconds = parallel_seconds(device, p, plan, gemm, threads);
    for (int64_t parts = 1; parts <= c2_min(threads, plan->panels); parts *= 2)
        for (int64_t rounds = 1; rounds <= MOST_ROUNDS; rounds++)
            try_divisions(&s, parts, rounds);
    *plan = s.best;
    set_far(plan);
}
