/* SPDX-License-Identifier: BSD-2-Clause
 * Problems, data and expected results; see sequence_cases.h. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sequence_cases.h"

static const char *const texts[N_CASES] = {
    "mb1ic3ih6oc4kh3ph1:bias",
    "mb2ic4ih5oc8kh1:in=nhwc:out=nhwc:bias",
    "g4mb1ic4ih6oc4kh3ph1:mode=reflect",
    "g6mb1ic6ih5iw7oc6kh3sh2:in=nhwc:out=nhwc:bias",
    "mb1ic2ih7oc3kh3dh1:res:dtype=f64",
    "g2mb1ic4ih5oc6kh2:bias:dtype=f16",
    "mb1ic3ih5oc5kh3ph1:in=nhwc:out=nhwc:dtype=bf16:mode=circular",
    "mb1ic8ih4oc16kh3ph1:acc=strict:res",
    "ic3ih6oc4kh3:unbatched:bias:mode=replicate",
    "mb0ic3ih6oc4kh3:bias",
    "mb1ic17ih3iw9oc5kh1:in=nchw:out=nhwc:bias:res",
    "g16mb4ic16ih20oc16kh3ph1:bias", /* enough work for the pool's threads */
};
seq_case seq_cases[N_CASES];

static void *need(void *pointer)
{
    if (!pointer) {
        fprintf(stderr, "no memory for the cases\n");
        exit(2);
    }
    return pointer;
}

static size_t elements(const conv2d_tensor *t)
{
    size_t n = 1;
    for (int i = 0; i < t->rank; i++)
        n *= (size_t)t->sizes[i];
    return n;
}

static void store(int32_t dtype, void *data, size_t i, double value)
{
    const float single = (float)value;
    if (dtype == CONV2D_FLOAT64)
        ((double *)data)[i] = value;
    else if (dtype == CONV2D_FLOAT16)
        conv2d_float32_to_float16(1, &single, (uint16_t *)data + i);
    else if (dtype == CONV2D_BFLOAT16)
        conv2d_float32_to_bfloat16(1, &single, (uint16_t *)data + i);
    else
        ((float *)data)[i] = single;
}

static double load(int32_t dtype, const void *data, size_t i)
{
    float single = 0;
    if (dtype == CONV2D_FLOAT64)
        return ((const double *)data)[i];
    if (dtype == CONV2D_FLOAT16)
        conv2d_float16_to_float32(1, (const uint16_t *)data + i, &single);
    else if (dtype == CONV2D_BFLOAT16)
        conv2d_bfloat16_to_float32(1, (const uint16_t *)data + i, &single);
    else
        single = ((const float *)data)[i];
    return single;
}

/* Whole numbers -2 .. 2, for as many elements as a dense tensor of these sizes has. */
static void fill(conv2d_tensor *t, unsigned seed)
{
    const size_t n = elements(t), bytes = n * conv2d_dtype_bytes(t->dtype);
    t->data = need(aligned_alloc(64, (bytes + 64) / 64 * 64));
    unsigned state = seed * 2654435761u + 99u;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        store(t->dtype, t->data, i, (double)((state >> 16) % 5) - 2);
    }
}

/* Element (n c h w) of a tensor of rank 4, or 3 without n. */
static size_t at(const conv2d_tensor *t, int64_t n, int64_t c, int64_t h, int64_t w)
{
    const int64_t *s = t->strides + t->rank - 3;
    return (size_t)((t->rank == 4 ? n * t->strides[0] : 0) + c * s[0] + h * s[1] + w * s[2]);
}

/* Index that a padding mode means by i, -1 for a zero. */
static int64_t source(int32_t mode, int64_t i, int64_t size)
{
    if (i >= 0 && i < size)
        return i;
    switch (mode) {
    case CONV2D_PAD_REFLECT:
        return i < 0 ? -i : 2 * (size - 1) - i;
    case CONV2D_PAD_REPLICATE:
        return i < 0 ? 0 : size - 1;
    case CONV2D_PAD_CIRCULAR:
        return (i + size) % size;
    default:
        return -1;
    }
}

static double window(const conv2d_problem *p, const int64_t o[4])
{
    const conv2d_params *q = &p->params;
    const int64_t *in = p->input.sizes + p->input.rank - 3, *k = p->weight.sizes;
    const int64_t first = o[1] / (k[0] / q->groups) * k[1]; /* channel of the input */
    double sum = 0;
    for (int64_t c = 0; c < k[1]; c++) {
        for (int64_t ky = 0; ky < k[2]; ky++) {
            const int64_t y = source(
                q->padding_mode, o[2] * q->stride[0] + ky * q->dilation[0] - q->padding[0], in[1]);
            for (int64_t kx = 0; kx < k[3]; kx++) {
                const int64_t x =
                    source(q->padding_mode,
                           o[3] * q->stride[1] + kx * q->dilation[1] - q->padding[1], in[2]);
                if (x < 0 || y < 0)
                    continue;
                sum += load(p->weight.dtype, p->weight.data, at(&p->weight, o[1], c, ky, kx)) *
                       load(p->input.dtype, p->input.data, at(&p->input, o[0], first + c, y, x));
            }
        }
    }
    return sum;
}

static double activate(const conv2d_params *q, double x)
{
    if (q->activation == CONV2D_ACT_RELU)
        return x > 0 ? x : 0;
    x = x < q->output_min ? q->output_min : x;
    return x > q->output_max ? q->output_max : x;
}

static void expect(seq_case *c, int variant)
{
    const conv2d_problem *p = &c->problem;
    const conv2d_tensor *t = &p->output;
    const int64_t *size = t->sizes + t->rank - 3, n = t->rank == 4 ? t->sizes[0] : 1;
    int64_t o[4];
    c->expected[variant] = need(calloc(1, c->output_bytes + 1));
    for (o[0] = 0; o[0] < n; o[0]++)
        for (o[1] = 0; o[1] < size[0]; o[1]++)
            for (o[2] = 0; o[2] < size[1]; o[2]++)
                for (o[3] = 0; o[3] < size[2]; o[3]++) {
                    const size_t i = at(t, o[0], o[1], o[2], o[3]);
                    double sum = window(p, o);
                    if (c->has_bias)
                        sum += load(t->dtype, p->bias.data, (size_t)o[1]);
                    if (c->has_residual)
                        sum += load(t->dtype, p->residual.data,
                                    at(&p->residual, o[0], o[1], o[2], o[3]));
                    store(t->dtype, c->expected[variant], i, activate(&c->params[variant], sum));
                }
}

void seq_cases_make(void)
{
    for (unsigned i = 0; i < N_CASES; i++) {
        seq_case *c = &seq_cases[i];
        if (conv2d_problem_parse(texts[i], &c->problem) != CONV2D_OK) {
            fprintf(stderr, "%s: %s\n", texts[i], conv2d_last_error());
            exit(2);
        }
        c->has_bias = c->problem.bias.rank != 0;
        c->has_residual = c->problem.residual.rank != 0;
        fill(&c->problem.input, 4 * i);
        fill(&c->problem.weight, 4 * i + 1);
        if (c->has_bias)
            fill(&c->problem.bias, 4 * i + 2);
        if (c->has_residual)
            fill(&c->problem.residual, 4 * i + 3);
        c->output_bytes =
            elements(&c->problem.output) * conv2d_dtype_bytes(c->problem.output.dtype);
        for (int v = 0; v < N_VARIANTS; v++)
            c->params[v] = c->problem.params;
        c->params[1].activation = CONV2D_ACT_RELU;
        c->params[2].output_min = -4;
        c->params[2].output_max = 6;
        for (int v = 0; v < N_VARIANTS; v++)
            expect(c, v);
    }
}

void seq_cases_free(void)
{
    for (int i = 0; i < N_CASES; i++) {
        conv2d_problem *p = &seq_cases[i].problem;
        free(p->input.data);
        free(p->weight.data);
        free(p->bias.data);
        free(p->residual.data);
        for (int v = 0; v < N_VARIANTS; v++)
            free(seq_cases[i].expected[v]);
    }
}

/* Sums are whole numbers, which all algorithms but Winograd's compute exactly; tuning may prefer
 * those where they take the problem. */
static double tolerance(const conv2d_problem *p)
{
    const int64_t *k = p->weight.sizes;
    const bool is_winograds = k[2] * k[3] > 1 && k[1] > 1 && p->weight.dtype != CONV2D_FLOAT64 &&
                              p->params.accuracy != CONV2D_ACCURACY_STRICT;
    return is_winograds ? 0x1p-10 : 0;
}

bool seq_case_equal(const seq_case *c, int variant, const void *output)
{
    const double allowed = tolerance(&c->problem);
    const unsigned char *x = output, *y = c->expected[variant];
    const size_t size = conv2d_dtype_bytes(c->problem.output.dtype);
    for (size_t i = 0; i < c->output_bytes; i += size) {
        if (memcmp(x + i, y + i, size) == 0)
            continue;
        const double a = load(c->problem.output.dtype, x, i / size);
        const double b = load(c->problem.output.dtype, y, i / size);
        if (!(fabs(a - b) <= allowed))
            return false;
    }
    return true;
}
