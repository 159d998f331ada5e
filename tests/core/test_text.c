/* SPDX-License-Identifier: BSD-2-Clause
 * Problem text: examples and what they mean, and the property that any problem survives writing and
 * reading. Bad text is the business of test_text_errors.c. */
#include <inttypes.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/activation.h"
#include "core/cmocka_all.h"
#include "core/shape.h"
#include "core/text.h"
#include "core/text_tables.h"
#include "support/rng.h"

enum { TEXT_BYTES = 2048 };

static conv2d_problem parse(const char *text)
{
    conv2d_problem p;
    const conv2d_status status = c2_problem_from_text(text, &p);
    if (status)
        print_message("%s: %s\n", text, c2_last_error());
    assert_int_equal(status, CONV2D_OK);
    return p;
}

/* The text of a problem; the struct may have moved since it was parsed. */
static void format(const conv2d_problem *problem, char text[TEXT_BYTES])
{
    conv2d_problem p = *problem;
    if (p.algorithm_name[0])
        p.params.algorithm = p.algorithm_name;
    c2_text out = {text, TEXT_BYTES, 0};
    const conv2d_status status = c2_problem_to_text(&p, &out);
    if (status)
        print_message("%s\n", c2_last_error());
    assert_int_equal(status, CONV2D_OK);
    assert_true(out.length == strlen(text) && out.length < TEXT_BYTES);
}

static void builder_cuts_and_counts(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < 14; capacity++) {
        char text[16];
        memset(text, '#', sizeof text);
        c2_text t = {capacity ? text : NULL, capacity, 0};
        c2_text_add(&t, "%s=%d", "abc", 12);
        c2_text_add(&t, ";%s", "x");
        c2_text_add(&t, "%s", "end");
        assert_int_equal(t.length, 11);
        const size_t kept = capacity == 0 ? 0 : capacity < 12 ? capacity - 1 : 11;
        assert_memory_equal(text, "abc=12;xend", kept);
        if (capacity)
            assert_int_equal(text[kept], '\0');
        for (size_t i = capacity < 12 ? capacity : 12; i < sizeof text; i++)
            assert_int_equal(text[i], '#');
    }
}

static void examples_have_their_canonical_form(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        /* benchdnn's own lines */
        {"g32mb1ic128ih56oc128oh56kh3ph1dh0", "g32mb1ic128ih56oc128oh56kh3ph1"},
        {"mb50ic3ih224iw224oc64oh112ow112kh7kw7sh2sw2ph3pw3dh0dw0n\"resnet:conv1\"",
         "mb50ic3ih224oc64oh112kh7sh2ph3n\"resnet:conv1\""},
        {"g1_mb2_ic16ih10_oc16oh10_kh3_ph1", "mb2ic16ih10oc16oh10kh3ph1"},
        {"ic64ih56oc64oh56kh1n\"a:b=c,d\":bias", "mb1ic64ih56oc64oh56kh1n\"a:b=c,d\":bias"},
        /* sizes left out */
        {"ic3ih8oc4kh3", "mb1ic3ih8oc4oh6kh3"},
        {"ic3iw8oc4kw3", "mb1ic3ih8oc4oh6kh3"},
        {"ic3ih8iw9oc4kh3", "mb1ic3ih8iw9oc4oh6ow7kh3kw3"},
        {"ic3ih8oc4kh3sw2", "mb1ic3ih8oc4oh3kh3sh2"},
        {"ic3ih8oc4kh3dh1", "mb1ic3ih8oc4oh4kh3dh1"},
        {"ic3ih8oc4kh3dh1dw0", "mb1ic3ih8iw8oc4oh4ow6kh3kw3dh1dw0"},
        {"mb0ic3ih8oc4kh3", "mb0ic3ih8oc4oh6kh3"},
        /* paddings deduced from the output */
        {"ic3ih8oc4oh8kh3", "mb1ic3ih8oc4oh8kh3ph1"},
        {"ic3ih224oc64oh112kh7sh2", "mb1ic3ih224oc64oh112kh7sh2:pad=2,2,3,3"},
        {"ic3ih224oc64oh112kh7sh2ph3", "mb1ic3ih224oc64oh112kh7sh2ph3"},
        {"ic3ih8oc4oh9kh3ph1", "mb1ic3ih8oc4oh9kh3:pad=1,1,2,2"},
        {"ic3ih8oc4oh7kh3ph1", "mb1ic3ih8oc4oh7kh3:pad=1,1,0,0"},
        {"ic3ih7oc4oh3kh2sh2", "mb1ic3ih7oc4oh3kh2sh2"}, /* the last column is not read */
        {"ic3ih8iw8oc4oh8kh3", "mb1ic3ih8iw8oc4oh8ow6kh3kw3ph1pw0"},
        /* paddings by option */
        {"ic3ih8oc4kh3ph7:pad=1,2,0,3", "mb1ic3ih8iw8oc4oh7ow11kh3kw3:pad=1,2,0,3"},
        {"ic3ih8oc4kh3:pad=1,1,1,1", "mb1ic3ih8oc4oh8kh3ph1"},
        {"ic3ih8oc4kh3:pad=same", "mb1ic3ih8oc4oh8kh3:pad=same"},
        {"ic3ih8oc4kh3:pad=valid", "mb1ic3ih8oc4oh6kh3:pad=valid"},
        {"ic3ih8oc4oh8kh3ph1:mode=reflect", "mb1ic3ih8oc4oh8kh3ph1:mode=reflect"},
        {"ic3ih8oc4kh3:mode=zeros", "mb1ic3ih8oc4oh6kh3"},
        /* activations */
        {"ic3ih8oc4kh3:act=none", "mb1ic3ih8oc4oh6kh3"},
        {"ic3ih8oc4kh3:act=relu6", "mb1ic3ih8oc4oh6kh3:act=relu6"},
        {"ic3ih8oc4kh3:act=clamp", "mb1ic3ih8oc4oh6kh3:act=clamp"},
        {"ic3ih8oc4kh3:act=clamp,,", "mb1ic3ih8oc4oh6kh3:act=clamp"},
        {"ic3ih8oc4kh3:act=clamp,-1e0,+.5", "mb1ic3ih8oc4oh6kh3:act=clamp,-1,0.5"},
        {"ic3ih8oc4kh3:act=clamp,,6", "mb1ic3ih8oc4oh6kh3:act=clamp,,6"},
        {"ic3ih8oc4kh3:act=clamp,0.1,", "mb1ic3ih8oc4oh6kh3:act=clamp,0.1"},
        {"ic3ih8oc4kh3:act=clamp,-inf,inf", "mb1ic3ih8oc4oh6kh3:act=clamp"},
        {"ic3ih8oc4kh3:act=leaky_relu", "mb1ic3ih8oc4oh6kh3:act=leaky_relu,0.01"},
        {"ic3ih8oc4kh3:act=leaky_relu,1e-3", "mb1ic3ih8oc4oh6kh3:act=leaky_relu,0.001"},
        /* the others, in any order */
        {"ic3ih8oc4kh3:unbatched:ftz:ws=0:algo=igemm_ch/avx2:acc=strict:dtype=f64:res:bias",
         "mb1ic3ih8oc4oh6kh3:bias:res:dtype=f64:acc=strict:algo=igemm_ch/avx2:ws=0:ftz:unbatched"},
        {"ic3ih8oc4kh3:acc=default:dtype=f32:ws=18446744073709551615:in=nchw:wei=oihw",
         "mb1ic3ih8oc4oh6kh3"},
        {"ic3ih8oc4kh3:in=nhwc", "mb1ic3ih8oc4oh6kh3:in=nhwc"},
        {"ic3ih8oc4kh3:in=nhwc:out=nhwc:res=nhwc:wei=ohwi",
         "mb1ic3ih8oc4oh6kh3:res:in=nhwc:wei=ohwi"},
        {"ic3ih8oc4kh3:in=nhwc:out=nchw:res", "mb1ic3ih8oc4oh6kh3:res:in=nhwc:out=nchw"},
        {"ic3ih8oc4kh3:res=nhwc", "mb1ic3ih8oc4oh6kh3:res=nhwc"},
        {"ic3ih8oc4kh3:in=s192,64,8,1", "mb1ic3ih8oc4oh6kh3"}, /* which is nchw */
        {"ic3ih8oc4kh3:in=s0,-64,8,1:bias=s-2", "mb1ic3ih8oc4oh6kh3:bias=s-2:in=s0,-64,8,1"},
        {"ic3ih8oc4kh3:unbatched:in=s1,2,3", "mb1ic3ih8oc4oh6kh3:in=s1,2,3:unbatched"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char text[TEXT_BYTES];
        const conv2d_problem p = parse(pairs[i][0]);
        format(&p, text);
        assert_string_equal(text, pairs[i][1]);
    }
}

/* The table in docs/problem-text.md. */
static void the_page_says_the_truth(void **state)
{
    (void)state;
    FILE *page = fopen(PROBLEM_TEXT_PAGE, "r");
    assert_non_null(page);
    char line[1024], from[512], to[512], text[TEXT_BYTES];
    int rows = 0;
    while (fgets(line, sizeof line, page)) {
        if (sscanf(line, "| `%511[^`]` | `%511[^`]` |", from, to) != 2 || strncmp(to, "mb", 2))
            continue;
        const conv2d_problem p = parse(from);
        format(&p, text);
        assert_string_equal(text, to);
        rows++;
    }
    fclose(page);
    assert_true(rows >= 6);
}

static void one_line_means_this(void **state)
{
    (void)state;
    const conv2d_problem p =
        parse("g2mb3ic4ih8iw9oc6kh3kw2sh1sw2dh1dw0n\"name\":pad=1,2,3,4:mode=circular:"
              "act=clamp,-1,6:bias:res:in=nhwc:out=nchw:wei=ohwi:dtype=f64:acc=fast:algo=ref:"
              "ws=9:ftz");
    assert_int_equal(p.struct_size, sizeof p);
    static const int64_t input[4] = {3, 4, 8, 9}, weight[4] = {6, 2, 3, 2},
                         output[4] = {3, 6, 8, 7}, input_strides[4] = {288, 1, 36, 4},
                         weight_strides[4] = {12, 1, 4, 2}, output_strides[4] = {336, 56, 7, 1};
    const conv2d_tensor *const all[] = {&p.input, &p.weight, &p.bias, &p.residual, &p.output};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(all[i]->struct_size, sizeof(conv2d_tensor));
        assert_int_equal(all[i]->dtype, CONV2D_FLOAT64);
        assert_int_equal(all[i]->layout, CONV2D_LAYOUT_STRIDED);
        assert_int_equal(all[i]->rank, i == 2 ? 1 : 4);
        assert_null(all[i]->data);
        assert_null(all[i]->buffer);
        assert_null(all[i]->quant);
    }
    assert_memory_equal(p.input.sizes, input, sizeof input);
    assert_memory_equal(p.input.strides, input_strides, sizeof input_strides);
    assert_memory_equal(p.weight.sizes, weight, sizeof weight);
    assert_memory_equal(p.weight.strides, weight_strides, sizeof weight_strides);
    assert_memory_equal(p.output.sizes, output, sizeof output);
    assert_memory_equal(p.output.strides, output_strides, sizeof output_strides);
    assert_memory_equal(p.residual.sizes, output, sizeof output);
    assert_memory_equal(p.residual.strides, output_strides, sizeof output_strides);
    assert_int_equal(p.bias.sizes[0], 6);
    assert_int_equal(p.bias.strides[0], 1);
    const conv2d_params *q = &p.params;
    static const int64_t padding[4] = {1, 2, 3, 4};
    assert_int_equal(q->struct_size, sizeof *q);
    assert_true(q->stride[0] == 1 && q->stride[1] == 2);
    assert_true(q->dilation[0] == 2 && q->dilation[1] == 1);
    assert_memory_equal(q->padding, padding, sizeof padding);
    assert_int_equal(q->groups, 2);
    assert_int_equal(q->padding_mode, CONV2D_PAD_CIRCULAR);
    assert_int_equal(q->auto_pad, CONV2D_AUTO_PAD_NONE);
    assert_int_equal(q->activation, CONV2D_ACT_CLAMP);
    assert_true(q->output_min == -1 && q->output_max == 6);
    assert_int_equal(q->accuracy, CONV2D_ACCURACY_FAST);
    assert_int_equal(q->flush_denormals, 1);
    assert_true(q->workspace_limit == 9);
    assert_string_equal(p.algorithm_name, "ref");
    assert_string_equal(p.name, "name");
}

static void absent_parts_have_rank_zero(void **state)
{
    (void)state;
    conv2d_problem p;
    assert_int_equal(c2_problem_from_text("ic3ih8oc4kh3:algo=ref", &p), CONV2D_OK);
    assert_int_equal(p.bias.rank, 0);
    assert_int_equal(p.residual.rank, 0);
    assert_ptr_equal(p.params.algorithm, p.algorithm_name); /* of this struct, not a copy */
    assert_int_equal(c2_problem_from_text("ic3ih8oc4kh3", &p), CONV2D_OK);
    assert_null(p.params.algorithm);
}

/* ---- the property --------------------------------------------------------------------------- */

static int64_t pick(rng *r, const int64_t *from, size_t n)
{
    return from[rng_u64(r) % n];
}

static double random_double(rng *r)
{
    static const double some[] = {0.0, -0.0, 0.1, 1.0 / 3, 6, 1e300, 5e-324, 65504, 70000, 1e-7};
    const double x = some[rng_u64(r) % 10];
    switch (rng_u64(r) % 4) {
    case 0:
        return x;
    case 1:
        return -x;
    case 2:
        return (double)(float)rng_normal(r);
    default:
        return rng_normal(r) * 1e5;
    }
}

/* Strides of any kind; named orders most often. */
static void random_strides(rng *r, conv2d_tensor *t)
{
    const int64_t kind = rng_range(r, 0, 4);
    c2_contiguous_strides(t->rank, t->sizes, kind % 2 ? CONV2D_NHWC : CONV2D_NCHW, t->strides);
    for (int a = 0; a < t->rank && kind >= 3; a++)
        t->strides[a] = kind == 3 ? t->strides[a] * rng_range(r, -2, 3)
                                  : rng_range(r, -(INT64_C(1) << 38), INT64_C(1) << 38);
}

static conv2d_tensor random_tensor(rng *r, int32_t dtype, int rank, const int64_t *sizes)
{
    conv2d_tensor t = CONV2D_TENSOR_INIT;
    t.dtype = dtype;
    t.rank = rank;
    for (int a = 0; a < rank; a++)
        t.sizes[a] = sizes[4 - rank + a];
    random_strides(r, &t);
    return t;
}

static void random_params(rng *r, conv2d_params *q, int64_t groups)
{
    const bool same = rng_range(r, 0, 9) == 0, valid = !same && rng_range(r, 0, 9) == 0;
    q->groups = groups;
    q->auto_pad = same ? CONV2D_AUTO_PAD_SAME : valid ? CONV2D_AUTO_PAD_VALID : 0;
    for (int a = 0; a < 2; a++) {
        q->stride[a] = same || rng_range(r, 0, 2) ? 1 : rng_range(r, 1, 5);
        q->dilation[a] = rng_range(r, 0, 2) ? 1 : rng_range(r, 1, 4);
        q->padding[a] = same || valid ? 0 : rng_range(r, 0, 3);
        q->padding[a + 2] = same || valid                ? 0
                            : rng_range(r, 0, 2) ? q->padding[a]
                                                 : rng_range(r, 0, 3);
    }
    q->padding_mode = (int32_t)rng_range(r, 0, 3);
    q->activation = (int32_t)rng_range(r, 0, CONV2D_ACT_MISH);
    if (q->activation == CONV2D_ACT_CLAMP) {
        q->output_min = rng_range(r, 0, 2) ? random_double(r) : -HUGE_VAL;
        q->output_max = rng_range(r, 0, 2) ? random_double(r) : HUGE_VAL;
    }
    if (q->activation == CONV2D_ACT_LEAKY_RELU)
        q->alpha = random_double(r);
    q->accuracy = (int32_t)rng_range(r, 0, 3);
    q->flush_denormals = (int32_t)rng_range(r, 0, 1);
    if (rng_range(r, 0, 2) == 0)
        q->workspace_limit = rng_u64(r) >> rng_range(r, 0, 63);
}

/* A problem made field by field, not from text; false if its kernel does not fit. */
static bool random_problem(rng *r, conv2d_problem *p)
{
    static const int64_t channels[] = {0, 1, 1, 2, 3, 5, 64};
    static const int64_t extents[] = {1, 1, 2, 5, 7, 8, 56, 1 << 20};
    static const char *const names[] = {"", "", "conv1", "res:3x3 \\ n'2'", "\xc3\xa9t\xc3\xa9"};
    const conv2d_tensor absent = CONV2D_TENSOR_INIT;
    const conv2d_params defaults = CONV2D_PARAMS_INIT;
    const int64_t groups = rng_range(r, 0, 2) ? 1 : rng_range(r, 1, 40);
    const int rank = (int)rng_range(r, 3, 4);
    const int32_t dtype = (int32_t)rng_range(r, CONV2D_FLOAT32, CONV2D_INT32);
    const int64_t in[4] = {rank == 3 ? 1 : rng_range(r, 0, 3), groups * pick(r, channels, 7),
                           pick(r, extents, 8), pick(r, extents, 8)};
    const bool square = rng_range(r, 0, 1) == 0;
    const int64_t input[4] = {in[0], in[1], in[2], square ? in[2] : in[3]};
    const int64_t k = rng_range(r, 1, 4);
    const int64_t weight[4] = {groups * pick(r, channels, 7), in[1] / groups, k,
                               square ? k : rng_range(r, 1, 4)};
    *p = (conv2d_problem){.struct_size = sizeof *p, .input = absent, .weight = absent,
                          .bias = absent, .residual = absent, .output = absent,
                          .params = defaults};
    random_params(r, &p->params, groups);
    /* As in PyTorch, without input channels there are no output channels. */
    int64_t output[4] = {in[0], in[1] ? weight[0] : 0, 0, 0};
    for (int a = 0; a < 2; a++)
        if (!c2_text_output_size(&p->params, a, input[2 + a], weight[2 + a], &output[2 + a]) ||
            output[2 + a] < 1)
            return false;
    const int64_t bias[4] = {0, 0, 0, weight[0]};
    p->input = random_tensor(r, dtype, rank, input);
    p->weight = random_tensor(r, dtype, 4, weight);
    p->output = random_tensor(r, dtype, rank, output);
    if (rng_range(r, 0, 1))
        p->bias = random_tensor(r, dtype, 1, bias);
    if (rng_range(r, 0, 1))
        p->residual = random_tensor(r, dtype, rank, output);
    if (rng_range(r, 0, 3) == 0) {
        strcpy(p->algorithm_name, "igemm_ch/avx2");
        p->params.algorithm = p->algorithm_name;
    }
    strcpy(p->name, names[rng_range(r, 0, 4)]);
    return true;
}

static bool same_tensor(const conv2d_tensor *a, const conv2d_tensor *b)
{
    bool same = a->rank == b->rank && (a->rank == 0 || a->dtype == b->dtype) &&
                a->layout == b->layout && a->struct_size == b->struct_size;
    for (int i = 0; i < a->rank; i++) /* a stride that is never taken says nothing */
        same = same && a->sizes[i] == b->sizes[i] &&
               (a->sizes[i] <= 1 || a->strides[i] == b->strides[i]);
    return same;
}

static bool same_bits(double a, double b) { return memcmp(&a, &b, sizeof a) == 0; }

static bool same_problem(const conv2d_problem *a, const conv2d_problem *b)
{
    const conv2d_params *p = &a->params, *q = &b->params;
    return same_tensor(&a->input, &b->input) && same_tensor(&a->weight, &b->weight) &&
           same_tensor(&a->bias, &b->bias) && same_tensor(&a->residual, &b->residual) &&
           same_tensor(&a->output, &b->output) && p->padding_mode == q->padding_mode &&
           memcmp(p->stride, q->stride, sizeof p->stride) == 0 &&
           memcmp(p->padding, q->padding, sizeof p->padding) == 0 &&
           memcmp(p->dilation, q->dilation, sizeof p->dilation) == 0 && p->groups == q->groups &&
           p->auto_pad == q->auto_pad && p->activation == q->activation &&
           same_bits(p->output_min, q->output_min) && same_bits(p->output_max, q->output_max) &&
           same_bits(p->alpha, q->alpha) && p->accuracy == q->accuracy &&
           p->flush_denormals == q->flush_denormals && p->workspace_limit == q->workspace_limit &&
           p->weights == q->weights && strcmp(a->algorithm_name, b->algorithm_name) == 0 &&
           !p->algorithm == !q->algorithm && strcmp(a->name, b->name) == 0;
}

static void any_problem_survives_writing_and_reading(void **state)
{
    (void)state;
    int tried = 0;
    for (uint64_t seed = 1; tried < 50000; seed++) {
        rng r = {seed};
        conv2d_problem p;
        if (!random_problem(&r, &p))
            continue;
        tried++;
        char text[TEXT_BYTES], again[TEXT_BYTES];
        format(&p, text);
        const conv2d_problem read = parse(text);
        if (!same_problem(&p, &read))
            print_message("seed %" PRIu64 ": %s\n", seed, text);
        assert_true(same_problem(&p, &read));
        format(&read, again);
        assert_string_equal(again, text);
    }
}

/* An output that the library is to make is written as what it will make. */
static void output_to_be_made_follows_the_input(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "mb1ic3ih8oc4oh6kh3", "mb1ic3ih8oc4oh6kh3:in=nhwc", "mb1ic3ih8oc4oh6kh3:in=s1,2,3,4",
        "mb1ic1ih8oc4oh6kh3:in=nhwc:out=nchw", /* one channel is both, and counts as nchw */
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char text[TEXT_BYTES];
        conv2d_problem p = parse(lines[i]);
        p.output.rank = 0;
        format(&p, text);
        assert_string_equal(text, lines[i]);
    }
}

static void numbers_round_trip(void **state)
{
    (void)state;
    rng r = {5};
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = rng_u64(&r);
        double x, y = 77;
        memcpy(&x, &bits, sizeof x);
        if (!isfinite(x))
            continue;
        if (i % 2)
            x = (double)(float)rng_normal(&r);
        char text[C2_NUMBER_BYTES];
        c2_number_write(x, text);
        assert_true(c2_number_read(text, strlen(text), &y));
        assert_true(same_bits(x, y));
    }
    char text[C2_NUMBER_BYTES];
    c2_number_write((double)0.1f, text);
    assert_string_equal(text, "0.10000000149011612");
    c2_number_write(0.1, text);
    assert_string_equal(text, "0.1");
    c2_number_write(-HUGE_VAL, text);
    assert_string_equal(text, "-inf");
}

/* A program may have set a locale that writes 0,1; where one is installed. */
static void numbers_ignore_the_locale(void **state)
{
    (void)state;
    static const char *const commas[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "fr_FR.utf8",
                                         "de_DE",       "fr_FR",      "nl_NL.UTF-8", "it_IT.UTF-8"};
    for (size_t i = 0; i < sizeof commas / sizeof commas[0]; i++) {
        if (!setlocale(LC_NUMERIC, commas[i]))
            continue;
        char decimal[8], text[TEXT_BYTES];
        snprintf(decimal, sizeof decimal, "%.1f", 0.5);
        const conv2d_problem p = parse("ic3ih8oc4kh3:act=clamp,-0.25,1.5e300");
        format(&p, text);
        setlocale(LC_NUMERIC, "C");
        assert_string_equal(decimal, "0,5");
        assert_true(p.params.output_min == -0.25 && p.params.output_max == 1.5e300);
        assert_string_equal(text, "mb1ic3ih8oc4oh6kh3:act=clamp,-0.25,1.5e+300");
        return;
    }
    skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builder_cuts_and_counts),
        cmocka_unit_test(examples_have_their_canonical_form),
        cmocka_unit_test(the_page_says_the_truth),
        cmocka_unit_test(one_line_means_this),
        cmocka_unit_test(absent_parts_have_rank_zero),
        cmocka_unit_test(any_problem_survives_writing_and_reading),
        cmocka_unit_test(output_to_be_made_follows_the_input),
        cmocka_unit_test(numbers_round_trip),
        cmocka_unit_test(numbers_ignore_the_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
