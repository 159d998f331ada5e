/* SPDX-License-Identifier: BSD-2-Clause
 * What the drivers of the dot2_ch and dot3_ch kernels share; see panel_kernel.h. */
#include "cpu/panel_kernel.h"

#include "cpu/cost.h"

enum { STEPS_AHEAD = 4, LINE = 64 };

/* On a Granite Rapids VM with 2 MiB of L2 cache, November 2026. */
static const double near_bytes = 1 << 20, near_weight = 0.015e-9, far_weight = 0.05e-9;
static const double part_float = 0.14e-9;

void c2_panel_ahead(c2_panel_args *a, const c2_words *words, int64_t a_step)
{
    a->next = (uintptr_t)a->weight + (uintptr_t)(STEPS_AHEAD * a_step) * sizeof *a->weight;
    a->next_lines = (size_t)c2_div_up(a_step * (int64_t)sizeof *a->weight,
                                      LINE * c2_words_products(words));
}

bool c2_panel_expects(const conv2d_device *device, const c2_problem *p)
{
    return c2_beyond_l2(device, c2_output_bytes(p) / 3);
}

void c2_panel_expect(c2_panel_args *a, const c2_words *words, const c2_target *target, int64_t y,
                     int64_t x)
{
    const c2_problem *p = target->problem;
    const int64_t *stride = p->output_stride;
    const bool by_pixels = stride[1] == 1;
    const int64_t products = (int64_t)a->n_steps * c2_words_products(words);
    if ((!by_pixels && stride[3] != 1) || products == 0)
        return;
    a->out = (uintptr_t)target->out +
             (uintptr_t)((y * stride[2] + x * stride[3]) * target->element);
    a->out_row = stride[by_pixels ? 3 : 1] * target->element;
    a->out_rows = (size_t)c2_div_up(by_pixels ? a->m : a->n, products);
}

double c2_panel_weight_bytes(const c2_words *words, const c2_pack_shape *pack, int64_t steps)
{
    const double a_step = (double)words->parts * (double)words->unit * (double)pack->width;
    return (double)pack->tiles.n * (double)steps * a_step * sizeof(uint32_t);
}

bool c2_panel_beyond_l2(double bytes) { return bytes > near_bytes; }

double c2_panel_weight_seconds(double bytes, double blocks)
{
    const double a_byte = c2_cost_in_memory(bytes)    ? far_weight
                          : c2_panel_beyond_l2(bytes) ? near_weight
                                                      : 0;
    return blocks * bytes * a_byte;
}

double c2_panel_cut_seconds(double floats) { return floats * part_float; }
