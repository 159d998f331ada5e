/* SPDX-License-Identifier: BSD-2-Clause
 * Shape arithmetic against counting, and at the ends of the 63-bit range. */
#include <stdbool.h>
#include <string.h>

#include "core/cmocka_all.h"
#include "core/mem.h"
#include "core/shape.h"
#include "support/rng.h"

/* Number of windows, by trying each start. */
static int64_t count_windows(int64_t padded, int64_t k, int64_t stride, int64_t dilation)
{
    int64_t n = 0;
    while (n * stride + dilation * (k - 1) < padded)
        n++;
    return n;
}

static void output_extent_counts_windows(void **state)
{
    (void)state;
    for (int64_t size = 0; size < 9; size++)
        for (int64_t before = 0; before < 3; before++)
            for (int64_t after = 0; after < 3; after++)
                for (int64_t k = 1; k < 5; k++)
                    for (int64_t stride = 1; stride < 5; stride++)
                        for (int64_t dilation = 1; dilation < 4; dilation++) {
                            int64_t out = 77;
                            assert_true(c2_output_extent(size, before, after, k, stride, dilation,
                                                         &out));
                            const int64_t n =
                                count_windows(size + before + after, k, stride, dilation);
                            assert_int_equal(n > 0 ? n : 0, out > 0 ? out : 0);
                        }
}

/* The system this replaces divided toward zero and gave 1. */
static void kernel_that_does_not_fit_gives_no_output(void **state)
{
    (void)state;
    int64_t out = 77;
    assert_true(c2_output_extent(2, 0, 0, 3, 2, 1, &out));
    assert_int_equal(out, 0);
    assert_true(c2_output_extent(2, 0, 0, 5, 2, 1, &out));
    assert_int_equal(out, -1);
}

static void output_extent_overflow(void **state)
{
    (void)state;
    int64_t out = 77;
    assert_false(c2_output_extent(INT64_MAX, 1, 0, 1, 1, 1, &out));
    assert_false(c2_output_extent(INT64_MAX - 1, 1, 1, 1, 1, 1, &out));
    assert_false(c2_output_extent(1, 0, 0, INT64_MAX, 1, 3, &out));
    assert_int_equal(out, 77);
    assert_true(c2_output_extent(INT64_MAX, 0, 0, 1, 1, 1, &out));
    assert_true(out == INT64_MAX);
    assert_true(c2_output_extent(5, 0, 0, INT64_MAX, 1, 1, &out));
    assert_true(out < 0);
    assert_true(c2_output_extent(10, 0, 0, 3, INT64_MAX, 1, &out));
    assert_int_equal(out, 1);
}

/* Offsets of all elements, fewer than 257; how many there are. */
static size_t list_offsets(int rank, const int64_t *sizes, const int64_t *strides, int64_t *offsets)
{
    size_t n = 0;
    int64_t at[4] = {0, 0, 0, 0};
    for (int a = 0; a < rank; a++)
        if (sizes[a] == 0)
            return 0;
    for (;;) {
        int64_t offset = 0;
        for (int a = 0; a < rank; a++)
            offset += at[a] * strides[a];
        offsets[n++] = offset;
        int a = rank - 1;
        while (a >= 0 && ++at[a] == sizes[a])
            at[a--] = 0;
        if (a < 0)
            return n;
    }
}

static void extent_and_distinctness_match_enumeration(void **state)
{
    (void)state;
    rng r = {1};
    int said_distinct = 0, were_distinct = 0;
    for (int i = 0; i < 20000; i++) {
        int64_t sizes[4], strides[4], offsets[256], low = 77, high = 77;
        const int rank = (int)rng_range(&r, 1, 4);
        for (int a = 0; a < rank; a++) {
            sizes[a] = rng_range(&r, rng_range(&r, 0, 9) == 0 ? 0 : 1, 4);
            strides[a] = rng_range(&r, -20, 20);
        }
        const size_t n = list_offsets(rank, sizes, strides, offsets);
        int64_t lowest = 0, highest = n ? 0 : -1;
        bool distinct = true;
        for (size_t k = 0; k < n; k++) {
            lowest = c2_min(lowest, offsets[k]);
            highest = c2_max(highest, offsets[k]);
            for (size_t m = 0; m < k; m++)
                distinct = distinct && offsets[k] != offsets[m];
        }
        assert_true(c2_extent(rank, sizes, strides, 4, &low, &high));
        assert_int_equal(low, lowest);
        assert_int_equal(high, highest);
        const bool said = c2_strides_distinct(rank, sizes, strides);
        assert_true(!said || distinct);
        said_distinct += said;
        were_distinct += distinct;
    }
    /* Sufficient, not exact: but not useless either. */
    assert_true(said_distinct > were_distinct / 2);
}

/* Whatever slicing, transposing, flipping of a dense tensor gives has distinct elements. */
static void slices_and_transpositions_are_distinct(void **state)
{
    (void)state;
    rng r = {2};
    for (int i = 0; i < 5000; i++) {
        int64_t whole[4], dense[4], sizes[4], strides[4];
        const int rank = (int)rng_range(&r, 1, 4);
        for (int a = 0; a < rank; a++)
            whole[a] = rng_range(&r, 1, 9);
        c2_contiguous_strides(rank, whole, rng_range(&r, 0, 1) ? CONV2D_NHWC : CONV2D_NCHW, dense);
        const int shift = (int)rng_range(&r, 0, rank - 1);
        for (int a = 0; a < rank; a++) {
            const int from = (a + shift) % rank;
            const int64_t step = rng_range(&r, 1, whole[from]);
            sizes[a] = (whole[from] + step - 1) / step;
            strides[a] = dense[from] * step * (rng_range(&r, 0, 1) ? 1 : -1);
        }
        assert_true(c2_strides_distinct(rank, sizes, strides));
    }
}

static void overlapping_strides_are_found(void **state)
{
    (void)state;
    static const struct {
        int64_t sizes[4], strides[4];
        bool distinct;
    } cases[] = {
        {{2, 3, 4, 5}, {60, 20, 5, 1}, true},
        {{2, 3, 4, 5}, {0, 20, 5, 1}, false},   /* expanded */
        {{1, 3, 4, 5}, {0, 20, 5, 1}, true},    /* expanded, but only one */
        {{2, 3, 4, 5}, {60, 20, 4, 1}, false},  /* rows overlap by one */
        {{2, 3, 4, 5}, {60, 20, -5, -1}, true}, /* flipped */
        {{0, 3, 4, 5}, {0, 0, 0, 0}, true},     /* nothing there */
        {{2, 2, 1, 1}, {INT64_MIN, INT64_MAX, 0, 0}, true},
        {{3, 3, 1, 1}, {INT64_MIN, INT64_MAX, 0, 0}, false},
        {{INT64_MAX, INT64_MAX, 1, 1}, {INT64_MAX, 1, 1, 1}, true},
        {{INT64_MAX, INT64_MAX, 1, 1}, {INT64_MAX - 2, 1, 1, 1}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(c2_strides_distinct(4, cases[i].sizes, cases[i].strides),
                         cases[i].distinct);
}

static void extent_overflow(void **state)
{
    (void)state;
    static const struct {
        int64_t sizes[4], strides[4], bytes;
        bool fits;
    } cases[] = {
        {{1, 1, 1, 1}, {INT64_MAX, INT64_MIN, INT64_MAX, INT64_MIN}, 8, true},
        {{2, 1, 1, 1}, {INT64_MAX, 0, 0, 0}, 1, false}, /* high + 1 */
        {{2, 1, 1, 1}, {INT64_MAX - 1, 0, 0, 0}, 1, true},
        {{2, 1, 1, 1}, {INT64_MAX / 4, 0, 0, 0}, 4, false},
        {{2, 1, 1, 1}, {INT64_MAX / 4 - 1, 0, 0, 0}, 4, true},
        {{2, 1, 1, 1}, {INT64_MIN, 0, 0, 0}, 1, false},
        {{2, 1, 1, 1}, {INT64_MIN / 4, 0, 0, 0}, 4, false},
        {{2, 2, 1, 1}, {INT64_MAX / 2, -INT64_MAX / 2, 0, 0}, 1, true},
        {{2, 2, 1, 1}, {INT64_MAX / 2, -INT64_MAX / 2 - 1, 0, 0}, 1, false},
        {{3, 1, 1, 1}, {INT64_MAX / 2 + 1, 0, 0, 0}, 1, false},
        {{2, 2, 1, 1}, {INT64_MAX / 2 + 1, INT64_MAX / 2 + 1, 0, 0}, 1, false},
        {{INT64_C(1) << 32, INT64_C(1) << 32, 1, 1}, {0, 0, 0, 0}, 4, false}, /* element count */
        {{INT64_C(1) << 32, INT64_C(1) << 32, 0, 1}, {0, 0, 0, 0}, 4, true},  /* empty */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t low = 77, high = 77;
        assert_int_equal(
            c2_extent(4, cases[i].sizes, cases[i].strides, cases[i].bytes, &low, &high),
            cases[i].fits);
        if (!cases[i].fits)
            assert_true(low == 77 && high == 77);
    }
}

static void contiguous_strides_and_names(void **state)
{
    (void)state;
    static const struct {
        int rank;
        int64_t sizes[4];
        conv2d_order order;
        int64_t strides[4];
        const char *name;
    } cases[] = {
        {4, {2, 3, 4, 5}, CONV2D_NCHW, {60, 20, 5, 1}, "nchw"},
        {4, {2, 3, 4, 5}, CONV2D_NHWC, {60, 1, 15, 3}, "nhwc"},
        {3, {3, 4, 5}, CONV2D_NCHW, {20, 5, 1}, "nchw"},
        {3, {3, 4, 5}, CONV2D_NHWC, {1, 15, 3}, "nhwc"},
        {1, {7}, CONV2D_NHWC, {1}, "nchw"},
        {4, {2, 1, 4, 5}, CONV2D_NHWC, {20, 1, 5, 1}, "nchw"}, /* one channel: both */
        {4, {2, 3, 1, 1}, CONV2D_NHWC, {3, 1, 3, 3}, "nchw"},  /* one pixel: both */
        {4, {0, 3, 4, 5}, CONV2D_NHWC, {60, 1, 15, 3}, "nhwc"},
        {4, {2, 0, 4, 5}, CONV2D_NCHW, {20, 20, 5, 1}, "nchw"}, /* empty counts as 1 */
        {4,
         {INT64_MAX, 2, INT64_MAX, 2},
         CONV2D_NCHW,
         {INT64_MAX, INT64_MAX, 2, 1},
         "nchw"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t strides[4];
        const size_t bytes = (size_t)cases[i].rank * sizeof strides[0];
        c2_contiguous_strides(cases[i].rank, cases[i].sizes, cases[i].order, strides);
        assert_memory_equal(strides, cases[i].strides, bytes);
        assert_string_equal(c2_layout_name(cases[i].rank, cases[i].sizes, strides), cases[i].name);
        strides[0] -= cases[i].sizes[0] != 1;
        assert_string_equal(c2_layout_name(cases[i].rank, cases[i].sizes, strides), "strided");
    }
    static const int64_t sizes[4] = {1, 3, 4, 5}, odd[4] = {-9, 20, 5, 1};
    assert_string_equal(c2_layout_name(4, sizes, odd), "nchw"); /* a batch of 1 has no stride */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_extent_counts_windows),
        cmocka_unit_test(kernel_that_does_not_fit_gives_no_output),
        cmocka_unit_test(output_extent_overflow),
        cmocka_unit_test(extent_and_distinctness_match_enumeration),
        cmocka_unit_test(slices_and_transpositions_are_distinct),
        cmocka_unit_test(overlapping_strides_are_found),
        cmocka_unit_test(extent_overflow),
        cmocka_unit_test(contiguous_strides_and_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
