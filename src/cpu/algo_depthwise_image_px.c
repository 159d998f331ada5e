/* SPDX-License-Identifier: BSD-2-Clause
 * depthwise_image_px: one input channel a group, kernels 3x3, 5x5 or 7x7, stride 1, any dilation,
 * zeros as padding, rows of neighbouring pixels; lanes = pixels. Kernels read the image itself: no
 * window is filled, nothing is planned beyond the strips, and a call makes a strip of as many
 * channels as a task has. What the kernel cannot finish, other activations than clamps and outputs
 * whose columns do not follow each other, goes through the epilogue, one channel a call.
 * Pixels whose channels are dense are one channel of W*C columns, flat: taps are C columns apart
 * and weights take turns. No lane is lost there, whatever C is.
 * Error before activation: g(K+2) * s + (K+2) * 2^-149, K = KH * KW; taps by columns. */
#include <string.h>

#include "core/dtype.h"
#include "core/half.h"
#include "cpu/cost.h"
#include "cpu/depthwise.h"

enum {
    WANTED_TASKS = 16,
    MOST_LANES = 16,    /* of a vector of any instruction set */
    MOST_ROWS = 56,     /* of a strip, */
    MOST_FLOATS = 8192, /* whose part of an image stays in the L1 cache, but at least a tile each */
    MOST_CHANNELS = 1024, /* of a flat image, for a bias on the stack */
    ROW_FLOATS = 256,   /* distance of rows that share a sixteenth of that cache */
    SUMS_COLUMNS = 512, /* that a call makes where it leaves sums */
    SUMS_FLOATS = C2_STACK_BYTES / (int)sizeof(float)
};

typedef struct geometry {
    bool two_rows, finished; /* two image rows a vector; the kernel stores outputs */
    int64_t unit;            /* rows that strips are multiples of */
    c2_split strips;         /* of units */
    int64_t sums_pitch;      /* of a call's sums */
} geometry;

struct c2_state {
    c2_problem view; /* see view_of(): its columns are lanes */
    const c2_kernel *kernel;
    c2_dwimg_px_fn fn;
    c2_epilogue_fn epilogue;
    float low, high;
    int64_t element;
    int period; /* channels of a flat image, or 0 */
    geometry g;
    bool far; /* tensors are larger than L2 */
    c2_split blocks; /* of output channels; of a flat image's vectors */
};

static int variants(const conv2d_device *device)
{
    return c2_cpu_kernel_count(device, C2_FAMILY_DWIMG_PX);
}

static const char *variant_name(const conv2d_device *device, int variant)
{
    return c2_cpu_kernel(device, C2_FAMILY_DWIMG_PX, variant)->variant;
}

static const char *variant_isa(const conv2d_device *device, int variant)
{
    return c2_cpu_kernel(device, C2_FAMILY_DWIMG_PX, variant)->isa;
}

/* Rows of a narrow image that follow each other as those of the output do. */
static bool fits_two_rows(const c2_problem *p, const c2_kernel *k)
{
    return 2 * p->ow <= k->nr && p->oh > 1 && p->dilation[0] == 1 && p->input_stride[2] == p->ow &&
           p->output_stride[2] == p->ow && (!p->has_residual || p->residual_stride[2] == p->ow);
}

static bool is_dense(const c2_problem *p, const int64_t *stride, int64_t width)
{
    return stride[1] == 1 && (width == 1 || stride[3] == p->groups);
}

static bool is_flat(const c2_problem *p)
{
    float low, high;
    return p->groups > 1 && p->ocg == 1 && is_dense(p, p->input_stride, p->w) &&
           is_dense(p, p->output_stride, p->ow) &&
           (!p->has_residual || is_dense(p, p->residual_stride, p->ow)) &&
           c2_clamp_of(p, &low, &high);
}

/* The problem whose lanes are neighbouring columns: p, or that of the flat image. */
static c2_problem view_of(const c2_problem *p)
{
    c2_problem v = *p;
    if (!is_flat(p))
        return v;
    v.groups = v.ic = v.oc = 1;
    v.w *= p->groups;
    v.ow *= p->groups;
    v.dilation[1] *= p->groups;
    v.pad[1] *= p->groups;
    v.pad[3] *= p->groups;
    v.input_stride[3] = v.output_stride[3] = v.residual_stride[3] = 1;
    return v;
}

/* Of the view. Columns of a flat image are read again a pixel later. Lines from beyond L2 come in
 * time if they are those of few rows, each of which is a run. */
static int64_t strip_rows(const c2_kernel *k, const c2_problem *p, bool flat, bool far)
{
    if (!flat)
        return c2_min(MOST_ROWS, MOST_FLOATS / p->w);
    if (far)
        return k->mr;
    const int64_t reach = (p->kw - 1) * p->dilation[1] + k->nr;
    return c2_min(MOST_ROWS, MOST_FLOATS / reach - (p->kh - 1) * p->dilation[0]);
}

static geometry choose(const c2_kernel *k, const c2_problem *p, bool flat, bool far)
{
    float low, high;
    geometry g = {.finished = c2_clamp_of(p, &low, &high) && p->output_stride[3] == 1 &&
                              (!p->has_residual || p->residual_stride[3] == 1)};
    g.two_rows = g.finished && !flat && fits_two_rows(p, k);
    g.sums_pitch = c2_min(SUMS_COLUMNS, c2_div_up(p->ow, MOST_LANES) * MOST_LANES);
    /* A tile's rows that are a dilation apart, if that is known to be within the image. */
    g.unit = g.finished ? k->mr * c2_min(p->dilation[0], p->oh) : 1;
    const int64_t units = c2_div_up(p->oh, g.unit);
    const int64_t rows = g.finished ? strip_rows(k, p, flat, far) : SUMS_FLOATS / g.sums_pitch;
    const int64_t most = c2_max(1, rows / g.unit);
    g.strips = c2_split_even(units, c2_div_up(units, most));
    return g;
}

static bool supports(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    if (!c2_dw_supports(p, why))
        return false;
    if (p->kh != p->kw || (p->kw != 3 && p->kw != 5 && p->kw != 7))
        return c2_refuse(why, "kernel of %lld x %lld: 3 x 3, 5 x 5 or 7 x 7", (long long)p->kh,
                         (long long)p->kw);
    if (p->stride[0] != 1 || p->stride[1] != 1)
        return c2_refuse(why, "stride %lld x %lld: only 1 x 1", (long long)p->stride[0],
                         (long long)p->stride[1]);
    if (p->padding_mode != CONV2D_PAD_ZEROS && c2_problem_is_padded(p))
        return c2_refuse(why, "padding mode %d: only zeros", (int)p->padding_mode);
    const bool flat = is_flat(p);
    if (flat && (p->groups > MOST_CHANNELS || p->w > INT32_MAX / 2 / p->groups ||
                 p->ow > INT32_MAX / 2 / p->groups))
        return c2_refuse(why, "%lld columns of %lld channels: too many for a flat image",
                         (long long)p->w, (long long)p->groups);
    if (!flat && p->input_stride[3] != 1 && p->w > 1)
        return c2_refuse(why, "input column stride is %lld: lanes over pixels need 1",
                         (long long)p->input_stride[3]);
    return c2_driver_supports(c2_cpu_kernel(device, C2_FAMILY_DWIMG_PX, variant), p, why);
}

/* Seconds beside the products, measured on an EPYC at 3.7 GHz (Zen 4, November 2026): a vector's
 * stores and the ends of its columns of taps; the same of two rows; a part of a vector stored by
 * AVX2's instruction for it; a vector loaded lane by lane. */
static const double a_vector = 0.7e-9, a_double = 3.5e-9, a_part = 3.2e-9, by_lanes = 6e-9;

/* Of the parts of vectors that a channel's image has at its sides, where they are not for free. */
static double sides(const c2_kernel *k, const c2_problem *p)
{
    const bool avx2 = strcmp(k->isa, "avx2") == 0, one = p->input_dtype == CONV2D_FLOAT32;
    const bool follow = p->output_stride[2] == p->ow && p->dilation[0] == 1 && !p->has_residual;
    const double rows = (double)p->oh, most = (double)c2_min(2, c2_div_up(p->ow, k->nr));
    double seconds = 0;
    if (avx2 && one && p->ow % k->nr && !follow)
        seconds += rows * a_part;
    if (strcmp(k->isa, "avx512") != 0 && !(avx2 && one))
        seconds += rows * most * (double)p->kw * by_lanes * (1 + (double)p->kh / k->mr);
    return seconds;
}

/* Vectors that all_tiles() of body/dwimg_px.h makes where n are wanted. */
static double made(const c2_kernel *k, bool two_rows, int64_t n)
{
    static const int8_t tiles[] = {0, 1, 2, 4, 4, 7, 7, 7, 8, 9, 14, 14, 14, 14};
    const int64_t most = two_rows ? 7 : k->mr;
    return (double)(n / most * most + tiles[n % most]);
}

static double cost(const conv2d_device *device, const c2_problem *problem, int variant)
{
    const c2_kernel *k = c2_cpu_kernel(device, C2_FAMILY_DWIMG_PX, variant);
    const c2_speed *speed = c2_speed_of(device, k);
    const bool flat = is_flat(problem);
    const c2_problem view = view_of(problem), *p = &view;
    const geometry g = choose(k, p, flat, c2_tensor_bytes(problem) > speed->l2);
    const double down = made(k, g.two_rows, g.two_rows ? c2_div_up(p->oh, 2) : p->oh);
    const double vectors = g.two_rows ? down : down * (double)c2_div_up(p->ow, k->nr);
    const double taps = (double)p->kh * (double)p->kw;
    const double ends = g.two_rows ? a_double : a_vector;
    double channel = vectors * (k->nr * taps * speed->pixel_lanes / speed->fma_lanes + ends);
    if (flat)
        channel *= 1.2; /* weights are loads, and vectors lie across lines of a cache */
    if (!flat && p->w > MOST_FLOATS / k->mr)
        channel *= 2; /* rows of a tile drive each other out of the L1 cache, */
    else if (p->oh > 1 && p->input_stride[2] % ROW_FLOATS == 0)
        channel *= 1.3; /* and so do rows whose pixels fall to the same lines of it */
    const double calls = (double)g.strips.n * (double)c2_min(p->dilation[0], p->oh);
    const double store = g.finished ? 0 : c2_cost_epilogue(speed, p, 3);
    return (double)p->n * (double)p->oc *
               (channel + sides(k, p) + calls * 0.3 * speed->call) + store;
}

/* Floats of a tap in a flat image's weights, [tap][channel], whose first are repeated. */
static int64_t flat_pitch(const c2_problem *p)
{
    return p->groups + C2_DWIMG_REPEATED;
}

static c2_bytes memory(const conv2d_device *device, const c2_problem *p, int variant)
{
    (void)device;
    (void)variant;
    if (is_flat(p))
        return (c2_bytes){(size_t)(p->kh * p->kw * flat_pitch(p)) * sizeof(float), 0, 0};
    return (c2_bytes){c2_dw_filters_bytes(p), 0, 0};
}

static void packing(const conv2d_device *device, const c2_problem *p, int variant, c2_text *out)
{
    if (is_flat(p))
        c2_text_add(out, "flat1,r%d", C2_DWIMG_REPEATED);
    else
        c2_dw_filters_packing(device, p, variant, out);
}

static conv2d_status pack(conv2d_device *device, const c2_problem *p, int variant,
                          const c2_weight_view *view, conv2d_buffer *packed)
{
    if (!is_flat(p))
        return c2_dw_filters_pack(device, p, variant, view, packed);
    float *to = packed->host;
    for (int64_t tap = 0; tap < p->kh * p->kw; tap++)
        for (int64_t i = 0; i < flat_pitch(p); i++)
            *to++ = c2_load_f32(view->weight, p->weight_dtype,
                                i % p->groups * p->weight_stride[0] +
                                    tap / p->kw * p->weight_stride[2] +
                                    tap % p->kw * p->weight_stride[3]);
    return CONV2D_OK;
}

static void plan_destroy(conv2d_device *device, c2_state *s)
{
    c2_free(&device->allocator, s, s ? sizeof *s : 0);
}

static conv2d_status plan_create(conv2d_device *device, const c2_problem *p, int variant,
                                 c2_state **state_out)
{
    c2_state *s = c2_alloc_zero(&device->allocator, sizeof *s);
    if (!s)
        return c2_fail(CONV2D_E_NOMEM, "no memory for a plan's state");
    s->kernel = c2_cpu_kernel(device, C2_FAMILY_DWIMG_PX, variant);
    s->fn = (c2_dwimg_px_fn)c2_cpu_kernel_of(s->kernel, p->input_dtype)->fn;
    s->epilogue = c2_cpu_epilogue(s->kernel, p->output_dtype);
    s->element = (int64_t)c2_dtype_bytes(p->input_dtype);
    c2_clamp_of(p, &s->low, &s->high);
    const bool flat = is_flat(p);
    s->view = view_of(p);
    s->far = c2_beyond_l2(device, c2_tensor_bytes(p));
    s->g = choose(s->kernel, &s->view, flat, s->far);
    s->period = flat ? (int)p->groups : 0;
    const int64_t parts = c2_div_up(WANTED_TASKS, c2_min(WANTED_TASKS, s->g.strips.n));
    const int64_t all = flat ? c2_div_up(s->view.ow, s->kernel->nr) : p->oc;
    s->blocks = c2_split_even(all, c2_min(parts, all));
    *state_out = s;
    return CONV2D_OK;
}

/* What a task does: a strip of output rows of some channels of one image. */
typedef struct task {
    const c2_state *state;
    const c2_run_args *args;
    int64_t n, y, rows;
    const char *bias; /* of a flat image */
    c2_dwimg_px_args kernel;
} task;

/* A call for output rows y, y + dilation, ... of the strip and columns from x on: of `channels`
 * output channels from oc on. */
static void call(task *t, int64_t oc, int64_t channels, int64_t first, int64_t x, int64_t cols)
{
    const c2_state *s = t->state;
    const c2_problem *p = &s->view;
    const c2_target target = c2_target_of(t->args, s->epilogue, t->n, oc);
    const int64_t every = p->dilation[0], y = t->y + first, top = y - p->pad[0];
    c2_dwimg_px_args *a = &t->kernel;
    a->rows = (int)c2_div_up(t->rows - first, every);
    a->cols = (int)cols;
    a->channels = (int)channels;
    const int64_t all = a->rows + p->kh - 1; /* input rows, of which those of the image: */
    const int64_t begin = top < 0 ? c2_div_up(-top, every) : 0;
    const int64_t end = c2_min(all, top < p->h ? (p->h - 1 - top) / every + 1 : 0);
    const int64_t row = begin < end ? top + begin * every : 0;
    a->row_begin = begin < end ? (int)begin : 0;
    a->row_end = begin < end ? (int)end : 0;
    a->image = (const char *)t->args->input.data +
               (t->n * p->input_stride[0] + oc / p->ocg * p->input_stride[1] +
                row * p->input_stride[2]) *
                   s->element;
    a->left = (ptrdiff_t)(x - p->pad[1]);
    a->weight = (const float *)t->args->packed->host + oc * p->kh * p->kw;
    a->bias = s->period && target.bias ? t->bias : target.bias;
    a->out = target.out + (y * p->output_stride[2] + x) * s->element;
    a->residual =
        target.residual ? target.residual + (y * p->residual_stride[2] + x) * s->element : NULL;
    s->fn(a);
}

/* Outputs of one channel by way of sums, which the epilogue finishes. */
static void by_sums(task *t, int64_t oc, float *sums)
{
    const c2_problem *p = t->args->problem;
    const c2_target target = c2_target_of(t->args, t->state->epilogue, t->n, oc);
    const int64_t pitch = t->state->g.sums_pitch, every = p->dilation[0];
    for (int64_t x = 0; x < p->ow; x += pitch) {
        const int64_t cols = c2_min(pitch, p->ow - x);
        for (int64_t first = 0; first < c2_min(every, t->rows); first++) {
            t->kernel.sums = sums + first * pitch;
            call(t, oc, 1, first, x, cols);
        }
        const c2_lanes lanes = {0, (t->rows - 1) * pitch + cols, pitch, cols, t->y, x};
        c2_store_channel_rows(&target, sums, pitch, 1, &lanes);
    }
}

/* As many output channels a call as have equally distant images: all, or with a multiplier those of
 * a group. With a dilation, whose rows are read in several calls, no more than stay in a cache. */
static void channels(task *t, int64_t begin, int64_t end)
{
    const c2_problem *p = t->args->problem;
    const int64_t every = c2_min(p->dilation[0], t->rows);
    const int64_t most = every == 1 ? end - begin : c2_max(1, MOST_FLOATS / 2 / (t->rows * p->w));
    for (int64_t oc = begin, n; oc < end; oc += n) {
        n = c2_min(most, (p->ocg > 1 ? c2_min(end, (oc / p->ocg + 1) * p->ocg) : end) - oc);
        /* The next one's pixels; those of small images come in time by themselves. */
        if (p->ow > t->state->kernel->nr)
            t->kernel.fetch = (every > 1 ? n : 1) * t->kernel.image_channel;
        if (t->state->far)
            t->kernel.fetch_out = (every > 1 ? n : 1) * t->kernel.out_channel;
        for (int64_t first = 0; first < every; first++)
            call(t, oc, n, first, 0, p->ow);
    }
}

/* Columns of a flat image, from vector begin to end. */
static void columns(task *t, int64_t begin, int64_t end)
{
    const c2_state *s = t->state;
    const int64_t x = begin * s->kernel->nr, every = c2_min(s->view.dilation[0], t->rows);
    const int64_t cols = c2_min(end * s->kernel->nr, s->view.ow) - x;
    t->kernel.period = s->period;
    t->kernel.first = (int)(x % s->period);
    for (int64_t first = 0; first < every; first++)
        call(t, 0, 1, first, x, cols);
}

/* As many elements of the bias as a flat image has weights of a tap. */
static void repeat_bias(const c2_run_args *args, int64_t element, char *to)
{
    const int64_t whole = args->problem->groups * element;
    for (int64_t at = 0; at < whole + C2_DWIMG_REPEATED * element; at += element)
        memcpy(to + at, (const char *)args->bias + at % whole, (size_t)element);
}

static void run_task(const c2_state *s, const c2_run_args *args, size_t index, int worker)
{
    const c2_problem *p = &s->view;
    const geometry *g = &s->g;
    const int64_t i = (int64_t)index, strip = i % g->strips.n, every = p->dilation[0];
    const int64_t block = i / g->strips.n % s->blocks.n;
    const int64_t begin = c2_split_begin(&s->blocks, block);
    const int64_t end = c2_split_begin(&s->blocks, block + 1);
    task t = {.state = s, .args = args, .n = i / g->strips.n / s->blocks.n};
    (void)worker;
    t.y = c2_split_begin(&g->strips, strip) * g->unit;
    t.rows = c2_min(p->oh, c2_split_begin(&g->strips, strip + 1) * g->unit) - t.y;
    t.kernel = (c2_dwimg_px_args){.image_row = p->h > 1 ? p->input_stride[2] * every : 0,
                                  .image_channel = p->ocg > 1 ? 0 : p->input_stride[1],
                                  .width = p->w,
                                  .k = (int)p->kw,
                                  .dilation = p->dilation[1],
                                  .two_rows = g->two_rows,
                                  .low = s->low,
                                  .high = s->high,
                                  .residual_row = p->oh > 1 ? p->residual_stride[2] * every : 0,
                                  .residual_channel = p->residual_stride[1],
                                  .out_row = p->oh > 1 ? p->output_stride[2] * every : 0,
                                  .out_channel = p->output_stride[1],
                                  .sums_pitch = g->sums_pitch * every};
    if (s->period) {
        _Alignas(64) char bias[(MOST_CHANNELS + C2_DWIMG_REPEATED) * sizeof(float)];
        if (p->has_bias)
            repeat_bias(args, s->element, bias);
        t.bias = bias;
        columns(&t, begin, end);
        return;
    }
    if (g->finished) {
        channels(&t, begin, end);
        return;
    }
    _Alignas(64) float sums[SUMS_FLOATS];
    for (int64_t oc = begin; oc < end; oc++)
        by_sums(&t, oc, sums);
}

static conv2d_status run(const c2_state *s, const c2_run_args *args)
{
    const int64_t n = args->problem->n * s->g.strips.n * s->blocks.n;
    return c2_cpu_parallel_runs(s, args, (size_t)n, run_task);
}

const c2_algorithm c2_algo_depthwise_image_px = {
    .name = "depthwise_image_px",
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
