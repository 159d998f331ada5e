/* SPDX-License-Identifier: BSD-2-Clause
 * Driver of the dot2_ch and dot3_ch kernels: implicit GEMM of float32 whose channels are
 * neighbours, in parts. For each block of output pixels the rows of channels under their taps are
 * cut into parts once, side by side in a panel that serves all output channels: whatever strides,
 * padding and dilation are, the kernel reads registers of 1 KiB one after the other. A kernel row's
 * taps that lie side by side are one run of kw * icg channels. Bound: algo_split.c. */
#include "cpu/panel.h"

struct c2_state {
    const c2_kernel *kernel;
    c2_panel_fn fn;
    c2_parts_fn parts;
    c2_tiles_fn tiles;
    c2_epilogue_fn epilogue;
    c2_panel_plan plan;
    c2_share share;
    bool expects; /* results are fetched before they are stored, */
    bool late;    /* and stored among the products of the next call, */
    float low, high;
    float *zeros; /* a run of them */
    size_t zeros_bytes;
};

typedef struct work {
    const c2_state *s;
    const c2_run_args *args;
    c2_panel_block block;
    const uint32_t *weights; /* packed, of the group */
    const uint32_t *panel;
    float *sums;
    int64_t n, g;
    int64_t tile_begin, tile_end; /* output channel tiles */
    c2_panel_filler *next;        /* of the panel that is filled meanwhile, or NULL; */
    size_t calls;                 /* of the kernel that are left for it, */
    size_t pieces;                /* and pieces */
    c2_panel_kept *kept;
    bool goes_on;                 /* the worker has another task */
} work;

/* A call's pieces. */
static c2_meanwhile meanwhile_of(work *w)
{
    if (!w->next)
        return (c2_meanwhile){0};
    const size_t pieces = (w->pieces + w->calls - 1) / w->calls;
    w->calls--;
    w->pieces -= pieces;
    return (c2_meanwhile){c2_panel_filler_piece, w->next, pieces};
}

static c2_lanes lanes_of(const work *w, int64_t pixel_tile)
{
    const c2_problem *p = w->args->problem;
    return (c2_lanes){.first = pixel_tile * w->s->kernel->mr,
                      .count = c2_panel_tile_pixels(&w->block, pixel_tile),
                      .pitch = p->ow,
                      .cols = p->ow};
}

/* Output channel tiles [tile, tile_end) over steps [begin, end), which the panel has: one, or,
 * where these are all and outputs are stored late, some. */
static void multiply(work *w, int64_t tile, int64_t tile_end, int64_t begin, int64_t end,
                     float *sums)
{
    const c2_state *s = w->s;
    const int64_t mr = s->kernel->mr, nr = s->kernel->nr, parts = s->plan.words.parts;
    const int64_t a_step = parts * mr * C2_PANEL_WORDS, w_step = parts * nr * C2_PANEL_WORDS;
    const c2_problem *p = w->args->problem;
    const int64_t oc = tile * nr;
    const int channels = (int)c2_min(tile_end * nr, p->ocg) - (int)oc;
    const bool done = end == s->plan.steps;
    const c2_target target = c2_target_of(w->args, s->epilogue, w->n, w->g * p->ocg + oc);
    for (int64_t t = w->block.begin; t < w->block.end; t++) {
        const int64_t at = t - w->block.begin;
        const c2_panel_range live = c2_panel_live(&w->block, t);
        const c2_panel_range r = c2_panel_both((c2_panel_range){begin, end}, live);
        const c2_lanes lanes = lanes_of(w, t);
        const bool final = tile_end == w->tile_end && t + 1 == w->block.end && !w->goes_on;
        c2_panel_args a = {.weight = w->weights + (tile * s->plan.steps + r.begin) * w_step,
                           .n_steps = (size_t)(r.end - r.begin),
                           .acc = sums + at * mr * nr,
                           .m = (int)c2_round_up((size_t)lanes.count, C2_PANEL_PIXELS),
                           .n = channels,
                           .accumulate = r.begin > live.begin,
                           .tile_words = s->plan.steps * w_step,
                           .late = w->kept->waits,
                           .meanwhile = meanwhile_of(w)};
        c2_panel_pixels(&a, w->panel + (at * s->plan.chunk + r.begin - begin) * a_step,
                        (int)parts, (int)mr);
        if (s->plan.far)
            c2_panel_ahead(&a, &s->plan.words, w_step);
        if (s->expects && done)
            c2_panel_expect(&a, &s->plan.words, &target, t * mr / p->ow, t * mr % p->ow);
        if (s->late && done) {
            c2_panel_call(w->kept, s->fn, &a, &target, &lanes, (int)nr, final);
            continue;
        }
        /* A tile without live steps has sums of 0. */
        if (a.n_steps || a.late || (begin == 0 && live.begin == live.end))
            s->fn(&a);
        w->kept->waits = NULL;
        if (done)
            c2_store_pixel_rows(&target, a.acc, nr, channels, 1, &lanes);
    }
}

/* All of a task but its panel and sums, and a filler for it. */
static void set_task(const c2_state *s, const c2_run_args *args, int64_t task, work *w,
                     c2_panel_filler *f)
{
    const c2_problem *p = args->problem;
    const c2_panel_plan *plan = &s->plan;
    const c2_share_task t = c2_share_task_of(&s->share, (size_t)task);
    *w = (work){.s = s,
                .args = args,
                .block = {p, plan, s->kernel->mr, t.begin, t.end},
                .n = t.image / p->groups,
                .g = t.image % p->groups,
                .tile_begin = t.tile_begin,
                .tile_end = t.tile_end};
    w->weights = (const uint32_t *)args->packed->host +
                 w->g * plan->pack.tiles.n * plan->steps * C2_PANEL_WORDS * plan->words.parts *
                     s->kernel->nr;
    f->block = w->block;
    f->parts = s->parts;
    f->zeros = s->zeros;
    c2_rows_init(&f->rows, p,
                 (const float *)args->input.data +
                     (w->n * p->input_stride[0] + w->g * p->icg * p->input_stride[1]),
                 s->zeros);
    c2_rows_merge(&f->rows, plan->words.merge != C2_MERGE_NONE);
}

/* What a panel serves: steps of a chunk by output channel tiles of a group. */
typedef struct segment {
    int64_t k, k_end, tile, tile_end;
} segment;

/* The segment of these tiles and steps on. */
static segment segment_from(const work *w, int64_t tile, int64_t k)
{
    const c2_panel_plan *plan = &w->s->plan;
    return (segment){k, c2_min(plan->steps, k + plan->chunk), tile,
                     c2_min(w->tile_end, tile + plan->group)};
}

/* The one after it; false after the task's last. */
static bool next_segment(const work *w, segment *g)
{
    if (g->k_end < w->s->plan.steps)
        *g = segment_from(w, g->tile, g->k_end);
    else if (g->tile_end < w->tile_end)
        *g = segment_from(w, g->tile_end, 0);
    else
        return false;
    return true;
}

/* Output channel tiles of a call: all with one tile of pixels, whose sums are complete. */
static int64_t tiles_of_call(const work *w, const segment *g)
{
    const bool whole = g->k == 0 && g->k_end == w->s->plan.steps;
    return whole && w->s->late && w->block.end - w->block.begin == 1 ? g->tile_end - g->tile : 1;
}

static void multiply_segment(work *w, const segment *g)
{
    const c2_panel_plan *plan = &w->s->plan;
    const bool whole = plan->chunk == plan->steps; /* one tile's sums at a time are enough */
    const int64_t sums = whole ? 0 : plan->tiles * w->s->kernel->mr * w->s->kernel->nr;
    const int64_t a_call = tiles_of_call(w, g);
    for (int64_t tile = g->tile; tile < g->tile_end; tile += a_call)
        multiply(w, tile, tile + a_call, g->k, g->k_end, w->sums + (tile - g->tile) * sums);
}

/* Steps [begin, end) are what pieces fill from here on. */
static void fill_meanwhile(work *w, const segment *g, c2_panel_filler *f, int64_t begin,
                           int64_t end)
{
    c2_panel_filler_begin(f, begin, end);
    w->next = f;
    w->calls = (size_t)((g->tile_end - g->tile) * (w->block.end - w->block.begin) /
                        tiles_of_call(w, g));
    w->pieces = c2_panel_filler_pieces(f);
}

/* A panel is filled while the one before it is multiplied, that of the next task as well, where
 * there is room for two. */
static void run_turn(const c2_state *s, const c2_run_args *args, c2_cpu_turn *turn)
{
    const c2_panel_plan *plan = &s->plan;
    char *scratch = c2_scratch_of(args, turn->worker, plan->scratch_bytes, turn->stack);
    char *panels[2] = {scratch, scratch + (plan->ahead ? plan->panel_bytes : 0)};
    work w, next;
    c2_panel_filler filler;
    set_task(s, args, turn->task, &w, &filler);
    w.sums = (float *)(void *)(panels[1] + plan->panel_bytes);
    w.kept = (c2_panel_kept *)(void *)((char *)w.sums + plan->sums_bytes);
    w.goes_on = turn->next != C2_CPU_NO_TASK;
    if (!turn->prepared)
        c2_panel_keep(w.kept, s->low, s->high);
    s->tiles(true);
    bool filled = turn->prepared;
    segment g = segment_from(&w, w.tile_begin, 0);
    for (bool more = true; more;) {
        w.panel = (uint32_t *)(void *)panels[turn->side];
        if (!filled) {
            filler.panel = (uint32_t *)(void *)panels[turn->side];
            c2_panel_filler_begin(&filler, g.k, g.k_end);
            c2_panel_fill(&filler);
        }
        const segment here = g;
        more = next_segment(&w, &g);
        filled = plan->ahead && (more || turn->next != C2_CPU_NO_TASK);
        w.next = NULL;
        if (filled) {
            turn->side = !turn->side;
            if (!more)
                set_task(s, args, turn->next, &next, &filler);
            filler.panel = (uint32_t *)(void *)panels[turn->side];
            fill_meanwhile(&w, &here, &filler, more ? g.k : 0, more ? g.k_end : plan->chunk);
        }
        multiply_segment(&w, &here);
        if (filled)
            c2_panel_fill(&filler);
    }
    s->tiles(false);
}

conv2d_status c2_panel_run(const c2_state *s, const c2_run_args *args)
{
    const c2_cpu_phase phase = {.n = (size_t)s->share.tasks,
                                .turn = run_turn,
                                .runs = true,
                                .ahead = s->plan.ahead};
    return c2_cpu_parallel_phases(s, args, &phase, 1);
}

void c2_panel_packing(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                      c2_text *out)
{
    const c2_panel_plan plan = c2_panel_plan_make(device, kernel, p);
    c2_pack_words_name(p, &plan.words, &plan.pack, out);
}

void c2_panel_pack(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                   const c2_weight_view *view, void *packed)
{
    const c2_panel_plan plan = c2_panel_plan_make(device, kernel, p);
    c2_pack_words(device, kernel, p, &plan.words, &plan.pack, view, packed);
}

conv2d_status c2_panel_plan_create(conv2d_device *device, const c2_kernel *kernel,
                                   const c2_problem *p, c2_state **state_out)
{
    c2_state *s = c2_alloc_zero(&device->allocator, sizeof *s);
    if (!s)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    s->plan = c2_panel_plan_make(device, kernel, p);
    s->share = c2_share_least(s->plan.pixel_blocks, c2_split_even(s->plan.pack.tiles.n, 1),
                              &s->plan.cost, p->n * p->groups, device->pool.n_threads);
    s->kernel = kernel;
    s->fn = (c2_panel_fn)kernel->fn;
    s->parts = (c2_parts_fn)c2_words_helper(kernel, C2_FAMILY_PARTS, s->plan.words.parts,
                                            p->input_dtype);
    s->tiles = c2_tiles_of(kernel);
    s->epilogue = c2_cpu_epilogue(kernel, p->output_dtype);
    s->expects = c2_panel_expects(device, p);
    s->late = c2_panel_stores_late(p, 1, &s->low, &s->high);
    const int64_t run = s->plan.run;
    s->zeros_bytes = (size_t)run * sizeof(float);
    s->zeros = c2_alloc_zero(&device->allocator, s->zeros_bytes);
    if (!s->zeros) {
        c2_panel_plan_destroy(device, s);
        return c2_fail(CONV2D_E_NOMEM, "no memory for a row of %lld zeros", (long long)run);
    }
    *state_out = s;
    return CONV2D_OK;
}

void c2_panel_plan_destroy(conv2d_device *device, c2_state *s)
{
    if (!s)
        return;
    c2_free(&device->allocator, s->zeros, s->zeros_bytes);
    c2_free(&device->allocator, s, sizeof *s);
}
