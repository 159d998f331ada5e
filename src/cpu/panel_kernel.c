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
