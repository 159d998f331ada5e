/* SPDX-License-Identifier: BSD-2-Clause
 * Padding questions against enumeration of every tap; padding modes against padded rows written out
 * by hand; operations; the activation step. */
#include <stdbool.h>
#include <string.h>

#include "core/cmocka_all.h"
#include "core/problem.h"
#include "core/shape.h"

/* Does some tap of some window of this axis lie outside? */
static bool any_tap_outside(const c2_problem *p, int axis)
{
    const int64_t size = axis ? p->w : p->h, k = axis ? p->kw : p->kh,
                  out = axis ? p->ow : p->oh;
    for (int64_t o = 0; o < out; o++)
        for (int64_t t = 0; t < k; t++) {
            const int64_t i = o * p->stride[axis] + t * p->dilation[axis] - p->pad[axis];
            if (i < 0 || i >= size)
                return true;
        }
    return false;
}

static void is_padded_matches_enumeration(void **state)
{
    (void)state;
    int padded = 0, plain = 0;
    for (int64_t size = 1; size < 7; size++)
        for (int64_t k = 1; k < 4; k++)
            for (int64_t stride = 1; stride < 4; stride++)
                for (int64_t dilation = 1; dilation < 3; dilation++)
                    for (int64_t pads = 0; pads < 9; pads++)
                        for (int axis = 0; axis < 2; axis++) {
                            c2_problem p = {.n = 1, .oh = 1, .ow = 1, .h = 1, .w = 1, .kh = 1,
                                            .kw = 1, .stride = {1, 1}, .dilation = {1, 1}};
                            *(axis ? &p.w : &p.h) = size;
                            *(axis ? &p.kw : &p.kh) = k;
                            p.stride[axis] = stride;
                            p.dilation[axis] = dilation;
                            p.pad[axis] = pads / 3;
                            p.pad[axis + 2] = pads % 3;
                            assert_true(c2_output_extent(size, pads / 3, pads % 3, k, stride,
                                                         dilation, axis ? &p.ow : &p.oh));
                            const bool empty = p.oh < 1 || p.ow < 1;
                            const bool outside = !empty && any_tap_outside(&p, axis);
                            assert_int_equal(c2_problem_is_padded(&p), outside);
                            padded += outside;
                            plain += !outside;
                        }
    assert_true(padded > 100 && plain > 100);
}

static void pad_modes_match_rows_written_out(void **state)
{
    (void)state;
    /* Positions -3 .. size + 2. */
    static const struct {
        int32_t mode;
        int64_t size, first;
        int64_t index[9];
    } rows[] = {
        {CONV2D_PAD_ZEROS, 3, -3, {-1, -1, -1, 0, 1, 2, -1, -1, -1}},
        {CONV2D_PAD_REFLECT, 3, -2, {2, 1, 0, 1, 2, 1, 0}},
        {CONV2D_PAD_REFLECT, 4, -3, {3, 2, 1, 0, 1, 2, 3, 2, 1}},
        {CONV2D_PAD_REPLICATE, 3, -3, {0, 0, 0, 0, 1, 2, 2, 2, 2}},
        {CONV2D_PAD_CIRCULAR, 3, -3, {0, 1, 2, 0, 1, 2, 0, 1, 2}},
        {CONV2D_PAD_CIRCULAR, 2, -2, {0, 1, 0, 1, 0, 1}},
        {CONV2D_PAD_ZEROS, 1, -1, {-1, 0, -1}},
        {CONV2D_PAD_REPLICATE, 1, -1, {0, 0, 0}},
        {CONV2D_PAD_CIRCULAR, 1, -1, {0, 0, 0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const int64_t n = rows[i].size - 2 * rows[i].first;
        for (int64_t k = 0; k < n && k < 9; k++)
            assert_int_equal(c2_pad_index(rows[i].mode, rows[i].first + k, rows[i].size),
                             rows[i].index[k]);
    }
}

static void pad_index_never_leaves_the_axis(void **state)
{
    (void)state;
    static const int64_t far[] = {INT64_MIN, INT64_MIN / 2, -1000, 1000, INT64_MAX / 2, INT64_MAX};
    for (int32_t mode = CONV2D_PAD_ZEROS; mode <= CONV2D_PAD_CIRCULAR; mode++)
        for (int64_t size = 1; size < 6; size++)
            for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
                const int64_t at = c2_pad_index(mode, far[i], size);
                assert_true(at >= (mode == CONV2D_PAD_ZEROS ? -1 : 0) && at < size);
            }
}

/* Where twice the size does not fit 63 bits. */
static void pad_modes_of_the_longest_axes(void **state)
{
    (void)state;
    const int64_t size = INT64_MAX - 10;
    assert_true(c2_pad_index(CONV2D_PAD_REFLECT, -5, size) == 5);
    assert_true(c2_pad_index(CONV2D_PAD_REFLECT, size + 2, size) == size - 4);
    assert_true(c2_pad_index(CONV2D_PAD_REFLECT, 1 - size, size) == size - 1);
    assert_true(c2_pad_index(CONV2D_PAD_CIRCULAR, -size, size) == 0);
    assert_true(c2_pad_index(CONV2D_PAD_CIRCULAR, size + 2, size) == 2);
    assert_true(c2_pad_index(CONV2D_PAD_REPLICATE, size + 2, size) == size - 1);
    assert_true(c2_pad_index(CONV2D_PAD_ZEROS, size, size) == -1);
}

static void operations_and_k(void **state)
{
    (void)state;
    const c2_problem p = {.n = 2, .oc = 6, .ocg = 3, .icg = 4, .kh = 3, .kw = 5, .oh = 7, .ow = 8};
    assert_int_equal(c2_problem_k(&p), 60);
    assert_true(c2_problem_flops(&p) == 2.0 * 2 * 6 * 7 * 8 * 60);
    const int64_t big = INT64_C(1) << 40; /* a product beyond 63 bits is a double, not a crash */
    const c2_problem q = {.n = big, .oc = big, .icg = 1, .kh = 1, .kw = 1, .oh = 1, .ow = 1};
    assert_true(c2_problem_flops(&q) == 0x1p81);
}

static void activation_step_is_found(void **state)
{
    (void)state;
    c2_problem p = {.n_posts = 2};
    p.posts[0].kind = C2_POST_BIAS;
    p.posts[1].kind = C2_POST_RESIDUAL;
    p.posts[2].kind = C2_POST_ACTIVATION;
    assert_null(c2_problem_activation(&p)); /* beyond n_posts */
    p.n_posts = 3;
    assert_ptr_equal(c2_problem_activation(&p), &p.posts[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_padded_matches_enumeration),
        cmocka_unit_test(pad_modes_match_rows_written_out),
        cmocka_unit_test(pad_index_never_leaves_the_axis),
        cmocka_unit_test(pad_modes_of_the_longest_axes),
        cmocka_unit_test(operations_and_k),
        cmocka_unit_test(activation_step_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
