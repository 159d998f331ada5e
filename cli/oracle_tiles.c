/* SPDX-License-Identifier: BSD-2-Clause
 * S of Winograd algorithms, F(m,3) (docs/numerics.md): for each output element
 *     |b| + |r| + sum over channels of D * sum over taps of r(ky) r(kx) |w|
 * with D the largest |x| of the channel within m - 1 windows around that of the element, which is
 * filled up to pieces of 3 taps, each every stride-th: a convolution with a kernel of 1 x 1, whose
 * input is a maximum taken down the columns and along the rows. */
#include "oracle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int64_t oracle_source_index(int32_t mode, int64_t i, int64_t size)
{
    if (i >= 0 && i < size)
        return i;
    const int64_t period = mode == CONV2D_PAD_REFLECT ? 2 * (size - 1) : size;
    const int64_t r = period ? (i % period + period) % period : 0;
    switch (mode) {
    case CONV2D_PAD_REFLECT:
        return r < size ? r : period - r;
    case CONV2D_PAD_REPLICATE:
        return i < 0 ? 0 : size - 1;
    case CONV2D_PAD_CIRCULAR:
        return r;
    default:
        return -1;
    }
}

/* Of axis 0 (y) or 1 (x); one between outputs of which there is one alone. */
static int64_t stride_of(const cli_convolution *c, int axis)
{
    const conv2d_tensor *out = &c->output.t;
    return out->sizes[out->rank - 2 + axis] == 1 ? 1 : c->params.stride[axis];
}

/* Whether tap k, of the kernel or beyond it, is one of a piece: of three taps, stride apart, whose
 * first is the kernel's. */
static bool in_piece(const cli_convolution *c, int axis, int64_t k)
{
    const int64_t s = stride_of(c, axis);
    return k / (3 * s) * 3 * s + k % s < c->weight.t.sizes[2 + axis];
}

/* Taps up to the last one of a piece. */
static int64_t piece_taps(const cli_convolution *c, int axis)
{
    const int64_t taps = c->weight.t.sizes[2 + axis];
    int64_t end = taps == 1 ? 1 : taps + 3 * stride_of(c, axis);
    while (end > taps && !in_piece(c, axis, end - 1))
        end--;
    return end;
}

/* The leading padding of an axis, auto_pad resolved. */
static int64_t leading_pad(const cli_convolution *c, int axis)
{
    const conv2d_params *p = &c->params;
    const int64_t all = p->dilation[axis] * (c->weight.t.sizes[2 + axis] - 1);
    return p->auto_pad == CONV2D_AUTO_PAD_SAME ? all / 2 : p->padding[axis];
}

/* to[i * to_step], i < n: the largest of the input coordinates around output i. */
static void largest(const cli_convolution *c, int axis, int m, const double *from,
                    int64_t from_step, int64_t size, double *to, int64_t to_step, int64_t n)
{
    const int64_t stride = stride_of(c, axis), first = -leading_pad(c, axis);
    const int64_t around = c->weight.t.sizes[2 + axis] > 1 ? (m - 1) * stride : 0;
    const int64_t end = piece_taps(c, axis) + around;
    for (int64_t i = 0; i < n; i++) {
        double most = 0;
        for (int64_t tap = -around; tap < end; tap++) {
            const int64_t at = oracle_source_index(
                c->params.padding_mode, first + i * stride + tap * c->params.dilation[axis], size);
            if (at >= 0)
                most = fmax(most, from[at * from_step]);
        }
        to[i * to_step] = most;
    }
}

/* D of every channel and output pixel, into an input of the output's extents. */
static void fill_reach(const cli_convolution *c, int m, double least, double *planes,
                       double *column_maxima, double *to)
{
    const conv2d_tensor *in = &c->input.t, *out = &c->output.t;
    const int y = in->rank - 2, x = in->rank - 1;
    const int64_t h = in->sizes[y], w = in->sizes[x], oh = out->sizes[y], ow = out->sizes[x];
    size_t n = 0;
    for (tensor_walk walk = tensor_begin(in); walk.more; tensor_next(&walk)) {
        const double value = fabs(tensor_load(walk.at, in->dtype));
        planes[n++] = value <= 0x1p120 ? value : INFINITY; /* NaN, too */
    }
    for (const double *plane = planes; plane < planes + n; plane += h * w, to += oh * ow) {
        for (int64_t i = 0; i < w; i++)
            largest(c, 0, m, plane + i, w, h, column_maxima + i, w, oh);
        for (int64_t i = 0; i < oh; i++)
            largest(c, 1, m, column_maxima + i * w, 1, w, to + i * ow, 1, ow);
        for (int64_t i = 0; i < oh * ow; i++)
            to[i] += least;
    }
}

/* r of tap k: its place in its piece counts. */
static double tap_factor(const cli_convolution *c, int axis, int m, int64_t k)
{
    static const double outer[] = {[2] = 4, [4] = 18.3, [6] = 39.6};
    static const double inner[] = {[2] = 2, [4] = 8.3, [6] = 16.6};
    if (c->weight.t.sizes[2 + axis] == 1)
        return 1;
    return k / stride_of(c, axis) % 3 == 1 ? inner[m] : outer[m];
}

static void fill_taps(const cli_convolution *c, int m, double least, double *to)
{
    const int64_t kh = c->weight.t.sizes[2], kw = c->weight.t.sizes[3];
    double all[2] = {0}; /* of all taps of pieces, those beyond the kernel among them */
    for (int a = 0; a < 2; a++)
        for (int64_t k = 0; k < piece_taps(c, a); k++)
            all[a] += in_piece(c, a, k) ? tap_factor(c, a, m, k) : 0;
    int64_t n = 0;
    for (tensor_walk w = tensor_begin(&c->weight.t); w.more; tensor_next(&w), n++) {
        if (n % (kh * kw) == 0)
            to[n / (kh * kw)] = all[0] * all[1] * least;
        to[n / (kh * kw)] += tap_factor(c, 0, m, n / kw % kh) * tap_factor(c, 1, m, n % kw) *
                             fabs(tensor_load(w.at, c->weight.t.dtype));
    }
}

/* The convolution of 1 x 1 without its values. */
static bool make(const cli_convolution *c, cli_convolution *to, cli_error *error)
{
    const conv2d_params params = CONV2D_PARAMS_INIT;
    to->params = params;
    to->params.groups = c->params.groups;
    conv2d_tensor input = c->input.t, weight = c->weight.t, output = c->output.t;
    for (int a = 1; a <= 2; a++)
        input.sizes[input.rank - a] = output.sizes[output.rank - a];
    weight.sizes[2] = weight.sizes[3] = 1;
    input.dtype = weight.dtype = output.dtype = CONV2D_FLOAT64;
    return tensor_make(&input, CONV2D_NCHW, "largest inputs", &to->input, error) &&
           tensor_make(&weight, CONV2D_NCHW, "sums of weights", &to->weight, error) &&
           tensor_make(&output, CONV2D_NCHW, "float64 output", &to->output, error) &&
           (!c->bias.t.rank || tensor_copy(&c->bias.t, CONV2D_FLOAT64, CONV2D_NCHW, true,
                                           "float64 copy", &to->bias, error)) &&
           (!c->residual.t.rank || tensor_copy(&c->residual.t, CONV2D_FLOAT64, CONV2D_NCHW, true,
                                               "float64 copy", &to->residual, error));
}

static bool compute(conv2d_device *device, const cli_convolution *c, int m, bool flushes,
                    cli_tensor *out, cli_error *error)
{
    const double least = ldexp(1, (m == ORACLE_FFT ? -100 : -124) + (flushes ? 24 : 0));
    const int64_t oh = c->output.t.sizes[c->output.t.rank - 2];
    const int64_t h = c->input.t.sizes[c->input.t.rank - 2];
    const int64_t w = c->input.t.sizes[c->input.t.rank - 1];
    size_t n = 0;
    cli_convolution sums = CLI_CONVOLUTION_INIT;
    bool ok = tensor_count(&c->input.t, &n) && make(c, &sums, error);
    double *planes = malloc((n + (size_t)(h + w) + 1) * sizeof *planes);
    double *maxima = malloc((size_t)(oh * w + 1) * sizeof *maxima);
    if (ok && (!planes || !maxima))
        ok = cli_fail(error, CLI_FAILED, "no memory for the largest inputs");
    if (ok && m == ORACLE_FFT) {
        oracle_fill_norms(c, least, planes, sums.input.t.data);
        oracle_fill_filters(c, least, sums.weight.t.data);
    } else if (ok) {
        fill_reach(c, m, least, planes, maxima, sums.input.t.data);
        fill_taps(c, m, least, sums.weight.t.data);
    }
    if (ok)
        ok = oracle_reference(device, &sums, error);
    free(planes);
    free(maxima);
    if (ok) {
        *out = sums.output;
        sums.output = (cli_tensor)CLI_TENSOR_INIT;
    }
    convolution_free(&sums);
    return ok;
}

bool oracle_of_plan(conv2d_device *device, const cli_convolution *c, const conv2d_plan_info *info,
                    cli_oracle *oracle, cli_error *error)
{
    static const char *const prefixes[] = {"winograd_f", "split3_f"};
    int m = strcmp(info->algorithm, "fft") == 0 ? ORACLE_FFT : 0;
    bool parts = false;
    for (int i = 0; i < 2; i++) {
        const size_t n = strlen(prefixes[i]);
        if (strncmp(info->algorithm, prefixes[i], n) == 0) {
            m = info->algorithm[n] - '0';
            parts = i == 1;
        }
    }
    oracle->factor = info->bound;
    oracle->separable = strcmp(info->algorithm, "separable") == 0;
    if (m == 0 || (m == oracle->tile && parts == oracle->parts && oracle->tiles.block)) {
        oracle->tile = m;
        return true;
    }
    tensor_free(&oracle->tiles);
    oracle->tiles = (cli_tensor)CLI_TENSOR_INIT;
    oracle->tile = m;
    oracle->parts = parts;
    return compute(device, c, m, parts || c->params.flush_denormals, &oracle->tiles, error);
}
