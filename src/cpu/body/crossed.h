/* SPDX-License-Identifier: BSD-2-Clause
 * crossed: pixels of few channels become words of their three parts, of which two stand side by
 * side, as kernels of two parts take them (cpu/group_strip.h). */
#include "cpu/kernels.h"

#define C2_CROSSED_(isa) c2_crossed_f32_3x16_##isa
#define C2_CROSSED(isa) C2_CROSSED_(isa)

enum { CROSSED_CHANNELS = 16 };

c2_crossed_kernel C2_CROSSED(C2_ISA);
void C2_CROSSED(C2_ISA)(const c2_parts_args *a)
{
    uint32_t *to = a->to;
    bool special = false;
    if (a->run == CROSSED_CHANNELS) {
        for (int i = 0; i < a->m; i++, to += a->row_pitch)
            special |= words_crossed(a->rows[i], CROSSED_CHANNELS, to);
    } else {
        for (int i = 0; i < a->m; i++, to += a->row_pitch)
            special |= words_crossed(a->rows[i], (int)a->run, to);
    }
    if (a->special)
        *a->special |= special;
}
