/* SPDX-License-Identifier: BSD-2-Clause
 * What the tasks of depthwise_rows_ch do. */
#include "cpu/depthwise_rows_ch.h"

#include <math.h>
#include <string.h>

#include "core/dtype.h"
#include "cpu/cost.h"

enum { SUM_CHANNELS = 64 }; /* whose sums lie on the stack for the epilogue */

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
    const int64_t last = x + (n_cols - 1) * d, next = C2_DW_TILE_COLS * p->stride[1] * d;
    if (cols == C2_DW_TILE_COLS && x >= 0 && last < p->w) {
        a->pixels = t->image + x * step + c2_min(0, (n_cols - 1) * d * step);
        a->col = t->state->inside;
        a->col_first = a->col[0];
        a->col_step = d * step;
        a->tiles = (int)c2_min(most, 1 + (p->w - 1 - last) / next);
        a->next = next * step;
        a->far = t->state->far;
        return;
    }
    const int64_t low = c2_min(0, (p->w - 1) * step);
    a->pixels = t->image + low;
    a->col_first = x * step - low;
    if (cols == C2_DW_TILE_COLS && p->padding_mode == CONV2D_PAD_ZEROS)
        a->col_step = d * step;
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
        a->out = t->sums + (oy * p->ow + ox) * p->input_stride[3];
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
            const int64_t x =
                c2_min(i, full) * C2_DW_TILE_COLS + c2_max(0, i - full) * C2_DW_HALF_COLS;
            const int64_t n = c2_min(i < full ? C2_DW_TILE_COLS : C2_DW_HALF_COLS, cols - x);
            const int64_t most = i < full ? c2_min(full - i, (cols - x) / C2_DW_TILE_COLS) : 1;
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
                       .to_stride = copy->input_stride[3],
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
    c2_store_pixel_rows(&target, t->sums, p->input_stride[3], t->channels, p->ocg, &lanes);
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
    ptrdiff_t row[C2_DW_MOST_OFFSETS], col[C2_DW_MOST_OFFSETS];
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

conv2d_status c2_dw_rows_ch_run(const c2_state *s, const c2_run_args *args)
{
    const int64_t n = args->problem->n * s->channel_blocks.n * s->row_blocks.n;
    return c2_cpu_parallel_runs(s, args, (size_t)n, run_task);
}
