/* SPDX-License-Identifier: BSD-2-Clause
 * Blocking and cost of split3_groups and split3_crossed: as many output rows as a strip near the
 * core has room for. */
#include "cpu/cost.h"
#include "cpu/group_strip.h"

enum { LEAST_CHANNELS = 9 }; /* of crossed pixels */

/* Bytes of a strip at most, if it has more than an output row. */
static const double strip_bytes = 1 << 18;
/* On a Granite Rapids VM, November 2026. What registers take in those of the table; seconds
 * a call of the kernel takes beside, and a task. */
static const double from_pixels = 0.8, call_seconds = 0.03e-6, task_seconds = 0.1e-6;
/* Seconds a number of the strip takes to be cut, crossed ones, and more where channels are copied
 * before it; a float of an input that L2 does not keep; an output beside the epilogue, and more
 * where L2 does not keep them. */
static const double cut_number = 0.15e-9, crossed_number = 0.25e-9, copied_number = 0.3e-9;
static const double far_input = 0.12e-9, stored = 0.1e-9, far_output = 0.2e-9;

size_t c2_group_strip_bytes(const c2_problem *p, const c2_group_plan *plan, int64_t rows)
{
    /* A register's pixels go on behind the last row, by its taps. */
    const int64_t slack = plan->left + C2_GROUP_PIXELS * p->stride[1] +
                          (p->kw - 1) * p->dilation[1];
    const int64_t pixels = c2_rows_under(p, rows) * plan->pitch + slack;
    return c2_round_up((size_t)(pixels * plan->pixel) * sizeof(uint16_t), C2_ALIGN);
}

/* Output rows that a strip of so many bytes has, or 0. */
static int64_t rows_that_fit(const c2_problem *p, const c2_group_plan *plan, double room)
{
    const double left = room - (double)c2_group_strip_bytes(p, plan, 1) - (double)C2_ALIGN;
    const double row = (double)(p->stride[0] * plan->pitch * plan->pixel) * sizeof(uint16_t);
    return left < 0 ? 0 : (int64_t)fmin(floor(left / row) + 1, (double)p->oh);
}

/* Where all that a worker needs lies in its scratch, for blocks of so many rows. */
static void set_scratch(const c2_problem *p, const c2_kernel *k, int64_t rows, c2_group_plan *plan)
{
    plan->strip_bytes = c2_group_strip_bytes(p, plan, rows);
    plan->sums_at = (plan->ahead ? 2 : 1) * plan->strip_bytes;
    plan->line_at =
        plan->sums_at + sizeof(float) * C2_GROUP_STORED * C2_GROUP_PIXELS * (size_t)k->nr;
    const size_t line = (size_t)(p->w * p->icg) * sizeof(float);
    plan->kept_at = c2_round_up(plan->line_at + (plan->in_place ? 0 : line), C2_ALIGN);
    plan->scratch_bytes = plan->kept_at + c2_round_up(sizeof(c2_panel_kept), C2_ALIGN);
}

/* To cut the pixels of all strips of a group. */
static double fill_seconds(const c2_problem *p, const c2_group_plan *plan)
{
    const int64_t rows = c2_rows_under(p, c2_div_up(p->oh, plan->row_blocks.n));
    const double numbers = (double)plan->row_blocks.n * (double)rows * (double)p->w *
                           (double)(plan->words.crossed ? C2_GROUP_CROSSED : plan->part);
    const double inputs = (double)p->h * (double)p->w * (double)p->icg;
    const bool far = c2_panel_beyond_l2(inputs * (double)p->groups * sizeof(float));
    return numbers * ((plan->words.crossed ? crossed_number : cut_number) +
                      (plan->in_place ? 0 : copied_number)) +
           (far ? inputs * far_input : 0);
}

static double seconds(const c2_speed *speed, const c2_kernel *k, const c2_problem *p,
                      const c2_group_plan *plan)
{
    const double a_product = C2_GROUP_PIXELS * C2_GROUP_PIXELS * C2_GROUP_RUN / 2;
    const double registers =
        ceil((double)p->oh * (double)plan->lanes / (double)C2_GROUP_PIXELS);
    const double columns = (double)c2_div_up(p->ocg, C2_GROUP_PIXELS);
    const double products = registers * columns * (double)plan->steps *
                            c2_words_products(&plan->words) * a_product / speed->fma_lanes;
    const double calls =
        registers * (double)C2_GROUP_PIXELS / (double)k->mr * (double)plan->pack.tiles.n;
    const double outputs = (double)p->oh * (double)p->ow * (double)p->ocg;
    const double groups = (double)p->groups;
    const bool far = c2_panel_beyond_l2(outputs * groups * sizeof(float));
    const double weights = c2_panel_weight_bytes(&plan->words, &plan->pack, plan->steps) * groups;
    return task_seconds + products * from_pixels + calls * call_seconds + fill_seconds(p, plan) +
           outputs * (stored + (far ? far_output : 0)) +
           c2_panel_weight_seconds(weights, 1, 1) / groups;
}

c2_group_plan c2_group_plan_make(const conv2d_device *device, const c2_kernel *k,
                                 const c2_problem *p)
{
    c2_group_plan plan = {.words = c2_words_of(k, p), .in_place = p->input_stride[1] == 1};
    plan.words.crossed = plan.words.parts == 2;
    plan.a_tap = c2_div_up(plan.words.crossed ? 2 * p->icg : p->icg, C2_GROUP_RUN);
    plan.words.tap = plan.a_tap * C2_GROUP_RUN / 2;
    plan.steps = p->kh * p->kw * plan.a_tap;
    plan.part = plan.a_tap * C2_GROUP_RUN;
    plan.pixel = plan.words.parts * plan.part;
    const int64_t k_all = plan.steps * C2_GROUP_RUN / 2;
    plan.pack = (c2_pack_shape){{c2_div_up(p->ocg, k->nr), k->nr, 0}, k->nr, k_all, k_all};
    /* What is behind a row's pixels may be the next row's padding in front. */
    const int64_t end = (p->ow - 1) * p->stride[1] - p->pad[1] + (p->kw - 1) * p->dilation[1] + 1;
    plan.left = p->pad[1];
    plan.pitch = c2_max(c2_max(p->w + plan.left, end), p->ow);
    const int64_t whole = c2_div_up(p->ow, C2_GROUP_PIXELS) * C2_GROUP_PIXELS;
    const bool goes_on = p->stride[0] == 1 && p->stride[1] == 1 && plan.pitch < whole;
    plan.lanes = goes_on ? plan.pitch : whole;
    set_scratch(p, k, 1, &plan);
    const double rest = (double)plan.scratch_bytes - (double)plan.sums_at;
    const double limit = fmax(C2_STACK_BYTES, (double)p->workspace_limit) - rest;
    const int64_t fit = c2_max(rows_that_fit(p, &plan, fmin(limit, strip_bytes)),
                               rows_that_fit(p, &plan, limit) > 0);
    plan.row_blocks = c2_split_even(p->oh, c2_div_up(p->oh, c2_max(1, fit)));
    plan.ahead = true;
    set_scratch(p, k, c2_div_up(p->oh, plan.row_blocks.n), &plan);
    if (plan.scratch_bytes > p->workspace_limit) {
        plan.ahead = false;
        set_scratch(p, k, c2_div_up(p->oh, plan.row_blocks.n), &plan);
    }
    plan.seconds = fit > 0 ? seconds(c2_speed_of(device, k), k, p, &plan) : HUGE_VAL;
    return plan;
}

double c2_group_cost(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p)
{
    return (double)p->n * (double)p->groups * c2_group_plan_make(device, kernel, p).seconds +
           c2_cost_epilogue(c2_speed_of(device, kernel), p, 1);
}

c2_bytes c2_group_memory(const conv2d_device *device, const c2_kernel *kernel,
                         const c2_problem *p)
{
    const c2_group_plan plan = c2_group_plan_make(device, kernel, p);
    return (c2_bytes){c2_pack_words_bytes(p, &plan.words, &plan.pack), 0,
                      c2_scratch_workspace(plan.scratch_bytes)};
}

bool c2_group_supports(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p,
                       c2_why *why)
{
    const bool crossed = kernel->family == C2_FAMILY_DOT2_CH;
    const int64_t least = crossed ? LEAST_CHANNELS : C2_GROUP_CROSSED + 1;
    const int64_t most = crossed ? C2_GROUP_CROSSED : C2_GROUP_CHANNELS;
    if (p->icg < least || p->icg > most)
        return c2_refuse(why, "%lld input channels a group: from %lld to %lld", (long long)p->icg,
                         (long long)least, (long long)most);
    const double row = ((double)p->w + 2 * (double)p->pad[1] +
                        (double)(p->ow + C2_GROUP_PIXELS) * (double)p->stride[1] +
                        2 * (double)p->kw * (double)p->dilation[1]) *
                       (C2_MAX_PARTS * C2_GROUP_CHANNELS);
    if (!c2_panel_strip_supports(p, row, why))
        return false;
    return c2_scratch_fits(p, c2_group_plan_make(device, kernel, p).scratch_bytes,
                           "the rows under an output row", why);
}
