/* SPDX-License-Identifier: BSD-2-Clause
 * depthwise_rows_ch: one input channel a group, kernels 3, 5 or 7 wide, stride 1 or 2 along x, or
 * stride 1, any width from 5 on and a dilation; lanes = channels. A kernel call makes one or two
 * rows of seven pixels for all channels of a block, reads pixels through offsets (padding is left
 * out, without a copy), and finishes them in registers. With a dilation of d along x a tile is
 * every d-th pixel of a row: a row is d phases, on which the kernel is not dilated; so along y.
 * What it cannot finish, other activations than clamps, a channel multiplier, outputs whose
 * channels do not lie together, goes through the epilogue.
 * Where input channels do not lie together, a vector of channels of an image is turned into a copy
 * first, and its sums wait in another for the epilogue: for small images, whose rows fill no vector
 * of pixels. Where they do, but pixels lie so far apart (powers of two) that those under a kernel
 * share few sets of the L1 cache, a line of channels of an image is copied together first.
 * Error before activation: g(K+2) * s + (K+2) * 2^-149, K = KH * KW; taps in order. */
#include <math.h>
#include <string.h>

#include "core/dtype.h"
#include "cpu/cost.h"
#include "cpu/depthwise.h"

enum {
    WANTED_TASKS = 16,
    TILE_COLS = 7, /* of the kernels' tiles; they have half ones as well */
    HALF_COLS = 4,
    PIECE = 7,                /* taps of a row of wider kernels, at a time */
    MOST_OFFSETS = 512,       /* of a tile's rows, of its columns: they lie on the stack */
    SUM_CHANNELS = 64,        /* whose sums lie on the stack for the epilogue */
    LINE = 64,                /* bytes of a cache line, */
    SETS = 64,                /* of them, in the L1 cache, */
    SET_LINES = 8,            /* that hold as many each */
    MOST_SCRATCH = 256 << 10, /* bytes of a task's copies: a part of an L2 cache; */
    MOST_OF_WIDE = 768 << 10  /* of kernels wider than a piece, which read them more often */
};

struct c2_state {
    const c2_kernel *kernel;
    c2_dwrow_ch_fn fn;
    c2_epilogue_fn epilogue;
    c2_widen_fn widen;  /* NULL: the input is not turned */
    bool copied;        /* a line of channels, together */
    bool far;           /* pixels come from memory */
    c2_problem problem; /* or as the copies have it: [y][x][channel] */
    float low, high;
    bool finished;                       /* by the kernel */
    int rows;                            /* of a tile */
    int64_t element, full, halves;       /* tiles of 7 and of 4 columns in a row's phase */
    int64_t phases, phase_tiles;         /* of rows; tiles' rows of the largest of them */
    c2_split row_blocks, channel_blocks; /* of tiles' rows, of vectors */
    int64_t channel_tiles;
    size_t scratch_bytes; /* of a worker; up to C2_STACK_BYTES they are on its stack */
    ptrdiff_t *inside; /* offsets of a tile's columns without padding, from the lowest one */
    int64_t n_cols;    /* that a tile reads */
};

static int variants(const conv2d_device *device)
{
    return c2_cpu_kernel_count(device, C2_FAMILY_DWROW_CH);
}

static const char *variant_name(const conv2d_device *device, int variant)
{
    return c2_cpu_kernel(device, C2_FAMILY_DWROW_CH, variant)->variant;
}

static const char *variant_isa(const conv2d_device *device, int variant)
{
    return c2_cpu_kernel(device, C2_FAMILY_DWROW_CH, variant)->isa;
}

/* Two rows share what they load if they are as many rows of taps apart as pixels of taps. */
static int tile_rows(const c2_kernel *k, const c2_problem *p)
{
    const bool near = p->stride[0] == 1 || p->dilation[0] == 1;
    return near && p->stride[0] == p->stride[1] ? k->mr / TILE_COLS : 1;
}

/* Rows a dilation apart read the same input: they are a phase, made one after the other. This many
 * of them, and as many rows from one to its next. */
static int64_t row_phases(const c2_problem *p)
{
    return p->stride[0] == 1 ? c2_min(p->dilation[0], p->oh) : 1;
}

/* Tiles of 4 columns at the end of a row, where that is faster than another of 7: their few sums
 * wait for FMAs, so that three of them take longer than two of 7 (Zen 5, AVX-512 and AVX2). */
static int64_t count_halves(int64_t ow)
{
    static const int8_t by_rest[TILE_COLS] = {0, 2, 1, 1, 1, 0, 0};
    const int64_t rest = ow % TILE_COLS, n = by_rest[rest];
    return HALF_COLS * n <= ow + 1 ? n : rest > 0 && rest <= HALF_COLS;
}

/* Columns of the largest phase of a row. */
static int64_t phase_cols(const c2_problem *p) { return c2_div_up(p->ow, p->dilation[1]); }

static int64_t count_full(int64_t ow)
{
    return c2_div_up(c2_max(0, ow - HALF_COLS * count_halves(ow)), TILE_COLS);
}

static bool is_turned(const c2_problem *p) { return p->input_stride[1] != 1 && p->ic > 1; }
static size_t most_scratch(const c2_problem *p)
{
    return p->kw > PIECE ? MOST_OF_WIDE : MOST_SCRATCH;
}

/* Vectors of channels in a cache line. */
static int64_t line_vectors(const c2_kernel *k, const c2_problem *p)
{
    return c2_max(1, LINE / (k->nr * (int64_t)c2_dtype_bytes(p->input_dtype)));
}

/* Whether pixels under a tile are more than twice what the sets of the L1 cache hold that lines so
 * far apart share: 64 of them (a page of 4 KiB), eight lines each. */
static bool is_crowded(const c2_problem *p)
{
    /* Of a distance that may be any the low bits matter, whatever is lost above them. */
    const uint64_t step = (uint64_t)p->dilation[1] * (uint64_t)p->input_stride[3];
    const uint64_t pitch = step * c2_dtype_bytes(p->input_dtype);
    const int64_t rows = c2_min(p->kh, p->h);
    const int64_t cols = c2_min((TILE_COLS - 1) * p->stride[1] + p->kw, p->w);
    const int64_t lines = (int64_t)(pitch / LINE % SETS);
    return !is_turned(p) && step != 0 && pitch % LINE == 0 &&
           rows * cols > 2 * SET_LINES * (SETS / c2_gcd(SETS, lines));
}

static const double near_tensors = 8; /* times L2 */

/* Of an image's line of channels. */
static double line_bytes(const c2_kernel *k, const c2_problem *p)
{
    return (double)p->h * (double)p->w * (double)line_vectors(k, p) * k->nr *
           (double)c2_dtype_bytes(p->input_dtype);
}

/* Where all tensors are in the last cache: a line of each pixel is read, one after the other. */
static bool is_copied(const c2_kernel *k, const c2_speed *speed, const c2_problem *p)
{
    const double bytes = line_bytes(k, p);
    return speed->crowded > 0 && is_crowded(p) && c2_tensor_bytes(p) < near_tensors * speed->l2 &&
           bytes <= (double)MOST_SCRATCH &&
           (bytes <= (double)C2_STACK_BYTES || bytes <= (double)p->workspace_limit);
}

/* Of the copy and of the sums of an image, both [y][x][lane]. */
static size_t scratch_bytes(const c2_kernel *k, const c2_speed *speed, const c2_problem *p)
{
    if (is_copied(k, speed, p))
        return c2_round_up((size_t)line_bytes(k, p), C2_ALIGN);
    if (!is_turned(p))
        return 0;
    const double pixels = (double)p->h * (double)p->w + (double)p->oh * (double)p->ow;
    const double bytes = pixels * k->nr * (double)sizeof(float);
    const size_t most = most_scratch(p);
    return c2_round_up(bytes > (double)most ? most + 1 : (size_t)bytes, C2_ALIGN);
}

static bool supports(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    if (!c2_dw_supports(p, why))
        return false;
    const c2_kernel *k = c2_cpu_kernel(device, C2_FAMILY_DWROW_CH, variant);
    if (p->kw < 3 || p->kw == 4)
        return c2_refuse(why, "kernel %lld wide: 3, 5 or more columns", (long long)p->kw);
    const bool one_piece = p->kw == 3 || p->kw == 5 || p->kw == 7;
    if (p->stride[1] > 2 || (p->stride[1] > 1 && (p->dilation[1] > 1 || !one_piece)))
        return c2_refuse(why,
                         "kernel %lld wide, stride %lld and dilation %lld along x: one is 1, "
                         "stride at most 2, for other widths than 3, 5 and 7 it is 1",
                         (long long)p->kw, (long long)p->stride[1], (long long)p->dilation[1]);
    if (c2_max(p->kh, p->kw) > MOST_OFFSETS - 2 * TILE_COLS)
        return c2_refuse(why, "kernel of %lld x %lld: at most %d x %d", (long long)p->kh,
                         (long long)p->kw, MOST_OFFSETS - 2 * TILE_COLS,
                         MOST_OFFSETS - 2 * TILE_COLS);
    const size_t scratch = scratch_bytes(k, c2_speed_of(device, k), p);
    if (scratch > most_scratch(p))
        return c2_refuse(why,
                         "input channel stride is %lld: copies of %lld x %lld pixels and of the "
                         "sums would take more than %zu bytes",
                         (long long)p->input_stride[1], (long long)p->h, (long long)p->w,
                         most_scratch(p));
    if (scratch > C2_STACK_BYTES && scratch > p->workspace_limit)
        return c2_refuse(
            why, "input channel stride is %lld: copies take %zu bytes, workspace_limit is %llu",
            (long long)p->input_stride[1], scratch, (unsigned long long)p->workspace_limit);
    return c2_driver_supports(k, p, why);
}

static bool finishes(const c2_problem *p, float *low, float *high)
{
    const bool together = p->oc == 1 || (p->output_stride[1] == 1 &&
                                         (!p->has_residual || p->residual_stride[1] == 1));
    return c2_clamp_of(p, low, high) && p->ocg == 1 && together && !is_turned(p);
}

/* Seconds that a pixel's vector takes, turned and its outputs turned back, beside what the loops
 * that do it are rated: between small layers of a Zen 4, November 2026. */
static const double turned_pixel = 2e-9;

static double cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    const c2_kernel *k = c2_cpu_kernel(device, C2_FAMILY_DWROW_CH, variant);
    const c2_speed *speed = c2_speed_of(device, k);
    const double rows = (double)p->n * (double)p->oh,
                 outputs = rows * (double)p->ow * (double)p->oc;
    const double lanes = ceil((double)p->groups / k->nr) * (double)p->ocg * k->nr;
    const double phases = (double)c2_min(p->dilation[1], p->ow);
    const double full = phases * (double)count_full(phase_cols(p));
    const double halves = phases * (double)count_halves(phase_cols(p));
    const double sums = rows * ((double)TILE_COLS * full + (double)HALF_COLS * halves) * lanes;
    /* A pixel of a row is loaded once for all its taps and both rows of a tile, beside products. */
    const int64_t pieces = c2_div_up(p->kw, PIECE);
    const double loads = (double)(p->kw + TILE_COLS * pieces * p->stride[1]) /
                         (TILE_COLS * tile_rows(k, p));
    const double live = c2_live_part(p, 0) * c2_live_part(p, 1);
    const double products = live * (double)p->kh * ((double)p->kw + 0.3 * loads);
    float low, high;
    const double store =
        finishes(p, &low, &high) ? 0.5 * outputs * speed->store : c2_cost_epilogue(speed, p, 1);
    /* An image's lines are copied, or loads wait for them. */
    const bool copied = is_copied(k, speed, p);
    const double copies = copied ? (double)p->h * (double)p->w * lanes * speed->copy : 0;
    const double waits = !copied && is_crowded(p)
                             ? sums / k->nr * live * (double)p->kh * loads * speed->crowded
                             : 0;
    const double turned = is_turned(p) ? (double)p->h * (double)p->w : 0;
    const double turning = turned * lanes * (speed->turn + turned_pixel / k->nr);
    return sums * products / speed->fma_lanes + (double)p->n * (turning + copies) + waits +
           rows / tile_rows(k, p) * (full + halves) * speed->call + store;
}

static c2_bytes memory(const conv2d_device *device, const c2_problem *p, int variant)
{
    const c2_kernel *k = c2_cpu_kernel(device, C2_FAMILY_DWROW_CH, variant);
    c2_bytes bytes = c2_dw_memory(k, p);
    const size_t scratch = scratch_bytes(k, c2_speed_of(device, k), p);
    bytes.per_worker = c2_scratch_workspace(scratch);
    return bytes;
}

static void packing(const conv2d_device *device, const c2_problem *p, int variant, c2_text *out)
{
    c2_dw_packing(c2_cpu_kernel(device, C2_FAMILY_DWROW_CH, variant), p, out);
}

static conv2d_status pack(conv2d_device *device, const c2_problem *p, int variant,
                          const c2_weight_view *view, conv2d_buffer *packed)
{
    c2_dw_pack(c2_cpu_kernel(device, C2_FAMILY_DWROW_CH, variant), p, view, packed->host);
    return CONV2D_OK;
}

static void plan_destroy(conv2d_device *device, c2_state *s)
{
    if (!s)
        return;
    c2_free(&device->allocator, s->inside, (size_t)s->n_cols * sizeof *s->inside);
    c2_free(&device->allocator, s, sizeof *s);
}

/* Blocks of channels: weights that are read again for each tile of pixels must be near. Longer runs
 * of channels are faster, as pixels come along them; but all threads get work. */
static int64_t count_channel_blocks(const conv2d_device *device, const c2_kernel *k,
                                    const c2_problem *p, int64_t tiles, int64_t row_tiles)
{
    const int64_t vector = p->kh * p->kw * k->nr * (int64_t)sizeof(float);
    const int64_t most = c2_max(1, (int64_t)c2_speed_of(device, k)->near_weights / vector);
    const int64_t threads = device->pool.n_threads;
    const int64_t wanted = threads > 1 ? c2_div_up(2 * threads, p->n * row_tiles) : 1;
    return c2_min(tiles, c2_max(c2_div_up(tiles, most), wanted));
}

static conv2d_status plan_create(conv2d_device *device, const c2_problem *p, int variant,
                                 c2_state **state_out)
{
    c2_state *s = c2_alloc_zero(&device->allocator, sizeof *s);
    if (!s)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    s->kernel = c2_cpu_kernel(device, C2_FAMILY_DWROW_CH, variant);
    s->epilogue = c2_cpu_epilogue(s->kernel, p->output_dtype);
    s->problem = *p;
    if (is_turned(p)) {
        s->widen = (c2_widen_fn)c2_cpu_helper(s->kernel, C2_FAMILY_WIDEN, p->input_dtype);
        s->problem.input_dtype = CONV2D_FLOAT32;
        s->problem.input_stride[1] = 1;
        s->problem.input_stride[2] = s->problem.w * s->kernel->nr;
        s->problem.input_stride[3] = s->kernel->nr;
    }
    const c2_speed *speed = c2_speed_of(device, s->kernel);
    const int64_t line = line_vectors(s->kernel, p);
    s->copied = is_copied(s->kernel, speed, p);
    if (s->copied) {
        s->problem.input_stride[3] = line * s->kernel->nr;
        s->problem.input_stride[2] = s->problem.w * s->problem.input_stride[3];
    }
    s->far = !s->widen && !s->copied && c2_tensor_bytes(p) > speed->stay;
    s->fn = (c2_dwrow_ch_fn)c2_cpu_kernel_of(s->kernel, s->problem.input_dtype)->fn;
    s->element = (int64_t)c2_dtype_bytes(s->problem.input_dtype);
    s->finished = finishes(p, &s->low, &s->high);
    s->rows = tile_rows(s->kernel, p);
    s->full = count_full(phase_cols(p));
    s->halves = count_halves(phase_cols(p));
    s->channel_tiles = c2_dw_channel_tiles(s->kernel, p);
    s->phases = row_phases(p);
    s->phase_tiles = c2_div_up(c2_div_up(p->oh, s->phases), s->rows);
    const int64_t row_tiles = s->phases * s->phase_tiles, tiles = s->channel_tiles;
    if (s->copied)
        s->channel_blocks = (c2_split){c2_div_up(tiles, line), line, 0};
    else
        s->channel_blocks = c2_split_even(
            tiles,
            s->widen ? tiles : count_channel_blocks(device, s->kernel, p, tiles, row_tiles));
    const int64_t blocks =
        s->widen || s->copied
            ? 1
            : c2_div_up(WANTED_TASKS, c2_min(WANTED_TASKS, s->channel_blocks.n));
    s->row_blocks = c2_split_even(row_tiles, c2_min(row_tiles, blocks));
    s->scratch_bytes = scratch_bytes(s->kernel, speed, p);
    s->n_cols = (TILE_COLS - 1) * p->stride[1] + p->kw;
    s->inside = c2_alloc_zero(&device->allocator, (size_t)s->n_cols * sizeof *s->inside);
    if (!s->inside) {
        plan_destroy(device, s);
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's offsets");
    }
    const int64_t step = p->dilation[1] * s->problem.input_stride[3] * s->element;
    for (int64_t j = 0; j < s->n_cols; j++)
        s->inside[j] = j * step - c2_min(0, (s->n_cols - 1) * step);
    *state_out = s;
    return CONV2D_OK;
}

/* What a task does: a block of rows and of channels of one image. */
typedef struct task {
    const c2_state *state;
    const c2_run_args *args;
    const char *image; /* the block's first channel of pixel (0, 0) */
    const c2_problem *problem; /* the state's */
    float *sums;               /* of all pixels, where the input was turned; else NULL */
    int64_t n, channel, pass;
    int channels;
    ptrdiff_t *row, *col; /* offsets of a tile's rows; of its columns where some are padding */
    c2_dwrow_ch_args kernel;
} task;

/* Those of n places, from the first on and d apart, that are not zeros of padding. */
static void live_part(const c2_problem *p, int64_t first, int64_t d, int64_t n, int64_t size,
                      int *begin, int *end)
{
    *begin = 0;
    *end = (int)n;
    if (p->padding_mode != CONV2D_PAD_ZEROS)
        return;
    if (first < 0)
        *begin = (int)c2_min(n, c2_div_up(-first, d));
    *end = first < size ? (int)c2_min(n, (size - 1 - first) / d + 1) : 0;
    *begin = *begin < *end ? *begin : *end;
}

static void find_rows(task *t, int64_t oy, int rows)
{
    const c2_problem *p = t->problem;
    const int64_t y = oy * p->stride[0] - p->pad[0];
    c2_dwrow_ch_args *a = &t->kernel;
    const int64_t n = p->kh + (rows - 1) * a->stride;
    live_part(p, y, p->dilation[0], n, p->h, &a->row_begin, &a->row_end);
    for (int64_t i = a->row_begin; i < a->row_end; i++)
        t->row[i - a->row_begin] =
            c2_pad_index(p->padding_mode, y + i * p->dilation[0], p->h) * p->input_stride[2] *
            t->state->element;
}

/* Columns that no output pixel of a tile needs are left out like padded ones. Finds how many full
 * tiles of `most` have all their pixels inside the image; or one. */
static void find_columns(task *t, int64_t ox, int cols, int64_t most)
{
    const c2_problem *p = t->problem;
    const int64_t x = ox * p->stride[1] - p->pad[1], d = p->dilation[1];
    const int64_t step = p->input_stride[3] * t->state->element;
    const int64_t n_cols = (cols - 1) * p->stride[1] + p->kw;
    c2_dwrow_ch_args *a = &t->kernel;
    a->tiles = 1;
    a->col_step = a->far = 0;
    live_part(p, x, d, n_cols, p->w, &a->col_begin, &a->col_end);
    const int64_t last = x + (n_cols - 1) * d, next = TILE_COLS * p->stride[1] * d;
    if (cols == TILE_COLS && x >= 0 && last < p->w) {
        a->pixels = t->image + x * step + c2_min(0, (n_cols - 1) * d * step);
        a->col = t->state->inside;
        a->col_step = d * step;
        a->tiles = (int)c2_min(most, 1 + (p->w - 1 - last) / next);
        a->next = next * step;
        a->far = t->state->far;
        return;
    }
    const int64_t low = c2_min(0, (p->w - 1) * step);
    a->pixels = t->image + low;
    a->col = t->col;
    for (int64_t j = 0; j < t->state->n_cols; j++) {
        const int64_t column = j < n_cols ? c2_pad_index(p->padding_mode, x + j * d, p->w) : -1;
        t->col[j] = column < 0 ? -1 : column * step - low;
    }
}

/* Bare sums, some channels at a time, and the epilogue. */
static void store_by_epilogue(task *t, int64_t oy, int64_t ox)
{
    const c2_problem *p = t->problem;
    _Alignas(64) float sums[C2_MAX_MR * SUM_CHANNELS];
    c2_dwrow_ch_args a = t->kernel;
    const int cols = a.cols, run = p->dilation[1] > 1 ? 1 : cols; /* of neighbouring pixels */
    a.sums = sums;
    a.sums_pitch = SUM_CHANNELS;
    for (int c = 0; c < t->channels; c += SUM_CHANNELS) {
        a.n = (int)c2_min(SUM_CHANNELS, t->channels - c);
        t->state->fn(&a);
        const c2_target target =
            c2_target_of(t->args, t->state->epilogue, t->n, (t->channel + c) * p->ocg + t->pass);
        for (int i = 0; i < a.rows * cols; i += run) {
            const int64_t x = ox + i % cols * p->dilation[1];
            const c2_lanes lanes = {0, run, run, run, oy + i / cols * t->state->phases, x};
            c2_store_pixel_rows(&target, sums + i * SUM_CHANNELS, SUM_CHANNELS, a.n, p->ocg,
                                &lanes);
        }
        a.pixels = (const char *)a.pixels + SUM_CHANNELS * t->state->element;
        a.weight += SUM_CHANNELS * p->kh * p->kw;
    }
}

/* A tile, or up to `most` full ones; returns how many. */
static int pixel_tiles(task *t, int64_t oy, int64_t ox, int rows, int cols, int64_t most)
{
    const c2_problem *p = t->problem;
    const bool by_epilogue = !t->sums && !t->state->finished;
    c2_dwrow_ch_args *a = &t->kernel;
    a->rows = rows;
    a->cols = cols;
    find_columns(t, ox, cols, by_epilogue ? 1 : most);
    a->n = t->channels;
    if (by_epilogue) {
        store_by_epilogue(t, oy, ox);
        return a->tiles;
    }
    if (t->sums) {
        a->out = t->sums + (oy * p->ow + ox) * t->state->kernel->nr;
    } else {
        const c2_target target = c2_target_of(t->args, t->state->epilogue, t->n, t->channel);
        const int64_t out = oy * p->output_stride[2] + ox * p->output_stride[3];
        const int64_t residual = oy * p->residual_stride[2] + ox * p->residual_stride[3];
        a->bias = target.bias;
        a->out = target.out + out * t->state->element;
        a->residual = target.residual ? target.residual + residual * t->state->element : NULL;
    }
    t->state->fn(a);
    return a->tiles;
}

static void row_of_tiles(task *t, int64_t oy, int rows)
{
    const c2_problem *p = t->problem;
    const int64_t full = t->state->full, d = p->dilation[1];
    find_rows(t, oy, rows);
    for (int64_t phase = 0; phase < c2_min(d, p->ow); phase++) {
        const int64_t cols = c2_div_up(p->ow - phase, d);
        for (int64_t i = 0, done; i < full + t->state->halves; i += done) {
            const int64_t x = c2_min(i, full) * TILE_COLS + c2_max(0, i - full) * HALF_COLS;
            const int64_t n = c2_min(i < full ? TILE_COLS : HALF_COLS, cols - x);
            const int64_t most = i < full ? c2_min(full - i, (cols - x) / TILE_COLS) : 1;
            /* Smaller phases may have a tile less. */
            done = n > 0 ? pixel_tiles(t, oy, phase + x * d, rows, (int)n, most) : 1;
        }
    }
}

/* The task's channels of its image as the state's problem has them, and where sums go. */
static void turn(task *t, float *scratch)
{
    const c2_problem *p = t->args->problem, *copy = t->problem;
    const int64_t element = (int64_t)c2_dtype_bytes(p->input_dtype);
    const char *image = (const char *)t->args->input.data +
                        (t->n * p->input_stride[0] + t->channel * p->input_stride[1]) * element;
    const bool dense = p->input_stride[2] == p->w * p->input_stride[3];
    const int64_t n_runs = dense ? 1 : p->h;
    c2_widen_args a = {.channel_stride = p->input_stride[1],
                       .pixel_stride = p->input_stride[3],
                       .to_stride = t->state->kernel->nr,
                       .n_channels = t->channels,
                       .n_pixels = (int)(p->h / n_runs * p->w)};
    for (int64_t i = 0; i < n_runs; i++) {
        a.from = image + i * p->input_stride[2] * element;
        a.to = scratch + i * copy->input_stride[2];
        t->state->widen(&a);
    }
    t->image = (const char *)scratch;
    t->sums = scratch + copy->h * copy->input_stride[2];
    t->kernel.out_row = t->state->phases * p->ow * copy->input_stride[3];
    t->kernel.out_col = p->dilation[1] * copy->input_stride[3];
    t->kernel.low = -INFINITY;
    t->kernel.high = INFINITY;
}

/* The task's channels of its image, of all pixels one after the other. */
static void copy(task *t, char *to)
{
    const c2_problem *p = t->args->problem, *view = t->problem;
    const int64_t element = t->state->element;
    const size_t bytes = (size_t)(t->channels * element);
    const char *from = t->image;
    t->image = to;
    for (int64_t y = 0; y < p->h; y++, from += p->input_stride[2] * element) {
        const char *pixel = from;
        for (int64_t x = 0; x < p->w; x++) {
            memcpy(to, pixel, bytes);
            pixel += p->input_stride[3] * element;
            to += view->input_stride[3] * element;
        }
    }
}

static void store_sums(const task *t)
{
    const c2_problem *p = t->problem;
    const c2_target target =
        c2_target_of(t->args, t->state->epilogue, t->n, t->channel * p->ocg + t->pass);
    const c2_lanes lanes = {0, p->oh * p->ow, p->ow, p->ow, 0, 0};
    c2_store_pixel_rows(&target, t->sums, t->state->kernel->nr, t->channels, p->ocg, &lanes);
}

static void rows_of_tiles(task *t, int64_t block)
{
    const c2_state *s = t->state;
    const int64_t end = c2_split_begin(&s->row_blocks, block + 1), oh = t->problem->oh;
    for (int64_t i = c2_split_begin(&s->row_blocks, block); i < end; i++) {
        const int64_t y = i / s->phase_tiles + i % s->phase_tiles * s->rows * s->phases;
        if (y < oh) /* smaller phases may have a tile less */
            row_of_tiles(t, y, (int)c2_min(s->rows, c2_div_up(oh - y, s->phases)));
    }
}

static void run_task(const c2_state *s, const c2_run_args *args, size_t index, int worker)
{
    const c2_problem *p = &s->problem;
    const int64_t i = (int64_t)index, rb = i % s->row_blocks.n;
    const int64_t cb = i / s->row_blocks.n % s->channel_blocks.n;
    const int64_t tile = c2_split_begin(&s->channel_blocks, cb);
    const int64_t last = c2_split_begin(&s->channel_blocks, cb + 1) * s->kernel->nr;
    ptrdiff_t row[MOST_OFFSETS], col[MOST_OFFSETS];
    task t = {.state = s, .args = args, .problem = p, .row = row, .col = col,
              .n = i / s->row_blocks.n / s->channel_blocks.n};
    t.channel = tile * s->kernel->nr;
    t.channels = (int)(c2_min(p->groups, last) - t.channel);
    t.image = (const char *)args->input.data + (t.n * p->input_stride[0] + t.channel) * s->element;
    t.kernel = (c2_dwrow_ch_args){.row = row,
                                  .kh = (int)p->kh,
                                  .kw = (int)p->kw,
                                  .stride = (int)p->stride[1],
                                  .low = s->low,
                                  .high = s->high,
                                  .streams = s->finished && !s->widen &&
                                             c2_may_stream(args, s->kernel),
                                  .residual_row = s->phases * p->residual_stride[2],
                                  .residual_col = p->dilation[1] * p->residual_stride[3],
                                  .out_row = s->phases * p->output_stride[2],
                                  .out_col = p->dilation[1] * p->output_stride[3]};
    _Alignas(64) float stack[C2_STACK_BYTES / sizeof(float)];
    char *scratch = c2_scratch_of(args, worker, s->scratch_bytes, stack);
    if (s->widen)
        turn(&t, (float *)(void *)scratch);
    else if (s->copied)
        copy(&t, scratch);
    for (t.pass = 0; t.pass < p->ocg; t.pass++) {
        t.kernel.weight = (const float *)args->packed->host +
                          (t.pass * s->channel_tiles + tile) * p->kh * p->kw * s->kernel->nr;
        rows_of_tiles(&t, rb);
        if (t.sums)
            store_sums(&t);
    }
}

static conv2d_status run(const c2_state *s, const c2_run_args *args)
{
    const int64_t n = args->problem->n * s->channel_blocks.n * s->row_blocks.n;
    return c2_cpu_parallel_runs(s, args, (size_t)n, run_task);
}

const c2_algorithm c2_algo_depthwise_rows_ch = {
    .name = "depthwise_rows_ch",
    .variants = variants,
    .variant_name = variant_name,
    .variant_isa = variant_isa,
    .supports = supports,
    .cost = cost,
    .bound = c2_strict_bound,
    .bound_text = c2_strict_bound_text,
    .memory = memory,
    .packing = packing,
    .pack = pack,
    .plan_create = plan_create,
    .plan_destroy = plan_destroy,
    .run = run,
};
