/* SPDX-License-Identifier: BSD-2-Clause
 * The measure of CONV2D_ACCURACY_DEFAULT and _FAST: on normal data the largest error is at most
 * 2e-5 or 2e-4 of the result's root mean square, for every candidate of layers of 3x3 to 9x9 and
 * of large filters up to K = 4608 and both layouts, against sums in float64. Prints what each
 * reaches. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case_run.h"
#include "cpu/kiss.h"
#include "support/rng.h"

/* Of candidates that default accepts, and of those that fast alone does. */
static const double promised = 2e-5, promised_fast = 2e-4;

typedef struct layer {
    int64_t ic, oc, size, dilation, kernel;
} layer;
static const layer layers[] = {
    {3, 8, 33, 1, 3},   {16, 8, 24, 1, 3},  {64, 8, 28, 1, 3},
    {70, 4, 19, 2, 3},  {256, 4, 14, 1, 3}, {512, 8, 15, 1, 3},
    {16, 8, 24, 1, 5},  {184, 4, 14, 1, 5}, {90, 4, 20, 1, 7}, {56, 4, 20, 1, 9},
    {1, 1, 96, 1, 31},  {1, 1, 80, 1, 63},  {9, 2, 60, 2, 21},
};
enum { ALL_TILES = 1 << 2 | 1 << 4 | 1 << 6, FFT_RAN = 1 << 7 };
enum { N_LAYERS = sizeof layers / sizeof layers[0], N_SEEDS = 3 };

typedef struct tensors {
    conv2d_tensor input, weight, output;
    conv2d_params params;
} tensors;

static double *fill(rng *r, conv2d_tensor *t, int64_t n)
{
    float *data = malloc((size_t)n * sizeof *data);
    double *exact = malloc((size_t)n * sizeof *exact);
    if (!data || !exact)
        exit(2);
    for (int64_t i = 0; i < n; i++)
        exact[i] = (double)(data[i] = (float)rng_normal(r));
    t->data = data;
    return exact;
}

/* One output element, padding as wide as the dilation; x in the tensor's own strides. */
static double sum_at(const layer *l, const conv2d_tensor *in, const double *x, const double *w,
                     const int64_t at[3])
{
    double sum = 0;
    for (int64_t c = 0; c < l->ic; c++)
        for (int64_t tap = 0; tap < l->kernel * l->kernel; tap++) {
            const int64_t iy = at[1] + (tap / l->kernel - l->kernel / 2) * l->dilation;
            const int64_t ix = at[2] + (tap % l->kernel - l->kernel / 2) * l->dilation;
            if (iy >= 0 && iy < l->size && ix >= 0 && ix < l->size)
                sum += x[c * in->strides[1] + iy * in->strides[2] + ix * in->strides[3]] *
                       w[(at[0] * l->ic + c) * l->kernel * l->kernel + tap];
        }
    return sum;
}

/* Largest error over the root mean square of one run. */
static double measure(conv2d_device *device, tensors *t, const layer *l, const double *want,
                      const char *algorithm)
{
    t->params.algorithm = algorithm;
    if (conv2d(device, &t->input, &t->weight, NULL, NULL, &t->params, &t->output)) {
        printf("FAIL %s: %s\n", algorithm, conv2d_last_error());
        exit(1);
    }
    double most = 0, squares = 0;
    const int64_t n = l->oc * l->size * l->size;
    for (int64_t i = 0; i < n; i++) {
        const int64_t x = i % l->size, y = i / l->size % l->size, o = i / l->size / l->size;
        const double got = (double)((const float *)t->output.data)[o * t->output.strides[1] +
                                                                   y * t->output.strides[2] +
                                                                   x * t->output.strides[3]];
        squares += want[i] * want[i];
        most = fmax(most, fabs(got - want[i]));
    }
    return most / sqrt(squares / (double)n);
}

/* Every candidate that accepts the layer; worst[]: of each so far. */
static int run_layer(conv2d_device *device, const layer *l, conv2d_order order, uint64_t seed,
                     const candidate *list, int n_candidates, double *worst)
{
    rng r = {seed};
    const conv2d_params params = CONV2D_PARAMS_INIT;
    tensors t = {.params = params};
    t.params.dilation[0] = t.params.dilation[1] = l->dilation;
    for (int i = 0; i < 4; i++)
        t.params.padding[i] = l->kernel / 2 * l->dilation;
    t.input = conv2d_tensor_of(CONV2D_FLOAT32, NULL, order, 1, l->ic, l->size, l->size);
    t.output = conv2d_tensor_of(CONV2D_FLOAT32, NULL, order, 1, l->oc, l->size, l->size);
    const int64_t k = l->kernel;
    t.weight = conv2d_tensor_of(CONV2D_FLOAT32, NULL, CONV2D_NCHW, l->oc, l->ic, k, k);
    const int64_t n = l->oc * l->size * l->size;
    double *x = fill(&r, &t.input, l->ic * l->size * l->size);
    double *w = fill(&r, &t.weight, l->oc * l->ic * k * k), *want = fill(&r, &t.output, n);
    for (int64_t i = 0; i < n; i++) {
        const int64_t at[3] = {i / l->size / l->size, i / l->size % l->size, i % l->size};
        want[i] = sum_at(l, &t.input, x, w, at);
    }
    conv2d_problem problem = {.struct_size = sizeof problem,
                              .input = t.input,
                              .weight = t.weight,
                              .bias = CONV2D_TENSOR_INIT,
                              .residual = CONV2D_TENSOR_INIT,
                              .output = t.output,
                              .params = t.params};
    const random_case c = {.problem = problem};
    random_case fast = c;
    fast.problem.params.accuracy = t.params.accuracy = CONV2D_ACCURACY_FAST;
    bool accepted[MAX_CANDIDATES], by_default[MAX_CANDIDATES];
    char why[WHY_BYTES];
    if (!ask_candidates(device, &c, list, n_candidates, by_default, why) ||
        !ask_candidates(device, &fast, list, n_candidates, accepted, why)) {
        printf("FAIL %s\n", why);
        exit(1);
    }
    int failures = 0;
    for (int i = 0; i < n_candidates; i++) {
        if (!accepted[i] || list[i].shadowed)
            continue;
        const double error = measure(device, &t, l, want, list[i].force);
        const double most = by_default[i] ? promised : promised_fast;
        worst[i] = fmax(worst[i], error);
        if (error <= most)
            continue;
        printf("FAIL %s, %d channels, %d x %d, seed %d: error / rms = %.3g, at most %g\n",
               list[i].force, (int)l->ic, (int)l->kernel, (int)l->kernel, (int)seed, error, most);
        failures++;
    }
    free(t.input.data);
    free(t.weight.data);
    free(t.output.data);
    free(x);
    free(w);
    free(want);
    return failures;
}

int main(int argc, char **argv)
{
    const char *match = argc == 3 && strcmp(argv[1], "--match") == 0 ? argv[2] : "";
    conv2d_device *device = open_device("cpu", 1, NULL);
    candidate list[MAX_CANDIDATES];
    const int n = list_candidates(device, list);
    bool large = false; /* filters are for fft, and take an emulated machine minutes */
    for (int i = 0; i < n; i++) { /* others are not run */
        list[i].shadowed |= strncmp(list[i].algorithm, match, strlen(match)) != 0;
        large |= !list[i].shadowed && oracle_is_fft(list[i].algorithm);
    }
    double worst[MAX_CANDIDATES] = {0};
    int failures = 0;
    for (int i = 0; i < N_LAYERS; i++)
        for (uint64_t seed = 1; seed <= N_SEEDS && (large || layers[i].kernel == 3); seed++)
            failures += run_layer(device, &layers[i], seed % 2 ? CONV2D_NHWC : CONV2D_NCHW, seed,
                                  list, n, worst);
    unsigned tiles = c2_kiss_present() ? 0 : FFT_RAN; /* bit m: F(m,3) has run */
    for (int i = 0; i < n; i++) {
        if (worst[i] > 0)
            tiles |= oracle_is_fft(list[i].algorithm) ? (unsigned)FFT_RAN
                                                      : 1u << oracle_tile(list[i].algorithm);
        if (worst[i] > 0)
            printf("%-28s %.2e\n", list[i].force, worst[i]);
    }
    conv2d_device_close(device);
    printf("accuracy: %d failures\n", failures);
    const unsigned all = (unsigned)ALL_TILES | (unsigned)FFT_RAN;
    return failures || (!match[0] && (tiles & all) != all);
}
