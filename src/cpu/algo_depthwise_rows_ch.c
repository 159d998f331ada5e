/* SPDX-License-Identifier: BSD-2-Clause
 * depthwise_rows_ch: one input channel a group, kernels 3, 5 or 7 wide, stride 1 or 2 along x, or
 * stride 1, any width from 5 on and a dilation; lanes = channels. A kernel call makes one or two
 * rows of seven pixels for all channels of a block, reads pixels through offsets (padding is left
 * out or read as zeros, without a copy), and finishes them in registers. With a dilation of d along
 * x a tile is every d-th pixel of a row: a row is d phases, on which the kernel is not dilated; so
 * along y.
 * What it cannot finish, other activations than clamps, a channel multiplier, outputs whose
 * channels do not lie together, goes through the epilogue.
 * Where input channels do not lie together, some vectors of channels of an image are turned into a
 * copy first, and their sums wait in another for the epilogue: for small images, whose rows fill no
 * vector of pixels. Where they do, but pixels lie so far apart (powers of two) that those under a
 * kernel share few sets of the L1 cache, lines of channels of an image are copied together first.
 * Error before activation: g(K+2) * s + (K+2) * 2^-149, K = KH * KW; taps in order. */
#include <math.h>

#include "core/dtype.h"
#include "cpu/cost.h"
#include "cpu/depthwise_rows_ch.h"

enum {
    WANTED_TASKS = 16,
    PIECE = 7,                /* taps of a row of wider kernels, at a time */
    LINE = 64,                /* bytes of a cache line, */
    SETS = 64,                /* of them, in the L1 cache */
    MOST_SCRATCH = 256 << 10, /* bytes of a task's copies: a part of an L2 cache; */
    MOST_OF_WIDE = 768 << 10, /* of kernels wider than a piece, which read them more often; */
    TURNED_BYTES = 112 << 10, /* of several vectors that are turned together; */
    MOST_TOGETHER = 8         /* vectors, or lines that are copied */
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
    return near && p->stride[0] == p->stride[1] ? k->mr / C2_DW_TILE_COLS : 1;
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
    static const int8_t by_rest[C2_DW_TILE_COLS] = {0, 2, 1, 1, 1, 0, 0};
    const int64_t rest = ow % C2_DW_TILE_COLS, n = by_rest[rest];
    return C2_DW_HALF_COLS * n <= ow + 1 ? n : rest > 0 && rest <= C2_DW_HALF_COLS;
}

/* Columns of the largest phase of a row. */
static int64_t phase_cols(const c2_problem *p) { return c2_div_up(p->ow, p->dilation[1]); }

static int64_t count_full(int64_t ow)
{
    return c2_div_up(c2_max(0, ow - C2_DW_HALF_COLS * count_halves(ow)), C2_DW_TILE_COLS);
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
 * far apart share: 64 of them (a page of 4 KiB). */
static bool is_crowded(const c2_speed *speed, const c2_problem *p)
{
    /* Of a distance that may be any the low bits matter, whatever is lost above them. */
    const uint64_t step = (uint64_t)p->dilation[1] * (uint64_t)p->input_stride[3];
    const uint64_t pitch = step * c2_dtype_bytes(p->input_dtype);
    const int64_t rows = c2_min(p->kh, p->h);
    const int64_t cols = c2_min((C2_DW_TILE_COLS - 1) * p->stride[1] + p->kw, p->w);
    const int64_t lines = (int64_t)(pitch / LINE % SETS);
    return !is_turned(p) && step != 0 && pitch % LINE == 0 &&
           (double)(rows * cols) > 2 * speed->l1_ways * (double)(SETS / c2_gcd(SETS, lines));
}

static const double near_tensors = 8; /* times L2 */

/* Bytes of a vector of channels of an image: of its copy, or turned and with its sums, all of them
 * [y][x][lane]. */
static double vector_bytes(const c2_kernel *k, const c2_problem *p)
{
    const double pixels = (double)p->h * (double)p->w;
    if (is_turned(p))
        return (pixels + (double)p->oh * (double)p->ow) * k->nr * (double)sizeof(float);
    return pixels * k->nr * (double)c2_dtype_bytes(p->input_dtype);
}

/* Where all tensors are in the last cache: lines of each pixel are read, one after the other. */
static bool is_copied(const c2_kernel *k, const c2_speed *speed, const c2_problem *p)
{
    const double bytes = vector_bytes(k, p) * (double)line_vectors(k, p);
    return speed->crowded > 0 && is_crowded(speed, p) &&
           c2_tensor_bytes(p) < near_tensors * speed->l2 && bytes <= (double)MOST_SCRATCH &&
           (bytes <= (double)C2_STACK_BYTES || bytes <= (double)p->workspace_limit);
}

/* Vectors of channels that are turned or copied together, so that a tile's offsets serve all of
 * them and copies read longer runs: as many as stay near and workspace_limit has room for, and
 * leave work for all threads. */
static int64_t vectors_together(const conv2d_device *device, const c2_kernel *k,
                                const c2_problem *p)
{
    const bool turned = is_turned(p);
    const int64_t unit = turned ? 1 : line_vectors(k, p);
    const double bytes = vector_bytes(k, p) * (double)unit;
    const double room = fmin(turned ? TURNED_BYTES : MOST_SCRATCH,
                             fmax(C2_STACK_BYTES, (double)p->workspace_limit));
    const int64_t near = (int64_t)fmin(MOST_TOGETHER, room / bytes);
    const int64_t threads = device->pool.n_threads;
    const int64_t all = p->n * c2_div_up(c2_dw_channel_tiles(k, p), unit);
    return unit * c2_max(1, threads > 1 ? c2_min(near, all / (2 * threads)) : near);
}

/* Of the copy and of the sums of an image. */
static size_t scratch_bytes(const conv2d_device *device, const c2_kernel *k, const c2_problem *p)
{
    if (!is_turned(p) && !is_copied(k, c2_speed_of(device, k), p))
        return 0;
    const double bytes = (double)vectors_together(device, k, p) * vector_bytes(k, p);
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
    if (c2_max(p->kh, p->kw) > C2_DW_MOST_OFFSETS - 2 * C2_DW_TILE_COLS)
        return c2_refuse(why, "kernel of %lld x %lld: at most %d x %d", (long long)p->kh,
                         (long long)p->kw, C2_DW_MOST_OFFSETS - 2 * C2_DW_TILE_COLS,
                         C2_DW_MOST_OFFSETS - 2 * C2_DW_TILE_COLS);
    const size_t scratch = scratch_bytes(device, k, p);
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
    const double columns = (double)C2_DW_TILE_COLS * full + (double)C2_DW_HALF_COLS * halves;
    const double sums = rows * columns * lanes;
    /* A pixel of a row is loaded once for all its taps and both rows of a tile, beside products. */
    const int64_t pieces = c2_div_up(p->kw, PIECE);
    const double loads = (double)(p->kw + C2_DW_TILE_COLS * pieces * p->stride[1]) /
                         (C2_DW_TILE_COLS * tile_rows(k, p));
    const double live = c2_live_part(p, 0) * c2_live_part(p, 1);
    const double products = live * (double)p->kh * ((double)p->kw + 0.3 * loads);
    float low, high;
    const double store =
        finishes(p, &low, &high) ? 0.5 * outputs * speed->store : c2_cost_epilogue(speed, p, 1);
    /* An image's lines are copied, or loads wait for them. */
    const bool copied = is_copied(k, speed, p);
    const double copies = copied ? (double)p->h * (double)p->w * lanes * speed->copy : 0;
    const double waits = !copied && is_crowded(speed, p)
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
    const size_t scratch = scratch_bytes(device, k, p);
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
    }
    const c2_speed *speed = c2_speed_of(device, s->kernel);
    s->copied = is_copied(s->kernel, speed, p);
    const int64_t together =
        s->widen || s->copied ? vectors_together(device, s->kernel, p) : 0;
    if (together) {
        s->problem.input_stride[3] = together * s->kernel->nr;
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
    if (together)
        s->channel_blocks = (c2_split){c2_div_up(tiles, together), together, 0};
    else
        s->channel_blocks = c2_split_even(
            tiles, count_channel_blocks(device, s->kernel, p, tiles, row_tiles));
    const int64_t blocks =
        together ? 1 : c2_div_up(WANTED_TASKS, c2_min(WANTED_TASKS, s->channel_blocks.n));
    s->row_blocks = c2_split_even(row_tiles, c2_min(row_tiles, blocks));
    s->scratch_bytes = scratch_bytes(device, s->kernel, p);
    s->n_cols = (C2_DW_TILE_COLS - 1) * p->stride[1] + p->kw;
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
    .run = c2_dw_rows_ch_run,
};
