/* SPDX-License-Identifier: BSD-2-Clause
 * Blocking and cost of Winograd convolution: how many tiles a task has, what memory it needs, what
 * it should take. Blocks never change results, so they may depend on workspace_limit and on
 * threads. */
#include "cpu/cost.h"
#include "cpu/winograd.h"

/* V of a block should leave room in the L2 cache for weights and M; more rows of the GEMM than
 * this do not make the weights any cheaper. */
static const double v_bytes_wanted = 3 << 18;
enum { MOST_ROW_GROUPS = 4 };
/* Weights of a group that no cache keeps until the next block come from memory again for each; then
 * it is better to read V from the L3 cache. 512@28 on Zen 4 (32 MiB of L3): 11.2 to 10.2 ms. */
static const double u_bytes_kept = 32 << 20, v_bytes_wanted_then = 4 << 20;
enum { MOST_ROW_GROUPS_THEN = 16 };
static const double memory_times = 3; /* what a float from memory takes, in those of a cache */
enum { MOST_ROUNDS = 8 }; /* of tasks on all threads; more make no end more even */

static bool even_step(int64_t bytes) { return bytes % 4096 == 0; }

/* Sizes of a block of n tiles. */
static void set_block(c2_wino_plan *plan, int64_t n)
{
    plan->blocks = c2_split_even(plan->tiles, c2_div_up(plan->tiles, n));
    n = c2_div_up(plan->tiles, plan->blocks.n);
    plan->segment = c2_min(C2_WINO_SEGMENT, c2_min(n, plan->grid[1]));
    plan->v_block = n * plan->lanes;
    /* Steps a multiple of 4 KiB apart would share one set of the L1 cache. */
    plan->v_step = plan->channel_blocks * plan->v_block + 5 * 16;
    plan->m_step = n * plan->nr + 16;
    plan->v_step += even_step(plan->v_step * (int64_t)sizeof(float)) ? 16 : 0;
    plan->m_step += even_step(plan->m_step * (int64_t)sizeof(float)) ? 16 : 0;
    const size_t room =
        (size_t)c2_max(c2_wino_window_floats(plan), c2_wino_y_floats(plan)) * sizeof(float);
    plan->v_bytes =
        c2_round_up((size_t)(plan->steps * plan->v_step) * sizeof(float), C2_ALIGN);
    plan->m_bytes =
        c2_round_up((size_t)(plan->steps * plan->m_step) * sizeof(float), C2_ALIGN);
    plan->scratch_bytes = plan->v_bytes + plan->m_bytes + c2_round_up(room, C2_ALIGN);
}

static double u_bytes(const c2_problem *p, const c2_wino_plan *plan)
{
    return 4.0 * plan->steps * (double)(plan->panels * plan->nr * p->icg);
}

/* Whole groups of rows while V is small; one at least, if workspace_limit has room for it. */
static void choose_block(const c2_problem *p, c2_wino_plan *plan)
{
    const double a_tile = 4.0 * plan->steps * (double)(plan->channel_blocks * plan->lanes);
    const bool kept = u_bytes(p, plan) <= u_bytes_kept;
    const double v_bytes = kept ? v_bytes_wanted : v_bytes_wanted_then;
    const int64_t fit = (int64_t)fmin(v_bytes / a_tile / plan->mr,
                                      kept ? MOST_ROW_GROUPS : MOST_ROW_GROUPS_THEN);
    int64_t n = c2_min(plan->tiles, c2_max(1, fit) * plan->mr);
    const uint64_t stack = C2_STACK_BYTES;
    const uint64_t limit = p->workspace_limit > stack ? p->workspace_limit : stack;
    for (set_block(plan, n); n > 1 && plan->scratch_bytes > limit; set_block(plan, n))
        n = n > plan->mr ? n - plan->mr : n > 4 ? n / 2 : n - 1;
}

static double seconds(const conv2d_device *device, const c2_problem *p, const c2_wino_plan *plan,
                      const c2_kernel *gemm)
{
    const c2_speed *speed = c2_speed_of(device, gemm);
    const double lanes = plan->lanes, steps = plan->steps, tiles = (double)plan->tiles;
    const double channels = ceil((double)p->ocg / lanes) * lanes;
    const double padded_in = (double)plan->channel_blocks * lanes;
    const double block = tiles / (double)plan->blocks.n;
    const double rows = block / ceil(block / plan->mr), vectors = fmin(channels, plan->nr) / lanes;
    const double products = tiles * channels * (double)p->icg * steps / speed->fma_lanes *
                            c2_cost_small_tile(rows, vectors, 1);
    const double u = u_bytes(p, plan), missed = fmin(1, fmax(0, u / u_bytes_kept - 1));
    const double weights = (double)plan->blocks.n * u / 4 * speed->stream *
                           (1 + (memory_times - 1) * missed);
    const double copies = plan->channels_last ? 0 : tiles * padded_in * steps * speed->turn;
    const double in = (double)plan->panel_blocks.n * (tiles * padded_in * steps * speed->transform +
                                                      copies);
    /* Each call of a kernel, for each step and panel. */
    const double calls = ceil(block / plan->mr) * (double)plan->blocks.n *
                         (double)plan->panels * steps * ceil((double)p->icg / (double)C2_WINO_K) *
                         speed->call;
    const double out = tiles * (double)plan->panels * plan->nr * steps *
                       (speed->transform + (plan->pixels_last ? speed->turn : 0));
    return (double)p->groups * (fmax(products, weights) + calls + in + out) +
           c2_cost_epilogue(speed, p, plan->pixels_last ? 3 : 1);
}

c2_wino_plan c2_wino_plan_make(const conv2d_device *device, const c2_problem *p, int m, int variant)
{
    const c2_kernel *gemm = c2_cpu_kernel(device, C2_FAMILY_WINO_GEMM, variant);
    c2_wino_plan plan = {.m = m, .edge = m + 2, .steps = (m + 2) * (m + 2)};
    plan.lanes = gemm->lanes;
    plan.mr = gemm->mr;
    plan.nr = gemm->nr;
    plan.tiles = p->n;
    for (int a = 0; a < 2; a++) {
        const int64_t size = a ? p->ow : p->oh;
        plan.phases[a] = c2_min(p->dilation[a], size);
        plan.grid[a] = c2_div_up(c2_div_up(size, p->dilation[a]), m);
        plan.tiles *= plan.phases[a] * plan.grid[a];
    }
    plan.panels = c2_div_up(p->ocg, plan.nr);
    plan.channel_blocks = c2_div_up(p->icg, plan.lanes);
    plan.channels_last = p->input_stride[1] == 1;
    plan.pixels_last =
        p->output_stride[3] == 1 && p->dilation[1] == 1 && p->output_stride[1] != 1;
    choose_block(p, &plan);
    plan.panel_blocks = c2_split_even(plan.panels, 1);
    plan.seconds = seconds(device, p, &plan, gemm);
    return plan;
}

/* How long all threads take when the last one ends, if the model is right. */
static double parallel_seconds(const conv2d_device *device, const c2_problem *p,
                               const c2_wino_plan *plan, const c2_kernel *gemm, double threads)
{
    const double tasks = (double)(p->groups * plan->blocks.n * plan->panel_blocks.n);
    return seconds(device, p, plan, gemm) / tasks * ceil(tasks / threads);
}

void c2_wino_plan_share(const conv2d_device *device, const c2_problem *p, int variant,
                        c2_wino_plan *plan)
{
    const c2_kernel *gemm = c2_cpu_kernel(device, C2_FAMILY_WINO_GEMM, variant);
    const int64_t threads = device->pool.n_threads;
    const c2_wino_plan alone = *plan;
    double least = parallel_seconds(device, p, plan, gemm, (double)threads);
    for (int64_t parts = 1; threads > 1 && parts <= c2_min(threads, plan->panels); parts *= 2) {
        for (int64_t rounds = 1; rounds <= MOST_ROUNDS; rounds++) {
            const int64_t blocks = c2_div_up(rounds * threads, p->groups * parts);
            c2_wino_plan shared = alone;
            set_block(&shared, c2_div_up(alone.tiles, c2_max(alone.blocks.n, blocks)));
            shared.panel_blocks = c2_split_even(shared.panels, parts);
            const double t = parallel_seconds(device, p, &shared, gemm, (double)threads);
            if (t < least && shared.scratch_bytes <= alone.scratch_bytes) {
                least = t;
                *plan = shared;
            }
        }
    }
}
