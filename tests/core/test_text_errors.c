/* SPDX-License-Identifier: BSD-2-Clause
 * Bad problem text and bad problems: each refused with a status and a sentence, the result
 * untouched; and random damage to good text, which must be refused or mean a writable problem. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/cmocka_all.h"
#include "core/text.h"
#include "support/rng.h"

static void bad_text_is_refused_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        conv2d_status status;
        const char *sentence; /* part of it */
    } cases[] = {
        {"", CONV2D_E_SYNTAX, "ic is missing"},
        {"ic3", CONV2D_E_SYNTAX, "ih is missing"},
        {"ic3ih8", CONV2D_E_SYNTAX, "oc is missing"},
        {"ic3ih8oc4", CONV2D_E_SYNTAX, "kh is missing"},
        {"ic3ih8oc4kh3 ", CONV2D_E_SYNTAX, "position 13: expected a size"},
        {" ic3ih8oc4kh3", CONV2D_E_SYNTAX, "position 1: expected a size"},
        {"_ic3", CONV2D_E_SYNTAX, "position 1: expected a size"},
        {"ic3id8", CONV2D_E_SYNTAX, "position 4: expected a size"},
        {"ic", CONV2D_E_SYNTAX, "position 3: expected a number, got the end"},
        {"ic-3", CONV2D_E_SYNTAX, "position 3: expected a number, got '-3'"},
        {"ic3ic3", CONV2D_E_SYNTAX, "position 4: expected each size once"},
        {"ic3ih8oc4kh0", CONV2D_E_SYNTAX, "position 10: expected a size of at least 1"},
        {"g0ic3ih8oc4kh3", CONV2D_E_SYNTAX, "position 1: expected a size of at least 1"},
        {"ic3ih8oc4kh3sh0", CONV2D_E_SYNTAX, "position 13: expected a size of at least 1"},
        {"ic3\n", CONV2D_E_SYNTAX, "got '?'"},
        {"ic3n\"abc", CONV2D_E_SYNTAX, "expected a quotation mark"},
        {"ic3n\"abc\tx\"", CONV2D_E_SYNTAX, "expected a quotation mark"},
        {"ic3n\"a\"n\"b\"", CONV2D_E_SYNTAX, "position 8: expected one name only"},
        {"n\"0123456789012345678901234567890123456789012345678901234567890123\"",
         CONV2D_E_SYNTAX, "at most 63 bytes"},
        {"ic9223372036854775808", CONV2D_E_OVERFLOW, "position 3: this number does not fit"},
        {"ic99999999999999999999", CONV2D_E_OVERFLOW, "does not fit into 64 bits"},
        {"ic3ih8oc4kh3dh9223372036854775807", CONV2D_E_OVERFLOW, "output size along y"},
        {"ic3ih9223372036854775807oc4kh3ph1", CONV2D_E_OVERFLOW, "output size along y"},
        {"ic3ih8oc4kh3ph1oh9223372036854775807sh3", CONV2D_E_OVERFLOW, "output size along y"},
        {"ic3ih4000000000oc4kh3", CONV2D_E_OVERFLOW, "of the input reach beyond 63 bits"},
        {"ic3ih8oc4kh3:in=s9223372036854775807,1,1,1", CONV2D_OK, ""}, /* batch 1: never taken */
        {"mb2ic3ih8oc4kh3:in=s9223372036854775807,1,1,1", CONV2D_E_OVERFLOW, "of the input"},
        {"ic3ih8oc4kh3:in=s1,1,1,-9223372036854775809", CONV2D_E_OVERFLOW, "63 bits"},
        {"ic3ih8oc4kh3:in=s-9223372036854775808,1,1,1", CONV2D_OK, ""},
        {"ic3ih8oc4kh3:bias=s9223372036854775807", CONV2D_E_OVERFLOW, "of the bias"},
        {"ic3ih8oc4kh3:ws=18446744073709551616", CONV2D_E_OVERFLOW, "position 17"},
        {"ic3ih2oc4kh3", CONV2D_E_SHAPE, "a kernel of 3 with dilation 1 does not fit into ih = 2"},
        {"ic3ih2oc4kh3sh2", CONV2D_E_SHAPE, "does not fit into ih = 2"}, /* rounds toward zero? */
        {"ic3ih8iw2oc4kh3", CONV2D_E_SHAPE, "does not fit into iw = 2"},
        {"ic3ih0oc4kh3:pad=same", CONV2D_E_SHAPE, "does not fit into ih = 0"},
        {"ic3ih8oc4oh5kh3ph1", CONV2D_E_SHAPE, "oh is 5, the other sizes give 7"},
        {"ic3ih8oc4oh8kh3:pad=0,0,0,0", CONV2D_E_SHAPE, "oh is 8, the other sizes give 6"},
        {"ic3ih8oc4oh6kh3:pad=same", CONV2D_E_SHAPE, "oh is 6, the other sizes give 8"},
        {"ic3ih8oc4kh3sh2:pad=same", CONV2D_E_SHAPE, "sh is 2, pad=same needs 1"},
        {"g2ic3ih8oc4kh3", CONV2D_E_SHAPE, "g is 2, which does not divide ic = 3 and oc = 4"},
        {"g3ic3ih8oc4kh3", CONV2D_E_SHAPE, "g is 3"},
        {"mb2ic3ih8oc4kh3:unbatched", CONV2D_E_SHAPE, "mb is 2, unbatched needs 1"},
        {"ic3ih8oc4kh3:", CONV2D_E_SYNTAX, "position 14: expected an option"},
        {"ic3ih8oc4kh3::bias", CONV2D_E_SYNTAX, "position 14: expected an option"},
        {"ic3ih8oc4kh3:bia", CONV2D_E_SYNTAX, "expected an option"},
        {"ic3ih8oc4kh3:biass", CONV2D_E_SYNTAX, "expected an option"},
        {"ic3ih8oc4kh3:bias:res:bias", CONV2D_E_SYNTAX, "position 23: expected each option once"},
        {"ic3ih8oc4kh3:ftz=1", CONV2D_E_SYNTAX, "expected ':' and an option, or the end"},
        {"ic3ih8oc4kh3:pad", CONV2D_E_SYNTAX, "expected '=' and a value"},
        {"ic3ih8oc4kh3:pad=", CONV2D_E_SYNTAX, "expected a number"},
        {"ic3ih8oc4kh3:pad=1,2,3", CONV2D_E_SYNTAX, "expected four paddings"},
        {"ic3ih8oc4kh3:pad=1,2,3,4,5", CONV2D_E_SYNTAX, "expected ':' and an option"},
        {"ic3ih8oc4kh3:pad=-1,0,0,0", CONV2D_E_SYNTAX, "expected a number"},
        {"ic3ih8oc4kh3:mode=mirror", CONV2D_E_SYNTAX, "expected zeros, reflect, replicate"},
        {"ic3ih8oc4kh3:act=", CONV2D_E_SYNTAX, "expected the name of an activation"},
        {"ic3ih8oc4kh3:act=relu7", CONV2D_E_SYNTAX, "got 'relu7'"},
        {"ic3ih8oc4kh3:act=relu,1", CONV2D_E_SYNTAX, "expected ':' and an option"},
        {"ic3ih8oc4kh3:act=clamp,nan", CONV2D_E_SYNTAX, "expected a number, got 'nan'"},
        {"ic3ih8oc4kh3:act=clamp,0x10", CONV2D_E_SYNTAX, "expected a number"},
        {"ic3ih8oc4kh3:act=clamp,1e999", CONV2D_E_SYNTAX, "expected a number"},
        {"ic3ih8oc4kh3:act=clamp,1e", CONV2D_E_SYNTAX, "expected a number"},
        {"ic3ih8oc4kh3:act=clamp,.", CONV2D_E_SYNTAX, "expected a number"},
        {"ic3ih8oc4kh3:act=clamp, 1", CONV2D_E_SYNTAX, "expected a number"},
        {"ic3ih8oc4kh3:act=clamp,1,2,3", CONV2D_E_SYNTAX, "expected ':' and an option"},
        {"ic3ih8oc4kh3:in=chwn", CONV2D_E_SYNTAX, "expected an order of axes"},
        {"ic3ih8oc4kh3:wei=nchw", CONV2D_E_SYNTAX, "expected an order of axes"},
        {"ic3ih8oc4kh3:in=s", CONV2D_E_SYNTAX, "expected a number"},
        {"ic3ih8oc4kh3:in=s1,2,3", CONV2D_E_SYNTAX, "3 strides for the input, expected 4"},
        {"ic3ih8oc4kh3:in=s1,2,3,4,5", CONV2D_E_SYNTAX, "expected at most four strides"},
        {"ic3ih8oc4kh3:in=s1,2,3,4:unbatched", CONV2D_E_SYNTAX, "4 strides for the input"},
        {"ic3ih8oc4kh3:bias=s1,2", CONV2D_E_SYNTAX, "2 strides for the bias, expected 1"},
        {"ic3ih8oc4kh3:bias=nchw", CONV2D_E_SYNTAX, "expected s and a stride"},
        {"ic3ih8oc4kh3:dtype=float", CONV2D_E_SYNTAX, "expected f32, f64"},
        {"ic3ih8oc4kh3:acc=best", CONV2D_E_SYNTAX, "expected default, strict, fast or tf32"},
        {"ic3ih8oc4kh3:algo=", CONV2D_E_SYNTAX, "expected the name of an algorithm"},
        {"ic3ih8oc4kh3:algo=a b", CONV2D_E_SYNTAX, "expected ':' and an option"},
        {"ic3ih8oc4kh3:algo=01234567890123456789012345678901234567890123456789012345",
         CONV2D_E_SYNTAX, "at most 55 bytes"},
        {"ic3ih8oc4kh3:ws=-1", CONV2D_E_SYNTAX, "expected a number of bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        conv2d_problem p, before;
        memset(&p, 0x5a, sizeof p);
        before = p;
        const conv2d_status status = c2_problem_from_text(cases[i].text, &p);
        if (status != cases[i].status || (status && !strstr(c2_last_error(), cases[i].sentence)))
            print_message("'%s': status %d: %s\n", cases[i].text, (int)status, c2_last_error());
        assert_int_equal(status, cases[i].status);
        if (status) {
            assert_non_null(strstr(c2_last_error(), cases[i].sentence));
            assert_memory_equal(&p, &before, sizeof p);
        }
    }
}

/* ---- problems that have no text -------------------------------------------------------- */

typedef void (*damage)(conv2d_problem *p);

static void input_rank(conv2d_problem *p) { p->input.rank = 5; }
static void weight_rank(conv2d_problem *p) { p->weight.rank = 3; }
static void bias_rank(conv2d_problem *p) { p->bias.rank = 4; }
static void mixed_dtypes(conv2d_problem *p) { p->weight.dtype = CONV2D_FLOAT16; }
static void unknown_dtype(conv2d_problem *p)
{
    p->input.dtype = p->weight.dtype = p->bias.dtype = p->residual.dtype = p->output.dtype = 99;
}
static void blocked(conv2d_problem *p) { p->input.layout = 3; }
static void channels(conv2d_problem *p) { p->weight.sizes[1] = 2; }
static void negative_size(conv2d_problem *p) { p->input.sizes[0] = -1; }
static void zero_kernel(conv2d_problem *p) { p->weight.sizes[2] = 0; }
static void output_size(conv2d_problem *p) { p->output.sizes[3]++; }
static void residual_size(conv2d_problem *p) { p->residual.sizes[1]++; }
static void bias_size(conv2d_problem *p) { p->bias.sizes[0]++; }
static void zero_groups(conv2d_problem *p) { p->params.groups = 0; }
static void bad_groups(conv2d_problem *p) { p->params.groups = 2; }
static void zero_stride(conv2d_problem *p) { p->params.stride[1] = 0; }
static void zero_dilation(conv2d_problem *p) { p->params.dilation[0] = 0; }
static void negative_padding(conv2d_problem *p) { p->params.padding[3] = -1; }
static void auto_and_padding(conv2d_problem *p)
{
    p->params.auto_pad = CONV2D_AUTO_PAD_VALID;
    p->params.padding[0] = 1;
}
static void unknown_auto_pad(conv2d_problem *p) { p->params.auto_pad = 9; }
static void unknown_mode(conv2d_problem *p) { p->params.padding_mode = -1; }
static void unknown_activation(conv2d_problem *p) { p->params.activation = 100; }
static void unknown_accuracy(conv2d_problem *p) { p->params.accuracy = 4; }
static void nan_bound(conv2d_problem *p) { p->params.output_min = NAN; }
static void nan_alpha(conv2d_problem *p) { p->params.alpha = NAN; }
static void relu_with_bound(conv2d_problem *p)
{
    p->params.activation = CONV2D_ACT_RELU;
    p->params.output_max = 6;
}
static void odd_algorithm(conv2d_problem *p) { p->params.algorithm = "a:bias"; }
static void long_algorithm(conv2d_problem *p)
{
    p->params.algorithm = "01234567890123456789012345678901234567890123456789012345";
}
static void odd_name(conv2d_problem *p) { strcpy(p->name, "a\"b"); }
static void control_name(conv2d_problem *p) { strcpy(p->name, "a\nb"); }
static void endless_name(conv2d_problem *p) { memset(p->name, 'x', sizeof p->name); }
static void kernel_too_large(conv2d_problem *p) { p->weight.sizes[2] = 9; }
static void overflowing(conv2d_problem *p) { p->params.dilation[0] = INT64_MAX; }
static void far_strides(conv2d_problem *p) { p->input.strides[0] = INT64_MAX; }

static void problems_without_text_are_refused(void **state)
{
    (void)state;
    static const struct {
        damage apply;
        conv2d_status status;
    } cases[] = {
        {input_rank, CONV2D_E_SHAPE},          {weight_rank, CONV2D_E_SHAPE},
        {bias_rank, CONV2D_E_SHAPE},           {mixed_dtypes, CONV2D_E_ARGUMENT},
        {unknown_dtype, CONV2D_E_ARGUMENT},    {blocked, CONV2D_E_ARGUMENT},
        {channels, CONV2D_E_SHAPE},            {negative_size, CONV2D_E_SHAPE},
        {zero_kernel, CONV2D_E_SHAPE},         {output_size, CONV2D_E_SHAPE},
        {residual_size, CONV2D_E_SHAPE},       {bias_size, CONV2D_E_SHAPE},
        {zero_groups, CONV2D_E_ARGUMENT},      {bad_groups, CONV2D_E_SHAPE},
        {zero_stride, CONV2D_E_ARGUMENT},      {zero_dilation, CONV2D_E_ARGUMENT},
        {negative_padding, CONV2D_E_ARGUMENT}, {auto_and_padding, CONV2D_E_ARGUMENT},
        {unknown_auto_pad, CONV2D_E_ARGUMENT}, {unknown_mode, CONV2D_E_ARGUMENT},
        {unknown_activation, CONV2D_E_ARGUMENT}, {unknown_accuracy, CONV2D_E_ARGUMENT},
        {nan_bound, CONV2D_E_ARGUMENT},        {nan_alpha, CONV2D_E_ARGUMENT},
        {relu_with_bound, CONV2D_E_ARGUMENT},  {odd_algorithm, CONV2D_E_ARGUMENT},
        {long_algorithm, CONV2D_E_ARGUMENT},   {odd_name, CONV2D_E_ARGUMENT},
        {control_name, CONV2D_E_ARGUMENT},     {endless_name, CONV2D_E_ARGUMENT},
        {kernel_too_large, CONV2D_E_SHAPE},    {overflowing, CONV2D_E_OVERFLOW},
        {far_strides, CONV2D_E_OVERFLOW},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        conv2d_problem p;
        assert_int_equal(c2_problem_from_text("mb2ic3ih8oc4kh3:bias:res", &p), CONV2D_OK);
        cases[i].apply(&p);
        char text[64] = "untouched";
        c2_text out = {text, sizeof text, 0};
        const conv2d_status status = c2_problem_to_text(&p, &out);
        if (status != cases[i].status)
            print_message("case %zu: status %d: %s\n", i, (int)status, c2_last_error());
        assert_int_equal(status, cases[i].status);
        assert_string_equal(text, "untouched");
        assert_int_equal(out.length, 0);
    }
}

static void cut_text_counts_all_of_it(void **state)
{
    (void)state;
    conv2d_problem p;
    assert_int_equal(c2_problem_from_text("ic3ih8oc4kh3:bias:ftz", &p), CONV2D_OK);
    c2_text counted = {NULL, 0, 0};
    assert_int_equal(c2_problem_to_text(&p, &counted), CONV2D_OK);
    assert_int_equal(counted.length, strlen("mb1ic3ih8oc4oh6kh3:bias:ftz"));
    char text[8];
    c2_text cut = {text, sizeof text, 0};
    assert_int_equal(c2_problem_to_text(&p, &cut), CONV2D_OK);
    assert_int_equal(cut.length, counted.length);
    assert_string_equal(text, "mb1ic3i");
}

/* ---- damage ---------------------------------------------------------------------------- */

static void damaged_text_is_refused_or_means_something(void **state)
{
    (void)state;
    static const char *const seeds[] = {
        "g32mb1ic128ih56iw56oc128oh56ow56kh3kw3sh1sw1ph1pw1dh0dw0n\"name\"",
        "ic3ih224oc64oh112kh7sh2:pad=2,3,2,3:mode=reflect:act=clamp,-1.5e3,6:bias:res=nhwc",
        "ic3ih8oc4kh3:in=s1,-2,3,4:out=nhwc:wei=ohwi:dtype=f64:acc=strict:algo=ref:ws=77:ftz",
    };
    static const char alphabet[] = "0123456789gmbicohwkspdn\":=,._-+einftzresadl_/ \x80\xff";
    int accepted = 0, refused = 0;
    for (uint64_t seed = 1; seed <= 100000; seed++) {
        rng r = {seed};
        char text[256];
        strcpy(text, seeds[rng_u64(&r) % 3]);
        for (int64_t edits = rng_range(&r, 1, 4); edits > 0; edits--) {
            const size_t n = strlen(text), at = rng_u64(&r) % n;
            const char c = alphabet[rng_u64(&r) % (sizeof alphabet - 1)];
            switch (rng_u64(&r) % 4) {
            case 0: /* replace */
                text[at] = c;
                break;
            case 1: /* insert */
                memmove(text + at + 1, text + at, n - at + 1);
                text[at] = c;
                break;
            case 2: /* remove */
                memmove(text + at, text + at + 1, n - at);
                break;
            default: /* cut, seldom near the start */
                text[n - rng_u64(&r) % (n / 2 + 1)] = '\0';
            }
            if (text[0] == '\0')
                strcpy(text, ":");
        }
        conv2d_problem p, q;
        if (c2_problem_from_text(text, &p)) {
            assert_true(c2_last_error()[0] != '\0');
            refused++;
            continue;
        }
        accepted++;
        char first[2048], second[2048];
        c2_text out = {first, sizeof first, 0};
        if (c2_problem_to_text(&p, &out)) {
            print_message("'%s': %s\n", text, c2_last_error());
            fail();
        }
        assert_int_equal(c2_problem_from_text(first, &q), CONV2D_OK);
        out = (c2_text){second, sizeof second, 0};
        assert_int_equal(c2_problem_to_text(&q, &out), CONV2D_OK);
        assert_string_equal(first, second);
    }
    assert_true(accepted > 1000 && refused > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_text_is_refused_in_words),
        cmocka_unit_test(problems_without_text_are_refused),
        cmocka_unit_test(cut_text_counts_all_of_it),
        cmocka_unit_test(damaged_text_is_refused_or_means_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
