/* SPDX-License-Identifier: BSD-2-Clause
 * apart: random lengths, steps and places; every float must be the row's, and what lies behind the
 * places must stay as it was. */
#include <stdio.h>
#include <string.h>

#include "check.h"

enum { MOST = 70, STEPS = 4 };

static bool wrong(check *c, int phase, ptrdiff_t i)
{
    snprintf(c->why, c->why_bytes, "place %d, float %td is wrong", phase, i);
    return false;
}

static bool apart_case(check *c)
{
    rng *r = c->random;
    c2_apart_args a = {.step = rng_range(r, 0, 1) ? 2 : 4};
    a.n = check_size(r, MOST, c->kernel->nr);
    guard_buffer from = check_values(c, (size_t)(a.n * a.step)), to[STEPS];
    a.from = from.data;
    for (int j = 0; j < a.step; j++) {
        to[j] = guard_alloc((size_t)a.n * sizeof(float), c->at_end);
        a.to[j] = rng_range(r, 0, 4) ? to[j].data : NULL;
    }
    ((c2_apart_fn)c->kernel->fn)(&a);
    bool ok = true;
    for (int j = 0; j < a.step; j++)
        for (ptrdiff_t i = 0; ok && a.to[j] && i < a.n; i++)
            ok = a.to[j][i] == a.from[i * a.step + j] || wrong(c, j, i);
    guard_free(&from);
    for (int j = 0; j < a.step; j++)
        guard_free(&to[j]);
    return ok;
}

enum { BENCH = 256 };
static _Alignas(64) float bench_from[2 * BENCH], bench_to[2][BENCH];

static double apart_bench(const c2_kernel *k)
{
    const c2_apart_args a = {bench_from, BENCH, 2, {bench_to[0], bench_to[1]}};
    ((c2_apart_fn)k->fn)(&a);
    return (double)(2 * BENCH);
}

const check_family check_apart = {C2_FAMILY_APART, apart_case, apart_bench};
