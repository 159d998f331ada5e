/* SPDX-License-Identifier: BSD-2-Clause
 * The bounded text builder, and a problem as text (docs/problem-text.md). The writer checks every
 * value it relies on, so that what it writes reads back as the same problem. */
#include "core/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/activation.h"
#include "core/dtype.h"
#include "core/shape.h"
#include "core/text_tables.h"

void c2_text_add(c2_text *t, const char *format, ...)
{
    const size_t left = t->length < t->capacity ? t->capacity - t->length : 0;
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(left ? t->text + t->length : NULL, left, format, args);
    va_end(args);
    t->length += n > 0 ? (size_t)n : 0;
}

const c2_word c2_words_mode[] = {{"zeros", CONV2D_PAD_ZEROS},
                                 {"reflect", CONV2D_PAD_REFLECT},
                                 {"replicate", CONV2D_PAD_REPLICATE},
                                 {"circular", CONV2D_PAD_CIRCULAR},
                                 {NULL, 0}};
const c2_word c2_words_dtype[] = {
    {"f32", CONV2D_FLOAT32}, {"f64", CONV2D_FLOAT64}, {"f16", CONV2D_FLOAT16},
    {"bf16", CONV2D_BFLOAT16}, {"s8", CONV2D_INT8},   {"u8", CONV2D_UINT8},
    {"s32", CONV2D_INT32},   {NULL, 0}};
const c2_word c2_words_accuracy[] = {{"default", CONV2D_ACCURACY_DEFAULT},
                                     {"strict", CONV2D_ACCURACY_STRICT},
                                     {"fast", CONV2D_ACCURACY_FAST},
                                     {"tf32", CONV2D_ACCURACY_TF32},
                                     {NULL, 0}};
const c2_word c2_words_form[] = {{"any", CONV2D_WEIGHTS_ANY},
                                 {"separable", CONV2D_WEIGHTS_SEPARABLE},
                                 {"alike", CONV2D_WEIGHTS_ALIKE},
                                 {"box", CONV2D_WEIGHTS_BOX},
                                 {NULL, 0}};
const c2_word c2_words_order[] = {{"nchw", CONV2D_NCHW}, {"nhwc", CONV2D_NHWC}, {NULL, 0}};
const c2_word c2_words_weight_order[] = {{"oihw", CONV2D_NCHW}, {"ohwi", CONV2D_NHWC}, {NULL, 0}};

const char *c2_word_of(const c2_word *table, int32_t value)
{
    for (; table->word; table++)
        if (table->value == value)
            return table->word;
    return NULL;
}

bool c2_text_output_size(const conv2d_params *params, int axis, int64_t size, int64_t k,
                         int64_t *out)
{
    if (params->auto_pad == CONV2D_AUTO_PAD_SAME)
        return *out = size, true;
    return c2_output_extent(size, params->padding[axis], params->padding[axis + 2], k,
                            params->stride[axis], params->dilation[axis], out);
}

/* ---- numbers: printf and strtod follow the locale, the text must not ------------------------- */

/* The locale's decimal point, found without localeconv(), which other threads may disturb. */
static size_t decimal_point(char point[C2_NUMBER_BYTES])
{
    char half[C2_NUMBER_BYTES];
    const int n = snprintf(half, sizeof half, "%.1f", 0.5);
    const size_t length = n > 2 && n < C2_NUMBER_BYTES ? (size_t)n - 2 : 0;
    memcpy(point, half + 1, length);
    return length;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static size_t count_digits(const char *text, size_t length)
{
    size_t n = 0;
    while (n < length && is_digit(text[n]))
        n++;
    return n;
}

/* [sign] digits [. digits] [e [sign] digits], or inf with a sign: checked here, because strtod
 * takes much more (hexadecimal, "nan", leading blanks). */
static bool is_number(const char *text, size_t length)
{
    size_t i = length > 0 && (text[0] == '-' || text[0] == '+');
    if (length - i == 3 && memcmp(text + i, "inf", 3) == 0)
        return true;
    size_t digits = count_digits(text + i, length - i);
    i += digits;
    if (i < length && text[i] == '.') {
        const size_t more = count_digits(text + i + 1, length - i - 1);
        digits += more;
        i += 1 + more;
    }
    if (digits == 0)
        return false;
    if (i < length && (text[i] == 'e' || text[i] == 'E')) {
        i++;
        i += i < length && (text[i] == '-' || text[i] == '+');
        const size_t more = count_digits(text + i, length - i);
        if (more == 0)
            return false;
        i += more;
    }
    return i == length;
}

bool c2_number_read(const char *text, size_t length, double *out)
{
    char copy[128], point[C2_NUMBER_BYTES];
    const size_t point_length = decimal_point(point);
    if (!is_number(text, length) || length + point_length >= sizeof copy)
        return false;
    size_t n = 0;
    bool infinite = false;
    for (size_t i = 0; i < length; i++) {
        infinite = infinite || text[i] == 'i';
        if (text[i] == '.') {
            memcpy(copy + n, point, point_length);
            n += point_length;
        } else {
            copy[n++] = text[i];
        }
    }
    copy[n] = '\0';
    const double value = strtod(copy, NULL);
    if (isinf(value) && !infinite)
        return false;
    *out = value;
    return true;
}

void c2_number_write(double value, char text[C2_NUMBER_BYTES])
{
    static const int precisions[] = {9, 17}; /* enough for any float, for any double */
    char point[C2_NUMBER_BYTES];
    const size_t point_length = decimal_point(point);
    for (int i = 0; i < 2; i++) {
        snprintf(text, C2_NUMBER_BYTES, "%.*g", precisions[i], value);
        if (strtod(text, NULL) == value)
            break;
    }
    const size_t whole = strspn(text, "-0123456789");
    if (point_length > 0 && strncmp(text + whole, point, point_length) == 0) {
        memmove(text + whole + 1, text + whole + point_length,
                strlen(text + whole + point_length) + 1);
        text[whole] = '.';
    }
}

bool c2_is_algorithm_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
           c == '/' || c == '-' || c == '.';
}

bool c2_is_name_char(char c)
{
    const unsigned char u = (unsigned char)c; /* UTF-8 passes */
    return u >= 0x20 && u != 0x7f && c != '"';
}

/* ---- checks ------------------------------------------------------------------------------- */

/* The sizes of a problem in one place. */
typedef struct dims {
    int64_t n, c, oc, in[2], k[2], out[2];
    bool unbatched;
} dims;

static conv2d_status check_tensor(const char *name, const conv2d_tensor *t, int32_t dtype,
                                  int rank, const int64_t *sizes)
{
    if (t->rank != rank)
        return c2_fail(CONV2D_E_SHAPE, "problem: %s has rank %" PRId32 ", expected %d", name,
                       t->rank, rank);
    if (t->dtype != dtype || t->layout != CONV2D_LAYOUT_STRIDED)
        return c2_fail(CONV2D_E_ARGUMENT,
                       "problem: %s has dtype %" PRId32 " and layout %" PRId32
                       ", the text has one strided dtype for all tensors",
                       name, t->dtype, t->layout);
    for (int a = 0; a < rank; a++)
        if (t->sizes[a] != sizes[a])
            return c2_fail(CONV2D_E_SHAPE,
                           "problem: size %d of %s is %" PRId64 ", expected %" PRId64, a, name,
                           t->sizes[a], sizes[a]);
    int64_t low, high;
    if (!c2_extent(rank, t->sizes, t->strides, (int64_t)c2_dtype_bytes(dtype), &low, &high))
        return c2_fail(CONV2D_E_OVERFLOW,
                       "problem: sizes and strides of %s reach beyond 63 bits", name);
    return CONV2D_OK;
}

static conv2d_status check_params(const conv2d_params *q)
{
    const char *bad = NULL;
    for (int i = 0; i < 4; i++)
        if (q->padding[i] < 0 || (q->auto_pad != CONV2D_AUTO_PAD_NONE && q->padding[i] != 0))
            bad = "padding";
    for (int a = 0; a < 2; a++) {
        if (q->stride[a] < 1 || (q->auto_pad == CONV2D_AUTO_PAD_SAME && q->stride[a] != 1))
            bad = "stride";
        if (q->dilation[a] < 1)
            bad = "dilation";
    }
    if (q->groups < 1)
        bad = "groups";
    if (q->auto_pad < CONV2D_AUTO_PAD_NONE || q->auto_pad > CONV2D_AUTO_PAD_SAME)
        bad = "auto_pad";
    if (!c2_word_of(c2_words_mode, q->padding_mode))
        bad = "padding_mode";
    if (!c2_word_of(c2_words_accuracy, q->accuracy))
        bad = "accuracy";
    if (!c2_activation_by_id(q->activation) || isnan(q->output_min) || isnan(q->output_max) ||
        isnan(q->alpha))
        bad = "activation, its bounds or alpha";
    if (q->activation != CONV2D_ACT_NONE && q->activation != CONV2D_ACT_CLAMP &&
        (q->output_min != -HUGE_VAL || q->output_max != HUGE_VAL))
        bad = "activation, which has bounds and is not clamp,";
    const size_t n = q->algorithm ? strlen(q->algorithm) : 0;
    if (n >= sizeof((conv2d_problem *)0)->algorithm_name)
        bad = "algorithm";
    for (size_t i = 0; i < n; i++)
        if (!c2_is_algorithm_char(q->algorithm[i]))
            bad = "algorithm";
    if (bad)
        return c2_fail(CONV2D_E_ARGUMENT, "problem: %s has a value that no problem text has", bad);
    return CONV2D_OK;
}

/* Sizes from input and weight, and the output they give. */
static conv2d_status find_dims(const conv2d_problem *p, dims *d)
{
    const conv2d_tensor *in = &p->input, *w = &p->weight;
    if ((in->rank != 3 && in->rank != 4) || w->rank != 4)
        return c2_fail(CONV2D_E_SHAPE,
                       "problem: input has rank %" PRId32 ", weight %" PRId32
                       ", expected 3 or 4, and 4",
                       in->rank, w->rank);
    const int64_t *chw = in->sizes + in->rank - 3;
    *d = (dims){in->rank == 4 ? in->sizes[0] : 1, chw[0],     w->sizes[0], {chw[1], chw[2]},
                {w->sizes[2], w->sizes[3]},       {0, 0}, in->rank == 3};
    const int64_t g = p->params.groups;
    if (d->n < 0 || d->c < 0 || d->oc < 0 || d->in[0] < 0 || d->in[1] < 0 || d->k[0] < 1 ||
        d->k[1] < 1 || d->c % g != 0 || d->oc % g != 0 || w->sizes[1] != d->c / g)
        return c2_fail(CONV2D_E_SHAPE,
                       "problem: input sizes, weight sizes and groups = %" PRId64 " do not fit", g);
    for (int a = 0; a < 2; a++) {
        if (!c2_text_output_size(&p->params, a, d->in[a], d->k[a], &d->out[a]))
            return c2_fail(CONV2D_E_OVERFLOW, "problem: the output size overflows");
        if (d->out[a] < 1)
            return c2_fail(CONV2D_E_SHAPE, "problem: the kernel does not fit into the input");
    }
    return CONV2D_OK;
}

static conv2d_status check_problem(const conv2d_problem *p, dims *d)
{
    conv2d_status s = check_params(&p->params);
    if (!s)
        s = find_dims(p, d);
    if (s)
        return s;
    const int rank = p->input.rank;
    const int32_t dtype = p->input.dtype;
    /* PyTorch: no input channels, no output channels. */
    const int64_t out[4] = {d->n, d->c ? d->oc : 0, d->out[0], d->out[1]};
    if (!c2_word_of(c2_words_form, (int32_t)p->weights_form))
        return c2_fail(CONV2D_E_ARGUMENT, "problem: weights_form is %" PRIu32 ": unknown",
                       p->weights_form);
    if (!c2_word_of(c2_words_dtype, dtype))
        return c2_fail(CONV2D_E_ARGUMENT, "problem: input has unknown dtype %" PRId32, dtype);
    s = check_tensor("input", &p->input, dtype, rank, p->input.sizes);
    if (!s)
        s = check_tensor("weight", &p->weight, dtype, 4, p->weight.sizes);
    if (!s && p->bias.rank)
        s = check_tensor("bias", &p->bias, dtype, 1, &d->oc);
    if (!s && p->residual.rank)
        s = check_tensor("residual", &p->residual, dtype, rank, out + 4 - rank);
    if (!s && p->output.rank)
        s = check_tensor("output", &p->output, dtype, rank, out + 4 - rank);
    if (s)
        return s;
    for (size_t i = 0; i < sizeof p->name; i++) {
        if (p->name[i] == '\0')
            return CONV2D_OK;
        if (!c2_is_name_char(p->name[i]))
            break;
    }
    return c2_fail(CONV2D_E_ARGUMENT, "problem: name has a quotation mark, a control character or "
                                      "no end");
}

/* ---- writing ------------------------------------------------------------------------------ */

/* One size pair: both keys, or only the y one where x is the same throughout. */
static void write_pair(c2_text *out, char key, bool full, const int64_t *pair)
{
    c2_text_add(out, "%ch%" PRId64, key, pair[0]);
    if (full)
        c2_text_add(out, "%cw%" PRId64, key, pair[1]);
}

static void write_dims(c2_text *out, const conv2d_problem *p, const dims *d)
{
    const conv2d_params *q = &p->params;
    const int64_t dilation[2] = {q->dilation[0] - 1, q->dilation[1] - 1}; /* benchdnn's count */
    const int64_t *const pad = q->padding;
    const bool symmetric = pad[0] == pad[2] && pad[1] == pad[3];
    const bool full = d->in[0] != d->in[1] || d->k[0] != d->k[1] || d->out[0] != d->out[1] ||
                      q->stride[0] != q->stride[1] || dilation[0] != dilation[1] ||
                      pad[0] != pad[1];
    if (q->groups != 1)
        c2_text_add(out, "g%" PRId64, q->groups);
    c2_text_add(out, "mb%" PRId64 "ic%" PRId64, d->n, d->c);
    write_pair(out, 'i', full, d->in);
    c2_text_add(out, "oc%" PRId64, d->oc);
    write_pair(out, 'o', full, d->out);
    write_pair(out, 'k', full, d->k);
    if (q->stride[0] != 1 || q->stride[1] != 1)
        write_pair(out, 's', full, q->stride);
    if (symmetric && (pad[0] || pad[1]))
        write_pair(out, 'p', full, pad);
    if (dilation[0] || dilation[1])
        write_pair(out, 'd', full, dilation);
    if (p->name[0])
        c2_text_add(out, "n\"%s\"", p->name);
    if (q->auto_pad == CONV2D_AUTO_PAD_NONE && !symmetric)
        c2_text_add(out, ":pad=%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64, pad[0], pad[1],
                    pad[2], pad[3]);
}

static void write_bound(c2_text *out, double value)
{
    char number[C2_NUMBER_BYTES];
    c2_number_write(value, number);
    c2_text_add(out, "%s", number);
}

static void write_activation(c2_text *out, const conv2d_params *q)
{
    const bool low = q->output_min != -HUGE_VAL, high = q->output_max != HUGE_VAL;
    const bool clamp = q->activation == CONV2D_ACT_CLAMP ||
                       (q->activation == CONV2D_ACT_NONE && (low || high));
    if (!clamp && q->activation == CONV2D_ACT_NONE)
        return;
    c2_text_add(out, ":act=%s",
                c2_activation_by_id(clamp ? CONV2D_ACT_CLAMP : q->activation)->name);
    if (clamp && (low || high)) {
        c2_text_add(out, ",");
        if (low)
            write_bound(out, q->output_min);
        if (high) {
            c2_text_add(out, ",");
            write_bound(out, q->output_max);
        }
    }
    if (q->activation == CONV2D_ACT_LEAKY_RELU) {
        c2_text_add(out, ",");
        write_bound(out, q->alpha);
    }
}

/* Contiguous in this order? Strides of axes that have no second element say nothing; `exactly`
 * compares them too. */
static bool has_order(const conv2d_tensor *t, conv2d_order order, bool exactly)
{
    int64_t dense[4];
    c2_contiguous_strides(t->rank, t->sizes, order, dense);
    for (int a = 0; a < t->rank; a++)
        if (t->strides[a] != dense[a] && (exactly || t->sizes[a] > 1))
            return false;
    return true;
}

/* The order that names the strides, or -1. */
static int32_t find_order(const conv2d_tensor *t)
{
    static const conv2d_order orders[] = {CONV2D_NCHW, CONV2D_NHWC};
    for (int loosely = 0; loosely < 2; loosely++)
        for (int i = 0; i < 2; i++)
            if (has_order(t, orders[i], !loosely))
                return (int32_t)orders[i];
    return -1;
}

static void write_layout(c2_text *out, const c2_word *orders, int32_t order,
                         const conv2d_tensor *t)
{
    if (order >= 0) {
        c2_text_add(out, "=%s", c2_word_of(orders, order));
        return;
    }
    for (int a = 0; a < t->rank; a++)
        c2_text_add(out, "%s%" PRId64, a ? "," : "=s", t->strides[a]);
}

/* Layouts, where they are not what the reader assumes: input and weight nchw, output as the input
 * if that has a name, residual as the output. */
static void write_layouts(c2_text *out, const conv2d_problem *p)
{
    const int32_t in = find_order(&p->input), weight = find_order(&p->weight);
    const conv2d_tensor *const output = &p->output;
    int32_t output_order = find_order(output);
    if (output->rank == 0) /* the library would make it, in the input's order */
        output_order = strcmp(c2_layout_name(p->input.rank, p->input.sizes, p->input.strides),
                              "nhwc") == 0
                           ? CONV2D_NHWC
                           : CONV2D_NCHW;
    if (p->residual.rank) {
        c2_text_add(out, ":res");
        const int32_t order = find_order(&p->residual);
        if (output_order < 0 || order != output_order)
            write_layout(out, c2_words_order, order, &p->residual);
    }
    if (in != CONV2D_NCHW) {
        c2_text_add(out, ":in");
        write_layout(out, c2_words_order, in, &p->input);
    }
    if (output_order != (in < 0 ? CONV2D_NCHW : in)) {
        c2_text_add(out, ":out");
        write_layout(out, c2_words_order, output_order, output);
    }
    if (weight != CONV2D_NCHW) {
        c2_text_add(out, ":wei");
        write_layout(out, c2_words_weight_order, weight, &p->weight);
    }
}

conv2d_status c2_problem_to_text(const conv2d_problem *problem, c2_text *out)
{
    dims d;
    const conv2d_status s = check_problem(problem, &d);
    if (s)
        return s;
    const conv2d_params *q = &problem->params;
    write_dims(out, problem, &d);
    if (q->auto_pad != CONV2D_AUTO_PAD_NONE)
        c2_text_add(out, ":pad=%s", q->auto_pad == CONV2D_AUTO_PAD_SAME ? "same" : "valid");
    if (q->padding_mode != CONV2D_PAD_ZEROS)
        c2_text_add(out, ":mode=%s", c2_word_of(c2_words_mode, q->padding_mode));
    write_activation(out, q);
    if (problem->bias.rank) {
        c2_text_add(out, ":bias");
        if (problem->bias.strides[0] != 1 && d.oc > 1)
            c2_text_add(out, "=s%" PRId64, problem->bias.strides[0]);
    }
    write_layouts(out, problem);
    if (problem->input.dtype != CONV2D_FLOAT32)
        c2_text_add(out, ":dtype=%s", c2_word_of(c2_words_dtype, problem->input.dtype));
    if (q->accuracy != CONV2D_ACCURACY_DEFAULT)
        c2_text_add(out, ":acc=%s", c2_word_of(c2_words_accuracy, q->accuracy));
    if (q->algorithm && q->algorithm[0])
        c2_text_add(out, ":algo=%s", q->algorithm);
    if (q->workspace_limit != CONV2D_WORKSPACE_UNLIMITED)
        c2_text_add(out, ":ws=%" PRIu64, q->workspace_limit);
    if (q->flush_denormals)
        c2_text_add(out, ":ftz");
    if (d.unbatched)
        c2_text_add(out, ":unbatched");
    if (problem->weights_form)
        c2_text_add(out, ":weights=%s", c2_word_of(c2_words_form, (int32_t)problem->weights_form));
    return CONV2D_OK;
}
