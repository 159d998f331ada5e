/* SPDX-License-Identifier: BSD-2-Clause
 * Blocking of the direct drivers: which output pixels read the image in place, and how large the
 * blocks are whose windows are copied; and the tables of offsets that kernels walk. */
#include "cpu/cost.h"
#include "cpu/direct.h"

static const double window_bytes = 256 << 10;      /* at most: a quarter of a common L2 cache */
static const double window_cheap_bytes = 24 << 10; /* up to here it stays in the L1 cache */
static const double task_products = 4e6; /* a task beyond it is cut, for threads to share */
static const double tile_overhead = 0.4; /* of a kernel call, in each tile of a strip */
/* To take another input row, a part of a call; and the part of a streamed weight's seconds that one
 * takes which each strip reads from afar, once all of a group exceed what stays in the L2 cache.
 * From layers of bench/models/peers.txt on Zen 4 and Zen 5, November 2026. */
static const double row_calls = 0.11, far_weight = 0.45;
static const double wanted_tasks = 16;
static const double fill_share = 0.12; /* of the products' time that copying pixels may take for the
                                          sake of more tasks */
static const double weights_near_bytes = 512 << 10;
/* Pixels of a strip that do not stay in the L1 cache are read again for each tile of channels;
 * tiles of few channels multiply them faster than they come. */
static const double pixel_seconds = 0.013e-9, pixels_near_bytes = 24 << 10, few_channels = 6;

/* A float copied from an image that no cache holds: 1x1 64-2@388 NHWC on Zen 4, November 2026.
 * Kernels that read in place hide most of it behind their products. */
static const double far_seconds = 0.25e-9;

typedef struct search {
    const c2_problem *p;
    const c2_speed *speed;
    double budget, vector;
    double live; /* part of the input rows' products that are made */
    c2_direct_plan best;
} search;

static c2_interior find_interior(const c2_problem *p)
{
    const int64_t size[2] = {p->h, p->w}, k[2] = {p->kh, p->kw}, out[2] = {p->oh, p->ow};
    c2_interior in;
    for (int a = 0; a < 2; a++) {
        const int64_t last = size[a] - 1 - (k[a] - 1) * p->dilation[a] + p->pad[a];
        in.begin[a] = c2_min(out[a], c2_div_up(p->pad[a], p->stride[a]));
        in.end[a] = last < 0 ? 0 : c2_min(out[a], last / p->stride[a] + 1);
    }
    /* Channels a multiple of 4 KiB apart share the sets of the L1 cache. */
    const bool crowded = p->icg > 4 && p->input_stride[1] * (int64_t)sizeof(float) % 4096 == 0;
    if (p->input_stride[3] != 1 || p->stride[1] != 1 || crowded || in.begin[0] >= in.end[0] ||
        in.begin[1] >= in.end[1])
        in = (c2_interior){{0, 0}, {0, 0}};
    return in;
}

static bool all_interior(const c2_direct_plan *d, const c2_problem *p)
{
    return d->interior.begin[0] == 0 && d->interior.begin[1] == 0 && d->interior.end[0] == p->oh &&
           d->interior.end[1] == p->ow;
}

/* Rows of output, and of the pixels that a block reads, follow each other without a gap. */
static bool is_flat(const c2_direct_plan *d, const c2_problem *p)
{
    const c2_window *w = &d->window;
    if (d->rows > 1 || d->blocks_x.n > 1 ||
        (d->store != C2_DIRECT_SUMS && p->output_stride[2] != p->ow * p->output_stride[3]))
        return false;
    if (d->interior.end[0] == 0)
        return w->x.reach == 0 && w->y.reach == 0;
    return all_interior(d, p) && p->kh == 1 && p->kw == 1 && p->stride[0] == 1 &&
           p->input_stride[2] == p->ow;
}

/* Seconds of all output channels of a group in a strip of `rows` x `cols` pixels, rows at most
 * those of a tile. */
static double strip_seconds(const search *s, const c2_direct_plan *d, double rows, double cols)
{
    const c2_problem *p = s->p;
    const double vectors = ceil(cols / s->vector);
    const double tiles = ceil(vectors * s->vector / d->kernel->nr), nv = vectors / tiles;
    const double k = (double)c2_problem_k(p), ocg = (double)p->ocg;
    double m = ocg / (double)d->pack.tiles.n, calls = (double)d->pack.tiles.n;
    double input_rows = 0;
    double pixels = m < few_channels && k * cols * sizeof(float) > pixels_near_bytes ? k * cols : 0;
    if (d->rows > 1) {
        /* Rows that an input row serves, on average. */
        input_rows = (rows - 1) * (double)d->step + (double)p->kh;
        m = fmax(1, rows * (double)p->kh / input_rows);
        calls = ocg;
        pixels = 0;
    }
    const double products = rows * vectors * s->vector * ocg * k;
    const double weights = ocg * k * sizeof(float) > weights_near_bytes ? ocg * k : 0;
    /* Where outputs are joined, products do not get so near to the peak. */
    const bool fast = d->rows == 1 && d->store != C2_DIRECT_JOIN;
    const double times = c2_cost_small_tile(m, nv, 1.5) * (fast ? s->speed->pixel_lanes : 1);
    return weights * far_weight * s->speed->stream + (calls - 1) * pixels * pixel_seconds +
           s->live * products * times / s->speed->fma_lanes +
           calls * s->speed->call * (1 + tile_overhead * tiles) +
           calls * tiles * s->live * input_rows * row_calls * s->speed->call;
}

static double block_seconds(const search *s, const c2_direct_plan *d, int64_t rows, int64_t cols)
{
    if (d->flat)
        return strip_seconds(s, d, 1, (double)rows * (double)cols);
    const double whole = (double)(rows / d->rows), rest = (double)(rows % d->rows);
    return (whole > 0 ? whole * strip_seconds(s, d, d->rows, (double)cols) : 0) +
           (rest > 0 ? strip_seconds(s, d, rest, (double)cols) : 0);
}

/* Seconds to copy the window of a block. */
static double fill_seconds(const search *s, const c2_window *w, double channels, double rows,
                           double cols)
{
    const c2_problem *p = s->p;
    const double lines = (double)w->y.n_phases * (rows + (double)w->y.reach);
    const double floats = lines * (double)w->x.n_phases * (cols + (double)w->x.reach);
    /* Neighbouring channels are split four at a time. */
    const bool split = p->input_stride[1] == 1 && channels >= 3 && w->element == sizeof(float);
    const bool runs = split || (p->input_stride[3] == 1 && p->stride[1] <= 2);
    const double far = c2_input_is_far(p) ? far_seconds : 0;
    return channels * (floats * (far + (runs ? s->speed->copy : s->speed->gather)) +
                       lines * (double)w->x.n_phases * s->speed->run) +
           c2_cost_far_rows(s->speed, p, channels * lines);
}

/* Bytes in which a strip's outputs wait to be stored: all channels that are joined, or a tile. */
static double waiting_bytes(const c2_direct_plan *d, const c2_problem *p, int64_t rows,
                            int64_t cols)
{
    const double lanes = (double)(d->flat ? rows * cols : cols) + 48;
    double width = fmax(d->rows, d->pack.width);
    if (d->store == C2_DIRECT_RESULTS)
        return 0;
    if (d->store == C2_DIRECT_JOIN) {
        const double groups = (double)c2_div_up(p->groups, d->group_blocks.n);
        width = groups * (double)c2_min(p->ocg, d->joined_tiles * d->pack.width) * d->rows;
    }
    return sizeof(float) * width * lanes;
}

/* Output channels are cut as well if blocks of pixels alone are too few tasks, as long as copying a
 * block's window once for each part stays cheap beside its products. The batch does not count. */
static void cut_tiles(c2_direct_plan *d, double work, double fill)
{
    const double tasks =
        (double)d->blocks_y.n * (double)d->blocks_x.n * (double)d->group_blocks.n;
    const int64_t units = c2_div_up(d->pack.tiles.n, d->joined_tiles);
    const double cheap = fill > 0 ? 1 + fill_share * work / fill : wanted_tasks;
    const double parts = fmin(fmin(ceil(wanted_tasks / tasks), cheap), (double)units);
    d->tile_blocks = c2_split_even(units, (int64_t)fmax(1, parts));
}

static void try_blocks(search *s, const c2_direct_plan *shape, int64_t n_rows, int64_t n_cols)
{
    const c2_problem *p = s->p;
    c2_direct_plan d = *shape;
    d.blocks_y = c2_split_even(p->oh, n_rows);
    d.blocks_x = c2_split_even(p->ow, n_cols);
    d.flat = is_flat(&d, p);
    const int64_t rows = c2_div_up(p->oh, n_rows), cols = c2_div_up(p->ow, n_cols);
    const int64_t groups = c2_div_up(p->groups, d.group_blocks.n);
    const double channels = (double)groups * (double)p->icg;
    const double blocks = (double)n_rows * (double)n_cols, group_blocks = (double)d.group_blocks.n;
    const double waiting = waiting_bytes(&d, p, rows, cols);
    if (waiting > s->budget)
        return;
    const double work = blocks * (double)p->groups * block_seconds(s, &d, rows, cols);
    d.seconds = work;
    if (!all_interior(&d, p)) {
        if (!c2_window_set_block(&d.window, rows, cols, groups * p->icg, s->budget - waiting,
                                 &d.window_bytes))
            return;
        if (d.interior.end[0] == 0) {
            const double slow = (double)d.window_bytes > window_cheap_bytes ? 1.05 : 1;
            d.seconds *= slow;
            d.seconds += group_blocks * blocks *
                         fill_seconds(s, &d.window, channels, (double)rows, (double)cols);
        } else {
            /* Columns at both ends have windows and tiles of their own. */
            const double ends = (d.interior.begin[1] > 0) + (d.interior.end[1] < p->ow);
            const double lanes = (double)(p->ow - d.interior.end[1] + d.interior.begin[1]);
            const double each = lanes / fmax(1, ends);
            d.seconds += (double)n_rows * ends *
                         (group_blocks * fill_seconds(s, &d.window, channels, (double)rows, each) +
                          (double)p->groups * block_seconds(s, &d, rows, (int64_t)each));
        }
    }
    cut_tiles(&d, work, d.seconds - work);
    d.window_bytes = c2_round_up(d.window_bytes, C2_ALIGN);
    d.scratch_bytes = d.window_bytes + c2_round_up((size_t)waiting, C2_ALIGN);
    /* Blocks so large that threads could not share the image are worth less. */
    const double products = (double)rows * (double)cols * (double)p->ocg * (double)c2_problem_k(p);
    if (products * (double)groups > task_products && n_rows < p->oh)
        d.seconds *= 1.02;
    if (d.seconds < s->best.seconds)
        s->best = d;
}

static void try_sizes(search *s, const c2_direct_plan *shape)
{
    const c2_problem *p = s->p;
    for (int64_t parts = 1; parts <= p->ow; parts *= 2) {
        const int64_t unit = shape->rows * shape->row_distance;
        for (int64_t rows = unit; rows < 2 * p->oh; rows *= 2)
            try_blocks(s, shape, c2_div_up(p->oh, c2_min(rows, p->oh)), parts);
        if (s->best.seconds == HUGE_VAL) {
            for (int64_t rows = unit; rows > 0; rows /= 2)
                try_blocks(s, shape, c2_div_up(p->oh, c2_min(rows, p->oh)), parts);
        }
    }
    if (s->best.seconds == HUGE_VAL)
        try_blocks(s, shape, p->oh, p->ow);
}

/* Groups whose channels are neighbours share windows and joining, up to 16 channels. */
static void try_shape(search *s, c2_direct_plan shape)
{
    const c2_problem *p = s->p;
    const bool neighbours = shape.store == C2_DIRECT_JOIN || p->input_stride[1] == 1;
    const int64_t most = neighbours ? c2_max(1, 16 / c2_max(p->icg, p->ocg)) : 1;
    for (int64_t groups = c2_min(p->groups, most);; groups /= 2) {
        shape.group_blocks = c2_split_even(p->groups, c2_div_up(p->groups, groups));
        try_sizes(s, &shape);
        if (groups <= 1)
            break;
    }
}

/* Kernels store results if the last step is cheap and rows, or a row a channel, are dense. */
static c2_direct_store choose_store(const c2_problem *p)
{
    float low, high;
    if (p->has_residual || !c2_clamp_of(p, &low, &high))
        return C2_DIRECT_SUMS;
    if (p->output_stride[3] == 1 || p->ow == 1)
        return C2_DIRECT_RESULTS;
    return p->output_stride[1] == 1 && p->output_dtype == CONV2D_FLOAT32 ? C2_DIRECT_JOIN
                                                                         : C2_DIRECT_SUMS;
}

c2_direct_plan c2_direct_plan_make(const conv2d_device *device, const c2_problem *p,
                                   const c2_kernel *kernel)
{
    search s = {.p = p, .speed = c2_speed_of(device, kernel), .vector = kernel->lanes};
    s.budget = fmax((double)C2_STACK_BYTES, fmin((double)p->workspace_limit, window_bytes));
    s.best.seconds = HUGE_VAL;
    const bool by_rows = kernel->family == C2_FAMILY_DIRECT_ROWS;
    s.live = by_rows ? c2_live_part(p, 0) : 1;
    const int64_t g = c2_gcd(p->stride[0], p->dilation[0]), k = c2_problem_k(p);
    const int64_t n_tiles = by_rows ? p->ocg : c2_div_up(p->ocg, kernel->mr);
    c2_direct_plan d = {.kernel = kernel,
                        .rows = by_rows ? kernel->mr : 1,
                        .row_distance = by_rows ? p->dilation[0] / g : 1,
                        .step = p->stride[0] / g,
                        .pack = {c2_split_even(p->ocg, n_tiles), by_rows ? 1 : kernel->mr, k, k},
                        .store = choose_store(p)};
    d.joined_tiles = 1;
    if (d.store == C2_DIRECT_JOIN)
        d.joined_tiles = c2_min(n_tiles, c2_max(1, C2_DIRECT_JOINED / c2_div_up(p->ocg, n_tiles)));
    d.n_offsets = (size_t)(by_rows ? p->kw * p->icg : k);
    d.n_row_offsets = by_rows ? (size_t)((d.rows - 1) * d.step + p->kh) : 0;
    c2_window_init(&d.window, p, false, false);
    try_shape(&s, d);
    d.interior = find_interior(p);
    if (d.interior.end[0] > 0)
        try_shape(&s, d);
    return s.best;
}

/* Input row r of a tile is tap ky of output row i, for all i and ky with i * step + ky = r. */
static void find_tap(const c2_direct_plan *d, const c2_problem *p, int64_t r, int64_t *i,
                     int64_t *ky)
{
    *i = c2_min(r / d->step, d->rows - 1);
    *ky = r - *i * d->step;
    if (*ky >= p->kh) /* between two windows: never read */
        *i = *ky = 0;
}

void c2_direct_table_window(const c2_direct_plan *d, const c2_problem *p, c2_direct_table *t)
{
    const c2_window *w = &d->window;
    for (size_t k = 0; k < d->n_offsets; k++) {
        const int64_t c = (int64_t)k % p->icg, tap = (int64_t)k / p->icg;
        t->offset[k] = c2_window_tap(w, tap / p->kw, tap % p->kw) + c * w->channel_pitch;
    }
    for (size_t r = 0; r < d->n_row_offsets; r++) {
        int64_t i, ky;
        find_tap(d, p, (int64_t)r, &i, &ky);
        t->row_offset[r] = c2_window_tap(w, ky, 0) + i * d->row_distance * w->pitch;
    }
}

void c2_direct_table_in_place(const c2_direct_plan *d, const c2_problem *p, c2_direct_table *t)
{
    for (size_t k = 0; k < d->n_offsets; k++) {
        const int64_t c = (int64_t)k % p->icg, tap = (int64_t)k / p->icg;
        t->offset[k] = tap / p->kw * p->dilation[0] * p->input_stride[2] +
                       tap % p->kw * p->dilation[1] + c * p->input_stride[1];
    }
    for (size_t r = 0; r < d->n_row_offsets; r++)
        t->row_offset[r] = (int64_t)r * p->dilation[0] * p->input_stride[2];
}
