/* SPDX-License-Identifier: BSD-2-Clause
 * S of fft (docs/numerics.md): for each output element
 *     |b| + |r| + 1.5 sum over channels of (|w|_1 + t) (|x|_2 + t)
 * with |w|_1 the sum of a filter's absolute values and |x|_2 the norm of what windows read of the
 * padded channel: a convolution with a kernel of 1 x 1, whose input is one norm in all pixels. */
#include <math.h>

#include "oracle.h"

/* How often padding and windows read each coordinate of an axis. */
static void count_reads(const cli_convolution *c, int axis, double *times)
{
    const conv2d_params *p = &c->params;
    const conv2d_tensor *in = &c->input.t, *out = &c->output.t;
    const int64_t size = in->sizes[in->rank - 2 + axis];
    const int64_t reach = (c->weight.t.sizes[2 + axis] - 1) * p->dilation[axis];
    const int64_t pad = p->auto_pad == CONV2D_AUTO_PAD_SAME ? reach / 2 : p->padding[axis];
    for (int64_t i = 0; i < size; i++)
        times[i] = 0;
    for (int64_t i = 0; i < out->sizes[out->rank - 2 + axis] + reach; i++) {
        const int64_t at = oracle_source_index(p->padding_mode, i - pad, size);
        if (at >= 0)
            times[at]++;
    }
}

void oracle_fill_norms(const cli_convolution *c, double least, double *times, double *to)
{
    const conv2d_tensor *in = &c->input.t, *out = &c->output.t;
    const int64_t h = in->sizes[in->rank - 2], w = in->sizes[in->rank - 1];
    const int64_t pixels = out->sizes[out->rank - 2] * out->sizes[out->rank - 1];
    double squares = 0;
    int64_t n = 0;
    count_reads(c, 0, times);
    count_reads(c, 1, times + h);
    for (tensor_walk walk = tensor_begin(in); walk.more; tensor_next(&walk)) {
        const double value = fabs(tensor_load(walk.at, in->dtype));
        const double read = times[n / w] * times[h + n % w];
        if (read > 0)
            squares += value <= 0x1p100 ? read * value * value : INFINITY; /* NaN, too */
        if (++n < h * w)
            continue;
        for (int64_t i = 0; i < pixels; i++)
            *to++ = sqrt(squares) + least;
        squares = 0;
        n = 0;
    }
}

void oracle_fill_filters(const cli_convolution *c, double least, double *to)
{
    const int64_t taps = c->weight.t.sizes[2] * c->weight.t.sizes[3];
    int64_t n = 0;
    for (tensor_walk w = tensor_begin(&c->weight.t); w.more; tensor_next(&w), n++) {
        if (n % taps == 0)
            to[n / taps] = 1.5 * least;
        const double value = fabs(tensor_load(w.at, c->weight.t.dtype));
        to[n / taps] += 1.5 * (value <= 0x1p100 ? value : INFINITY);
    }
}
