/* SPDX-License-Identifier: BSD-2-Clause
 * depthwise_px: one input channel a group, lanes = pixels, any strides. Each block of a channel is
 * copied into a window without padding and strides (window.h), in which taps are offsets; where the
 * image itself is like that, it is read in place.
 * Error before activation: g(K+2) * s + (K+2) * 2^-149, K = KH * KW; taps in order. */
#include "core/dtype.h"
#include "core/half.h"
#include "cpu/cost.h"
#include "cpu/depthwise.h"
#include "cpu/window.h"

static const double window_bytes = 1 << 20;        /* at most */
static const double window_cheap_bytes = 24 << 10; /* up to here it stays in the L1 cache */
static const double channel_blocks = 64; /* tasks the channels of a block of pixels make at most */

/* Floats of sums a task keeps on its stack: rows of a block, stored together. */
enum { SUMS = 4096 };

typedef struct blocking {
    bool direct;
    c2_window window; /* direct: only its pitch */
    c2_split blocks_y, blocks_x, channel_blocks;
    size_t scratch_bytes; /* of a worker; up to C2_STACK_BYTES they are on its stack */
    double seconds;       /* of one output channel, without the epilogue */
} blocking;

struct c2_state {
    const c2_kernel *kernel;
    c2_dw_px_fn fn;
    c2_epilogue_fn epilogue;
    blocking b;
    int vector;
    int64_t element; /* bytes of a pixel */
    size_t n_taps;
    ptrdiff_t *tap_offset;
};

static int variants(const conv2d_device *device)
{
    return c2_cpu_kernel_count(device, C2_FAMILY_DW_PX);
}

static const char *variant_name(const conv2d_device *device, int variant)
{
    return c2_cpu_kernel(device, C2_FAMILY_DW_PX, variant)->variant;
}

static const char *variant_isa(const conv2d_device *device, int variant)
{
    return c2_cpu_kernel(device, C2_FAMILY_DW_PX, variant)->isa;
}

static double products(const c2_speed *speed, const c2_kernel *k, const c2_problem *p, double lanes)
{
    const double vector = k->lanes, vectors = ceil(lanes / vector);
    const double tiles = ceil(vectors * vector / k->nr);
    const double idle = fmax(1, 4 * tiles / vectors); /* few vectors wait for the FMAs' latency */
    return vectors * vector * (double)p->kh * (double)p->kw * idle / speed->load_lanes +
           tiles * speed->call;
}

/* Direct: rows of the image follow each other, taps are never padded. */
static bool can_be_direct(const c2_problem *p)
{
    return !c2_problem_is_padded(p) && p->input_stride[3] == 1 && p->stride[0] == 1 &&
           p->stride[1] == 1 && p->input_stride[2] == p->w;
}

static void try_window(blocking *best, const c2_speed *speed, const c2_kernel *k,
                       const c2_problem *p, const c2_window *shape, int64_t n_rows, int64_t n_cols)
{
    const double budget =
        fmax((double)C2_STACK_BYTES, fmin((double)p->workspace_limit, window_bytes));
    blocking b = *best;
    b.direct = false;
    b.window = *shape;
    b.blocks_y = c2_split_even(p->oh, n_rows);
    b.blocks_x = c2_split_even(p->ow, n_cols);
    const int64_t rows = c2_div_up(p->oh, n_rows), cols = c2_div_up(p->ow, n_cols);
    size_t bytes;
    if (!c2_window_set_block(&b.window, rows, cols, 1, budget, &bytes))
        return;
    b.scratch_bytes = c2_round_up(bytes, C2_ALIGN);
    const bool runs = p->input_stride[3] == 1 && p->stride[1] <= 2;
    const double copied_rows =
        (double)(shape->y.n_phases * shape->x.n_phases) * (double)(rows + shape->y.reach);
    const double copied = (double)bytes / b.window.element;
    const double fill =
        (copied * (runs ? speed->copy : speed->gather) + copied_rows * speed->run) / (double)p->ocg;
    const double slow = (double)bytes > window_cheap_bytes ? 1.3 : 1;
    const double lanes = (double)(rows - 1) * (double)b.window.pitch + (double)cols;
    const double vectors = ceil((double)cols / k->lanes);
    const double stores =
        (double)rows * (0.2 * speed->run + vectors * k->lanes * speed->store);
    b.seconds =
        (double)n_rows * (double)n_cols * (fill + products(speed, k, p, lanes) * slow + stores);
    if (b.seconds < best->seconds)
        *best = b;
}

/* seconds = HUGE_VAL if not even a window for one pixel fits. */
static blocking choose_blocking(const conv2d_device *device, const c2_problem *p, int variant)
{
    const c2_kernel *k = c2_cpu_kernel(device, C2_FAMILY_DW_PX, variant);
    const c2_speed *speed = c2_speed_of(device, k);
    blocking best = {.seconds = HUGE_VAL};
    for (int split = 0; split < 4; split++) {
        c2_window shape;
        c2_window_init(&shape, p, split & 2, split & 1);
        for (int64_t n_cols = 1; n_cols <= p->ow; n_cols *= 2) {
            for (int64_t n_rows = 1; n_rows <= p->oh; n_rows += n_rows < 8 ? 1 : n_rows / 2)
                try_window(&best, speed, k, p, &shape, n_rows, n_cols);
            try_window(&best, speed, k, p, &shape, p->oh, n_cols);
        }
    }
    if (can_be_direct(p)) {
        blocking b = best;
        b.direct = true;
        b.window.pitch = p->w;
        b.scratch_bytes = 0;
        /* Blocks of about 4096 lanes, so that a large image is many tasks. */
        const int64_t rows = c2_min(p->oh, c2_div_up(4096, p->w));
        b.blocks_y = c2_split_even(p->oh, c2_div_up(p->oh, rows));
        b.blocks_x = c2_split_even(p->ow, 1);
        b.seconds = (double)b.blocks_y.n *
                    products(speed, k, p, (double)(rows - 1) * (double)p->w + (double)p->ow);
        if (b.seconds < best.seconds)
            best = b;
    }
    const double blocks = (double)best.blocks_y.n * (double)best.blocks_x.n;
    const int64_t parts = (int64_t)ceil(channel_blocks / fmax(1, blocks));
    best.channel_blocks = c2_split_even(p->groups, c2_min(parts, p->groups));
    return best;
}

static bool supports(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    if (!c2_dw_supports(p, why))
        return false;
    const c2_kernel *kernel = c2_cpu_kernel(device, C2_FAMILY_DW_PX, variant);
    if (!c2_driver_supports(kernel, p, why))
        return false;
    if (choose_blocking(device, p, variant).seconds == HUGE_VAL)
        return c2_refuse(why, "workspace_limit = %llu: the window of one pixel does not fit",
                         (unsigned long long)p->workspace_limit);
    return true;
}

static double cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    const c2_kernel *k = c2_cpu_kernel(device, C2_FAMILY_DW_PX, variant);
    /* The blocking counts stores of unit stride. */
    const c2_speed *speed = c2_speed_of(device, k);
    const double outputs = (double)p->n * (double)p->oc * (double)p->oh * (double)p->ow;
    return (double)p->n * (double)p->oc * choose_blocking(device, p, variant).seconds +
           fmax(0, c2_cost_epilogue(speed, p, 3) - outputs * speed->store);
}

static c2_bytes memory(const conv2d_device *device, const c2_problem *p, int variant)
{
    const blocking b = choose_blocking(device, p, variant);
    return (c2_bytes){c2_dw_filters_bytes(p), 0,
                      c2_scratch_workspace(b.scratch_bytes)};
}

static void plan_destroy(conv2d_device *device, c2_state *s)
{
    if (!s)
        return;
    c2_free(&device->allocator, s->tap_offset, s->n_taps * sizeof *s->tap_offset);
    c2_free(&device->allocator, s, sizeof *s);
}

static conv2d_status plan_create(conv2d_device *device, const c2_problem *p, int variant,
                                 c2_state **state_out)
{
    c2_state *s = c2_alloc_zero(&device->allocator, sizeof *s);
    if (!s)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    s->kernel = c2_cpu_kernel(device, C2_FAMILY_DW_PX, variant);
    s->fn = (c2_dw_px_fn)c2_cpu_kernel_of(s->kernel, p->input_dtype)->fn;
    s->epilogue = c2_cpu_epilogue(s->kernel, p->output_dtype);
    s->element = (int64_t)c2_dtype_bytes(p->input_dtype);
    s->vector = s->kernel->lanes;
    s->b = choose_blocking(device, p, variant);
    c2_window_use(&s->b.window, s->kernel);
    s->n_taps = (size_t)(p->kh * p->kw);
    s->tap_offset = c2_alloc(&device->allocator, s->n_taps * sizeof *s->tap_offset);
    if (!s->tap_offset) {
        plan_destroy(device, s);
        return c2_fail(CONV2D_E_NOMEM, "no memory for the offsets of taps");
    }
    for (size_t t = 0; t < s->n_taps; t++) {
        const int64_t ky = (int64_t)t / p->kw, kx = (int64_t)t % p->kw;
        s->tap_offset[t] = s->b.direct
                               ? ky * p->dilation[0] * p->input_stride[2] + kx * p->dilation[1]
                               : c2_window_tap(&s->b.window, ky, kx);
    }
    *state_out = s;
    return CONV2D_OK;
}

/* Finished sums of whole rows, which lie pitch lanes apart: one call of the epilogue for all. */
static void store_rows(const c2_state *s, const c2_target *target, const c2_block *block,
                       const float *sums, int64_t row, int64_t n_rows)
{
    const c2_problem *p = target->problem;
    float bias[SUMS / 16];
    for (int64_t i = 0; target->bias && i < n_rows; i++)
        bias[i] = c2_load_f32(target->bias, target->dtype, 0);
    const int64_t y = block->y + row, x = block->x;
    const c2_epilogue_args args = {
        .acc = sums,
        .acc_stride = s->b.window.pitch,
        .rows = (int)n_rows,
        .cols = (int)block->cols,
        .bias_row = target->bias ? bias : NULL,
        .residual = target->residual
                        ? target->residual +
                              (y * p->residual_stride[2] + x * p->residual_stride[3]) * s->element
                        : NULL,
        .residual_row_stride = p->residual_stride[2],
        .residual_col_stride = p->residual_stride[3],
        .out = target->out + (y * p->output_stride[2] + x * p->output_stride[3]) * s->element,
        .out_row_stride = p->output_stride[2],
        .out_col_stride = p->output_stride[3],
        .activation = target->activation,
    };
    target->epilogue(&args);
}

/* `total` lanes from lane `first` on, into sums. */
static void sum_lanes(const c2_state *s, c2_dw_px_args *a, int64_t total, float *sums)
{
    const c2_split vectors =
        c2_split_even(c2_div_up(total, s->vector), c2_div_up(total, s->kernel->nr));
    const char *pixels = a->pixels;
    for (int64_t i = 0; i < vectors.n; i++) {
        const int64_t first = c2_split_begin(&vectors, i) * s->vector;
        const int64_t end = c2_split_begin(&vectors, i + 1) * s->vector;
        a->pixels = pixels + first * s->element;
        a->acc = sums + first;
        a->n = (int)(s->b.direct ? c2_min(end, total) - first : end - first);
        s->fn(a);
    }
}

/* All lanes of a block for one output channel: as many whole rows at a time as sums holds, or,
 * where not even one row fits, parts of a row. */
static void output_channel(const c2_state *s, const c2_run_args *args, const c2_block *block,
                           const char *pixels, int64_t n, int64_t oc)
{
    const int64_t pitch = s->b.window.pitch, room = SUMS - s->kernel->nr;
    const c2_target target = c2_target_of(args, s->epilogue, n, oc);
    c2_dw_px_args a = {.taps = s->tap_offset,
                       .n_taps = s->n_taps,
                       .weight = (const float *)args->packed->host + oc * (int64_t)s->n_taps};
    _Alignas(64) float sums[SUMS];
    const int64_t rows = c2_min(SUMS / 16, pitch <= room ? room / pitch : 1);
    const int64_t cols = c2_min(block->cols, room);
    for (int64_t y = 0; y < block->rows; y += rows) {
        for (int64_t x = 0; x < block->cols; x += cols) {
            const c2_block part = {block->y, block->x + x, 0, c2_min(cols, block->cols - x)};
            const int64_t n_rows = c2_min(rows, block->rows - y);
            a.pixels = pixels + (y * pitch + x) * s->element;
            sum_lanes(s, &a, (n_rows - 1) * pitch + part.cols, sums);
            store_rows(s, &target, &part, sums, y, n_rows);
        }
    }
}

static void run_task(const c2_state *s, const c2_run_args *args, size_t task, int worker)
{
    const c2_problem *p = args->problem;
    const blocking *b = &s->b;
    _Alignas(64) float stack[C2_STACK_BYTES / sizeof(float)];
    char *scratch = c2_scratch_of(args, worker, b->scratch_bytes, stack);
    const int64_t i = (int64_t)task, bx = i % b->blocks_x.n, by = i / b->blocks_x.n % b->blocks_y.n;
    const int64_t rest = i / b->blocks_x.n / b->blocks_y.n;
    const int64_t bc = rest % b->channel_blocks.n, n = rest / b->channel_blocks.n;
    c2_block block = {c2_split_begin(&b->blocks_y, by), c2_split_begin(&b->blocks_x, bx), 0, 0};
    block.rows = c2_split_begin(&b->blocks_y, by + 1) - block.y;
    block.cols = c2_split_begin(&b->blocks_x, bx + 1) - block.x;
    const int64_t end = c2_split_begin(&b->channel_blocks, bc + 1);
    for (int64_t c = c2_split_begin(&b->channel_blocks, bc); c < end; c++) {
        const char *image = (const char *)args->input.data +
                            (n * p->input_stride[0] + c * p->input_stride[1]) * s->element;
        if (!b->direct)
            c2_window_fill(&b->window, &block, image, p->input_stride + 1, 1, scratch);
        const char *pixels =
            b->direct ? image + block.y * p->input_stride[2] * s->element : scratch;
        for (int64_t j = 0; j < p->ocg; j++)
            output_channel(s, args, &block, pixels, n, c * p->ocg + j);
    }
}

static conv2d_status run(const c2_state *s, const c2_run_args *args)
{
    const blocking *b = &s->b;
    const int64_t n = args->problem->n * b->channel_blocks.n * b->blocks_y.n * b->blocks_x.n;
    return c2_cpu_parallel_runs(s, args, (size_t)n, run_task);
}

const c2_algorithm c2_algo_depthwise_px = {
    .name = "depthwise_px",
    .variants = variants,
    .variant_name = variant_name,
    .variant_isa = variant_isa,
    .supports = supports,
    .cost = cost,
    .bound = c2_strict_bound,
    .bound_text = c2_strict_bound_text,
    .memory = memory,
    .packing = c2_dw_filters_packing,
    .pack = c2_dw_filters_pack,
    .plan_create = plan_create,
    .plan_destroy = plan_destroy,
    .run = run,
};
