/* SPDX-License-Identifier: BSD-2-Clause
 * Driver of split3_groups and split3_crossed, see group_strip.h. A task is a block of output rows
 * of a group. With stride 1 registers of pixels go on from one row to the next where that makes
 * fewer of them; lanes between two rows are not stored. */
#include "cpu/group_strip.h"

#include <string.h>

#include "cpu/interleave.h"
#include "cpu/share.h"

enum {
    WORDS = C2_GROUP_RUN / 2,
    HALF = sizeof(uint16_t),
    PIXELS_AT_A_TIME = 64,
    PIECE_PIXELS = 4
};

/* Bytes of a group's weights that stay in L2 beside a strip, while all are read for each call. */
static const double near_weights = 1 << 18;

struct c2_state {
    const c2_kernel *kernel;
    c2_panel_fn fn;
    c2_parts_fn parts;
    c2_widen_fn widen;
    c2_tiles_fn tiles;
    c2_epilogue_fn epilogue;
    c2_group_plan plan;
    bool late; /* outputs are stored among the products of the next call, */
    float low, high;
    ptrdiff_t *steps; /* where each lies behind a pixel, bytes */
    size_t steps_bytes;
};

/* Fills a task's strip, row by row, as it is or a few pixels at a time. */
typedef struct filler {
    const c2_state *s;
    const c2_problem *p;
    const float *image; /* element (n, first channel of the group, 0, 0) */
    char *strip;
    float *line;
    int64_t y, row, rows; /* of the image in the strip's first row; the next one; of the strip */
    const float *from;    /* pixels of the row before that, from x to the image's width, or NULL */
    int64_t x, step;
} filler;

static char *pixel_at(const c2_group_plan *plan, char *strip, int64_t row, int64_t x)
{
    return strip + (row * plan->pitch + plan->left + x) * plan->pixel * HALF;
}

static void clear(const filler *f, int64_t row, int64_t x, int64_t pixels)
{
    const c2_group_plan *plan = &f->s->plan;
    memset(pixel_at(plan, f->strip, row, x), 0, (size_t)(pixels * plan->pixel * HALF));
}

/* The next row that has pixels, and padding up to there; false if there is none. */
static bool next_row(filler *f)
{
    const c2_problem *p = f->p;
    const c2_group_plan *plan = &f->s->plan;
    while (f->row < f->rows) {
        const int64_t row = f->row++, y = f->y + row;
        clear(f, row, -plan->left, plan->left);
        if (y < 0 || y >= p->h) {
            clear(f, row, 0, plan->pitch - plan->left);
            continue;
        }
        clear(f, row, p->w, plan->pitch - plan->left - p->w);
        f->from = f->image + y * p->input_stride[2];
        f->step = p->input_stride[3];
        if (!plan->in_place) {
            c2_interleave_rows(p, f->s->widen, f->image, y, 1, f->line);
            f->from = f->line;
            f->step = p->icg;
        }
        f->x = 0;
        return true;
    }
    return false;
}

/* The next pixels, `most` at most; false if there are none. */
static bool put_pixels(filler *f, int64_t most)
{
    const c2_group_plan *plan = &f->s->plan;
    const void *rows[PIXELS_AT_A_TIME];
    if (!f->from && !next_row(f))
        return false;
    const int m = (int)c2_min(most, f->p->w - f->x);
    for (int i = 0; i < m; i++)
        rows[i] = f->from + (f->x + i) * f->step;
    const c2_parts_args a = {
        .rows = rows,
        .m = m,
        .run = (size_t)f->p->icg,
        .to = (uint32_t *)(void *)pixel_at(plan, f->strip, f->row - 1, f->x),
        .step_pitch = WORDS,
        .part_pitch = plan->part / 2,
        .row_pitch = plan->pixel / 2};
    f->s->parts(&a);
    f->x += m;
    if (f->x == f->p->w)
        f->from = NULL;
    return true;
}

static void put_piece(void *f) { put_pixels(f, PIECE_PIXELS); }

static void fill(filler *f)
{
    while (put_pixels(f, PIXELS_AT_A_TIME))
        ;
}

typedef struct work {
    const c2_state *s;
    const c2_run_args *args;
    c2_share_task task;
    int64_t n, g;
    char *strip;
    float *sums;
    filler *next; /* of the strip that is filled meanwhile, or NULL; */
    int64_t calls, pieces; /* that are left: of the kernel for it, and of it */
    c2_panel_kept *kept;
    bool goes_on; /* the worker has another task */
} work;

/* A call's pieces. */
static c2_meanwhile meanwhile_of(work *w)
{
    if (!w->next)
        return (c2_meanwhile){0};
    const int64_t pieces = c2_div_up(w->pieces, w->calls);
    w->calls--;
    w->pieces -= pieces;
    return (c2_meanwhile){put_piece, w->next, (size_t)pieces};
}

/* Lanes from register `first` on, of n of them. */
static c2_lanes lanes_of(const work *w, int64_t first, int64_t n)
{
    const int64_t lane = first * C2_GROUP_PIXELS, pitch = w->s->plan.lanes;
    return (c2_lanes){.first = lane,
                      .count = c2_min(n * C2_GROUP_PIXELS,
                                      (w->task.end - w->task.begin) * pitch - lane),
                      .pitch = pitch,
                      .cols = w->args->problem->ow,
                      .y = w->task.begin};
}

/* The sums of n registers of pixels by output channel tiles [tile, end): by one, or, with a target,
 * by some whose outputs are stored late. */
static void multiply(work *w, int64_t tile, int64_t end, int64_t first, int64_t n,
                     const c2_target *target)
{
    const c2_state *s = w->s;
    const c2_problem *p = w->args->problem;
    const c2_group_plan *plan = &s->plan;
    const int64_t nr = s->kernel->nr, a_call = s->kernel->mr / C2_GROUP_PIXELS;
    const int64_t tiles = plan->pack.tiles.n;
    const bool final = end == w->task.tile_end && !w->goes_on;
    c2_panel_args a = {.row = p->stride[1] * plan->pixel * HALF,
                       .part = plan->part * HALF,
                       .steps = s->steps,
                       .weight = (const uint32_t *)w->args->packed->host +
                                 (w->g * tiles + tile) * plan->steps * WORDS *
                                     plan->words.parts * nr,
                       .n_steps = (size_t)plan->steps,
                       .n = (int)(c2_min(end * nr, p->ocg) - tile * nr),
                       .tile_words = plan->steps * WORDS * plan->words.parts * nr};
    for (int64_t i = 0, m; i < n; i += m) {
        m = c2_div_up(n - i, c2_div_up(n - i, a_call)); /* as even as can be */
        for (int64_t j = 0; j < a_call; j++) {
            const int64_t lane = (first + i + j) * C2_GROUP_PIXELS;
            const int64_t row = lane / plan->lanes, x = lane % plan->lanes;
            a.pixels[j] = j < m ? pixel_at(plan, w->strip, row * p->stride[0],
                                           x * p->stride[1] - plan->left)
                                : NULL;
        }
        a.m = (int)m * C2_GROUP_PIXELS;
        a.acc = w->sums + (target ? 0 : i * C2_GROUP_PIXELS * nr);
        a.meanwhile = meanwhile_of(w);
        if (target) {
            const c2_lanes lanes = lanes_of(w, first + i, m);
            c2_panel_call(w->kept, s->fn, &a, target, &lanes, (int)nr, final && i + m == n);
        } else
            s->fn(&a);
    }
}

static int64_t registers_of(const work *w)
{
    return c2_div_up((w->task.end - w->task.begin) * w->s->plan.lanes, C2_GROUP_PIXELS);
}

/* Output channel tiles of a call: all, where their weights stay in L2 beside the strip. */
static int64_t tiles_of_call(const work *w)
{
    const c2_group_plan *plan = &w->s->plan;
    const bool near = c2_panel_weight_bytes(&plan->words, &plan->pack, plan->steps) <= near_weights;
    return w->s->late && near ? w->task.tile_end - w->task.tile_begin : 1;
}

static void multiply_tiles(work *w)
{
    const c2_state *s = w->s;
    const c2_problem *p = w->args->problem;
    const int64_t registers = registers_of(w), nr = s->kernel->nr;
    const int64_t a_call = tiles_of_call(w);
    for (int64_t tile = w->task.tile_begin; tile < w->task.tile_end; tile += a_call) {
        const int channels = (int)c2_min(nr, p->ocg - tile * nr);
        const c2_target target =
            c2_target_of(w->args, s->epilogue, w->n, w->g * p->ocg + tile * nr);
        if (s->late) {
            multiply(w, tile, tile + a_call, 0, registers, &target);
            continue;
        }
        for (int64_t first = 0; first < registers; first += C2_GROUP_STORED) {
            const int64_t n = c2_min(C2_GROUP_STORED, registers - first);
            const c2_lanes lanes = lanes_of(w, first, n);
            multiply(w, tile, tile + 1, first, n, NULL);
            c2_store_pixel_rows(&target, w->sums, nr, channels, 1, &lanes);
        }
    }
}

/* Few blocks stay whole where there are output channel tiles for all workers: smaller ones would
 * cut rows twice that kernels reach from both, and leave registers of pixels half empty. */
static c2_share share_of(const c2_state *s, const c2_run_args *args)
{
    const c2_problem *p = args->problem;
    const int64_t tiles = s->plan.pack.tiles.n, images = p->n * p->groups;
    const bool whole =
        tiles >= args->n_workers && images * s->plan.row_blocks.n <= args->n_workers;
    return c2_share_of(s->plan.row_blocks, p->oh, whole, tiles, images, args->n_workers);
}

/* A task's work, but for its strip, and a filler of that. */
static void set_task(const c2_state *s, const c2_run_args *args, int64_t task, work *w, filler *f)
{
    const c2_problem *p = args->problem;
    const c2_share h = share_of(s, args);
    *w = (work){.s = s, .args = args, .task = c2_share_task_of(&h, (size_t)task)};
    w->n = w->task.image / p->groups;
    w->g = w->task.image % p->groups;
    const int64_t rows = w->task.end - w->task.begin;
    *f = (filler){.s = s,
                  .p = p,
                  .image = (const float *)args->input.data + w->n * p->input_stride[0] +
                           w->g * p->icg * p->input_stride[1],
                  .y = w->task.begin * p->stride[0] - p->pad[0],
                  .rows = c2_rows_under(p, rows)};
}

static void set_strip(filler *f, char *strip, float *line)
{
    const c2_group_plan *plan = &f->s->plan;
    f->strip = strip;
    f->line = line;
    /* What registers read behind the last row. */
    char *end = pixel_at(plan, strip, f->rows, -plan->left);
    const int64_t rows = (f->rows - 1 - (f->p->kh - 1) * f->p->dilation[0]) / f->p->stride[0] + 1;
    const size_t bytes = c2_group_strip_bytes(f->p, plan, rows);
    memset(end, 0, bytes - (size_t)(end - strip));
}

/* A strip is filled while the one before it is multiplied, where there is room for two. */
static void run_turn(const c2_state *s, const c2_run_args *args, c2_cpu_turn *turn)
{
    const c2_group_plan *plan = &s->plan;
    char *scratch = c2_scratch_of(args, turn->worker, plan->scratch_bytes, turn->stack);
    char *strips[2] = {scratch, scratch + (plan->ahead ? plan->strip_bytes : 0)};
    float *line = (float *)(void *)(scratch + plan->line_at);
    work w, next;
    filler f;
    set_task(s, args, turn->task, &w, &f);
    w.strip = strips[turn->side];
    w.sums = (float *)(void *)(scratch + plan->sums_at);
    w.kept = (c2_panel_kept *)(void *)(scratch + plan->kept_at);
    w.goes_on = turn->next != C2_CPU_NO_TASK;
    if (!turn->prepared) {
        c2_panel_keep(w.kept, s->low, s->high);
        set_strip(&f, w.strip, line);
        fill(&f);
    }
    if (w.goes_on) {
        turn->side = !turn->side;
        set_task(s, args, turn->next, &next, &f);
        set_strip(&f, strips[turn->side], line);
        const int64_t registers = registers_of(&w), a_call = s->kernel->mr / C2_GROUP_PIXELS;
        w.next = &f;
        const int64_t tiles = w.task.tile_end - w.task.tile_begin;
        w.calls = tiles / tiles_of_call(&w) * c2_div_up(registers, a_call);
        w.pieces = f.rows * c2_div_up(args->problem->w, PIECE_PIXELS);
    }
    s->tiles(true);
    multiply_tiles(&w);
    s->tiles(false);
    if (w.next)
        fill(&f);
}

conv2d_status c2_group_run(const c2_state *s, const c2_run_args *args)
{
    const c2_cpu_phase phase = {.n = (size_t)share_of(s, args).tasks,
                                .turn = run_turn,
                                .ahead = s->plan.ahead};
    return c2_cpu_parallel_phases(s, args, &phase, 1);
}

void c2_group_packing(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                      c2_text *out)
{
    const c2_group_plan plan = c2_group_plan_make(device, kernel, p);
    c2_pack_words_name(p, &plan.words, &plan.pack, out);
}

void c2_group_pack(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                   const c2_weight_view *view, void *packed)
{
    const c2_group_plan plan = c2_group_plan_make(device, kernel, p);
    c2_pack_words(device, kernel, p, &plan.words, &plan.pack, view, packed);
}

conv2d_status c2_group_plan_create(conv2d_device *device, const c2_kernel *kernel,
                                   const c2_problem *p, c2_state **state_out)
{
    c2_state *s = c2_alloc_zero(&device->allocator, sizeof *s);
    if (!s)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    s->plan = c2_group_plan_make(device, kernel, p);
    s->kernel = kernel;
    s->fn = (c2_panel_fn)kernel->fn;
    const c2_family parts = s->plan.words.crossed ? C2_FAMILY_CROSSED : C2_FAMILY_PARTS;
    s->parts = (c2_parts_fn)c2_words_helper(kernel, parts, C2_MAX_PARTS, p->input_dtype);
    s->widen = (c2_widen_fn)c2_cpu_helper(kernel, C2_FAMILY_WIDEN, p->input_dtype);
    s->tiles = c2_tiles_of(kernel);
    s->epilogue = c2_cpu_epilogue(kernel, p->output_dtype);
    s->late = c2_panel_stores_late(p, 1, &s->low, &s->high);
    s->steps_bytes = (size_t)s->plan.steps * sizeof *s->steps;
    s->steps = c2_alloc(&device->allocator, s->steps_bytes);
    if (!s->steps) {
        c2_group_plan_destroy(device, s);
        return c2_fail(CONV2D_E_NOMEM, "no memory for the offsets of %lld steps",
                       (long long)s->plan.steps);
    }
    c2_panel_set_steps(p, p->kw, s->plan.a_tap, s->plan.pitch * s->plan.pixel, s->plan.pixel,
                       s->plan.steps, s->steps);
    *state_out = s;
    return CONV2D_OK;
}

void c2_group_plan_destroy(conv2d_device *device, c2_state *s)
{
    if (!s)
        return;
    c2_free(&device->allocator, s->steps, s->steps_bytes);
    c2_free(&device->allocator, s, sizeof *s);
}
