/* SPDX-License-Identifier: BSD-2-Clause
 * separable: one input channel a group, filters that are a column times a row (core/factor.h);
 * lanes = pixels, any strides, dilations and padding mode. The column goes first, over the image in
 * place, into a few rows that stay in the cache; the row makes outputs of these. Not in STRICT:
 * sums of a column may overflow where those of all products do not. Boxes are sums only; on Zen 4
 * they are no faster than products up to 9 rows, twice as fast at 31 (bench/models/pictures.txt).
 * Error before activation: g(min(KH+KW+10, K+2)) * s + (K+2) * 2^-149 (docs/numerics.md). */
#include <math.h>

#include "core/dtype.h"
#include "core/factor.h"
#include "cpu/cost.h"
#include "cpu/depthwise.h"
#include "cpu/separable.h"

enum { WANTED_TASKS = 16, WANTED_LANES = 2048, MOST_COPIED_ROWS = 128 };

/* A worker's scratch, at most: half of a common L2 cache. */
static const double scratch_bytes = 512 << 10;

static const c2_kernel *kernel_of(const conv2d_device *device, int variant)
{
    return c2_cpu_kernel(device, C2_FAMILY_DIRECT_ROWS, variant);
}

static int variants(const conv2d_device *device)
{
    return c2_cpu_kernel_count(device, C2_FAMILY_DIRECT_ROWS);
}

static const char *variant_name(const conv2d_device *device, int variant)
{
    return kernel_of(device, variant)->variant;
}

static const char *variant_isa(const conv2d_device *device, int variant)
{
    return kernel_of(device, variant)->isa;
}

/* Neighbouring pixels of a plane are neighbours in memory. */
static bool is_dense(const int64_t stride[4], int64_t channels, int64_t cols)
{
    return (channels == 1 || stride[1] == 1) && (cols == 1 || stride[3] == channels);
}

static c2_separable_store choose_store(const c2_problem *p, const c2_separable_plan *d)
{
    float low, high;
    const bool dense = is_dense(p->output_stride, d->channels, p->ow);
    const bool kernel = p->output_dtype == CONV2D_FLOAT32 && c2_clamp_of(p, &low, &high) &&
                        !p->has_residual && !(d->flat && p->has_bias);
    if (dense && kernel)
        return C2_SEPARABLE_RESULTS;
    if (!d->flat)
        return C2_SEPARABLE_CHANNEL;
    return dense && (!p->has_residual || is_dense(p->residual_stride, d->channels, p->ow))
               ? C2_SEPARABLE_DENSE
               : C2_SEPARABLE_PIXELS;
}

/* Floats from one row to the next: an odd number of cache lines, so that rows spread over the sets
 * of the L1 cache. */
static int64_t row_pitch(int64_t lanes) { return c2_div_up(lanes, 32) * 32 + 16; }

/* How often 2 goes into n one after the other. */
static int64_t doublings(int64_t n)
{
    int64_t i = 0;
    while (n > 1) {
        n /= 2;
        i++;
    }
    return i;
}

/* Tiles of rows x cols outputs: false if their scratch exceeds the budget. */
static bool try_tile(const c2_problem *p, double budget, int64_t rows, int64_t cols,
                     c2_separable_plan *d)
{
    const int64_t mr = d->rows, reach = (p->kw - 1) * p->dilation[1];
    const int64_t in_rows = c2_rows_under(p, rows);
    d->phases = d->copied ? c2_min(p->stride[1], reach + 1) : 1;
    d->lanes_x = d->copied ? cols + reach / p->stride[1] : cols + reach;
    const double lanes = (double)d->phases * (double)d->lanes_x * (double)d->channels;
    const double offsets = (double)(mr - 1) * (double)d->step + (double)p->kh;
    if (lanes * 4 * (double)mr > budget || offsets * sizeof(ptrdiff_t) > budget ||
        (d->copied && lanes * 4 * (double)in_rows > budget))
        return false;
    d->mid_pitch = row_pitch((int64_t)lanes);
    d->sums_pitch = d->store == C2_SEPARABLE_RESULTS ? 0 : row_pitch(cols * d->channels);
    const bool spread = d->store == C2_SEPARABLE_DENSE && p->has_bias;
    const int64_t floats[] = {d->copied ? in_rows * d->mid_pitch : 0, mr * d->mid_pitch,
                              mr * d->sums_pitch, spread ? cols * d->channels : 0,
                              d->box ? doublings(p->kw) * d->mid_pitch : 0};
    size_t *const bytes[] = {&d->copy_bytes, &d->mid_bytes, &d->sums_bytes, &d->bias_bytes,
                             &d->room_bytes};
    /* Of offsets, and of pointers. */
    d->rows_bytes = 2 * c2_round_up((size_t)offsets * sizeof(ptrdiff_t), C2_ALIGN);
    d->scratch_bytes = d->rows_bytes;
    for (int i = 0; i < 5; i++) {
        *bytes[i] = c2_round_up((size_t)floats[i] * sizeof(float), C2_ALIGN);
        d->scratch_bytes += *bytes[i];
    }
    return (double)d->scratch_bytes <= budget;
}

/* The widest tiles that fit, up to what is wanted; copied input also limits their height. */
static bool choose_tiles(const c2_problem *p, double budget, c2_separable_plan *d)
{
    const int64_t halo = (p->kw - 1) * p->dilation[1] * d->channels;
    const int64_t wanted = c2_max(WANTED_LANES, 4 * halo);
    const int64_t unit = d->rows * d->row_distance;
    d->row_unit = d->box ? unit : 1;
    for (int64_t parts = 1;; parts *= 2) {
        parts = c2_min(parts, p->ow);
        const int64_t cols = c2_div_up(p->ow, parts);
        int64_t rows = c2_min(p->oh, d->copied ? MOST_COPIED_ROWS : INT64_MAX);
        if (cols * d->channels <= wanted || parts == p->ow) {
            while (!try_tile(p, budget, rows, cols, d) && d->copied && rows > 1)
                rows = c2_div_up(rows, 2);
            if (try_tile(p, budget, rows, cols, d)) {
                d->tiles_x = c2_split_even(p->ow, parts);
                const int64_t planes = d->flat ? 1 : p->groups;
                const int64_t more = c2_min(c2_div_up(WANTED_TASKS, parts * planes),
                                            c2_div_up(p->oh, 2 * unit));
                d->tiles_y = c2_split_even(c2_div_up(p->oh, d->row_unit),
                                           c2_max(c2_div_up(p->oh, rows), more));
                return true;
            }
        }
        if (parts == p->ow)
            return false;
    }
}

/* Seconds of one image. A product of the column is a load and mr products less than one of the
 * row, whose pixels are loaded for each product, most of them from two cache lines. */
static double seconds_of(const conv2d_device *device, const c2_problem *p,
                         const c2_separable_plan *d)
{
    const c2_speed *speed = c2_speed_of(device, d->kernel);
    const double mr = (double)d->rows, kh = (double)p->kh, kw = (double)p->kw;
    const double planes = d->flat ? 1 : (double)p->groups, filters = d->flat ? 1 : (double)p->oc;
    const double tiles = (double)d->tiles_x.n, oh = (double)p->oh;
    const double mid = oh * tiles * (double)d->phases * (double)d->lanes_x * (double)d->channels;
    const double out = oh * (double)p->ow * (double)d->channels;
    const double loads = (mr + (kh - 1) / (double)d->step) / (mr * kh);
    const double down = mid * kh * (1 + 2 * loads) / speed->fma_lanes;
    const double across = out * (kw + 1) / (2 * speed->load_lanes) + mid * 2 * speed->store;
    if (d->box) /* loads, additions and stores at about the speed of products */
        return filters * (mid * ((kh + mr) / mr + 3) + out * (4 * (double)doublings(p->kw) + 2)) /
                   speed->fma_lanes +
               filters * mid * 2 * speed->store + filters * tiles * oh * speed->call;
    const double calls = filters * tiles * ceil(oh / mr) * 3 * speed->call;
    const double in = (double)d->tiles_y.n * tiles * (double)d->copy_bytes / 4;
    const bool gathered = p->input_stride[3] != 1 || p->stride[1] != 1;
    const double copied = planes * in * (gathered ? speed->gather : speed->copy);
    return filters * (down + across) + calls + copied;
}

bool c2_separable_plan_make(const conv2d_device *device, const c2_problem *p,
                            const c2_kernel *kernel, c2_separable_plan *plan_out)
{
    c2_separable_plan d = {.kernel = kernel};
    const int64_t g = c2_gcd(p->stride[0], p->dilation[0]);
    d.row_distance = p->dilation[0] / g;
    d.step = p->stride[0] / g;
    d.flat = p->weights_form >= CONV2D_WEIGHTS_ALIKE && p->ocg == 1 && p->ic > 1 &&
             p->ic <= C2_MAX_TILE && p->stride[1] == 1 && is_dense(p->input_stride, p->ic, p->w);
    d.channels = d.flat ? p->ic : 1;
    d.copied = !d.flat && (p->stride[1] != 1 || !is_dense(p->input_stride, 1, p->w));
    /* Sums of pixels alone may be denormals that weights would have made larger. */
    d.box = p->weights_form == CONV2D_WEIGHTS_BOX && p->kh >= C2_BOX_ROWS && d.step == 1 &&
            !d.copied && p->input_dtype == CONV2D_FLOAT32 && !p->flush_denormals;
    d.rows = d.box ? C2_BOX_ROWS : kernel->mr;
    d.store = choose_store(p, &d);
    const double budget =
        fmax((double)C2_STACK_BYTES, fmin((double)p->workspace_limit, scratch_bytes));
    if (!choose_tiles(p, budget, &d))
        return false;
    d.seconds = seconds_of(device, p, &d);
    *plan_out = d;
    return true;
}

static bool supports(const conv2d_device *device, const c2_problem *p, int variant, c2_why *why)
{
    c2_separable_plan plan;
    if (p->accuracy == CONV2D_ACCURACY_STRICT)
        return c2_refuse(why, "accuracy = strict: sums of a column may overflow by themselves");
    if (!c2_dw_supports(p, why))
        return false;
    if (p->kh < 2 || p->kw < 2)
        return c2_refuse(why, "kernel %lld x %lld: one row or column is its own factor",
                         (long long)p->kh, (long long)p->kw);
    if (p->weights_form == CONV2D_WEIGHTS_ANY)
        return c2_refuse(why, "the weights of a filter are not a column times a row");
    if (!c2_driver_supports(kernel_of(device, variant), p, why))
        return false;
    return c2_separable_plan_make(device, p, kernel_of(device, variant), &plan) ||
           c2_refuse(why, "workspace_limit = %llu: the rows of one pixel do not fit",
                     (unsigned long long)p->workspace_limit);
}

static double cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    const c2_kernel *k = kernel_of(device, variant);
    c2_separable_plan d;
    if (!c2_separable_plan_make(device, p, k, &d))
        return HUGE_VAL;
    const c2_speed *speed = c2_speed_of(device, k);
    const double outputs = (double)p->n * (double)p->oc * (double)p->oh * (double)p->ow;
    double stored = outputs * speed->store; /* C2_SEPARABLE_DENSE */
    if (d.store == C2_SEPARABLE_RESULTS)
        stored = 0;
    else if (d.store == C2_SEPARABLE_PIXELS || p->output_stride[3] != 1)
        stored = outputs * speed->scatter; /* few lanes, or one by one */
    else if (d.store == C2_SEPARABLE_CHANNEL)
        stored = c2_cost_epilogue(speed, p, 3);
    return (double)p->n * d.seconds + stored;
}

static double bound(const c2_problem *p, int variant)
{
    (void)variant;
    const double n = (double)c2_min(p->kh + p->kw + 10, p->kh * p->kw + 2);
    return n * 0x1p-24 / (1 - n * 0x1p-24);
}

static const char *bound_text(const c2_problem *p, int variant)
{
    (void)variant;
    return p->output_dtype == CONV2D_FLOAT32
               ? "g(min(KH+KW+10, K+2)) * s + (K+2) * 2^-149"
               : "g(min(KH+KW+10, K+2)) * s + (K+2) * 2^-149, then rounded once";
}

static c2_bytes memory(const conv2d_device *device, const c2_problem *p, int variant)
{
    c2_separable_plan d;
    size_t packed;
    if (!c2_separable_plan_make(device, p, kernel_of(device, variant), &d))
        d.scratch_bytes = 0;
    if (!c2_size_mul_ok((size_t)p->oc, (size_t)c2_separable_packed(p) * sizeof(float), &packed))
        packed = SIZE_MAX;
    return (c2_bytes){packed, 0, c2_scratch_workspace(d.scratch_bytes)};
}

static void packing(const conv2d_device *device, const c2_problem *p, int variant, c2_text *out)
{
    (void)device;
    (void)p;
    (void)variant;
    c2_text_add(out, "v1"); /* one filter after the other, whatever the problem */
}

static conv2d_status pack(conv2d_device *device, const c2_problem *p, int variant,
                          const c2_weight_view *view, conv2d_buffer *packed)
{
    (void)device;
    (void)variant;
    float *to = packed->host;
    const int64_t element = (int64_t)c2_dtype_bytes(p->weight_dtype);
    for (int64_t o = 0; o < p->oc; o++) {
        const c2_filter filter = {(const char *)view->weight + o * p->weight_stride[0] * element,
                                  p->weight_dtype,
                                  p->kh,
                                  p->kw,
                                  {p->weight_stride[2], p->weight_stride[3]}};
        c2_factors f;
        if (!c2_factor(&filter, &f)) /* a file may say what is not so */
            return c2_fail(CONV2D_E_STATE, "filter %lld is not a column times a row",
                           (long long)o);
        for (int64_t y = 0; y < p->kh; y++)
            *to++ = c2_factor_column(&f, y);
        for (int64_t x = 0; x < p->kw; x++)
            *to++ = c2_factor_row(&f, x);
    }
    return CONV2D_OK;
}

static conv2d_status plan_create(conv2d_device *device, const c2_problem *p, int variant,
                                 c2_state **state_out)
{
    c2_separable_plan plan;
    c2_separable_plan_make(device, p, kernel_of(device, variant), &plan); /* as supports() saw */
    return c2_separable_create(device, p, &plan, state_out);
}

const c2_algorithm c2_algo_separable = {
    .name = "separable",
    .variants = variants,
    .variant_name = variant_name,
    .variant_isa = variant_isa,
    .supports = supports,
    .cost = cost,
    .bound = bound,
    .bound_text = bound_text,
    .memory = memory,
    .packing = packing,
    .pack = pack,
    .plan_create = plan_create,
    .plan_destroy = c2_separable_destroy,
    .run = c2_separable_run,
};
