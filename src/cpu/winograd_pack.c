/* SPDX-License-Identifier: BSD-2-Clause
 * Transformed weights GgG', in float64 and rounded once:
 *
 *   set 0   | panel 0 | step 0  | channel 0 : o0 o1 .. o(nr-1)   <- nr floats, 0 beyond the set's
 *           |         |         | channel 1 : ...                   last output channel; those of
 *           |         |         | ...                               one piece of the kernel that
 *           |         |         |                                   has the step after the other
 *           |         | step 1  | ...         step = i * edge + j, i down, j along a row
 *           | panel 1 | ...
 *   set 1   | ...
 *
 * A set is one group, or all of them if they are side by side: channel c is then that of each
 * lane's group.
 *
 * For tile registers, words of parts as winograd.h draws them take the place of each step's
 * floats. */
#include "core/half.h"
#include "cpu/winograd.h"

enum {
    MAX_NR = 32,
    MAX_STEPS = C2_WINO_MAX_EDGE * C2_WINO_MAX_EDGE
};

/* F(2,3) at points 0, 1, -1, infinity; F(4,3) at 0, 1, -1, 1/2, -2, infinity; F(6,3) at 0, 1, -1,
 * 2, -2, 1/2, -1/2, infinity. Of pieces of one tap, 0, 1 and 0, 1, -1, 1/2. */
static const double identity[1][3] = {{1, 0, 0}};
static const double one2[2][3] = {{1, 0, 0}, {1, 0, 0}};
static const double one4[4][3] = {{1, 0, 0}, {1, 0, 0}, {-1 / 3., 0, 0}, {-8 / 3., 0, 0}};
static const double g2[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
static const double g4[6][3] = {{1, 0, 0},
                                {1 / 3., 1 / 3., 1 / 3.},
                                {-1 / 3., 1 / 3., -1 / 3.},
                                {-16 / 15., -8 / 15., -4 / 15.},
                                {1 / 15., -2 / 15., 4 / 15.},
                                {0, 0, 1}};
static const double g6[8][3] = {{1, 0, 0},
                                {-2 / 9., -2 / 9., -2 / 9.},
                                {-2 / 9., 2 / 9., -2 / 9.},
                                {4 / 45., 8 / 45., 16 / 45.},
                                {4 / 45., -8 / 45., 16 / 45.},
                                {8 / 45., 4 / 45., 2 / 45.},
                                {8 / 45., -4 / 45., 2 / 45.},
                                {0, 0, 1}};

/* Groups side by side are one set here, however many those of the plan have. */
static int64_t sets_of(const c2_problem *p, const c2_wino_plan *plan)
{
    return plan->beside ? 1 : p->groups;
}

static int64_t outputs_of(const c2_problem *p, const c2_wino_plan *plan)
{
    return plan->beside ? p->oc : p->ocg;
}

size_t c2_wino_pack_bytes(const c2_problem *p, const c2_wino_plan *plan)
{
    size_t bytes = sizeof(float);
    const int64_t factors[] = {sets_of(p, plan),
                               c2_div_up(outputs_of(p, plan), plan->nr),
                               c2_wino_live(plan),
                               plan->parts ? c2_wino_words(plan) : plan->v_channels,
                               plan->parts ? 1 : plan->nr};
    for (size_t i = 0; i < sizeof factors / sizeof factors[0]; i++) {
        if (!c2_size_mul_ok(bytes, (size_t)factors[i], &bytes))
            return SIZE_MAX;
    }
    return bytes;
}

/* The lane of a panel's output channel o: of groups side by side, those of a vector take turns. */
static int lane_of(const c2_problem *p, const c2_wino_plan *plan, int o)
{
    const int lane = o % plan->lanes;
    return plan->beside ? o - lane + c2_wino_turn(plan, p, lane) : o;
}

/* The weights of one input channel for a panel in piece (y, x): w[tap][lane]. */
static void load_taps(const c2_problem *p, const c2_wino_plan *plan, const void *weight,
                      int64_t at, int64_t y, int64_t x, int n, const int lanes[MAX_NR],
                      double w[9][MAX_NR])
{
    const c2_wino_axis *ay = &plan->axis[0], *ax = &plan->axis[1];
    const int64_t *stride = p->weight_stride;
    for (int tap = 0; tap < 9; tap++) {
        const int64_t ky = c2_wino_first_tap(ay, y) + tap / 3 * ay->stride;
        const int64_t kx = c2_wino_first_tap(ax, x) + tap % 3 * ax->stride;
        const int64_t first = at + ky * stride[2] + kx * stride[3];
        const int live = ky < p->kh && kx < p->kw ? n : 0;
        for (int o = 0; o < MAX_NR; o++)
            w[tap][lanes[o]] =
                o < live ? c2_load_f64(weight, p->weight_dtype, first + o * stride[0]) : 0;
    }
}

/* The matrix of the weights of a piece along an axis, a row a step. */
typedef const double matrix_row[3];
static matrix_row *matrix_of(const c2_wino_plan *plan, int axis, int64_t piece)
{
    if (plan->axis[axis].edge == 1) /* a single tap, and no transform */
        return identity;
    if (plan->axis[axis].taps[piece] == 1)
        return plan->m == 2 ? one2 : one4;
    return plan->m == 2 ? g2 : plan->m == 4 ? g4 : g6;
}

/* One channel of a panel in piece (y, x): step (i, j) goes to to[at[i * edge + j]], if at >= 0. */
static void transform(const c2_wino_plan *plan, int64_t y, int64_t x, double w[9][MAX_NR],
                      float *to, const int64_t *at)
{
    matrix_row *const gy = matrix_of(plan, 0, y), *const gx = matrix_of(plan, 1, x);
    for (int i = 0; i < plan->axis[0].edge; i++, at += plan->axis[1].edge) {
        double row[3][MAX_NR];
        for (int k = 0; k < 3 && at[0] >= 0; k++)
            for (int o = 0; o < MAX_NR; o++)
                row[k][o] = gy[i][0] * w[k][o] + gy[i][1] * w[3 + k][o] + gy[i][2] * w[6 + k][o];
        for (int j = 0; j < plan->axis[1].edge && at[j] >= 0; j++)
            for (int o = 0; o < plan->nr; o++)
                to[at[j] + o] =
                    (float)(row[0][o] * gx[j][0] + row[1][o] * gx[j][1] + row[2][o] * gx[j][2]);
    }
}

/* Where the weights of a piece lie in a panel, step by step; -1: it has no such step. */
static void find_steps(const c2_problem *p, const c2_wino_plan *plan, int64_t piece,
                       int64_t at[MAX_STEPS])
{
    const c2_wino_axis *ay = &plan->axis[0], *ax = &plan->axis[1];
    const int64_t weights = plan->parts ? c2_wino_words(plan) : p->icg * plan->nr;
    int64_t before = 0;
    for (int step = 0; step < plan->steps; step++) {
        at[step] = -1;
        for (int64_t i = 0; i < c2_wino_pieces(plan); i++) {
            const bool has = c2_wino_has(ay, step / ax->edge, i / ax->pieces, ay->size) &&
                             c2_wino_has(ax, step % ax->edge, i % ax->pieces, ax->size);
            if (has && i == piece)
                at[step] = before;
            before += has ? weights : 0;
        }
    }
}

/* A panel. */
static void pack_panel(const c2_problem *p, const c2_wino_plan *plan, const c2_weight_view *view,
                       int64_t o, int n, float *to)
{
    double w[9][MAX_NR];
    int lanes[MAX_NR];
    for (int i = 0; i < MAX_NR; i++)
        lanes[i] = lane_of(p, plan, i);
    for (int64_t i = 0; i < c2_wino_pieces(plan); i++) {
        const int64_t y = i / plan->axis[1].pieces, x = i % plan->axis[1].pieces;
        int64_t at[MAX_STEPS];
        find_steps(p, plan, i, at);
        for (int64_t c = 0; c < p->icg; c++) {
            const int64_t first = o * p->weight_stride[0] + c * p->weight_stride[1];
            load_taps(p, plan, view->weight, first, y, x, n, lanes, w);
            transform(plan, y, x, w, to + c * plan->nr, at);
        }
    }
}

/* The same in words, two channels at a time. */
static void pack_parts(const c2_problem *p, const c2_wino_plan *plan, c2_pair_fn pair,
                       const c2_weight_view *view, int64_t o, int n, uint32_t *to)
{
    double w[9][MAX_NR];
    float floats[2][MAX_STEPS * MAX_NR];
    int lanes[MAX_NR];
    for (int i = 0; i < MAX_NR; i++)
        lanes[i] = lane_of(p, plan, i);
    const int64_t nr = plan->nr, wide = plan->axis[1].pieces;
    for (int64_t piece = 0; piece < c2_wino_pieces(plan); piece++) {
        int64_t at[MAX_STEPS], from[MAX_STEPS];
        find_steps(p, plan, piece, at);
        for (int i = 0; i < plan->steps; i++)
            from[i] = at[i] < 0 ? -1 : i * nr;
        for (int64_t c = 0; c < plan->piece_blocks * C2_WINO_CHANNELS; c += 2) {
            for (int i = 0; i < 2; i++) {
                const int64_t first = o * p->weight_stride[0] + (c + i) * p->weight_stride[1];
                load_taps(p, plan, view->weight, first, piece / wide, piece % wide,
                          c + i < p->icg ? n : 0, lanes, w);
                transform(plan, piece / wide, piece % wide, w, floats[i], from);
            }
            for (int i = 0; i < plan->steps; i++) {
                const c2_pair_args a = {floats[0] + i * nr,
                                        floats[1] + i * nr,
                                        to + at[i] + c / 2 * C2_WINO_PARTS * nr,
                                        nr,
                                        nr,
                                        1,
                                        nr,
                                        nr};
                if (at[i] >= 0)
                    pair(&a);
            }
        }
    }
}

void c2_wino_pack(const c2_problem *p, const c2_wino_plan *plan, c2_pair_fn pair,
                  const c2_weight_view *view, void *packed)
{
    const int64_t a_panel = c2_wino_panel_weights(plan);
    char *to = packed;
    const int64_t outputs = outputs_of(p, plan);
    for (int64_t set = 0; set < sets_of(p, plan); set++) {
        for (int64_t o = 0; o < outputs; o += plan->nr) {
            const int64_t first = set * outputs + o;
            const int n = (int)c2_min(plan->nr, outputs - o);
            if (plan->parts)
                pack_parts(p, plan, pair, view, first, n, (uint32_t *)(void *)to);
            else
                pack_panel(p, plan, view, first, n, (float *)(void *)to);
            to += a_panel * (int64_t)sizeof(float);
        }
    }
}
