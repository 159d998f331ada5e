/* SPDX-License-Identifier: BSD-2-Clause
 * Helpers of the CPU's fast algorithms: common refusals, the strict bound, splits, and the last
 * step of a tile, which hands finished sums to the epilogue kernel in runs of equal strides. */
#include "cpu/driver.h"


#include "core/dtype.h"
#include "core/half.h"

c2_split c2_split_even(int64_t total, int64_t n_parts)
{
    return (c2_split){n_parts, total / n_parts, total % n_parts};
}

/* Coordinates of windows, and of lanes rounded up beyond them, are far from 63 bits. The reference
 * takes what is larger: few pixels of an expanded or far-flung input. */
static bool small_coordinates(const c2_problem *p, c2_why *why)
{
    const int64_t size[2] = {p->h, p->w};
    for (int a = 0; a < 2; a++) {
        const int64_t extent =
            size[a] + p->pad[a] + p->pad[a + 2]; /* fits: checked with the shape */
        if (c2_max(extent, c2_max(p->stride[a], p->dilation[a])) > INT32_MAX)
            return c2_refuse(why, "%s of %lld, stride %lld, dilation %lld: 2^31 - 1 at most",
                             a ? "padded columns" : "padded rows", (long long)extent,
                             (long long)p->stride[a], (long long)p->dilation[a]);
    }
    return true;
}

bool c2_driver_supports(const c2_kernel *kernel, const c2_problem *p, c2_why *why)
{
    if (!c2_cpu_kernel_of(kernel, p->input_dtype))
        return c2_refuse(why, "dtype %s: there is no such kernel %s", c2_dtype_name(p->input_dtype),
                         kernel->variant);
    if (p->padding_mode == CONV2D_PAD_ZEROS && !p->weights_finite && c2_problem_is_padded(p))
        return c2_refuse(why, "weights are not all finite: this algorithm multiplies padding by "
                              "them");
    return small_coordinates(p, why);
}

bool c2_scratch_fits(const c2_problem *p, size_t bytes, const char *what, c2_why *why)
{
    if (c2_scratch_workspace(bytes) > p->workspace_limit)
        return c2_refuse(why, "workspace_limit = %llu: %s need %zu bytes",
                         (unsigned long long)p->workspace_limit, what, bytes);
    return true;
}

double c2_strict_bound(const c2_problem *p, int variant)
{
    (void)variant;
    const double nu = ((double)c2_problem_k(p) + 2) * 0x1p-24;
    return nu < 1 ? nu / (1 - nu) : HUGE_VAL;
}

const char *c2_strict_bound_text(const c2_problem *p, int variant)
{
    (void)variant;
    return p->output_dtype == CONV2D_FLOAT32 ? "g(K+2) * s + (K+2) * 2^-149"
                                             : "g(K+2) * s + (K+2) * 2^-149, then rounded once";
}

bool c2_clamp_of(const c2_problem *p, float *low, float *high)
{
    const c2_post *post = c2_problem_activation(p);
    *low = -INFINITY;
    *high = INFINITY;
    switch (post ? post->activation : CONV2D_ACT_NONE) {
    case CONV2D_ACT_NONE:
        return true;
    case CONV2D_ACT_RELU6:
        *high = 6;
        *low = 0;
        return true;
    case CONV2D_ACT_RELU:
        *low = 0;
        return true;
    case CONV2D_ACT_CLAMP:
        *low = (float)post->min;
        *high = (float)post->max;
        return true;
    default:
        return false;
    }
}

c2_target c2_target_of(const c2_run_args *args, c2_epilogue_fn epilogue, int64_t n, int64_t oc0)
{
    const c2_problem *p = args->problem;
    const int64_t element = p->output_dtype == CONV2D_FLOAT32 ? 4 : 2;
    c2_target t = {.problem = p,
                   .epilogue = epilogue,
                   .dtype = p->output_dtype,
                   .element = element,
                   .activation = c2_problem_activation(p)};
    t.out =
        (char *)args->output.data + (n * p->output_stride[0] + oc0 * p->output_stride[1]) * element;
    if (p->has_residual)
        t.residual = (const char *)args->residual.data +
                     (n * p->residual_stride[0] + oc0 * p->residual_stride[1]) * element;
    if (p->has_bias)
        t.bias = (const char *)args->bias + oc0 * element;
    return t;
}

const float *c2_bias_of(const c2_run_args *args, int64_t oc, int64_t n, int64_t width, float *room)
{
    const c2_problem *p = args->problem;
    if (p->has_bias && p->bias_dtype == CONV2D_FLOAT32 && n == width)
        return (const float *)args->bias + oc;
    for (int64_t i = 0; i < width; i++)
        room[i] = p->has_bias && i < n ? c2_load_f32(args->bias, p->bias_dtype, oc + i) : -0.0f;
    return room;
}

/* The bias of n channels, `step` apart, as float32: in place, or in room. NULL without one. */
static const float *bias_of(const c2_target *t, int n, int64_t step, float *room)
{
    if (!t->bias || (t->dtype == CONV2D_FLOAT32 && step == 1))
        return (const float *)(const void *)t->bias;
    for (int i = 0; i < n; i++)
        room[i] = c2_load_f32(t->bias, t->dtype, i * step);
    return room;
}

/* Calls store(context, lane, count, out offset, residual offset) for each run of lanes whose pixels
 * lie in one output row, or for all at once if rows follow each other at the same stride. */
typedef struct run {
    int64_t lane, count;     /* from the tile's first lane */
    ptrdiff_t out, residual; /* offsets of its first pixel */
} run;

static bool rows_follow(const c2_problem *p, const c2_lanes *l)
{
    return l->pitch == p->ow && l->cols == p->ow && l->x == 0 &&
           p->output_stride[2] == p->ow * p->output_stride[3] &&
           (!p->has_residual || p->residual_stride[2] == p->ow * p->residual_stride[3]);
}

/* The run at or after lane *at; false if none is left. Moves *at behind it. */
static bool next_run(const c2_problem *p, const c2_lanes *l, bool follow, int64_t *at, run *r)
{
    if (follow) { /* the common case, without a division */
        if (*at >= l->count)
            return false;
        const int64_t first = l->y * l->pitch + l->first;
        *r = (run){0, l->count, first * p->output_stride[3], first * p->residual_stride[3]};
        *at = l->count;
        return true;
    }
    int64_t row = (l->first + *at) / l->pitch, col = (l->first + *at) % l->pitch;
    if (col >= l->cols) { /* lanes between two rows */
        *at += l->pitch - col;
        row++;
        col = 0;
    }
    if (*at >= l->count)
        return false;
    const int64_t left = l->count - *at;
    r->lane = *at;
    r->count = c2_min(left, l->cols - col);
    r->out = (l->y + row) * p->output_stride[2] + (l->x + col) * p->output_stride[3];
    r->residual = (l->y + row) * p->residual_stride[2] + (l->x + col) * p->residual_stride[3];
    *at += r->count;
    return true;
}

void c2_store_channel_rows(const c2_target *t, const float *acc, ptrdiff_t acc_stride, int channels,
                           const c2_lanes *lanes)
{
    const c2_problem *p = t->problem;
    const bool follow = rows_follow(p, lanes);
    float room[C2_MAX_TILE];
    const float *bias = bias_of(t, channels, 1, room);
    run r;
    for (int64_t at = 0; next_run(p, lanes, follow, &at, &r);) {
        const c2_epilogue_args args = {
            .acc = acc + r.lane,
            .acc_stride = acc_stride,
            .rows = channels,
            .cols = (int)r.count,
            .bias_row = bias,
            .residual = t->residual ? t->residual + r.residual * t->element : NULL,
            .residual_row_stride = p->residual_stride[1],
            .residual_col_stride = p->residual_stride[3],
            .out = t->out + r.out * t->element,
            .out_row_stride = p->output_stride[1],
            .out_col_stride = p->output_stride[3],
            .activation = t->activation,
        };
        t->epilogue(&args);
    }
}

void c2_store_pixel_rows(const c2_target *t, const float *acc, ptrdiff_t acc_stride, int channels,
                         int64_t channel_step, const c2_lanes *lanes)
{
    const c2_problem *p = t->problem;
    const bool follow = rows_follow(p, lanes);
    float room[C2_MAX_TILE];
    const float *bias = bias_of(t, channels, channel_step, room);
    run r;
    for (int64_t at = 0; next_run(p, lanes, follow, &at, &r);) {
        const c2_epilogue_args args = {
            .acc = acc + r.lane * acc_stride,
            .acc_stride = acc_stride,
            .rows = (int)r.count,
            .cols = channels,
            .bias_col = bias,
            .residual = t->residual ? t->residual + r.residual * t->element : NULL,
            .residual_row_stride = p->residual_stride[3],
            .residual_col_stride = p->residual_stride[1] * channel_step,
            .out = t->out + r.out * t->element,
            .out_row_stride = p->output_stride[3],
            .out_col_stride = p->output_stride[1] * channel_step,
            .activation = t->activation,
        };
        t->epilogue(&args);
    }
}

void c2_pixel_rows(const c2_target *t, const c2_lanes *lanes, float **rows)
{
    const c2_problem *p = t->problem;
    const bool follow = rows_follow(p, lanes);
    int64_t lane = 0;
    run r;
    for (int64_t at = 0; next_run(p, lanes, follow, &at, &r);) {
        for (; lane < r.lane; lane++)
            rows[lane] = NULL;
        float *out = (float *)(void *)t->out + r.out;
        for (; lane < r.lane + r.count; lane++, out += p->output_stride[3])
            rows[lane] = out;
    }
    for (; lane < lanes->count; lane++)
        rows[lane] = NULL;
}
