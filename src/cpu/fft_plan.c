/* SPDX-License-Identifier: BSD-2-Clause
 * The tiles of the fft algorithm, and their seconds. */
#include <math.h>

#include "cpu/cost.h"
#include "cpu/fft.h"
#include "cpu/window.h"

/* Lengths, powers of two, times 3 or 5 (docs/numerics.md counts the roundings of these), and
 * nanoseconds that each number of a transform takes for each doubling of its length: KissFFT 131.1
 * of Debian 12 on Zen 4 at 3.7 GHz, November 2026. */
typedef struct length {
    int n;
    double doublings, ns;
} length;
static const length lengths[] = {
    {16, 4, 0.89}, {20, 4.32, 0.88}, {24, 4.58, 1.16}, {32, 5, 1.00},
    {40, 5.32, 0.90}, {48, 5.58, 0.93}, {64, 6, 0.77}, {80, 6.32, 0.77},
    {96, 6.58, 0.97}, {128, 7, 0.88}, {160, 7.32, 0.80}, {192, 7.58, 0.83},
    {256, 8, 0.72}, {320, 8.32, 0.72}, {384, 8.58, 0.88}, {512, 9, 0.81},
    {640, 9.32, 0.76}, {768, 9.58, 0.80}, {1024, 10, 0.72}};
enum { N_LENGTHS = sizeof lengths / sizeof lengths[0] };

/* Larger tiles that are fewer tasks of an image than this must be faster by so much on one thread,
 * for the sake of others. */
enum { WANTED_TASKS = 8 };
static const double few_tasks = 1.1;

/* A worker's scratch, and all packed spectra, at most. */
static const double scratch_bytes = 16 << 20, packed_bytes = 64 << 20;

/* There, too: what a number takes more, for each doubling, where it is read across rows of a plane
 * that exceeds the L1 or the L2 cache; seconds of a product of spectra and its addition, and more
 * where those of filters come from memory; of a number fetched or stored, and of one fetched whose
 * neighbours lie apart. Other machines of the table of speeds are slower cores (cost.c). Tiles are
 * the same on all of them: bits depend on tiles. */
static const double across_l1 = 0.14e-9, across_l2 = 0.28e-9;
static const double l1_bytes = 192 << 10, l2_bytes = 1 << 20, filters_near = 8 << 20;
static const double product_seconds = 0.9e-9, filter_seconds = 0.9e-9;
static const double fetch_seconds = 0.8e-9, gather_seconds = 1.2e-9, other_cores = 1.3;

static size_t aligned(int64_t n, size_t bytes)
{
    return c2_round_up((size_t)n * bytes, C2_ALIGN);
}

/* Sets what follows from the sizes; false if that is too much memory. */
static bool set_sizes(const c2_problem *p, c2_fft_plan *d)
{
    const int64_t ny = d->size[0], nx = d->size[1];
    d->points = ny * nx;
    const double spectrum = (double)d->points * sizeof(c2_complex);
    if (spectrum * (double)p->icg * (double)p->oc > packed_bytes ||
        spectrum * ((double)p->icg + 3) > scratch_bytes)
        return false;
    d->packed_bytes = (size_t)(p->oc * p->icg * d->points) * sizeof(c2_complex);
    d->plane_bytes = aligned(c2_max(ny * c2_fft_pitch((int)nx), nx * c2_fft_pitch((int)ny)),
                             sizeof(c2_complex));
    d->row_bytes = aligned(nx + C2_WINDOW_SLACK, sizeof(c2_complex));
    d->scratch_bytes = (size_t)((p->icg + 1) * d->points) * sizeof(c2_complex) + d->plane_bytes +
                       3 * d->row_bytes;
    int64_t n_tiles = 1;
    for (int a = 0; a < 2; a++) {
        const int64_t most = d->size[a] - d->extent[a] + 1, out = a ? p->ow : p->oh;
        if (most < 1)
            return false;
        d->tiles[a] = c2_split_even(out, c2_div_up(out, most));
        n_tiles *= d->tiles[a].n;
    }
    d->n_pairs = c2_div_up(n_tiles, 2);
    return true;
}

/* Seconds of one transform. */
static double transform_seconds(const length *l, double across)
{
    return l->n * l->doublings * (l->ns * 1e-9 + across);
}

static double seconds_of(const conv2d_device *device, const c2_problem *p, const c2_fft_plan *d,
                         const length *ly, const length *lx)
{
    const c2_speed *speed = c2_speed_of(device, c2_cpu_kernel(device, C2_FAMILY_EPILOGUE, 0));
    const double ny = ly->n, nx = lx->n, points = ny * nx;
    const double icg = (double)p->icg, ocg = (double)p->ocg;
    const double rows = (double)c2_div_up(p->oh, d->tiles[0].n);
    const double in_rows = rows + (double)d->extent[0] - 1;
    const double plane = (double)d->plane_bytes;
    const double across = plane > l2_bytes ? across_l2 : plane > l1_bytes ? across_l1 : 0;
    const double forward = in_rows * transform_seconds(lx, 0) + nx * transform_seconds(ly, across);
    const double back = nx * transform_seconds(ly, 0) + rows * transform_seconds(lx, across);
    const double filter = (double)d->packed_bytes > filters_near ? filter_seconds : 0;
    const double fetch = p->input_stride[3] != 1 ? gather_seconds : fetch_seconds;
    const double pair = icg * (forward + 2 * in_rows * nx * fetch) +
                        ocg * (back + 2 * rows * nx * fetch_seconds) +
                        icg * ocg * points * (product_seconds + filter);
    return (double)d->n_pairs * (double)p->groups * pair * (speed->cores[0] ? 1 : other_cores);
}

bool c2_fft_plan_make(const conv2d_device *device, const c2_problem *p, c2_fft_plan *plan_out)
{
    c2_fft_plan best = {.seconds = HUGE_VAL};
    double least = HUGE_VAL;
    for (int y = 0; y < N_LENGTHS; y++)
        for (int x = 0; x < N_LENGTHS; x++) {
            c2_fft_plan d = {.size = {lengths[y].n, lengths[x].n},
                             .extent = {(p->kh - 1) * p->dilation[0] + 1,
                                        (p->kw - 1) * p->dilation[1] + 1}};
            if (!set_sizes(p, &d))
                continue;
            d.seconds = seconds_of(device, p, &d, &lengths[y], &lengths[x]);
            const double few = d.n_pairs * p->groups < WANTED_TASKS ? few_tasks : 1;
            if (d.seconds * few < least) {
                least = d.seconds * few;
                best = d;
            }
        }
    if (!(best.seconds < HUGE_VAL))
        return false;
    *plan_out = best;
    return true;
}
