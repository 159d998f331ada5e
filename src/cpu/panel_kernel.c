/* SPDX-License-Identifier: BSD-2-Clause
 * What the drivers of the dot2_ch and dot3_ch kernels share; see panel_kernel.h. */
#include "cpu/panel_kernel.h"

#include "core/text_tables.h"
#include "cpu/cost.h"

enum { STEPS_AHEAD = 4, LINE = 64, STEP = 32, MOST_NUMBERS = INT32_MAX };

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

bool c2_panel_stores_late(const c2_problem *p, int axis, float *low, float *high)
{
    const bool plain_bias = !p->has_bias || p->bias_dtype == CONV2D_FLOAT32;
    return c2_clamp_of(p, low, high) && !p->has_residual && plain_bias &&
           p->output_dtype == CONV2D_FLOAT32 && p->output_stride[axis] == 1;
}

void c2_panel_keep(c2_panel_kept *kept, float low, float high)
{
    kept->side = 0;
    kept->waits = NULL;
    for (int i = 0; i < 2; i++) {
        kept->late[i].to.low = low;
        kept->late[i].to.high = high;
    }
}

c2_panel_late *c2_panel_own(c2_panel_kept *kept, const c2_target *target, int m, int n)
{
    c2_panel_late *own = &kept->late[kept->side];
    own->to.out = own->out;
    own->to.bias = (const float *)(const void *)target->bias;
    own->to.m = m;
    own->to.n = n;
    return own;
}

void c2_panel_wait(c2_panel_kept *kept, const float *acc, int first)
{
    c2_late *to = &kept->late[kept->side].to;
    to->acc = acc;
    to->first = first;
    kept->waits = to;
    kept->side = !kept->side;
}

void c2_panel_call(c2_panel_kept *kept, c2_panel_fn fn, c2_panel_args *a, const c2_target *target,
                   const c2_lanes *lanes, int nr, bool final)
{
    c2_panel_late *own = c2_panel_own(kept, target, (int)lanes->count, a->n);
    const int first = (a->n - 1) / nr * nr; /* of the last tile */
    if (!final || first > 0)
        c2_pixel_rows(target, lanes, own->out);
    a->late = kept->waits;
    a->own = first > 0 ? &own->to : NULL;
    fn(a);
    if (!final) {
        c2_panel_wait(kept, a->acc, first);
        return;
    }
    c2_target last = *target;
    last.out += first * last.element;
    last.bias = last.bias ? last.bias + first * last.element : NULL;
    kept->waits = NULL;
    c2_store_pixel_rows(&last, a->acc, nr, a->n - first, 1, lanes);
}

bool c2_panel_strip_supports(const c2_problem *p, double row, c2_why *why)
{
    if (p->padding_mode != CONV2D_PAD_ZEROS && c2_problem_is_padded(p))
        return c2_refuse(why, "padding mode %s: only zeros",
                         c2_word_of(c2_words_mode, p->padding_mode));
    /* Images of any size are asked for. */
    const double rows = (double)(p->kh - 1) * (double)p->dilation[0] + 1;
    if (row * rows > (double)MOST_NUMBERS)
        return c2_refuse(why, "rows of %.3g numbers, %.0f of them under an output row: fewer than "
                              "2^31 numbers only", row, rows);
    return true;
}

void c2_panel_set_steps(const c2_problem *p, int64_t in_a_row, int64_t a_tap, int64_t pitch,
                        int64_t pixel, int64_t n, ptrdiff_t *steps)
{
    for (int64_t i = 0; i < n; i++) {
        const int64_t tap = i / a_tap, ky = tap / in_a_row, kx = tap % in_a_row;
        steps[i] = (ky * p->dilation[0] * pitch + kx * p->dilation[1] * pixel + i % a_tap * STEP) *
                   (ptrdiff_t)sizeof(uint16_t);
    }
}

double c2_panel_weight_bytes(const c2_words *words, const c2_pack_shape *pack, int64_t steps)
{
    const double a_step = (double)words->parts * (double)words->unit * (double)pack->width;
    return (double)pack->tiles.n * (double)steps * a_step * sizeof(uint32_t);
}

bool c2_panel_beyond_l2(double bytes) { return bytes > near_bytes; }

double c2_panel_weight_seconds(double bytes, double part, double blocks)
{
    const double a_byte = c2_cost_in_memory(bytes)           ? far_weight
                          : c2_panel_beyond_l2(part * bytes) ? near_weight
                                                             : 0;
    return blocks * part * bytes * a_byte;
}

double c2_panel_cut_seconds(double floats) { return floats * part_float; }
