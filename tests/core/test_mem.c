/* SPDX-License-Identifier: BSD-2-Clause
 * Allocator and checked arithmetic. posix_memalign is wrapped: the default allocator must come to
 * it, and survive its refusal. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/cmocka_all.h"
#include "core/mem.h"

static int memalign_calls;
static bool memalign_fails;

int __real_posix_memalign(void **out, size_t alignment, size_t bytes);
int __wrap_posix_memalign(void **out, size_t alignment, size_t bytes);
int __wrap_posix_memalign(void **out, size_t alignment, size_t bytes)
{
    memalign_calls++;
    return memalign_fails ? 12 : __real_posix_memalign(out, alignment, bytes);
}

static void default_allocator_aligns(void **state)
{
    (void)state;
    const conv2d_allocator a = c2_allocator_or_default(NULL);
    static const size_t sizes[] = {0, 1, 63, 64, 65, 4096, 1000003};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const size_t writable = sizes[i] ? sizes[i] : C2_ALIGN;
        unsigned char *p = c2_alloc(&a, sizes[i]);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % C2_ALIGN, 0);
        memset(p, 0xff, writable);
        c2_free(&a, p, sizes[i]);
        p = c2_alloc_zero(&a, sizes[i]);
        assert_non_null(p);
        for (size_t k = 0; k < writable; k++)
            assert_int_equal(p[k], 0);
        c2_free(&a, p, sizes[i]);
    }
    c2_free(&a, NULL, 0);
}

static void refusal_gives_null(void **state)
{
    (void)state;
    const conv2d_allocator a = c2_allocator_or_default(NULL);
    memalign_calls = 0;
    memalign_fails = true;
    assert_null(c2_alloc(&a, 100));
    assert_null(c2_alloc_zero(&a, 100));
    memalign_fails = false;
    assert_int_equal(memalign_calls, 2);
}

static void absurd_sizes_are_refused_without_asking(void **state)
{
    (void)state;
    const conv2d_allocator a = c2_allocator_or_default(NULL);
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 63, (size_t)PTRDIFF_MAX};
    memalign_calls = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        assert_null(c2_alloc(&a, sizes[i]));
    assert_int_equal(memalign_calls, 0);
}

/* An allocator that checks that sizes come back as they went. */
typedef struct ledger {
    size_t bytes;
    int live;
} ledger;

static void *ledger_allocate(void *user, size_t bytes, size_t alignment)
{
    ledger *l = user;
    assert_int_equal(alignment, C2_ALIGN);
    assert_true(bytes > 0);
    void *p = NULL;
    if (__real_posix_memalign(&p, alignment, bytes))
        return NULL;
    l->bytes += bytes;
    l->live++;
    return p;
}

static void ledger_release(void *user, void *pointer, size_t bytes)
{
    ledger *l = user;
    assert_non_null(pointer);
    l->bytes -= bytes;
    l->live--;
    free(pointer);
}

static void own_allocator_gets_sizes_back(void **state)
{
    (void)state;
    ledger l = {0, 0};
    const conv2d_allocator own = {sizeof own, &l, ledger_allocate, ledger_release};
    const conv2d_allocator a = c2_allocator_or_default(&own);
    void *p = c2_alloc(&a, 0), *q = c2_alloc_zero(&a, 200);
    assert_int_equal(l.live, 2);
    c2_free(&a, p, 0);
    c2_free(&a, q, 200);
    c2_free(&a, NULL, 7);
    assert_int_equal(l.live, 0);
    assert_int_equal(l.bytes, 0);
}

static void arithmetic_says_when_it_overflows(void **state)
{
    (void)state;
    static const int64_t values[] = {INT64_MIN,  INT64_MIN + 1, -4294967296, -3037000500, -2, -1, 0,
                                     1,          2,             3037000499,  3037000500,
                                     4294967296, INT64_MAX - 1, INT64_MAX};
    const size_t n = sizeof values / sizeof values[0];
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            const int64_t a = values[i], b = values[k];
            const __int128 product = (__int128)a * b, sum = (__int128)a + b;
            int64_t out = 77;
            const bool product_fits = product >= INT64_MIN && product <= INT64_MAX;
            assert_int_equal(c2_mul_ok(a, b, &out), product_fits);
            assert_true(out == (product_fits ? (int64_t)product : 77));
            const bool sum_fits = sum >= INT64_MIN && sum <= INT64_MAX;
            out = 77;
            assert_int_equal(c2_add_ok(a, b, &out), sum_fits);
            assert_true(out == (sum_fits ? (int64_t)sum : 77));
        }
    }
    size_t size = 77;
    assert_false(c2_size_mul_ok(SIZE_MAX / 2 + 1, 2, &size));
    assert_int_equal(size, 77);
    assert_true(c2_size_mul_ok(SIZE_MAX / 2, 2, &size));
    assert_true(size == SIZE_MAX - 1);
    assert_int_equal(c2_round_up(0, 64), 0);
    assert_int_equal(c2_round_up(1, 64), 64);
    assert_int_equal(c2_round_up(64, 64), 64);
    assert_int_equal(c2_div_up(7, 3), 3);
    assert_int_equal(c2_div_up(6, 3), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_allocator_aligns),
        cmocka_unit_test(refusal_gives_null),
        cmocka_unit_test(absurd_sizes_are_refused_without_asking),
        cmocka_unit_test(own_allocator_gets_sizes_back),
        cmocka_unit_test(arithmetic_says_when_it_overflows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
