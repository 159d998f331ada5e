/* SPDX-License-Identifier: BSD-2-Clause
 * Random convolutions, drawn step by step: family, channels, kernel, window, extents, layouts,
 * epilogue, limits. Every step writes its label for the count matrix, so that a cell counts what
 * was drawn and not what somebody believes was drawn. */
#include "random_problem.h"

#include <string.h>

#include "random_layout.h"
#include "support/rng.h"

/* Extents around the lanes and rows of the kernels (4 .. 64), small ones first. */
static const int widths[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  11, 12, 13, 14, 15,
                             16, 17, 24, 27, 28, 31, 32, 33, 47, 48, 49, 63, 64, 65};
static const int large_widths[] = {17, 24, 28, 31, 33, 47, 48, 56, 63, 65, 97, 130};
static const int channels[] = {1,  1,  2,  3,  3,  4,  4,  5,  6,  7,  8,  8,  9,
                               12, 15, 16, 16, 17, 24, 31, 32, 33, 48, 64, 65, 70};
static const int many_channels[] = {24, 33, 48, 64, 65, 70, 96, 127, 128, 160};
static const int most_channels[] = {363, 384, 385, 400, 431, 512, 513};
static const int strides[][2] = {[STRIDE_1] = {1, 1}, [STRIDE_2] = {2, 2}, [STRIDE_3] = {3, 3}};

/* Most multiply-adds of each size. Small ones leave time for 20,000 problems; big weights are used
 * for a few pixels. */
static const int64_t budgets[] = {
    [SIZE_SMALL] = 30000, [SIZE_LARGE] = 500000, [SIZE_WEIGHTS] = 2500000};

enum { BIG_WEIGHTS_BYTES = 1 << 19 }; /* from here on drivers loop over the weights outside */

/* A weighted list: draw() returns an index with probability weight / sum of weights. */
static int draw(rng *r, const int *weights, int n)
{
    int64_t sum = 0;
    for (int i = 0; i < n; ++i)
        sum += weights[i];
    int64_t x = rng_range(r, 0, sum - 1);
    for (int i = 0; i < n; ++i) {
        x -= weights[i];
        if (x < 0)
            return i;
    }
    return n - 1;
}
#define DRAW(r, ...) \
    draw(r, (const int[]){__VA_ARGS__}, (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)))

static bool percent(rng *r, int p)
{
    return rng_range(r, 0, 99) < p;
}

#define PICK(r, list) (list)[rng_range(r, 0, (int64_t)(sizeof(list) / sizeof(list)[0]) - 1)]

static void draw_kernel(rng *r, random_case *c)
{
    int64_t *k = c->problem.weight.sizes + 2;
    static const int squares[] = {2, 4, 5, 5, 7};
    const bool weights = c->label[AXIS_SIZE] == SIZE_WEIGHTS;
    const int kind = weights ? DRAW(r, 60, 40) : DRAW(r, 27, 33, 11, 9, 9, 8, 7);
    c->label[AXIS_KERNEL] = kind;
    switch (kind) {
    case KERNEL_1X1:
        k[0] = k[1] = 1;
        break;
    case KERNEL_3X3:
        k[0] = k[1] = 3;
        break;
    case KERNEL_SQUARE:
        k[0] = k[1] = PICK(r, squares);
        break;
    case KERNEL_ROW:
        k[0] = 1, k[1] = rng_range(r, 2, 7);
        break;
    case KERNEL_COLUMN:
        k[0] = rng_range(r, 2, 7), k[1] = 1;
        break;
    case KERNEL_OTHER:
        k[0] = rng_range(r, 2, 3), k[1] = k[0] + rng_range(r, 1, 4);
        break;
    default:
        k[0] = rng_range(r, 5, 31), k[1] = rng_range(r, 9, 31);
        break;
    }
}

static void draw_stride(rng *r, random_case *c)
{
    conv2d_params *p = &c->problem.params;
    /* Of 3x3, Winograd algorithms take a stride of 1 most often. */
    const int kind = c->label[AXIS_KERNEL] == KERNEL_3X3 ? DRAW(r, 48, 12, 7, 8, 16, 9)
                                                         : DRAW(r, 40, 15, 8, 10, 15, 12);
    c->label[AXIS_STRIDE] = kind;
    if (kind <= STRIDE_3) {
        memcpy(p->stride, (int64_t[2]){strides[kind][0], strides[kind][1]}, sizeof p->stride);
        if (kind == STRIDE_3 && percent(r, 40))
            p->stride[0] = p->stride[1] = 4;
        return;
    }
    if (kind != STRIDE_DILATED) {
        p->stride[0] = rng_range(r, 1, 4);
        p->stride[1] = p->stride[0] % 4 + 1;
    }
    if (kind != STRIDE_UNEQUAL) {
        p->dilation[0] = rng_range(r, 1, 4);
        p->dilation[1] = p->dilation[0] == 1 ? rng_range(r, 2, 4) : rng_range(r, 1, 4);
    }
}

/* Few of the problems above have one input channel a group, a kernel 3, 5 or 7 wide, stride 1 or 2
 * and no dilation along x: here are more, most of them with lanes over pixels in mind. A stride of
 * 3 or 4 is left to images of one pixel, some of whose inputs are one pixel too: there any layout
 * has neighbouring channels or columns. */
static void draw_depthwise_rows(rng *r, random_case *c)
{
    static const int odd[] = {3, 5, 7};
    int64_t *k = c->problem.weight.sizes + 2;
    conv2d_params *p = &c->problem.params;
    if (c->label[AXIS_STRIDE] == STRIDE_1 && percent(r, 40)) {
        c->label[AXIS_STRIDE] = STRIDE_3;
        p->stride[0] = p->stride[1] = 3;
    }
    const int kind = c->label[AXIS_STRIDE];
    c->depthwise_rows = true;
    k[1] = PICK(r, odd);
    k[0] = percent(r, 80) ? k[1] : rng_range(r, 1, 7);
    c->label[AXIS_KERNEL] = k[0] == 1      ? KERNEL_ROW
                            : k[0] != k[1] ? KERNEL_OTHER
                            : k[0] == 3    ? KERNEL_3X3
                                           : KERNEL_SQUARE;
    if (kind == STRIDE_UNEQUAL && percent(r, 50))
        p->stride[0] = 2;
    if (kind == STRIDE_UNEQUAL || kind == STRIDE_BOTH)
        p->stride[1] = p->stride[0] == 1 ? 2 : 1;
    if (kind >= STRIDE_DILATED && p->dilation[0] == 1)
        p->dilation[0] = rng_range(r, 2, 4);
    p->dilation[1] = 1;
}

static int64_t draw_extent(rng *r, int size, int axis)
{
    if (size == SIZE_WEIGHTS)
        return rng_range(r, 1, 3);
    if (size == SIZE_LARGE)
        return percent(r, 70) ? PICK(r, large_widths) : rng_range(r, 3, 12);
    return percent(r, axis == 1 ? 60 : 15) ? PICK(r, widths) : rng_range(r, 1, 9);
}

/* Output extents, paddings, and from them the input's extents: so every output size is reached. */
static void draw_window(rng *r, random_case *c)
{
    conv2d_problem *q = &c->problem;
    conv2d_params *p = &q->params;
    static const int modes[] = {CONV2D_PAD_ZEROS, CONV2D_PAD_ZEROS, CONV2D_PAD_REFLECT,
                                CONV2D_PAD_REPLICATE, CONV2D_PAD_CIRCULAR};
    const bool one = c->label[AXIS_KERNEL] == KERNEL_1X1; /* seldom padded */
    const bool one_pixel = c->depthwise_rows && c->label[AXIS_STRIDE] == STRIDE_3;
    const int kind = one && percent(r, 60) ? PADDING_NONE
                     : c->depthwise_rows   ? DRAW(r, 20, 56, 8, 8, 8)
                                           : DRAW(r, 30, 34, 12, 12, 12);
    const int size = c->label[AXIS_SIZE];
    bool padded = false;
    p->padding_mode = kind == PADDING_NONE ? (int)rng_range(r, 0, 3) : modes[kind];
    for (int a = 0; a < 2; ++a) {
        const int64_t k = q->weight.sizes[2 + a], reach = p->dilation[a] * (k - 1) + 1;
        const int64_t out = one_pixel ? 1 : draw_extent(r, size, a);
        const int64_t slack = percent(r, 30) ? rng_range(r, 0, p->stride[a] - 1) : 0;
        const int64_t extent = (out - 1) * p->stride[a] + reach + slack;
        int64_t before = 0, after = 0;
        if (kind != PADDING_NONE) {
            const int64_t most = percent(r, 10) ? reach + 2 : k == 1 ? 1 : (reach + 1) / 2;
            before = percent(r, 80) ? rng_range(r, 0, most) : 0;
            after = percent(r, 60) ? before : rng_range(r, 0, most);
        }
        if (one_pixel && kind == PADDING_ZEROS)
            before = after = (extent - 1) / 2;
        /* Shrink until the mode allows the paddings: size >= 1, > padding for reflect, >= padding
         * for circular. */
        const int64_t least = kind == PADDING_REFLECT ? 1 : 0;
        while (before + after > 0) {
            const int64_t left = extent - before - after;
            const int64_t widest = before > after ? before : after;
            const bool bounded = kind == PADDING_REFLECT || kind == PADDING_CIRCULAR;
            if (left >= 1 && (!bounded || left >= widest + least))
                break;
            *(before > after ? &before : &after) -= 1;
        }
        p->padding[a] = before;
        p->padding[2 + a] = after;
        q->input.sizes[2 + a] = extent - before - after;
        q->output.sizes[2 + a] = out;
        /* with a stride, the last window may not reach the padding behind */
        padded |= before > 0 || (out - 1) * p->stride[a] + reach > before + q->input.sizes[2 + a];
    }
    c->label[AXIS_PADDING] = padded ? kind : PADDING_NONE;
}

/* "valid" and "same" instead of numbers, where they mean what was drawn or can be made to. */
static void draw_auto_pad(rng *r, random_case *c)
{
    conv2d_problem *q = &c->problem;
    conv2d_params *p = &q->params;
    if (!percent(r, 15))
        return;
    if (!(p->padding[0] | p->padding[1] | p->padding[2] | p->padding[3])) {
        p->auto_pad = CONV2D_AUTO_PAD_VALID;
        return;
    }
    if (p->padding_mode != CONV2D_PAD_ZEROS || p->stride[0] != 1 || p->stride[1] != 1)
        return;
    p->auto_pad = CONV2D_AUTO_PAD_SAME;
    memset(p->padding, 0, sizeof p->padding);
    bool padded = false;
    for (int a = 0; a < 2; ++a) {
        q->input.sizes[2 + a] = q->output.sizes[2 + a];
        padded |= q->weight.sizes[2 + a] > 1;
    }
    c->label[AXIS_PADDING] = padded ? PADDING_ZEROS : PADDING_NONE;
}

static int64_t draw_count(rng *r, int size)
{
    return size == SIZE_SMALL   ? PICK(r, channels)
           : size == SIZE_LARGE ? PICK(r, many_channels)
                                : PICK(r, most_channels);
}

static void draw_channels(rng *r, random_case *c)
{
    conv2d_problem *q = &c->problem;
    const int size = c->label[AXIS_SIZE];
    /* Groups read with lanes over channels take those of one pixel in any layout, too. */
    const bool one_pixel = c->depthwise_rows && c->label[AXIS_STRIDE] == STRIDE_3;
    const int kind = size == SIZE_WEIGHTS ? GROUPS_DENSE
                     : one_pixel          ? DRAW(r, 0, 60, 32, 8)
                     : c->depthwise_rows  ? DRAW(r, 0, 0, 75, 25)
                                          : DRAW(r, 52, 23, 19, 6);
    int64_t groups = 1, icg = draw_count(r, size), ocg = draw_count(r, size);
    if (size == SIZE_WEIGHTS && q->weight.sizes[2] > 1) /* 3x3: fewer make as many weights */
        icg /= 3, ocg /= 3;
    if (kind == GROUPS_SOME) {
        groups = percent(r, 75) ? rng_range(r, 2, 5) : rng_range(r, 6, 34);
        icg = percent(r, 15) ? 1 : percent(r, 70) ? rng_range(r, 2, 9) : rng_range(r, 10, 64);
        ocg = percent(r, 70) ? rng_range(r, 1, 9) : PICK(r, channels);
        if (percent(r, 30)) /* half of them a vector of some lanes, or a part of it */
            ocg = icg = percent(r, 50) ? icg : 1 << rng_range(r, 1, 4);
        if (icg == 1 && ocg == 1)
            ocg = 5;
    } else if (kind >= GROUPS_DEPTHWISE) {
        groups = draw_count(r, size);
        groups += groups == 1;
        icg = 1;
        ocg = kind == GROUPS_DEPTHWISE ? 1 : rng_range(r, 2, 4);
    }
    q->input.sizes[0] = DRAW(r, 2, 78, 14, 6);
    /* Into the budget: fewer images, then smaller channel counts, then fewer groups. */
    const int64_t each =
        q->weight.sizes[2] * q->weight.sizes[3] * q->output.sizes[2] * q->output.sizes[3];
    while (q->input.sizes[0] * groups * icg * ocg * each > budgets[size]) {
        if (q->input.sizes[0] > 1)
            q->input.sizes[0] = 1;
        else if (icg > 1 && icg >= ocg)
            icg = icg * 2 / 3;
        else if (ocg > 1 && kind < GROUPS_DEPTHWISE)
            ocg = ocg * 2 / 3;
        else if (groups > 2)
            groups = groups * 2 / 3;
        else
            break;
    }
    c->label[AXIS_GROUPS] = groups > 1 ? GROUPS_SOME : GROUPS_DENSE;
    if (icg == 1)
        c->label[AXIS_GROUPS] = ocg == 1 ? GROUPS_DEPTHWISE : GROUPS_MULTIPLIER;
    q->params.groups = groups;
    q->weight.sizes[0] = groups * ocg;
    q->weight.sizes[1] = icg;
    q->input.sizes[1] = groups * icg;
    q->output.sizes[0] = q->input.sizes[0];
    q->output.sizes[1] = groups * ocg;
}

/* Strides as they count: not where there is one window. */
static void label_stride(random_case *c)
{
    const conv2d_params *p = &c->problem.params;
    const bool dilated = p->dilation[0] > 1 || p->dilation[1] > 1;
    int64_t s[2];
    for (int a = 0; a < 2; ++a)
        s[a] = c->problem.output.sizes[2 + a] > 1 ? p->stride[a] : 1;
    int kind = s[0] == 1 ? STRIDE_1 : s[0] == 2 ? STRIDE_2 : STRIDE_3;
    if (s[0] != s[1])
        kind = STRIDE_UNEQUAL;
    if (dilated)
        kind = kind == STRIDE_1 ? STRIDE_DILATED : STRIDE_BOTH;
    c->label[AXIS_STRIDE] = kind;
}

int64_t random_case_macs(const random_case *c)
{
    const conv2d_problem *q = &c->problem;
    int64_t macs = q->weight.sizes[1] * q->weight.sizes[2] * q->weight.sizes[3];
    for (int a = 0; a < q->output.rank; ++a)
        macs *= q->output.sizes[a];
    return macs;
}

/* What the budget left of the size. */
static void label_size(random_case *c)
{
    const int64_t *w = c->problem.weight.sizes;
    c->problem.input.rank = c->problem.output.rank = 4;
    if (c->label[AXIS_SIZE] == SIZE_WEIGHTS && w[0] * w[1] * w[2] * w[3] * 4 > BIG_WEIGHTS_BYTES)
        return;
    c->label[AXIS_SIZE] = random_case_macs(c) >= RANDOM_LARGE_MACS ? SIZE_LARGE : SIZE_SMALL;
}

/* Drop the batch axis: sizes move down by one. */
static void unbatch(conv2d_tensor *t)
{
    t->rank = 3;
    memmove(t->sizes, t->sizes + 1, 3 * sizeof t->sizes[0]);
    t->sizes[3] = 0;
}

/* Pixels of neighbouring channels 1024 elements apart, as those of 1024 channels are: lines of all
 * of them share a set or two of a first-level cache. */
static void crowd(conv2d_tensor *t)
{
    const int64_t apart = 1024, most = 1024;
    int64_t *size = t->sizes + t->rank - 3, *stride = t->strides + t->rank - 3;
    const int64_t pixels = size[1] * size[2], images = t->rank == 4 ? t->sizes[0] : 1;
    if (size[0] > apart || pixels * images > most)
        return;
    stride[0] = 1;
    stride[2] = apart;
    stride[1] = size[2] * apart;
    if (t->rank == 4)
        t->strides[0] = pixels * apart;
}

static void draw_layouts(rng *r, random_case *c)
{
    conv2d_problem *q = &c->problem;
    static const memory_form outputs[] = {FORM_FIRST, FORM_LAST, FORM_FIRST_SLICE, FORM_LAST_SLICE,
                                          FORM_TRANSPOSED};
    static const memory_form inputs[] = {FORM_FIRST,      FORM_LAST,       FORM_FIRST_SLICE,
                                         FORM_LAST_SLICE, FORM_TRANSPOSED, FORM_EXPANDED,
                                         FORM_NEGATIVE};
    static const memory_form kernels[] = {FORM_FIRST,      FORM_LAST,     FORM_FIRST_SLICE,
                                          FORM_TRANSPOSED, FORM_EXPANDED, FORM_NEGATIVE};
    static const int same_order[] = {OUTPUT_NCHW, OUTPUT_NHWC, OUTPUT_NCHW, OUTPUT_NHWC};
    const int in =
        c->depthwise_rows ? DRAW(r, 19, 10, 25, 22, 7, 13, 13) : DRAW(r, 26, 26, 11, 11, 8, 8, 10);
    const int out =
        in <= INPUT_NHWC_SLICE && percent(r, 60) ? same_order[in] : DRAW(r, 24, 24, 18, 18, 16);
    const int w = DRAW(r, 50, 18, 8, 8, 8, 8);
    c->label[AXIS_INPUT] = in;
    c->label[AXIS_OUTPUT] = out;
    c->label[AXIS_WEIGHT] = w;
    q->weight.rank = 4;
    if (q->input.sizes[0] == 1 && percent(r, 15)) {
        unbatch(&q->input);
        unbatch(&q->output);
    }
    random_strides(r, inputs[in], &q->input);
    /* Channels of one pixel that follow each other, with the gap behind the last of them. */
    const int rank = q->input.rank;
    const bool pixel = q->input.sizes[rank - 2] == 1 && q->input.sizes[rank - 1] == 1;
    if (c->depthwise_rows && pixel && in == INPUT_NCHW_SLICE)
        q->input.strides[rank - 3] = 1;
    if (c->depthwise_rows && in == INPUT_NHWC_SLICE && c->seed % 3 == 0)
        crowd(&q->input);
    random_strides(r, outputs[out], &q->output);
    random_strides(r, kernels[w], &q->weight);
}

static void draw_addends(rng *r, random_case *c)
{
    conv2d_problem *q = &c->problem;
    const int kind = DRAW(r, 20, 35, 13, 20, 12);
    c->label[AXIS_ADDEND] = kind;
    if (kind == ADDEND_BIAS || kind == ADDEND_BOTH || (kind == ADDEND_IN_PLACE && percent(r, 50))) {
        q->bias.rank = 1;
        q->bias.sizes[0] = q->output.sizes[q->output.rank - 3];
        q->bias.strides[0] = percent(r, 85) ? 1 : rng_range(r, -1, 3);
    }
    if (kind < ADDEND_RESIDUAL)
        return;
    q->residual = q->output;
    c->in_place = kind == ADDEND_IN_PLACE;
    if (!c->in_place && percent(r, 60))
        random_strides(r, (memory_form)rng_range(r, FORM_FIRST, FORM_NEGATIVE), &q->residual);
}

/* Bounds of a clamp: a multiple of 1/4 around the data's size, integers if asked for. */
static double draw_bound(rng *r, const random_case *c)
{
    const double x = (double)rng_range(r, -20, 20);
    return c->values == VALUES_INTEGER ? x : x / 4;
}

static void draw_activation(rng *r, random_case *c)
{
    conv2d_params *p = &c->problem.params;
    static const int exact[] = {CONV2D_ACT_NONE,      CONV2D_ACT_NONE,  CONV2D_ACT_RELU,
                                CONV2D_ACT_RELU6,     CONV2D_ACT_CLAMP, ACTIVATION_CLAMP_LOW,
                                ACTIVATION_CLAMP_HIGH};
    int kind = (int)rng_range(r, -4, ACTIVATION_CLAMP_HIGH);
    if (kind < 0)
        kind = CONV2D_ACT_NONE;
    if (c->values == VALUES_INTEGER)
        kind = PICK(r, exact);
    c->label[AXIS_ACTIVATION] = kind;
    p->activation = kind > CONV2D_ACT_MISH ? CONV2D_ACT_CLAMP : kind;
    if (p->activation == CONV2D_ACT_CLAMP) {
        if (kind != ACTIVATION_CLAMP_HIGH)
            p->output_min = draw_bound(r, c);
        if (kind != ACTIVATION_CLAMP_LOW)
            p->output_max = kind == CONV2D_ACT_CLAMP
                                ? p->output_min + 1 + (double)rng_range(r, 0, 9)
                                : draw_bound(r, c);
        if (percent(r, 30))
            p->activation = CONV2D_ACT_NONE; /* bounds alone make a clamp */
    }
    if (kind == CONV2D_ACT_LEAKY_RELU)
        p->alpha = percent(r, 50) ? 0.01 : (double)rng_range(r, -8, 8) / 8;
}

static void draw_limits(rng *r, random_case *c)
{
    conv2d_params *p = &c->problem.params;
    static const uint64_t small[] = {64, 1024, 4096, 16384, 65536};
    const int kind = DRAW(r, 60, 14, 16, 10);
    c->label[AXIS_LIMIT] = kind;
    if (kind == LIMIT_ZERO)
        p->workspace_limit = 0;
    if (kind == LIMIT_SMALL)
        p->workspace_limit = PICK(r, small);
    p->flush_denormals = kind == LIMIT_NONE_FLUSH;
    p->accuracy = percent(r, 30) ? CONV2D_ACCURACY_STRICT : (int)rng_range(r, 0, 3);
    /* Only Winograd algorithms look at it, and one of them takes fast alone; with such strides it
     * takes few kernels. */
    const int kernel = c->label[AXIS_KERNEL], stride = c->label[AXIS_STRIDE];
    const bool seldom = stride == STRIDE_3 || stride == STRIDE_BOTH;
    const bool larger = kernel == KERNEL_SQUARE || kernel == KERNEL_OTHER;
    if ((kernel == KERNEL_3X3 && c->seed % 8 != 0) || (larger && c->seed % 2 != 0) ||
        (seldom && kernel != KERNEL_1X1 && c->seed % 8 != 0))
        p->accuracy = CONV2D_ACCURACY_FAST;
    if (p->accuracy == CONV2D_ACCURACY_FAST && p->workspace_limit == 65536 && c->seed % 2)
        p->workspace_limit = 262144; /* which has room for its tiles */
}

static void draw_values(rng *r, random_case *c)
{
    const conv2d_problem *q = &c->problem;
    c->input_scale = c->weight_scale = 1;
    c->zero_share = percent(r, 10) ? 0.5 : 0;
    if (c->values == VALUES_REAL && !q->params.flush_denormals && percent(r, 12)) {
        /* Products from far below the smallest denormal up to 2^100; in float16 from below its
         * denormals to sums beyond its largest number. */
        const int part = q->input.dtype == CONV2D_FLOAT16 ? 8 : 1;
        c->input_scale = ldexp(1, (int)rng_range(r, -140, 50) / part);
        c->weight_scale = ldexp(1, (int)rng_range(r, -140, 50) / part);
    }
    /* K integer_max^2 + bias + residual < 2^24 */
    const int64_t k = q->weight.sizes[1] * q->weight.sizes[2] * q->weight.sizes[3];
    c->integer_max = rng_range(r, 1, 16);
    while ((k + 2) * c->integer_max * c->integer_max >= 1 << 24)
        c->integer_max = (c->integer_max + 1) / 2;
}

/* From a stream of its own, so that all else is drawn as it was without it. */
static void draw_form(random_case *c)
{
    const conv2d_tensor *w = &c->problem.weight;
    rng r = {c->seed ^ 0x9e3779b97f4a7c15u};
    r.state = rng_u64(&r);
    if (w->sizes[1] != 1 || w->sizes[2] == 1 || w->sizes[3] == 1 ||
        w->dtype == CONV2D_FLOAT64 || c->weight_scale != 1 ||
        c->label[AXIS_WEIGHT] == WEIGHT_EXPANDED)
        return;
    /* Boxes are sums of their own from some height on. */
    const bool high = w->sizes[2] >= 8;
    const int form = high ? DRAW(&r, 20, 10, 10, 60) : DRAW(&r, 50, 25, 15, 10);
    c->problem.weights_form = (uint32_t)form;
}

void random_case_make(uint64_t seed, case_values values, random_case *case_out)
{
    rng r = {seed};
    r.state = rng_u64(&r); /* streams of neighbouring seeds would be shifts of one another */
    *case_out = (random_case){
        .seed = seed,
        .values = values,
        .problem = {.struct_size = sizeof(conv2d_problem),
                    .input = CONV2D_TENSOR_INIT,
                    .weight = CONV2D_TENSOR_INIT,
                    .bias = CONV2D_TENSOR_INIT,
                    .residual = CONV2D_TENSOR_INIT,
                    .output = CONV2D_TENSOR_INIT,
                    .params = CONV2D_PARAMS_INIT},
    };
    random_case *c = case_out;
    conv2d_problem *q = &c->problem;
    static const int dtypes[] = {[DTYPE_F32] = CONV2D_FLOAT32,
                                 [DTYPE_F64] = CONV2D_FLOAT64,
                                 [DTYPE_F16] = CONV2D_FLOAT16,
                                 [DTYPE_BF16] = CONV2D_BFLOAT16};
    c->label[AXIS_DTYPE] = DRAW(&r, 66, values == VALUES_UNIT ? 0 : 10, 12, 12);
    const int dtype = dtypes[c->label[AXIS_DTYPE]];
    q->input.dtype = q->weight.dtype = q->bias.dtype = q->residual.dtype = q->output.dtype = dtype;
    c->label[AXIS_SIZE] = DRAW(&r, 90, 7, 3);
    draw_kernel(&r, c);
    draw_stride(&r, c);
    static const int rows_percent[] = {[SIZE_SMALL] = 20, [SIZE_LARGE] = 35, [SIZE_WEIGHTS] = 0};
    if (percent(&r, rows_percent[c->label[AXIS_SIZE]]))
        draw_depthwise_rows(&r, c);
    draw_window(&r, c);
    draw_auto_pad(&r, c);
    draw_channels(&r, c);
    label_stride(c);
    label_size(c);
    draw_layouts(&r, c);
    draw_addends(&r, c);
    draw_activation(&r, c);
    draw_limits(&r, c);
    draw_values(&r, c);
    draw_form(c);
}
