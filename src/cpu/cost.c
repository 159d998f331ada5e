/* SPDX-License-Identifier: BSD-2-Clause
 * Speeds of the cost model. avx512, avx2 and generic: from tests/kernel --bench and the layers of
 * bench/models/peers.txt on a Xeon at 2.8 GHz (Ice Lake), November 2026, rounded. neon: assumed (a
 * core of 3 GHz with two FMA pipes), not measured. */
#include "cpu/cost.h"

#include <math.h>
#include <string.h>

static const c2_speed speeds[] = {
    {"avx512", 75e9, 30e9, 0.15e-9, 8e-9, 0.6e-9, 0.10e-9, 0.9e-9, 1.0e-9, 25e-9},
    {"avx2", 38e9, 18e9, 0.15e-9, 8e-9, 0.6e-9, 0.15e-9, 0.9e-9, 1.0e-9, 25e-9},
    {"neon", 20e9, 8e9, 0.25e-9, 8e-9, 0.8e-9, 0.30e-9, 1.0e-9, 1.0e-9, 25e-9},
    {"generic", 9e9, 5e9, 0.25e-9, 8e-9, 0.8e-9, 0.30e-9, 1.0e-9, 1.0e-9, 25e-9},
};

const c2_speed *c2_speed_of(const c2_kernel *kernel)
{
    const size_t n = sizeof speeds / sizeof speeds[0];
    for (size_t i = 0; i + 1 < n; i++) {
        if (strcmp(speeds[i].isa, kernel->isa) == 0)
            return &speeds[i];
    }
    return &speeds[n - 1];
}

double c2_cost_small_tile(double rows, double vectors, double loads_a_vector)
{
    const double products = rows * vectors;
    return fmax(1, fmax(8, rows + loads_a_vector * vectors) / products);
}

double c2_cost_epilogue(const c2_speed *speed, const c2_problem *p, int lane_axis)
{
    const double n = (double)p->n * (double)p->oc * (double)p->oh * (double)p->ow;
    const int64_t lanes = lane_axis == 1 ? p->oc : p->ow;
    double a_float = p->output_stride[lane_axis] == 1 || lanes == 1 ? speed->store : speed->scatter;
    if (p->has_residual)
        a_float += p->residual_stride[lane_axis] == 1 || lanes == 1 ? speed->store : speed->scatter;
    return n * a_float;
}
