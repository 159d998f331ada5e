/* SPDX-License-Identifier: BSD-2-Clause
 * Blocking and cost of the strip driver: as many output rows as a strip in the L2 cache, or
 * workspace_limit, has room for. */
#include "cpu/cost.h"
#include "cpu/strip.h"

/* Bytes of a strip at most. */
static const double strip_bytes = 1 << 19;
/* On a Granite Rapids VM, November 2026. What registers take whose pixels lie in rows, in those of
 * the table, and in windows, where two neighbours share fewer lines; seconds a call of the kernel
 * takes beside its steps. */
static const double from_rows = 0.82, from_windows = 0.9, call_seconds = 0.03e-6;
/* Seconds a float takes to be cut, to be copied before it, and more where L2 does not keep the
 * input; an output more where it does not keep these. */
static const double cut_float = 0.18e-9, copied_float = 0.13e-9, far_input = 0.15e-9;
static const double far_output = 0.15e-9;
/* Times as long products take where L2 does not keep a strip: a row longer than its share. */
static const double long_strip = 1.25;
/* Seconds to move a chunk to its pixel, whose line is in L2. */
static const double chunk_seconds = 1.2e-9;

static int64_t whole_runs(int64_t halves)
{
    return c2_div_up(halves, C2_STRIP_RUN) * C2_STRIP_RUN;
}

/* The strip's pixels and rows. */
static void set_strip(const c2_problem *p, c2_strip_plan *plan)
{
    const int64_t end = (p->ow - 1) * p->stride[1] - p->pad[1] + (p->kw - 1) * p->dilation[1] + 1;
    const int64_t before = p->pad[1] * plan->pixel, after = c2_max(p->w, end) * plan->pixel;
    plan->left = before;
    plan->pitch = before + after;
    plan->fresh = p->kh;
    if (!c2_strip_windows(plan)) {
        plan->left = whole_runs(before);
        plan->pitch = plan->left + whole_runs(after);
        plan->advance = p->stride[0] * plan->pitch;
    } else if (p->stride[0] % p->dilation[0] == 0 && p->stride[0] / p->dilation[0] < p->kh) {
        plan->fresh = p->stride[0] / p->dilation[0];
        plan->advance = plan->fresh * p->icg;
    }
}

/* What registers read beyond the last row: pixels that the last half lacks, and a step's end. */
static int64_t slack(const c2_problem *p, const c2_strip_plan *plan)
{
    return C2_STRIP_PIXELS * p->stride[1] * plan->pixel + 2 * C2_STRIP_RUN;
}

size_t c2_strip_part_bytes(const c2_problem *p, const c2_strip_plan *plan, int64_t rows)
{
    const int64_t first = c2_strip_windows(plan) ? 1 : c2_rows_under(p, 1);
    const int64_t halves = first * plan->pitch + (rows - 1) * plan->advance + slack(p, plan);
    return c2_round_up((size_t)halves * sizeof(uint16_t), C2_ALIGN);
}

/* Output rows of a block: as many as a strip of `room` bytes has; of windows as many as move it by
 * no more than its length. 0 if it has none. */
static int64_t rows_that_fit(const c2_problem *p, const c2_strip_plan *plan, double room)
{
    const double halves = room / (plan->words.parts * (double)sizeof(uint16_t)) - (double)C2_ALIGN;
    const double left = halves - (double)c2_strip_part_bytes(p, plan, 1) / sizeof(uint16_t);
    if (left < 0)
        return 0;
    if (plan->advance == 0)
        return p->oh;
    const double most = c2_strip_windows(plan) ? fmin(left, (double)plan->pitch) : left;
    return (int64_t)fmin(floor(most / (double)plan->advance) + 1, (double)p->oh);
}

/* Where all that a worker needs lies in its scratch, for blocks of so many rows. */
static void set_scratch(const c2_problem *p, const c2_kernel *k, int64_t rows, c2_strip_plan *plan)
{
    const size_t parts = (size_t)plan->words.parts;
    const size_t line = plan->dense ? 0 : (size_t)(p->w * p->icg) * sizeof(float);
    const size_t fresh = c2_strip_windows(plan) ? (size_t)plan->fresh : 1;
    plan->part_bytes = c2_strip_part_bytes(p, plan, rows);
    plan->sums_at = parts * plan->part_bytes;
    plan->copy_at = plan->sums_at +
                    sizeof(float) * C2_STRIP_HALVES * C2_STRIP_PIXELS * (size_t)k->nr;
    plan->line_at = plan->copy_at + (size_t)k->mr * parts * C2_STRIP_RUN * sizeof(uint16_t);
    plan->cut_at = plan->line_at + c2_round_up(fresh * line, C2_ALIGN);
    plan->cut_bytes = c2_strip_windows(plan)
                          ? (size_t)whole_runs((int64_t)fresh * p->w * p->icg) * sizeof(uint16_t)
                          : 0;
    plan->scratch_bytes = c2_round_up(plan->cut_at + parts * plan->cut_bytes, C2_ALIGN);
}

/* To cut and to copy the floats of an image's strips, one for each block. */
static double fill_seconds(const c2_problem *p, const c2_strip_plan *plan, int64_t n_blocks)
{
    const double blocks = (double)n_blocks, taps = (double)p->kh;
    const int64_t rows = c2_div_up(p->oh, n_blocks);
    const double row = (double)plan->pitch / (double)plan->pixel * (double)p->icg;
    if (!c2_strip_windows(plan))
        return blocks * (double)c2_rows_under(p, rows) * row *
               (cut_float + (plan->dense ? 0 : copied_float));
    const double fresh = taps + (double)(rows - 1) * (double)plan->fresh;
    const double chunks = blocks * fresh / (double)plan->fresh * row / (double)p->icg;
    return blocks * fresh * row * (cut_float + copied_float) +
           chunks * plan->words.parts * chunk_seconds;
}

static c2_share_cost cost_of(const c2_speed *speed, const c2_problem *p,
                             const c2_strip_plan *plan, double weights)
{
    const double oc_tiles = (double)plan->pack.tiles.n;
    const double input = (double)p->h * (double)p->w * (double)p->icg;
    const double a_product = (double)(C2_STRIP_PIXELS * C2_STRIP_PIXELS * C2_STRIP_RUN / 2);
    const double halves = (double)p->oh * (double)c2_div_up(p->ow, C2_STRIP_PIXELS);
    const double lanes = (double)c2_div_up(p->ocg, C2_STRIP_PIXELS);
    const double products = halves * lanes * (double)plan->steps *
                            c2_words_products(&plan->words) * a_product / speed->fma_lanes;
    const double outputs = (double)p->oh * (double)p->ow * (double)p->oc;
    const double steps = (c2_strip_windows(plan) ? from_windows : from_rows) *
                         ((double)plan->sums_at > 2 * strip_bytes ? long_strip : 1);
    const bool beyond_l2 = c2_panel_beyond_l2(outputs * sizeof(float));
    c2_share_cost cost = {steps * products + halves / 2 * oc_tiles * call_seconds +
                              (beyond_l2 ? outputs * far_output : 0),
                          fill_seconds(p, plan, 1), 0, weights, 1};
    const int64_t n = c2_min(p->oh, c2_max(2, plan->row_blocks.n));
    cost.again = n > 1 ? fmax(0, fill_seconds(p, plan, n) - cost.prepare) / (double)(n - 1) : 0;
    cost.prepare += c2_panel_beyond_l2(input * sizeof(float)) ? input * far_input : 0;
    if (c2_strip_windows(plan)) { /* each row reads them */
        cost.multiply += c2_panel_weight_seconds(weights, 1, (double)p->oh);
        cost.weights = 0;
    }
    return cost;
}

static double seconds(const c2_strip_plan *plan)
{
    const c2_share_cost *cost = &plan->cost;
    const double blocks = (double)plan->row_blocks.n;
    return cost->multiply + cost->prepare + cost->again * (blocks - 1) +
           c2_panel_weight_seconds(cost->weights, 1, blocks);
}

/* Whether a row of the image is one of pixels that follow each other. */
static bool is_dense(const c2_problem *p)
{
    return (p->input_stride[1] == 1 || p->icg == 1) && (p->input_stride[3] == p->icg || p->w == 1);
}

static c2_strip_plan plan_of(const conv2d_device *device, const c2_kernel *k, const c2_problem *p,
                             c2_merge merge)
{
    c2_strip_plan plan = {.words = c2_words_of(k, p), .dense = is_dense(p)};
    plan.words.merge = merge;
    plan.dense &= merge != C2_MERGE_WINDOW;
    plan.pixel = p->kh / c2_words_rows(p, &plan.words) * p->icg;
    plan.run = p->kw / c2_words_row(p, &plan.words) * plan.pixel;
    plan.steps_a_run = c2_div_up(plan.run, C2_STRIP_RUN);
    plan.words.tap = plan.steps_a_run * (C2_STRIP_RUN / 2);
    plan.steps = c2_words_rows(p, &plan.words) * c2_words_row(p, &plan.words) * plan.steps_a_run;
    const int64_t k_all = plan.steps * (C2_STRIP_RUN / 2);
    plan.pack = (c2_pack_shape){{c2_div_up(p->ocg, k->nr), k->nr, 0}, k->nr, k_all, k_all};
    set_strip(p, &plan);
    const double weights = c2_panel_weight_bytes(&plan.words, &plan.pack, plan.steps);
    plan.far = c2_cost_in_memory(weights);
    set_scratch(p, k, 1, &plan);
    const double rest = (double)plan.scratch_bytes - (double)plan.sums_at;
    const double limit = fmax(C2_STACK_BYTES, (double)p->workspace_limit) - rest;
    const int64_t fit = c2_max(rows_that_fit(p, &plan, fmin(limit, strip_bytes)),
                               rows_that_fit(p, &plan, limit) > 0);
    plan.row_blocks = c2_split_even(p->oh, c2_div_up(p->oh, c2_max(1, fit)));
    set_scratch(p, k, c2_div_up(p->oh, plan.row_blocks.n), &plan);
    plan.cost = cost_of(c2_speed_of(device, k), p, &plan, weights);
    plan.seconds = fit > 0 ? seconds(&plan) : HUGE_VAL;
    return plan;
}

/* Whether the taps of a kernel row lie side by side. */
static bool neighbours(const c2_problem *p) { return p->kw == 1 || p->dilation[1] == 1; }

int64_t c2_strip_channels(const c2_problem *p)
{
    return neighbours(p) ? p->kh * p->kw * p->icg : p->icg;
}

c2_strip_plan c2_strip_plan_make(const conv2d_device *device, const c2_kernel *k,
                                 const c2_problem *p)
{
    const c2_merge merge = p->kw > 1 && neighbours(p) ? C2_MERGE_ROW : C2_MERGE_NONE;
    const c2_strip_plan rows = plan_of(device, k, p, merge);
    if (p->kh == 1 || !neighbours(p))
        return rows;
    const c2_strip_plan windows = plan_of(device, k, p, C2_MERGE_WINDOW);
    return windows.seconds < rows.seconds ? windows : rows;
}

double c2_strip_cost(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p)
{
    return (double)p->n * c2_strip_plan_make(device, kernel, p).seconds +
           c2_cost_epilogue(c2_speed_of(device, kernel), p, 1);
}

c2_bytes c2_strip_memory(const conv2d_device *device, const c2_kernel *kernel,
                         const c2_problem *p)
{
    const c2_strip_plan plan = c2_strip_plan_make(device, kernel, p);
    return (c2_bytes){c2_pack_words_bytes(p, &plan.words, &plan.pack), 0,
                      c2_scratch_workspace(plan.scratch_bytes)};
}

bool c2_strip_supports(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                       c2_why *why)
{
    if (p->kh * p->kw == 1)
        return c2_refuse(why, "kernel 1 x 1: its pixels are cut once by split3_ch as well");
    if (p->groups > 1)
        return c2_refuse(why, "groups = %lld: a pixel's channels must be all of a row's",
                         (long long)p->groups);
    const double row = ((double)p->w + (double)p->pad[1] + (double)p->ow * (double)p->stride[1] +
                        (double)p->kw * (double)p->dilation[1]) * (double)p->icg;
    if (!c2_panel_strip_supports(p, row, why))
        return false;
    return c2_scratch_fits(p, c2_strip_plan_make(device, kernel, p).scratch_bytes,
                           "the rows under an output row", why);
}
