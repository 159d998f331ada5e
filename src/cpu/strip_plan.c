/* SPDX-License-Identifier: BSD-2-Clause
 * Blocking and cost of the strip driver: as many output rows as a strip in the L2 cache, or
 * workspace_limit, has room for. */
#include "core/text_tables.h"
#include "cpu/cost.h"
#include "cpu/strip.h"

/* Bytes of a strip at most; seconds a float takes, beside those of cutting, that L2 does not keep
 * (Granite Rapids VM, November 2026). */
static const double strip_bytes = 1 << 19, part_far = 0.2e-9;
/* What registers take whose pixels lie in rows, in those of the table, and more where these are no
 * neighbours; seconds a call of the kernel takes beside its steps, and an output, which is stored
 * 16 pixels at a time. */
static const double from_rows = 0.8, apart = 1.12;
static const double call_seconds = 0.35e-6, output_seconds = 0.2e-9;
/* Seconds a float of outputs of which there are more than caches hold: these are not streamed. */
static const double most_tensor_bytes = 24 << 20, far_output = 0.35e-9;

enum { MOST_NUMBERS = INT32_MAX }; /* of the rows under an output row */

static int64_t whole_runs(int64_t halves)
{
    return c2_div_up(halves, C2_STRIP_RUN) * C2_STRIP_RUN;
}

/* Halves in front of a row, and from row to row. */
static void set_row(const c2_problem *p, c2_strip_plan *plan)
{
    const int64_t end = (p->ow - 1) * p->stride[1] - p->pad[1] + (p->kw - 1) * p->dilation[1] + 1;
    plan->left = whole_runs(p->pad[1] * p->icg);
    plan->pitch = plan->left + whole_runs(c2_max(p->w, end) * p->icg);
}

/* What registers read beyond the last row: pixels that the last half lacks, and a step's end. */
static int64_t slack(const c2_problem *p)
{
    return C2_STRIP_PIXELS * p->stride[1] * p->icg + 2 * C2_STRIP_RUN;
}

static size_t part_bytes(const c2_problem *p, const c2_strip_plan *plan, int64_t rows)
{
    const int64_t halves = c2_strip_rows(p, rows) * plan->pitch + slack(p);
    return c2_round_up((size_t)halves * sizeof(uint16_t), C2_ALIGN);
}

/* The most output rows of a block whose strip has at most `room` bytes; 0 if not one. */
static int64_t rows_that_fit(const c2_problem *p, const c2_strip_plan *plan, double room)
{
    const double halves = room / (plan->words.parts * (double)sizeof(uint16_t)) -
                          (double)(slack(p) + C2_ALIGN);
    const double rows = floor(halves / (double)plan->pitch);
    const double fit = floor((rows - (double)((p->kh - 1) * p->dilation[0] + 1)) /
                             (double)p->stride[0]) + 1;
    return (int64_t)fmax(0, fmin(fit, (double)p->oh));
}

static double seconds(const c2_speed *speed, const c2_problem *p, const c2_strip_plan *plan,
                      double weights)
{
    const double blocks = (double)plan->row_blocks.n, oc_tiles = (double)plan->pack.tiles.n;
    const double rows = (double)c2_strip_rows(p, c2_div_up(p->oh, plan->row_blocks.n));
    const double input = (double)p->h * (double)p->w * (double)p->icg;
    const double a_product = (double)(C2_STRIP_PIXELS * C2_STRIP_PIXELS * C2_STRIP_RUN / 2);
    const double halves = (double)p->oh * (double)c2_div_up(p->ow, C2_STRIP_PIXELS);
    const double lanes = (double)c2_div_up(p->ocg, C2_STRIP_PIXELS);
    const double products = halves * lanes * (double)plan->steps *
                            c2_words_products(&plan->words) * a_product / speed->fma_lanes;
    const double outputs = (double)p->oh * (double)p->ow * (double)p->oc;
    return from_rows * (p->stride[1] > 1 ? apart : 1) * products +
           halves / 2 * oc_tiles * call_seconds + outputs * output_seconds +
           c2_panel_cut_seconds(blocks * rows * (double)plan->pitch) +
           (c2_panel_beyond_l2(input * sizeof(float)) ? input * part_far : 0) +
           (c2_tensor_bytes(p) > most_tensor_bytes ? outputs * far_output : 0) +
           c2_panel_weight_seconds(weights, blocks);
}

c2_strip_plan c2_strip_plan_make(const conv2d_device *device, const c2_kernel *k,
                                 const c2_problem *p)
{
    c2_strip_plan plan = {.words = c2_words_of(k, p)};
    plan.words.merged = p->kw > 1 && p->dilation[1] == 1;
    plan.run = plan.words.merged ? p->kw * p->icg : p->icg;
    plan.steps_a_run = c2_div_up(plan.run, C2_STRIP_RUN);
    plan.words.tap = plan.steps_a_run * (C2_STRIP_RUN / 2);
    plan.steps = p->kh * c2_words_row(p, &plan.words) * plan.steps_a_run;
    const int64_t k_all = plan.steps * (C2_STRIP_RUN / 2);
    plan.pack = (c2_pack_shape){{c2_div_up(p->ocg, k->nr), k->nr, 0}, k->nr, k_all, k_all};
    set_row(p, &plan);
    const double weights = c2_panel_weight_bytes(&plan.words, &plan.pack, plan.steps);
    plan.far = c2_cost_in_memory(weights);
    const size_t rest = (size_t)(k->mr * (k->nr + plan.words.parts * C2_STRIP_RUN / 2)) * 4;
    const double limit = fmax(C2_STACK_BYTES, (double)p->workspace_limit) - (double)rest;
    const int64_t fit = c2_max(rows_that_fit(p, &plan, fmin(limit, strip_bytes)),
                               rows_that_fit(p, &plan, limit) > 0);
    plan.row_blocks = c2_split_even(p->oh, c2_div_up(p->oh, c2_max(1, fit)));
    plan.part_bytes = part_bytes(p, &plan, c2_div_up(p->oh, plan.row_blocks.n));
    plan.scratch_bytes = (size_t)plan.words.parts * plan.part_bytes + rest;
    plan.seconds = seconds(c2_speed_of(device, k), p, &plan, weights);
    return plan;
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
                      plan.scratch_bytes > C2_STACK_BYTES ? plan.scratch_bytes : 0};
}

bool c2_strip_supports(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                       c2_why *why)
{
    if (p->kh * p->kw == 1)
        return c2_refuse(why, "kernel 1 x 1: its pixels are cut once by split3_ch as well");
    if (p->groups > 1)
        return c2_refuse(why, "groups = %lld: a pixel's channels must be all of a row's",
                         (long long)p->groups);
    if ((p->input_stride[1] != 1 && p->icg > 1) || (p->input_stride[3] != p->icg && p->w > 1))
        return c2_refuse(why, "input strides %lld, %lld of channel and column: rows must be dense",
                         (long long)p->input_stride[1], (long long)p->input_stride[3]);
    if (p->padding_mode != CONV2D_PAD_ZEROS && c2_problem_is_padded(p))
        return c2_refuse(why, "padding mode %s: only zeros",
                         c2_word_of(c2_words_mode, p->padding_mode));
    /* Images of any size are asked for. */
    const double row = ((double)p->w + (double)p->pad[1] + (double)p->ow * (double)p->stride[1] +
                        (double)p->kw * (double)p->dilation[1]) * (double)p->icg;
    if (row * (double)c2_strip_rows(p, 1) > (double)MOST_NUMBERS)
        return c2_refuse(why, "rows of %.3g numbers, %lld of them under an output row: fewer than "
                              "2^31 numbers only", row, (long long)c2_strip_rows(p, 1));
    const c2_strip_plan plan = c2_strip_plan_make(device, kernel, p);
    const uint64_t stack = C2_STACK_BYTES;
    const uint64_t limit = p->workspace_limit > stack ? p->workspace_limit : stack;
    if (plan.scratch_bytes > limit)
        return c2_refuse(why, "workspace_limit = %llu: the rows under an output row need %zu bytes",
                         (unsigned long long)p->workspace_limit, plan.scratch_bytes);
    return true;
}
