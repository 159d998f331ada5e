/* SPDX-License-Identifier: BSD-2-Clause
 * Blocking of the panel driver: the sizes of blocks that the cost model likes best under
 * workspace_limit. */
#include "core/dtype.h"
#include "cpu/cost.h"
#include "cpu/panel.h"

/* Bytes of a block's panel and sums at most: with an output channel tile's weights they should
 * stay in the L2 cache. */
static const double block_bytes = 1 << 20;
/* Seconds beside those of cutting and of products: a float of an input that L2 does not keep, a
 * pixel's row of a tap, and a tile of pixels. As those of all kernels, some 1.3 times what was
 * measured on a Granite Rapids VM with 50 layers of both tables and 20 others. */
static const double part_far = 0.06e-9, part_row = 3e-9, a_tile = 0.35e-6;
static const double from_panels = 0.95; /* of the table's seconds for products */
/* Of filling, or of products, what the other hides: less than it is, for pieces take longer than
 * all at once. */
static const double part_hidden = 0.1;
static const double sums_again = 0.25e-6; /* a tile's sums, loaded for the next chunk */
static const double half_tile = 0.6; /* of a whole one's time (Granite Rapids) */

typedef struct search {
    const c2_problem *p;
    const c2_kernel *kernel;
    const c2_speed *speed;
    double budget; /* bytes of scratch */
    c2_panel_plan best;
} search;

static double step_bytes(const search *s)
{
    return (double)(s->best.words.parts * s->kernel->mr * C2_PANEL_WORDS) * sizeof(uint32_t);
}

/* How many steps and whose sums fit; false if not even one. */
static bool set_chunk(const search *s, c2_panel_plan *plan)
{
    const double sums = (double)plan->tiles * (double)(s->kernel->mr * s->kernel->nr) * 4;
    const double a_step = (double)plan->tiles * step_bytes(s), panels = plan->ahead ? 2 : 1;
    plan->group = plan->pack.tiles.n;
    plan->chunk = plan->steps;
    double all_sums = sums;
    const double budget = s->budget - (double)c2_round_up(sizeof(c2_panel_kept), C2_ALIGN);
    if (sums + panels * a_step * (double)plan->steps > budget) {
        all_sums = sums * (double)plan->group;
        if (all_sums > budget / 2) {
            plan->group = 1;
            all_sums = sums;
        }
        const double fit = floor((budget - all_sums) / (panels * a_step));
        if (fit < 1)
            return false;
        plan->chunk = c2_div_up(plan->steps, c2_div_up(plan->steps, (int64_t)fit));
    }
    plan->panel_bytes = (size_t)(a_step * (double)plan->chunk);
    plan->sums_bytes = (size_t)all_sums;
    plan->scratch_bytes = (size_t)panels * plan->panel_bytes + plan->sums_bytes +
                          c2_round_up(sizeof(c2_panel_kept), C2_ALIGN);
    return true;
}

/* Seconds to fill the panels of all of a group's pixels, once. */
static double fill_seconds(const search *s)
{
    const c2_problem *p = s->p;
    const double taps = (double)p->kh * (double)c2_words_row(p, &s->best.words);
    const double input = (double)p->h * (double)p->w * (double)p->icg;
    const double floats = (double)s->best.steps * (double)(2 * C2_PANEL_WORDS);
    return (double)p->oh * (double)p->ow * (c2_panel_cut_seconds(floats) + taps * part_row) +
           (c2_panel_beyond_l2(input * sizeof(float)) ? input * part_far : 0);
}

/* What the last tile of pixels takes of a whole one's time. */
static double last_tile(const search *s)
{
    const int64_t pixels = s->p->oh * s->p->ow, rest = pixels % s->kernel->mr;
    return rest > 0 && rest <= C2_PANEL_PIXELS ? half_tile : 1;
}

static void try_size(search *s, int64_t size, bool ahead)
{
    const c2_problem *p = s->p;
    c2_panel_plan plan = s->best;
    const int64_t pixels = p->oh * p->ow, tiles = c2_div_up(pixels, s->kernel->mr);
    plan.pixel_blocks = c2_split_even(tiles, c2_div_up(tiles, size));
    plan.tiles = c2_div_up(tiles, plan.pixel_blocks.n);
    plan.ahead = ahead;
    if (!set_chunk(s, &plan))
        return;
    /* Of registers; a problem of any size is asked for. */
    const double a_product = (double)(C2_PANEL_PIXELS * C2_PANEL_WORDS * C2_PANEL_WORDS);
    const double each = (double)plan.steps * c2_words_products(&plan.words) * a_product /
                        s->speed->fma_lanes;
    const double lanes = (double)c2_div_up(p->ocg, C2_PANEL_WORDS);
    const double rows = (double)c2_div_up(pixels, C2_PANEL_PIXELS);
    const double live = c2_live_part(p, 0);
    const double blocks = (double)plan.pixel_blocks.n, oc_tiles = (double)plan.pack.tiles.n;
    const double chunks = (double)c2_div_up(plan.steps, plan.chunk);
    const double fills = chunks > 1 ? (double)c2_div_up(plan.pack.tiles.n, plan.group) : 1;
    const double weights = c2_panel_weight_bytes(&plan.words, &plan.pack, plan.steps);
    const double multiply =
        from_panels * live * rows * lanes * each + (double)tiles * a_tile +
        (double)tiles * oc_tiles * (chunks * s->speed->call + (chunks - 1) * sums_again);
    const double fill = live * fill_seconds(s) * fills;
    const double first = fill / (blocks * chunks * fills); /* nothing hides the first panel */
    const double hidden = ahead ? fmin(multiply, fill - first) * part_hidden : 0;
    plan.cost = (c2_share_cost){multiply, fill - hidden, 0, weights, last_tile(s)};
    /* While panels are filled meanwhile, products hide less of what weights take. */
    plan.seconds = plan.cost.multiply + plan.cost.prepare +
                   c2_panel_weight_seconds(weights, 1, ahead ? 2 * blocks - 1 : blocks);
    plan.far = c2_cost_in_memory(weights);
    if (plan.seconds < s->best.seconds)
        s->best = plan;
}

/* The taps of a kernel row lie side by side where channels and pixels do; as one run they fill the
 * words of steps better. */
static bool is_merged(const c2_problem *p)
{
    enum { STEP = 2 * C2_PANEL_WORDS };
    return p->icg > 1 && p->kw > 1 && p->dilation[1] == 1 && p->input_stride[3] == p->icg &&
           p->kw * p->icg <= C2_PANEL_MERGED &&
           c2_div_up(p->kw * p->icg, STEP) < p->kw * c2_div_up(p->icg, STEP);
}

int64_t c2_panel_channels(const c2_problem *p) { return is_merged(p) ? p->kw * p->icg : p->icg; }

c2_panel_plan c2_panel_plan_make(const conv2d_device *device, const c2_kernel *k,
                                 const c2_problem *p)
{
    search s = {.p = p, .kernel = k, .speed = c2_speed_of(device, k)};
    c2_panel_plan *plan = &s.best;
    plan->words = c2_words_of(k, p);
    plan->words.merge = is_merged(p) ? C2_MERGE_ROW : C2_MERGE_NONE;
    plan->run = c2_panel_channels(p);
    plan->steps_a_run = c2_div_up(plan->run, 2 * C2_PANEL_WORDS);
    plan->words.tap = plan->steps_a_run * C2_PANEL_WORDS;
    plan->steps = p->kh * c2_words_row(p, &plan->words) * plan->steps_a_run;
    const int64_t k_all = plan->steps * C2_PANEL_WORDS;
    plan->pack = (c2_pack_shape){{c2_div_up(p->ocg, k->nr), k->nr, 0}, k->nr, k_all, k_all};
    plan->seconds = HUGE_VAL;
    s.budget = fmax((double)C2_STACK_BYTES, fmin((double)p->workspace_limit, block_bytes));
    for (int64_t size = 1; size <= 4; size *= 2) {
        try_size(&s, size, false);
        try_size(&s, size, true);
    }
    return *plan;
}

double c2_panel_cost(const conv2d_device *device, const c2_kernel *kernel, const c2_problem *p)
{
    const c2_panel_plan plan = c2_panel_plan_make(device, kernel, p);
    return (double)p->n * (double)p->groups * plan.seconds +
           c2_cost_epilogue(c2_speed_of(device, kernel), p, 1);
}

c2_bytes c2_panel_memory(const conv2d_device *device, const c2_kernel *kernel,
                         const c2_problem *p)
{
    const c2_panel_plan plan = c2_panel_plan_make(device, kernel, p);
    return (c2_bytes){c2_pack_words_bytes(p, &plan.words, &plan.pack), 0,
                      c2_scratch_workspace(plan.scratch_bytes)};
}

bool c2_panel_supports(const c2_problem *p, c2_why *why)
{
    if (p->input_stride[1] != 1 && p->icg > 1)
        return c2_refuse(why, "input channel stride is %lld: only 1, channels are read in rows",
                         (long long)p->input_stride[1]);
    return true;
}
