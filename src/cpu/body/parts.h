/* SPDX-License-Identifier: BSD-2-Clause
 * parts: rows of pixels' channels become a panel of words, for each part of their numbers. Steps
 * outer: the panel is written from one end to the other. */
#include "cpu/kernels.h"

#define C2_PARTS_(parts, isa) c2_parts_f32_##parts##x16_##isa
#define C2_PARTS_NAME(parts, isa) C2_PARTS_(parts, isa)

enum { PARTS_STEP = 32 };

c2_parts_kernel C2_PARTS_NAME(C2_PARTS, C2_ISA);
void C2_PARTS_NAME(C2_PARTS, C2_ISA)(const c2_parts_args *a)
{
    const ptrdiff_t part_pitch = a->part_pitch;
    uint32_t *to = a->to;
    bool special = false;
    for (size_t k = 0; k < a->run; k += PARTS_STEP, to += a->step_pitch) {
        const size_t left = a->run - k;
        if (left >= PARTS_STEP) {
            for (int i = 0; i < a->m; i++)
                special |= words_of((const float *)a->rows[i] + k, PARTS_STEP, C2_PARTS,
                                    to + i * a->row_pitch, part_pitch);
        } else {
            for (int i = 0; i < a->m; i++)
                special |= words_of((const float *)a->rows[i] + k, (int)left, C2_PARTS,
                                    to + i * a->row_pitch, part_pitch);
        }
    }
    if (a->special)
        *a->special |= special;
}
