/* SPDX-License-Identifier: BSD-2-Clause
 * Pieces of what a driver does meanwhile (kernels.h), evenly spread over a kernel's products. Tile
 * registers multiply for 16 cycles, in which vector units can begin 32 instructions: a product of
 * two by two registers and a piece that takes as long end together. */
#ifndef C2_CPU_BODY_MEANWHILE_H
#define C2_CPU_BODY_MEANWHILE_H

#include "cpu/kernels.h"

typedef struct spread {
    c2_meanwhile what;
    size_t products, due; /* due: of `products` parts of a piece */
} spread;

/* Before each of so many products. */
static inline __attribute__((always_inline)) void meanwhile(spread *s)
{
    for (s->due += s->what.pieces; s->due >= s->products; s->due -= s->products)
        s->what.piece(s->what.state);
}

#endif
