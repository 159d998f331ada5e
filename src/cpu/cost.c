/* SPDX-License-Identifier: BSD-2-Clause
 * Speeds of the cost model, from tests/kernel --bench and the layers of bench/models/peers.txt,
 * November 2026, rounded. avx512, avx2 and generic: a Xeon at 2.8 GHz (Ice Lake); those of amd: an
 * EPYC at 3.7 GHz (Zen 4, which computes 512 bits in two halves), avx2 one of 3 GHz (Zen 3) that
 * has no more than that; amd-zen5: an EPYC VM of Zen 5, fitted to the times of all candidates for
 * the layers of peers.txt and 212 random ones, not for those of second.txt. neon: assumed (a core
 * of 3 GHz with two FMA pipes), not measured. In rows of kernels of pairs a product is one of
 * words. The columns from near_weights to stay were measured for avx512 on a Granite Rapids VM,
 * where near_weights of 16 KB cost dilated depthwise layers up to a third, and outputs of 30 to
 * 40 MB with their inputs are stored and read again faster through the caches; and for avx2 of amd
 * on that Zen 3. On the Granite Rapids copy, gather, turn, again, far_row and amx's call were set
 * anew, by all candidates of peers.txt and of 190 random layers; those of second.txt agree. far_row
 * of Intel's avx2 was not measured again: it is a third of what was, since c2_cost_far_rows counts
 * three. Those of amd, avx512, stay as they were; so does l2, which only Zen 3 is known to need
 * less of. */
#include "cpu/cost.h"

#include <math.h>
#include <string.h>

#include "core/dtype.h"

static const c2_speed speeds[] = {
    /* Words of 16 x 16 x 16 in 8.5 ns (Sapphire Rapids VM, trial of one core, real data: 6.7 ns a
     * multiplication, 8 to 9.5 with its loads and stores); the rest is avx512's. */
    {"amx", "", 480e9, 30e9, 0.10e-9, 8e-9, 0.5e-9, 0.10e-9, 0.9e-9, 1.0e-9, 0.05e-9,
     0.08e-9, 0.15e-9, 35e-9, 16 << 10, 0.02e-9, 6e-9, 48 << 20, 2 << 20, 0,
     40 << 10, 0.896, 1, 12},
    {"avx512_bf16", "amd-zen5", 114e9, 30e9, 0.034e-9, 5.2e-9, 0.065e-9, 0.022e-9, 0.21e-9,
     1.5e-9, 0.041e-9, 0.019e-9, 0.0325e-9, 18.5e-9, 32 << 10, 0, 2.5e-9, 24 << 20, 1 << 20,
     1.1e-9, 128 << 10, 0.94, 0.905, 12},
    {"avx512_bf16", "amd", 52e9, 18e9, 0.12e-9, 6e-9, 0.4e-9, 0.10e-9, 0.7e-9, 0.7e-9,
     0.06e-9, 0.08e-9, 0.11e-9, 18e-9, 16 << 10, 0, 0, 24 << 20, 2 << 20, 0,
     40 << 10, 0.896, 1, 8},
    {"avx512_bf16", "", 75e9, 30e9, 0.10e-9, 8e-9, 0.3e-9, 0.10e-9, 0.9e-9, 1.0e-9, 0.05e-9,
     0.07e-9, 0.15e-9, 25e-9, 16 << 10, 0, 6e-9, 48 << 20, 2 << 20, 0,
     40 << 10, 0.896, 1, 12},
    {"avx512", "amd-zen5", 117e9, 30e9, 0.034e-9, 5.2e-9, 0.065e-9, 0.022e-9, 0.21e-9,
     1.5e-9, 0.041e-9, 0.019e-9, 0.0325e-9, 18.5e-9, 32 << 10, 0, 2.5e-9, 24 << 20, 1 << 20,
     1.1e-9, 128 << 10, 0.94, 0.905, 12},
    {"avx512", "amd", 55e9, 18e9, 0.12e-9, 6e-9, 0.4e-9, 0.10e-9, 0.7e-9, 0.7e-9,
     0.06e-9, 0.08e-9, 0.11e-9, 18e-9, 16 << 10, 0, 0, 24 << 20, 2 << 20, 0,
     40 << 10, 0.896, 1, 8},
    {"avx512", "", 75e9, 30e9, 0.10e-9, 8e-9, 0.3e-9, 0.10e-9, 0.9e-9, 1.0e-9, 0.05e-9,
     0.07e-9, 0.15e-9, 25e-9, 128 << 10, 0.035e-9, 6e-9, 48 << 20, 2 << 20, 0,
     40 << 10, 0.896, 1, 12},
    {"avx2", "amd", 48e9, 13e9, 0.12e-9, 6e-9, 0.4e-9, 0.15e-9, 0.7e-9, 0.7e-9, 0.12e-9,
     0.08e-9, 0.11e-9, 18e-9, 16 << 10, 0.02e-9, 20e-9, 24 << 20, 512 << 10, 1.2e-9,
     20 << 10, 1.24, 1, 8},
    {"avx2", "", 38e9, 18e9, 0.15e-9, 8e-9, 0.6e-9, 0.15e-9, 0.9e-9, 1.0e-9, 0.10e-9,
     0.12e-9, 0.20e-9, 25e-9, 16 << 10, 0, 10e-9, 48 << 20, 2 << 20, 0,
     40 << 10, 0.896, 1, 8},
    {"neon", "", 20e9, 8e9, 0.25e-9, 8e-9, 0.8e-9, 0.30e-9, 1.0e-9, 1.0e-9, 0.20e-9,
     0.25e-9, 0.25e-9, 25e-9, 16 << 10, 0, 0, 24 << 20, 2 << 20, 0,
     40 << 10, 0.896, 1, 8},
    {"generic", "", 9e9, 5e9, 0.25e-9, 8e-9, 0.8e-9, 0.30e-9, 1.0e-9, 1.0e-9, 0.30e-9,
     0.50e-9, 0.25e-9, 25e-9, 16 << 10, 0, 0, 24 << 20, 2 << 20, 0,
     40 << 10, 0.896, 1, 8},
};

static const double transposed_store = 3; /* times a store's seconds */

const c2_speed *c2_speed_of(const conv2d_device *device, const c2_kernel *kernel)
{
    const char *cores = ((const c2_cpu_device *)device)->machine.cores;
    const size_t n = sizeof speeds / sizeof speeds[0];
    for (size_t i = 0; i + 1 < n; i++) {
        const c2_speed *s = &speeds[i];
        if (strcmp(s->isa, kernel->isa) == 0 && strncmp(s->cores, cores, strlen(s->cores)) == 0)
            return s;
    }
    return &speeds[n - 1];
}

double c2_cost_small_tile(double rows, double vectors, double loads_a_vector)
{
    const double products = rows * vectors;
    return fmax(1, fmax(8, rows + loads_a_vector * vectors) / products);
}

/* Seconds a float of a tensor read or written along lane_axis takes; along the other of 1 and 3,
 * which rows have, tiles are transposed. */
static double access_cost(const c2_speed *speed, const int64_t stride[4], int lane_axis, int64_t n)
{
    if (stride[lane_axis] == 1 || n == 1)
        return speed->store;
    return stride[4 - lane_axis] == 1 ? transposed_store * speed->store : speed->scatter;
}

double c2_cost_epilogue(const c2_speed *speed, const c2_problem *p, int lane_axis)
{
    const double n = (double)p->n * (double)p->oc * (double)p->oh * (double)p->ow;
    const int64_t lanes = lane_axis == 1 ? p->oc : p->ow;
    double a_float = access_cost(speed, p->output_stride, lane_axis, lanes);
    if (p->has_residual)
        a_float += access_cost(speed, p->residual_stride, lane_axis, lanes);
    return n * a_float;
}

static const double cache_bytes = 32 << 20; /* of the last level */

double c2_input_bytes(const c2_problem *p)
{
    const double pixels = (double)p->n * (double)p->h * (double)p->w;
    return pixels * (double)(p->groups * p->icg) * (double)c2_dtype_bytes(p->input_dtype);
}

double c2_output_bytes(const c2_problem *p)
{
    const double outputs = (double)p->n * (double)p->oc * (double)p->oh * (double)p->ow;
    return outputs * (double)c2_dtype_bytes(p->output_dtype);
}

double c2_tensor_bytes(const c2_problem *p) { return c2_input_bytes(p) + c2_output_bytes(p); }

bool c2_beyond_l2(const conv2d_device *device, double bytes)
{
    return bytes > (double)((const c2_cpu_device *)device)->machine.l2_bytes;
}

bool c2_cost_in_memory(double bytes) { return bytes > cache_bytes; }

double c2_cost_far_rows(const c2_speed *speed, const c2_problem *p, double rows)
{
    /* Rows of 264 and 1280 bytes, copied or turned, 3x3 128-3@256, 32-9@256, 16-32@320 with stride
     * 2 and 64@256 on Zen 3; images of 1.5 times the L2 cache take less. */
    const double times = 3, l2 = 4;
    if (p->input_stride[3] != 1 || c2_input_bytes(p) / (double)p->n <= l2 * speed->l2)
        return 0;
    return rows * times * speed->far_row;
}

bool c2_input_is_far(const c2_problem *p) { return c2_cost_in_memory(c2_input_bytes(p)); }

bool c2_may_stream(const c2_run_args *args, const c2_kernel *kernel)
{
    const c2_problem *p = args->problem;
    const int64_t line = 64 / sizeof(float), *stride = p->output_stride;
    const bool lines = stride[0] % line == 0 && stride[2] % line == 0 && stride[3] % line == 0 &&
                       (p->groups == 1 || p->ocg == 1 || p->ocg % line == 0);
    return p->output_dtype == CONV2D_FLOAT32 && stride[1] == 1 && lines &&
           (uintptr_t)args->output.data % 64 == 0 &&
           c2_tensor_bytes(p) > c2_speed_of(args->device, kernel)->stay;
}

enum { MOST_TAPS = 4096 }; /* rows or columns of taps that are looked at, one by one */

double c2_live_part(const c2_problem *p, int axis)
{
    const int64_t size[2] = {p->h, p->w}, taps[2] = {p->kh, p->kw}, outputs[2] = {p->oh, p->ow};
    const int64_t k = taps[axis], n = outputs[axis], stride = p->stride[axis];
    int64_t live = 0;
    if (p->padding_mode != CONV2D_PAD_ZEROS || k > MOST_TAPS)
        return 1;
    for (int64_t t = 0; t < k; t++) {
        const int64_t first = t * p->dilation[axis] - p->pad[axis]; /* under output 0 */
        const int64_t begin = first < 0 ? c2_div_up(-first, stride) : 0;
        const int64_t end =
            first < size[axis] ? c2_min(n, (size[axis] - 1 - first) / stride + 1) : 0;
        live += c2_max(0, end - begin);
    }
    return (double)live / ((double)k * (double)n);
}
