/* SPDX-License-Identifier: BSD-2-Clause
 * Blocking of the gemm_ch driver: whether it reads the input in place or through windows, and the
 * size of blocks. Blocks never change results, so they may depend on workspace_limit; they never
 * depend on threads. */
#include "cpu/cost.h"
#include "cpu/gemm_ch.h"

enum {
    WEIGHTS_INNER_BYTES = 1 << 19, /* more packed weights than this: loop over them outside */
    CACHED_BYTES = 1 << 24, /* more packed weights come from memory (Zen 4, 32 MiB of L3) */
    BLOCK_TILES = 64,              /* pixel tiles of a task, if the image has enough */
    WANTED_TASKS = 16,
    BLOCKS_Y = 8,      /* blocks of rows that images of many have at least */
    MANY_ROWS = 32,
    FAR_CHANNELS = 256 /* channels a pixel may be apart without sharing a set of the L1 cache */
};
static const double transposed_copy = 2; /* times a copy's seconds, channels far apart in memory */
static const double aligned = 0.93; /* of a product's time: no lanes from two cache lines */
static const double finished_store = 0.5; /* of the epilogue's seconds, stored by the kernel */
static const double far_input = 0.1e-9;   /* seconds of an input that no cache keeps (Zen 5) */
static const double half_broadcast = 1.8; /* times longer a product of half types takes in place */
/* Bytes of a window: a part of the L2 cache, or more where less would hold hardly a pixel. */
static const double window_bytes = 3 << 17, window_most_bytes = 1 << 21;
/* Of a turned input, whatever workspace_limit allows. */
static const double turned_most_bytes = 1 << 24;

typedef struct search {
    const c2_problem *p;
    const c2_kernel *kernel;
    const c2_speed *speed;
    c2_ch_plan best;
} search;

/* The part of the outputs along axis a whose windows lie inside the image, less those that share a
 * tile of mr pixels with others. */
static double inside_part(const c2_problem *p, int a, int64_t mr)
{
    const int64_t k = a ? p->kw : p->kh, out = a ? p->ow : p->oh, in = a ? p->w : p->h;
    const int64_t room = in - (k - 1) * p->dilation[a] - 1 + p->pad[a]; /* of the first tap */
    const int64_t begin = c2_div_up(p->pad[a], p->stride[a]);
    const int64_t end = room < 0 ? 0 : c2_min(out, room / p->stride[a] + 1);
    const int64_t inside = end - begin - (a && out > mr && end - begin < out ? mr : 0);
    return (double)c2_max(0, inside) / (double)out;
}

/* Runs of a pixel, on average: those of a kernel row are one where no padding touches the tile. */
static double n_taps(const c2_problem *p, const c2_ch_plan *plan, int64_t mr)
{
    if (!plan->merged)
        return (double)p->kh * (double)p->kw;
    const double inside =
        plan->mode == C2_CH_WINDOW ? 1 : inside_part(p, 0, mr) * inside_part(p, 1, mr);
    return (double)p->kh * (inside + (1 - inside) * (double)p->kw);
}

/* Seconds of `each` products for each of `pixels` output pixels and output channels of a group, in
 * `runs` runs. */
static double products(const search *s, double pixels, double tiles, double each, double runs)
{
    const c2_problem *p = s->p;
    const double lanes = s->kernel->lanes, oc_tiles = (double)s->best.pack.tiles.n;
    const double channels = ceil((double)p->ocg / lanes) * lanes;
    const double vectors = fmin(channels, s->kernel->nr) / lanes;
    return aligned * pixels * channels * each / s->speed->fma_lanes *
               c2_cost_small_tile(pixels / tiles, vectors, 1) +
           /* The loop over a run takes a few cycles to enter. */
           tiles * oc_tiles * (0.5 * s->speed->call + runs * 4 * s->speed->pointer);
}

static bool is_merged(const c2_problem *p, int64_t pixel_pitch, int64_t dilation)
{
    return p->kw > 1 && dilation == 1 && pixel_pitch == p->icg;
}

/* Seconds of one region's products and tables. */
static double region_seconds(const search *s, int64_t i)
{
    const c2_problem *p = s->p;
    const c2_ch_plan *b = &s->best;
    const c2_ch_band *y = &b->bands[0].band[i / b->bands[1].n];
    const c2_ch_band *x = &b->bands[1].band[i % b->bands[1].n];
    const double kh = y->tap_end - y->tap, kw = x->tap_end - x->tap;
    const double pixels = (double)(y->end - y->begin) * (double)(x->end - x->begin);
    const double runs = !b->bands[0].exact ? n_taps(p, b, s->kernel->mr) : b->merged ? kh : kh * kw;
    const double calls = kw < (double)p->kw ? kh : 1;
    const double tiles = (double)c2_ch_region_tiles(b, i, s->kernel->mr).n;
    const double tables =
        pixels * runs * s->speed->pointer * (b->weights_outside ? (double)b->pack.tiles.n : 1);
    return products(s, pixels, tiles, kh * kw * (double)b->words.tap, runs) + tables +
           tiles * (double)b->pack.tiles.n * (calls - 1) * 0.5 * s->speed->call;
}

static void set_bands(search *s, const c2_ch_bands *y, const c2_ch_bands *x)
{
    c2_ch_plan *b = &s->best;
    b->bands[0] = *y;
    b->bands[1] = *x;
    b->pixel_tiles = 0;
    b->seconds = 0;
    for (int64_t i = 0; i < c2_ch_n_regions(b); i++) {
        b->pixel_tiles += c2_ch_region_tiles(b, i, s->kernel->mr).n;
        b->seconds += region_seconds(s, i);
    }
}

/* Regions that leave out all padding, where they save more than they lose by smaller tiles. */
static void choose_bands(search *s)
{
    const c2_ch_bands y = c2_ch_bands_whole(s->p, 0), x = c2_ch_bands_whole(s->p, 1);
    c2_ch_bands exact_y, exact_x;
    set_bands(s, &y, &x);
    if (!c2_problem_is_padded(s->p) || !c2_ch_bands_make(s->p, 0, &exact_y) ||
        !c2_ch_bands_make(s->p, 1, &exact_x))
        return;
    const double whole = s->best.seconds;
    set_bands(s, &exact_y, &exact_x);
    if (s->best.seconds >= whole)
        set_bands(s, &y, &x);
}

static void plan_direct(search *s)
{
    const c2_problem *p = s->p;
    c2_ch_plan *b = &s->best;
    const int64_t oc_tiles = b->pack.tiles.n;
    b->mode = C2_CH_DIRECT;
    /* A word of two taps' channels is in no packed weights. */
    b->merged = is_merged(p, p->input_stride[3], p->dilation[1]) &&
                (!b->words.parts || b->words.tap * 2 == p->icg);
    b->weights_outside =
        4.0 * (double)p->ocg * (double)c2_ch_k(p, &b->words) > (double)WEIGHTS_INNER_BYTES;
    choose_bands(s);
    b->seconds *= p->input_dtype == CONV2D_FLOAT32 || b->words.parts ? 1 : half_broadcast;
    if (b->weights_outside) {
        /* Big weights: few blocks of pixels, so that a tile of weights is used often. */
        b->pixel_blocks =
            c2_split_even(b->pixel_tiles, c2_div_up(b->pixel_tiles, (int64_t)BLOCK_TILES));
        const int64_t parts = c2_div_up(WANTED_TASKS, b->pixel_blocks.n);
        b->tile_blocks = c2_split_even(oc_tiles, c2_min(parts, oc_tiles));
    } else {
        const int64_t blocks = c2_max(c2_div_up(b->pixel_tiles, BLOCK_TILES), WANTED_TASKS);
        b->pixel_blocks = c2_split_even(b->pixel_tiles, c2_min(blocks, b->pixel_tiles));
        b->tile_blocks = c2_split_even(oc_tiles, 1);
    }
}

/* Floats between pixels of a turned copy. */
static int64_t turned_pitch(const c2_problem *p)
{
    const int64_t channels = p->groups * p->icg;
    return channels % FAR_CHANNELS ? channels : channels + 16;
}

c2_problem c2_ch_turned_view(const c2_problem *p)
{
    c2_problem v = *p;
    v.input_dtype = CONV2D_FLOAT32;
    v.input_stride[1] = 1;
    v.input_stride[3] = turned_pitch(p);
    v.input_stride[2] = p->w * v.input_stride[3];
    v.input_stride[0] = p->h * v.input_stride[2];
    return v;
}

/* Seconds a float takes in a copy whose channels are neighbours. */
static double turning(const search *s)
{
    const c2_problem *p = s->p;
    if (p->input_stride[1] == 1)
        return s->speed->copy;
    return p->input_stride[3] == 1 ? transposed_copy * s->speed->copy : s->speed->gather;
}

static void plan_turned(search *s)
{
    const c2_problem *p = s->p;
    const double pixels = (double)p->n * (double)p->h * (double)p->w;
    const double pitch = (double)turned_pitch(p);
    const double bytes = pixels * pitch * sizeof(float) + (double)C2_ALIGN;
    if (bytes > fmin((double)p->workspace_limit, turned_most_bytes))
        return; /* as is what does not fit the view's strides */
    const c2_problem view = c2_ch_turned_view(p);
    search t = *s;
    t.p = &view;
    plan_direct(&t);
    t.best.mode = C2_CH_TURNED;
    t.best.turned_bytes = c2_round_up((size_t)(pixels * pitch) * sizeof(float), C2_ALIGN);
    /* Vectors of channels are turned, whole or not, once for all groups. */
    const double lanes = s->kernel->lanes, channels = (double)(p->groups * p->icg);
    const double turned = ceil(channels / lanes) * lanes / (double)p->groups;
    t.best.seconds += (double)p->h * (double)p->w * turned * turning(s);
    if (t.best.seconds < s->best.seconds)
        s->best = t.best;
}

/* The window of `outputs` output pixels along axis a. */
static c2_ch_axis axis_of(const c2_problem *p, int a, int64_t outputs)
{
    const int64_t k = a ? p->kw : p->kh;
    const int64_t whole = (outputs - 1) * p->stride[a] + (k - 1) * p->dilation[a] + 1;
    const bool split = k * outputs < whole;
    return (c2_ch_axis){outputs, split ? k * outputs : whole, split};
}

/* Blocks of rows x cols at most. */
static void try_window(search *s, int64_t rows, int64_t cols)
{
    const c2_problem *p = s->p;
    c2_ch_plan plan = s->best;
    plan.mode = C2_CH_WINDOW;
    plan.blocks_y = c2_split_even(p->oh, c2_div_up(p->oh, rows));
    plan.blocks_x = c2_split_even(p->ow, c2_div_up(p->ow, cols));
    plan.axis[0] = axis_of(p, 0, c2_div_up(p->oh, plan.blocks_y.n));
    plan.axis[1] = axis_of(p, 1, c2_div_up(p->ow, plan.blocks_x.n));
    plan.pixel_pitch = p->icg % FAR_CHANNELS ? p->icg : p->icg + 16;
    const double floats =
        (double)plan.axis[0].extent * (double)plan.axis[1].extent * (double)plan.pixel_pitch;
    plan.row_pitch = plan.axis[1].extent * plan.pixel_pitch;
    plan.scratch_bytes = c2_round_up((size_t)floats * sizeof(float), C2_ALIGN);
    plan.merged = is_merged(p, plan.pixel_pitch, plan.axis[1].split ? 2 : p->dilation[1]);
    const double pixels = (double)plan.axis[0].outputs * (double)plan.axis[1].outputs;
    const double tiles = ceil(pixels / s->kernel->mr), taps = n_taps(p, &plan, s->kernel->mr);
    const double fill = floats * turning(s) + (double)plan.axis[0].extent * s->speed->run;
    /* Weights that do not stay in the last cache are read again by every block. */
    const double blocks = (double)(plan.blocks_y.n * plan.blocks_x.n);
    const double weights = (double)p->ocg * (double)c2_problem_k(p);
    const double again =
        4 * weights > (double)CACHED_BYTES ? (blocks - 1) * weights * s->speed->copy : 0;
    plan.seconds = again + blocks *
                   (fill + products(s, pixels, tiles, (double)c2_ch_k(p, &plan.words), taps) +
                    pixels * (double)plan.pack.tiles.n * (taps + 4) * s->speed->pointer);
    if (plan.seconds < s->best.seconds)
        s->best = plan;
}

/* Rows of a block at most: images of many are cut for the workers' sake, others if their output
 * channels, the other way to share the work, are one tile. */
static int64_t rows_wanted(const search *s)
{
    const int64_t oh = s->p->oh;
    if (oh >= MANY_ROWS)
        return c2_div_up(oh, BLOCKS_Y);
    return s->best.pack.tiles.n == 1 ? c2_div_up(oh, 2) : oh;
}

/* The most rows, up to `most`, of blocks `cols` wide that take `bytes`; 0 = not even one. */
static int64_t rows_that_fit(const c2_problem *p, int64_t cols, int64_t most, double bytes)
{
    const double a_row = (double)axis_of(p, 1, cols).extent * (double)(p->icg + 16) * 4;
    int64_t fit = 0;
    while (fit < most) {
        const int64_t rows = most - (most - fit) / 2;
        if (a_row * (double)axis_of(p, 0, rows).extent + (double)C2_ALIGN <= bytes)
            fit = rows;
        else
            most = rows - 1;
    }
    return fit;
}

/* For some widths of blocks, the height that fits. */
static void plan_window(search *s, double bytes)
{
    const int64_t wanted = rows_wanted(s);
    for (int64_t parts = 1; parts < 2 * s->p->ow; parts *= 2) {
        const int64_t cols = c2_div_up(s->p->ow, parts);
        const int64_t rows = rows_that_fit(s->p, cols, wanted, bytes);
        if (rows)
            try_window(s, rows, cols);
        if (rows >= c2_min(wanted, cols))
            return; /* narrower blocks copy more */
    }
}

c2_pack_shape c2_ch_pack_shape(const c2_kernel *k, const c2_problem *p)
{
    /* All tiles but the last are full: lanes are worth more than balance. */
    const c2_words words = c2_words_of(k, p);
    const int64_t k_all = c2_ch_k(p, &words);
    return (c2_pack_shape){{c2_div_up(p->ocg, k->nr), k->nr, 0}, k->nr, k_all, k_all};
}

c2_ch_plan c2_ch_plan_make(const conv2d_device *device, const c2_kernel *k, const c2_problem *p)
{
    search s = {.p = p, .kernel = k, .speed = c2_speed_of(device, k)};
    s.best.words = c2_words_of(k, p);
    s.best.pack = c2_ch_pack_shape(k, p);
    s.best.seconds = HUGE_VAL;
    const bool neighbours = p->input_stride[1] == 1 || p->icg == 1;
    if (neighbours)
        plan_direct(&s);
    /* In place is best where there is little padding and nothing to convert. */
    if (s.best.words.parts)
        return s.best; /* copies are float32, there are none for words */
    if (neighbours && p->input_dtype == CONV2D_FLOAT32 && p->icg * p->kw >= FAR_CHANNELS)
        return s.best;
    const double budget = fmax((double)C2_STACK_BYTES, (double)p->workspace_limit);
    plan_turned(&s);
    plan_window(&s, fmin(budget, window_bytes));
    if (s.best.seconds == HUGE_VAL)
        plan_window(&s, fmin(budget, window_most_bytes));
    return s.best;
}

bool c2_ch_supports(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                    c2_why *why)
{
    if (c2_ch_plan_make(device, kernel, p).seconds < HUGE_VAL)
        return true;
    if (c2_kernel_parts(kernel))
        return c2_refuse(why, "input channel stride is %lld: only 1, channels are read in place",
                         (long long)p->input_stride[1]);
    return c2_refuse(why,
                     "input channel stride is %lld, and windows of %lld channels do not fit the "
                     "workspace",
                     (long long)p->input_stride[1], (long long)p->icg);
}

bool c2_ch_finishes(const c2_problem *p, const c2_ch_plan *plan, float *low, float *high)
{
    const int32_t kernel = plan->mode == C2_CH_DIRECT ? p->input_dtype : CONV2D_FLOAT32;
    return plan->words.unit == 1 && c2_clamp_of(p, low, high) && !p->has_residual &&
           p->output_dtype == kernel && (p->output_stride[1] == 1 || p->ocg == 1);
}

double c2_ch_cost(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p)
{
    const c2_ch_plan plan = c2_ch_plan_make(device, kernel, p);
    const c2_speed *speed = c2_speed_of(device, kernel);
    float low, high;
    const double epilogue = c2_cost_epilogue(speed, p, 1);
    const double far = c2_input_is_far(p) ? c2_input_bytes(p) / sizeof(float) * far_input : 0;
    return (double)p->n * (double)p->groups * plan.seconds + far +
           (c2_ch_finishes(p, &plan, &low, &high) ? finished_store * epilogue : epilogue);
}

c2_bytes c2_ch_memory(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p)
{
    const c2_ch_plan plan = c2_ch_plan_make(device, kernel, p);
    return (c2_bytes){c2_pack_words_bytes(p, &plan.words, &plan.pack), plan.turned_bytes,
                      c2_scratch_workspace(plan.scratch_bytes)};
}
