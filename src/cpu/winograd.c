/* SPDX-License-Identifier: BSD-2-Clause
 * Driver of Winograd convolution; winograd.h draws its arrays. A task transforms the input of its
 * block of tiles, then, panel by panel of output channels, multiplies and transforms back. */
#include "cpu/winograd.h"

#include <string.h>

typedef struct work {
    const c2_state *s;
    const c2_run_args *args;
    void *v;
    float *m, *room, *cut; /* room: a window, or Y */
    int64_t set;
    c2_wino_order order;
} work;

const c2_kernel *c2_wino_kernel(const c2_kernel *gemm, c2_family family, int mr, int32_t dtype)
{
    for (int i = 0; i < c2_n_kernels; i++) {
        const c2_kernel *k = &c2_kernels[i];
        if (k->family == family && k->dtype == dtype && (k->mr == mr || mr == 0) &&
            strcmp(k->isa, c2_kernel_base(gemm)) == 0)
            return k;
    }
    return NULL;
}

/* The set's first output channel; how many a panel has. */
static int64_t first_channel(const work *w)
{
    return w->set * w->s->plan.side * w->args->problem->ocg;
}

static int panel_channels(const work *w, int64_t panel)
{
    const c2_wino_plan *plan = &w->s->plan;
    const c2_problem *p = w->args->problem;
    return (int)c2_min(plan->nr, c2_wino_members(plan, p, w->set) * p->ocg - panel * plan->nr);
}

/* Tiles [begin, end) of the block, and of them channels [c_begin, c_end) of the set. */
static void transform_in(const work *w, int64_t begin, int64_t end, int64_t c_begin, int64_t c_end)
{
    c2_wino_order order = w->order;
    order.end = end;
    for (int64_t tile = begin; tile < end;) {
        c2_wino_segment seg = c2_wino_segment_at(&w->s->plan, &order, tile);
        seg.begins = tile == begin;
        seg.c_begin = c_begin;
        seg.c_end = c_end;
        c2_wino_transform(w->s, w->args, w->set, &seg, w->v, w->room, w->cut);
        tile += seg.count;
    }
}

/* One step and piece of a panel, to a->out; a->u: its weights, which go on to the next. end: of the
 * panel's. */
static void multiply_piece(const work *w, const float *v, const float *end, c2_wino_gemm_args *a)
{
    const c2_wino_plan *plan = &w->s->plan;
    const int64_t channels = plan->v_channels;
    for (int64_t k = 0; k < channels; k += C2_WINO_K, a->accumulate = true) {
        a->klen = (int)c2_min(C2_WINO_K, channels - k);
        const float *next = a->u + a->klen * plan->nr;
        a->next = next == end ? NULL : next;
        a->v = v + k / plan->lanes * plan->v_block;
        w->s->gemm(a);
        a->u = next;
    }
}

/* One step of a panel of groups side by side, in place. */
static void multiply_groups(const work *w, float *v, const float *end, c2_wino_gemm_args *a)
{
    const c2_wino_plan *plan = &w->s->plan;
    const float *next = a->u + plan->v_channels * plan->nr;
    const int groups = (int)(plan->lanes / plan->v_channels);
    const c2_wino_groups_args one = {v, a->v_block, a->u, next == end ? a->u : next,
                                     w->s->order[0], w->s->order[1], a->m, a->n, groups};
    w->s->groups(&one);
    a->u = next;
}

/* What piece (y, x) adds to M of step (i, j) of a panel, of the tiles that have the step in it. v
 * and m: of all tiles. */
static void add_piece(const work *w, float *v, float *m, const int step[2], int64_t y, int64_t x,
                      const float *end, c2_wino_gemm_args *a)
{
    const c2_wino_plan *plan = &w->s->plan;
    const c2_wino_axis *ay = &plan->axis[0], *ax = &plan->axis[1];
    if (!c2_wino_has(ay, step[0], y, ay->size) || !c2_wino_has(ax, step[1], x, ax->size))
        return;
    const bool short_x = c2_wino_has(ax, step[1], x, ax->last);
    const bool short_y = c2_wino_has(ay, step[0], y, ay->last);
    const int64_t first = w->order.begin_of[short_x], last = w->order.end_of[short_y][short_x];
    if (first == last) {
        a->u += plan->v_channels * plan->nr;
        return;
    }
    a->out = m + first * plan->m_tile;
    a->m = (int)(last - first);
    if (plan->beside)
        multiply_groups(w, v + first * plan->lanes, end, a);
    else
        multiply_piece(w, v + first * plan->lanes, end, a);
}

/* M of a panel; u: its weights. The first piece has all steps that another has, of all tiles that
 * have them. */
static void multiply(const work *w, float *v, const float *u, float *products, int channels)
{
    const c2_wino_plan *plan = &w->s->plan;
    const float *end = u + c2_wino_panel_weights(plan);
    const int64_t pieces_y = plan->merged ? 1 : plan->axis[0].pieces;
    const int64_t pieces_x = plan->merged ? 1 : plan->axis[1].pieces;
    c2_wino_gemm_args a = {.v_block = plan->v_block, .u = u, .n = channels};
    for (int i = 0; i < plan->steps; i++, v += plan->v_step, products += plan->m_step) {
        const int step[2] = {i / plan->axis[1].edge, i % plan->axis[1].edge};
        a.accumulate = false;
        for (int64_t piece = 0; piece < pieces_y * pieces_x; piece++)
            add_piece(w, v + piece * plan->v_piece, products, step,
                      piece / pieces_x, piece % pieces_x, end, &a);
    }
}

static int64_t segment_pixels(const c2_wino_plan *plan)
{
    return plan->segment * plan->axis[0].size * plan->axis[1].size;
}

/* Floats of a row of Y's transposed copy, one a channel. */
static int64_t turned_row(const c2_wino_plan *plan)
{
    return (int64_t)c2_round_up((size_t)segment_pixels(plan), 16) + 16;
}

int64_t c2_wino_y_floats(const c2_wino_plan *plan)
{
    return plan->nr * (segment_pixels(plan) + (plan->pixels_last ? turned_row(plan) : 0));
}

/* Store the segment's pixels of channels oc .. oc + channels - 1 of the group. */
static void store(const work *w, const c2_wino_segment *seg, const c2_lanes *lanes, int64_t oc,
                  int channels)
{
    const c2_state *s = w->s;
    const c2_problem *p = w->args->problem;
    const int64_t first = first_channel(w) + oc, row = turned_row(&s->plan);
    float *turned = w->room + s->plan.nr * segment_pixels(&s->plan);
    const int part = s->plan.pixels_last ? C2_MAX_MR : channels;
    if (s->plan.pixels_last) {
        const c2_widen_args turn = {w->room, 1, s->plan.nr, turned, row, channels,
                                    (int)lanes->count};
        s->widen_f32(&turn);
    }
    for (int c = 0; c < channels; c += part) {
        c2_target target = c2_target_of(w->args, s->epilogue, seg->n, first + c);
        target.out += (seg->y * p->output_stride[2] + seg->x * p->output_stride[3]) *
                      target.element;
        if (target.residual)
            target.residual += (seg->y * p->residual_stride[2] + seg->x * p->residual_stride[3]) *
                               target.element;
        target.problem = &s->phase;
        if (s->plan.pixels_last)
            c2_store_channel_rows(&target, turned + c * row, row, (int)c2_min(part, channels - c),
                                  lanes);
        else
            c2_store_pixel_rows(&target, w->room, s->plan.nr, channels, 1, lanes);
    }
}

/* Output rows (axis 0) or columns of a phase. */
static int64_t phase_size(const c2_problem *p, int axis, int64_t phase)
{
    const int64_t size = axis ? p->ow : p->oh;
    return c2_div_up(size - phase, p->dilation[axis]);
}

/* The pixels of a tile, nr lanes of each in calls of the kernel's lanes; m, y, bias and n of *a are
 * set here: a copy would wait for the stores that filled it, and they wait for the pixels of the
 * tile before. */
static void transform_tile(const c2_state *s, c2_wino_out_args *a, const float *m, float *y,
                           const float *bias, int channels)
{
    const int all = bias ? channels : s->plan.nr;
    for (int lane = 0; lane < all; lane += s->out_nr, m += s->m_call) {
        a->m = m;
        a->y = y + lane;
        a->bias = bias ? bias + lane : NULL;
        a->n = (int)c2_min(s->out_nr, all - lane);
        s->out(a);
    }
}

/* The first output of the segment, a float32, of channel `channel`. */
static float *first_output(const work *w, const c2_wino_segment *seg, int64_t channel)
{
    const c2_wino_plan *plan = &w->s->plan;
    const int64_t *image = w->args->problem->output_stride, *phase = w->s->phase.output_stride;
    return (float *)w->args->output.data + seg->n * image[0] + channel * image[1] +
           seg->y * image[2] + seg->x * image[3] + seg->ty * plan->axis[0].size * phase[2] +
           seg->tx * plan->axis[1].size * phase[3];
}

/* Results of the segment's first n tiles, none of which leaves the image. */
static void finish(const work *w, const c2_wino_segment *seg, const float *m, int64_t n,
                   int64_t first, int channels, const float *bias, c2_wino_out_args *a)
{
    const c2_state *s = w->s;
    const int64_t *stride = s->phase.output_stride;
    float *pixels = first_output(w, seg, first);
    c2_wino_set_steps(&s->plan, stride[2], stride[3], &a->row, &a->col);
    for (int64_t t = 0; t < n; t++, pixels += s->plan.axis[1].size * stride[3]) {
        c2_wino_set_size(&s->plan, seg, t, a->size);
        transform_tile(s, a, m + c2_wino_place(seg, t) * s->plan.m_tile, pixels, bias, channels);
    }
}

/* The first tiles of the segment all of whose outputs are among rows x cols. */
static int64_t inside(const c2_wino_plan *plan, const c2_wino_segment *seg, int64_t rows,
                      int64_t cols)
{
    if (rows < seg->size[0])
        return 0;
    return cols >= c2_wino_outputs(plan, seg) ? seg->count : cols / plan->axis[1].size;
}

/* Results of the segment, which wait in Y, to where neighbouring columns are neighbours. */
static void turn(const work *w, const c2_wino_segment *seg, int64_t rows, int64_t cols,
                 int64_t first, int channels)
{
    const c2_state *s = w->s;
    const int64_t nr = s->plan.nr, *stride = s->phase.output_stride;
    const float *from = w->room;
    float *to = first_output(w, seg, first);
    for (int64_t y = 0; y < rows; y++, to += stride[2]) {
        const c2_widen_args a = {from, 1, nr, to, stride[1], channels, (int)cols};
        s->widen_f32(&a);
        from += seg->count * s->plan.axis[1].size * nr;
    }
}

/* Pixels of the panel that has its products in m. */
static void transform_out(const work *w, const float *products, int64_t oc, int channels)
{
    const c2_wino_plan *plan = &w->s->plan;
    const c2_problem *p = w->args->problem;
    const int my = plan->axis[0].size, mx = plan->axis[1].size;
    const int64_t first = first_channel(w) + oc;
    float bias_room[C2_MAX_NR];
    const float *bias = c2_bias_of(w->args, first, channels, plan->nr, bias_room);
    for (int64_t tile = w->order.begin; tile < w->order.end;) {
        const c2_wino_segment seg = c2_wino_segment_at(plan, &w->order, tile);
        const int64_t y = seg.ty * my, x = seg.tx * mx;
        const int64_t rows = c2_min(my, phase_size(p, 0, seg.y) - y);
        const int64_t cols = c2_min(seg.count * mx, phase_size(p, 1, seg.x) - x);
        tile += seg.count;
        if (rows <= 0 || cols <= 0) /* of a phase smaller than the first */
            continue;
        const int64_t finished = w->s->finishes ? inside(plan, &seg, rows, cols) : 0;
        c2_wino_out_args a = {.m_step = plan->m_step,
                              .m_row = plan->axis[1].edge * plan->m_step,
                              .line = c2_wino_is_line(plan),
                              .low = w->s->low,
                              .high = w->s->high};
        c2_wino_set_taps(plan, 0, 0, a.taps);
        finish(w, &seg, products, finished, first, channels, bias, &a);
        if (finished == seg.count)
            continue;
        const int64_t pitch = (seg.count - finished) * mx, rest = cols - finished * mx;
        c2_wino_set_steps(plan, pitch * plan->nr, plan->nr, &a.row, &a.col);
        for (int64_t t = finished; t < seg.count; t++) {
            c2_wino_set_size(plan, &seg, t, a.size);
            transform_tile(w->s, &a, products + c2_wino_place(&seg, t) * plan->m_tile,
                           w->room + (t - finished) * mx * plan->nr, w->s->turns ? bias : NULL,
                           channels);
        }
        if (w->s->turns) {
            turn(w, &seg, rows, cols, first, channels);
            continue;
        }
        const c2_lanes lanes = {0, (rows - 1) * pitch + rest, pitch, rest, y, x + finished * mx};
        store(w, &seg, &lanes, oc, channels);
    }
}

/* M of a panel of those that have room there, the first of which is `first`. */
static float *products_of(const work *w, int64_t panel, int64_t first)
{
    const c2_wino_plan *plan = &w->s->plan;
    return plan->beside ? (float *)w->v + panel * plan->v_panel
                        : w->m + (panel - first) * plan->m_panel;
}

/* M of panels [begin, end), a group at most. */
static void multiply_group(const work *w, int64_t begin, int64_t end)
{
    const c2_problem *p = w->args->problem;
    const c2_wino_plan *plan = &w->s->plan;
    const int64_t a_panel = c2_wino_panel_weights(plan);
    if (plan->parts) {
        const uint32_t *u =
            (const uint32_t *)w->args->packed->host + w->set * plan->panels * a_panel;
        c2_wino_multiply_parts(w->s, p, w->v, u, w->order.end - w->order.begin, begin, end, w->m);
        return;
    }
    const float *u = (const float *)w->args->packed->host + w->set * plan->panels * a_panel;
    for (int64_t panel = begin; panel < end; panel++)
        multiply(w, (float *)w->v + panel * plan->v_panel, u + panel * a_panel,
                 products_of(w, panel, begin), panel_channels(w, panel));
}

/* Of block `block` of a set, with a worker's scratch, whose stack has C2_STACK_BYTES. */
static work work_of(const c2_state *s, const c2_run_args *args, int64_t set, int64_t block,
                    int worker, char *stack)
{
    const c2_wino_plan *plan = &s->plan;
    char *scratch = c2_scratch_of(args, worker, plan->scratch_bytes, stack);
    work w = {.s = s, .args = args, .set = set, .v = scratch};
    if (plan->common) /* behind the scratch of all workers */
        w.v = (char *)args->workspace + (size_t)block * plan->v_bytes +
              (size_t)args->n_workers * c2_scratch_workspace(plan->scratch_bytes);
    else
        scratch += plan->v_bytes;
    w.m = (float *)(void *)scratch;
    w.room = (float *)(void *)(scratch + plan->m_bytes);
    w.cut = (float *)(void *)(scratch + plan->m_bytes + plan->room_bytes);
    w.order = c2_wino_order_make(
        plan, plan->unit * c2_split_begin(&plan->blocks, block),
        c2_min(plan->tiles, plan->unit * c2_split_begin(&plan->blocks, block + 1)));
    return w;
}

static int64_t set_channels(const work *w)
{
    const c2_problem *p = w->args->problem;
    return c2_wino_members(&w->s->plan, p, w->set) * p->icg;
}

/* A part of the transforms to a V that all tasks will read. */
static void run_transforms(const c2_state *s, const c2_run_args *args, size_t task, int worker)
{
    const c2_wino_plan *plan = &s->plan;
    _Alignas(64) char stack[C2_STACK_BYTES];
    const int64_t i = (int64_t)task, part = i % plan->in_parts, run = i / plan->in_parts;
    const work w = work_of(s, args, 0, run / plan->in_runs, worker, stack);
    const c2_split runs = c2_split_even(w.order.end - w.order.begin, plan->in_runs);
    const int64_t channels = set_channels(&w);
    const c2_split parts = c2_split_even(c2_div_up(channels, C2_WINO_CUT), plan->in_parts);
    transform_in(&w, w.order.begin + c2_split_begin(&runs, run % plan->in_runs),
                 w.order.begin + c2_split_begin(&runs, run % plan->in_runs + 1),
                 C2_WINO_CUT * c2_split_begin(&parts, part),
                 c2_min(channels, C2_WINO_CUT * c2_split_begin(&parts, part + 1)));
}

static void run_task(const c2_state *s, const c2_run_args *args, size_t task, int worker)
{
    const c2_problem *p = args->problem;
    const c2_wino_plan *plan = &s->plan;
    _Alignas(64) char stack[C2_STACK_BYTES];
    const int64_t i = (int64_t)task, panels = i / plan->blocks.n % plan->panel_blocks.n;
    const work w = work_of(s, args, i / plan->blocks.n / plan->panel_blocks.n, i % plan->blocks.n,
                           worker, stack);
    if (!plan->common)
        transform_in(&w, w.order.begin, w.order.end, 0, set_channels(&w));
    const int64_t set_panels = c2_div_up(c2_wino_members(plan, p, w.set) * p->ocg, plan->nr);
    const int64_t panel_end = c2_min(c2_split_begin(&plan->panel_blocks, panels + 1), set_panels);
    if (s->tiles)
        s->tiles(true);
    for (int64_t panel = c2_split_begin(&plan->panel_blocks, panels), end; panel < panel_end;
         panel = end) {
        end = c2_min(panel_end, panel + plan->group);
        multiply_group(&w, panel, end);
        for (int64_t j = panel; j < end; j++)
            transform_out(&w, products_of(&w, j, panel), j * plan->nr,
                          panel_channels(&w, j));
    }
    if (s->tiles)
        s->tiles(false);
}

conv2d_status c2_wino_run(const c2_state *s, const c2_run_args *args)
{
    const c2_wino_plan *plan = &s->plan;
    const c2_cpu_phase phases[] = {
        {.n = (size_t)(plan->blocks.n * plan->in_runs * plan->in_parts), .task = run_transforms},
        {.n = (size_t)(plan->blocks.n * plan->panel_blocks.n * plan->sets), .task = run_task}};
    return c2_cpu_parallel_phases(s, args, phases + !plan->common, 1 + plan->common);
}

static void find_kernels(const c2_kernel *gemm, const c2_problem *p, int m, c2_state *s)
{
    const int32_t f32 = CONV2D_FLOAT32, dtype = p->input_dtype;
    const c2_kernel *out = c2_wino_kernel(gemm, C2_FAMILY_WINO_OUT, m, f32);
    s->in = (c2_wino_in_fn)c2_wino_kernel(gemm, C2_FAMILY_WINO_IN, m, dtype)->fn;
    s->in_f32 = (c2_wino_in_fn)c2_wino_kernel(gemm, C2_FAMILY_WINO_IN, m, f32)->fn;
    s->out = (c2_wino_out_fn)out->fn;
    s->out_nr = out->nr;
    s->widen = (c2_widen_fn)c2_cpu_helper(gemm, C2_FAMILY_WIDEN, dtype);
    s->widen_f32 = (c2_widen_fn)c2_cpu_helper(gemm, C2_FAMILY_WIDEN, f32);
    s->epilogue = c2_cpu_epilogue(gemm, p->output_dtype);
    if (gemm->family == C2_FAMILY_WINO_GEMM) {
        s->gemm = (c2_wino_gemm_fn)gemm->fn;
        s->groups = (c2_wino_groups_fn)c2_cpu_helper(gemm, C2_FAMILY_WINO_GROUPS, f32);
    } else {
        s->panel = (c2_panel_fn)gemm->fn;
        s->parts = (c2_parts_fn)c2_words_helper(gemm, C2_FAMILY_PARTS, C2_WINO_PARTS, f32);
        s->tiles = c2_tiles_of(gemm);
    }
}

conv2d_status c2_wino_state_create(conv2d_device *device, const c2_problem *p, int m,
                                   const c2_kernel *gemm, c2_state **state_out)
{
    c2_state *s = c2_alloc_zero(&device->allocator, sizeof *s);
    if (!s)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    find_kernels(gemm, p, m, s);
    s->plan = c2_wino_plan_make(device, p, m, gemm);
    c2_wino_plan_share(device, p, gemm, &s->plan);
    for (int lane = 0; lane < s->plan.lanes && s->plan.beside; lane++) {
        const int turn = c2_wino_turn(&s->plan, p, lane);
        s->order[0][turn] = lane;
        s->order[1][lane] = turn;
    }
    if (s->plan.beside)
        s->out_nr = s->plan.lanes;
    s->m_call = s->plan.beside ? s->plan.v_block : s->out_nr;
    const bool simple = c2_clamp_of(p, &s->low, &s->high) && !p->has_residual &&
                        p->output_dtype == CONV2D_FLOAT32;
    s->finishes = simple && (p->output_stride[1] == 1 || p->ocg == 1);
    s->turns = simple && !s->finishes && s->plan.pixels_last;
    s->phase = *p;
    for (int a = 0; a < 2; a++) {
        s->phase.output_stride[2 + a] *= s->plan.axis[a].phases;
        s->phase.residual_stride[2 + a] *= s->plan.axis[a].phases;
    }
    if (p->dilation[0] > 1 || p->dilation[1] > 1)
        s->phase.ow = 0; /* no row of a phase is the whole row of an image */
    s->zeros_bytes = (size_t)(s->plan.side * p->icg) * sizeof(float);
    s->zeros = c2_alloc_zero(&device->allocator, s->zeros_bytes);
    if (!s->zeros) {
        const size_t bytes = s->zeros_bytes;
        c2_wino_state_destroy(device, s);
        return c2_fail(CONV2D_E_NOMEM, "no memory for %zu bytes of zeros", bytes);
    }
    *state_out = s;
    return CONV2D_OK;
}

void c2_wino_state_destroy(conv2d_device *device, c2_state *s)
{
    if (!s)
        return;
    c2_free(&device->allocator, s->zeros, s->zeros_bytes);
    c2_free(&device->allocator, s, sizeof *s);
}
