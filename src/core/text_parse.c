/* SPDX-License-Identifier: BSD-2-Clause
 * Reader of problem text (docs/problem-text.md): sizes in benchdnn's notation, then options after
 * colons, one function an option. Words are collected first and resolved at the end, because an
 * option may depend on sizes and sizes on each other. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/activation.h"
#include "core/dtype.h"
#include "core/mem.h"
#include "core/shape.h"
#include "core/text.h"
#include "core/text_tables.h"

enum dim { G, MB, IC, IH, IW, OC, OH, OW, KH, KW, SH, SW, PH, PW, DH, DW, N_DIMS };

static const struct {
    char key[3];
    int64_t least;
} dims[N_DIMS] = {
    [G] = {"g", 1},   [MB] = {"mb", 0}, [IC] = {"ic", 0}, [IH] = {"ih", 0},
    [IW] = {"iw", 0}, [OC] = {"oc", 0}, [OH] = {"oh", 1}, [OW] = {"ow", 1},
    [KH] = {"kh", 1}, [KW] = {"kw", 1}, [SH] = {"sh", 1}, [SW] = {"sw", 1},
    [PH] = {"ph", 0}, [PW] = {"pw", 0}, [DH] = {"dh", 0}, [DW] = {"dw", 0},
};

/* A layout option before the sizes are known. */
typedef struct layout {
    bool given;
    int count; /* strides; 0 = a named order */
    int32_t order;
    int64_t strides[4];
} layout;

typedef struct parser {
    const char *text, *at;
    int64_t value[N_DIMS];
    bool given[N_DIMS];
    unsigned options_seen;
    bool pad_given, bias, residual, unbatched;
    int32_t dtype;
    layout bias_layout, residual_layout, input_layout, output_layout, weight_layout;
    conv2d_problem problem;
} parser;

static int position(const parser *s) { return (int)c2_min(s->at - s->text, INT32_MAX - 1) + 1; }

/* The syntax error at the present position. */
static conv2d_status expected(const parser *s, const char *what)
{
    char got[24];
    size_t n = 0;
    for (; n + 1 < sizeof got && s->at[n]; n++) {
        const char c = s->at[n];
        got[n] = (char)(c >= 0x20 && c < 0x7f ? c : '?');
    }
    got[n] = '\0';
    if (n == 0)
        return c2_fail(CONV2D_E_SYNTAX, "problem text, position %d: expected %s, got the end",
                       position(s), what);
    return c2_fail(CONV2D_E_SYNTAX, "problem text, position %d: expected %s, got '%s'",
                   position(s), what, got);
}

/* ---- pieces ------------------------------------------------------------------------------- */

static bool take_char(parser *s, char c)
{
    if (*s->at != c)
        return false;
    s->at++;
    return true;
}

static bool ends_word(char c) { return c == '\0' || c == ':' || c == ',' || c == '='; }

/* Take one of a table's words, whole. */
static bool take_word(parser *s, const c2_word *table, int32_t *value_out)
{
    for (; table->word; table++) {
        const size_t n = strlen(table->word);
        if (strncmp(s->at, table->word, n) == 0 && ends_word(s->at[n])) {
            s->at += n;
            *value_out = table->value;
            return true;
        }
    }
    return false;
}

static conv2d_status take_uint64(parser *s, const char *what, uint64_t *out)
{
    uint64_t value = 0;
    if (*s->at < '0' || *s->at > '9')
        return expected(s, what);
    for (const char *c = s->at; *c >= '0' && *c <= '9'; c++)
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*c - '0'), &value))
            return c2_fail(CONV2D_E_OVERFLOW,
                           "problem text, position %d: this number does not fit into 64 bits",
                           position(s));
    while (*s->at >= '0' && *s->at <= '9')
        s->at++;
    *out = value;
    return CONV2D_OK;
}

/* A number >= 0, or with sign_allowed any. */
static conv2d_status take_int64(parser *s, bool sign_allowed, int64_t *out)
{
    const char *const start = s->at;
    const bool negative = sign_allowed && take_char(s, '-');
    uint64_t size = 0;
    const conv2d_status status = take_uint64(s, "a number", &size);
    if (status)
        return status;
    if (size > (uint64_t)INT64_MAX + negative) {
        s->at = start;
        return c2_fail(CONV2D_E_OVERFLOW,
                       "problem text, position %d: this number does not fit into 63 bits",
                       position(s));
    }
    *out = negative && size ? -1 - (int64_t)(size - 1) : (int64_t)size;
    return CONV2D_OK;
}

static conv2d_status take_number(parser *s, double *out)
{
    size_t n = 0;
    while (!ends_word(s->at[n]))
        n++;
    if (!c2_number_read(s->at, n, out))
        return expected(s, "a number");
    s->at += n;
    return CONV2D_OK;
}

/* ---- sizes -------------------------------------------------------------------------------- */

static conv2d_status take_name(parser *s)
{
    if (s->problem.name[0])
        return expected(s, "one name only");
    s->at += 2; /* n" */
    const char *const start = s->at;
    while (c2_is_name_char(*s->at))
        s->at++;
    const size_t n = (size_t)(s->at - start);
    if (n >= sizeof s->problem.name) {
        s->at = start;
        return expected(s, "a name of at most 63 bytes");
    }
    if (!take_char(s, '"'))
        return expected(s, "a quotation mark that ends the name");
    memcpy(s->problem.name, start, n);
    return CONV2D_OK;
}

/* The size whose key comes next, or -1. Keys of two letters first: "g" is the only one of one. */
static int find_dim(const parser *s)
{
    for (int i = MB; i < N_DIMS; i++)
        if (strncmp(s->at, dims[i].key, 2) == 0)
            return i;
    return *s->at == 'g' ? G : -1;
}

static conv2d_status take_dims(parser *s)
{
    while (*s->at && *s->at != ':') {
        conv2d_status status = CONV2D_OK;
        if (s->at > s->text && take_char(s, '_'))
            continue;
        if (s->at[0] == 'n' && s->at[1] == '"') {
            status = take_name(s);
        } else {
            const int i = find_dim(s);
            if (i < 0)
                return expected(s, "a size (g mb ic ih iw oc oh ow kh kw sh sw ph pw dh dw), "
                                   "n\"name\" or ':'");
            if (s->given[i])
                return expected(s, "each size once");
            const char *const start = s->at;
            s->at += strlen(dims[i].key);
            status = take_int64(s, false, &s->value[i]);
            if (!status && s->value[i] < dims[i].least) {
                s->at = start;
                return expected(s, "a size of at least 1");
            }
            s->given[i] = true;
        }
        if (status)
            return status;
    }
    return CONV2D_OK;
}

/* ---- options ------------------------------------------------------------------------------ */

static conv2d_status option_pad(parser *s)
{
    static const c2_word words[] = {
        {"same", CONV2D_AUTO_PAD_SAME}, {"valid", CONV2D_AUTO_PAD_VALID}, {NULL, 0}};
    s->pad_given = true;
    if (take_word(s, words, &s->problem.params.auto_pad))
        return CONV2D_OK;
    for (int i = 0; i < 4; i++) {
        if (i > 0 && !take_char(s, ','))
            return expected(s, "four paddings, top,left,bottom,right");
        const conv2d_status status = take_int64(s, false, &s->problem.params.padding[i]);
        if (status)
            return status;
    }
    return CONV2D_OK;
}

static conv2d_status option_mode(parser *s)
{
    return take_word(s, c2_words_mode, &s->problem.params.padding_mode)
               ? CONV2D_OK
               : expected(s, "zeros, reflect, replicate or circular");
}

/* An optional bound after a comma; where it is empty, the value stays. */
static conv2d_status take_bound(parser *s, double *out)
{
    if (!take_char(s, ',') || ends_word(*s->at))
        return CONV2D_OK;
    return take_number(s, out);
}

static conv2d_status option_act(parser *s)
{
    conv2d_params *q = &s->problem.params;
    const c2_activation_info *a = NULL;
    for (int32_t i = 0; (a = c2_activation_by_id(i)) != NULL; i++) {
        const c2_word words[] = {{a->name, i}, {NULL, 0}};
        if (take_word(s, words, &q->activation))
            break;
    }
    if (a == NULL)
        return expected(s, "the name of an activation (none, relu, relu6, clamp, leaky_relu, "
                           "sigmoid, tanh, silu, hardswish, hardsigmoid, gelu, gelu_tanh, mish)");
    if (q->activation == CONV2D_ACT_LEAKY_RELU)
        return take_bound(s, &q->alpha);
    if (q->activation != CONV2D_ACT_CLAMP)
        return CONV2D_OK;
    const conv2d_status status = take_bound(s, &q->output_min);
    return status ? status : take_bound(s, &q->output_max);
}

static conv2d_status take_layout(parser *s, const c2_word *orders, layout *out)
{
    out->given = true;
    if (orders && take_word(s, orders, &out->order))
        return CONV2D_OK;
    if (!take_char(s, 's'))
        return expected(s, orders ? "an order of axes (nchw or nhwc, of weights oihw or ohwi), "
                                    "or s and strides"
                                  : "s and a stride");
    do {
        if (out->count == 4)
            return expected(s, "at most four strides");
        const conv2d_status status = take_int64(s, true, &out->strides[out->count]);
        if (status)
            return status;
        out->count++;
    } while (take_char(s, ','));
    return CONV2D_OK;
}

static conv2d_status option_bias(parser *s)
{
    s->bias = true;
    return take_char(s, '=') ? take_layout(s, NULL, &s->bias_layout) : CONV2D_OK;
}
static conv2d_status option_res(parser *s)
{
    s->residual = true;
    return take_char(s, '=') ? take_layout(s, c2_words_order, &s->residual_layout) : CONV2D_OK;
}
static conv2d_status option_in(parser *s)
{
    return take_layout(s, c2_words_order, &s->input_layout);
}
static conv2d_status option_out(parser *s)
{
    return take_layout(s, c2_words_order, &s->output_layout);
}
static conv2d_status option_wei(parser *s)
{
    return take_layout(s, c2_words_weight_order, &s->weight_layout);
}

static conv2d_status option_dtype(parser *s)
{
    return take_word(s, c2_words_dtype, &s->dtype)
               ? CONV2D_OK
               : expected(s, "f32, f64, f16, bf16, s8, u8 or s32");
}

static conv2d_status option_acc(parser *s)
{
    return take_word(s, c2_words_accuracy, &s->problem.params.accuracy)
               ? CONV2D_OK
               : expected(s, "default, strict, fast or tf32");
}

static conv2d_status option_algo(parser *s)
{
    size_t n = 0;
    while (c2_is_algorithm_char(s->at[n]))
        n++;
    if (n == 0 || n >= sizeof s->problem.algorithm_name)
        return expected(s, "the name of an algorithm, at most 55 bytes");
    memcpy(s->problem.algorithm_name, s->at, n);
    s->at += n;
    return CONV2D_OK;
}

static conv2d_status option_ws(parser *s)
{
    return take_uint64(s, "a number of bytes", &s->problem.params.workspace_limit);
}

static conv2d_status option_ftz(parser *s)
{
    s->problem.params.flush_denormals = 1;
    return CONV2D_OK;
}

static conv2d_status option_unbatched(parser *s)
{
    s->unbatched = true;
    return CONV2D_OK;
}

static conv2d_status option_weights(parser *s)
{
    int32_t form;
    if (!take_word(s, c2_words_form, &form))
        return expected(s, "any, separable, alike or box");
    s->problem.weights_form = (uint32_t)form;
    return CONV2D_OK;
}

static const struct option {
    const char *name;
    bool has_value; /* bias and res look for theirs themselves: it is optional */
    conv2d_status (*take)(parser *s);
} options[] = {
    {"pad", true, option_pad},     {"mode", true, option_mode},   {"act", true, option_act},
    {"bias", false, option_bias},  {"res", false, option_res},    {"in", true, option_in},
    {"out", true, option_out},     {"wei", true, option_wei},     {"dtype", true, option_dtype},
    {"acc", true, option_acc},     {"algo", true, option_algo},   {"ws", true, option_ws},
    {"ftz", false, option_ftz},    {"unbatched", false, option_unbatched},
    {"weights", true, option_weights},
};
enum { N_OPTIONS = sizeof options / sizeof options[0] };

static conv2d_status take_option(parser *s)
{
    const char *const start = s->at;
    for (size_t i = 0; i < N_OPTIONS; i++) {
        const c2_word words[] = {{options[i].name, 0}, {NULL, 0}};
        int32_t ignored;
        if (!take_word(s, words, &ignored))
            continue;
        if (s->options_seen & 1u << i) {
            s->at = start;
            return expected(s, "each option once");
        }
        s->options_seen |= 1u << i;
        if (options[i].has_value && !take_char(s, '='))
            return expected(s, "'=' and a value");
        return options[i].take(s);
    }
    return expected(s, "an option (pad mode act bias res in out wei dtype acc algo ws ftz "
                       "unbatched weights)");
}

/* ---- resolving: what was left out ----------------------------------------------------------- */

static void copy_dim(parser *s, enum dim from, enum dim to)
{
    s->value[to] = s->value[from];
    s->given[to] = s->given[from];
}

/* A size given for one axis only counts for both. The output's does so only if nothing else was
 * given for the other axis; it is computed otherwise. */
static void complete_dims(parser *s)
{
    static const enum dim pairs[][2] = {{OH, OW}, {IH, IW}, {KH, KW}, {SH, SW}, {PH, PW}, {DH, DW}};
    enum { N_PAIRS = sizeof pairs / sizeof pairs[0] };
    bool any[2] = {false, false};
    for (size_t i = 0; i < N_PAIRS; i++)
        for (int a = 0; a < 2; a++)
            any[a] = any[a] || s->given[pairs[i][a]];
    for (size_t i = 0; i < N_PAIRS; i++) {
        const enum dim y = pairs[i][0], x = pairs[i][1];
        if (s->given[y] && !s->given[x] && (y != OH || !any[1]))
            copy_dim(s, y, x);
        else if (s->given[x] && !s->given[y] && (y != OH || !any[0]))
            copy_dim(s, x, y);
    }
}

static conv2d_status require_dims(parser *s)
{
    static const enum dim needed[] = {IC, IH, OC, KH};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (!s->given[needed[i]])
            return c2_fail(CONV2D_E_SYNTAX, "problem text: %s is missing", dims[needed[i]].key);
    if (s->unbatched && s->value[MB] != 1)
        return c2_fail(CONV2D_E_SHAPE, "problem text: mb is %" PRId64 ", unbatched needs 1",
                       s->value[MB]);
    if (s->value[IC] % s->value[G] != 0 || s->value[OC] % s->value[G] != 0)
        return c2_fail(CONV2D_E_SHAPE,
                       "problem text: g is %" PRId64 ", which does not divide ic = %" PRId64
                       " and oc = %" PRId64,
                       s->value[G], s->value[IC], s->value[OC]);
    return CONV2D_OK;
}

/* (o - 1) * stride + dilation * (k - 1) + 1 - i: padding of both sides that the output needs. */
static bool total_padding(const conv2d_params *q, int a, const int64_t iko[3], int64_t *out)
{
    int64_t steps, reach;
    return c2_mul_ok(iko[2] - 1, q->stride[a], &steps) &&
           c2_mul_ok(iko[1] - 1, q->dilation[a], &reach) && c2_add_ok(steps, reach, &steps) &&
           c2_add_ok(steps, 1 - iko[0], out);
}

/* Choose padding[a] and [a + 2] so that the output gets size iko[2], if the padding as written does
 * not give it anyway. */
static bool deduce_padding(conv2d_params *q, int a, bool begin_given, const int64_t iko[3])
{
    int64_t total, got;
    if (!c2_text_output_size(q, a, iko[0], iko[1], &got))
        return false;
    if (got == iko[2])
        return true;
    if (!total_padding(q, a, iko, &total))
        return false;
    if (!begin_given)
        q->padding[a] = c2_max(total, 0) / 2;
    q->padding[a + 2] = c2_max(total - q->padding[a], 0);
    return true;
}

static conv2d_status resolve_axis(parser *s, int a, int64_t *out)
{
    conv2d_params *q = &s->problem.params;
    const int64_t iko[3] = {s->value[IH + a], s->value[KH + a], s->value[OH + a]};
    q->stride[a] = s->value[SH + a];
    bool fits = c2_add_ok(s->value[DH + a], 1, &q->dilation[a]);
    if (fits && !s->pad_given) {
        q->padding[a] = q->padding[a + 2] = s->value[PH + a];
        if (s->given[OH + a])
            fits = deduce_padding(q, a, s->given[PH + a], iko);
    }
    if (q->auto_pad == CONV2D_AUTO_PAD_SAME && q->stride[a] != 1)
        return c2_fail(CONV2D_E_SHAPE, "problem text: %s is %" PRId64 ", pad=same needs 1",
                       dims[SH + a].key, q->stride[a]);
    if (!fits || !c2_text_output_size(q, a, iko[0], iko[1], out))
        return c2_fail(CONV2D_E_OVERFLOW,
                       "problem text: the output size along %c does not fit into 63 bits",
                       a ? 'x' : 'y');
    if (*out < 1)
        return c2_fail(CONV2D_E_SHAPE,
                       "problem text: a kernel of %" PRId64 " with dilation %" PRId64
                       " does not fit into %s = %" PRId64 " with padding %" PRId64 ", %" PRId64,
                       iko[1], q->dilation[a], dims[IH + a].key, iko[0], q->padding[a],
                       q->padding[a + 2]);
    if (s->given[OH + a] && *out != iko[2])
        return c2_fail(CONV2D_E_SHAPE,
                       "problem text: %s is %" PRId64 ", the other sizes give %" PRId64,
                       dims[OH + a].key, iko[2], *out);
    return CONV2D_OK;
}

/* Fill one description; sizes has 4 entries, of which the last `rank` count. */
static conv2d_status describe(const parser *s, const char *name, int rank, const int64_t *sizes,
                              const layout *l, conv2d_tensor *out)
{
    conv2d_tensor t = CONV2D_TENSOR_INIT;
    t.dtype = s->dtype;
    t.rank = rank;
    for (int a = 0; a < rank; a++)
        t.sizes[a] = sizes[4 - rank + a];
    if (l->count == 0) {
        c2_contiguous_strides(rank, t.sizes, (conv2d_order)l->order, t.strides);
    } else if (l->count != rank) {
        return c2_fail(CONV2D_E_SYNTAX, "problem text: %d strides for the %s, expected %d",
                       l->count, name, rank);
    } else {
        memcpy(t.strides, l->strides, (size_t)rank * sizeof t.strides[0]);
    }
    int64_t low, high;
    if (!c2_extent(rank, t.sizes, t.strides, (int64_t)c2_dtype_bytes(t.dtype), &low, &high))
        return c2_fail(CONV2D_E_OVERFLOW,
                       "problem text: sizes and strides of the %s reach beyond 63 bits", name);
    *out = t;
    return CONV2D_OK;
}

static conv2d_status describe_tensors(parser *s, const int64_t out_size[2])
{
    const int64_t *v = s->value;
    const int64_t input[4] = {v[MB], v[IC], v[IH], v[IW]};
    const int64_t weight[4] = {v[OC], v[IC] / v[G], v[KH], v[KW]};
    /* PyTorch: no input channels, no output channels. */
    const int64_t output[4] = {v[MB], v[IC] ? v[OC] : 0, out_size[0], out_size[1]};
    const int64_t bias[4] = {0, 0, 0, v[OC]};
    const int rank = s->unbatched ? 3 : 4;
    conv2d_problem *p = &s->problem;
    /* The output follows the input's order, the residual the output's layout. */
    if (!s->output_layout.given)
        s->output_layout.order = s->input_layout.order;
    const layout *residual = s->residual_layout.given ? &s->residual_layout : &s->output_layout;
    conv2d_status status = describe(s, "input", rank, input, &s->input_layout, &p->input);
    if (!status)
        status = describe(s, "weight", 4, weight, &s->weight_layout, &p->weight);
    if (!status)
        status = describe(s, "output", rank, output, &s->output_layout, &p->output);
    if (!status && s->bias)
        status = describe(s, "bias", 1, bias, &s->bias_layout, &p->bias);
    if (!status && s->residual)
        status = describe(s, "residual", rank, output, residual, &p->residual);
    return status;
}

static conv2d_status resolve(parser *s)
{
    int64_t out_size[2] = {0, 0};
    complete_dims(s);
    conv2d_status status = require_dims(s);
    for (int a = 0; a < 2 && !status; a++)
        status = resolve_axis(s, a, &out_size[a]);
    s->problem.params.groups = s->value[G];
    return status ? status : describe_tensors(s, out_size);
}

conv2d_status c2_problem_from_text(const char *text, conv2d_problem *problem_out)
{
    static const conv2d_tensor absent = CONV2D_TENSOR_INIT;
    static const conv2d_params defaults = CONV2D_PARAMS_INIT;
    parser s = {.text = text, .at = text, .dtype = CONV2D_FLOAT32};
    s.problem = (conv2d_problem){.struct_size = sizeof s.problem,
                                 .input = absent,
                                 .weight = absent,
                                 .bias = absent,
                                 .residual = absent,
                                 .output = absent,
                                 .params = defaults};
    s.value[G] = s.value[MB] = s.value[SH] = s.value[SW] = 1;
    conv2d_status status = take_dims(&s);
    while (!status && take_char(&s, ':'))
        status = take_option(&s);
    if (!status && *s.at)
        status = expected(&s, "':' and an option, or the end");
    if (!status)
        status = resolve(&s);
    if (status)
        return status;
    *problem_out = s.problem;
    if (problem_out->algorithm_name[0])
        problem_out->params.algorithm = problem_out->algorithm_name;
    return CONV2D_OK;
}
